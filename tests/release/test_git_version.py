"""A git that lacks what the commands need is named, with its version, before anything else happens."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.release.conftest import Repo

ROOT = Path(__file__).parents[2]


def run(repo: Repo, folder: Path, said: str, *command: str) -> tuple[int, str]:
    """Run a command with a `git` first on PATH that is the real one and says that it is another version."""
    folder.mkdir()
    real = shutil.which("git")
    script = f'#!/bin/sh\nfor word; do [ "$word" = version ] && echo "{said}" && exit; done\nexec {real} "$@"\n'
    (folder / "git").write_text(script)
    (folder / "git").chmod(0o755)
    before = repo.git("for-each-ref"), repo.git("status", "--porcelain")
    ran = subprocess.run(
        [sys.executable, "-m", "release", "--repo", str(repo.path), *command],
        cwd=ROOT,
        env={**os.environ, "PATH": f"{folder}:{os.environ['PATH']}"},
        capture_output=True,
        text=True,
    )
    assert (repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before
    return ran.returncode, ran.stderr


@pytest.mark.parametrize(
    "command", ["plan", "cut --execute", "status", "resume", "undo 1.0.0", "notes", "rollout status", "merge main"]
)
def test_every_command_names_the_version_found_and_the_one_needed(repo: Repo, tmp_path: Path, command: str) -> None:
    repo.commit("feat: x")
    repo.publish()
    code, err = run(repo, tmp_path / "bin", "git version 2.30.2", *command.split())
    assert code == 1
    assert err.startswith("error: git version 2.30.2 is too old: this needs git 2.36 or newer\n")
    assert str(tmp_path / "bin" / "git") in err


@pytest.mark.parametrize("said", ["git version 1.8.3.1", "git version 2.35.8.windows.1", "git version 2.4.11"])
def test_old_ones(repo: Repo, tmp_path: Path, said: str) -> None:
    code, err = run(repo, tmp_path / "bin", said, "plan")
    assert (code, err.startswith(f"error: {said} is too old")) == (1, True)


@pytest.mark.parametrize("said", ["git version 2.36.0", "git version 2.50.1 (Apple Git-155)", "git version 3.0.0"])
def test_new_ones(repo: Repo, tmp_path: Path, said: str) -> None:
    repo.commit("feat: x")
    repo.publish()
    assert run(repo, tmp_path / "bin", said, "plan") == (0, "")


def test_no_git_at_all(repo: Repo, tmp_path: Path) -> None:
    command = [sys.executable, "-m", "release", "--repo", str(repo.path), "plan"]
    ran = subprocess.run(command, cwd=ROOT, env={"PATH": str(tmp_path)}, capture_output=True, text=True)
    assert (ran.returncode, "Traceback" in ran.stderr) == (1, False)
    assert ran.stderr.startswith("error: git cannot be run: ")
