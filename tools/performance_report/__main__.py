"""`python -m tools.performance_report`: show what `python -m benchmarks` measured.

Exit codes: 0 shown · 1 there is no usable result, or `--check-targets` found one missed · 2 wrong usage.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import click

from benchmarks import results, table
from tools.performance_report import page, publish

ROOT = Path(__file__).resolve().parents[2]
BENCH = ROOT / "build" / "bench"
_EXAMPLES = """
\b
Examples:
  python -m tools.performance_report                    text, and build/bench/report.html beside it
  python -m tools.performance_report --format markdown  the table of the README
  python -m tools.performance_report --format json | jq .summary
"""


@click.command(epilog=_EXAMPLES, context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--results", "source", type=click.Path(dir_okay=False, path_type=Path), default=BENCH / "latest.json")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
@click.option("--html", type=click.Path(dir_okay=False, path_type=Path), default=BENCH / "report.html")
@click.option("--check-targets", is_flag=True, help="Exit with 1 when something is below what it was to reach.")
@click.option("--publish", "do_publish", is_flag=True, help="Put the numbers into the README and docs/measure.md.")
def main(source: Path, form: str, html: Path, check_targets: bool, do_publish: bool) -> None:
    """Print the results in --results, and write them as one web page to --html."""
    try:
        document = load(source)
    except ValueError as error:
        raise click.ClickException(str(error)) from error
    html.parent.mkdir(parents=True, exist_ok=True)
    html.write_text(page.render(document), encoding="utf-8")
    if do_publish:
        for path in publish.publish(ROOT, document, markdown(document)):
            click.echo(f"published in {path}", err=True)
    missed = page.missed(document)
    if form == "json":
        click.echo(json.dumps(document | {"missed": missed}, indent=1))
    else:
        click.echo(markdown(document) if form == "markdown" else table.text(document))
    click.echo(f"the page is {html}", err=True)
    if check_targets and missed:
        sys.exit(1)


def load(path: Path) -> dict[str, Any]:
    """Read a result document; ValueError says what is wrong with it and what to run."""
    try:
        document: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        raise ValueError(f"{path} does not exist: run `nox -s bench` first") from error
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} cannot be read: {error}") from error
    if not isinstance(document, dict) or document.get("format") != results.FORMAT or not document.get("functions"):
        raise ValueError(f"{path} is not a result of this version of the benchmarks: run `nox -s bench` again")
    return document


def markdown(document: dict[str, Any]) -> str:
    """Return the table of the README."""
    lines = [
        "| Function | Times as fast | Worst workload | C floor | Claimed earlier |",
        "|---|---:|---:|---:|---:|",
    ]
    for entry in document["functions"]:
        worst = entry["worst"]
        cells = [
            f"`{entry['name']}`",
            table.number(entry["ratio"]),
            f"{table.number(worst['ratio'])} ({worst['name']})",
            table.number(entry["floor"]),
            table.number(entry["claim"]),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    for name in ("arithmetic", "geometric"):
        mean = document["summary"][name]
        cells = [
            f"{name} mean",
            table.number(mean["ratio"]),
            "",
            table.number(mean.get("floor")),
            table.number(mean.get("claim")),
        ]
        lines.append("| " + " | ".join(cells) + " |")
    machine = document["machine"]
    versions = document["versions"]["reference"]
    named = ", ".join(f"{name} {version}" for name, version in versions.items())
    kind = "quick run" if document["quick"] else "full run"
    where = f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}"
    lines += ["", f"{where}; {named}; {kind} of {document['created'][:10]}."]
    return "\n".join(lines)


if __name__ == "__main__":
    main(prog_name="python -m tools.performance_report")
