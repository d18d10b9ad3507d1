"""Release notes: one release, and all of history."""

from __future__ import annotations

import pytest

from release.all_notes import entries
from release.cli import main
from release.git import Repository
from release.versions import TagFormat
from tests.release.conftest import Repo

SECTIONS = {"feat": "Added", "fix": "Fixed"}


def everything(repo: Repo) -> list[tuple[str, list[str]]]:
    opened = Repository(repo.path)
    found = entries(opened, opened.line("rev-parse", "HEAD"), TagFormat(), SECTIONS)
    lines = [(entry.version, entry.notes.split("\n")) for entry in found]
    return [(version, [line.split(" (")[0] for line in text if line.startswith("- ")]) for version, text in lines]


def test_the_notes_of_a_release_come_from_the_changelog(repo: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    text = "# Changelog\r\n\r\n## [Unreleased]\r\n\r\n## [1.0.0] - 2020-01-02\r\n\r\n### Fixed\r\n\r\n- By hand.\r\n"
    repo.commit("docs: write", {"CHANGELOG.md": text})
    for arguments in ([], ["v1.0.0"], ["1.0.0"]):
        assert main(["--repo", str(repo.path), "notes", *arguments]) == 0
        assert capsys.readouterr().out == "### Fixed\n\n- By hand.\n"


def test_notes_are_written_from_commits_where_the_changelog_is_silent(
    repo: Repo, capsys: pytest.CaptureFixture[str]
) -> None:
    repo.commit("feat: one")
    repo.tag("v1.1.0")
    repo.commit("feat: two")
    assert main(["--repo", str(repo.path), "notes", "v1.1.0"]) == 0
    assert "One" in (out := capsys.readouterr().out)
    assert "Two" not in out


@pytest.mark.parametrize("name", ["--upload-pack=x", "v9.9.9", "a b", "-d"])
def test_a_tag_that_does_not_exist_is_refused(repo: Repo, name: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--repo", str(repo.path), "notes", "--", name]) == 1
    assert "there is no release" in capsys.readouterr().err


def test_all_of_history_newest_first(repo: Repo) -> None:
    repo.commit("feat: a")
    repo.commit("fix: b")
    repo.tag("v1.1.0")
    repo.commit("docs: not for users")
    repo.commit("feat: c")
    assert everything(repo) == [("", ["- C"]), ("1.1.0", ["- A", "- B"]), ("1.0.0", [])]


def test_a_commit_belongs_to_the_oldest_release_that_contains_it(repo: Repo) -> None:
    repo.git("switch", "-q", "-c", "side")
    repo.commit("feat: late", {"late": "x"})
    repo.git("switch", "-q", "main")
    repo.commit("feat: early", {"early": "x"})
    repo.tag("v1.1.0")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge side", "side")
    repo.tag("v1.2.0")
    assert everything(repo) == [("", []), ("1.2.0", ["- Late"]), ("1.1.0", ["- Early"]), ("1.0.0", [])]


def test_what_was_reverted_before_the_release_is_not_told(repo: Repo) -> None:
    repo.commit("feat: gone", {"x": "1"})
    repo.git("revert", "--no-edit", "HEAD")
    repo.commit("fix: stays")
    repo.tag("v1.0.1")
    assert everything(repo) == [("", []), ("1.0.1", ["- Stays"]), ("1.0.0", [])]
