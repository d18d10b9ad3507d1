"""The faults other release tools were seen to have, one test each, on a package with Cargo.toml and Cargo.lock.

Each ends with the remote unchanged or complete, and a rerun that succeeds or says exactly what to do. While
anything is missing on the remote no command exits with 0.
"""

from __future__ import annotations

import json
import os
import pwd
import shutil
import subprocess

import pytest

from release.cli import main

CARGO = '[package]\nname = "demo"\nversion = "1.0.0"\nedition = "2021"\n'
LOCK = '# by cargo\nversion = 4\n\n[[package]]\nname = "demo"\nversion = "1.0.0"\n'
WRITTEN = (
    "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- Written by hand,\n  over two lines.\n\n"
    "## [1.0.0] - 2026-01-01\n\n- First.\n"
)


@pytest.fixture
def project(clone):
    clone.commit("chore: package", Cargo__toml=CARGO, Cargo__lock=LOCK, CHANGELOG__md=WRITTEN, src="")
    (clone.path / "src").unlink()
    clone.commit("chore: sources", **{"src/lib__rs": "//! Demo.\n"})
    clone.git("tag", "-a", "-m", "1.0.0", "v1.0.0")
    clone.commit("feat: a thing", thing__txt="1\n")
    clone.git("push", "--quiet", "origin", "main", "v1.0.0")
    return clone


def run(capsys, clone, *args):
    code = main(["--repo", str(clone.path), "--format", "json", *args])
    return code, json.loads(capsys.readouterr().out)


def codes(said):
    return {problem["code"] for problem in said["problems"]}


def assert_complete(clone, version="1.1.0"):
    tagged = clone.git("rev-parse", f"{clone.there(f'refs/tags/v{version}')}^{{commit}}")
    assert clone.there("refs/heads/main") == tagged == clone.head
    assert clone.git("status", "--porcelain", "--untracked-files=no") == ""


def assert_untouched(clone, base, version="1.1.0"):
    assert clone.there("refs/heads/main") == clone.head == base
    assert clone.there(f"refs/tags/v{version}") == clone.git("tag", "--list", f"v{version}") == ""
    assert clone.git("status", "--porcelain") == ""


def test_the_remote_refuses_the_branch(capsys, project):
    base = project.head
    project.hook("update", 'case "$1" in refs/heads/*) echo "main is protected" >&2; exit 1;; esac', remote=True)
    for _ in range(2):
        code, said = run(capsys, project, "cut", "--execute")
        assert (code, codes(said)) == (1, {"push-refused"})
        assert "main is protected" in said["problems"][0]["message"]
        assert_untouched(project, base)
    (project.remote / "hooks/update").unlink()
    assert run(capsys, project, "cut", "--execute")[0] == 0
    assert_complete(project)


def test_the_remote_refuses_the_tag(capsys, project):
    base = project.head
    project.hook("update", 'case "$1" in refs/tags/*) exit 1;; esac', remote=True)
    assert run(capsys, project, "cut", "--execute")[0] == 1
    assert_untouched(project, base)


def test_the_tag_is_on_the_remote_already(capsys, project):
    base = project.head
    project.git("tag", "-a", "-m", "theirs", "v1.1.0", "main", at=project.remote)
    for _ in range(2):
        code, said = run(capsys, project, "cut", "--execute")
        assert (code, codes(said)) == (1, {"tag-exists-remote"})
        assert project.there("refs/heads/main") == project.head == base
    code, said = run(capsys, project, "cut", "1.1.1", "--execute")
    assert code == 0
    assert_complete(project, "1.1.1")


def test_an_unrelated_file_is_dirty(capsys, project):
    base = project.head
    project.write("README.md", "half an idea\n")
    code, said = run(capsys, project, "cut", "--execute")
    assert (code, codes(said)) == (1, {"dirty"})
    assert "README.md" in said["problems"][0]["message"]
    assert (project.path / "README.md").read_text() == "half an idea\n"
    assert project.there("refs/heads/main") == project.head == base
    project.git("stash")
    assert run(capsys, project, "cut", "--execute")[0] == 0
    assert_complete(project)
    project.git("stash", "pop")
    assert (project.path / "README.md").read_text() == "half an idea\n"


def test_a_pre_commit_hook_fails(capsys, project):
    base = project.head
    project.hook("pre-commit", "exit 1")
    for _ in range(2):
        code, said = run(capsys, project, "cut", "--execute")
        assert (code, codes(said)) == (1, {"hook"})
        assert_untouched(project, base)
    (project.path / ".git/hooks/pre-commit").unlink()
    assert run(capsys, project, "cut", "--execute")[0] == 0
    assert_complete(project)


def test_a_hand_written_unreleased_section_is_what_is_published(capsys, project):
    code, said = run(capsys, project, "cut", "--execute")
    assert code == 0
    text = (project.path / "CHANGELOG.md").read_text()
    assert "- Written by hand,\n  over two lines.\n" in text
    assert "Written by hand" in said["notes"]
    assert text.index("## [Unreleased]") < text.index("## [1.1.0]") < text.index("Written by hand")


@pytest.mark.skipif(shutil.which("cargo") is None, reason="cargo is not installed: what cargo thinks is NOT checked")
def test_a_release_candidate_is_spelled_as_cargo_wants_it_and_the_lock_moves_along(capsys, project):
    assert run(capsys, project, "cut", "pre", "--execute")[0] == 0
    tag = project.git("describe", "--tags")
    assert 'version = "1.1.0-rc.1"' in (project.path / "Cargo.toml").read_text()
    assert 'version = "1.1.0-rc.1"' in project.git("show", f"{tag}:Cargo.lock")
    checked = ["cargo", "metadata", "--locked", "--offline", "--format-version=1"]
    home = {"HOME": pwd.getpwuid(os.getuid()).pw_dir}  # where the toolchain is
    ran = subprocess.run(checked, cwd=project.path, env={**os.environ, **home}, check=False, capture_output=True)
    assert ran.returncode == 0, ran.stderr.decode()


def test_the_lock_file_moves_in_the_release_commit(capsys, project):
    assert run(capsys, project, "cut", "--execute")[0] == 0
    files = project.git("show", "--name-only", "--format=", "HEAD").splitlines()
    assert sorted(files) == ["CHANGELOG.md", "Cargo.lock", "Cargo.toml", "version.txt"]
    assert 'version = "1.1.0"' in (project.path / "Cargo.lock").read_text()
