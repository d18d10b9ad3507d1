"""The full changelog, written from all of history in one pass of `git log`.

A commit belongs to the oldest release that contains it. Walking from the newest commit to the oldest, each
commit hands its release on to its parents; a release is complete, and printed, as soon as no commit that is
still expected can belong to it. So memory holds a few releases, however long history is.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple

from packaging.version import Version

from release import notes
from release.commits import Commit, parse, without_reverted
from release.git import Repository
from release.history import read_touching, start_touching
from release.versions import TagFormat

LOG = (
    "log", "-z", "--format=tformat:%H %P%n%ct %D%n%B", "--encoding=UTF-8", "--no-color", "--no-notes",
    "--decorate=full", "--decorate-refs=refs/tags/*", "--no-show-signature", "--no-mailmap",
)  # fmt: skip


class Entry(NamedTuple):
    """One release of the full changelog; version, tag and date are empty for what is not released."""

    version: str
    tag: str
    date: str
    notes: str


class _Release:
    """A release that is being collected."""

    def __init__(self, version: Version | None, tag: str, when: str) -> None:
        self.version = version
        self.tag = tag
        self.date = time.strftime("%Y-%m-%d", time.gmtime(int(when))) if when else ""
        self.commits: list[Commit] = []

    def newer_than(self, other: _Release) -> bool:
        if self.version is None or other.version is None:
            return self.version is None and other.version is not None
        return self.version > other.version


def entries(
    repository: Repository, head: str, tag_format: TagFormat, sections: Mapping[str, str], paths: Sequence[str] = ()
) -> Iterator[Entry]:
    """Yield the releases that `head` contains, newest first, beginning with what is not released.

    With `paths`, only commits that touch one of them are told.
    """
    touched = read_touching(start_touching(repository, head, None, paths))
    current = _Release(None, "", "")
    expected: dict[str, _Release] = {head: current}
    collected = [current]
    for record in repository.start(*LOG, head, "--").records():
        ids, _, rest = record.decode("utf-8", "replace").partition("\n")
        about, _, message = rest.partition("\n")
        oid, *parents = ids.split(" ")
        # A commit whose children all come later (clocks were wrong) goes where its neighbours go.
        release = expected.pop(oid, current)
        if len(about) > 11:
            tagged = _tagged(about, tag_format)
            if tagged is not None:
                collected.append(tagged)
                release = tagged
                for parent in parents:
                    expected[parent] = tagged
                finished = _finished(collected, expected)
                yield from (_entry(done, sections, touched) for done in finished)
        current = release
        for parent in parents:
            if parent:
                other = expected.get(parent)
                if other is None or other.newer_than(release):
                    expected[parent] = release
        commit = parse(oid, parents, message)
        if commit.merge or commit.reverts or commit.reverts_subject or _noticed(commit, sections):
            release.commits.append(commit)
    yield from (_entry(done, sections, touched) for done in sorted_newest(collected))


def sorted_newest(releases: list[_Release]) -> list[_Release]:
    """Return the releases newest first; what is not released comes before all."""
    unreleased = [release for release in releases if release.version is None]
    versions = [(release.version, release) for release in releases if release.version is not None]
    return unreleased + [release for _, release in sorted(versions, key=lambda pair: pair[0], reverse=True)]


def _noticed(commit: Commit, sections: Mapping[str, str]) -> bool:
    for message in commit.messages:  # noqa: SIM110 - a loop is faster, and this runs for every commit
        if message.breaking or message.type in sections:
            return True
    return False


def _tagged(about: str, tag_format: TagFormat) -> _Release | None:
    """Return the newest release among the tags of a commit."""
    when, _, names = about.partition(" ")
    best: _Release | None = None
    for name in names.split(", "):
        tag = name.removeprefix("tag: ").removeprefix("refs/tags/")
        version = tag_format.version(tag)
        if version is not None and (best is None or best.version is None or version > best.version):
            best = _Release(version, tag, when)
    return best


def _finished(collected: list[_Release], expected: dict[str, _Release]) -> list[_Release]:
    """Take out and return the releases that no expected commit can reach any more."""
    open_releases = set(map(id, expected.values()))
    newest_open = next((release for release in sorted_newest(collected) if id(release) in open_releases), None)
    done = []
    for release in sorted_newest(collected):
        if newest_open is not None and release.newer_than(newest_open):
            done.append(release)
            collected.remove(release)
    return done


def _entry(release: _Release, sections: Mapping[str, str], touched: frozenset[str] | None) -> Entry:
    kept, _ = without_reverted(release.commits)
    if touched is not None:
        kept = [commit for commit in kept if commit.id in touched]
    version = "" if release.version is None else str(release.version)
    return Entry(version, release.tag, release.date, notes.generate(kept, sections))


def heading(entry: Entry) -> str:
    """Return an entry's heading in Markdown."""
    return f"## [{entry.version}] - {entry.date}" if entry.version else "## [Unreleased]"
