"""`rehearse`: the whole release where it harms nobody."""

from __future__ import annotations

import shutil
import tempfile
import time
from pathlib import Path

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE

EPILOG = """\b
Examples:
  python -m release rehearse                this repository, as it is committed
  python -m release rehearse minor --keep   another step; keep the folder to look at
  python -m release --repo ../other rehearse

Only a temporary folder is written to. What is committed is rehearsed; uncommitted changes are left out."""


@click.command(epilog=EPILOG)
@click.argument("version", default="auto", metavar="[auto|major|minor|patch|pre|final|post|VERSION]")
@click.option("--sign/--no-sign", default=None, help="Sign commit and tag, or not (default: git's settings).")
@click.option("--keep", is_flag=True, help="Keep the temporary folder.")
@global_options
@click.pass_obj
def rehearse(context: Context, version: str, sign: bool | None, keep: bool) -> int:
    """Run a release from plan to installed package in a throw-away clone with its own remote and index.

    Exit code 0: every step that applies succeeded.
    """
    from release.git import Repository
    from release.rehearsal import package, repository
    from release.rehearsal.stage import Stage

    source = Repository(context.repo)
    begin = time.monotonic()
    folder = Path(tempfile.mkdtemp(prefix="release-rehearsal-")).resolve()
    stage = Stage(folder, lambda line: click.echo(printable(line), err=context.json))
    try:
        clone = stage.step("clone", lambda: repository.copy(stage, source))
        if package.builds(clone):
            package.require_tools()
        made = stage.step("plan", lambda: repository.plan(clone, version))
        commit = stage.step("cut", lambda: repository.cut(clone, made, sign))
        stage.step("look at the remote", lambda: repository.verify(clone, made, commit))
        place = stage.step("fresh clone", lambda: repository.checkout(stage, made))
        would = repository.summary(source, made) + package.rehearse(stage, place, made)
        if context.json:
            print_json({"version": made.next, "tag": made.tag, "steps": stage.steps, "would": would})
        else:
            click.echo(f"rehearsed {made.next} in {time.monotonic() - begin:.1f} s; a real release would")
            for line in would:
                click.echo(printable(f"  {line}"))
    finally:
        if keep:
            click.echo(f"kept: {folder}", err=True)
        else:
            shutil.rmtree(folder, ignore_errors=True)
    return DONE
