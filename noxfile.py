#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10"
# dependencies = ["nox>=2026.2"]
# ///
"""Every task of sky-rs by name. Wiring only: what a task does lives in a module with tests."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import nox

nox.needs_version = ">=2026.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.error_on_external_run = True

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)

# pyenv's shims answer for every version and then fail: look at the interpreters themselves, newest first.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
os.environ["PATH"] = os.pathsep.join(
    [
        *(entry for entry in os.environ.get("PATH", "").split(os.pathsep) if Path(entry) != PYENV / "shims"),
        *sorted(map(str, PYENV.glob("versions/3.*/bin")), reverse=True),
    ]
)


def install_groups(session: nox.Session, *groups: str) -> None:
    """Install dependency groups of pyproject.toml into the session's environment."""
    session.install(*nox.project.dependency_groups(PROJECT, *groups))


def install_package(session: nox.Session) -> str:
    """Build this checkout, install it, and return its backends: without Rust only the universal wheel can be built."""
    if shutil.which("cargo"):
        session.install(".")
        return "both"
    session.warn("cargo was not found: installing the universal wheel; the native module is NOT built and NOT tested")
    session.install("-C", "universal=true", ".")
    return "python"


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Plan, cut, resume or abort a release (arguments go to `python -m release`)."""
    install_groups(session, "release")
    session.run("python", "-m", "release", *(session.posargs or ["plan"]))


if __name__ == "__main__":
    nox.main()
