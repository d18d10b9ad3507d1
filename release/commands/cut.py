"""`cut`: make the release that `plan` shows."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from release.cli import Context, global_options, print_json, printable
from release.errors import DONE, INTERRUPTED, REFUSED

if TYPE_CHECKING:
    from release.change import Options
    from release.git import Repository
    from release.plan import ReleasePlan

EPILOG = """\b
Examples:
  python -m release cut                  what would happen, with the ids of commit and tag
  python -m release cut --execute        do it: one commit, one tag, one atomic push
  python -m release cut 2.0.0 --execute  this version
  python -m release cut --execute --via-branch   for a protected branch: a pull request, then the tag

The ids that a dry run prints are the ones --execute makes from the same commit on the same day (UTC), or with the
same --date. A signature, or a hook that edits the commit, decides the ids too: then the dry run says so."""


@click.command(epilog=EPILOG)
@click.argument("version", default="auto", metavar="[auto|major|minor|patch|pre|final|post|VERSION]")
@click.option("--execute", is_flag=True, help="Do it; without this nothing is changed.")
@click.option("--date", metavar="YYYY-MM-DD", help="The day of the release, in UTC (default: today).")
@click.option("--no-push", is_flag=True, help="Commit and tag here only.")
@click.option("--sign/--no-sign", default=None, help="Sign commit and tag, or not (default: git's settings).")
@click.option("--no-atomic", is_flag=True, help="Allow a remote without atomic push; a failure can leave half.")
@click.option("--no-verify", is_flag=True, help="Run none of git's hooks.")
@click.option("--via-branch", is_flag=True, help="Push release/VERSION for a pull request; tag after the merge.")
@click.option("--remote", metavar="NAME", help="The remote to push to (default: the plan's).")
@global_options
@click.pass_obj
def cut(
    context: Context,
    version: str,
    execute: bool,
    date: str | None,
    no_push: bool,
    sign: bool | None,
    no_atomic: bool,
    no_verify: bool,
    via_branch: bool,
    remote: str | None,
) -> int:
    """Make a release: all of it or nothing. A dry run unless --execute is given.

    Exit code 0: done, or ready. 1: refused, nothing changed. 3: interrupted; see `status`.
    """
    from release import planner, via
    from release.change import Options
    from release.errors import Usage
    from release.git import Repository

    if via_branch and no_push:
        raise Usage.because("options", "--via-branch pushes a branch, so it cannot go with --no-push", "")
    repository = Repository(context.repo)
    plan = planner.make(repository, version, offline=no_push, date=date)
    options = Options(
        remote=remote or plan.remote, push=not no_push, sign=sign, atomic=not no_atomic, hooks=not no_verify
    )
    if via_branch and plan.next is not None:
        options = via.options_for(options, plan.next)
    result = perform(repository, plan, options, execute=execute and not plan.problems)
    if context.json:
        print_json(result)
    else:
        _show(plan, result, execute)
    if any(problem.code == "remote-unreachable" for problem in plan.problems):
        return INTERRUPTED
    return REFUSED if plan.problems else DONE


def perform(repository: Repository, plan: ReleasePlan, options: Options, *, execute: bool) -> dict[str, Any]:
    """Make the planned release, or only work out its ids, and return the object that `--format json` prints.

    Raises:
        Refused: when it cannot be made; nothing is changed.
        Interrupted: when it may be half-way.
    """
    from release import transaction, via
    from release.plumbing import Plumbing

    result = {**plan.as_json(), "commit_id": None, "tag_id": None, "ids_unknown": None, "tree_id": None}
    result |= {"executed": False, "pushed": False, "said": []}
    if plan.problems or plan.next is None:
        return result
    change = plan.change()
    if not execute:
        seen = transaction.preview(repository, change, options)
        said = [*seen.notes]
        if seen.unknown:
            said.append(seen.unknown)
        if seen.commit:
            said.append(f"the ids above hold {plan.holds}")
        return result | {
            "commit_id": seen.commit,
            "tag_id": seen.tags[0].oid if seen.tags else None,
            "ids_unknown": seen.unknown or None,
            "tree_id": seen.tree,
            "said": said,
        }
    prepared = transaction.prepare(repository, change, options)
    outcome = transaction.execute(repository, prepared, options)
    said = list(outcome.notes)
    if options.via is not None and options.remote is not None:
        said.append(via.open_pull_request(Plumbing(repository), options.via, change.branch, change.message, plan.notes))
    tag_id = next(iter(outcome.tags.values()))
    return result | {
        "commit_id": outcome.commit,
        "tag_id": tag_id,
        "executed": True,
        "pushed": outcome.pushed,
        "said": said,
    }


def _show(plan: ReleasePlan, result: dict[str, Any], execute: bool) -> None:
    from release.show import plan_lines, problem_lines

    if not execute:
        click.echo("\n".join(plan_lines(plan)))
    elif plan.problems:
        click.echo("\n".join(problem_lines(plan.problems)), err=True)
    if result["commit_id"] or result["tree_id"]:
        click.echo("")
        click.echo(f"commit  {result['commit_id'] or 'not known before it is signed, of tree ' + result['tree_id']}")
        click.echo(f"tag     {result['tag_id'] or 'not known before it is signed'}  {printable(plan.tag or '')}")
    for line in result["said"]:
        click.echo(printable(line))
    if result["executed"]:
        where = f"{plan.remote} and here" if result["pushed"] else "here only"
        click.echo(f"{click.style('released', fg='green', bold=True)} {plan.next} ({printable(where)})")
    elif not plan.problems:
        click.echo("dry run: nothing was changed; add --execute to do it")
