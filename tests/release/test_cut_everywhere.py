"""The command on unusual repositories: the dry run's ids are made, the remote is complete, nothing local is lost."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release.cli import main
from release.git import Repository
from release.planner import make
from tests.release.conftest import PYPROJECT, Repo

CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


def autocrlf(repo: Repo) -> Path:
    repo.git("config", "core.autocrlf", "true")
    repo.git("rm", "-q", "--cached", "-r", ".")
    repo.git("reset", "-q", "--hard")
    assert b"\r\n" in (repo.path / "pyproject.toml").read_bytes()
    return repo.path


def attributes(repo: Repo) -> Path:
    repo.commit("chore: attributes", {".gitattributes": "* text=auto\n*.toml text eol=crlf\n*.md -text\n"})
    repo.git("checkout-index", "-q", "-f", "-a")
    return repo.path


def submodule(repo: Repo) -> Path:
    inner = Repo(repo.path.parent / "inner")
    inner.commit("chore: x", {"a": "b"})
    repo.git("submodule", "--quiet", "add", os.fspath(inner.path), "sub")
    repo.commit("feat: submodule")
    (repo.path / "sub" / "a").write_text("mine")  # local work inside it
    return repo.path


def linked_worktree(repo: Repo) -> Path:
    repo.git("switch", "-q", "-c", "elsewhere")
    place = repo.path.parent / "linked"
    repo.git("worktree", "add", "-q", str(place), "main")
    return place


def octopus(repo: Repo) -> Path:
    for name in ("a", "b", "c"):
        repo.git("switch", "-q", "-c", name, "main")
        repo.commit(f"feat: {name}", {name: name})
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge branches", "a", "b", "c")
    return repo.path


def grafted(repo: Repo) -> Path:
    repo.commit("feat: x", {"x": "1"})
    repo.commit("feat: y", {"y": "1"})
    repo.git("replace", "--graft", "HEAD", "v1.0.0")
    return repo.path


def lightweight_and_odd_tags(repo: Repo) -> Path:
    repo.git("tag", "v1.0.0-notes", "HEAD^{tree}")
    repo.git("tag", "v0.9.0", "HEAD:pyproject.toml")
    repo.git("tag", "-d", "v1.0.0")
    repo.git("tag", "v1.0.0", "HEAD~1")
    return repo.path


def packed_and_untracked(repo: Repo) -> Path:
    repo.write({"untracked": "u", "stashed": "s", "kept": "k"})
    repo.git("add", "stashed")
    repo.git("stash", "push", "-q", "--", "stashed")
    repo.git("pack-refs", "--all")
    repo.git("gc", "-q")
    return repo.path


KINDS: list[Callable[[Repo], Path]] = [
    autocrlf, attributes, submodule, linked_worktree, octopus, grafted, lightweight_and_odd_tags, packed_and_untracked,
]  # fmt: skip


def run(capsys: pytest.CaptureFixture[str], path: Path, *arguments: str) -> tuple[int, Any]:
    capsys.readouterr()
    code = main(["--repo", str(path), "--format", "json", *arguments])
    return code, json.loads(capsys.readouterr().out)


def git(path: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=path, check=True, capture_output=True, text=True).stdout.strip()


def prepared(repo: Repo, alter: Callable[[Repo], Path]) -> Path:
    repo.commit("feat: a thing", {"pyproject.toml": PYPROJECT, "CHANGELOG.md": CHANGELOG})
    repo.tag("v1.0.0")
    repo.commit("fix: it", {"thing": "1"})
    path = alter(repo)
    repo.add_remote()
    return path


@pytest.mark.parametrize(
    ("hashing", "kind"),
    # a repository of one kind cannot be a submodule in one of the other
    [("sha1", kind) for kind in KINDS] + [("sha256", kind) for kind in KINDS if kind is not submodule],
)
def test_cut(
    new_repo: Callable[..., Repo], capsys: pytest.CaptureFixture[str], kind: Callable[[Repo], Path], hashing: str
) -> None:
    repo = new_repo("repo", f"--object-format={hashing}")
    if hashing == "sha256":
        remote = repo.path.parent / "repo-origin.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", "--object-format=sha256", remote], check=True)
    path = prepared(repo, kind)
    assert repo.remote is not None
    before = git(path, "status", "--porcelain", "--ignore-submodules=none"), git(path, "stash", "list")
    code, seen = run(capsys, path, "cut")
    assert (code, seen["problems"]) == (0, [])
    code, done = run(capsys, path, "cut", "--execute")
    assert (code, done["executed"], done["pushed"]) == (0, True, True)
    assert (done["commit_id"], done["tag_id"]) == (seen["commit_id"], seen["tag_id"])
    assert git(repo.remote, "rev-parse", "main", f"refs/tags/{done['tag']}").split() == [
        done["commit_id"], done["tag_id"],
    ]  # fmt: skip
    assert git(path, "rev-parse", "HEAD") == done["commit_id"]
    assert (git(path, "status", "--porcelain", "--ignore-submodules=none"), git(path, "stash", "list")) == before
    assert f'version = "{done["next"]}"' in (path / "pyproject.toml").read_text()
    assert (
        b"\r"
        not in subprocess.run(["git", "show", "HEAD:pyproject.toml"], cwd=path, check=True, capture_output=True).stdout
    )
    if kind in (autocrlf, attributes):
        assert b"\r\n" in (path / "pyproject.toml").read_bytes()
    git(repo.remote, "fsck", "--strict")


@pytest.mark.parametrize("name", ["--upload-pack=touch x", "-d", "ext::touch x", "no such", "../../x"])
def test_hostile_remotes_are_refused(repo: Repo, capsys: pytest.CaptureFixture[str], name: str) -> None:
    repo.commit("feat: x")
    repo.publish()
    head = repo.git("rev-parse", "HEAD")
    code, said = run(capsys, repo.path, "cut", "--execute", f"--remote={name}")
    assert (code, bool(said["problems"])) == (1, True)
    assert (repo.git("rev-parse", "HEAD"), repo.git("tag", "--list")) == (head, "v1.0.0")
    assert not (repo.path / "x").exists()
    assert not Path("x").exists()


@pytest.mark.parametrize("text", ["no version here\n", "release <1.0.0> release <1.0.0>\n", ""])
def test_a_pattern_that_is_not_found_exactly_once_stops_the_release(repo: Repo, text: str) -> None:
    setting = '\n[tool.release]\nversion-files = [{ path = "conf.txt", pattern = "release <{version}>" }]\n'
    repo.commit("feat: x", {"pyproject.toml": PYPROJECT + setting, "conf.txt": text})
    repo.publish()
    made = make(Repository(repo.path))
    assert any("conf.txt" in problem.message for problem in made.problems)
