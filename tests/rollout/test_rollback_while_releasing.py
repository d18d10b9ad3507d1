"""A rollback works while a killed release is pending, and the release can be ended afterwards."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from release import cli

Demo = Any  # the fixture of conftest.py
ROOT = Path(__file__).parents[2]
CUT = """
import os, sys
os.setsid()
from tools.faults import inject
name, number = sys.argv[1], int(sys.argv[2])
seen = 0
class Named(inject.Points):
    def _event(self, event, arguments):
        global seen
        point = inject._point(event, arguments)
        if point is not None and name in (point, "any"):
            seen += 1
            if seen == number:
                inject.kill_now()
Named(0, None)
from release.cli import main
sys.exit(main(sys.argv[3:]))
"""
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n"


@pytest.fixture
def staged(demo: Demo) -> Demo:
    """1.2.0 is rolled out to 10 %, and 1.3.0 is ready to be cut."""
    assert demo.rollout("stage", "10").code == 0
    (demo.path / "CHANGELOG.md").write_text(CHANGELOG)
    demo.git("add", "-A")
    demo.git("commit", "-qm", "feat: a thing")
    demo.git("push", "-q")
    return demo


def run(demo: Demo, *arguments: str) -> tuple[int, Any]:
    demo.capture.readouterr()
    code = cli.main(["--repo", str(demo.path), "--format", "json", *arguments])
    return code, json.loads(demo.capture.readouterr().out)


def killed_cut(demo: Demo, point: str, number: int, *options: str) -> bool:
    """Cut in a process that dies by SIGKILL before its `number`th `point`; return whether it came that far."""
    command = [sys.executable, "-c", CUT, point, str(number), "--repo", str(demo.path), "cut", "--execute", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, env={**os.environ, "PYTHONPATH": str(ROOT)})
    assert ran.returncode in (-9, 0), ran.stderr.decode()
    return ran.returncode == -9


def prove(demo: Demo, ending: str, *options: str) -> None:
    """Roll back, end the release, and look at everything."""
    pushed = "--no-push" not in options
    state = run(demo, "status")[1]["state"]
    ran = demo.rollout("rollback", "--reason", "errors")
    assert ran.code == 0, ran.err
    main_there = demo.git("rev-parse", "main", bare=True)
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0
    assert main_there == demo.git("rev-parse", "HEAD")
    code, said = run(demo, ending)
    if code != 0:  # only the other way is left, and it says so
        other = "abort" if ending == "resume" else "resume"
        assert other in json.dumps(said["problems"]), said
        assert run(demo, other)[0] == 0, (state, said)
    assert run(demo, "status") == (0, {"state": "clean", "next_step": None, "pending": []})
    tagged = bool(demo.git("tag", "--list", "v1.3.0"))
    assert bool(demo.git("tag", "--list", "v1.3.0", bare=True)) == (tagged and pushed)
    if tagged:
        demo.git("merge-base", "--is-ancestor", "v1.3.0", "main")
    else:
        assert (demo.path / "CHANGELOG.md").read_text() == CHANGELOG
    assert demo.git("status", "--porcelain") == ""
    assert demo.git("worktree", "list").count("\n") == 0
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0
    assert demo.git("rev-parse", "main", bare=True) == demo.git("rev-parse", "HEAD")
    demo.git("fsck", "--strict")
    if not tagged:
        assert run(demo, "cut", "--execute", *options)[0] == 0
        assert demo.git("tag", "--list", "v1.3.0")


@pytest.mark.parametrize("ending", ["resume", "abort"])
@pytest.mark.parametrize(
    ("point", "number"),
    [("git push", 1), ("git worktree", 2), ("git read-tree", 3), ("write rename", 1), ("git update-ref", 3)],
)
def test_killed_at_a_named_point(staged: Demo, point: str, number: int, ending: str) -> None:
    assert killed_cut(staged, point, number)
    prove(staged, ending)


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["resume", "abort"])
@pytest.mark.parametrize("options", [(), ("--no-push",)])
def test_killed_at_every_point(staged: Demo, ending: str, options: tuple[str, ...]) -> None:
    for point in ("git update-ref", "git worktree", "git symbolic-ref", "git update-index", "git read-tree", "git push",
                  "git rev-parse", "git mktag", "write link", "write rename", "write remove"):  # fmt: skip
        number = 1
        while True:
            folder = staged.path.parent / f"{point}-{number}".replace(" ", "-")
            shutil.copytree(staged.path, folder / "work", symlinks=True)
            shutil.copytree(staged.remote, folder / "remote.git", symlinks=True)
            demo = dataclasses.replace(staged, path=folder / "work", remote=folder / "remote.git")
            demo.git("remote", "set-url", "origin", str(demo.remote))
            if not killed_cut(demo, point, number, *options):
                break
            try:
                prove(demo, ending, *options)
            except AssertionError as error:
                raise AssertionError(f"killed before {point} number {number}: {error}") from error
            shutil.rmtree(folder)
            number += 1
