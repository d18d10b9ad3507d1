"""tools/setup_project.py: the steps that it takes, in which order, and where it stops."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup_project
from tools.setup_project import Found, Need

Ran = list[tuple[str, ...]]


@pytest.fixture
def ran(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Ran:
    """What was run; nothing really is. The machine has everything and no .venv."""
    commands: Ran = []

    def run(*command: str | Path, folder: Path = setup_project.ROOT) -> None:
        commands.append((folder.name, *map(str, command)))

    monkeypatch.setattr(setup_project, "run", run)
    monkeypatch.setattr(setup_project, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(setup_project, "PYTHON", tmp_path / ".venv/bin/python")
    monkeypatch.setattr(setup_project, "look", lambda need: Found(need, (99,)))
    monkeypatch.setattr(sys, "argv", ["setup_project.py"])
    return commands


def test_everything_is_installed_then_verified_elsewhere_then_timed(
    ran: Ran, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    assert setup_project.main() == 0
    python = str(tmp_path / ".venv/bin/python")
    assert ran[0][1:] == (sys.executable, "-m", "virtualenv", "--quiet", str(tmp_path / ".venv"))
    assert ran[2][-4:] == ("--group", "test", "--group", "release")
    assert ran[3][-3:] == ("--force-reinstall", "--no-deps", ".")
    assert ran[4] == (".venv", python, "-m", "sky.utils.rust_fallback")
    assert ran[5][1:] == (python, "-m", "tools.demo", "--quick", "--plain")
    said = capsys.readouterr().out
    assert [line for line in said.splitlines() if line.startswith("--")] == [
        "-- make .venv, build, install",
        "-- verify (the doctor)",
        "-- quick benchmark",
    ]
    assert said.rstrip().splitlines()[-1].startswith("Ready. Activate it with: ")


def test_an_environment_that_is_there_is_used_again(ran: Ran) -> None:
    setup_project.PYTHON.parent.mkdir(parents=True)
    setup_project.PYTHON.touch()
    assert setup_project.main() == 0
    assert not any("virtualenv" in command for command in ran)


def test_without_rust_the_universal_wheel_is_installed_and_nothing_is_timed(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(setup_project, "look", lambda need: Found(need, (99,) if need.required else ()))
    assert setup_project.main() == 0
    assert ran[3][-3:] == ("--config-settings", "universal=true", ".")
    assert len(ran) == 5
    assert "the native one is NOT built" in capsys.readouterr().out


def test_a_step_that_fails_is_the_last_one_and_is_named(
    ran: Ran, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def fail(*command: str | Path, folder: Path = setup_project.ROOT) -> None:
        raise subprocess.CalledProcessError(3, [str(part) for part in command])

    monkeypatch.setattr(setup_project, "run", fail)
    assert setup_project.main() == 1
    said = capsys.readouterr()
    assert "setup: 'make .venv, build, install' failed: " in said.err
    assert "ended with 3" in said.err
    assert "doctor" not in said.out


def test_commands_run_where_they_should_and_fail_loudly(tmp_path: Path) -> None:
    setup_project.run(sys.executable, "-c", "open('made', 'w').close()", folder=tmp_path)
    assert (tmp_path / "made").exists()
    with pytest.raises(subprocess.CalledProcessError):
        setup_project.run(sys.executable, "-c", "raise SystemExit(1)")


def test_the_needs_have_a_remedy_each() -> None:
    assert all(isinstance(need, Need) and need.remedy for need in setup_project.needs())
    assert [need.program for need in setup_project.needs()][:3] == ["git", "cargo", "rustc"]


def test_a_manifest_without_rust_version_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "rust").mkdir()
    (tmp_path / "rust/Cargo.toml").write_text("[workspace]\n")
    monkeypatch.setattr(setup_project, "ROOT", tmp_path)
    with pytest.raises(ValueError, match="no rust-version"):
        setup_project.oldest_rust()
