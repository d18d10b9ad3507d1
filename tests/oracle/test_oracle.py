"""The differential run finds what differs: a run against changed functions must fail."""

from __future__ import annotations

import pathlib
import subprocess
import sys
from collections.abc import Iterable

ROOT = pathlib.Path(__file__).resolve().parents[2]

CHANGES = {
    "format_float": "def format_float(num, precision=1): return t.format_float(num, precision).replace('-0', '0')",
    "truncate_long_string": "def truncate_long_string(s, *a, **k): return t.truncate_long_string(str(s), *a, **k)",
    "read_last_n_lines": (
        "def read_last_n_lines(*a, **k):\n"
        "    try: return t.read_last_n_lines(*a, **k)\n"
        "    except RuntimeError as e: raise RuntimeError(str(e)) from None"
    ),
    "get_max_workers_for_file_mounts": (
        "def get_max_workers_for_file_mounts(*a, **k):\n"
        "    import logging; logging.disable(logging.DEBUG)\n"
        "    try: return t.get_max_workers_for_file_mounts(*a, **k)\n"
        "    finally: logging.disable(logging.NOTSET)"
    ),
    "base36_encode": "def base36_encode(hex_str): return t.base36_encode(hex_str.strip('-') if isinstance(hex_str, str) else hex_str)",
}


def run(candidate: str, functions: Iterable[str], folder: pathlib.Path, *more: str) -> subprocess.CompletedProcess[str]:
    """Compare the Python twins, in SkyPilot's place, with a module of ours."""
    (folder / "candidate.py").write_text(
        f"from sky.utils import rust_twins as t\nfrom sky.utils.rust_twins import *\n{candidate}\n"
    )
    command = [sys.executable, "-m", "tests.oracle", "--seed", "1", "--cases", "1"]
    for function in functions:
        command += ["--function", function]
    command += ["--reference-python", sys.executable, "--reference-modules", "sky.utils.rust_twins"]
    command += ["--reference-path", str(ROOT), "--candidate-path", str(ROOT)]
    command += ["--candidate-modules", "candidate", "--candidate-path", str(folder), *more]
    return subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=300)


def test_every_change_is_found(tmp_path: pathlib.Path) -> None:
    done = run("\n".join(CHANGES.values()), [*CHANGES, "get_parallel_threads"], tmp_path)
    assert done.returncode == 1, done.stdout + done.stderr
    table = {words[0]: words[1:] for words in map(str.split, done.stdout.splitlines()) if len(words) == 4}
    assert {name for name, (_, _, mismatches) in table.items() if mismatches != "0"} == set(CHANGES)
    assert "seed 1 (repeat with --seed 1)" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("MISMATCHES")


def test_the_same_functions_are_alike(tmp_path: pathlib.Path) -> None:
    done = run("", ["format_float"], tmp_path)
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.splitlines()[-1].startswith("all alike")


def test_skypilot_itself_need_not_keep_our_promises(tmp_path: pathlib.Path) -> None:
    forgetful = (
        "def base36_encode(*a, **k):\n"
        "    try: return t.base36_encode(*a, **k)\n"
        "    except ValueError as e:\n"
        "        if 'negative' in str(e): return ''\n"
        "        raise"
    )
    assert run(forgetful, ["base36_encode"], tmp_path).returncode == 1
    assert run(forgetful, ["base36_encode"], tmp_path, "--original").returncode == 0
    assert run(CHANGES["format_float"], ["format_float"], tmp_path, "--original").returncode == 1


def test_a_crash_is_no_pass(tmp_path: pathlib.Path) -> None:
    done = run("import os\ndef format_float(*a, **k): os.abort()", ["format_float"], tmp_path)
    assert done.returncode == 1
    assert "stopped after case" in done.stderr


def test_wrong_usage() -> None:
    command = [sys.executable, "-m", "tests.oracle", "--cases", "0"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, check=False).returncode == 2
