"""A small package of the same build as ours, for the tests of the build backend."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The package, committed, with the backend's hooks called in it."""
    folder = tmp_path / "first"
    (folder / "rust/crate").mkdir(parents=True)
    (folder / "pkg").mkdir()
    (folder / "rust/Cargo.toml").write_text(
        '[workspace]\nmembers = ["crate"]\n[workspace.package]\nversion = "1.2.0-rc.1"\n'
    )
    (folder / "rust/crate/Cargo.toml").write_text('[package]\nname = "crate"\nversion.workspace = true\n')
    (folder / "pkg/code.py").write_text("x = 1\n")
    (folder / "LICENSE").write_text("free\n")
    (folder / "pyproject.toml").write_text(
        '[project]\nname = "some-thing"\ndynamic = ["version"]\nlicense = "MIT"\nlicense-files = ["LICENSE"]\n'
        '[tool.maturin]\nmanifest-path = "rust/crate/Cargo.toml"\nmodule-name = "some_thing"\n'
        'include = [{ path = "pkg/*", format = ["sdist", "wheel"] }]\n'
    )
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first", "--date", "2024-01-01T00:00:00Z")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    monkeypatch.delenv("SKY_RS_UNIVERSAL", raising=False)
    monkeypatch.chdir(folder)
    return folder
