"""Which backend is bound, what is said about it, and what happens when native code is missing or broken."""

from __future__ import annotations

import inspect
import json
import pathlib
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from sky.utils import rust_fallback, rust_twins

if TYPE_CHECKING:
    Run = Callable[..., Any]
INFO = "import json; from sky.utils import rust_fallback as f; print(json.dumps(f.get_backend_info()))"
NAMES = [*rust_fallback.FUNCTIONS, "get_max_workers"]


def test_there_are_twelve() -> None:
    assert len(set(rust_fallback.FUNCTIONS)) == 12
    assert set(NAMES) <= set(rust_fallback.__all__)
    assert set(rust_fallback.__all__) == set(rust_twins.__all__) | {
        *("FUNCTIONS", "get_backend_info", "is_rust_available", "stats")
    }


@pytest.mark.parametrize("name", NAMES)
def test_signatures_are_skypilots(functions: ModuleType, name: str) -> None:
    expected = {
        "read_last_n_lines": "(file_path, n, chunk_size=8192, encoding='utf-8', errors='replace')",
        "hash_file": "(path, hash_alg)",
        "find_free_port": "(start_port)",
        "base36_encode": "(hex_str)",
        "format_float": "(num, precision=1)",
        "truncate_long_string": "(s, max_length=35, truncate_middle=False)",
        "get_cpu_count": "()",
        "get_mem_size_gb": "()",
        "get_parallel_threads": "(cloud_str=None)",
        "is_process_alive": "(pid)",
        "get_max_workers_for_file_mounts": "(common_file_mounts, cloud_str=None)",
        "get_max_workers": "(common_file_mounts, cloud_str=None)",
        "estimate_fd_for_directory": "(path)",
    }
    signature = inspect.signature(getattr(functions, name))
    bare = [parameter.replace(annotation=inspect.Parameter.empty) for parameter in signature.parameters.values()]
    assert str(inspect.Signature(bare)) == expected[name]


@pytest.mark.parametrize("value", ["0", "false", "no", "off", "OFF"])
def test_the_flag_switches_rust_off(run_python: Run, value: str) -> None:
    info = json.loads(run_python("-W", "error", "-c", INFO, SKYPILOT_USE_RUST=value).stdout)
    assert (info["backend"], info["rust_wanted"], info["rule"]) == ("python", False, "environment")
    assert value in info["reason"]


@pytest.mark.native
@pytest.mark.parametrize("value", ["1", "true", "yes", "on", "On", "auto", None])
def test_the_flag_switches_rust_on(run_python: Run, value: str | None) -> None:
    environment = {} if value is None else {"SKYPILOT_USE_RUST": value}
    done = run_python("-W", "error", "-c", INFO, **environment)
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert (info["backend"], info["rust_available"], info["error"]) == ("rust", True, None)
    assert info["native_path"].endswith((".so", ".pyd"))


def test_an_unknown_flag_is_a_warning(run_python: Run) -> None:
    done = run_python("-c", INFO, SKYPILOT_USE_RUST="perhaps")
    assert done.returncode == 0
    assert "SKYPILOT_USE_RUST" in done.stderr
    assert "perhaps" in done.stderr


@pytest.mark.native
def test_with_rust_the_public_name_is_the_native_function(run_python: Run) -> None:
    program = (
        "import sky_rs; from sky.utils import rust_fallback as f\n"
        "assert all(getattr(f, name) is getattr(sky_rs, name) for name in (*f.FUNCTIONS, 'get_max_workers'))"
    )
    done = run_python("-c", program, SKYPILOT_USE_RUST="1")
    assert done.returncode == 0, done.stderr


def test_with_python_the_public_name_is_the_twin(run_python: Run) -> None:
    program = (
        "import sys; from sky.utils import rust_fallback as f, rust_twins as t\n"
        "assert 'sky_rs' not in sys.modules\n"
        "assert all(getattr(f, name) is getattr(t, name) for name in (*f.FUNCTIONS, 'get_max_workers'))"
    )
    done = run_python("-c", program, SKYPILOT_USE_RUST="0")
    assert done.returncode == 0, done.stderr


def test_import_brings_nothing_heavy(run_python: Run, backend: str, functions: ModuleType) -> None:
    heavy = {"logging", "typing", "socket", "hashlib", "subprocess", "psutil", "importlib.metadata", "argparse", "json"}
    program = (
        "import sys; before = set(sys.modules)\n"
        "import sky.utils.rust_fallback\n"
        "print(*(name for name in set(sys.modules) - before))"
    )
    done = run_python(
        "-I", "-c", f"import sys; sys.path.insert(0, {str(ROOT)!r})\n{program}", SKYPILOT_USE_RUST=FLAG[backend]
    )
    assert done.returncode == 0, done.stderr
    assert not heavy & set(done.stdout.split())


ROOT = pathlib.Path(rust_fallback.__file__).resolve().parents[2]
FLAG = {"python": "0", "rust": "1"}

ABSENT = "raise ModuleNotFoundError(\"No module named 'sky_rs'\", name='sky_rs')"
BROKEN = {
    "it does not load": "raise ImportError('undefined symbol: PyOne')",
    "it lacks a dependency": "import a_module_that_is_nowhere",
    "it panics": "class PanicException(BaseException): pass\nraise PanicException('at start')",
    "it is another version": "from fake import *\n__version__ = '99.0'",
    "it lacks a name": "from fake import *\ndel hash_file",
}


def fake_installation(folder: pathlib.Path, content: str) -> pathlib.Path:
    """Copy the Python files into a folder as pip would, with a native module of this content."""
    utils = folder / "sky" / "utils"
    utils.mkdir(parents=True)
    for source in (ROOT / "sky" / "utils").glob("rust_*"):
        (utils / source.name).write_bytes(source.read_bytes())
    names = "\n".join(f"{name} = len" for name in NAMES)
    (folder / "fake.py").write_text(f"{names}\n__all__ = dir()\n")
    (folder / "sky_rs.py").write_text(f"_stats = dict\n__version__ = '1.0'\n{content}\n")
    (folder / "sky_rs-1.0.dist-info").mkdir()
    return folder


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_native_module_is_heard_and_python_answers(
    run_python: Run, tmp_path: pathlib.Path, content: str
) -> None:
    folder = fake_installation(tmp_path, content)
    program = f"{INFO}\nprint(f.format_float(2.0)); import sky.utils.rust_fallback"
    done = run_python("-c", program, path=folder, SKYPILOT_USE_RUST="1")
    assert done.returncode == 0, done.stderr
    info, answer = done.stdout.splitlines()
    assert answer == "2"
    assert json.loads(info)["backend"] == "python"
    assert json.loads(info)["rust_available"] is False
    assert json.loads(info)["error"]
    assert done.stderr.count("RuntimeWarning: sky_rs is installed but broken") == 1


def test_a_sound_native_module_is_used(run_python: Run, tmp_path: pathlib.Path) -> None:
    folder = fake_installation(tmp_path, "from fake import *")
    done = run_python("-W", "error", "-c", INFO, path=folder, SKYPILOT_USE_RUST="1")
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert (info["backend"], info["version"], info["native_version"]) == ("rust", "1.0", "1.0")


@pytest.mark.parametrize("kind", ["absent", "a folder of that name"])
def test_an_absent_native_module_is_normal(run_python: Run, tmp_path: pathlib.Path, kind: str) -> None:
    folder = fake_installation(tmp_path, ABSENT)
    if kind != "absent":
        (folder / "sky_rs.py").unlink()
        (folder / "sky_rs").mkdir()
        done = run_python("-S", "-W", "error", "-c", INFO, path=folder, SKYPILOT_USE_RUST="1")
    else:
        done = run_python("-W", "error", "-c", INFO, path=folder, SKYPILOT_USE_RUST="1")
    assert done.returncode == 0, done.stderr
    info = json.loads(done.stdout)
    assert (info["backend"], info["rust_available"], info["error"]) == ("python", False, None)
    assert "there is no native module" in info["reason"]


def test_a_broken_native_module_is_not_touched_when_off(run_python: Run, tmp_path: pathlib.Path) -> None:
    folder = fake_installation(tmp_path, "raise ImportError('broken')")
    program = "from sky.utils import rust_fallback as f; print(f.format_float(2.0), f.is_rust_available())"
    done = run_python("-W", "error", "-c", program, path=folder, SKYPILOT_USE_RUST="0")
    assert (done.returncode, done.stdout) == (0, "2 False\n"), done.stderr


@pytest.mark.native
def test_rust_is_available_also_when_it_is_off(run_python: Run) -> None:
    program = "from sky.utils import rust_fallback as f; print(f.is_rust_available(), f.get_backend_info()['backend'])"
    assert run_python("-c", program, SKYPILOT_USE_RUST="0").stdout == "True python\n"


def test_stats_of_the_python_backend_are_zero(run_python: Run) -> None:
    program = "import json; from sky.utils import rust_fallback as f; f.format_float(2.5); print(json.dumps(f.stats()))"
    stats = json.loads(run_python("-c", program, SKYPILOT_USE_RUST="0").stdout)
    assert list(stats) == list(rust_fallback.FUNCTIONS)
    assert all(set(counts.values()) == {0} for counts in stats.values())


@pytest.mark.native
def test_stats_count_calls_and_fallbacks(run_python: Run) -> None:
    program = (
        "import json; from sky.utils import rust_fallback as f\n"
        "f.base36_encode('ff'); f.base36_encode('fe'); f.base36_encode(b'0x_1f')\n"
        "print(json.dumps(f.stats()['base36_encode']))"
    )
    stats = json.loads(run_python("-c", program, SKYPILOT_USE_RUST="1").stdout)
    assert stats == {"native_calls": 2, "fallbacks": 1, "internal_errors": 0}


PANIC = """
import json, logging, sys
logging.basicConfig(stream=sys.stdout, format="%(name)s %(levelname)s %(message)s")
import sky_rs
from sky.utils import rust_fallback as f
print([sky_rs._probe("ff") for _ in range(3)])
try:
    sky_rs._probe("xyz")
except ValueError as error:
    print(error)
print(json.dumps({name: counts for name, counts in sky_rs._stats().items() if counts[2]}))
"""


@pytest.mark.native
def test_a_panic_is_answered_by_the_twin_counted_and_logged_once(run_python: Run) -> None:
    done = run_python("-c", PANIC, SKYPILOT_USE_RUST="1")
    assert done.returncode == 0, done.stderr
    logged, answers, error, counts = done.stdout.splitlines()
    assert logged.startswith("sky.utils.rust_fallback WARNING Internal error in sky_rs.")
    assert answers == "['73', '73', '73']"
    assert error == "invalid literal for int() with base 16: 'xyz'"
    assert [entry[2] for entry in json.loads(counts).values()] == [4]


WITHOUT_DESCRIPTORS = """
import os, resource, sys
from sky.utils import rust_fallback as f
resource.setrlimit(resource.RLIMIT_NOFILE, (64, 64))
try:
    while True:
        os.dup(2)
except OSError:
    pass
for call in (lambda: f.read_last_n_lines(sys.executable, 1), lambda: f.base36_encode("xyz")):
    try:
        call()
    except (RuntimeError, ValueError) as error:
        os.write(1, str(error).encode() + b"\\n")
"""


def test_errors_are_right_when_no_descriptor_is_left(run_python: Run, backend: str, functions: ModuleType) -> None:
    """The twin that native code asks must not have to be read from disk then."""
    done = run_python("-c", WITHOUT_DESCRIPTORS, SKYPILOT_USE_RUST=FLAG[backend])
    first, second = done.stdout.splitlines()
    assert (
        first
        == f"Failed to read last 1 lines from {sys.executable}: [Errno 24] Too many open files: {sys.executable!r}"
    )
    assert second == "invalid literal for int() with base 16: 'xyz'"


def test_it_is_the_same_under_optimisation(run_python: Run, backend: str, functions: ModuleType) -> None:
    program = "from sky.utils.rust_fallback import read_last_n_lines\nread_last_n_lines('/nowhere', 1)"
    done = run_python("-O", "-c", program, SKYPILOT_USE_RUST=FLAG[backend])
    assert "AssertionError: File not found: /nowhere" in done.stderr


@pytest.mark.parametrize("content", [*BROKEN.values(), ABSENT])
def test_what_is_wrong_is_named(content: str, tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The same in this process: what the loader itself says."""
    folder = fake_installation(tmp_path, content)
    monkeypatch.syspath_prepend(str(folder))
    monkeypatch.setattr(rust_fallback, "__file__", str(folder / "sky" / "utils" / "rust_fallback.py"))
    for name in ("sky_rs", "sky_rs.sky_rs", "fake"):
        monkeypatch.delitem(sys.modules, name, raising=False)
    native, problem = rust_fallback._load_native()
    assert native is None
    assert (problem is None) == (content == ABSENT)
    wanted = rust_fallback.rust_rollout.Decision(True, "environment", "wanted by this test")
    monkeypatch.setattr(rust_fallback.rust_rollout, "decide", lambda: wanted)
    before = {name: getattr(rust_fallback, name) for name in NAMES}
    try:
        if problem is None:
            assert rust_fallback._bind()[1:] == (None, None)
        else:
            with pytest.warns(RuntimeWarning, match="installed but broken"):
                assert rust_fallback._bind()[1:] == (None, problem)
        assert rust_fallback.hash_file is rust_twins.hash_file
    finally:
        vars(rust_fallback).update(before)
    for name in ("sky_rs", "fake"):
        monkeypatch.delitem(sys.modules, name, raising=False)


def test_versions_without_an_installation(tmp_path: pathlib.Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = fake_installation(tmp_path / "installed", ABSENT)
    monkeypatch.setattr(rust_fallback, "__file__", str(folder / "sky" / "utils" / "rust_fallback.py"))
    assert rust_fallback._installed_version("1.0") == "1.0"
    assert rust_fallback._installed_version("2.0") == "1.0"
    assert rust_fallback._installed_version(None) == "1.0"
    monkeypatch.setattr(rust_fallback, "__file__", str(tmp_path / "archive.zip" / "sky" / "utils" / "rust_fallback.py"))
    assert rust_fallback._installed_version(None) is None
