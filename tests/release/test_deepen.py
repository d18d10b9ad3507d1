"""Shallow clones plan what full clones plan, at a fraction of the price of unshallowing."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from release.git import Repository
from release.planner import make
from tests.release.conftest import PYPROJECT, Repo


def grown(repo: Repo) -> Repo:
    """Add two releases with a lot in between, and a maintenance branch."""
    for number in range(1, 3):
        for step in range(15):
            noise = b"".join(b"%d %d\n" % (step * number, hash_like * 7919 % 10007) for hash_like in range(3000))
            repo.commit(f"feat: {number}.{step}", {f"data{step}": noise})
        repo.commit("chore: release", {"pyproject.toml": PYPROJECT.replace("1.0.0", f"1.{number}.0")})
        repo.tag(f"v1.{number}.0")
    repo.git("branch", "1.1.x", "v1.1.0")
    for name in ("fix: one", "feat!: two", "words"):
        repo.commit(name)
    assert repo.remote is not None
    subprocess.run(["git", "config", "uploadpack.allowFilter", "true"], cwd=repo.remote, check=True)
    repo.publish()
    return repo


def shallow_clone(repo: Repo, branch: str = "main", depth: int = 1) -> Repo:
    path = repo.path.parent / "shallow"
    address = f"file://{repo.remote}"
    subprocess.run(["git", "clone", "-q", f"--depth={depth}", "--branch", branch, address, path], check=True)
    made = Repo.__new__(Repo)
    made.path = path
    made.clock = repo.clock
    return made


def counted(repo: Repo, log: Path) -> None:
    """Write everything that the remote sends into `log`."""
    script = log.with_suffix(".sh")
    script.write_text(f'#!/bin/sh\ngit-upload-pack "$@" | tee -a "{log}"\n')
    script.chmod(0o755)
    repo.git("config", "remote.origin.uploadpack", str(script))


@pytest.mark.parametrize("branch", ["main", "1.1.x"])
@pytest.mark.parametrize("request_", ["auto", "pre"])
def test_a_depth_one_clone_plans_what_the_full_clone_plans(repo: Repo, branch: str, request_: str) -> None:
    grown(repo)
    if branch != "main":
        repo.git("switch", "-q", branch)
        repo.commit("fix: backport")
        repo.publish()
    clone = shallow_clone(repo, branch)
    before = clone.git("for-each-ref"), clone.git("count-objects", "-v"), (clone.path / ".git/shallow").read_text()
    full = make(Repository(repo.path), request_)
    made = make(Repository(clone.path), request_)
    assert (made.next, made.reason, made.problems) == (full.next, full.reason, ())
    assert [commit.id for commit in made.commits] == [commit.id for commit in full.commits]
    assert any("shallow clone" in text for text in made.assumptions)
    after = clone.git("for-each-ref"), clone.git("count-objects", "-v"), (clone.path / ".git/shallow").read_text()
    assert after == before


def test_it_fetches_less_than_a_tenth_of_what_unshallowing_fetches(repo: Repo, tmp_path: Path) -> None:
    clone = shallow_clone(grown(repo))
    counted(clone, tmp_path / "ours")
    assert make(Repository(clone.path)).next == "2.0.0"
    counted(clone, tmp_path / "unshallow")
    clone.git("fetch", "-q", "--unshallow", "--tags")
    ours, everything = ((tmp_path / name).stat().st_size for name in ("ours", "unshallow"))
    assert 0 < ours * 10 < everything, f"{ours} of {everything} bytes"


def test_without_asking_the_hidden_tag_is_a_problem(repo: Repo) -> None:
    clone = shallow_clone(grown(repo))
    assert "shallow" in [problem.code for problem in make(Repository(clone.path), offline=True).problems]


def test_a_shallow_clone_that_is_deep_enough_fetches_nothing(repo: Repo) -> None:
    clone = shallow_clone(grown(repo), depth=10)
    made = make(Repository(clone.path), offline=True)
    assert (made.next, made.problems) == ("2.0.0", ())


def test_head_is_the_release_itself(repo: Repo) -> None:
    clone = shallow_clone(grown(repo), "1.1.x")
    clone.git("tag", "-d", "v1.1.0")
    made = make(Repository(clone.path))
    assert (made.current, made.next) == ("1.1.0", None)
