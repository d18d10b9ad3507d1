"""`merge`: one checked merge commit, pushed or not made."""

from __future__ import annotations

from typing import Any

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE

EPILOG = """\b
Examples:
  python -m release merge topic              does it merge, and what would come in
  python -m release merge topic --execute    run the checks on the result, commit, push

The checks are `checks` in [tool.release.merge]; they run on the merged files in a scratch folder."""


@click.command(epilog=EPILOG)
@click.argument("branch")
@click.option("--execute", is_flag=True, help="Do it; without this nothing is changed and no check runs.")
@click.option("--no-push", is_flag=True, help="Merge here only.")
@click.option("--sign/--no-sign", default=None, help="Sign the commit, or not (default: git's settings).")
@click.option("--no-verify", is_flag=True, help="Run none of git's hooks.")
@global_options
@click.pass_obj
def merge(context: Context, branch: str, execute: bool, no_push: bool, sign: bool | None, no_verify: bool) -> int:
    """Merge BRANCH into the branch that is checked out: checks first, then one commit and one push.

    Exit code 0: merged, mergeable, or in already. 1: conflicts or a failed check; nothing changed.
    """
    from release import merging, transaction
    from release.change import Options
    from release.git import Repository

    repository = Repository(context.repo)
    made = merging.plan(repository, branch, check=execute)
    into = made.target
    result: dict[str, Any] = {"branch": branch, "into": into.branch, "up_to_date": made.change is None}
    result |= {"commits": list(made.commits), "commit_id": None, "executed": False, "pushed": False, "said": []}
    if made.change is not None:
        options = Options(remote=into.remote, push=not no_push, sign=sign, hooks=not no_verify)
        if execute:
            outcome = transaction.execute(repository, transaction.prepare(repository, made.change, options), options)
            result |= {"commit_id": outcome.commit, "executed": True, "pushed": outcome.pushed}
            result["said"] = list(outcome.notes)
        else:
            seen = transaction.preview(repository, made.change, options)
            result["commit_id"] = seen.commit
            result["said"] = [*seen.notes, *([seen.unknown] if seen.unknown else [])]
    if context.json:
        print_json(result)
        return DONE
    if made.change is None:
        click.echo(printable(f"{branch} is in {into.branch} already"))
        return DONE
    click.echo(printable(made.change.message))
    click.echo(f"commit  {result['commit_id'] or 'not known before it is signed'}")
    for line in result["said"]:
        click.echo(printable(line))
    if execute:
        where = f"pushed to {into.remote}" if result["pushed"] else "not pushed"
        click.echo(printable(f"merged into {into.branch}, {where}"))
    else:
        checks = ", ".join(into.settings.merge.checks) or "none configured"
        click.echo(printable(f"dry run: nothing was changed; --execute runs the checks ({checks}) and does it"))
    return DONE
