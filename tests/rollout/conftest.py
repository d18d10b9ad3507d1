"""A real repository with a bare remote, a released version and a rollout policy; and its command line."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from release import cli

SETTINGS = """[project]
name = "demo"
[tool.release.rollout]
flag = "demo.flag"
file = "conf/flags.json"
minimum-time = "0s"
crash-rate = 0.01
"""


@dataclass(frozen=True)
class Ran:
    """A finished command."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True)
class Demo:
    """The clone, its remote, and how to run git and `python -m release rollout` in it."""

    path: Path
    remote: Path
    capture: pytest.CaptureFixture[str]

    def git(self, *arguments: str, bare: bool = False) -> str:
        ran = subprocess.run(
            ["git", *arguments], cwd=self.remote if bare else self.path, check=True, capture_output=True, text=True
        )
        return ran.stdout.strip()

    def rollout(self, *arguments: str) -> Ran:
        self.capture.readouterr()
        code = cli.main(["--repo", str(self.path), "rollout", *arguments])
        said = self.capture.readouterr()
        return Ran(code, said.out, said.err)

    def settings(self, **changes: str) -> None:
        text = SETTINGS + "".join(f"{name.replace('_', '-')} = {value}\n" for name, value in changes.items())
        (self.path / "pyproject.toml").write_text(text)
        self.git("commit", "-qam", "chore: settings")
        self.git("push", "-q", "origin", "main")

    def evidence(self, rollout_id: str, percent: float, rust: dict[str, int], python: dict[str, int]) -> str:
        rows = [
            {"rollout": rollout_id, "percent": percent, "cohort": cohort, **counts}
            for cohort, counts in (("rust", rust), ("python", python))
        ]
        path = self.path.parent / "evidence.json"
        path.write_text(json.dumps({"evidenceSchema": 1, "rows": rows}))
        return str(path)

    def good(self, rollout_id: str, percent: int, units: int = 5000) -> str:
        rest = 100 - percent
        return self.evidence(
            rollout_id, percent,
            {"finished": units, "hosts": percent * 10}, {"finished": units * rest // percent, "hosts": rest * 10},
        )  # fmt: skip

    def flags(self, where: str = "HEAD") -> dict[str, Any]:
        flags: dict[str, Any] = json.loads(self.git("show", f"{where}:conf/flags.json"))
        return flags


@pytest.fixture
def demo(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Demo:
    home = tmp_path / "home"
    home.mkdir()
    (home / ".gitconfig").write_text("[user]\nname = Ann\nemail = ann@example.org\n[init]\ndefaultBranch = main\n")
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    for name in [name for name in os.environ if name.startswith(("GIT_AUTHOR", "GIT_COMMITTER"))]:
        monkeypatch.delenv(name)
    made = Demo(tmp_path / "work", tmp_path / "remote.git", capsys)
    made.remote.mkdir()
    made.git("init", "-q", "--bare", bare=True)
    subprocess.run(["git", "clone", "-q", str(made.remote), str(made.path)], check=True, capture_output=True)
    (made.path / "pyproject.toml").write_text(SETTINGS)
    (made.path / "other.txt").write_text("one\n")
    made.git("add", "-A")
    made.git("commit", "-qm", "feat: begin")
    made.git("tag", "-am", "1.2.0", "v1.2.0")
    made.git("push", "-q", "--follow-tags", "-u", "origin", "main")
    assert sys.stdin is not None
    return made
