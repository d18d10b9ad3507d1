"""After an interruption: say where a change stands, finish it, or undo it; all may be killed and repeated."""

from __future__ import annotations

import contextlib
from collections.abc import Sequence
from dataclasses import dataclass

from release import locks, objects, pending, scratch, transaction, via, worktree
from release import remote as remotes
from release.change import Outcome, RefMove
from release.errors import GitFailed, Interrupted, Refused, ReleaseError
from release.git import Repository
from release.pending import Pending
from release.plumbing import Plumbing
from release.problems import Problem
from release.remote import Side


@dataclass(frozen=True)
class Standing:
    """Where a change stands: `state` is one word for programs, `next_step` a sentence for people."""

    change: Pending
    state: str
    next_step: str


def standings(repository: Repository) -> list[Standing]:
    """Return where every pending change stands, oldest first; asks the remote, changes nothing."""
    repo = Plumbing(repository)
    return [standing(repo, change) for change in pending.read_all(repo)]


def standing(repo: Plumbing, change: Pending) -> Standing:
    """Say where one pending change stands."""
    here = {move.ref: repo.ref(move.ref) for move in change.local}
    moved = any(here[move.ref] not in {move.old, move.new} for move in change.local)
    if change.remote is None:
        if any(_built_on(repo, move, here[move.ref]) for move in change.local):
            return Standing(change, "built-on", f"{change.branch} here goes on from it: resume finishes it")
        if moved:
            return Standing(change, "stale", f"{change.branch} has moved since: abort, then cut again")
        return Standing(change, "pending", "resume finishes it here, abort undoes it")
    try:
        there = remotes.look(repo, change.remote, change.push)
    except Interrupted as error:
        return Standing(change, "unknown", f"{error}; ask again when it answers")
    if change.via is not None and there is not Side.BEFORE:
        words = f"merge {change.via} into {change.branch} on {change.remote}, then resume puts the tag on"
        return Standing(change, "awaiting-merge", words)
    if there is Side.AFTER:
        return Standing(change, "pushed", f"{change.remote} has all of it: resume brings this clone along")
    if there is Side.HALF:
        return Standing(change, "half", f"{change.remote} has a part of it: resume pushes the rest")
    if there is Side.OTHER:
        return Standing(change, "lost", f"{change.remote} has moved on without it: abort, git pull, cut again")
    if moved:
        return Standing(change, "stale", f"{change.branch} has moved since: abort, then cut again")
    return Standing(change, "pending", f"{change.remote} has nothing of it: resume pushes it, abort undoes it")


def _built_on(repo: Plumbing, move: RefMove, now: str) -> bool:
    """Whether a branch here has gone on from the commit of the change."""
    return now not in {"", move.old, move.new} and repo.ok("merge-base", "--is-ancestor", move.new, now)


def resume(repository: Repository, *, hooks: bool = True) -> list[Outcome]:
    """Finish every pending change and return what came of each.

    Raises:
        Refused: when a change cannot be finished; `abort` undoes it.
        Interrupted: when it is still not through.
    """
    repo = Plumbing(repository)
    outcomes: list[Outcome] = []
    refused: list[Problem] = []
    with locks.only_one(repo):
        for change in _mended(repo):
            try:
                outcomes.append(_resume(repo, change, hooks=hooks))
            except Refused as error:
                refused += error.problems  # the others may be finished all the same
    if refused:
        raise Refused(refused)
    return outcomes


def bring_along(repository: Repository) -> None:
    """Let this clone follow what the remote has in full already; whatever stands in the way stays for `resume`.

    For a rollback, which must build on the remote's branch and cannot wait for somebody to look.
    """
    repo = Plumbing(repository)
    with contextlib.suppress(ReleaseError, OSError):
        if not pending.read_all(repo):
            return
        with locks.only_one(repo):
            for change in _mended(repo):
                if standing(repo, change).state == "pushed":
                    objects.rewrite_tags(repo, change.tags)
                    transaction.finish(repo, change, again=True)


def missing_on_remote(repository: Repository) -> list[Problem]:
    """Return what the remote lacks of the newest release reachable from here; nothing when it has it all.

    Raises:
        Interrupted: when the remote does not answer.
    """
    repo = Plumbing(repository)
    tag = repo.run("describe", "--abbrev=0", "HEAD", check=False).text
    branch = repo.run("symbolic-ref", "--quiet", "--short", "HEAD", check=False).text
    remote = repo.run("config", "--get", f"branch.{branch}.remote", check=False).text
    if not tag or not branch or remote in {"", "."}:
        return []
    oid = repo.ref(f"refs/tags/{tag}")
    refs = [f"refs/tags/{tag}", f"refs/heads/{branch}"]
    there = remotes.read_refs(repo, remote, refs)
    problems = []
    if there[refs[0]] != oid:
        fix = f"git push --atomic {remote} {branch} {tag}, when this tag is meant to be public"
        problems.append(Problem("tag-not-on-remote", f"tag {tag} is here and not on {remote}", fix))
    tip = there[refs[1]]
    if not remotes.contains(repo, remote, RefMove(refs[1], "", repo.text("rev-parse", f"{oid}^{{commit}}")), tip):
        message = f"{branch} on {remote} does not contain {tag}"
        problems.append(Problem("branch-not-on-remote", message, f"git push --atomic {remote} {branch} {tag}"))
    return problems


def _resume(repo: Plumbing, change: Pending, *, hooks: bool) -> Outcome:
    objects.rewrite_tags(repo, change.tags)
    now = standing(repo, change)
    if now.state == "unknown":
        raise Interrupted([Problem("remote-silent", now.next_step, remotes.ANSWER)])
    if now.state in {"lost", "stale"}:
        raise Refused([Problem(now.state, f"{change.title}: {now.next_step}", "python -m release abort")])
    if now.state == "awaiting-merge":
        return via.tag_merged(repo, change, hooks=hooks)
    if now.state == "half":
        _push_rest(repo, change, hooks=hooks)
    elif now.state == "pending":
        transaction.check_here(repo, change, again=True)
        transaction.push(repo, change, hooks=hooks)
        if change.via is not None:
            return transaction.outcome(change, standing(repo, change).next_step)
    return transaction.outcome(change, *transaction.finish(repo, change, again=True))


def _push_rest(repo: Plumbing, change: Pending, *, hooks: bool) -> None:
    """Push what of a half-landed change is missing; only a remote without atomic push gets here."""
    assert change.remote is not None
    there = remotes.read_refs(repo, change.remote, [move.ref for move in change.push])
    rest: Sequence[RefMove] = [move for move in change.push if there[move.ref] == move.old]
    pushed = remotes.push(repo, change.remote, rest, atomic=change.atomic, hooks=hooks)
    if pushed.side is not Side.AFTER or remotes.look(repo, change.remote, change.push) is not Side.AFTER:
        message = f"{change.remote} still has only a part of {change.title}: {pushed.reason}"
        raise Interrupted([Problem("half-pushed", message, "see to the reason, then python -m release resume")])


def _mended(repo: Plumbing) -> list[Pending]:
    """Clear away what killed processes of ours left, and return the pending changes."""
    scratch.remove_leftovers(repo)
    if not repo.repository.bare:
        worktree.clear_leftovers(repo)
    names = repo.run("for-each-ref", "--format=%(refname)", pending.NAMESPACE).lines()
    locks.clear_pending(repo, pending.NAMESPACE)
    changes = pending.read_all(repo)
    for change in changes:
        refs = [*names, *(move.ref for move in change.local)]
        if change.remote is not None:
            refs.append(f"refs/remotes/{change.remote}/{change.branch}")
        values = [change.oid, change.commit, *(tag.oid for tag in change.tags)]
        locks.clear_stale(repo, refs, values)
    return changes


def abort(repository: Repository) -> list[str]:
    """Undo every pending change of which nothing is public, and return their titles; none is fine.

    Raises:
        Refused: when a change is public already, so that only `resume` or `undo` remain.
        Interrupted: when the remote does not say what it has.
    """
    repo = Plumbing(repository)
    with locks.only_one(repo):
        undone, public = [], []
        for change in _mended(repo):
            now = standing(repo, change)
            if now.state == "unknown":
                raise Interrupted([Problem("remote-silent", now.next_step, remotes.ANSWER)])
            if now.state in {"pushed", "half", "built-on"}:
                fix = "python -m release resume, and undo after that"
                public.append(Problem("public", f"{change.title} is there for good: {now.next_step}", fix))
                continue
            if now.state == "awaiting-merge":
                via.withdraw(repo, change)
            _undo_here(repo, change)
            undone.append(change.title)
        if public:
            raise Refused(public)
        return undone


def _undo_here(repo: Plumbing, change: Pending) -> None:
    """Take back what this clone did of a change that nobody else has, then forget it."""
    back = [RefMove(move.ref, move.new, move.old) for move in change.local if repo.ref(move.ref) == move.new]
    branch = f"refs/heads/{change.branch}"
    try:
        if change.local and worktree.follows(repo, change.branch):
            _files_back(repo, change, repo.ref(branch))
        lines = [f"update {m.ref} {m.new} {m.old}" if m.new else f"delete {m.ref} {m.old}" for m in back]
        if lines:
            repo.run("update-ref", "-m", f"release: abort {change.title}", "--stdin", stdin=_script(lines))
        pending.delete(repo, change)
    except (GitFailed, OSError) as error:
        raise Interrupted.because("cannot-undo", f"{change.title} is not undone yet: {error}", "abort again") from error


def _files_back(repo: Plumbing, change: Pending, tip: str) -> None:
    """Take the change's files out of index and work tree again.

    When the branch has moved meanwhile (by a rollback, say), they are taken out as long as the new tip has these
    files as they were; a file that somebody has changed since stays as it is.
    """
    if tip in {change.base, change.commit}:
        worktree.follow(repo, change.commit, change.base, again=True, back=True)
        return
    files = repo.run("diff", "--name-only", "-z", "--no-renames", change.base, change.commit, "--").lines()
    if files and repo.ok("diff", "--quiet", "--no-ext-diff", change.base, tip, "--", *files):
        with contextlib.suppress(Refused):
            worktree.follow(repo, change.commit, change.base, again=True, back=True)


def _script(lines: Sequence[str]) -> bytes:
    return "\n".join(["start", *lines, "prepare", "commit", ""]).encode("utf-8", "surrogateescape")
