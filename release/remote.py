"""The remote: what it has, one atomic push of object ids, and what a failed push really left there."""

from __future__ import annotations

import enum
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from release.change import RefMove
from release.errors import GitFailed, Interrupted, Refused
from release.plumbing import Plumbing, Ran, talking
from release.problems import Problem

DIED = ("fatal:", "[remote failure]", "hung up", "unable to access", "early EOF")
ANSWER = "try again when it answers: python -m release status"


class Side(enum.Enum):
    """How a set of ref moves stands somewhere."""

    BEFORE = "before"
    AFTER = "after"
    HALF = "half"
    OTHER = "other"


def push_url(repo: Plumbing, remote: str) -> str:
    """Return the one address that a push to `remote` goes to.

    Raises:
        Refused: when there is no such remote, or a push would go to several addresses.
    """
    ran = repo.run("remote", "get-url", "--push", "--all", "--", remote, check=False)
    if ran.code != 0:
        raise Refused([Problem("no-remote", f"there is no remote {remote!r}", "git remote add, or --no-push")])
    addresses = ran.lines()
    if len(addresses) != 1:
        message = f"remote {remote!r} pushes to {len(addresses)} addresses, which cannot be all-or-nothing"
        raise Refused([Problem("several-push-urls", message, "release to one remote, mirror from there")])
    return addresses[0]


def read_refs(repo: Plumbing, remote: str, names: Sequence[str]) -> dict[str, str]:
    """Ask the remote for refs by full name; absent ones map to an empty string.

    Raises:
        Interrupted: when the remote does not answer.
    """
    address = push_url(repo, remote)
    same = repo.run("remote", "get-url", "--", remote).text == address
    source = remote if same else address
    ran = talking(repo).run("ls-remote", "--quiet", "--", source, *names, check=False)
    if ran.code != 0:
        said = ran.err.strip()[-500:]
        raise Interrupted.because("remote-silent", f"remote {remote!r} does not answer: {said}", ANSWER)
    found = dict.fromkeys(names, "")
    for line in ran.lines():
        oid, _, name = line.partition("\t")
        if name in found:
            found[name] = oid
    return found


def side(moves: Sequence[RefMove], refs: Mapping[str, str]) -> Side:
    """Say how moves stand: all before, all after, some after (half), or somebody else's values (other).

    A tag object's id is nobody else's, so all tags in place means that the push landed, wherever the
    branch has gone since.
    """
    tags = [move for move in moves if move.ref.startswith("refs/tags/")]
    if tags and all(refs[move.ref] == move.new for move in tags):
        return Side.AFTER
    if all(refs[move.ref] == move.new for move in moves):
        return Side.AFTER
    if all(refs[move.ref] == move.old for move in moves):
        return Side.BEFORE
    if any(refs[move.ref] == move.new for move in moves):
        return Side.HALF
    return Side.OTHER


def look(repo: Plumbing, remote: str, moves: Sequence[RefMove]) -> Side:
    """Ask the remote how moves stand there, following a branch that has moved past our commit.

    Raises:
        Interrupted: when the remote does not answer.
    """
    refs = read_refs(repo, remote, [move.ref for move in moves])
    found = side(moves, refs)
    if found is not Side.OTHER:
        return found
    for move in moves:
        if move.ref.startswith("refs/heads/") and contains(repo, remote, move, refs[move.ref]):
            refs[move.ref] = move.new
    return side(moves, refs)


def contains(repo: Plumbing, remote: str, move: RefMove, tip: str) -> bool:
    """Whether a remote branch, wherever it is now, contains the commit that was pushed to it."""
    if not tip:
        return False
    if not repo.ok("cat-file", "-e", tip):
        quiet = ("--quiet", "--no-tags", "--no-write-fetch-head")
        talking(repo).run("fetch", *quiet, "--", remote, move.ref, check=False)
    return repo.ok("merge-base", "--is-ancestor", move.new, tip)


@dataclass(frozen=True)
class Pushed:
    """How a push ended: `side` on the remote, the reasons git gave, and whether the connection broke."""

    side: Side
    reason: str
    died: bool


def push(repo: Plumbing, remote: str, moves: Sequence[RefMove], *, atomic: bool = True, hooks: bool = True) -> Pushed:
    """Push object ids to refs, all or none, each only if the remote still has what was seen there.

    With `atomic` false, each ref is a push of its own in the order given, and the first failure stops.

    Raises:
        Refused: when the remote cannot push atomically and `atomic` is true.
        Interrupted: when the push failed and the remote then does not say what it has.
    """
    groups = [list(moves)] if atomic else [[move] for move in moves]
    try:
        for group in groups:
            ran = _push_once(repo, remote, group, atomic=atomic, hooks=hooks)
            if ran.code != 0:
                break
        else:
            return Pushed(Side.AFTER, "", died=False)
        if "does not support --atomic" in ran.err:
            fix = "push to a remote that has it, or give --no-atomic and accept that a failure can leave half"
            raise Refused([Problem("no-atomic", f"remote {remote!r} does not support atomic push", fix)])
        died = ran.code != 1 or any(word in ran.err or word in ran.text for word in DIED)
        return Pushed(look(repo, remote, moves), _reason(ran), died)
    except (GitFailed, OSError) as error:
        message = f"the push to {remote!r} may or may not have landed: {error}"
        raise Interrupted.because("push-unknown", message, ANSWER) from error


def _push_once(repo: Plumbing, remote: str, moves: Sequence[RefMove], *, atomic: bool, hooks: bool) -> Ran:
    options = ["--porcelain", "--no-follow-tags", "--recurse-submodules=no"]
    options += ["--atomic"] if atomic else []
    options += [] if hooks else ["--no-verify"]
    leases = [f"--force-with-lease={move.ref}:{move.old}" for move in moves]
    specs = [f"{move.new}:{move.ref}" for move in moves]
    return talking(repo).run("push", *options, *leases, "--", remote, *specs, check=False)


def _reason(ran: Ran) -> str:
    """The lines of a failed push that say why, the remote's own words included."""
    refused = [line.replace("\t", " ") for line in ran.text.splitlines() if line.startswith("!")]
    said = [line for line in ran.err.splitlines() if line.strip() and not line.startswith(("To ", "hint:"))]
    return "\n".join([*said, *refused])[-3000:]
