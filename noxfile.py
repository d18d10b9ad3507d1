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
import sysconfig
from pathlib import Path

import nox

nox.needs_version = ">=2026.2"
nox.options.default_venv_backend = "uv|virtualenv"
nox.options.reuse_venv = "yes"
nox.options.error_on_missing_interpreters = True
nox.options.error_on_external_run = True
nox.options.download_python = "never"

PROJECT = nox.project.load_toml("pyproject.toml")
PYTHONS = nox.project.python_versions(PROJECT)

# pyenv's shims answer for every version and then fail: look at the interpreters themselves, newest first.
# Last comes what was installed with nox itself: uv.
PYENV = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
PATH = [entry for entry in os.environ.get("PATH", "").split(os.pathsep) if Path(entry) != PYENV / "shims"]
PATH += sorted(map(str, PYENV.glob("versions/3.*/bin")), reverse=True)
PATH.append(sysconfig.get_path("scripts"))
os.environ["PATH"] = os.pathsep.join(PATH)


def install_groups(session: nox.Session, *groups: str) -> None:
    """Install dependency groups of pyproject.toml into the session's environment."""
    session.install(*nox.project.dependency_groups(PROJECT, *groups))


def run_module(session: nox.Session, group: str, module: str, *default: str) -> None:
    """Run `python -m MODULE` with the session's arguments, or with `default` where there are none."""
    install_groups(session, group)
    session.run("python", "-m", *module.split(), *(session.posargs or default))


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
    # Test programs embed Python: a shared libpython of pyenv's is in no folder that the loader looks in.
    folders = [sysconfig.get_config_var("LIBDIR"), os.environ.get("LD_LIBRARY_PATH")]
    env = {"PYO3_PYTHON": sys.executable, "LD_LIBRARY_PATH": os.pathsep.join(filter(None, folders))}
    session.run("cargo", command, "--manifest-path=rust/Cargo.toml", *args, external=True, env=env)


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


@nox.session
def test(session: nox.Session) -> None:
    """Prove this checkout: Rust tests, pytest on both backends, the differential run against SkyPilot."""
    install_groups(session, "test", "release")
    backend = install_package(session)
    if backend == "both":
        cargo(session, "test", "--locked")
    session.run("pytest", "--numprocesses=auto", "--backend", backend, "-m", "not slow", *session.posargs)
    session.run("python", "-m", "tests.oracle", "--backend", backend)


@nox.session(name="test-slow", default=False)
def test_slow(session: nox.Session) -> None:
    """Run the tests that take minutes: large histories, real services, every archive built."""
    install_groups(session, "test", "rehearse", "wheels")
    session.run("pytest", "--backend", install_package(session), "-m", "slow", *session.posargs)


@nox.session(name="test-rust", venv_backend="none", tags=["rust"])
def test_rust(session: nox.Session) -> None:
    """Run the Rust tests alone (arguments go to `cargo test`)."""
    cargo(session, "test", "--locked", *session.posargs)


@nox.session(name="test-pythons", python=PYTHONS, requires=["package"], default=False)
def test_pythons(session: nox.Session) -> None:
    """Prove the built wheels on every supported CPython; a missing interpreter is an error."""
    install_groups(session, "test-package")
    session.install("--no-index", "--find-links=build/wheels", "--force-reinstall", "sky-rs")
    backend = "python" if session.python == "3.8" else "both"  # 3.8 has no native wheel
    session.run("pytest", "-o", "pythonpath=", "--backend", backend, "tests/sky", *session.posargs)


@nox.session(default=False)
def doctor(session: nox.Session) -> None:
    """Build and install this checkout, and ask it which backend it uses, why, and whether all twelve work."""
    install_package(session)
    with session.chdir(session.create_tmp()):
        session.run("python", "-m", "sky.utils.rust_fallback", *session.posargs)


@nox.session(default=False)
def coverage(session: nox.Session) -> None:
    """Print the line coverage of both languages; less than 90 % of either fails."""
    install_groups(session, "coverage")
    install_package(session)
    session.run("python", "-m", "tools.coverage_report", *session.posargs)


@nox.session(default=False)
def release(session: nox.Session) -> None:
    """Plan, cut, resume or abort a release (arguments go to `python -m release`)."""
    run_module(session, "rehearse" if "rehearse" in session.posargs else "release", "release", "plan")


@nox.session(python=PROJECT["tool"]["drop-in"]["python"], default=False)
def bench(session: nox.Session) -> None:
    """Run the Criterion suites and time Rust against SkyPilot (`-- --quick`: only the latter, briefly)."""
    install_package(session)
    if "--quick" not in session.posargs:
        cargo(session, "bench", "--locked")
    run_module(session, "tools", "benchmarks")


@nox.session(default=False)
def demo(session: nox.Session) -> None:
    """Tour the twelve functions in the terminal, measured live (`-- --quick`)."""
    install_package(session)
    run_module(session, "tools", "tools.demo")


@nox.session(tags=["check"])
def lint(session: nox.Session) -> None:
    """Check Python, workflows, pyproject.toml and spelling, and that files agree with each other."""
    run_module(session, "lint", "tools.lint")


@nox.session(default=False)
def sdist(session: nox.Session) -> None:
    """Build the sdist from tracked files and the universal wheel, into dist/."""
    install_groups(session, "wheels")
    session.run("python", "-m", "build", "--sdist", "--outdir", "dist")
    session.run("python", "-m", "build", "--wheel", "-Cuniversal=true", "--outdir", "dist")


@nox.session(default=False)
def postcheck(session: nox.Session) -> None:
    """Compare what was published with dist/, verify its attestations, install it, run its doctor."""
    install_groups(session, "postcheck")
    session.run("python", "-m", "tools.postcheck", "--repository", PROJECT["project"]["urls"]["Repository"])


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


# Tasks that are one program each: (name, dependency group, module, arguments when there are none): meaning.
PROGRAMS = {
    ("bench-release", "release", "benchmarks.release_speed"): "Measure plan and notes against other tools.",
    ("merge", "release", "release merge", "--help"): "Merge a branch: checked first, one commit, one push.",
    ("faults", "release", "tools.faults"): "Break a thousand releases at random points, and check each.",
    ("migrate", "tools", "tools.migrate", "--help"): "Find and rewrite uses of the functions in a code base.",
    ("migrate-proof", "test", "tools.migrate.proof"): "Migrate two real SkyPilot trees, and prove nothing broke.",
    ("rollout", "rollout", "release rollout", "status"): "Stage a release by percentage, on evidence.",
    ("report", "tools", "tools.performance_report"): "Show the last benchmark results as text, JSON and a page.",
    ("ci", "release", "tools.ci"): "Do what a workflow step asks for (`-- gate|matrix|notes|github-release`).",
    ("audit", "audit", "tools.audit"): "Look up advisories, licences and sources of all dependencies.",
    ("wheels", "wheels", "tools.build_wheels"): "Build, repair and test this machine's wheels.",
    ("package", "wheels", "tools.build_wheels --for-tests"): "Build this checkout's wheels for test-pythons.",
    ("wheels-local", "wheels", "tools.wheels_local"): "Run cibuildwheel in an image made here (podman, root).",
    ("verify-dist", "wheels", "tools.verify_dist"): "Compare dist/ with the expected set and check every file.",
    ("reproduce", "wheels", "tools.reproduce"): "Build every archive twice, from two folders; compare the bytes.",
}


def add_program(meaning: str, name: str, *program: str) -> None:
    """Make a session of one program; what stands after `--` goes to it."""

    def task(session: nox.Session) -> None:
        run_module(session, *program)

    task.__doc__ = meaning
    nox.session(name=name, default=False)(task)


for task_program, task_meaning in PROGRAMS.items():
    add_program(task_meaning, *task_program)

if __name__ == "__main__":
    nox.main()
