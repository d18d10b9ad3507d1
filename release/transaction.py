"""All or nothing: one commit and its tags go to the remote in one push, then this clone follows.

The order, and what a kill leaves at each step:

1. `prepare` writes objects that no ref names. A kill leaves garbage for `git gc`.
2. The pending ref keeps them. From here `status` names the change.
3. One atomic push of object ids is the moment it happens.
4. Index and work tree follow, then branch and tags in one ref transaction, then the pending ref goes.

Every step can be repeated, which is all that `resume` does.
"""

from __future__ import annotations

import dataclasses
import time

from release import locks, objects, pending, scratch, worktree
from release import remote as remotes
from release.change import Change as Change
from release.change import Options, Outcome, Prepared, Preview, RefMove
from release.change import TagSpec as TagSpec
from release.errors import Interrupted, Refused
from release.git import Repository
from release.pending import Pending
from release.plumbing import Plumbing
from release.problems import Problem
from release.remote import Side

MERGES = {"merge"}
SIGNED = "the {} will be signed: its id includes the signature, which only --execute makes"


def preview(repository: Repository, change: Change, options: Options) -> Preview:
    """Return the ids that `prepare` would make, writing nothing.

    Nothing is signed, since that may ask for a password, and hooks do not run: one that edits the message or the
    files changes the ids.
    """
    repo = Plumbing(repository)
    sign_commit, sign_tags = objects.will_sign(repo, options)
    names = scratch.commit_hooks(repo, merge=change.kind in MERGES) if options.hooks else []
    notes = (f"not run yet: {', '.join(names)}; a hook that edits the commit changes the ids",) if names else ()
    with objects.quarantine(repo) as aside:
        tree = objects.write_tree(aside, change)
        if sign_commit:
            return Preview(tree, None, (), SIGNED.format("commit"), notes)
        commit = objects.write_commit(aside, change, tree, change.message, sign=False)
        if sign_tags and change.tags:
            return Preview(tree, commit, (), SIGNED.format("tag"), notes)
        tags = tuple(objects.write_tag(aside, change, tag, commit, sign=False) for tag in change.tags)
        return Preview(tree, commit, tags, "", notes)


def prepare(repository: Repository, change: Change, options: Options) -> Prepared:
    """Write the commit and the tags of a change; nothing refers to them yet.

    Raises:
        Refused: when a path cannot be edited, a hook says no, or a signature cannot be made.
    """
    repo = Plumbing(repository)
    tree, message = objects.write_tree(repo, change), change.message
    notes: tuple[str, ...] = ()
    if options.hooks:
        merge = change.kind in MERGES
        hooked = scratch.run_commit_hooks(repo, change.base, tree, message, merge=merge)
        if hooked != (tree, message):
            notes = ("a hook changed the commit, so its id is not the one a dry run prints",)
        tree, message = hooked
    return dataclasses.replace(objects.build(repo, change, options, tree, message), notes=notes)


def execute(repository: Repository, prepared: Prepared, options: Options) -> Outcome:
    """Make a prepared change happen: push it, then bring this clone along.

    Raises:
        Refused: when something stands against it; remote, refs, index and work tree are as before.
        Interrupted: when it is not certain how far it came; `status` says, `resume` or `abort` end it.
    """
    repo = Plumbing(repository)
    with locks.only_one(repo):
        locks.clear_pending(repo, pending.NAMESPACE)
        others = [] if options.urgent else pending.read_all(repo)
        if others:
            raise Refused([pending.already(other.title) for other in others])
        remote_base = _remote_base(repo, prepared, options)
        created = pending.create(repo, pending.describe(prepared, options, remote_base, int(time.time())))
        try:
            check_here(repo, created)
            push(repo, created, hooks=options.hooks)
        except Refused:
            pending.delete(repo, created)
            raise
        except OSError as error:
            fix = "python -m release status, then resume or abort"
            raise Interrupted.because("system", f"{created.title} stopped half-way: {error}", fix) from error
        if created.via is not None:
            note = f"{created.via} is pushed; merge it, then python -m release resume puts the tag on"
            return outcome(created, *prepared.notes, note)
        return outcome(created, *prepared.notes, *finish(repo, created, again=False))


def outcome(change: Pending, *notes: str) -> Outcome:
    """Say what a change that is through came to."""
    tags = {tag.name: tag.oid for tag in change.tags}
    return Outcome(change.commit, tags, change.remote is not None, change.remote, notes)


def _remote_base(repo: Plumbing, prepared: Prepared, options: Options) -> str:
    """Return where the branch is on the remote, after refusing what cannot be pushed on top of it."""
    if options.destination is None:
        return ""
    change = prepared.change
    branch = f"refs/heads/{change.branch}"
    tags = [f"refs/tags/{tag.name}" for tag in prepared.tags]
    wanted = [branch, *tags, *([f"refs/heads/{options.via}"] if options.via else [])]
    there = remotes.read_refs(repo, options.destination, wanted)
    problems = [
        Problem("tag-on-remote", f"{ref} exists on {options.destination}", "choose another version")
        for ref in tags
        if there[ref]
    ]
    if options.via and there[f"refs/heads/{options.via}"]:
        message = f"branch {options.via} exists on {options.destination}"
        problems.append(Problem("branch-on-remote", message, "merge or delete it there"))
    tip = there[branch]
    if not tip:
        message = f"branch {change.branch} is not on {options.destination}"
        fix = f"git push -u {options.destination} {change.branch}"
        problems.append(Problem("branch-not-on-remote", message, fix))
    elif tip != change.base and not _is_ancestor(repo, tip, change.base):
        message = f"{change.branch} on {options.destination} has commits that are not here"
        problems.append(Problem("behind-remote", message, f"git pull {options.destination}, then plan again"))
    if problems:
        raise Refused(problems)
    return tip


def _is_ancestor(repo: Plumbing, old: str, new: str) -> bool:
    return bool(old and new) and repo.ok("cat-file", "-e", old) and repo.ok("merge-base", "--is-ancestor", old, new)


def check_here(repo: Plumbing, change: Pending, *, again: bool = False) -> None:
    """Try every local step without taking it, before anything is pushed.

    `again` says that an earlier run may have taken some of them.

    Raises:
        Refused: when this clone could not follow the remote.
    """
    moves = tuple(move for move in change.local if not again or repo.ref(move.ref) != move.new)
    if not moves:
        return
    problems = [
        Problem("checked-out-elsewhere", f"{change.branch} is checked out in {path}", "run the command there")
        for path in worktree.elsewhere(repo, change.branch)
    ]
    ran = repo.run("update-ref", "--stdin", stdin=_ref_script(moves, ["prepare", "abort"]), check=False)
    if ran.code != 0:
        problems.append(Problem("refs", f"the refs here cannot move: {ran.err.strip()}", "plan again"))
    untouched = change.remote is not None or not again
    if untouched and worktree.follows(repo, change.branch):
        problems += worktree.obstacles(repo, change.base, change.commit)
    if problems:
        raise Refused(problems)


def _ref_script(moves: tuple[RefMove, ...], ending: list[str]) -> bytes:
    lines = [
        f"update {move.ref} {move.new} {move.old}" if move.old else f"create {move.ref} {move.new}" for move in moves
    ]
    return "\n".join(["start", *lines, *ending, ""]).encode("utf-8", "surrogateescape")


def push(repo: Plumbing, change: Pending, *, hooks: bool) -> None:
    """Push, and return only when the remote has everything.

    Raises:
        Refused: when the remote has nothing of it, and said why.
        Interrupted: when it has a part, or it is not certain what it has.
    """
    if change.remote is None:
        return
    with scratch.pushing_place(repo, change.commit, hooks=hooks) as place:
        pushed = remotes.push(place, change.remote, change.push, atomic=change.atomic, hooks=hooks)
    if pushed.side is Side.AFTER:
        return
    if pushed.side is Side.HALF:
        message = f"{change.remote} has only a part of {change.title}: {pushed.reason}"
        raise Interrupted.because("half-pushed", message, "python -m release resume pushes the rest")
    if pushed.side is Side.OTHER:
        message = f"{change.remote} has moved on: {pushed.reason}"
        raise Refused([Problem("lost-race", message, f"git pull {change.remote}, then plan again")])
    if pushed.died:
        message = f"the push to {change.remote} broke off, and it has nothing of it now: {pushed.reason}"
        raise Interrupted.because("push-broke-off", message, "python -m release resume tries again, abort undoes it")
    message = f"{change.remote} did not take the push: {pushed.reason}"
    raise Refused([Problem("push-refused", message, "see to the reason, then cut again")])


def finish(repo: Plumbing, change: Pending, *, again: bool) -> tuple[str, ...]:
    """Bring this clone along with what the remote has, forget the pending ref, and return what to tell.

    Raises:
        Interrupted: when this clone cannot follow yet; the pending ref stays.
    """
    try:
        notes = _follow(repo, change, again=again)
        pending.delete(repo, change)
    except (Refused, OSError) as error:
        where = f"{change.remote} has {change.title}" if change.remote else f"{change.title} is half done here"
        fixes = [problem.fix for problem in getattr(error, "problems", ()) if problem.fix]
        fix = "; ".join(fixes) or "see to it, then python -m release resume"
        raise Interrupted.because("cannot-follow", f"{where}, but this clone cannot follow: {error}", fix) from error
    return notes


def _follow(repo: Plumbing, change: Pending, *, again: bool) -> tuple[str, ...]:
    moves, notes = [], []
    for move in change.local:
        now = repo.ref(move.ref)
        if now == move.old:
            moves.append(move)
        elif now != move.new and not _is_ancestor(repo, move.new, now):
            notes.append(f"{move.ref} is elsewhere here by now and was left alone: git pull brings it together")
    branch = f"refs/heads/{change.branch}"
    if any(move.ref == branch for move in moves):
        others = worktree.elsewhere(repo, change.branch)
        if others:
            fix = f"run python -m release resume in {others[0]}"
            raise Refused([Problem("checked-out-elsewhere", f"{change.branch} is checked out in {others[0]}", fix)])
        if worktree.follows(repo, change.branch):
            worktree.follow(repo, change.base, change.commit, again=again)
    if moves:
        log = ["-m", f"release: {change.title}"]
        repo.run("update-ref", *log, "--stdin", stdin=_ref_script(tuple(moves), ["prepare", "commit"]))
    return tuple(notes)
