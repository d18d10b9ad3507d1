"""`release.transaction`: all or nothing, with real repositories and a bare remote."""

from __future__ import annotations

import dataclasses

import pytest

from release import recover, transaction
from release.change import Options
from release.errors import Interrupted, Refused, ReleaseError
from release.git import Repository
from tests.release.cutting import (
    assert_nothing_pending,
    assert_released,
    assert_unchanged,
    change_for,
    codes,
    cut,
    states,
)


def test_branch_and_tag_move_together_and_the_work_tree_follows(clone):
    outcome = cut(clone)
    assert outcome.pushed
    assert clone.head == outcome.commit
    assert (clone.path / "version.txt").read_text() == "1.1.0\n"
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("rev-parse", "refs/remotes/origin/main") == outcome.commit
    assert "# not a comment" in clone.git("tag", "-l", "--format=%(contents)", "v1.1.0")
    assert_released(clone)


def test_preview_writes_nothing_and_names_the_ids_that_execute_makes(clone):
    before = sorted(clone.path.joinpath(".git").rglob("*"))
    seen = transaction.preview(Repository(clone.path), change_for(clone), Options())
    assert sorted(clone.path.joinpath(".git").rglob("*")) == before
    outcome = cut(clone)
    assert (seen.commit, {tag.name: tag.oid for tag in seen.tags}) == (outcome.commit, outcome.tags)


def test_local_work_survives(clone):
    clone.commit("chore: more files", a__txt="a\n", b__txt="b\n")
    clone.git("push", "--quiet")
    clone.write("README.md", "stashed\n")
    clone.git("stash")
    clone.write("a.txt", "staged\n")
    clone.git("add", "a.txt")
    clone.write("a.txt", "staged, then edited\n")
    clone.write("b.txt", "edited\n")
    clone.write("untracked.txt", "mine\n")
    stash = clone.git("rev-parse", "refs/stash")
    cut(clone)
    assert_released(clone)
    assert clone.git("status", "--porcelain").splitlines() == ["MM a.txt", " M b.txt", "?? untracked.txt"]
    assert clone.git("show", ":a.txt") == "staged"
    assert clone.git("rev-parse", "refs/stash") == stash


@pytest.mark.parametrize("staged", [True, False])
def test_a_local_change_to_a_released_file_is_refused_and_kept(clone, staged):
    base = clone.head
    clone.write("version.txt", "my own\n")
    if staged:
        clone.git("add", "version.txt")
    before = (clone.path / ".git/index").read_bytes()
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["local-changes"]
    assert "version.txt" in str(caught.value)
    assert (clone.path / "version.txt").read_text() == "my own\n"
    assert (clone.path / ".git/index").read_bytes() == before
    assert_unchanged(clone, base)
    assert_nothing_pending(clone)


def test_an_untracked_file_where_the_release_adds_one_is_refused(clone):
    base = clone.head
    clone.write("new.txt", "mine\n")
    with pytest.raises(Refused) as caught:
        cut(clone, new__txt=b"released\n")
    assert codes(caught) == ["local-changes"]
    assert (clone.path / "new.txt").read_text() == "mine\n"
    assert_unchanged(clone, base)


def test_a_rejected_push_leaves_nothing_and_a_rerun_succeeds(clone):
    base = clone.head
    clone.hook("update", 'case "$1" in refs/heads/*) echo "protected branch" >&2; exit 1;; esac', remote=True)
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["push-refused"]
    assert "protected branch" in str(caught.value)
    assert_unchanged(clone, base)
    assert_nothing_pending(clone)
    (clone.remote / "hooks/update").unlink()
    cut(clone)
    assert_released(clone)


def test_a_tag_on_the_remote_is_refused(clone):
    base = clone.head
    clone.git("tag", "v1.1.0", base, at=clone.remote)
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["tag-on-remote"]
    assert clone.there("refs/heads/main") == base
    assert_nothing_pending(clone)


def test_a_clone_that_is_behind_is_refused(clone):
    other = clone.another()
    other.commit("feat: theirs", x="1")
    other.git("push", "--quiet")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["behind-remote"]


def test_unpushed_commits_go_out_with_the_release(clone):
    clone.commit("feat: mine", x="1")
    cut(clone)
    assert_released(clone)


def test_a_rival_who_pushes_first_wins_and_the_other_is_told(clone):
    other = clone.another()
    leave = "unset $(git rev-parse --local-env-vars)"
    clone.hook("pre-push", f"{leave}; git -C {other.path} push --quiet origin main")
    theirs = other.commit("feat: theirs", x="1")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["lost-race"]
    assert clone.there("refs/heads/main") == theirs
    assert clone.there("refs/tags") == ""
    assert_nothing_pending(clone)


def test_of_two_releases_at_once_exactly_one_wins(clone):
    other = clone.another()
    clone.commit("feat: mine", x="1")
    outcome = cut(other, "1.1.0")
    with pytest.raises(Refused) as caught:
        cut(clone, "1.1.0")
    assert set(codes(caught)) == {"tag-on-remote", "behind-remote"}
    assert clone.there("refs/heads/main") == outcome.commit


def test_a_second_command_in_the_same_clone_is_refused(clone):
    repository = Repository(clone.path)
    prepared = transaction.prepare(repository, change_for(clone), Options())
    with transaction.locks.only_one(transaction.Plumbing(repository)), pytest.raises(Refused) as caught:
        transaction.execute(repository, prepared, Options())
    assert codes(caught) == ["running"]


def test_a_push_the_server_took_before_the_line_broke_counts(clone):
    clone.hook("post-receive", "kill -9 $PPID", remote=True)
    cut(clone)
    assert_released(clone)


def test_a_remote_without_atomic_push_is_refused_unless_told(clone):
    base = clone.head
    clone.git("config", "receive.advertiseAtomic", "false", at=clone.remote)
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["no-atomic"]
    assert_unchanged(clone, base)
    cut(clone, options=Options(atomic=False))
    assert_released(clone)


def test_without_atomic_push_a_half_landed_release_is_named_and_finished(clone):
    clone.git("config", "receive.advertiseAtomic", "false", at=clone.remote)
    clone.hook("update", 'case "$1" in refs/tags/*) exit 1;; esac', remote=True)
    with pytest.raises(Interrupted) as caught:
        cut(clone, options=Options(atomic=False))
    assert codes(caught) == ["half-pushed"]
    assert states(clone) == ["half"]
    with pytest.raises(Refused):
        recover.abort(Repository(clone.path))
    with pytest.raises(Interrupted):
        recover.resume(Repository(clone.path))
    (clone.remote / "hooks/update").unlink()
    recover.resume(Repository(clone.path))
    assert_released(clone)


def test_without_a_push_everything_stays_here(clone):
    base = clone.head
    outcome = cut(clone, options=Options(push=False))
    assert not outcome.pushed
    assert clone.there("refs/heads/main") == base
    assert clone.head == outcome.commit
    assert_nothing_pending(clone)


def test_unrelated_errors_are_release_errors(clone):
    change = dataclasses.replace(change_for(clone), base="0" * 40)
    with pytest.raises(ReleaseError):
        transaction.prepare(Repository(clone.path), change, Options())
