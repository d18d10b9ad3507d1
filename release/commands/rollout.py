"""`python -m release rollout`: look at the rollout, ask the gate, find a bucket."""

from __future__ import annotations

import datetime
import importlib
import json
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import Refused
from release.rollout import gate as gates
from release.rollout import history, moves, record, state
from release.rollout.bucket import bucket_of, is_on
from release.rollout.flag_file import parse_percent, percent_text
from release.rollout.state import Sources

_ELSEWHERE = {
    "stage": "rollout_moves", "promote": "rollout_moves", "hold": "rollout_moves", "rollback": "rollout_moves",
    "kill": "rollout_moves", "simulate": "rollout_show", "report": "rollout_show", "rehearse": "rollout_show",
}  # fmt: skip
_LONGEST_LINE = 1 << 20


class Percent(click.ParamType[int]):
    """A percentage on the command line, kept as a threshold of 10000."""

    name = "percent"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read `25` or `12.5`."""
        if isinstance(value, int):
            return value
        try:
            return parse_percent(value)
        except ValueError as error:
            return self.fail(str(error), param, ctx)


class _Group(click.Group):
    """Imports the commands that change or draw something only when they are called."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return [*super().list_commands(ctx), *_ELSEWHERE]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name in _ELSEWHERE:
            module = importlib.import_module(f"release.commands.{_ELSEWHERE[cmd_name]}")
            found = getattr(module, cmd_name)
            return found if isinstance(found, click.Command) else None
        return super().get_command(ctx, cmd_name)


def source_options(function: Any) -> Any:
    """Add the options that say where evidence comes from."""
    for option in (
        click.option("--timeout", type=click.FloatRange(0.1, 600), default=10.0, show_default=True,
                     help="Seconds to wait for Prometheus."),
        click.option("--evidence", "files", multiple=True, type=click.Path(exists=True, dir_okay=False),
                     help="A JSON evidence file; give it once for each host."),
        click.option("--prometheus", metavar="URL", help="A Prometheus server (default: the setting)."),
    ):  # fmt: skip
        function = option(function)
    return function


def branch_option(function: Any) -> Any:
    """Add --branch."""
    text = "The branch the rollout lives on (default: the remote's default branch)."
    return click.option("--branch", metavar="NAME", help=text)(function)


def sources_of(prometheus: str | None, files: tuple[str, ...], timeout: float, default: str | None) -> Sources:
    """Combine options and setting; files given win over a server that is only configured."""
    if prometheus and files:
        raise click.UsageError("give --prometheus or --evidence, not both")
    return Sources(prometheus or (None if files else default), files, timeout)


@click.group(cls=_Group)
@global_options
def rollout() -> None:
    """Stage a release by percentage, decide by evidence, take it back in one commit.

    \b
    Examples:
      python -m release rollout status
      python -m release rollout stage 10
      python -m release rollout promote --gate --prometheus http://localhost:9090
      python -m release rollout rollback --reason "errors on ARM"
    """


@rollout.command()
@branch_option
@source_options
@global_options
@click.pass_obj
def status(
    context: Context, branch: str | None, prometheus: str | None, files: tuple[str, ...], timeout: float
) -> None:
    """Stage, percentage, since when, evidence so far, and what would happen next."""
    now = state.look(context.repo, branch)
    sources = sources_of(prometheus, files, timeout, now.policy.prometheus)
    moment = int(time.time())
    segment = verdict = problem = None
    if sources and moves.begun(now.file):
        try:
            segment = now.measure(sources, moment)
            verdict = gates.decide(now.situation(segment, moment), now.policy.limits)
        except Refused as error:
            problem = str(error)
    following = now.policy.next_stage(now.file.threshold if moves.begun(now.file) else 0)
    found = {
        "rollout_id": now.file.rollout_id,
        "flag": now.policy.flag,
        "file": now.policy.file,
        "branch": now.branch,
        "enabled": now.file.enabled,
        "stage": now.file.stage,
        "percent": now.file.threshold / 100,
        "gate": now.file.gate,
        "since": now.began,
        "next": None if following is None else following / 100,
        "next_step": _next_step(now, following, bool(sources)),
        "evidence": None if segment is None else evidence_json(segment),
        "verdict": verdict.verdict if verdict else None,
        "reason": verdict.reason if verdict else problem,
        "history": [
            {"commit": step.commit, "when": step.when, "action": step.action, "subject": step.subject}
            for step in now.steps
        ],
    }
    if context.json:
        print_json(found)
    else:
        _print_status(now, found)


def _next_step(now: state.State, following: int | None, has_sources: bool) -> str:
    if not moves.begun(now.file):
        begin = f"`rollout stage {percent_text(now.policy.stages[0])}` begins a rollout"
        return begin if now.file.enabled else f"switched off; {begin} again"
    if now.file.gate == "hold":
        return "held by hand: `rollout hold --off` ends it"
    if following is None:
        return "complete: every host is in"
    wait = "" if has_sources else " with --prometheus URL or --evidence FILE"
    return f"`rollout promote --gate`{wait} goes to {percent_text(following)} % when the evidence is good"


def _print_status(now: state.State, found: dict[str, Any]) -> None:
    if now.content is None:
        click.echo(f"{now.branch} has no {now.policy.file}; no rollout has begun")
    elif moves.begun(now.file):
        stages = len(now.policy.stages)
        click.echo(f"{now.file.rollout_id}: stage {now.file.stage} of {stages}, {now.file.percent} % of hosts")
    else:
        what = "no rollout has begun" if now.file.enabled else "switched off"
        click.echo(f"{now.policy.flag}: {what}, {now.file.percent if now.file.enabled else 0} % of hosts")
    if now.began is not None:
        click.echo(f"since {clock(now.began)} ({now.policy.file} on {now.branch}, gate: {now.file.gate})")
    if found["evidence"]:
        for cohort, counts in found["evidence"].items():
            click.echo(f"  {cohort}: " + ", ".join(f"{value} {name}" for name, value in counts.items()))
    if found["reason"]:
        click.echo(f"gate: {found['verdict'] or 'no evidence'}: {printable(found['reason'])}")
    click.echo(f"next: {found['next_step']}")
    for step in now.steps[:10]:
        click.echo(f"  {step.commit[:10]}  {clock(step.when)}  {printable(step.subject)}")


@rollout.command()
@branch_option
@source_options
@click.option("--replay", metavar="COMMIT", help="Decide again from what a past commit recorded.")
@global_options
@click.pass_obj
def gate(
    context: Context,
    branch: str | None,
    prometheus: str | None,
    files: tuple[str, ...],
    timeout: float,
    replay: str | None,
) -> int:
    """Say promote (exit 0), hold (exit 4) or roll back (exit 5), and why. Changes nothing."""
    now = state.look(context.repo, branch)
    if replay:
        return _replay(context, now, replay)
    sources = sources_of(prometheus, files, timeout, now.policy.prometheus)
    if not sources:
        raise click.UsageError("where is the evidence? give --prometheus URL or --evidence FILE")
    moment = int(time.time())
    segment = now.measure(sources, moment)
    verdict = gates.decide(now.situation(segment, moment), now.policy.limits)
    show_verdict(context, verdict, segment)
    return verdict.exit_code


def _replay(context: Context, now: state.State, name: str) -> int:
    step = history.of_commit(now.repo, name)
    try:
        situation, limits, then = record.replayable(step.trailers)
    except record.RecordError as error:
        raise Refused.because(
            "no-record", f"{step.commit[:10]}: {error}", "name a commit that `promote --gate` made"
        ) from None
    verdict = gates.decide(situation, limits)
    show_verdict(context, verdict, situation.current, {"commit": step.commit, "recorded": then})
    if verdict.verdict != then:
        message = f"{step.commit[:10]} recorded {then}, and the same counts give {verdict.verdict} now"
        raise Refused.because("replay-differs", message, "the trailers or the gate have been changed since")
    return verdict.exit_code


def show_verdict(
    context: Context, verdict: gates.Verdict, segment: gates.Segment, more: dict[str, Any] | None = None
) -> None:
    """Print a verdict with its reason, its tests and the counts."""
    if context.json:
        tests = [
            {"name": test.name, "e": test.e, "threshold": test.limit, "reached": test.reached, "detail": test.detail}
            for test in verdict.tests
        ]
        print_json(
            {
                "verdict": verdict.verdict, "reason": verdict.reason, "evidence": evidence_json(segment),
                "percent": segment.threshold / 100, "tests": tests, **(more or {}),
            }
        )  # fmt: skip
        return
    words = {gates.PROMOTE: ("promote", "green"), gates.HOLD: ("hold", "yellow"), gates.ROLL_BACK: ("roll back", "red")}
    word, colour = words[verdict.verdict]
    click.echo(f"{click.style(word, fg=colour, bold=True)}: {printable(verdict.reason)}")
    for test in verdict.tests:
        click.echo(f"  {test.name}: {test.detail}")


def evidence_json(segment: gates.Segment) -> dict[str, dict[str, int]]:
    """Return both cohorts' counts."""
    return {"rust": dict(vars(segment.rust)), "python": dict(vars(segment.python))}


@rollout.command()
@click.argument("keys", nargs=-1, metavar="[KEY...]")
@click.option("--flag", metavar="NAME", help="Another flag key than the setting's.")
@click.option("--percent", type=Percent(), help="Another percentage than the flag file's.")
@branch_option
@global_options
@click.pass_obj
def bucket(context: Context, keys: tuple[str, ...], flag: str | None, percent: int | None, branch: str | None) -> None:
    """Bucket (0 to 9999) and on or off for keys; without keys, JSON strings are read from stdin, one a line."""
    enabled = True
    if flag is None or percent is None:
        now = state.look(context.repo, branch)
        flag = flag or now.policy.flag
        enabled = now.file.enabled or percent is not None
        percent = now.file.threshold if percent is None else percent
    rows = []
    for key in keys or _stdin_keys():
        try:
            place = bucket_of(flag, key)
        except UnicodeEncodeError:
            raise click.UsageError(f"{key!a} is not text: it holds a lone surrogate") from None
        rows.append({"key": key, "bucket": place, "on": enabled and is_on(place, percent)})
    if context.json:
        print_json({"flag": flag, "percent": percent / 100, "keys": rows})
        return
    for row in rows:
        shown = "-" if row["bucket"] is None else str(row["bucket"])
        click.echo(f"{shown:>5}  {'on' if row['on'] else 'off':3}  {json.dumps(row['key'], ensure_ascii=False)}")


def _stdin_keys() -> Iterator[str]:
    if sys.stdin.isatty():
        raise click.UsageError("give keys, or JSON strings on stdin, one a line")
    number = 0
    while line := sys.stdin.buffer.readline(_LONGEST_LINE + 1):
        number += 1
        try:
            if len(line) > _LONGEST_LINE:
                raise ValueError("longer than 1 MiB")
            key = json.loads(line)
            if not isinstance(key, str):
                raise ValueError("not a JSON string")
        except (ValueError, RecursionError) as error:
            raise click.UsageError(f"line {number} of stdin: {error}") from None
        yield key


def clock(when: int) -> str:
    """Return a moment as text in UTC."""
    return f"{datetime.datetime.fromtimestamp(when, datetime.timezone.utc):%Y-%m-%d %H:%M} UTC"


def existing(path: str) -> Path:
    """Return a path, refusing one whose folder is missing."""
    target = Path(path)
    if not target.absolute().parent.is_dir():
        raise Refused.because("no-folder", f"{target.parent} is not a folder", "create it, or name another")
    return target
