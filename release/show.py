"""The plan in words, for people; colour only on a terminal (click takes it away elsewhere)."""

from __future__ import annotations

from collections.abc import Iterator

import click

from release.cli import printable
from release.plan import ReleasePlan
from release.problems import Problem

SUBJECTS = 20


def plan_lines(plan: ReleasePlan) -> Iterator[str]:
    """Yield the lines of `plan`."""
    title = plan.name or "this repository"
    if plan.next:
        yield _bold(f"{title}: {plan.current} -> {plan.next} ({plan.bump})")
    else:
        yield _bold(f"{title}: {plan.current}, nothing to release")
    yield f"  because {printable(plan.reason)}"
    for place, version in plan.sources:
        yield f"  written in {printable(place)}: {printable(version)}"
    yield from _commits(plan)
    for edit in plan.edits:
        yield ""
        yield from map(_diff_line, printable(edit.diff()).rstrip("\n").split("\n"))
    if plan.refs:
        yield ""
        yield _bold("Refs")
        yield from (f"  {printable(ref)}" for ref in plan.refs)
        where = f"pushed to {printable(plan.remote)}" if plan.remote else "not pushed: there is no remote"
        yield f"  {where}"
    if plan.notes:
        yield ""
        yield _bold("Notes")
        yield from (f"  {line}".rstrip() for line in printable(plan.notes).split("\n"))
    if plan.assumptions:
        yield ""
        yield _bold("Assumed")
        yield from (f"  {printable(text)}" for text in plan.assumptions)
    yield ""
    if plan.problems:
        yield _bold(
            f"{len(plan.problems)} problems stop this release"
            if len(plan.problems) > 1
            else "1 problem stops this release"
        )
        yield from problem_lines(plan.problems)
    else:
        yield (
            click.style("Ready", fg="green", bold=True)
            + ": `python -m release cut` shows the ids, `cut --execute` does it."
        )


def problem_lines(problems: tuple[Problem, ...]) -> Iterator[str]:
    """Yield each problem with its next step."""
    for problem in problems:
        yield f"  {click.style(problem.code, fg='red')}: {printable(problem.message)}"
        if problem.fix:
            yield f"    {click.style('next', fg='cyan')}: {printable(problem.fix)}"


def _commits(plan: ReleasePlan) -> Iterator[str]:
    groups: dict[str, list[str]] = {}
    gone = set(plan.reverted)
    for commit in plan.commits:
        kind = "reverted" if commit.id in gone else "breaking" if commit.breaking else commit.type or ""
        groups.setdefault(kind, []).append(f"{commit.id[:9]} {commit.subject}")
    if plan.unparsed:
        groups["not understood"] = [f"{commit.id[:9]} {commit.subject}" for commit in plan.unparsed]
    first = ("breaking", "feat", "fix")
    for kind in sorted(
        groups, key=lambda name: (first.index(name) if name in first else len(first), name == "not understood")
    ):
        yield ""
        yield _bold(f"{kind} ({len(groups[kind])})")
        yield from (f"  {printable(line)}" for line in groups[kind][:SUBJECTS])
        if len(groups[kind]) > SUBJECTS:
            yield f"  and {len(groups[kind]) - SUBJECTS} more"


def _diff_line(line: str) -> str:
    colour = {"+": "green", "-": "red", "@": "cyan"}.get(line[:1])
    return "  " + (click.style(line, fg=colour) if colour else line)


def _bold(text: str) -> str:
    return click.style(printable(text), bold=True)
