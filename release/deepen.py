"""What a shallow clone hides, fetched into a scratch repository: the user's refs and objects stay as they are.

Only commits are needed, and only those since the last release. The remote names its tags; the newest is tried
first with `git fetch --shallow-exclude=TAG --filter=tree:0`. The tag is an ancestor exactly when its commit is a
parent of one of the commits fetched. After a few wrong guesses all commits are fetched, without trees and files.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from release.errors import GitFailed
from release.git import NETWORK_SECONDS, Repository
from release.history import Range, Release, read_log, read_range, start_log
from release.versions import TagFormat

GUESSES = 4
FETCH_SECONDS = 10 * NETWORK_SECONDS


def fetched_range(
    repository: Repository, head: str, remote: str, tags: Mapping[str, str], tag_format: TagFormat, since_last: bool
) -> Range:
    """Read what happened since the last release, as `history.read_range` does in a full clone.

    Raises:
        GitFailed: the remote refused.
        Interrupted: the remote did not answer in time.
    """
    known = ((tag_format.version(tag), tag) for tag in tags)
    releases = sorted((Release(version, tag) for version, tag in known if version is not None), reverse=True)
    with tempfile.TemporaryDirectory(prefix="release-") as folder:
        scratch = _scratch(repository, Path(folder), head)
        for base in [release for release in releases if not release.version.is_prerelease][:GUESSES]:
            if tags[base.tag] != head and not _reached(scratch, remote, head, base, tags[base.tag]):
                continue
            commits = [] if tags[base.tag] == head else list(read_log(start_log(scratch, head, None)))
            ids = {commit.id for commit in commits}
            last = next((release for release in releases if tags[release.tag] in ids), base)
            if since_last and last is not base:
                _name_tags(scratch, [last], tags)
                commits = list(read_log(start_log(scratch, head, last)))
            return Range(last, base, commits)
        _fetch(scratch, remote, "--unshallow", head)
        ids = set(scratch.run("rev-list", head, "--").decode("ascii").split())
        reachable = [release for release in releases if tags[release.tag] in ids]
        _name_tags(scratch, reachable, tags)
        return read_range(scratch, head, reachable, since_last)


def remote_tags(repository: Repository, remote: str) -> dict[str, str]:
    """Return the remote's tags with the commits they name."""
    found: dict[str, str] = {}
    running = repository.start("ls-remote", "--tags", "--end-of-options", remote)
    for line in os.fsdecode(running.result(timeout=NETWORK_SECONDS)[1]).splitlines():
        oid, _, name = line.partition("\t")
        found[name.removeprefix("refs/tags/").removesuffix("^{}")] = oid  # the peeled line comes second
    return found


def _scratch(repository: Repository, folder: Path, head: str) -> Repository:
    """Make a bare repository that borrows the user's objects and settings (addresses, credentials)."""
    repository.run("init", "-q", "--bare", f"--object-format={repository.object_format}", "--", os.fspath(folder))
    (folder / "objects" / "info").mkdir(parents=True, exist_ok=True)
    (folder / "objects" / "info" / "alternates").write_text(f"{repository.common_dir / 'objects'}\n")
    (folder / "shallow").write_bytes((repository.common_dir / "shallow").read_bytes())
    with (folder / "config").open("a") as config:
        path = os.fspath(repository.common_dir / "config").replace("\\", "\\\\").replace('"', '\\"')
        config.write(f'[include]\n\tpath = "{path}"\n[core]\n\tbare = true\n')
    scratch = Repository(folder)
    scratch.run("update-ref", "refs/heads/release", head)
    return scratch


def _reached(scratch: Repository, remote: str, head: str, base: Release, commit: str) -> bool:
    """Fetch what `base` does not contain; tell whether that is all there is between it and `head`."""
    try:
        _fetch(scratch, remote, f"--shallow-exclude=refs/tags/{base.tag}", head)
    except GitFailed:
        return False  # nothing between them, or a server that cannot do this
    objects = scratch.objects()
    for oid in (scratch.git_dir / "shallow").read_text().split():
        blob = objects.get(oid)
        header = blob.data.partition(b"\n\n")[0] if blob else b""
        if f"parent {commit}".encode() in header.split(b"\n"):
            return True
    return False


def _fetch(scratch: Repository, remote: str, how: str, head: str) -> None:
    running = scratch.start(
        "fetch", "--quiet", "--no-tags", "--no-write-fetch-head", "--refmap=", "--filter=tree:0", how,
        "--end-of-options", remote, head,
    )  # fmt: skip
    running.result(timeout=FETCH_SECONDS)


def _name_tags(scratch: Repository, releases: Sequence[Release], tags: Mapping[str, str]) -> None:
    for release in releases:
        scratch.run("update-ref", f"refs/tags/{release.tag}", tags[release.tag])
