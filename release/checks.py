"""Everything that stops a release, as one list. No repository is needed to test it."""

from __future__ import annotations

import fnmatch
from collections.abc import Iterator

from packaging.version import Version

from release.facts import RemoteFacts, RepositoryFacts
from release.git import Tree
from release.history import Release
from release.problems import Problem
from release.settings import Settings
from release.sources.found import Found
from release.versions import parse

# Branches that serve one line of old releases.
MAINTENANCE = (
    "*.x",
    "release/*",
    "release-*",
    "releases/*",
    "maint/*",
    "maint-*",
    "maintenance/*",
    "stable/*",
    "stable-*",
)
SHOWN = 5


def repository(facts: RepositoryFacts, settings: Settings) -> Iterator[Problem]:
    """Find what is wrong with the state of the repository."""
    if facts.head is None:
        yield Problem("no-commits", "the repository has no commit yet", "commit something first")
    if facts.branch is None:
        yield Problem("detached", "HEAD is on no branch", "run `git switch BRANCH`")
    else:
        yield from _branch(facts.branch, facts, settings)
    if facts.dirty:
        names = ", ".join(facts.dirty[:SHOWN]) + (", ..." if len(facts.dirty) > SHOWN else "")
        yield Problem(
            "dirty", f"uncommitted changes in {len(facts.dirty)} files: {names}", "commit them, or run `git stash`"
        )
    for ref in facts.pending:
        yield Problem(
            "pending", f"an unfinished transaction is pending: {ref}",
            "run `python -m release status`, then `resume` or `abort`",
        )  # fmt: skip
    if not facts.identity:
        yield Problem(
            "no-identity", "git does not know who commits",
            "run `git config user.name NAME` and `git config user.email ADDRESS`",
        )  # fmt: skip
    if settings.remote and settings.remote not in facts.remotes:
        yield Problem(
            "no-such-remote", f"the setting remote names {settings.remote!r}, which does not exist",
            f"run `git remote add {settings.remote} URL`, or change the setting",
        )  # fmt: skip


def paths(names: tuple[str, ...], tree: Tree) -> Iterator[Problem]:
    """Find paths in the settings that do not exist, for which no commit would ever count."""
    for name in names:
        if not tree.has(name.removesuffix("/")):
            yield Problem(
                "no-such-path", f"the setting paths names {name!r}, which is not in the repository",
                "correct paths in [tool.release]",
            )  # fmt: skip


def _branch(branch: str, facts: RepositoryFacts, settings: Settings) -> Iterator[Problem]:
    allowed = settings.branches or (*facts.main_branches, *MAINTENANCE)
    if not settings.branches and not facts.main_branches:
        return  # nothing says which branch is the main one
    if not any(fnmatch.fnmatchcase(branch, pattern) for pattern in allowed):
        names = ", ".join(settings.branches or facts.main_branches)
        yield Problem(
            "wrong-branch", f"on branch {branch}, but releases are cut from {names}",
            f"run `git switch {(settings.branches or facts.main_branches)[0]}`, or set branches in [tool.release]",
        )  # fmt: skip


def versions(found: Found, last: Release | None, wanted: Version | None) -> Iterator[Problem]:
    """Find places that disagree, with each other or with the last tag."""
    written: dict[Version, list[str]] = {}
    for place in found.places:
        version = parse(place.text)
        where = f"{place.path}:{place.line}"
        if version is None:
            yield Problem(
                "bad-version", f"{where}: {place.text!r} is neither a PEP 440 nor a SemVer version",
                f"correct the version in {place.path}",
            )  # fmt: skip
        else:
            written.setdefault(version, []).append(where)
    if len(written) > 1:
        said = "; ".join(f"{version} in {', '.join(places)}" for version, places in written.items())
        yield Problem("versions-disagree", f"the files disagree: {said}", "write the same version in all of them")
    for version, places in written.items():
        if last is None or version == last.version:
            continue
        if version > last.version and (version.is_devrelease or version == wanted):
            continue
        fix = f"run `plan {version}` to release that, or write {last.version} back" if version > last.version else (
            f"write {last.version} in {places[0].rpartition(':')[0]}"
        )  # fmt: skip
        yield Problem(
            "versions-disagree", f"{', '.join(places)} says {version}, and the last release is {last.tag}", fix
        )


def target(new: Version, current: Version, first: bool, tag: str, facts: RepositoryFacts) -> Iterator[Problem]:
    """Find what speaks against the version itself."""
    if new.local or new.is_devrelease:
        yield Problem("bad-version", f"{new} is not a version to release", "leave out .dev and +local parts")
    if new < current or (new == current and not first):
        yield Problem("not-newer", f"{new} does not come after the current version {current}", "choose a higher one")
    if tag in facts.tags:
        yield Problem(
            "tag-exists", f"tag {tag} exists already in this repository",
            "release another version; a published tag is never moved",
        )  # fmt: skip


def remote(name: str, branch: str, tag: str | None, head: str, answer: RemoteFacts, relation: str) -> Iterator[Problem]:
    """Find what the remote has against it.

    `relation` tells how the remote's branch stands to ours: "same", "behind" (we are), "unpushed", "diverged".
    """
    if answer.error:
        yield Problem(
            "remote-unreachable", f"{name} did not answer: {answer.error}",
            "check the network, or give --offline to plan without asking",
        )  # fmt: skip
        return
    there = (answer.head or "")[:12]
    if answer.head is None:
        yield Problem("unpushed", f"branch {branch} does not exist on {name}", f"run `git push {name} {branch}`")
    elif relation == "behind":
        yield Problem(
            "behind", f"{name} has commits on {branch} that are not here ({there})", "run `git pull --ff-only`"
        )
    elif relation == "diverged":
        yield Problem(
            "diverged",
            f"{branch} here ({head[:12]}) and on {name} ({there}) have both moved",
            "run `git pull --rebase`",
        )
    elif relation == "unpushed":
        yield Problem("unpushed", f"{branch} has commits that {name} does not", f"run `git push {name} {branch}`")
    if tag and answer.tag:
        yield Problem(
            "tag-exists-remote", f"tag {tag} exists already on {name}", "run `git fetch --tags`, then plan again"
        )
