"""The coverage report: what it runs, in which order, and what a failure comes to; the compiler is a stand-in."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tools import coverage_report

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")


@pytest.fixture
def tools(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A rustc of LLVM 99 with an empty sysroot, and LLVM's tools beside it on PATH."""
    for name, script in {
        "rustc": f'[ "$1" = --print ] && echo {tmp_path} || printf "rustc 9\\nLLVM version: 99.1.0\\n"',
        "llvm-profdata-99": f'[ "$1" = merge ] && echo "$*" > {tmp_path / "merged"}',
        "llvm-cov-99": f"cat {tmp_path / 'exported'}",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{script}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setattr(coverage_report, "TARGET", tmp_path / "target")
    (tmp_path / "target").mkdir()
    (tmp_path / "target/1.profraw").touch()
    return tmp_path


def test_tools_are_rustcs_own_or_those_of_its_llvm(tools: Path) -> None:
    assert coverage_report.find_tool("llvm-cov") == str(tools / "llvm-cov-99")
    bundled = tools / "lib/rustlib/x86_64-unknown-linux-gnu/bin/llvm-cov"
    bundled.parent.mkdir(parents=True)
    bundled.touch()
    assert coverage_report.find_tool("llvm-cov") == str(bundled)


def test_a_tool_that_is_not_here_is_named_with_the_package_that_has_it(
    tools: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tools / "llvm-profdata-99").unlink()
    assert coverage_report.main(["--only", "rust"]) == 2
    assert "llvm-profdata of LLVM 99 was not found" in capsys.readouterr().err
    (tools / "rustc").write_text("#!/bin/sh\necho rustc 9\n")
    assert coverage_report.main(["--only", "rust"]) == 2
    assert "does not say which LLVM" in capsys.readouterr().err


@pytest.mark.parametrize(("covered", "code"), [(90, 0), (89, 1)])
def test_the_bound_for_rust_is_kept(
    tools: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], covered: int, code: int
) -> None:
    summary = {"lines": {"covered": covered, "count": 100}}
    files = [{"filename": f"{coverage_report.SOURCES}/lib.rs", "summary": summary}]
    (tools / "exported").write_text(json.dumps({"data": [{"files": files}]}))
    monkeypatch.setattr(coverage_report, "measure", lambda arguments: [Path("program"), Path("module.so")])
    assert coverage_report.main(["--only", "rust"]) == code
    assert f"Rust coverage: {covered}.0 % of 100 lines (at least 90 % wanted)" in capsys.readouterr().out
    assert str(tools / "target/1.profraw") in (tools / "merged").read_text()


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run; nothing is."""
    commands: list[list[str]] = []

    def run(command: list[str], environment: object = None, *, capture: bool = False) -> str:
        commands.append([str(word) for word in command])
        return ""

    monkeypatch.setattr(coverage_report, "run", run)
    return commands


def test_python_is_measured_and_then_judged(ran: list[list[str]]) -> None:
    assert coverage_report.main(["--only", "python", "--fail-under", "95"]) == 0
    assert ran[0][2:] == ["coverage", "erase"]
    measured = [command[2:5] for command in ran[1:-1]]
    assert measured == [["coverage", "run", "-m"]] * len(coverage_report.PYTHON_RUNS)
    assert ran[-1][2:] == ["coverage", "report", "--fail-under=95"]


def test_arguments_for_pytest_are_the_whole_choice_of_tests(ran: list[list[str]]) -> None:
    assert coverage_report.main(["--only", "python", "tests/sky", "-x"]) == 0
    assert [command[-3:] for command in ran if "pytest" in command] == [["pytest", "tests/sky", "-x"]]
    assert ran[-1][-1] == "--fail-under=90"


def test_a_test_that_fails_is_the_exit_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(command: list[str], *more: object, **options: object) -> str:
        raise subprocess.CalledProcessError(1, command)

    monkeypatch.setattr(coverage_report, "run", fail)
    assert coverage_report.main(["--only", "python"]) == 1
    assert "-m coverage erase failed with exit code 1" in capsys.readouterr().err


def test_commands_run_in_the_repository_and_fail_loudly() -> None:
    said = coverage_report.run([sys.executable, "-c", "import os; print(os.getcwd())"], capture=True)
    assert said.strip() == str(coverage_report.ROOT)
    with pytest.raises(subprocess.CalledProcessError):
        coverage_report.run([sys.executable, "-c", "raise SystemExit(1)"])


def test_instrumented_programs_and_module_are_run_each_with_the_counters(
    tools: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    stale = tools / "target/1.profraw"
    test = tools / "target/test-program"
    test.write_text("#!/bin/sh\n")
    test.chmod(0o755)
    library = tools / "target/libsky_rs.so"
    library.write_bytes(b"module")
    ours = {"reason": "compiler-artifact", "package_id": "path+file:///x/skypilot-utils#0"}
    target = {"kind": ["cdylib"]}
    asked: list[tuple[list[str], str]] = []

    def run(command: list[str], environment: dict[str, str], *, capture: bool = False) -> str:
        asked.append(([str(word) for word in command], environment["LLVM_PROFILE_FILE"]))
        if command[:2] == ["cargo", "test"]:
            assert not stale.exists()
            return json.dumps({**ours, "target": target, "profile": {"test": True}, "executable": str(test)})
        if command[:2] == ["cargo", "build"]:
            message = {**ours, "target": target, "profile": {"test": False}, "executable": None}
            return json.dumps({**message, "filenames": [str(library)]})
        return ""

    monkeypatch.setattr(coverage_report, "run", run)
    program, module = coverage_report.measure(["tests/sky"])
    assert program == test
    assert module.read_bytes() == b"module"
    assert asked[1][0] == [str(test), "-q"]
    assert asked[-2][0][-1] == str(module)
    assert asked[-1][0][1:] == ["-m", "pytest", "tests/sky"]
    assert {file for _, file in asked} == {str(tools / "target/%p-%m.profraw")}
