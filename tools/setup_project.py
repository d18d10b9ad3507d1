"""Prepare a checkout for work: look at the machine, make .venv, build and install, verify, time a few calls.

    nox -s setup                  (or: python tools/setup_project.py, from a Python that has virtualenv)
    nox -s setup -- --check       only look at the machine

Exit code 0 when the package works here, 1 when something is missing or broken; the output names it and how to get it.
Without Rust this sets up the pure-Python backend, and says so.
"""

from __future__ import annotations

import argparse
import os
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".venv"
PYTHON = ENVIRONMENT / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
GROUPS = ("test", "release")


@dataclass(frozen=True)
class Need:
    """One program that the work needs: how to ask its version, the oldest that serves, and where it comes from."""

    program: str
    minimum: tuple[int, ...]
    required: bool
    remedy: str


@dataclass(frozen=True)
class Found:
    """What the machine answered for one need; `version` is empty when the program is not there."""

    need: Need
    version: tuple[int, ...]

    @property
    def good(self) -> bool:
        """Whether the program is there and new enough."""
        return self.version >= self.need.minimum


def oldest_rust() -> tuple[int, ...]:
    """The `rust-version` of rust/Cargo.toml; raise ValueError when the file has none."""
    text = (ROOT / "rust/Cargo.toml").read_text(encoding="utf-8")
    match = re.search(r'^rust-version\s*=\s*"([\d.]+)"', text, re.MULTILINE)
    if match is None:
        raise ValueError("rust/Cargo.toml: no rust-version")
    return version_of(match[1])


def version_of(text: str) -> tuple[int, ...]:
    """The first dotted number in `text`, as a tuple; empty when there is none."""
    match = re.search(r"\d+(?:\.\d+)+", text)
    return tuple(map(int, match[0].split("."))) if match else ()


def needs() -> list[Need]:
    """What the work needs, in the order in which a person would install it."""
    rust = "https://rustup.rs, then open a new shell"
    compiler = "Debian: apt-get install gcc; macOS: xcode-select --install; Windows: the Visual Studio C++ build tools"
    found = [
        Need("git", (2, 30), True, "Debian: apt-get install git; others: https://git-scm.com/downloads"),
        Need("cargo", oldest_rust(), False, rust),
        Need("rustc", oldest_rust(), False, rust),
    ]
    if os.name != "nt":
        found.append(Need("cc", (4,), False, compiler))
    return found


def look(need: Need) -> Found:
    """Ask the program for its version."""
    path = shutil.which(need.program)
    if path is None:
        return Found(need, ())
    done = subprocess.run([path, "--version"], capture_output=True, text=True, timeout=60, check=False)
    return Found(need, version_of(done.stdout))


def describe(found: Found) -> str:
    """One line on one need: what was found, or what to do."""
    dotted = ".".join(map(str, found.version))
    minimum = ".".join(map(str, found.need.minimum))
    if found.good:
        return f"  ok       {found.need.program} {dotted}"
    what = f"{dotted} is older than {minimum}" if found.version else "not found"
    kind = "missing " if found.need.required else "optional"
    return f"  {kind} {found.need.program}: {what}. {found.need.remedy}"


def run(*command: str | Path, folder: Path = ROOT) -> None:
    """Run one command in `folder`; raise CalledProcessError when it fails."""
    subprocess.run([str(part) for part in command], cwd=folder, check=True)


def make_environment(with_rust: bool) -> None:
    """Make .venv where it is missing, and build and install the package and the tools into it."""
    if not PYTHON.exists():
        run(sys.executable, "-m", "virtualenv", "--quiet", ENVIRONMENT)
    groups = [argument for group in GROUPS for argument in ("--group", group)]
    run(PYTHON, "-m", "pip", "install", "--quiet", "--upgrade", "pip>=25.1")
    run(PYTHON, "-m", "pip", "install", "--quiet", *groups)
    backend = () if with_rust else ("--config-settings", "universal=true")
    run(PYTHON, "-m", "pip", "install", "--quiet", "--force-reinstall", "--no-deps", *backend, ".")


def main() -> int:
    """Do the steps in order, each with its time; see the module's text for the exit codes."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="only look at the machine")
    arguments = parser.parse_args()
    print(f"sky-rs setup on {sys.platform}, Python {sys.version.split()[0]}")
    found = [look(need) for need in needs()]
    print("\n".join(map(describe, found)), flush=True)
    if any(one.need.required and not one.good for one in found):
        print("setup: install what is missing above, then run this again", file=sys.stderr)
        return 1
    with_rust = all(one.good for one in found)
    if not with_rust:
        print(
            "No usable Rust toolchain: this sets up the pure-Python backend; the native one is NOT built.",
            flush=True,
        )
    if arguments.check:
        return 0
    # The doctor runs elsewhere, so that it looks at what was installed and not at this folder.
    steps: list[tuple[str, Callable[[], None]]] = [
        ("make .venv, build, install", lambda: make_environment(with_rust)),
        ("verify (the doctor)", lambda: run(PYTHON, "-m", "sky.utils.rust_fallback", folder=ENVIRONMENT)),
    ]
    if with_rust:
        steps.append(("quick benchmark", lambda: run(PYTHON, "-m", "tools.demo", "--quick", "--plain")))
    for title, step in steps:
        print(f"-- {title}", flush=True)
        start = time.monotonic()
        try:
            step()
        except subprocess.CalledProcessError as error:
            print(
                f"setup: '{title}' failed: {' '.join(error.cmd)} ended with {error.returncode}",
                file=sys.stderr,
            )
            return 1
        print(f"   {time.monotonic() - start:.1f} s", flush=True)
    activate = r".venv\Scripts\activate" if os.name == "nt" else ". .venv/bin/activate"
    print(f"Ready. Activate it with: {activate}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
