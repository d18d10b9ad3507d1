#!/usr/bin/env -S uv run --script
# /// script
# requires-python = ">=3.10"
# dependencies = ["nox>=2026.2"]
# ///
"""Every task of sky-rs by name. Wiring only: what a task does lives in a module with tests."""

from __future__ import annotations

import os
import shutil
import sys
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


def cargo(session: nox.Session, command: str, *args: str) -> None:
    """Run cargo on the crate, for the Python that runs nox."""
    env = {"PYO3_PYTHON": sys.executable}
    session.run("cargo", command, "--manifest-path", "rust/Cargo.toml", *args, external=True, env=env)


@nox.session(venv_backend="none", default=False)
def setup(session: nox.Session) -> None:
    """Check this machine, make .venv, build the package into it, verify it, run a quick benchmark."""
    session.run(sys.executable, "tools/setup_project.py", *session.posargs, external=True)


@nox.session(tags=["check"])
def fmt(session: nox.Session) -> None:
    """Format Rust and Python (`-- --check` only looks)."""
    install_groups(session, "lint")
    cargo(session, "fmt", *session.posargs)
    session.run("ruff", "format", *session.posargs, ".")


@nox.session(venv_backend="none", tags=["check", "rust"])
def clippy(session: nox.Session) -> None:
    """Lint all Rust targets for both Python floors; warnings are errors."""
    for feature in ("abi3-py39", "abi3-py310"):
        cargo(session, "clippy", "--locked", "--all-targets", "--features", feature, "--", "-D", "warnings")


@nox.session(tags=["check"])
def typecheck(session: nox.Session) -> None:
    """Run mypy --strict on our Python, and compare the stub of sky_rs with the built module."""
    install_groups(session, "typecheck")
    install_package(session)
    session.run("mypy", "--strict")
    session.run("python", "-m", "mypy.stubtest", "sky_rs", "--allowlist", "rust/stubtest-allowlist.txt")


@nox.session(name="test-rust", venv_backend="none", tags=["rust"])
def test_rust(session: nox.Session) -> None:
    """Run the Rust tests alone (arguments go to `cargo test`)."""
    cargo(session, "test", "--locked", *session.posargs)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Plan, cut, resume or abort a release (arguments go to `python -m release`)."""
    install_groups(session, "rehearse" if "rehearse" in session.posargs else "release")
    session.run("python", "-m", "release", *(session.posargs or ["plan"]))


@nox.session(name="bench-release", default=False)
def bench_release(session: nox.Session) -> None:
    """Measure plan and notes against other release tools and the floor (`-- --quick` for a small run)."""
    install_groups(session, "release")
    session.run("python", "-m", "benchmarks.release_speed", *session.posargs)


@nox.session(default=False)
def merge(session: nox.Session) -> None:
    """Merge a branch: checked in a scratch area, one commit, one push (`-- BRANCH --execute`)."""
    install_groups(session, "release")
    session.run("python", "-m", "release", "merge", *(session.posargs or ["--help"]))


@nox.session(default=False)
def faults(session: nox.Session) -> None:
    """Break a thousand releases at random points and check every outcome (`-- --count N --seed S`)."""
    install_groups(session, "release")
    session.run("python", "-m", "tools.faults", *session.posargs)


@nox.session(default=False)
def migrate(session: nox.Session) -> None:
    """Find and rewrite uses of the replaced functions in a code base (`-- PATH --diff`)."""
    install_groups(session, "tools")
    session.run("python", "-m", "tools.migrate", *(session.posargs or ["--help"]))


@nox.session(default=False)
def rollout(session: nox.Session) -> None:
    """Stage a release by percentage, on evidence (arguments go to `python -m release rollout`)."""
    install_groups(session, "rollout")
    session.run("python", "-m", "release", "rollout", *(session.posargs or ["status"]))


@nox.session(python=PROJECT["tool"]["drop-in"]["python"], default=False)
def bench(session: nox.Session) -> None:
    """Run the Criterion suites and time Rust against SkyPilot (`-- --quick`: only the latter, briefly)."""
    install_groups(session, "tools")
    install_package(session)
    if "--quick" not in session.posargs:
        cargo(session, "bench", "--locked")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session(default=False)
def report(session: nox.Session) -> None:
    """Show the last benchmark results as text, JSON and a web page (`-- --format json`)."""
    install_groups(session, "tools")
    session.run("python", "-m", "tools.performance_report", *session.posargs)


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Tour the twelve functions in the terminal, measured live (`-- --quick`)."""
    install_groups(session, "tools")
    install_package(session)
    session.run("python", "-m", "tools.demo", *session.posargs)


@nox.session(tags=["check"])
def lint(session: nox.Session) -> None:
    """Check Python, workflows, pyproject.toml and spelling, and that files agree with each other."""
    install_groups(session, "lint")
    session.run("python", "-m", "tools.lint")


@nox.session(default=False)
def audit(session: nox.Session) -> None:
    """Look up advisories, licences and sources of all dependencies (offline: `-- --db PATH`)."""
    install_groups(session, "audit")
    session.run("python", "-m", "tools.audit", *session.posargs)


@nox.session(default=False)
def sdist(session: nox.Session) -> None:
    """Build the sdist from tracked files and the universal wheel, into dist/."""
    install_groups(session, "wheels")
    session.run("python", "-m", "build", "--sdist", "--outdir", "dist")
    session.run("python", "-m", "build", "--wheel", "-Cuniversal=true", "--outdir", "dist")


@nox.session(default=False)
def wheels(session: nox.Session) -> None:
    """Build, repair and test this machine's wheels from the sdist (cibuildwheel; without a container: maturin)."""
    install_groups(session, "wheels")
    session.run("python", "-m", "tools.build_wheels", *session.posargs)


@nox.session(name="wheels-local", default=False)
def wheels_local(session: nox.Session) -> None:
    """Run cibuildwheel as GitHub does, in an image made here with debootstrap (podman, root)."""
    install_groups(session, "wheels")
    session.run("python", "-m", "tools.wheels_local", *session.posargs)


@nox.session(name="verify-dist", default=False)
def verify_dist(session: nox.Session) -> None:
    """Compare dist/ with the expected set and check every file (`-- --platform this`: only what this machine built)."""
    install_groups(session, "wheels")
    session.run("python", "-m", "tools.verify_dist", *session.posargs)


@nox.session(default=False)
def reproduce(session: nox.Session) -> None:
    """Build every kind of archive twice, from two folders, and compare the bytes (`-- --quick`)."""
    install_groups(session, "wheels")
    session.run("python", "-m", "tools.reproduce", *session.posargs)


@nox.session(default=False)
def postcheck(session: nox.Session) -> None:
    """Compare what was published with dist/, verify its attestations, install it, run its doctor."""
    install_groups(session, "postcheck")
    session.run("python", "-m", "tools.postcheck", "--repository", PROJECT["project"]["urls"]["Repository"])


@nox.session(default=False)
def ci(session: nox.Session) -> None:
    """Do what a workflow step asks for (`-- gate|matrix|notes|github-release`)."""
    install_groups(session, "release")
    session.run("python", "-m", "tools.ci", *session.posargs, external=True)


@nox.session(default=False)
def docs(session: nox.Session) -> None:
    """Build the documentation, warnings being errors, and run every command it shows."""
    install_groups(session, "docs", "test")
    install_package(session)
    session.run("sphinx-build", "-W", "--keep-going", "-q", "docs", "docs/_build/html")
    session.run("pytest", "tests/docs", *session.posargs)
@nox.session(name="rollout-proofs", default=False)
def rollout_proofs(session: nox.Session) -> None:
    """Prove the rollout, slowly: real providers, a hundred million hosts, Prometheus, the gate's promises."""
    install_groups(session, "test", "release")
    session.run("pytest", "-s", "-m", "slow", "tests/rollout", *session.posargs)
    session.run("python", "-m", "benchmarks.decision_cost")
    session.run("python", "-m", "release", "rollout", "simulate", "--promises", "--runs", "5000")


if __name__ == "__main__":
    nox.main()
