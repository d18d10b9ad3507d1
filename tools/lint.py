"""Every check that reads files and builds nothing: all of them run, then the result is told.

python -m tools.lint
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click

PYTHON = [sys.executable, "-m"]
# Not misspelt: pieces of test data.
WORDS = "caf,crate,elease,kubernete"


def checks() -> list[tuple[str, list[str]]]:
    """Return the name of each check's package, and its command."""
    workflows = sorted(str(path) for path in Path(".github/workflows").glob("*.yml"))
    schema = [*PYTHON, "check_jsonschema", "--builtin-schema"]
    texts = [path for path in tracked() if path.endswith((".md", ".py", ".rs", ".toml", ".yml", ".sh"))]
    return [
        ("ruff", [*PYTHON, "ruff", "check", "."]),
        ("zizmor", ["zizmor", "--offline", "--persona", "pedantic", "--no-progress", "--quiet", ".github"]),
        ("check-jsonschema", [*schema, "vendor.github-workflows", *workflows]),
        ("check-jsonschema", [*schema, "vendor.dependabot", ".github/dependabot.yml"]),
        ("validate-pyproject", [*PYTHON, "validate_pyproject", "pyproject.toml"]),
        ("codespell", [*PYTHON, "codespell_lib", "--ignore-words-list", WORDS, *texts]),
        ("pytest", [*PYTHON, "pytest", "-q", "-m", "slow or not slow", "tests/project", "tests/release/test_dist.py"]),
    ]


def tracked() -> list[str]:
    """Return the files that git tracks."""
    listed = subprocess.run(["git", "ls-files", "-z"], capture_output=True, check=True)
    return [name for name in listed.stdout.decode().split("\0") if name and Path(name).is_file()]


def actionlint() -> list[str] | None:
    """Return the command for actionlint, installed or run from the Go module proxy; None without it and without Go."""
    if shutil.which("actionlint"):
        return ["actionlint"]
    if shutil.which("go"):
        return ["go", "run", "github.com/rhysd/actionlint/cmd/actionlint@v1.7.12"]
    return None


@click.command(epilog="Exit codes: 0 all clean; 1 something was found.")
def main() -> None:
    """Run every check and list those that found something."""
    failed = []
    for package, command in checks():
        click.secho(f"{package} {version(package)}", bold=True)
        if subprocess.run(command, check=False).returncode:
            failed.append(package)
    workflows = actionlint()
    if workflows is None:
        click.secho("actionlint: NOT RUN, neither actionlint nor go is on PATH", fg="yellow", err=True)
    else:
        click.secho(" ".join(workflows), bold=True)
        if subprocess.run(workflows, check=False).returncode:
            failed.append("actionlint")
    if failed:
        raise click.ClickException(f"not clean: {', '.join(failed)}")


if __name__ == "__main__":
    main()
