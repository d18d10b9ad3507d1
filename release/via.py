"""A protected branch: the release goes out as a branch for a pull request, and the tag follows the merge."""

from __future__ import annotations

import dataclasses
import shutil
import subprocess

from release import objects, transaction
from release import remote as remotes
from release.change import Change, Options, Outcome, RefMove, TagSpec
from release.errors import Interrupted, Refused
from release.pending import Pending
from release.plumbing import Plumbing, talking
from release.problems import Problem
from release.remote import Side

GH_SECONDS = 60.0


def branch_name(version: str) -> str:
    """Return the branch that carries a release to its pull request."""
    return f"release/{version}"


def open_pull_request(repo: Plumbing, head: str, base: str, title: str, body: str) -> str:
    """Open the pull request with `gh` where that is installed, and say in a sentence what happened."""
    program = shutil.which("gh")
    by_hand = f"open a pull request from {head} to {base} and merge it"
    if program is None:
        return f"gh is not installed: {by_hand}"
    command = [program, "pr", "create", f"--head={head}", f"--base={base}"]
    command += [f"--title={title.strip()}", f"--body={body}"]
    try:
        ran = subprocess.run(
            command, cwd=repo.directory, capture_output=True, text=True, timeout=GH_SECONDS, check=False
        )
    except (OSError, subprocess.TimeoutExpired) as error:
        return f"gh did not open the pull request ({error}): {by_hand}"
    if ran.returncode != 0:
        return f"gh did not open the pull request ({ran.stderr.strip()[-500:]}): {by_hand}"
    return f"pull request: {ran.stdout.strip()}"


def merged_commit(repo: Plumbing, change: Pending) -> str:
    """Return the commit on the remote's branch that brought the release in, or an empty string.

    That is the release commit itself after a merge or a fast-forward. After a squash or a rebase it is the
    commit with the same tree, or, when the branch had moved on before, the one with the same patch.
    """
    assert change.remote is not None
    ref = f"refs/heads/{change.branch}"
    tip = remotes.read_refs(repo, change.remote, [ref])[ref]
    if not tip or remotes.contains(repo, change.remote, RefMove(ref, change.base, change.commit), tip):
        return change.commit if tip else ""
    tree = repo.text("rev-parse", f"{change.commit}^{{tree}}")
    listed = repo.run("log", "--first-parent", "--format=%H %T", f"{change.base}..{tip}", check=False).lines()
    for line in listed:
        commit, _, its_tree = line.partition(" ")
        if its_tree == tree:
            return commit
    wanted = _patches(repo, [f"{change.base}..{change.commit}"])
    candidates = _patches(repo, ["--first-parent", f"{change.base}..{tip}"])
    return next((commit for patch, commit in candidates.items() if patch in wanted), "")


def _patches(repo: Plumbing, selection: list[str]) -> dict[str, str]:
    """Return patch ids, each with the commit that has it."""
    log = repo.run("log", "-p", "--no-ext-diff", "--no-textconv", "--format=commit %H", *selection, check=False)
    lines = repo.run("patch-id", "--stable", stdin=log.out).lines()
    return {patch: commit for patch, _, commit in (line.partition(" ") for line in lines)}


def tag_merged(repo: Plumbing, change: Pending, *, hooks: bool) -> Outcome:
    """Put the tags on the merged commit, here and on the remote, and forget the pending change.

    Raises:
        Refused: when the pull request is not merged yet.
        Interrupted: when the tags may not have arrived.
    """
    assert change.remote is not None
    commit = merged_commit(repo, change)
    if not commit:
        message = f"{change.via} is not merged into {change.branch} on {change.remote} yet"
        raise Refused([Problem("not-merged", message, "merge it, then python -m release resume; or abort")])
    retagged = change if commit == change.commit else _retag(repo, change, commit)
    moves = tuple(RefMove(f"refs/tags/{tag.name}", "", tag.oid) for tag in retagged.tags)
    pushed = remotes.push(repo, change.remote, moves, atomic=change.atomic, hooks=hooks)
    if pushed.side is not Side.AFTER:
        message = f"{change.remote} did not take the tag: {pushed.reason}"
        raise Interrupted([Problem("tag-refused", message, "see to it, then python -m release resume")])
    final = dataclasses.replace(retagged, local=moves, commit=commit)
    notes = transaction.finish(repo, final, again=True)
    return transaction.outcome(final, f"tagged {commit[:12]} on {change.branch}: git pull brings it here", *notes)


def _retag(repo: Plumbing, change: Pending, commit: str) -> Pending:
    """Return the change with the same tags on another commit, signed as the first ones were."""
    tags = []
    for tag in change.tags:
        head, _, message = tag.raw.partition("\n\n")
        when = int(head.rpartition("> ")[2].split(" ")[0])
        text, mark, _ = message.partition("-----BEGIN ")
        blank = Change(change.kind, change.label, change.branch, change.base, {}, "", (), when)
        spec = TagSpec(tag.name, text)
        tags.append(objects.write_tag(repo, blank, spec, commit, sign=bool(mark)))
    return dataclasses.replace(change, tags=tuple(tags))


def withdraw(repo: Plumbing, change: Pending) -> None:
    """Delete the release branch from the remote if it still is what was pushed and nobody merged it.

    Raises:
        Refused: when it is merged already, or the branch has changed.
        Interrupted: when the remote does not answer.
    """
    assert change.remote is not None
    if merged_commit(repo, change):
        message = f"{change.via} is merged already"
        raise Refused([Problem("public", message, "python -m release resume puts the tag on")])
    lease = f"--force-with-lease=refs/heads/{change.via}:{change.commit}"
    command = ("push", "--porcelain", lease, "--", change.remote, f":refs/heads/{change.via}")
    ran = talking(repo).run(*command, check=False)
    ref = f"refs/heads/{change.via}"
    if ran.code != 0 and remotes.read_refs(repo, change.remote, [ref])[ref]:
        message = f"{change.via} could not be deleted on {change.remote}: {ran.err.strip()[-500:]}"
        raise Refused([Problem("branch-stays", message, "look at what was added to it")])


def options_for(options: Options, version: str) -> Options:
    """Return the options that send a release through a pull request."""
    return dataclasses.replace(options, via=branch_name(version))
