"""`ci`: the notes and the release that GitHub shows, with a stand-in for its program."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from tools import ci

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in program is a shell script")


@pytest.fixture
def place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A repository with a changelog, and `gh` that writes down what it was told."""
    (tmp_path / "gh").write_text(f'#!/bin/sh\nfor word; do echo "$word"; done > {tmp_path / "told"}\n')
    (tmp_path / "gh").chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/usr/bin:/bin")
    monkeypatch.setenv("PYTHONPATH", str(Path(__file__).parents[2]))
    for name in ("GITHUB_REF_NAME", "GITHUB_REF_TYPE", "GITHUB_OUTPUT", "TAG"):
        monkeypatch.delenv(name, raising=False)
    folder = tmp_path / "repo"
    (folder / "dist").mkdir(parents=True)
    (folder / "pyproject.toml").write_text('[project]\nname = "demo"\nversion = "1.1.0"\n')
    (folder / "CHANGELOG.md").write_text(
        "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Later.\n\n## [1.1.0] - 2026-01-01\n\n### Added\n\n- Now.\n"
    )
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    for command in (["init", "-q", "-b", "main"], ["add", "-A"], ["commit", "-q", "-m", "feat: first"]):
        subprocess.run(["git", *identity, *command], cwd=folder, check=True)
    subprocess.run(["git", *identity, "tag", "-a", "-m", "1.1.0", "v1.1.0"], cwd=folder, check=True)
    monkeypatch.chdir(folder)
    return tmp_path


def test_the_notes_of_a_tag_are_its_section(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v1.1.0")
    done = CliRunner().invoke(ci.main, ["notes"])
    assert done.exit_code == 0, done.output
    notes = ci.NOTES.read_text()
    assert "Now." in notes
    assert "Later." not in notes


def test_a_tag_without_notes_is_not_released(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("GITHUB_REF_TYPE", "tag")
    monkeypatch.setenv("GITHUB_REF_NAME", "v9.9.9")
    done = CliRunner().invoke(ci.main, ["notes"])
    assert done.exit_code == 1
    assert "the changelog has no notes for v9.9.9; it will not be released" in done.output
    assert not ci.NOTES.exists()


def test_without_a_tag_it_shows_what_a_release_would_do(place: Path) -> None:
    done = CliRunner().invoke(ci.main, ["notes"])
    assert done.exit_code == 0
    assert done.output.strip()
    assert ci.NOTES.read_text() == done.output.rstrip("\n") + "\n"


def test_the_release_gets_every_archive_and_the_notes(place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAG", "v1.1.0")
    done = CliRunner().invoke(ci.main, ["github-release"])
    assert done.exit_code == 1
    assert "dist/ has no archive" in done.output
    for name in ("demo-1.1.0.tar.gz", "demo-1.1.0-py3-none-any.whl", "notes.md"):
        Path("dist", name).touch()
    assert CliRunner().invoke(ci.main, ["github-release"]).exit_code == 0
    told = (place / "told").read_text().splitlines()
    assert told[:3] == ["release", "create", "--verify-tag"]
    assert told[-4:] == ["--", "v1.1.0", "dist/demo-1.1.0-py3-none-any.whl", "dist/demo-1.1.0.tar.gz"]
    (place / "gh").write_text("#!/bin/sh\nexit 4\n")
    done = CliRunner().invoke(ci.main, ["github-release"])
    assert done.exit_code == 1
    assert "gh ended with 4" in done.output


def test_a_variable_that_the_workflow_forgot_is_named(place: Path) -> None:
    done = CliRunner().invoke(ci.main, ["github-release"])
    assert done.exit_code == 1
    assert "TAG is not set" in done.output
