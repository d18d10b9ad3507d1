"""tools/debian_pythons.py: refusals; that it works is seen where it is used, before the tests on every Python."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import debian_pythons

PROGRAM = Path(debian_pythons.__file__)


@pytest.mark.parametrize("version", ["3", "3.14/../..", "--into", "2.7", "3.14t"])
def test_what_is_no_version_is_refused(version: str, tmp_path: Path) -> None:
    done = subprocess.run([sys.executable, PROGRAM, "--link", tmp_path, "--", version], capture_output=True, text=True)
    assert done.returncode == 2
    assert "is not a version such as 3.14" in done.stderr


def test_missing_programs_are_named_with_the_command_that_brings_them(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, PROGRAM, "3.14"], env={"PATH": str(tmp_path)}, capture_output=True, text=True
    )
    assert done.returncode == 1
    assert "apt-get install --yes debootstrap patchelf dpkg" in done.stderr


def test_a_command_that_fails_shows_its_output_and_ends_the_program() -> None:
    with pytest.raises(SystemExit, match=r"(?s)went wrong.*ended with 3"):
        debian_pythons.run(sys.executable, "-c", "print('went wrong'); raise SystemExit(3)")
