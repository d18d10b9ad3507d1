"""`release.scratch`: the user's hooks run as git runs them, on the new commit and never on the user's work tree."""

from __future__ import annotations

import pytest

from release.change import Options
from release.errors import Refused
from tests.release.cutting import cut


def test_hooks_see_the_release_and_not_the_work_tree(clone, tmp_path):
    log = tmp_path / "log"
    clone.write("README.md", "dirty\n")
    clone.hook(
        "pre-commit", f'echo "pre-commit $(cat version.txt README.md) $(git diff --cached --name-only)" >> {log}'
    )
    clone.hook("commit-msg", f'echo "commit-msg $(cat "$1")" >> {log}')
    clone.hook("pre-push", f'echo "pre-push $(cat version.txt README.md) $1" >> {log}; cat >> {log}')
    outcome = cut(clone)
    lines = log.read_text().splitlines()
    assert lines[:2] == ["pre-commit 1.1.0", "hello version.txt"]
    assert lines[2] == "commit-msg Release 1.1.0"
    assert lines[3:5] == ["pre-push 1.1.0", "hello origin"]
    assert any(f"{outcome.commit} refs/heads/main" in line for line in lines[5:])
    assert (clone.path / "README.md").read_text() == "dirty\n"
    assert clone.git("worktree", "list", "--porcelain").count("worktree ") == 1


@pytest.mark.parametrize("name", ["pre-commit", "commit-msg", "pre-push", "prepare-commit-msg"])
def test_a_hook_that_says_no_stops_everything_and_its_words_are_shown(clone, name):
    base = clone.head
    clone.hook(name, "echo these words >&2; exit 1")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert "these words" in str(caught.value)
    assert clone.there("refs/heads/main") == clone.head == base
    assert clone.git("for-each-ref", "refs/release", "refs/tags") == ""
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("worktree", "list", "--porcelain").count("worktree ") == 1
    (clone.path / ".git/hooks" / name).unlink()
    cut(clone)
    assert clone.there("refs/tags/v1.1.0")


def test_what_hooks_change_is_in_the_commit_and_said(clone):
    clone.hook("pre-commit", "echo formatted >> version.txt; git add version.txt")
    clone.hook("commit-msg", 'printf "\\nChange-Id: I1\\n" >> "$1"')
    outcome = cut(clone)
    assert clone.git("show", "HEAD:version.txt") == "1.1.0\nformatted"
    assert clone.git("log", "-1", "--format=%(trailers:key=Change-Id)") == "Change-Id: I1"
    assert "a hook changed the commit" in outcome.notes[0]


def test_hooks_can_be_left_out(clone):
    for name in ("pre-commit", "commit-msg", "pre-push"):
        clone.hook(name, "exit 1")
    cut(clone, options=Options(hooks=False))
    assert clone.there("refs/tags/v1.1.0")


def test_hooks_in_a_folder_of_the_repository_are_found(clone):
    clone.git("config", "core.hooksPath", "my-hooks")
    clone.write("my-hooks/pre-commit", "#!/bin/sh\nexit 1\n").chmod(0o755)
    with pytest.raises(Refused):
        cut(clone)


def test_a_reference_transaction_hook_that_refuses_stops_it_before_the_push(clone):
    base = clone.head
    clone.hook("reference-transaction", 'if [ "$1" = prepared ] && grep -q refs/tags/; then exit 1; fi')
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert [problem.code for problem in caught.value.problems] == ["refs"]
    assert clone.there("refs/heads/main") == base
