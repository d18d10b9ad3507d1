"""`undo` of a version that is being rolled out: its rollout goes to 0 %, its tag stays."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from release import cli

Demo = Any  # the fixture of conftest.py
CHANGELOG = "# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [1.2.0] - 2026-01-01\n\n- First.\n"


def run(demo: Demo, *arguments: str) -> tuple[int, Any]:
    demo.capture.readouterr()
    code = cli.main(["--repo", str(demo.path), "--format", "json", *arguments])
    return code, json.loads(demo.capture.readouterr().out)


def everything(demo: Demo) -> tuple[str, ...]:
    return demo.git("for-each-ref"), demo.git("for-each-ref", bare=True), demo.git("status", "--porcelain")


def steps(said: Any) -> dict[str, Any]:
    return {step["step"]: step for step in said["steps"]}


@pytest.fixture
def staged(demo: Demo) -> Demo:
    """1.3.0 was cut with a changelog, and is rolled out to 25 %."""
    (demo.path / "CHANGELOG.md").write_text(CHANGELOG)
    demo.git("add", "-A")
    demo.git("commit", "-qm", "feat: a thing")
    demo.git("push", "-q")
    assert run(demo, "cut", "--execute")[1]["next"] == "1.3.0"
    assert demo.rollout("stage", "10").code == 0
    assert demo.rollout("promote", "--evidence", demo.good("demo-1.3.0", 10)).code == 0
    return demo


def test_it_prints_then_takes_rollout_and_changelog_back_and_moves_no_tag(staged: Demo) -> None:
    tags = staged.git("for-each-ref", "refs/tags", bare=True).splitlines()
    before = everything(staged)
    code, seen = run(staged, "undo", "1.3.0")
    assert (code, seen["executed"], everything(staged)) == (0, False, before)
    assert "from 25 % to 0 %" in steps(seen)["rollout"]["said"]
    assert steps(seen)["revert"]["commit_id"] is None  # it builds on the rollback

    code, done = run(staged, "undo", "1.3.0", "--execute")
    assert (code, done["problems"]) == (0, [])
    assert staged.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0
    assert (staged.path / "CHANGELOG.md").read_text() == CHANGELOG
    assert staged.git("rev-parse", "HEAD", "HEAD~1").split() == [
        steps(done)["revert"]["commit_id"], steps(done)["rollout"]["commit_id"],
    ]  # fmt: skip
    assert staged.git("rev-parse", "main", bare=True) == staged.git("rev-parse", "HEAD")
    assert staged.git("status", "--porcelain") == ""
    after = staged.git("for-each-ref", "refs/tags", bare=True).splitlines()
    assert set(tags) < set(after)
    assert [line.rpartition("/tags/")[2] for line in set(after) - set(tags)] == ["rollout/demo/1.3.0/0"]

    code, again = run(staged, "undo", "1.3.0", "--execute")
    assert (code, steps(again)["rollout"]["said"]) == (0, "demo-1.3.0 is at 0 % already")
    assert not any(step["executed"] for step in again["steps"])


def test_another_versions_rollout_is_left_alone(staged: Demo) -> None:
    staged.git("tag", "-am", "3.0", "v3.0", "v1.2.0")  # a version that the rollout's own contains
    for version in ("1.2.0", "3.0"):
        code, said = run(staged, "undo", version, "--execute")
        assert (code, steps(said)["rollout"]["executed"]) == (0, False)
        assert "is not what is rolled out (demo-1.3.0)" in steps(said)["rollout"]["said"]
    assert staged.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 25


def test_an_edited_changelog_does_not_keep_the_rollout_from_being_taken_back(staged: Demo) -> None:
    text = (staged.path / "CHANGELOG.md").read_text()
    (staged.path / "CHANGELOG.md").write_text(text.replace("## [1.3.0]", "## [Unreleased]\n\n## 1.3.0, they said"))
    staged.git("commit", "-qam", "docs: reword")
    staged.git("push", "-q")
    code, said = run(staged, "undo", "1.3.0", "--execute")
    assert (code, [problem["code"] for problem in said["problems"]]) == (1, ["conflict"])
    assert steps(said)["rollout"]["executed"]
    assert staged.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0


def test_a_remote_that_refuses_leaves_everything_as_it_was(staged: Demo) -> None:
    hook = staged.remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = everything(staged)
    code, said = run(staged, "undo", "1.3.0", "--execute")
    assert (code, {problem["code"] for problem in said["problems"]}) == (1, {"push-refused"})
    assert everything(staged) == before


@pytest.mark.parametrize(("ahead", "code"), [(3, 0), (3600, 1)])
def test_a_stage_may_begin_a_moment_ahead_of_the_clock_and_no_more(
    demo: Demo, monkeypatch: pytest.MonkeyPatch, ahead: int, code: int
) -> None:
    monkeypatch.setenv("GIT_COMMITTER_DATE", f"@{int(time.time()) + ahead} +0000")
    demo.git("commit", "--allow-empty", "-qm", "feat: ahead of its time")
    monkeypatch.delenv("GIT_COMMITTER_DATE")
    demo.git("push", "-q")
    assert demo.rollout("stage", "10").code == 0
    promoted = demo.rollout("promote", "--evidence", demo.good("demo-1.2.0", 10))
    assert (promoted.code, "the clock jumped" in promoted.err) == (code, code == 1)
