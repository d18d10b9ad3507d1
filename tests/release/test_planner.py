"""Plans of real repositories."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from release.git import Repository
from release.plan import ReleasePlan
from release.planner import make
from tests.release.conftest import PYPROJECT, Repo


def plan(repo: Repo, request: str = "auto") -> ReleasePlan:
    return make(Repository(repo.path), request)


def codes(made: ReleasePlan) -> list[str]:
    return [problem.code for problem in made.problems]


def new_text(made: ReleasePlan, path: str) -> str:
    return next(edit.new.decode() for edit in made.edits if edit.path == path)


def test_a_feature_asks_for_a_minor_release(repo: Repo) -> None:
    oid = repo.commit("feat: add a thing")
    repo.publish()
    made = plan(repo)
    assert (made.current, made.next, made.bump, made.tag) == ("1.0.0", "1.1.0", "minor", "v1.1.0")
    assert codes(made) == []
    assert made.refs == ("refs/heads/main", "refs/tags/v1.1.0")
    assert new_text(made, "pyproject.toml") == PYPROJECT.replace("1.0.0", "1.1.0")
    assert made.notes == f"### Added\n\n- Add a thing ({oid[:7]})"
    assert made.change().files.keys() == {"pyproject.toml", "CHANGELOG.md"}


@pytest.mark.parametrize(
    ("current", "messages", "request_", "expected"),
    [
        ("1.0.0", ["fix: a"], "auto", "1.0.1"),
        ("1.0.0", ["fix: a", "feat: b"], "auto", "1.1.0"),
        ("1.0.0", ["feat!: a", "fix: b"], "auto", "2.0.0"),
        ("1.0.0", ["docs: a"], "auto", None),
        ("1.0.0", ["words"], "auto", None),
        ("0.3.1", ["feat!: a"], "auto", "0.4.0"),
        ("0.3.1", ["feat: a"], "auto", "0.4.0"),
        ("0.3.1", ["fix: a"], "auto", "0.3.2"),
        ("0.3.1", ["fix: a"], "major", "1.0.0"),
        ("1.0.0", ["fix: a"], "minor", "1.1.0"),
        ("1.0.0", ["feat: a"], "pre", "1.1.0rc1"),
        ("1.1.0rc1", ["feat: a"], "pre", "1.1.0rc2"),
        ("1.1.0rc1", ["fix: a"], "final", "1.1.0"),
        ("1.1.0rc1", [], "final", "1.1.0"),
        ("1.1.0rc1", ["fix: a"], "auto", "1.1.0"),
        ("1.0.0", ["fix: a"], "1.0.1rc3", "1.0.1rc3"),
        ("1.0.0", ["fix: a"], "1.0.1-rc.3", "1.0.1rc3"),
        ("1.0.0", ["docs: a"], "post", "1.0.0.post1"),
        ("1.0.0.post1", ["docs: a"], "post", "1.0.0.post2"),
        ("1.0.0.post1", ["fix: a"], "auto", "1.0.1"),
        ("2024.1", ["fix: a"], "auto", "2024.1.1"),
        ("2024.1", ["feat: a"], "auto", "2024.2"),
    ],
)
def test_the_next_version(
    new_repo: Callable[..., Repo], current: str, messages: list[str], request_: str, expected: str | None
) -> None:
    repo = new_repo()
    repo.commit("chore: start", {"pyproject.toml": PYPROJECT.replace("1.0.0", current)})
    repo.tag(f"v{current}")
    for message in messages:
        repo.commit(message)
    assert plan(repo, request_).next == expected


def test_every_kind_of_version_file_moves_and_nothing_else_changes(new_repo: Callable[..., Repo]) -> None:
    repo = new_repo()
    cargo = "# top\n[package] # why\nname = 'core' # single quotes\nversion   =  '1.0.0' # keep\r\nedition = \"2021\"\n"
    lock = (
        'version = 4\n\n[[package]]\nname = "core"\nversion = "1.0.0"\n\n[[package]]\nname = "other"\n'
        'version = "1.0.0"\nsource = "registry+https://github.com/rust-lang/crates.io-index"\n'
    )
    package = '{\n\t"name": "core",\n\t"version": "1.0.0",\n\t"dependencies": {"x": {"version": "1.0.0"}}\n}\n'
    npm_lock = '{"name": "core", "version": "1.0.0", "packages": {"": {"version": "1.0.0"}, "a": {"version": "1.0.0"}}}'
    uv = (
        'version = 1\n\n[[package]]\nname = "core"\nversion = "1.0.0"\nsource = { editable = "." }\n\n'
        '[[package]]\nname = "dep"\nversion = "1.0.0"\n'
    )
    files: dict[str, str | bytes] = {
        "pyproject.toml": PYPROJECT.replace("demo", "core").replace("\n", "\r\n"),
        "src/core/__init__.py": b"# -*- coding: latin-1 -*-\n# caf\xe9\n__version__ = '1.0.0'  # 1.0.0\n",
        "Cargo.toml": cargo,
        "Cargo.lock": lock,
        "package.json": package,
        "package-lock.json": npm_lock,
        "uv.lock": uv,
        "VERSION": "1.0.0\n",
    }
    repo.commit("chore: start", files)
    repo.tag("v1.0.0")
    repo.commit("feat: x")
    made = plan(repo, "pre")
    assert codes(made) == []
    after = {edit.path: edit.new for edit in made.edits}
    assert after["pyproject.toml"] == str(files["pyproject.toml"]).replace("1.0.0", "1.1.0rc1").encode()
    assert after["src/core/__init__.py"] == b"# -*- coding: latin-1 -*-\n# caf\xe9\n__version__ = '1.1.0rc1'  # 1.0.0\n"
    assert after["Cargo.toml"].decode() == cargo.replace("1.0.0", "1.1.0-rc.1")
    assert after["Cargo.lock"].decode() == lock.replace("1.0.0", "1.1.0-rc.1", 1)
    assert after["package.json"].decode() == package.replace("1.0.0", "1.1.0-rc.1", 1)
    assert after["package-lock.json"].decode() == npm_lock.replace("1.0.0", "1.1.0-rc.1", 2)
    assert after["uv.lock"].decode() == uv.replace("1.0.0", "1.1.0rc1", 1)
    assert after["VERSION"] == b"1.1.0rc1\n"


def test_a_workspace_with_members_that_inherit(new_repo: Callable[..., Repo]) -> None:
    repo = new_repo()
    root = (
        '[workspace]\nmembers = ["crates/*"]\n[workspace.package]\nversion = "0.2.0"\n'
        '[workspace.dependencies]\na = { path = "crates/a", version = "=0.2.0" }\n'
    )
    repo.commit(
        "chore: start",
        {
            "Cargo.toml": root,
            "crates/a/Cargo.toml": '[package]\nname = "a"\nversion.workspace = true\n',
            "crates/b/Cargo.toml": '[package]\nname = "b"\nversion = { workspace = true }\n'
            '[dependencies.a]\npath = "../a"\nversion = "0.2.0"\n',
            "crates/own/Cargo.toml": '[package]\nname = "own"\nversion = "7.0.0"\n',
            "Cargo.lock": '[[package]]\nname = "a"\nversion = "0.2.0"\n[[package]]\nname = "b"\nversion = "0.2.0"\n'
            '[[package]]\nname = "own"\nversion = "7.0.0"\n',
        },
    )
    repo.tag("v0.2.0")
    repo.commit("feat: x")
    made = plan(repo)
    assert (made.next, codes(made)) == ("0.3.0", [])
    assert {edit.path for edit in made.edits} == {"Cargo.toml", "crates/b/Cargo.toml", "Cargo.lock"}
    assert new_text(made, "Cargo.toml") == root.replace("0.2.0", "0.3.0")
    assert new_text(made, "Cargo.lock").count('"0.3.0"') == 2


@pytest.mark.parametrize(
    ("files", "edited"),
    [
        ({"pyproject.toml": '[build-system]\nbuild-backend = "maturin"\n[project]\nname = "x"\ndynamic = ["version"]\n',
          "rust/Cargo.toml": '[package]\nname = "x"\nversion = "1.0.0"\n'}, ["rust/Cargo.toml"]),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["version"]\n[tool.hatch.version]\npath = "x/about.py"\n',
          "x/about.py": '__version__: str = "1.0.0"\n'}, ["x/about.py"]),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["version"]\n'
          '[tool.setuptools.dynamic]\nversion = {attr = "x.__version__"}\n',
          "src/x/__init__.py": '__version__ = version = "1.0.0"\n'}, ["src/x/__init__.py"]),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["version"]\n'
          '[tool.setuptools.dynamic]\nversion = {file = "V"}\n', "V": "1.0.0\n"}, ["V"]),
        ({"pyproject.toml": '[build-system]\nrequires = ["setuptools_scm>=8"]\n[project]\nname = "x"\n'
          'dynamic = ["version"]\n'}, []),
        ({"pyproject.toml": '[project]\nname = "x"\ndynamic = ["version"]\n'
          '[tool.hatch.version]\nsource = "vcs"\n'}, []),
        ({"pyproject.toml": '[tool.poetry]\nname = "x"\nversion = "1.0.0"\n'}, ["pyproject.toml"]),
        ({"setup.cfg": "[metadata]\nname = x\nversion = 1.0.0\n"}, ["setup.cfg"]),
        ({"setup.py": 'from setuptools import setup\nsetup(name="x", version="1.0.0")\n'}, ["setup.py"]),
        ({"README.md": "nothing\n"}, []),
    ],
)  # fmt: skip
def test_sources_are_found_without_settings(
    new_repo: Callable[..., Repo], files: dict[str, str], edited: list[str]
) -> None:
    repo = new_repo()
    repo.commit("chore: start", files)
    repo.tag("v1.0.0")
    repo.commit("fix: x")
    made = plan(repo)
    assert (made.next, codes(made), [edit.path for edit in made.edits]) == ("1.0.1", [], edited)


@pytest.mark.parametrize("tag", ["v1.2.3", "1.2.3", "demo-1.2.3", "demo/v1.2.3", "demo@1.2.3", "demo-v1.2.3"])
def test_tag_formats_are_kept(new_repo: Callable[..., Repo], tag: str) -> None:
    repo = new_repo()
    repo.commit("chore: start", {"pyproject.toml": PYPROJECT.replace("1.0.0", "1.2.3")})
    repo.tag(tag)
    repo.tag("v1")  # a moving tag is no release
    repo.commit("fix: x")
    assert plan(repo).tag == tag.replace("1.2.3", "1.2.4")


def test_a_maintenance_branch_counts_from_its_own_last_tag(repo: Repo) -> None:
    repo.commit("feat!: two", {"pyproject.toml": PYPROJECT.replace("1.0.0", "2.0.0")})
    repo.tag("v2.0.0")
    repo.git("switch", "-q", "-c", "1.x", "v1.0.0")
    repo.commit("fix: backport")
    repo.publish()
    made = plan(repo)
    assert (made.current, made.next, codes(made)) == ("1.0.0", "1.0.1", [])


def test_disagreement_is_a_problem_and_not_a_guess(repo: Repo) -> None:
    repo.commit(
        "feat: x", {"package.json": '{"version": "1.0.5"}', "Cargo.toml": '[package]\nname="d"\nversion="1.0.0"\n'}
    )
    repo.publish()
    made = plan(repo)
    assert codes(made) == ["versions-disagree", "versions-disagree"]
    assert "package.json:1" in made.problems[0].message


def test_a_file_ahead_of_the_tag_is_a_problem_unless_asked_for(repo: Repo) -> None:
    repo.commit("feat: x", {"pyproject.toml": PYPROJECT.replace("1.0.0", "1.5.0")})
    repo.publish()
    assert codes(plan(repo)) == ["versions-disagree"]
    made = plan(repo, "1.5.0")
    assert (codes(made), [edit.path for edit in made.edits]) == ([], ["CHANGELOG.md"])


def test_lock_files_that_lag_are_a_problem(new_repo: Callable[..., Repo]) -> None:
    repo = new_repo()
    repo.commit(
        "feat: x",
        {
            "Cargo.toml": '[package]\nname="d"\nversion="1.0.0"\n',
            "Cargo.lock": '[[package]]\nname="d"\nversion="0.9.0"\n',
        },
    )
    made = plan(repo)
    assert codes(made) == ["lock-behind"]
    assert "Cargo.lock:3" in made.problems[0].message


def test_the_changelog_may_ask_for_more_than_the_commits(repo: Repo) -> None:
    text = "# Changelog\n\n## [Unreleased]\n\n### Removed\n\n- Everything.\n"
    repo.commit("fix: x", {"CHANGELOG.md": text})
    repo.publish()
    made = plan(repo)
    assert (made.next, made.notes) == ("2.0.0", "### Removed\n\n- Everything.")
    assert "'Removed'" in made.reason


def test_reverted_commits_ask_for_nothing(repo: Repo) -> None:
    repo.commit("feat!: x", {"x": "1"})
    repo.git("revert", "--no-edit", "HEAD")
    repo.publish()
    made = plan(repo)
    assert (made.next, len(made.reverted), codes(made)) == (None, 2, ["nothing-to-release"])


def test_all_problems_come_in_one_list(repo: Repo) -> None:
    other = repo.path.parent / "other"
    subprocess.run(["git", "clone", "-q", str(repo.remote), str(other)], check=True)
    for command in (["commit", "-q", "--allow-empty", "-m", "fix: theirs"], ["push", "-q"]):
        subprocess.run(["git", *command], cwd=other, check=True)
    repo.commit("feat: mine")
    repo.tag("v1.1.0-odd")
    repo.git("update-ref", "refs/release/pending/release/1.1.0", "HEAD")
    subprocess.run(["git", "tag", "v1.1.0", "main"], cwd=repo.remote, check=True)
    repo.git("switch", "-q", "-c", "topic")
    repo.git("remote", "set-head", "origin", "main")
    repo.write({"pyproject.toml": "dirty"})
    made = plan(repo)
    assert codes(made) == ["wrong-branch", "dirty", "pending", "unpushed", "tag-exists-remote"]
    repo.git("switch", "-q", "-C", "main")
    assert {"behind"} <= set(codes(plan(repo))) or {"diverged"} <= set(codes(plan(repo)))


def test_behind_unpushed_and_diverged_are_told_apart(repo: Repo) -> None:
    repo.commit("fix: mine")
    assert codes(plan(repo)) == ["unpushed"]
    repo.publish()
    repo.git("reset", "-q", "--hard", "HEAD~1")
    assert "behind" in codes(plan(repo))
    repo.commit("fix: other")
    assert codes(plan(repo)) == ["diverged"]


def test_repositories_without_tag_commit_or_branch(new_repo: Callable[..., Repo]) -> None:
    empty = new_repo("empty")
    made = plan(empty)
    assert (made.next, codes(made)) == (None, ["no-commits"])
    one = new_repo("one")
    one.commit("feat: first", {"pyproject.toml": PYPROJECT.replace("1.0.0", "0.0.0")})
    made = plan(one)
    assert (made.current, made.next, codes(made)) == ("0.0.0", "0.1.0", [])
    assert any("no remote" in text for text in made.assumptions)
    one.git("checkout", "-q", "--detach")
    assert codes(plan(one)) == ["detached"]


def test_worktrees_bare_and_sha256_repositories(new_repo: Callable[..., Repo]) -> None:
    repo = new_repo("sha256", "--object-format=sha256")
    repo.commit("feat: x", {"pyproject.toml": PYPROJECT})
    repo.tag("v1.0.0")
    oid = repo.commit("fix: y")
    assert (len(oid), plan(repo).next) == (64, "1.0.1")
    repo.git("worktree", "add", "-q", "../linked", "-b", "2.x")
    linked = Repo.__new__(Repo)
    linked.path = repo.path.parent / "linked"
    assert (plan(linked).next, plan(linked).branch) == ("1.0.1", "2.x")
    (linked.path / "deep").mkdir()
    assert Repository(linked.path / "deep").root == linked.path


def test_merges_octopus_and_replaced_commits(repo: Repo) -> None:
    for name in ("a", "b", "c"):
        repo.git("switch", "-q", "-c", name, "main")
        repo.commit(f"feat: {name}", {name: name})
    repo.git("switch", "-q", "main")
    repo.git("merge", "-q", "--no-ff", "-m", "Merge branches", "a", "b", "c")
    repo.publish()
    made = plan(repo)
    assert (made.next, [commit.type for commit in made.commits].count("feat")) == ("1.1.0", 3)
    repo.git("replace", "--graft", "HEAD", "v1.0.0")
    assert plan(repo).next is None


def test_a_submodule_does_not_matter(repo: Repo, new_repo: Callable[..., Repo]) -> None:
    inner = new_repo("inner")
    inner.commit("chore: x", {"a": "b"})
    repo.git("-c", "protocol.file.allow=always", "submodule", "add", "-q", os.fspath(inner.path), "sub")
    repo.commit("feat: submodule")
    repo.publish()
    assert (plan(repo).next, codes(plan(repo))) == ("1.1.0", [])


@pytest.mark.parametrize("bare", [False, True])
@pytest.mark.parametrize("where", [".gitattributes", "docs/.gitattributes", "info/attributes"])
def test_a_file_that_lfs_keeps_stops_the_release_and_is_named(repo: Repo, where: str, bare: bool) -> None:
    pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 7\n"
    settings = '\n[tool.release]\nchangelog = "docs/NEWS.md"\n'
    repo.git("config", "filter.lfs.clean", "false")  # it would fail if it ran
    repo.commit("feat: x", {"pyproject.toml": PYPROJECT + settings, "docs/NEWS.md": pointer})
    repo.publish()
    assert repo.remote is not None
    attributes = "*.md filter=lfs diff=lfs -text\n"
    if where == "info/attributes":
        for folder in (repo.remote, repo.path / ".git"):
            (folder / "info").mkdir(exist_ok=True)
            (folder / where).write_text(attributes)
    else:
        repo.commit("chore: lfs", {where: attributes})
        repo.publish()
    made = make(Repository(repo.remote if bare else repo.path))
    assert "filtered-path" in codes(made)
    message = next(problem.message for problem in made.problems if problem.code == "filtered-path")
    assert "docs/NEWS.md (filter=lfs)" in message
    assert "pyproject.toml" not in message


def test_attributes_without_a_filter_stop_nothing(repo: Repo) -> None:
    repo.commit("feat: x", {".gitattributes": "*.toml text eol=lf -filter\n*.bin filter=lfs\n"})
    repo.publish()
    assert codes(plan(repo)) == []


def test_planning_changes_nothing(repo: Repo) -> None:
    repo.commit("feat: x")
    repo.publish()
    repo.write({"untracked": "u"})
    before = {path: path.stat().st_mtime_ns for path in repo.path.rglob("*") if path.is_file()}
    plan(repo)
    assert {path: path.stat().st_mtime_ns for path in repo.path.rglob("*") if path.is_file()} == before


def test_settings_change_the_plan(repo: Repo) -> None:
    settings = (
        '\n[tool.release]\ntag-format = "{name}-{semver}"\nminor-types = ["docs"]\nmessage = "chore: {tag} {x}"\n'
        'tag-message = "{semver}"\nchangelog = "NOTES.md"\nsections = { docs = "Documentation" }\n'
        'version-files = [{ path = "conf.txt", pattern = "release <{version}>", spelling = "semver" }]\n'
    )
    repo.commit("docs: say it", {"pyproject.toml": PYPROJECT + settings, "conf.txt": "1.0.0 release <1.0.0>\n"})
    repo.tag("demo-1.0.0")
    repo.commit("docs: say more")
    repo.publish()
    made = plan(repo, "pre")
    assert (made.tag, made.message, made.tag_message) == ("demo-1.1.0-rc.1", "chore: demo-1.1.0-rc.1 {x}", "1.1.0-rc.1")
    assert new_text(made, "conf.txt") == "1.0.0 release <1.1.0-rc.1>\n"
    assert "### Documentation" in new_text(made, "NOTES.md")
    assert codes(made) == []


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Callable[..., tuple[int, Any, str]]:
    """Run the command line; return exit code, parsed standard output and standard error."""
    from release.cli import main

    def call(*arguments: str) -> tuple[int, Any, str]:
        code = main(arguments)
        out, err = capsys.readouterr()
        return code, json.loads(out) if "json" in arguments else out, err

    return call


def test_the_command_line_prints_the_fixed_keys(repo: Repo, run: Callable[..., tuple[int, Any, str]]) -> None:
    repo.commit("feat(x)!: y")
    repo.commit("not conventional")
    repo.publish()
    code, out, _ = run("--repo", str(repo.path), "plan", "--format", "json")
    assert code == 0
    keys = ["current", "next", "bump", "reason", "tag", "commits", "unparsed", "edits", "refs", "notes", "problems"]
    assert list(out)[: len(keys)] == keys
    assert out["commits"][0].keys() >= {"id", "type", "breaking", "subject"}
    assert (out["commits"][0]["type"], out["commits"][0]["breaking"], out["next"]) == ("feat", True, "2.0.0")
    assert [commit["subject"] for commit in out["unparsed"]] == ["not conventional"]
    assert out["edits"][0].keys() == {"path", "diff"}
    code, out, _ = run("--format", "text", "plan", "--repo", str(repo.path))
    assert code == 0
    assert "1.0.0 -> 2.0.0 (major)" in out
    assert "\x1b" not in out


@pytest.mark.parametrize("arguments", [["plan", "banana"], ["plan", "--bogus"], ["nonsense"], ["plan", "a", "b"], []])
def test_wrong_usage_is_exit_code_two(
    repo: Repo, run: Callable[..., tuple[int, Any, str]], arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(repo.path)
    code, _, err = run(*arguments)
    assert code == 2
    assert err and "Traceback" not in err


def test_no_repository_is_refused(tmp_path: Path, run: Callable[..., tuple[int, Any, str]]) -> None:
    for folder in (tmp_path, tmp_path / "missing"):
        code, out, err = run("--repo", str(folder), "plan", "--format", "json")
        assert (code, out["problems"][0]["code"]) == (1, "no-repository")
        assert "Traceback" not in err


def test_an_unreachable_remote_is_exit_code_three(repo: Repo, run: Callable[..., tuple[int, Any, str]]) -> None:
    repo.commit("feat: x")
    repo.git("remote", "set-url", "origin", "/nowhere/at/all")
    code, out, _ = run("--repo", str(repo.path), "plan", "--format", "json")
    assert (code, [problem["code"] for problem in out["problems"]]) == (3, ["remote-unreachable"])
    code, out, _ = run("--repo", str(repo.path), "plan", "--offline", "--format", "json")
    assert (code, out["next"]) == (0, "1.1.0")
