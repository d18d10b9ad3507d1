"""`release.transaction`: all or nothing, with real repositories and a bare remote."""

from __future__ import annotations

import dataclasses
import os
import subprocess
from pathlib import Path

import pytest

from release import pending, recover, transaction
from release.change import Change, Options, Outcome, TagSpec
from release.errors import Interrupted, Refused, ReleaseError
from release.git import Repository
from release.plumbing import Plumbing


def change_for(clone, version="1.1.0", **files) -> Change:
    contents = {name.replace("__", "."): text for name, text in files.items()}
    return Change(
        kind="release",
        label=version,
        branch="main",
        base=clone.git("rev-parse", "refs/heads/main"),
        files=contents or {"version.txt": f"{version}\n".encode()},
        message=f"Release {version}\n",
        tags=(TagSpec(f"v{version}", f"{version}\n\n# not a comment\n"),),
        when=1_700_000_000,
    )


def cut(clone, version="1.1.0", options=None, **files) -> Outcome:
    repository = Repository(clone.path)
    options = options or Options()
    prepared = transaction.prepare(repository, change_for(clone, version, **files), options)
    return transaction.execute(repository, prepared, options)


def codes(caught) -> list[str]:
    return [problem.code for problem in caught.value.problems]


def states(clone) -> list[str]:
    return [standing.state for standing in recover.standings(Repository(clone.path))]


def assert_released(clone, version="1.1.0"):
    """Branch and tag are on the remote and here, they belong together, and nothing is pending."""
    tag = clone.there(f"refs/tags/v{version}")
    assert tag
    commit = clone.git("rev-parse", f"{tag}^{{commit}}")
    assert clone.there("refs/heads/main") == commit
    assert clone.git("rev-parse", f"refs/tags/v{version}") == tag
    assert clone.git("rev-parse", "refs/heads/main") == commit
    assert_nothing_pending(clone)


def assert_unchanged(clone, base, version="1.1.0"):
    assert clone.there("refs/heads/main") == base
    assert clone.there(f"refs/tags/v{version}") == ""
    assert clone.git("rev-parse", "refs/heads/main") == base
    assert clone.git("tag", "--list") == ""


def assert_nothing_pending(clone):
    assert clone.git("for-each-ref", "refs/release") == ""
    assert clone.git("worktree", "list", "--porcelain").count("worktree ") == 1
    clone.git("fsck", "--strict")


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


def test_a_branch_checked_out_in_another_worktree_is_refused(clone, tmp_path):
    clone.git("checkout", "--quiet", "--detach")
    clone.git("worktree", "add", "--quiet", str(tmp_path / "second"), "main")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["checked-out-elsewhere"]
    assert str(tmp_path / "second") in str(caught.value)


def test_a_linked_worktree_can_release_its_own_branch(clone, tmp_path):
    clone.git("checkout", "--quiet", "--detach")
    second = tmp_path / "second"
    clone.git("worktree", "add", "--quiet", str(second), "main")
    there = type(clone)(second, clone.remote)
    cut(there)
    assert (second / "version.txt").read_text() == "1.1.0\n"
    assert there.git("status", "--porcelain") == ""
    assert clone.there("refs/heads/main") == there.head


def test_a_branch_that_is_not_checked_out_moves_without_touching_the_work_tree(clone):
    clone.git("checkout", "--quiet", "-b", "topic")
    cut(clone)
    assert (clone.path / "version.txt").read_text() == "1.0.0\n"
    assert clone.git("status", "--porcelain") == ""
    assert_released(clone)


def test_a_bare_repository_can_release(clone, tmp_path):
    bare = tmp_path / "bare.git"
    clone.git("clone", "--quiet", "--bare", str(clone.remote), str(bare))
    there = type(clone)(bare, clone.remote)
    cut(there)
    assert there.git("rev-parse", "main") == clone.there("refs/heads/main")


def test_line_endings_modes_and_submodules_survive(clone, tmp_path):
    clone.git("config", "core.autocrlf", "true")
    clone.write("run.sh", b"#!/bin/sh\necho 1.0.0\n")
    (clone.path / "run.sh").chmod(0o755)
    clone.write(".gitattributes", b"*.sh text eol=lf\n*.bat text eol=crlf\n")
    clone.write("go.bat", b"echo 1.0.0\r\n")
    clone.git("submodule", "--quiet", "add", str(clone.remote), "sub")
    clone.commit("feat: files")
    clone.git("push", "--quiet")
    tree = clone.git("ls-tree", "HEAD", "sub")
    cut(clone, run__sh=b"#!/bin/sh\necho 1.1.0\n", go__bat=b"echo 1.1.0\n", version__txt=b"1.1.0\n")
    assert clone.git("status", "--porcelain") == ""
    assert clone.git("ls-tree", "HEAD", "sub") == tree
    assert (clone.path / "version.txt").read_bytes() == b"1.1.0\r\n"
    assert (clone.path / "go.bat").read_bytes() == b"echo 1.1.0\r\n"
    assert (clone.path / "run.sh").read_bytes() == b"#!/bin/sh\necho 1.1.0\n"
    assert (clone.path / "run.sh").stat().st_mode & 0o100
    assert clone.git("ls-tree", "HEAD", "run.sh").startswith("100755 ")


def test_a_file_stored_through_a_filter_is_refused(clone):
    clone.commit("chore: lfs", __gitattributes="*.bin filter=lfs\n")
    clone.git("push", "--quiet")
    with pytest.raises(Refused) as caught:
        cut(clone, big__bin=b"1")
    assert codes(caught) == ["filtered-path"]
    assert "filter=lfs" in str(caught.value)


def test_a_symlink_is_not_written_through(clone):
    (clone.path / "link").symlink_to("version.txt")
    clone.commit("chore: link")
    clone.git("push", "--quiet")
    with pytest.raises(Refused) as caught:
        cut(clone, link=b"1")
    assert codes(caught) == ["not-a-file"]


def test_sha256_repositories_work(tmp_path, clone):
    remote, path = tmp_path / "r256.git", tmp_path / "c256"
    clone.git("init", "--quiet", "--bare", "--object-format=sha256", str(remote))
    clone.git("init", "--quiet", "--object-format=sha256", str(path))
    there = type(clone)(path, remote)
    there.git("remote", "add", "origin", str(remote))
    there.commit("feat: begin", version__txt="1.0.0\n")
    there.git("push", "--quiet", "-u", "origin", "main")
    assert len(cut(there).commit) == 64
    assert_released(there)


@pytest.mark.parametrize("name", ["-d", "--upload-pack=x", "a b", "a..b", "x\ny", "a~1", "v.lock"])
def test_hostile_tag_names_are_refused(clone, name):
    base = clone.head
    change = dataclasses.replace(change_for(clone), tags=(TagSpec(name, "x"),))
    with pytest.raises(Refused) as caught:
        transaction.prepare(Repository(clone.path), change, Options())
    assert codes(caught) == ["bad-tag-name"]
    assert_unchanged(clone, base)


def test_a_nul_in_the_message_is_refused(clone):
    change = dataclasses.replace(change_for(clone), message="a\0b")
    with pytest.raises(Refused) as caught:
        transaction.prepare(Repository(clone.path), change, Options())
    assert codes(caught) == ["nul-in-message"]


def test_a_message_of_ten_megabytes_is_kept(clone):
    change = dataclasses.replace(change_for(clone), message="Release\n\n" + "x" * 10_000_000)
    prepared = transaction.prepare(Repository(clone.path), change, Options())
    outcome = transaction.execute(Repository(clone.path), prepared, Options())
    assert len(clone.git("log", "-1", "--format=%B", outcome.commit)) > 10_000_000


def test_without_a_name_git_cannot_commit_and_it_says_so(clone, monkeypatch, tmp_path):
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    clone.git("config", "user.useConfigOnly", "true")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["no-identity"]


def test_a_tag_name_that_collides_with_a_folder_of_tags_is_refused_before_the_push(clone):
    base = clone.head
    clone.git("tag", "v1.1.0/x")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["refs"]
    assert clone.there("refs/heads/main") == base
    assert_nothing_pending(clone)


def test_a_merge_under_way_is_refused(clone):
    clone.write(".git/MERGE_HEAD", f"{clone.head}\n")
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["operation-under-way"]


def test_several_push_addresses_are_refused(clone, tmp_path):
    clone.git("remote", "set-url", "--add", "--push", "origin", str(clone.remote))
    clone.git("remote", "set-url", "--add", "--push", "origin", str(tmp_path / "second.git"))
    with pytest.raises(Refused) as caught:
        cut(clone)
    assert codes(caught) == ["several-push-urls"]


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
    import sys

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


def test_an_edit_made_after_the_kill_survives_an_abort(clone):
    local = Options(push=False)
    repository = Repository(clone.path)
    prepared = transaction.prepare(repository, change_for(clone), local)
    pending.create(Plumbing(repository), pending.describe(prepared, local, "", 0))
    clone.write("version.txt", "1.1.0\nand mine\n")
    assert recover.abort(repository) == ["release 1.1.0"]
    assert (clone.path / "version.txt").read_text() == "1.1.0\nand mine\n"


def test_unrelated_errors_are_release_errors(clone):
    change = dataclasses.replace(change_for(clone), base="0" * 40)
    with pytest.raises(ReleaseError):
        transaction.prepare(Repository(clone.path), change, Options())


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


def test_a_file_system_without_hard_links_will_do(clone, monkeypatch):
    def refuse(self, target):
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(Path, "hardlink_to", refuse)
    cut(clone)
    assert_released(clone)
