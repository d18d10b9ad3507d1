"""Ask the advisory databases about every crate and every package, and check licences and sources of the crates.

    python -m tools.audit
    python -m tools.audit --db PATH     a folder with advisory-db (RustSec) checked out, for machines without network

An audit that could not run is a failure with its own message (exit code 3), not a pass.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import click

MANIFEST = Path("rust/Cargo.toml")
TOOLS = {"cargo-audit": "0.22.2", "cargo-deny": "0.20.2"}
POLICY = ["licenses", "bans", "sources"]
FINDINGS = 1
NOT_RUN = 3
# What these programs say when they could not look, as opposed to looked and found.
UNREACHABLE = re.compile(
    r"couldn't|failed to (fetch|open|load|acquire|clone)|i/?o error|resolve host|connection|unable to"
    r"|not a git repository|loaded 0 security advisories|could not be audited",
    re.IGNORECASE,
)


class NotRun(click.ClickException):
    """An audit that could not look."""

    exit_code = NOT_RUN


def cache() -> Path:
    """Return where the compiled programs are kept: $SKY_RS_TOOLS, else the user's cache folder."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return Path(os.environ.get("SKY_RS_TOOLS") or base / "sky-rs" / "cargo-tools")


def program(name: str, root: Path) -> Path:
    """Return the path of a cargo subcommand of the wanted version, compiling it once (minutes)."""
    suffix = ".exe" if os.name == "nt" else ""
    path = root / "bin" / f"{name}{suffix}"
    wanted = TOOLS[name]
    if path.exists():
        answer = subprocess.run([path, "--version"], capture_output=True, text=True, check=False)
        if answer.stdout.split()[-1:] == [wanted]:
            return path
    if shutil.which("cargo") is None:
        raise NotRun(f"{name} was NOT RUN: it is compiled with cargo, which is not on PATH (https://rustup.rs)")
    click.echo(f"compiling {name} {wanted} into {root}; this takes minutes, once", err=True)
    command = ["cargo", "install", "--locked", "--root", str(root), "--version", wanted, name]
    if subprocess.run(command, check=False).returncode:
        raise NotRun(f"{name} was NOT RUN: `{' '.join(command)}` failed")
    return path


def ask(name: str, command: list[str]) -> str | None:
    """Run one audit; return what it found, None when that is nothing, and raise when it could not look."""
    click.echo(f"{name}: {' '.join(command)}", err=True)
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    click.echo(done.stdout, nl=False)
    if UNREACHABLE.search(done.stdout):
        raise NotRun(f"{name} was NOT RUN to the end (exit code {done.returncode}): see its words above")
    return f"{name} found something" if done.returncode else None


def rust_audits(database: Path | None) -> list[tuple[str, list[str]]]:
    """Return the commands for the crates: first what needs no advisories, so that it is answered without them."""
    root = cache()
    lock = str(MANIFEST.with_name("Cargo.lock"))
    audit = [str(program("cargo-audit", root)), "audit", "--deny", "warnings", "--file", lock]
    deny = [str(program("cargo-deny", root)), "--manifest-path", str(MANIFEST), "--locked"]
    offline = ["--offline"] if database else []
    policy = (f"cargo-deny {TOOLS['cargo-deny']}, licences, bans, sources", [*deny, *offline, "check", *POLICY])
    name = f"cargo-audit {TOOLS['cargo-audit']}"
    if database:
        # cargo-deny wants a clone of the same advisories under a name of its own making.
        return [policy, (name, [*audit, "--db", str(database), "--no-fetch", "--stale"])]
    advisories = (f"cargo-deny {TOOLS['cargo-deny']}, advisories", [*deny, "check", "advisories"])
    return [policy, (name, audit), advisories]


@click.command(epilog="Exit codes: 0 nothing found; 1 findings; 2 wrong usage; 3 an audit could not run.")
@click.option(
    "--db",
    "database",
    type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="RustSec's advisory-db, checked out.",
)
@click.option("--python/--no-python", default=True, help="Whether to audit the Python packages (needs the network).")
def main(database: Path | None, python: bool) -> None:
    """Run every audit, also after one has failed, and say which found something and which could not run."""
    clean: list[str] = []
    findings: list[str] = []
    silent: list[str] = []

    def collect(name: str, command: list[str]) -> None:
        try:
            found = ask(name, command)
        except NotRun as error:
            silent.append(error.message)
        else:
            (findings if found else clean).append(found or f"{name}: clean")

    try:
        for name, command in rust_audits(database):
            collect(name, command)
    except NotRun as error:
        silent.append(error.message)
    if python:
        requirements = Path("build/audit-requirements.txt")
        requirements.parent.mkdir(exist_ok=True)
        groups = ["release", "test", "tools", "wheels", "lint"]
        compile_ = ["uv", "pip", "compile", "--quiet", *(word for name in groups for word in ("--group", name))]
        if subprocess.run([*compile_, "--output-file", str(requirements)], check=False).returncode:
            silent.append("pip-audit was NOT RUN: uv could not resolve the dependency groups")
        else:
            options = ["--strict", "--no-deps", "--disable-pip", "--requirement", str(requirements)]
            collect(f"pip-audit {version('pip-audit')}", [sys.executable, "-m", "pip_audit", *options])
    else:
        click.secho("pip-audit: not run, as asked (--no-python)", fg="yellow", err=True)
    for line in clean:
        click.secho(line, fg="green")
    for line in [*findings, *silent]:
        click.secho(f"error: {line}", fg="red", err=True)
    sys.exit(NOT_RUN if silent else FINDINGS if findings else 0)


if __name__ == "__main__":
    main()
