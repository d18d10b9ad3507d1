"""`undo`: what can be taken back of a release that is public."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE, REFUSED, Refused

if TYPE_CHECKING:
    from release.undoing import Released

EPILOG = """\b
Examples:
  python -m release undo 1.2.0              what could be done
  python -m release undo 1.2.0 --execute    rollout to 0 %, a revert commit, and what is left to do by hand

A published tag is never moved or deleted. Release again to replace it."""


@click.command(epilog=EPILOG)
@click.argument("version")
@click.option("--execute", is_flag=True, help="Do it; without this nothing is changed.")
@click.option("--no-push", is_flag=True, help="Commit here only.")
@global_options
@click.pass_obj
def undo(context: Context, version: str, execute: bool, no_push: bool) -> int:
    """Undo of a published VERSION what can be undone: its rollout, its changelog section, its place on the index.

    Exit code 0: done, or possible. 1: a step is not; the others are done all the same.
    """
    from release import undoing
    from release.git import Repository

    released = undoing.find(Repository(context.repo), version)
    push = not no_push
    rollout = _tried("rollout", lambda: _rollout(context, released, execute, push=push))
    revert = _tried("revert", lambda: _revert(context, version, execute, push=push))
    if rollout.pop("moves_branch", False):
        revert["commit_id"] = None  # it will build on the rollback, whose id depends on the second it is made
    steps = [
        rollout,
        revert,
        _step("index", undoing.yank(released)),
        _step("tag", f"{released.tag} stays where it is: others may have it"),
    ]
    problems = [problem for step in steps for problem in step.pop("problems", ())]
    if context.json:
        found = [problem.as_json() for problem in problems]
        print_json(
            {
                "version": str(released.version),
                "tag": released.tag,
                "executed": execute,
                "steps": steps,
                "problems": found,
            }
        )
    else:
        for step in steps:
            click.echo(printable(f"{step['step']:8s} {step['said']}"))
        for problem in problems:
            click.echo(printable(f"error: {problem.message}\n  next: {problem.fix}"), err=True)
        if not execute:
            click.echo("dry run: nothing was changed; add --execute to do the first two")
    return REFUSED if problems else DONE


def _step(name: str, said: str, commit: str | None = None, *, executed: bool = False, **more: Any) -> dict[str, Any]:
    return {"step": name, "executed": executed, "commit_id": commit, "said": said, **more}


def _tried(name: str, step: Callable[[], dict[str, Any]]) -> dict[str, Any]:
    """Take a step; what speaks against it is kept, so that the other steps are not lost."""
    try:
        return step()
    except Refused as error:
        return _step(name, f"not possible: {error}", problems=error.problems)


def _rollout(context: Context, released: Released, execute: bool, *, push: bool) -> dict[str, Any]:
    """Take the rollout of this version back to 0 %, where there is one."""
    import time

    from release import versions
    from release.rollout import actions, moves, state

    now = state.look(context.repo, released.branch)
    rolled_out = now.file.rollout_id
    version = moves.version_of(moves.attempt_of(rolled_out), now.file.package)
    if now.content is None:
        return _step("rollout", f"there is no flag file {now.policy.file}, so nothing is rolled out")
    if versions.parse(version) != released.version:
        return _step("rollout", f"{released.version} is not what is rolled out ({rolled_out})")
    if now.file.threshold == 0:
        return _step("rollout", f"{rolled_out} is at 0 % already")
    action = actions.rollback(now, f"Undo {released.version}")
    moving = f"{rolled_out} {{}} from {now.file.percent} % to 0 %"
    if not execute:
        actions.preview(now, action, int(time.time()))
        return _step("rollout", moving.format("goes"), moves_branch=True)
    _, outcome = actions.carry_out(now, action, int(time.time()), push=push)
    return _step("rollout", moving.format("went"), outcome.commit, executed=True)


def _revert(context: Context, version: str, execute: bool, *, push: bool) -> dict[str, Any]:
    """Take the changelog section back by a commit on the branch."""
    from release import transaction, undoing
    from release.change import Options
    from release.git import Repository

    repository = Repository(context.repo)
    released = undoing.find(repository, version)  # again: taking the rollout back has moved the branch
    change = undoing.revert(repository, released)
    if change is None:
        return _step("revert", "nothing in the changelog to take back")
    options = Options(remote=released.remote, push=push)
    words = f"{', '.join(change.files)}: the section of {released.version} goes back to Unreleased"
    if not execute:
        return _step("revert", words, transaction.preview(repository, change, options).commit)
    outcome = transaction.execute(repository, transaction.prepare(repository, change, options), options)
    return _step("revert", words, outcome.commit, executed=True)
