"""Units of evidence, counted by real processes that finish, fail, fall back, are killed or are forked."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from pathlib import Path
from typing import Any

import prometheus_client
import pytest

from release.rollout.evidence import from_files
from release.rollout.flag_file import FlagFile
from sky.utils import rust_evidence

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="NOT RUN on Windows: the test kills and forks processes as POSIX does"
)
ROOT = Path(rust_evidence.__file__).parents[2]
RUN = "from sky.utils import rust_evidence as e; assert e.start(); "


@pytest.fixture
def place(tmp_path: Path) -> dict[str, str]:
    flag = FlagFile("demo-1.0", "sky-rs", "sky-rs.use-rust", 10_000, 4, "promote").render()
    (tmp_path / "flags.json").write_bytes(flag)
    return {
        **{name: value for name, value in os.environ.items() if not name.startswith("SKYPILOT")},
        "PYTHONPATH": str(ROOT),
        "SKYPILOT_RUST_ROLLOUT": str(tmp_path / "flags.json"),
        "SKYPILOT_RUST_EVIDENCE": str(tmp_path / "evidence"),
        "SKYPILOT_USER_ID": "cafe0001",
    }


def unit(place: dict[str, str], code: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-c", code], env=place, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, cwd=ROOT
    )


def run(place: dict[str, str], code: str) -> int:
    process = unit(place, code)
    process.communicate(timeout=60)
    return process.returncode


def counts(place: dict[str, str], cohort: str = "rust") -> dict[str, int]:
    rows = rust_evidence.read(place["SKYPILOT_RUST_EVIDENCE"])["rows"]
    found: list[Any] = [row for row in rows if row["cohort"] == cohort]
    return {name: found[0][name] for name in rust_evidence.OUTCOMES} if found else {}


def test_a_unit_that_finishes(place: dict[str, str]) -> None:
    assert run(place, RUN) == 0
    assert counts(place) == {"started": 1, "finished": 1, "crashed": 0, "error": 0, "fallback": 0}


def test_an_unhandled_exception_and_a_marked_error_are_errors_and_sys_exit_is_not(place: dict[str, str]) -> None:
    assert run(place, RUN + "raise ValueError") == 1
    assert run(place, RUN + "e.mark_error()") == 0
    assert run(place, RUN + "raise SystemExit(3)") == 3
    assert counts(place) == {"started": 3, "finished": 3, "crashed": 0, "error": 2, "fallback": 0}


def test_abort_and_sigkill_are_crashes_found_by_whoever_comes_next(place: dict[str, str]) -> None:
    assert run(place, RUN + "import os; os.abort()") == -signal.SIGABRT
    assert run(place, RUN + "import os, signal; os.kill(os.getpid(), signal.SIGKILL)") == -signal.SIGKILL
    assert run(place, RUN) == 0
    assert counts(place) == {"started": 3, "finished": 1, "crashed": 2, "error": 0, "fallback": 0}
    left = {path.name for path in Path(place["SKYPILOT_RUST_EVIDENCE"]).iterdir()}
    assert left == {"evidence.json", "evidence.lock"}


def test_a_living_unit_is_neither_finished_nor_crashed(place: dict[str, str]) -> None:
    process = unit(place, RUN + "print('on', flush=True); input()")
    process.stdin = None
    living = subprocess.Popen(
        [sys.executable, "-c", RUN + "print('on', flush=True); input()"],
        env=place, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
    )  # fmt: skip
    assert living.stdout is not None
    living.stdout.readline()
    process.communicate(timeout=60)
    now = counts(place)
    assert now["started"] - now["finished"] - now["crashed"] == 1
    living.communicate("\n", timeout=60)
    now = counts(place)
    assert now["started"] == now["finished"] + now["crashed"] == 2


def test_a_forked_child_is_no_unit_of_its_own_and_does_not_end_its_parents(place: dict[str, str]) -> None:
    code = RUN + "import os; pid = os.fork();\nif not pid: e.finish(); os._exit(0)\nos.waitpid(pid, 0)"
    assert run(place, code) == 0
    assert counts(place) == {"started": 1, "finished": 1, "crashed": 0, "error": 0, "fallback": 0}


def test_many_at_once_lose_nothing(place: dict[str, str]) -> None:
    # Who waits half a second in vain goes on uncounted: on a busy machine, twelve at once may wait longer.
    patient = RUN.replace("assert", "e._PATIENCE = 60; assert")
    processes = [unit(place, patient + "e.mark_error()") for _ in range(12)]
    said = [process.communicate(timeout=120)[1] for process in processes]
    assert [process.returncode for process in processes] == [0] * 12, said
    assert counts(place) == {"started": 12, "finished": 12, "crashed": 0, "error": 12, "fallback": 0}


def test_the_variable_alone_is_enough_and_a_missing_native_module_is_a_fallback(place: dict[str, str]) -> None:
    code = "import sys; sys.modules['sky_rs'] = None; from sky.utils import rust_fallback as f; f.format_float(1.5)"
    ran = subprocess.run([sys.executable, "-c", code], env=place, capture_output=True, text=True, check=True)
    assert ran.stderr == ""
    assert counts(place)["fallback"] == 1


def test_a_backend_chosen_by_hand_is_no_evidence(place: dict[str, str]) -> None:
    assert (
        run({**place, "SKYPILOT_USE_RUST": "0"}, "from sky.utils import rust_evidence as e; assert not e.start()") == 0
    )
    assert not Path(place["SKYPILOT_RUST_EVIDENCE"]).exists()


def test_no_failure_reaches_the_caller(place: dict[str, str], tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    for folder in (tmp_path / "file", tmp_path / "file" / "below", Path("/proc/nowhere"), Path("a\0b")):
        code = (
            f"from sky.utils import rust_evidence as e; assert not e.start({str(folder)!r}); e.mark_error(); e.finish()"
        )
        assert run({**place, "SKYPILOT_RUST_EVIDENCE": ""}, code) == 0


@pytest.mark.parametrize("content", ["", "{", "[]", '{"evidenceSchema":1,"rows":3}', "[" * 9999])
def test_spoilt_totals_begin_again(place: dict[str, str], content: str) -> None:
    folder = Path(place["SKYPILOT_RUST_EVIDENCE"])
    folder.mkdir()
    (folder / "evidence.json").write_text(content)
    assert run(place, RUN) == 0
    assert counts(place)["finished"] == 1


def test_the_file_names_no_host_and_no_user_and_the_gate_reads_it(place: dict[str, str]) -> None:
    import socket

    assert run(place, RUN) == 0
    path = Path(place["SKYPILOT_RUST_EVIDENCE"]) / "evidence.json"
    text = path.read_text()
    assert "cafe0001" not in text
    assert socket.gethostname() not in text
    segment = from_files([path], "demo-1.0", 10_000)
    assert (segment.rust.units, segment.rust.hosts, segment.python.units) == (1, 1, 0)
    assert json.loads(text)["evidenceSchema"] == 1


def test_the_number_of_rows_is_bounded(tmp_path: Path) -> None:
    document: dict[str, Any] = {"rows": []}
    for number in range(100):
        rust_evidence._add(document, {"rollout": f"r{number}", "percent": "1", "cohort": "rust"}, {"started": 1})
    assert len(document["rows"]) == 32
    assert document["rows"][-1]["rollout"] == "r99"


def test_a_collector_shows_the_totals_with_zeros_from_the_start(place: dict[str, str]) -> None:
    run(place, RUN)
    registry = prometheus_client.CollectorRegistry()
    assert rust_evidence.export(place["SKYPILOT_RUST_EVIDENCE"], registry)
    labels = {"rollout": "demo-1.0", "percent": "100", "cohort": "rust"}
    values = {
        outcome: registry.get_sample_value("rollout_units_total", {**labels, "outcome": outcome})
        for outcome in rust_evidence.OUTCOMES
    }
    assert values == {"started": 1, "finished": 1, "crashed": 0, "error": 0, "fallback": 0}


def test_skypilots_multi_process_mode(place: dict[str, str], tmp_path: Path) -> None:
    """As in SkyPilot's API server: worker processes write, another process collects with a fresh registry."""
    from prometheus_client import multiprocess

    folder = tmp_path / "metrics"
    folder.mkdir()
    environ = {**place, "PROMETHEUS_MULTIPROC_DIR": str(folder)}
    environ.pop("SKYPILOT_RUST_EVIDENCE")
    worker = "from sky.utils import rust_evidence as e; assert e.export(); "
    assert run(environ, worker) == 0
    assert run(environ, worker + "raise ValueError") == 1
    assert run(environ, worker + "import os; os.abort()") == -signal.SIGABRT
    assert run(environ, worker) == 0
    code = (
        "import prometheus_client as p; from prometheus_client import multiprocess as m;"
        "r = p.CollectorRegistry(); m.MultiProcessCollector(r); print(p.generate_latest(r).decode())"
    )
    text = subprocess.run([sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True).stdout
    assert multiprocess is not None
    labels = 'cohort="rust",outcome="{}",percent="100",rollout="demo-1.0"'
    for outcome, value in {"started": 4, "finished": 3, "crashed": 1, "error": 1, "fallback": 0}.items():
        assert f"rollout_units_total{{{labels.format(outcome)}}} {value}.0" in text


def test_nothing_is_imported_or_opened_until_asked() -> None:
    code = (
        "import sys; from sky.utils import rust_fallback; "
        "assert not {'sky.utils.rust_evidence', 'prometheus_client', 'socket'} & set(sys.modules)"
    )
    environ = {name: value for name, value in os.environ.items() if not name.startswith("SKYPILOT")}
    subprocess.run([sys.executable, "-S", "-c", code], env={**environ, "PYTHONPATH": str(ROOT)}, check=True)
