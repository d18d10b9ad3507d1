"""A branch merged in a scratch area and checked there; what is right then goes out as one transaction."""

from __future__ import annotations

import os
import shlex
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass

from release import dates, scratch
from release.change import Change
from release.errors import Refused
from release.facts import gather
from release.git import Repository, Tree
from release.planner import read_settings
from release.plumbing import Plumbing
from release.problems import Problem
from release.settings import Settings

QUIET = ("core.hooksPath=/dev/null", "commit.gpgSign=false")
SUBJECTS = 30
STDERR = 2
"""The file descriptor: standard output is for the one JSON object."""


@dataclass(frozen=True)
class Target:
    """The branch that is merged into, and what the repository says about it."""

    branch: str
    tip: str
    remote: str | None
    settings: Settings


@dataclass(frozen=True)
class Merge:
    """What merging would do; `change` is None when the branch is in already."""

    target: Target
    source: str
    change: Change | None
    commits: tuple[str, ...]


def target(repository: Repository) -> Target:
    """Return the branch that is checked out.

    Raises:
        Refused: HEAD is on no branch, or the settings are wrong.
    """
    objects = repository.objects()
    facts = gather(repository, objects)
    settings, problems = read_settings(Tree(objects, facts.head))
    if problems:
        raise Refused(problems)
    if facts.head is None or facts.branch is None:
        raise Refused([Problem("detached", "HEAD is on no branch with a commit", "git switch BRANCH")])
    return Target(facts.branch, facts.head, facts.remote(settings), settings)


def find(repo: Plumbing, into: Target, name: str) -> str:
    """Return the commit at the tip of branch `name`, here or as last fetched.

    Raises:
        Refused: there is no such branch, or it differs here and on the remote.
    """
    if not repo.ok("check-ref-format", f"refs/heads/{name}"):
        raise Refused([Problem("bad-branch", f"{name!r} is not a branch name", "give the name of a branch")])
    here = repo.ref(f"refs/heads/{name}")
    there = repo.ref(f"refs/remotes/{into.remote}/{name}") if into.remote else ""
    if here and there and not repo.ok("merge-base", "--is-ancestor", there, here):
        if repo.ok("merge-base", "--is-ancestor", here, there):
            return there
        message = f"{name} here and on {into.remote} have both moved"
        raise Refused([Problem("diverged", message, f"bring {name} up to date first")])
    if not here and not there:
        where = f" or on {into.remote}" if into.remote else ""
        raise Refused([Problem("no-branch", f"there is no branch {name} here{where}", "git fetch, or correct it")])
    return here or there


def plan(repository: Repository, name: str, *, check: bool) -> Merge:
    """Merge in a scratch worktree, run the configured checks there if `check`, and return the transaction.

    Raises:
        Refused: conflicts, one problem a file; or a check that fails. Nothing is changed.
    """
    repo = Plumbing(repository)
    into = target(repository)
    tip = find(repo, into, name)
    if repo.ok("merge-base", "--is-ancestor", tip, into.tip):
        return Merge(into, tip, None, ())
    listed = repo.run("log", "--no-merges", "--format=%s", f"{into.tip}..{tip}").lines()
    with scratch.worktree(repo, into.tip) as place:
        ran = place.run("merge", "--no-ff", "--no-commit", "--quiet", tip, check=False, config=QUIET)
        conflicts = place.run("diff", "--name-only", "-z", "--diff-filter=U").lines()
        if conflicts:
            fix = f"merge {into.branch} into {name}, settle it there, then merge again"
            raise Refused([Problem("conflict", f"{path}: both sides changed it", fix) for path in conflicts])
        if ran.code != 0:
            raise Refused([Problem("merge-failed", f"git merge: {ran.err.strip()}", "see what git says")])
        tree = place.text("write-tree")
        if check:
            _check(place, into.settings.merge.checks)
    times = repo.run("log", "--no-walk", "--format=%ct", into.tip, tip).lines()
    change = Change(
        kind="merge",
        label=name,
        branch=into.branch,
        base=into.tip,
        files={},
        message=_message(name, into.branch, listed),
        tags=(),
        when=dates.moment(max(map(int, times))).when,
        extra_parents=(tip,),
        tree=tree,
    )
    return Merge(into, tip, change, tuple(listed))


def _message(name: str, branch: str, subjects: Sequence[str]) -> str:
    shown = [f"* {subject}" for subject in subjects[:SUBJECTS]]
    if len(subjects) > SUBJECTS:
        shown.append(f"* and {len(subjects) - SUBJECTS} more")
    return "\n".join([f"Merge branch '{name}' into {branch}", "", *shown]).rstrip("\n") + "\n"


def _check(place: Plumbing, checks: Sequence[str]) -> None:
    """Run the checks on the merged files; what they print goes to stderr as it comes."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("GIT_")}
    for words in checks:
        try:
            ran = subprocess.run(shlex.split(words), cwd=place.directory, env=environment, stdout=STDERR, check=False)
        except (OSError, ValueError) as error:
            raise Refused(
                [Problem("check", f"`{words}` cannot be run: {error}", "see [tool.release.merge]")]
            ) from error
        if ran.returncode != 0:
            message = f"`{words}` fails on the merged result (exit {ran.returncode})"
            raise Refused([Problem("check", message, "mend it on the branch, then merge again")])
