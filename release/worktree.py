"""The work tree follows a branch that moved: no local change is lost, and a kill half-way can be mended."""

from __future__ import annotations

import contextlib
import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from release.errors import Interrupted, Refused
from release.plumbing import Plumbing
from release.problems import Problem

PRIVATE = "release-index"
HELD = b"held by python -m release\n"
UNDER_WAY = {
    "MERGE_HEAD": "a merge",
    "rebase-merge": "a rebase",
    "rebase-apply": "a rebase or am",
    "CHERRY_PICK_HEAD": "a cherry-pick",
    "REVERT_HEAD": "a revert",
}


def follows(repo: Plumbing, branch: str) -> bool:
    """Whether this work tree has `branch` checked out, with an index to bring along."""
    if repo.repository.bare:
        return False
    head = repo.run("symbolic-ref", "--quiet", "HEAD", check=False).text
    return head == f"refs/heads/{branch}" and repo.path("index").exists()


def elsewhere(repo: Plumbing, branch: str) -> list[str]:
    """Return the other worktrees that have `branch` checked out: `update-ref` would move it under them."""
    found, path = [], ""
    for line in repo.run("worktree", "list", "--porcelain", "-z").lines():
        key, _, value = line.partition(" ")
        if key == "worktree":
            path = value
        elif key == "branch" and value == f"refs/heads/{branch}" and not _same(path, repo.directory):
            found.append(path)
    return found


def _same(path: str, other: Path) -> bool:
    return Path(path).exists() and other.samefile(path)


def obstacles(repo: Plumbing, old: str, new: str) -> list[Problem]:
    """Try the move on a copy of the index, changing nothing else, and return what stands in its way."""
    under_way = [words for name, words in UNDER_WAY.items() if (repo.repository.git_dir / name).exists()]
    if under_way:
        message = f"{under_way[0]} is under way in this work tree"
        return [Problem("operation-under-way", message, "finish it or give it up first")]
    private = _copy_index(repo)
    try:
        seen = repo.within({"GIT_INDEX_FILE": str(private)})
        seen.run("update-index", "-q", "--refresh", check=False)
        ran = seen.run("read-tree", "-m", "-u", "-n", "--no-recurse-submodules", old, new, check=False)
    finally:
        private.unlink(missing_ok=True)
    return [] if ran.code == 0 else [_in_the_way(ran.err, "commit or stash these files")]


def _in_the_way(said: str, fix: str) -> Problem:
    reasons = [line.removeprefix("error: ") for line in said.splitlines() if line.startswith("error:")]
    words = "; ".join(reasons) or said.strip()
    return Problem("local-changes", f"local changes are in the way: {words}", fix)


def _copy_index(repo: Plumbing) -> Path:
    index = repo.path("index")
    private = index.with_name(PRIVATE)
    shutil.copy2(index, private)
    return private


@contextlib.contextmanager
def _index_lock(repo: Plumbing) -> Iterator[Path]:
    """Hold git's own index lock, with content by which a later run knows it for ours."""
    index = repo.path("index")
    lock = index.with_name("index.lock")
    held = index.with_name(f"{PRIVATE}.held")
    held.write_bytes(HELD)
    try:
        _place(held, lock)
    except FileExistsError:
        message = f"{lock} exists: another git process is using the index, or one was killed"
        fix = "when no git is running, remove that file, then python -m release resume"
        raise Interrupted.because("index-locked", message, fix) from None
    finally:
        held.unlink(missing_ok=True)
    try:
        yield index
    finally:
        lock.unlink(missing_ok=True)


def _place(held: Path, lock: Path) -> None:
    """Make the lock appear with its content at once, or, without hard links, with its content right after."""
    try:
        lock.hardlink_to(held)
    except FileExistsError:
        raise
    except OSError:
        with lock.open("xb") as handle:
            handle.write(HELD)


def clear_leftovers(repo: Plumbing) -> list[str]:
    """Remove what a killed run of ours left beside the index, and say what."""
    index = repo.path("index")
    cleared = []
    for suffix in ("", ".lock", ".held"):
        path = index.with_name(PRIVATE + suffix)
        if path.exists():
            path.unlink()
            cleared.append(path.name)
    lock = index.with_name("index.lock")
    with contextlib.suppress(FileNotFoundError):
        if lock.read_bytes() == HELD:
            lock.unlink()
            cleared.append(lock.name)
    return cleared


def follow(repo: Plumbing, old: str, new: str, *, again: bool, back: bool = False) -> None:
    """Bring index and work tree from commit `old` to `new`, keeping every unrelated edit.

    Works on a copy of the index that replaces the real one in a single rename, under git's own lock. With
    `again`, files that an earlier, killed run wrote are recognised, and half-written ones written anew. With
    `back`, so are those of a killed run that went from `new` to `old`, to be taken back.

    Raises:
        Refused: when a local change is in the way; nothing is changed then.
        Interrupted: when the index is locked by somebody else.
    """
    with _index_lock(repo) as index:
        private = _copy_index(repo)
        seen = repo.within({"GIT_INDEX_FILE": str(private)})
        seen.run("update-index", "-q", "--refresh", check=False)
        if again:
            _recognise(seen, old, new, back=False)
        if back:
            _recognise(seen, old, new, back=True)
        ran = seen.run("read-tree", "-m", "-u", "--no-recurse-submodules", old, new, check=False)
        if ran.code != 0:
            private.unlink(missing_ok=True)
            fix = "commit or stash these files, then python -m release resume"
            raise Refused([_in_the_way(ran.err, fix)])
        private.replace(index)


def _recognise(seen: Plumbing, old: str, new: str, *, back: bool) -> None:
    """Tell the private index about files that an earlier, killed run has written already.

    A file that is as that run was to leave it is entered as such; one that is only the beginning of it was being
    written when the run was killed, and is removed so that it is written again.
    """
    entries = []
    pieces = seen.run("diff-tree", "-r", "-z", "--no-renames", old, new).lines()
    for change, path in zip(pieces[::2], pieces[1::2], strict=True):
        old_mode, new_mode, was, blob, _ = change.removeprefix(":").split(" ")
        # The index still holds what the killed run started from: `old`, or, on the way back, `new`.
        started, wrote, mode, commit = (blob, was, old_mode, old) if back else (was, blob, new_mode, new)
        place = seen.directory / path
        if mode not in {"100644", "100755"} or place.is_symlink() or not place.is_file():
            continue
        staged = seen.run("ls-files", "-s", "-z", "--", path).text.split(" ")
        if (staged[1] if len(staged) > 1 else "0" * len(was)) != started:
            continue
        now = seen.text("hash-object", f"--path={path}", "--", str(place))
        dropped = now not in {started, wrote} and _drop_beginning(seen, place, f"{commit}:{path}")
        if now == wrote or (back and dropped):
            entries.append(f"{mode} {wrote}\t{path}\0")
    if entries:
        seen.run("update-index", "-z", "--index-info", stdin=os.fsencode("".join(entries)))
        seen.run("update-index", "-q", "--refresh", check=False)


def _drop_beginning(seen: Plumbing, place: Path, whole: str) -> bool:
    """Remove a file that is only the beginning of what it was to be; return whether it was."""
    half = seen.run("cat-file", "--filters", whole).out.startswith(place.read_bytes())
    if half:
        place.unlink()
    return half
