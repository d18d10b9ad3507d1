"""`python -m benchmarks`: time the replacement against the original, and write what came out.

Exit codes: 0 measured · 1 something failed, or `--compare` found what got slower · 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from benchmarks import results, session, table
from benchmarks.sides import WorkerError
from tools import dropin

ROOT = Path(__file__).resolve().parents[1]
_EXAMPLES = """
\b
Examples:
  python -m benchmarks --quick                         under a minute
  python -m benchmarks --function base36_encode        one function
  python -m benchmarks --compare build/bench/old.json  and say what got slower
"""


@click.command(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="Fewer and shorter rounds: under a minute, and noisier.")
@click.option("--function", "only", multiple=True, metavar="NAME", help="Measure this function; repeatable.")
@click.option("--instructions", is_flag=True, help="Also count instructions under valgrind (minutes).")
@click.option("--free-threaded", metavar="PYTHON", help="A free-threaded interpreter with the package installed.")
@click.option("--python", default=sys.executable, help="The interpreter with the replacement; this one by default.")
@click.option("--reference-python", metavar="PYTHON", help="One with the original; default: made under build/.")
@click.option("--compare", type=click.Path(exists=True, dir_okay=False, path_type=Path), help="An older result.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="Default: build/bench/latest.json.")
@click.option("--format", "form", type=click.Choice(["text", "json"]), default="text", show_default=True)
@click.option(
    "--config",
    type=click.Path(dir_okay=False, path_type=Path),
    default=ROOT / "pyproject.toml",
    help="The pyproject.toml with the [tool.drop-in] table.",
)
def main(
    quick: bool,
    only: tuple[str, ...],
    instructions: bool,
    free_threaded: str | None,
    python: str,
    reference_python: str | None,
    compare: Path | None,
    output: Path | None,
    form: str,
    config: Path,
) -> None:
    """Compare every function with its original: both sides alternate in one run, the ratio of minima counts."""
    stderr = Console(stderr=True)
    try:
        settings = dropin.load(config)
        unknown = [name for name in only if name not in settings.functions]
        if unknown:
            raise click.UsageError(f"{unknown[0]} is not one of {', '.join(settings.functions)}")
        older = json.loads(compare.read_text(encoding="utf-8")) if compare else None
    except (dropin.SettingsError, ValueError) as error:
        raise click.UsageError(str(error)) from error
    plan = session.Plan(
        settings, python, reference_python, quick, only, instructions, free_threaded, folder=ROOT / "build" / "bench"
    )
    columns = (TextColumn("{task.description:<60}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    try:
        with Progress(*columns, console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
            task = bar.add_task("starting", total=None)
            document = session.run(
                plan,
                lambda text, done, total: bar.update(task, description=text, completed=done, total=total),
            )
    except (WorkerError, RuntimeError) as error:
        raise click.ClickException(str(error)) from error
    path = output or ROOT / "build" / "bench" / "latest.json"
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    lost = results.slower(older, document) if older is not None else []
    _print(document, lost, older is not None, form, path)
    if lost:
        sys.exit(1)


def _print(document: dict[str, Any], lost: list[dict[str, Any]], compared: bool, form: str, path: Path) -> None:
    if form == "json":
        click.echo(json.dumps(document | ({"slower": lost} if compared else {}), indent=1))
        return
    click.echo(table.text(document))
    if compared:
        click.echo(table.slower(lost))
    click.echo(f"\nwritten to {path}; `nox -s report` shows it", err=True)


if __name__ == "__main__":
    main(prog_name="python -m benchmarks")
