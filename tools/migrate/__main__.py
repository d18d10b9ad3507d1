"""`python -m tools.migrate`: move a code base to the replacement functions.

Exit codes: 0 done, or nothing to do · 1 `--check` found something, or an undo was refused · 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click

from tools import dropin
from tools.migrate import engine, gains, report, undo
from tools.migrate.progress import scanning

_EXAMPLES = """
\b
Examples:
  python -m tools.migrate ../skypilot                  what would move, and what it gains
  python -m tools.migrate ../skypilot --diff           the changes as a patch
  python -m tools.migrate ../skypilot --write          make them
  python -m tools.migrate ../skypilot --undo           take the last --write back
"""


@click.command(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("paths", nargs=-1, required=True, type=click.Path(exists=True, path_type=Path), metavar="PATH...")
@click.option("--diff", "show_diff", is_flag=True, help="Show the changes as a unified diff on stdout.")
@click.option("--write", "do_write", is_flag=True, help="Rewrite the files; the old bytes are kept for --undo.")
@click.option("--undo", "do_undo", is_flag=True, help="Restore what the last --write in PATH changed.")
@click.option("--check", is_flag=True, help="Exit with 1 when something could move.")
@click.option("--format", "output", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option("--only", "only", multiple=True, metavar="FUNCTION", help="Consider this function alone; repeatable.")
@click.option("--exclude", multiple=True, metavar="GLOB", help="Skip files below PATH that match; repeatable.")
@click.option("--jobs", type=click.IntRange(0), default=0, help="Processes to use; 0 means one per core.")
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).resolve().parents[2] / "pyproject.toml",
    help="The pyproject.toml with the [tool.drop-in] table; this project's own by default.",
)
@click.option(
    "--results",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path(__file__).resolve().parents[2] / "build" / "bench" / "latest.json",
    help="Result file of the benchmarks, for what is gained.",
)
def main(
    paths: tuple[Path, ...],
    show_diff: bool,
    do_write: bool,
    do_undo: bool,
    check: bool,
    output: str,
    only: tuple[str, ...],
    exclude: tuple[str, ...],
    jobs: int,
    config: Path,
    results: Path,
) -> None:
    """Find the uses of replaced functions under PATH, say what would be gained, and rewrite what is safe."""
    if do_undo:
        if do_write or show_diff or check:
            raise click.UsageError("--undo goes alone")
        _undo(paths)
        return
    try:
        settings = _only(dropin.load(config), only)
        measured = gains.load(results)
    except (dropin.SettingsError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    with scanning() as progress:
        result = engine.run(settings, paths, exclude=exclude, jobs=jobs, progress=progress)
    if do_write and result.changes:
        _write(paths[0], result)
    if show_diff and output == "text":
        for change in result.changes:
            click.echo(report.diff(change), nl=False)
    elif output == "json":
        entry = report.as_json(result, measured)
        if show_diff:
            entry["diffs"] = {change.file: report.diff(change) for change in result.changes}
        click.echo(json.dumps(entry, indent=2))
    else:
        click.echo(report.as_text(result, settings, measured, do_write))
    if check and result.changes:
        sys.exit(1)


def _only(settings: dropin.DropIn, names: tuple[str, ...]) -> dropin.DropIn:
    unknown = [name for name in names if name not in settings.functions]
    if unknown:
        raise dropin.SettingsError(f"{unknown[0]} is not one of {', '.join(settings.functions)}")
    if not names:
        return settings
    chosen = {name: settings.functions[name] for name in names}
    return dropin.DropIn(**{**vars(settings), "functions": chosen})


def _write(root: Path, result: engine.Result) -> None:
    try:
        record = undo.write(root, result.changes)
    except (OSError, undo.UndoError) as error:
        raise click.ClickException(str(error)) from error
    click.echo(f"{len(result.changes)} files written; the old bytes are in {record}", err=True)


def _undo(paths: tuple[Path, ...]) -> None:
    for path in paths[:1]:
        try:
            restored = undo.take_back(path)
        except (OSError, undo.UndoError) as error:
            raise click.ClickException(str(error)) from error
        click.echo(f"{len(restored)} files are as they were before the last --write")


if __name__ == "__main__":
    main(prog_name="python -m tools.migrate")
