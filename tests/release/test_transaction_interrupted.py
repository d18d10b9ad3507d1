"""`release.transaction` killed, cut off or left waiting: the next command says where it stands and ends it."""

from __future__ import annotations

import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest

from release import pending, recover, transaction
from release.change import Options
from release.errors import Interrupted, Refused
from release.git import Repository
from release.plumbing import Plumbing
from tests.release.cutting import (
    assert_nothing_pending,
    assert_released,
    assert_unchanged,
    change_for,
    codes,
    cut,
    states,
)


def test_a_push_that_broke_off_can_be_resumed_or_aborted(clone):
    base = clone.head
    clone.hook("pre-receive", "kill -9 $PPID", remote=True)
    for ending in ("abort", "resume"):
        with pytest.raises(Interrupted):
            cut(clone)
        assert states(clone) == ["pending"]
        assert_unchanged(clone, base)
        with pytest.raises(Refused) as caught:
            cut(clone)
        assert codes(caught) == ["pending"]
        if ending == "abort":
            assert recover.abort(Repository(clone.path)) == ["release 1.1.0"]
            assert_unchanged(clone, base)
            assert_nothing_pending(clone)
    (clone.remote / "hooks/pre-receive").unlink()
    recover.resume(Repository(clone.path))
    assert_released(clone)
    assert recover.resume(Repository(clone.path)) == []
    assert recover.abort(Repository(clone.path)) == []


def test_a_silent_remote_interrupts_and_status_says_so(clone):
    base = clone.head
    clone.hook("pre-receive", f"mv {clone.remote} {clone.remote}.gone; kill -9 $PPID", remote=True)
    with pytest.raises(Interrupted) as caught:
        cut(clone)
    assert codes(caught) == ["remote-silent"]
    assert states(clone) == ["unknown"]
    for command in (recover.resume, recover.abort):
        with pytest.raises(Interrupted):
            command(Repository(clone.path))
    Path(f"{clone.remote}.gone").rename(clone.remote)
    (clone.remote / "hooks/pre-receive").unlink()
    assert_unchanged(clone, base)
    recover.resume(Repository(clone.path))
    assert_released(clone)


def kill_in(clone, hook, action):
    """Cut in a process of its own which a hook of git kills at a certain point."""
    clone.hook(hook, action)
    program = (
        "import sys; sys.path[:0] = sys.argv[2:]\n"
        "from release.git import Repository\nfrom release import transaction\n"
        "from release.change import *\n"
        "repo = Repository(sys.argv[1])\n"
        "base = repo.line('rev-parse', 'refs/heads/main')\n"
        "change = Change('release', '1.1.0', 'main', base, {'version.txt': b'1.1.0\\n'}, 'Release 1.1.0',"
        " (TagSpec('v1.1.0', '1.1.0'),), 1700000000)\n"
        "transaction.execute(repo, transaction.prepare(repo, change, Options()), Options())\n"
    )

    ran = subprocess.run([sys.executable, "-c", program, str(clone.path), *sys.path], check=False, capture_output=True)
    (clone.path / ".git/hooks" / hook).unlink()
    return ran.returncode


PROCESS = "kill -9 $(ps -o ppid= -p $PPID)"


@pytest.mark.parametrize("ending", ["resume", "abort"])
def test_killed_before_the_push_it_can_be_ended_either_way(clone, ending):
    base = clone.head
    assert kill_in(clone, "pre-push", f"{PROCESS}; kill -9 $PPID") == -9
    assert states(clone) == ["pending"]
    assert_unchanged(clone, base)
    if ending == "abort":
        assert recover.abort(Repository(clone.path)) == ["release 1.1.0"]
        assert_unchanged(clone, base)
        assert_nothing_pending(clone)
    else:
        recover.resume(Repository(clone.path))
        assert_released(clone)


def test_killed_between_push_and_local_refs_it_is_finished_and_cannot_be_aborted(clone):
    landed = "[ -e ../remote.git/refs/tags/v1.1.0 ]"
    script = f'if [ "$1" = prepared ] && grep -q refs/tags/v1.1.0 && {landed}; then'
    assert kill_in(clone, "reference-transaction", f"{script} {PROCESS}; kill -9 $PPID; fi") == -9
    assert states(clone) == ["pushed"]
    with pytest.raises(Refused) as caught:
        recover.abort(Repository(clone.path))
    assert codes(caught) == ["public"]
    recover.resume(Repository(clone.path))
    assert_released(clone)
    assert clone.git("status", "--porcelain") == ""


def test_a_local_edit_made_after_the_kill_is_kept_and_named(clone):
    script = 'if [ "$1" = prepared ] && grep -q "refs/remotes/origin/main"; then'
    assert kill_in(clone, "reference-transaction", f"{script} {PROCESS}; kill -9 $PPID; fi") == -9
    clone.write("version.txt", "my own\n")
    with pytest.raises(Interrupted) as caught:
        recover.resume(Repository(clone.path))
    assert codes(caught) == ["cannot-follow"]
    assert "version.txt" in str(caught.value)
    assert (clone.path / "version.txt").read_text() == "my own\n"
    clone.git("stash")
    recover.resume(Repository(clone.path))
    assert_released(clone)


def test_a_file_half_written_by_a_killed_run_is_written_again(clone):
    clone.git("config", "core.autocrlf", "true")
    script = 'if [ "$1" = prepared ] && grep -q "refs/remotes/origin/main"; then'
    assert kill_in(clone, "reference-transaction", f"{script} {PROCESS}; kill -9 $PPID; fi") == -9
    clone.write("version.txt", b"1.1.0\r")
    recover.resume(Repository(clone.path))
    assert (clone.path / "version.txt").read_bytes() == b"1.1.0\r\n"
    assert_released(clone)


@pytest.mark.parametrize("left", [b"1.1.0\n", b"1.1", b""])
@pytest.mark.parametrize("staged", [False, True])
def test_what_a_killed_run_wrote_here_is_taken_back(clone, left, staged):
    """Without a push the work tree may follow before anything is public: the files are there, the index is not."""
    base = clone.head
    local = Options(push=False)
    repository = Repository(clone.path)
    prepared = transaction.prepare(repository, change_for(clone, version__txt=b"1.1.0\n", new__txt=b"new\n"), local)
    repo = Plumbing(repository)
    pending.create(repo, pending.describe(prepared, local, "", 0))
    if staged:
        clone.git("read-tree", "-m", "-u", base, prepared.commit)
        clone.write("version.txt", "1.0.0\n")  # and then an abort was killed
    else:
        clone.write("version.txt", left)
        clone.write("new.txt", "new\n")
    assert recover.abort(repository) == ["release 1.1.0"]
    assert_unchanged(clone, base)
    assert_nothing_pending(clone)
    assert clone.git("status", "--porcelain") == ""
    assert (clone.path / "version.txt").read_text() == "1.0.0\n"


def unpushed(clone):
    """Write the pending ref of a release that stays here, and return its commit."""
    local = Options(push=False)
    repository = Repository(clone.path)
    prepared = transaction.prepare(repository, change_for(clone), local)
    pending.create(Plumbing(repository), pending.describe(prepared, local, "", 0))
    return prepared.commit


def test_a_release_under_whose_feet_the_branch_has_moved_is_stale(clone):
    unpushed(clone)
    head = clone.commit("fix: meanwhile", other__txt="x")
    assert states(clone) == ["stale"]
    with pytest.raises(Refused) as caught:
        recover.resume(Repository(clone.path))
    assert codes(caught) == ["stale"]
    assert recover.abort(Repository(clone.path)) == ["release 1.1.0"]
    assert clone.head == head
    assert clone.git("tag", "--list") == ""
    assert_nothing_pending(clone)


def test_a_release_that_commits_build_on_is_finished_and_cannot_be_aborted(clone):
    commit = unpushed(clone)
    clone.git("reset", "--quiet", "--hard", commit)  # killed before the tag and the end
    head = clone.commit("fix: go on", other__txt="x")
    assert states(clone) == ["built-on"]
    with pytest.raises(Refused) as caught:
        recover.abort(Repository(clone.path))
    assert codes(caught) == ["public"]
    recover.resume(Repository(clone.path))
    assert (clone.head, clone.git("rev-parse", "v1.1.0^{commit}")) == (head, commit)
    assert_nothing_pending(clone)
    assert clone.git("status", "--porcelain") == ""


def test_an_edit_made_after_the_kill_survives_an_abort(clone):
    unpushed(clone)
    clone.write("version.txt", "1.1.0\nand mine\n")
    assert recover.abort(Repository(clone.path)) == ["release 1.1.0"]
    assert (clone.path / "version.txt").read_text() == "1.1.0\nand mine\n"


def test_of_several_pending_changes_each_is_ended_in_its_own_way(clone):
    clone.hook("pre-receive", "kill -9 $PPID", remote=True)
    with pytest.raises(Interrupted):
        cut(clone)
    (clone.remote / "hooks/pre-receive").unlink()
    lock = clone.write(".git/index.lock", "")
    rollback = dataclasses.replace(change_for(clone, README__md=b"back\n"), kind="rollout", label="0", tags=())
    options = Options(urgent=True)
    prepared = transaction.prepare(Repository(clone.path), rollback, options)
    with pytest.raises(Interrupted):
        transaction.execute(Repository(clone.path), prepared, options)
    assert sorted(states(clone)) == ["lost", "pushed"]
    lock.unlink()
    with pytest.raises(Refused) as caught:
        recover.resume(Repository(clone.path))
    assert codes(caught) == ["lost"]
    assert clone.head == clone.there("refs/heads/main") == prepared.commit
    assert recover.abort(Repository(clone.path)) == ["release 1.1.0"]
    assert_nothing_pending(clone)
