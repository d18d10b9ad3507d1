"""tools/setup_project.py: what it says of the machine it runs on."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import setup_project
from tools.setup_project import Found, Need

PROGRAM = Path(setup_project.__file__)


def program(folder: Path, name: str, output: str) -> None:
    path = folder / name
    path.write_text(f"#!/bin/sh\necho '{output}'\n", encoding="utf-8")
    path.chmod(0o755)


@pytest.mark.parametrize(
    ("text", "version"),
    [("git version 2.39.5", (2, 39, 5)), ("cargo 1.95.0 (f2d3 2026-03-21)", (1, 95, 0)), ("", ()), ("no number", ())],
)
def test_version_of_reads_the_first_dotted_number(text: str, version: tuple[int, ...]) -> None:
    assert setup_project.version_of(text) == version


def test_the_oldest_rust_is_the_one_that_cargo_enforces() -> None:
    assert setup_project.oldest_rust() >= (1, 85)


def test_a_missing_program_comes_with_where_to_get_it() -> None:
    found = setup_project.look(Need("no-such-program-here", (1,), True, "apt-get install it"))
    assert not found.good
    assert setup_project.describe(found) == "  missing  no-such-program-here: not found. apt-get install it"


def test_an_old_program_says_what_is_needed() -> None:
    line = setup_project.describe(Found(Need("cargo", (1, 85), False, "rustup"), (1, 60)))
    assert line == "  optional cargo: 1.60 is older than 1.85. rustup"


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")
def test_without_rust_it_says_that_only_the_python_backend_comes(tmp_path: Path) -> None:
    program(tmp_path, "git", "git version 2.39.5")
    done = subprocess.run(
        [sys.executable, PROGRAM, "--check"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0
    assert "cargo: not found. https://rustup.rs" in done.stdout
    assert "the native one is NOT built" in done.stdout


def test_without_git_it_stops(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "--check"], env={"PATH": str(tmp_path)}, capture_output=True, text=True, check=False
    )
    assert done.returncode == 1
    assert "git: not found" in done.stdout
    assert "install what is missing" in done.stderr
