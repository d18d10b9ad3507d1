"""Locks: ours, so that one release command runs in a clone at a time, and git's, left by a killed process."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections.abc import Iterable, Iterator
from pathlib import Path

from release.errors import Refused
from release.plumbing import Plumbing
from release.problems import Problem

STALE_AFTER = 1.0
"""Seconds. Git holds a ref lock for milliseconds: one this old that names our object or none is left over."""


def _try_lock(handle: int) -> bool:
    if sys.platform == "win32":  # pragma: no cover - the same promise by the other system's call
        import msvcrt

        try:
            msvcrt.locking(handle, msvcrt.LK_NBLCK, 1)
        except OSError:
            return False
        return True
    import fcntl

    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


@contextlib.contextmanager
def only_one(repo: Plumbing) -> Iterator[None]:
    """Hold this clone's release lock; the system drops it when the process dies, however it dies.

    Raises:
        Refused: when another release command is running in this clone.
    """
    path = repo.repository.common_dir / "release.lock"
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        if not _try_lock(handle):
            message = "another release command is running in this clone"
            raise Refused([Problem("running", message, "wait for it, then python -m release status")])
        yield
    finally:
        os.close(handle)


def clear_stale(repo: Plumbing, refs: Iterable[str], oids: Iterable[str]) -> list[str]:
    """Remove lock files of refs, HEAD and packed-refs that a killed git left, and say which.

    A lock is left over when it holds one of `oids`, or when it stays where it is for `STALE_AFTER`
    seconds and is empty. A lock that holds anything else belongs to somebody and is not touched.
    """
    shared = repo.repository.common_dir
    own = repo.repository.git_dir / "HEAD"
    names = [shared / "packed-refs.lock", shared / "packed-refs.new", own.with_name("HEAD.lock")]
    names += [shared / f"{ref}.lock" for ref in refs]
    ours = {oid.encode() for oid in oids}
    return [str(path.relative_to(shared)) for path in names if _clear(path, ours)]


def clear_pending(repo: Plumbing, namespace: str) -> None:
    """Remove every lock in our own namespace of refs: while `only_one` is held, all of them are left over."""
    for path in (repo.repository.common_dir / namespace).rglob("*.lock"):
        path.unlink(missing_ok=True)


def _clear(path: Path, ours: set[bytes]) -> bool:
    shared_file = path.name.startswith("packed-refs")
    while True:
        try:
            content = path.read_bytes().strip() if not shared_file else b""
            age = time.time() - path.stat().st_mtime
        except FileNotFoundError:
            return False
        if content and content not in ours:
            return False
        if content or age >= STALE_AFTER:
            path.unlink(missing_ok=True)
            return True
        time.sleep(0.1)
