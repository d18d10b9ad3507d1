"""The command as a distribution of its own: built, installed into a fresh environment, used on another repository."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from release import toml
from tests.release.conftest import Repo

ROOT = Path(__file__).parents[2]


@pytest.mark.network
def test_the_wheel_plans_a_foreign_repository(repo: Repo, tmp_path: Path) -> None:
    repo.commit("feat: something")
    repo.publish()
    environment = tmp_path / "venv"
    subprocess.run([sys.executable, "-m", "venv", environment], check=True)
    program = environment / ("Scripts" if sys.platform == "win32" else "bin") / "python"
    pip = [program, "-m", "pip", "-q", "--disable-pip-version-check"]
    subprocess.run([*pip, "wheel", "--no-deps", "-w", tmp_path, ROOT / "release"], check=True)
    (wheel,) = tmp_path.glob("sky_rs_release-*.whl")
    subprocess.run([*pip, "install", wheel], check=True)
    ran = subprocess.run(
        [program.with_name("sky-rs-release"), "plan", "--format", "json"], cwd=repo.path, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert json.loads(ran.stdout)["next"] == "1.1.0"


def test_its_dependencies_are_those_of_the_release_session() -> None:
    def listed(path: Path, name: str) -> set[str]:
        document = toml.load(path.read_text(), path.name)
        table = document["project"] if name == "dependencies" else document["dependency-groups"]
        return set(table[name])

    own = listed(ROOT / "release" / "pyproject.toml", "dependencies")
    assert own == listed(ROOT / "pyproject.toml", "release")
