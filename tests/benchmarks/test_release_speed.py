"""The measuring of `python -m release`: on a small history, with stand-ins for the other tools."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import release_speed, synthetic_repos
from benchmarks.release_speed import Size

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="memory is measured by wait4")


def git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, check=True, capture_output=True, text=True).stdout


@pytest.mark.parametrize(("merges", "parents"), [(False, 1), (True, 2)])
def test_a_history_has_the_commits_and_tags_that_were_asked_for(tmp_path: Path, merges: bool, parents: int) -> None:
    repository = synthetic_repos.build(tmp_path / "made", 60, 4, merges)
    assert git(repository, "rev-list", "--count", "--all").strip() == "60"
    assert git(repository, "tag", "--list").split() == ["v1.0.0", "v1.0.1", "v1.0.2", "v1.0.3"]
    assert git(repository, "describe", "--abbrev=0").strip() == "v1.0.3"
    assert git(repository, "status", "--porcelain") == ""
    most = max(len(line.split()) for line in git(repository, "log", "--format=%p").splitlines())
    assert most == parents
    git(repository, "fsck", "--strict")


def test_a_history_that_is_there_is_kept_and_one_that_is_half_there_is_not_used(tmp_path: Path) -> None:
    repository = synthetic_repos.build(tmp_path / "made", 5, 1, False)
    head = git(repository, "rev-parse", "HEAD")
    assert synthetic_repos.build(repository, 50, 1, False) == repository
    assert git(repository, "rev-parse", "HEAD") == head
    (repository / ".git/complete").unlink()
    with pytest.raises(FileExistsError):
        synthetic_repos.build(repository, 50, 1, False)


def test_the_builder_is_a_program(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(sys, "argv", ["x", str(tmp_path / "made"), "--commits", "5", "--tags", "2"])
    synthetic_repos.main()
    assert capsys.readouterr().out == f"{tmp_path / 'made'}\n"


@pytest.fixture
def others(tmp_path: Path) -> Path:
    """The other tools as they would be installed: two that end well, and one that fails with words."""
    for package, program in release_speed.TOOLS.items():
        place = tmp_path / "results/envs" / package / "bin" / program
        place.parent.mkdir(parents=True)
        fails = "echo first line >&2; echo 'no such option' >&2; exit 2" if package == "commitizen" else "exit 0"
        place.write_text(f"#!/bin/sh\n{fails}\n")
        place.chmod(0o755)
        place.with_name("python").symlink_to(sys.executable)  # asked for the tool's version
    return tmp_path / "results"


def test_every_tool_is_measured_and_a_failure_is_in_the_table(others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    sizes = (Size(40, 3, False, 2), Size(30, 2, True, 1, others=False), Size(100_000, 10, False, 1))
    monkeypatch.setattr(release_speed, "QUICK", sizes)
    said = CliRunner().invoke(release_speed.main, ["--quick", "--largest", "1000", "--folder", str(others)])
    assert said.exit_code == 0, said.output
    assert "installing" not in said.stderr
    assert "40 commits, 3 tags, linear: round 2 of 2" in said.stderr
    rows = [row for row in said.stdout.splitlines() if row.startswith("| 40 commits, 3 tags, linear")]
    assert [row.split(" | ")[1] for row in rows] == ["next version", "full changelog"]
    assert all("failed: no such option" in row for row in rows)
    assert all(re.search(r"\d\.\d{3} s, \d+ MiB", row) for row in rows)
    left_out = [row for row in said.stdout.splitlines() if row.startswith("| 30 commits, 2 tags, merges")]
    assert [row.count("not run") for row in left_out] == [2, 2]
    assert "A quick run of 20" in said.stdout
    document = json.loads((others / "release_speed.json").read_text())
    assert {figure["tool"] for figure in document["figures"]} >= {"ours", "git log", *release_speed.TOOLS}
    assert all(figure["seconds"] > 0 for figure in document["figures"])
    assert (others / "release_speed.md").read_text() == said.stdout


def test_a_run_that_takes_too_long_is_ended_and_told(others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (others / "envs/git-cliff/bin/git-cliff").write_text("#!/bin/sh\nsleep 100 & wait\n")
    monkeypatch.setattr(release_speed, "QUICK", (Size(10, 1, False, 1),))
    monkeypatch.setattr(release_speed, "LIMIT", 3.0)
    said = CliRunner().invoke(release_speed.main, ["--quick", "--folder", str(others)])
    rows = [row for row in said.stdout.splitlines() if row.startswith("| 10 commits")]
    assert [row.endswith(f"| {release_speed.TOO_LONG} |") for row in rows] == [True, True]


def test_our_own_failure_is_the_exit_code(others: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(release_speed, "QUICK", (Size(10, 1, False, 1),))
    monkeypatch.setattr(release_speed, "ROOT", others)  # no `release` package there
    assert CliRunner().invoke(release_speed.main, ["--quick", "--folder", str(others)]).exit_code == 1


def test_a_tool_that_is_not_here_is_installed_into_its_own_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    ran: list[list[str]] = []
    monkeypatch.setattr(subprocess, "run", lambda command, check: ran.append([str(word) for word in command]))
    programs = release_speed.environments(tmp_path)
    assert [command[-1] for command in ran] == [
        word for package in release_speed.TOOLS for word in (str(tmp_path / package), package)
    ]
    assert programs["commitizen"] == tmp_path / "commitizen/bin/cz"
