"""`undo`: what can be taken back of a release that is public."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE, Refused

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
    """Undo of a published VERSION what can be undone: its rollout, its changelog section, its place on the index."""
    from release import undoing
    from release.git import Repository

    released = undoing.find(Repository(context.repo), version)
    steps = [_rollout(context, released, execute, push=not no_push)]
    steps.append(_revert(context, version, execute, push=not no_push))
    steps.append({"step": "index", "executed": False, "commit_id": None, "said": undoing.yank(released)})
    steps.append(
        {
            "step": "tag",
            "executed": False,
            "commit_id": None,
            "said": f"{released.tag} stays where it is: others may have it",
        }
    )
    if context.json:
        print_json({"version": str(released.version), "tag": released.tag, "executed": execute, "steps": steps})
    else:
        for step in steps:
            click.echo(printable(f"{step['step']:8s} {step['said']}"))
        if not execute:
            click.echo("dry run: nothing was changed; add --execute to do the first two")
    return DONE


def _rollout(context: Context, released: Released, execute: bool, *, push: bool) -> dict[str, Any]:
    """Take the rollout of this version back to 0 %, where there is one."""
    import time

    from release.rollout import actions, state

    step: dict[str, Any] = {"step": "rollout", "executed": False, "commit_id": None}
    try:
        now = state.look(context.repo, released.branch, urgent=True)
        if str(released.version) not in now.file.rollout_id:
            return step | {"said": f"{released.version} is not the version that is rolled out ({now.file.rollout_id})"}
        action = actions.rollback(now, f"Undo {released.version}")
    except Refused as error:
        return step | {"said": f"nothing to take back: {error}"}
    if not execute:
        return step | {"said": f"{now.file.rollout_id} goes from {now.file.percent} % to 0 %"}
    _, outcome = actions.carry_out(now, action, int(time.time()), push=push)
    return step | {
        "executed": True,
        "commit_id": outcome.commit,
        "said": f"{now.file.rollout_id} went from {now.file.percent} % to 0 %",
    }


def _revert(context: Context, version: str, execute: bool, *, push: bool) -> dict[str, Any]:
    """Take the changelog section back by a commit on the branch."""
    from release import transaction, undoing
    from release.change import Options
    from release.git import Repository

    step: dict[str, Any] = {"step": "revert", "executed": False, "commit_id": None}
    repository = Repository(context.repo)
    released = undoing.find(repository, version)  # again: taking the rollout back has moved the branch
    change = undoing.revert(repository, released)
    if change is None:
        return step | {"said": "nothing in the changelog to take back"}
    options = Options(remote=released.remote, push=push)
    words = f"{', '.join(change.files)}: the section of {released.version} goes back to Unreleased"
    if not execute:
        seen = transaction.preview(repository, change, options)
        return step | {"commit_id": seen.commit, "said": words}
    outcome = transaction.execute(repository, transaction.prepare(repository, change, options), options)
    return step | {"executed": True, "commit_id": outcome.commit, "said": words}
