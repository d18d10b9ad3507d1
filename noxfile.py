#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10"
# dependencies = ["nox>=2026.2"]
# ///
"""Every task of sky-rs by name. Wiring only: what a task does lives in a module with tests."""

from __future__ import annotations

import nox

nox.needs_version = ">=2026.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.error_on_external_run = True

PROJECT = nox.project.load_toml("pyproject.toml")


def install_groups(session: nox.Session, *groups: str) -> None:
    """Install dependency groups of pyproject.toml into the session's environment."""
    session.install(*nox.project.dependency_groups(PROJECT, *groups))


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Plan, cut, resume or abort a release (arguments go to `python -m release`)."""
    install_groups(session, "release")
    session.run("python", "-m", "release", *(session.posargs or ["plan"]))


if __name__ == "__main__":
    nox.main()
