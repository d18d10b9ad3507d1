"""The smaller measuring programs: what they print, and what they say when something is missing or wrong."""

from __future__ import annotations

import dataclasses
import importlib.util
import json
import os
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import abi_floor, decision_cost, environment, reference_steps, worker
from tools.dropin import DropIn, load


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


unix = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")


def test_the_cost_of_a_decision_has_a_row_for_each_case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_cost, "LIMIT", 1e9)  # this is no place to judge speed
    output = tmp_path / "new/cost.json"
    done = CliRunner().invoke(decision_cost.main, ["--quick", "--output", str(output)])
    assert done.exit_code == 0, done.output
    document = json.loads(output.read_text())
    assert [row["case"] for row in document["rows"]][-1] == "SKYPILOT_USE_RUST=0"
    assert all(0 < row["warm_decision_us"] <= row["first_decision_us"] for row in document["rows"])
    assert all(row["case"] in done.output for row in document["rows"])
    assert "yes" in done.output


def test_a_decision_that_costs_too_much_is_an_exit_code(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(decision_cost, "LIMIT", 1e-9)
    monkeypatch.setattr(decision_cost, "_measure", lambda python, flags: [3.0, 2.0, 1.0])
    done = CliRunner().invoke(decision_cost.main, ["--quick", "--format", "json"])
    assert done.exit_code == 1
    assert json.loads(done.output)["within"] is False


def test_five_descriptors_an_entry(tmp_path: Path) -> None:
    for name in "abc":
        (tmp_path / name).touch()
    assert reference_steps.estimate_fd_for_directory(str(tmp_path)) == 15


@pytest.mark.native
@unix
def test_both_forms_are_built_and_their_calls_compared(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    found = importlib.util.find_spec("sky_rs.sky_rs")
    assert found is not None
    message = {"reason": "compiler-artifact", "target": {"name": "sky_rs"}, "filenames": ["x.rlib", found.origin]}
    other = {"reason": "compiler-artifact", "target": {"name": "pyo3"}, "filenames": ["libpyo3.so"]}
    lines = "\n".join(json.dumps(entry) for entry in (other, message, {"reason": "build-finished"}))
    (tmp_path / "messages").write_text(lines)
    program(tmp_path / "bin", "cargo", f"echo $* >> {tmp_path / 'ran'}; cat {tmp_path / 'messages'}")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.setattr(abi_floor, "BUILD", tmp_path / "build")
    assert abi_floor.main(["--rounds", "1"]) == 0
    head, *rows = capsys.readouterr().out.splitlines()
    assert head.split()[-3:] == ["abi3-py39", "abi3-py310", "ratio"]
    assert len(rows) == len(abi_floor.CALLS)
    assert all(float(row.split()[-1]) > 0 for row in rows)
    assert [line.split()[4] for line in (tmp_path / "ran").read_text().splitlines()] == list(abi_floor.FEATURES)
    assert sorted(path.name for path in (tmp_path / "build").iterdir()) == sorted(abi_floor.FEATURES)


@unix
def test_a_build_that_fails_or_cannot_begin_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path / "bin"))
    assert abi_floor.main([]) == 1
    assert "install Rust from https://rustup.rs" in capsys.readouterr().err
    program(tmp_path / "bin", "cargo", "exit 101")
    assert abi_floor.main([]) == 1
    assert "cargo build --release failed with exit code 101" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        abi_floor.main(["--rounds", "0"])
    with pytest.raises(FileNotFoundError, match="no shared library"):
        abi_floor.module_file('{"reason": "build-finished"}')


def drop_in(python: str) -> DropIn:
    return dataclasses.replace(load(Path(__file__).parents[2] / "pyproject.toml"), python=python)


@unix
def test_the_environment_of_the_original_is_made_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # As uv does, the stand-in makes the folder of `venv`, which is its last argument.
    program(tmp_path / "bin", "uv", f'echo "$*" >> {tmp_path / "ran"}; for last; do :; done; mkdir -p "$last"')
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/bin:/bin")
    monkeypatch.chdir(tmp_path)
    settings = drop_in(f"{sys.version_info[0]}.{sys.version_info[1]}")
    python = environment.reference_python(settings, tmp_path / "cache")
    assert environment.reference_python(settings, tmp_path / "cache") == python
    made, installed = (tmp_path / "ran").read_text().splitlines()
    assert made == f"venv --quiet --clear --seed --python {sys.executable} {python.parents[1]}"
    assert installed.endswith(f"--python {python} {settings.reference} {' '.join(settings.requirements)}")


@unix
def test_without_uv_pip_installs_and_its_words_are_shown(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/usr/bin:/bin")
    monkeypatch.setattr("shutil.which", lambda name: None)
    program(tmp_path, "base", "mkdir -p made")
    program(tmp_path, "python", "echo no network >&2; exit 1")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(RuntimeError, match=r"(?s)pip install .* failed:\nno network"):
        environment.install(str(tmp_path / "base"), tmp_path / "env", tmp_path / "python", ["x"])
    assert (tmp_path / "made").is_dir()
    with pytest.raises(RuntimeError, match=r"no python3\.99 on the path"):
        environment.reference_python(drop_in("3.99"), tmp_path)


def test_a_worker_counts_the_calls_of_its_threads_and_leaves_the_environment_as_it_was(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.delenv("A_NAME", raising=False)
    made = worker.Worker()
    monkeypatch.setattr(worker, "_limit_open_files", lambda count: None)  # of this very process
    answer = made.hello(["json"], [], 64)
    assert answer["python"] == sys.version
    assert set(answer["imports"]) == {"json"}
    made.prepare("get", "os:getenv", ["A_NAME"], {}, {"A_NAME": "v"})
    assert made.answer("get")["result"] == "'v'"
    assert made.calibrate("get", 0.001)["loops"] >= 1
    assert made.time("get", 10)["seconds"] > 0
    assert made.threads("get", 2, 0.01)["per_second"] > 0
    made.prepare("word", "builtins:sorted", [[2, 1, 3]], {"reverse": True}, {})
    assert made.answer("word")["result"] == "[3, 2, 1]"
    made.prepare("hash", "hashlib:md5", [], {}, {})
    assert made.answer("hash")["result"] == "d41d8cd98f00b204e9800998ecf8427e"
    assert "A_NAME" not in os.environ
