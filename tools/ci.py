"""The few things that only GitHub's workflows need, so that no script hides in YAML.

python -m tools.ci gate             fails unless every job named in $NEEDS succeeded
python -m tools.ci matrix           writes the matrix of `python -m release dist` to $GITHUB_OUTPUT
python -m tools.ci notes            writes the changelog section of the tag, or of what is unreleased
python -m tools.ci github-release   makes the GitHub release of $TAG from dist/
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import click

from release import dist

NOTES = Path("build/notes.md")


def variable(name: str) -> str:
    """Return an environment variable that the workflow must set."""
    value = os.environ.get(name, "")
    if not value:
        raise click.ClickException(f"{name} is not set; the workflow passes it in env:")
    return value


@click.group(epilog="Exit codes: 0 done; 1 not; 2 wrong usage.")
def main() -> None:
    """Do what a workflow step asks for."""


@main.command()
def gate() -> None:
    """Fail unless every job that this one waited for succeeded; skipped and cancelled are not success."""
    try:
        results = {name: job["result"] for name, job in json.loads(variable("NEEDS")).items()}
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise click.ClickException(f"NEEDS is not GitHub's `toJSON(needs)`: {error}") from error
    for name, result in results.items():
        click.echo(f"{name}: {result}")
    failed = [name for name, result in results.items() if result != "success"]
    if failed or not results:
        raise click.ClickException(f"not green: {', '.join(failed) or 'no job was waited for'}")


@main.command()
def matrix() -> None:
    """Write the matrix and the list of its runners to $GITHUB_OUTPUT, and to standard output."""
    found = dist.load(Path.cwd())
    runners = sorted({job.runner for job in found.jobs})
    lines = f"matrix={json.dumps(found.matrix())}\nrunners={json.dumps(runners)}\n"
    output = os.environ.get("GITHUB_OUTPUT")
    if output:
        with Path(output).open("a", encoding="utf-8") as file:
            file.write(lines)
    click.echo(lines, nl=False)


@main.command()
def notes() -> None:
    """Write the notes of the tag that started the workflow; without a tag, show what a release would do."""
    tag = os.environ.get("GITHUB_REF_NAME", "") if os.environ.get("GITHUB_REF_TYPE") == "tag" else ""
    arguments = ["notes", "--", tag] if tag else ["plan"]
    done = subprocess.run([sys.executable, "-m", "release", *arguments], stdout=subprocess.PIPE, check=False)
    click.echo(done.stdout.decode("utf-8", "replace"))
    if tag and (done.returncode or not done.stdout.strip()):
        raise click.ClickException(f"the changelog has no notes for {tag}; it will not be released")
    NOTES.parent.mkdir(exist_ok=True)
    NOTES.write_bytes(done.stdout)


@main.command("github-release")
def github_release() -> None:
    """Make the GitHub release of $TAG, with the notes and every archive."""
    tag = variable("TAG")
    if not re.fullmatch(r"v\d[\w.]*", tag):
        raise click.ClickException(f"{tag!r} is not the tag of a release")
    files = sorted(str(path) for path in Path("dist").iterdir() if path.suffix in (".gz", ".whl"))
    if not files:
        raise click.ClickException("dist/ has no archive")
    command = ["gh", "release", "create", "--verify-tag", "--title", tag, "--notes-file", "dist/notes.md"]
    done = subprocess.run([*command, "--", tag, *files], check=False)
    if done.returncode:
        raise click.ClickException(f"gh ended with {done.returncode}")


if __name__ == "__main__":
    main()
