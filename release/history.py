"""The commits since the last release, at a cost that grows with them and not with all of history."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from typing import NamedTuple

from packaging.version import Version

from release.commits import Commit, parse, without_reverted
from release.errors import GitFailed
from release.git import Repository, Running
from release.versions import TagFormat

# One record per commit, ended by NUL: id, parents, message. `%B` keeps the message as written.
LOG = (
    "log", "-z", "--format=tformat:%H %P%n%B", "--encoding=UTF-8", "--no-color", "--no-notes", "--no-decorate",
    "--no-show-signature", "--no-mailmap",
)  # fmt: skip


class Release(NamedTuple):
    """A release that was made: its version and tag."""

    version: Version
    tag: str


class Range(NamedTuple):
    """What happened since the last release.

    Attributes:
        last: the last release reachable, pre-releases included; None when there is none.
        final: the last release that was no pre-release.
        commits: since `final` (or since `last`, as asked), newest first.
        touched: ids of those that touch the paths asked for; None where every commit counts.
    """

    last: Release | None
    final: Release | None
    commits: list[Commit]
    touched: frozenset[str] | None = None

    def counted(self) -> tuple[Range, list[Commit], list[Commit]]:
        """Return the range of what matters here, its commits that count, and those that cancel each other.

        What cancels what is decided among all commits, since undoing a merge undoes commits of all paths.
        """
        counted, cancelled = without_reverted(self.commits)
        if self.touched is None:
            return self, counted, cancelled
        all_of, own, gone = (
            [commit for commit in commits if commit.id in self.touched]
            for commits in (self.commits, counted, cancelled)
        )
        return self._replace(commits=all_of), own, gone


def read_range(
    repository: Repository, head: str, releases: Sequence[Release], since_last: bool, paths: Sequence[str] = ()
) -> Range:
    """Find the last release that `head` contains and read the commits after it.

    The newest tag by version is nearly always reachable, so it is tried first, while the commits after it are
    read already. Only when it is not (a maintenance branch) are all tags tested, by one `for-each-ref --merged`.

    Args:
        repository: where to look.
        head: the commit the release will build on.
        releases: every tag that is a release, in any order.
        since_last: begin after the last release of any kind, instead of the last final one.
        paths: say which commits touch one of these; nothing: they do not matter.
    """
    newest = sorted(releases, reverse=True)
    guess = _base(newest, since_last)
    log, touching = start_log(repository, head, guess), start_touching(repository, head, guess, paths)
    checks = [_start_check(repository, release.tag, head) for release in _tops(newest)]
    if all(_answer(check) for check in checks):
        reachable = newest
    else:
        for running in filter(None, (log, touching)):
            running.process.kill()
            running.process.communicate()
        reachable = _reachable(repository, head, newest)
        guess = _base(reachable, since_last)
        log, touching = start_log(repository, head, guess), start_touching(repository, head, guess, paths)
    final = next((release for release in reachable if not release.version.is_prerelease), None)
    return Range(reachable[0] if reachable else None, final, list(read_log(log)), read_touching(touching))


def start_touching(repository: Repository, head: str, after: Release | None, paths: Sequence[str]) -> Running | None:
    """Start listing the commits that touch one of the paths, on every side of every merge."""
    if not paths:
        return None
    excluded = [f"^refs/tags/{after.tag}"] if after else []
    return repository.start("rev-list", "--full-history", head, *excluded, "--", *paths)


def read_touching(running: Running | None) -> frozenset[str] | None:
    """Return the ids that `start_touching` lists."""
    return None if running is None else frozenset(oid.decode("ascii") for oid in running.records(b"\n"))


def start_log(repository: Repository, head: str, after: Release | None) -> Running:
    """Start reading the commits of `head` that the release `after` does not contain."""
    excluded = [f"^refs/tags/{after.tag}"] if after else []
    return repository.start(*LOG, head, *excluded, "--")


def read_log(log: Running) -> Iterator[Commit]:
    """Parse what `start_log` prints, one commit at a time."""
    for record in log.records():
        head, _, message = record.decode("utf-8", "replace").partition("\n")
        oid, *parents = head.split(" ")
        yield parse(oid, [parent for parent in parents if parent], message)


def _tops(newest: Sequence[Release]) -> list[Release]:
    """Return the releases whose reachability decides: the newest, and the newest final one."""
    tops = list(newest[:1])
    if tops and tops[0].version.is_prerelease:
        tops += [release for release in newest if not release.version.is_prerelease][:1]
    return tops


def _base(newest: Sequence[Release], since_last: bool) -> Release | None:
    if since_last:
        return newest[0] if newest else None
    return next((release for release in newest if not release.version.is_prerelease), None)


def _start_check(repository: Repository, tag: str, head: str) -> Running:
    return repository.start("merge-base", "--is-ancestor", f"refs/tags/{tag}", head)


def _answer(check: Running) -> bool:
    return check.result(ok=(0, 1, 128))[0] == 0  # 128: the tag names no commit


def _reachable(repository: Repository, head: str, newest: Iterable[Release]) -> list[Release]:
    try:
        merged = repository.run("for-each-ref", f"--merged={head}", "--format=%(refname)", "refs/tags")
    except GitFailed:
        return []
    names = {name.removeprefix("refs/tags/") for name in os.fsdecode(merged).split("\n")}
    return [release for release in newest if release.tag in names]


def cut_off(repository: Repository, happened: Range) -> bool:
    """Tell whether the range has commits whose parents a shallow clone lacks: they seem to touch every file."""
    shallow = (repository.common_dir / "shallow").read_text(encoding="ascii").split()
    return not {commit.id for commit in happened.commits}.isdisjoint(shallow)


def releases(tags: Iterable[str], tag_format: TagFormat) -> list[Release]:
    """Return the tags that stand for versions of this package."""
    found = ((tag_format.version(tag), tag) for tag in tags)
    return [Release(version, tag) for version, tag in found if version is not None]
