"""The proof on real SkyPilot trees, and the pieces it is made of."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import click
import pytest

from tools.migrate import proof

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.slow
@pytest.mark.network
@pytest.mark.native
def test_real_trees_migrate_and_still_agree() -> None:
    command = [sys.executable, "-m", "tools.migrate.proof", "--cases", "50"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_line_of_the_differential_table_is_counted() -> None:
    assert proof._cases("  hash_file      123        0           0") == 123
    assert proof._cases("python           cases  not run  mismatches") == 0


def test_a_difference_is_reported(capsys: pytest.CaptureFixture[str]) -> None:
    assert proof._same("the tree is as before", ["a"], ["a"])
    assert not proof._same("the tree is as before", ["a"], ["b"])
    assert "NO" in capsys.readouterr().out


def test_modules_are_asked_in_another_interpreter() -> None:
    found = proof._ask(Path(sys.executable), proof._IMPORT, ["json", "no_such_module"])
    assert found[0] == ["json", None]
    assert found[1][1].startswith("ModuleNotFoundError")
    with pytest.raises(click.ClickException):
        proof._ask(Path(sys.executable), "raise SystemExit('no')", [])


def test_a_digest_sees_every_byte(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("a")
    before = proof._digest(tmp_path)
    (tmp_path / "a.py").write_text("b")
    assert proof._digest(tmp_path) != before


def test_a_command_that_fails_is_named() -> None:
    with pytest.raises(click.ClickException, match=r"failed:\nsorry"):
        proof._run([shutil.which("sh") or "sh", "-c", "echo sorry >&2; exit 1"])
