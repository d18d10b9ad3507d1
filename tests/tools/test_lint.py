"""`lint`: which checks run, and that one which finds something does not hide the others."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools import lint

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def in_the_repository(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)


def test_every_workflow_and_every_text_that_git_tracks_is_looked_at() -> None:
    commands = {package: command for package, command in lint.checks() if package != "check-jsonschema"}
    assert {"README.md", "tools/lint.py", "rust/Cargo.toml"} <= set(commands["codespell"])
    assert all(Path(name).is_file() for name in commands["codespell"][5:])
    schemas = [command for package, command in lint.checks() if package == "check-jsonschema"]
    workflows = {str(path) for path in Path(".github/workflows").glob("*.yml")}
    assert workflows <= set(schemas[0])
    assert ".github/dependabot.yml" in schemas[1]


def test_the_tests_of_the_files_leave_out_none_for_being_slow() -> None:
    (command,) = [command for package, command in lint.checks() if package == "pytest"]
    assert command[command.index("-m", 3) + 1] == "slow or not slow"
    assert all(Path(name).exists() for name in command[-2:])


def test_only_tracked_files_that_are_there_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    subprocess.run(["git", "init", "-q"], check=True)
    for name in ("a file.py", "gone.py", "untracked.py"):
        Path(name).touch()
    subprocess.run(["git", "add", "a file.py", "gone.py"], check=True)
    Path("gone.py").unlink()
    assert lint.tracked() == ["a file.py"]


def ending(code: int, words: str) -> list[str]:
    return [sys.executable, "-c", f"print({words!r}); raise SystemExit({code})"]


@pytest.mark.parametrize(
    ("codes", "workflows", "verdict"),
    [((0, 0), 0, ""), ((1, 0), 0, "pytest"), ((0, 2), 0, "pluggy"), ((1, 1), 1, "pytest, pluggy, actionlint")],
)
def test_all_checks_run_and_those_that_found_something_are_listed(
    codes: tuple[int, int],
    workflows: int,
    verdict: str,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    packages = ("pytest", "pluggy")
    found = [(package, ending(code, f"{package} ran")) for package, code in zip(packages, codes, strict=True)]
    monkeypatch.setattr(lint, "checks", lambda: found)
    monkeypatch.setattr(lint, "actionlint", lambda: ending(workflows, "actionlint ran"))
    done = CliRunner().invoke(lint.main, [])
    assert done.exit_code == (1 if verdict else 0)
    assert done.output.endswith(f"Error: not clean: {verdict}\n") == bool(verdict)
    assert f"pytest {pytest.__version__}" in done.output
    assert capfd.readouterr().out.split("\n")[:3] == ["pytest ran", "pluggy ran", "actionlint ran"]


def test_actionlint_that_cannot_run_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lint, "checks", list)
    monkeypatch.setenv("PATH", str(tmp_path))
    done = CliRunner().invoke(lint.main, [])
    assert done.exit_code == 0
    assert "actionlint: NOT RUN, neither actionlint nor go is on PATH" in done.output


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")
def test_actionlint_is_the_installed_one_or_gos(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    for name, first in (("go", "go"), ("actionlint", "actionlint")):
        (tmp_path / name).write_text("#!/bin/sh\n")
        (tmp_path / name).chmod(0o755)
        command = lint.actionlint()
        assert command is not None
        assert command[0] == first
