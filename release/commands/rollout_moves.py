"""`rollout stage`, `promote`, `hold`, `rollback`, `kill`: each is one commit, one tag and one atomic push."""

from __future__ import annotations

import time
from typing import Any

import click

from release.cli import Context, global_options, print_json, printable
from release.commands.rollout import Percent, branch_option, show_verdict, source_options, sources_of
from release.rollout import actions, gate, state
from release.rollout.record import Measured
from release.rollout.state import Sources, State


def _step_options(function: Any) -> Any:
    for option in (
        click.option("--dry-run", is_flag=True, help="Show the commit and the tag, change nothing."),
        click.option("--no-push", is_flag=True, help="Commit and tag here only."),
    ):
        function = option(function)
    return branch_option(global_options(function))


_override = click.option("--override", metavar="REASON", default="", help="Go on in spite of the policy; recorded.")
_release = click.option("--release", metavar="VERSION", help="The version rolled out (default: the newest tag).")
_reason = click.option("--reason", metavar="TEXT", default="", help="Why; recorded in the commit.")


@click.command()
@click.argument("percent", type=Percent())
@_override
@_release
@source_options
@_step_options
@click.pass_obj
def stage(
    context: Context, percent: int, override: str, release: str | None, prometheus: str | None,
    files: tuple[str, ...], timeout: float, branch: str | None, dry_run: bool, no_push: bool,
) -> None:  # fmt: skip
    """Go to a stage. The first needs no evidence; every later one does, or --override "reason".

    \b
    Examples:
      python -m release rollout stage 10
      python -m release rollout stage 100 --override "security fix, see #12"
    """
    now = state.look(context.repo, branch)
    sources = sources_of(prometheus, files, timeout, now.policy.prometheus)
    measured = _measure(now, sources)
    step = actions.stage(now, percent, now.release(release), override.strip(), measured)
    _take(context, now, step, dry_run=dry_run, push=not no_push)


@click.command()
@click.option(
    "--gate", "gated", is_flag=True, help="Do what the gate says: promote, hold (exit 4), roll back (exit 5)."
)
@click.option("--hold-is-fine", is_flag=True, help="Exit 0 where the gate says hold, for schedulers.")
@_override
@_release
@source_options
@_step_options
@click.pass_obj
def promote(
    context: Context, gated: bool, hold_is_fine: bool, override: str, release: str | None, prometheus: str | None,
    files: tuple[str, ...], timeout: float, branch: str | None, dry_run: bool, no_push: bool,
) -> int:  # fmt: skip
    """Go to the next stage on good evidence.

    \b
    Examples:
      python -m release rollout promote --evidence host-a.json --evidence host-b.json
      python -m release rollout promote --gate --prometheus http://localhost:9090
    """
    now = state.look(context.repo, branch)
    sources = sources_of(prometheus, files, timeout, now.policy.prometheus)
    if gated and override:
        raise click.UsageError("--gate leaves the decision to the evidence, --override takes it away: give one")
    if gated and not sources:
        raise click.UsageError("--gate needs evidence: give --prometheus URL or --evidence FILE")
    measured = _measure(now, sources)
    if gated and measured:
        verdict = measured.verdict
        if verdict.verdict == gate.HOLD:
            show_verdict(context, verdict, measured.situation.current)
            return 0 if hold_is_fine else verdict.exit_code
        if verdict.verdict == gate.ROLL_BACK:
            step = actions.rollback(now, "", measured=measured)
            _take(context, now, step, dry_run=dry_run, push=not no_push)
            return verdict.exit_code
    step = actions.promote(now, now.release(release), override.strip(), measured)
    _take(context, now, step, dry_run=dry_run, push=not no_push)
    return 0


@click.command()
@click.option("--off", is_flag=True, help="End the hold.")
@_reason
@_step_options
@click.pass_obj
def hold(context: Context, off: bool, reason: str, branch: str | None, dry_run: bool, no_push: bool) -> None:
    """Stop promotions until `hold --off`. A rollback stays possible."""
    now = state.look(context.repo, branch)
    _take(context, now, actions.hold(now, reason, off=off), dry_run=dry_run, push=not no_push)


@click.command()
@click.option("--to", type=Percent(), default=0, help="A lower percentage instead of 0.")
@_reason
@_step_options
@click.pass_obj
def rollback(context: Context, to: int, reason: str, branch: str | None, dry_run: bool, no_push: bool) -> None:
    """Take the rollout back at once. Needs no evidence; only an edited flag file stops it."""
    now = _urgently(context, branch, dry_run=dry_run)
    _take(context, now, actions.rollback(now, reason, to), dry_run=dry_run, push=not no_push)


@click.command()
@_reason
@_step_options
@click.pass_obj
def kill(context: Context, reason: str, branch: str | None, dry_run: bool, no_push: bool) -> None:
    """Switch the flag off altogether: flagd's DISABLED, so every client uses its own default."""
    now = _urgently(context, branch, dry_run=dry_run)
    _take(context, now, actions.kill(now, reason), dry_run=dry_run, push=not no_push)


def _urgently(context: Context, branch: str | None, *, dry_run: bool) -> State:
    """Look at the rollout as it is on the remote, where an interrupted release may have gone ahead of this clone."""
    if not dry_run:
        from release import recover
        from release.git import Repository

        recover.bring_along(Repository(context.repo))
    return state.look(context.repo, branch, urgent=True)


def _measure(now: State, sources: Sources) -> Measured | None:
    """Ask the gate, where there is a stage and evidence."""
    if not sources or now.began is None or now.file.stage == 0:
        return None
    moment = int(time.time())
    situation = now.situation(now.measure(sources, moment), moment)
    return Measured(situation, now.policy.limits, gate.decide(situation, now.policy.limits))


def _take(context: Context, now: State, step: actions.Step, *, dry_run: bool, push: bool) -> None:
    moment = int(time.time())
    found: dict[str, Any] = {
        "action": step.record.action,
        "rollout_id": step.file.rollout_id,
        "percent": step.file.threshold / 100,
        "from": step.record.threshold_from / 100,
        "enabled": step.file.enabled,
    }
    if dry_run:
        change = actions.preview(now, step, moment)
        found |= {"executed": False, "pushed": False, "commit_id": None}
    else:
        change, outcome = actions.carry_out(now, step, moment, push=push)
        found |= {"executed": True, "pushed": outcome.pushed, "commit_id": outcome.commit, "notes": outcome.notes}
    found |= {"tag": change.tags[0].name, "branch": change.branch, "message": change.message}
    if context.json:
        print_json(found)
        return
    subject = change.message.partition("\n")[0]
    commit = "would be a commit" if dry_run else f"is commit {found['commit_id'][:12]}"
    click.echo(printable(f"{subject}: {commit} on {now.branch}"))
    click.echo(
        f"tag {found['tag']}"
        + ("" if dry_run else f", {'pushed to ' + str(now.remote) if found['pushed'] else 'not pushed'}")
    )
    if dry_run:
        click.echo("\n" + printable(change.message))
    for note in found.get("notes", ()):
        click.echo(f"note: {printable(note)}", err=True)
