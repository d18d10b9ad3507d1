"""`status`, `resume` and `abort`: what to do after an interruption."""

from __future__ import annotations

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE, INTERRUPTED, REFUSED

EPILOG = """\b
Examples:
  python -m release status               where an interrupted release stands
  python -m release resume               finish it
  python -m release abort                undo it, as long as nothing of it is public"""


@click.command(epilog=EPILOG)
@global_options
@click.pass_obj
def status(context: Context) -> int:
    """Say whether a release is under way, how far it came, and what to do; changes nothing.

    Exit code 0: nothing is pending. 3: something is.
    """
    from release import recover
    from release.git import Repository

    found = recover.standings(Repository(context.repo))
    if context.json:
        first = found[0] if found else None
        pending = [
            {
                "kind": now.change.kind,
                "label": now.change.label,
                "state": now.state,
                "next_step": now.next_step,
                "commit_id": now.change.commit,
                "remote": now.change.remote,
                "ref": now.change.ref,
            }
            for now in found
        ]
        state = first.state if first else "clean"
        print_json({"state": state, "next_step": first.next_step if first else None, "pending": pending})
    elif not found:
        click.echo("clean: no release is under way")
    else:
        for now in found:
            click.echo(printable(f"{now.change.title}: {now.state}: {now.next_step}"))
    return INTERRUPTED if found else DONE


@click.command(epilog=EPILOG)
@click.option("--no-verify", is_flag=True, help="Run none of git's hooks.")
@global_options
@click.pass_obj
def resume(context: Context, no_verify: bool) -> int:
    """Finish an interrupted release: push what is missing, then bring this clone along.

    With nothing pending, the newest release reachable from here is compared with the remote: exit code 1
    when the remote lacks it.
    """
    from release import recover
    from release.git import Repository

    repository = Repository(context.repo)
    outcomes = recover.resume(repository, hooks=not no_verify)
    said = [f"{', '.join(done.tags) or done.commit[:12]}: done" for done in outcomes]
    said += [note for done in outcomes for note in done.notes]
    missing = [] if outcomes else recover.missing_on_remote(repository)
    if not outcomes:
        said.append("nothing is pending")
    if context.json:
        problems = [problem.as_json() for problem in missing]
        done = [{"commit_id": one.commit, "tags": dict(one.tags), "pushed": one.pushed} for one in outcomes]
        print_json({"resumed": done, "said": said, "problems": problems})
    else:
        for line in said:
            click.echo(printable(line))
        for problem in missing:
            click.echo(printable(f"{problem.message}\n  next: {problem.fix}"), err=True)
    return REFUSED if missing else DONE


@click.command(epilog=EPILOG)
@global_options
@click.pass_obj
def abort(context: Context) -> int:
    """Undo an interrupted release of which nothing is public yet. With nothing pending there is nothing to do."""
    from release import recover
    from release.git import Repository

    undone = recover.abort(Repository(context.repo))
    if context.json:
        print_json({"aborted": undone})
    else:
        click.echo(printable(f"undone: {', '.join(undone)}") if undone else "nothing is pending")
    return DONE
