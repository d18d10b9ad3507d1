"""`plan`: what a release would do."""

from __future__ import annotations

import click

from release.cli import Context, global_options, print_json
from release.errors import DONE, INTERRUPTED, REFUSED

EPILOG = """\b
Examples:
  python -m release plan                 the version that commits and changelog ask for
  python -m release plan minor           at least name the step yourself
  python -m release plan pre             the next release candidate
  python -m release plan 2.0.0           this version
  python -m release plan --format json   for programs"""


@click.command(epilog=EPILOG)
@click.argument("version", default="auto", metavar="[auto|major|minor|patch|pre|final|post|VERSION]")
@click.option("--date", metavar="YYYY-MM-DD", help="The day of the release, in UTC (default: today).")
@click.option("--offline", is_flag=True, help="Do not ask the remote.")
@global_options
@click.pass_obj
def plan(context: Context, version: str, date: str | None, offline: bool) -> int:
    """Show what a release would do and everything that stops it; reads only.

    Exit code 0: the release is ready to be cut. 1: something stops it. 3: the remote did not answer.
    """
    from release.git import Repository
    from release.planner import make

    made = make(Repository(context.repo), version, offline, date)
    if context.json:
        print_json(made.as_json())
    else:
        from release.show import plan_lines

        click.echo("\n".join(plan_lines(made)))
    codes = {problem.code for problem in made.problems}
    if "remote-unreachable" in codes:
        return INTERRUPTED
    return REFUSED if codes else DONE
