"""`python -m release rollout` on real repositories: every step is one commit, one tag and one push, or nothing."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest

from sky.utils import rust_rollout

Demo = Any  # the fixture of conftest.py


def everything(demo: Demo) -> tuple[str, str, str]:
    return demo.git("for-each-ref"), demo.git("for-each-ref", bare=True), demo.git("status", "--porcelain")


def test_from_nothing_to_a_hundred_percent(demo: Demo) -> None:
    began = demo.rollout("stage", "10", "--format", "json")
    assert began.code == 0, began.err
    assert began.json["tag"] == "rollout/demo/1.2.0/10"
    for percent, following in ((10, 25), (25, 50), (50, 100)):
        ran = demo.rollout("promote", "--gate", "--evidence", demo.good("demo-1.2.0", percent), "--format", "json")
        assert (ran.code, ran.json["percent"], ran.json["from"]) == (0, following, percent), ran.err
    done = demo.rollout("promote", "--evidence", demo.good("demo-1.2.0", 50))
    assert done.code == 1
    assert "last stage" in done.err
    tags = demo.git("for-each-ref", "--format=%(refname:strip=2) %(objecttype)", "refs/tags/rollout", bare=True)
    assert tags.split("\n") == [f"rollout/demo/1.2.0/{percent} tag" for percent in (10, 100, 25, 50)]
    assert demo.git("rev-parse", "main", bare=True) == demo.git("rev-parse", "HEAD")
    assert demo.git("status", "--porcelain") == ""
    flag = demo.flags()["flags"]["demo.flag"]
    assert flag["metadata"] == {"percent": 100, "stage": 4, "algo": "fractional-v3", "gate": "promote"}


def test_a_promotion_records_counts_limits_and_e_values_and_replays(demo: Demo) -> None:
    demo.rollout("stage", "10")
    demo.rollout("promote", "--gate", "--evidence", demo.good("demo-1.2.0", 10))
    trailers = demo.git("log", "-1", "--format=%(trailers:only,unfold)")
    assert "Rollout-Counts: percent=10 rust=units:5000,errors:0,fallbacks:0,crashes:0,hosts:100 python=" in trailers
    assert "Rollout-E-Value: worse than Python: 1 (threshold 100)" in trailers
    assert "Rollout-Limits: minimum_time=0 timeout=1209600 fallback_rate=0.01 crash_rate=0.01" in trailers
    demo.git("commit", "-q", "--allow-empty", "-m", "later")
    ran = demo.rollout("gate", "--replay", "HEAD~1", "--format", "json")
    assert (ran.code, ran.json["verdict"], ran.json["recorded"]) == (0, "promote", "promote")
    assert demo.rollout("gate", "--replay", "HEAD").code == 1
    assert demo.rollout("gate", "--replay", "--upload-pack=x").code == 1


def test_a_stage_is_not_skipped_without_a_reason(demo: Demo) -> None:
    before = everything(demo)
    ran = demo.rollout("stage", "50")
    assert ran.code == 1
    assert "50 % skips a stage: after 0 % comes 10 %" in ran.err
    assert everything(demo) == before
    ran = demo.rollout("stage", "50", "--override", "small fleet\nRollout-Verdict: forged")
    assert ran.code == 0
    trailers = demo.git("log", "-1", "--format=%(trailers:only,unfold)").split("\n")
    assert "Rollout-Override: small fleet Rollout-Verdict: forged" in trailers
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["gate"] == "override"


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["stage", "-1"], 2, "-1"),
        (["stage", "--", "-1"], 2, "not a percentage"),
        (["stage", "101"], 2, "more than everybody"),
        (["stage", "NaN"], 2, "not a percentage"),
        (["stage", "25%"], 2, "not a percentage"),
        (["stage", "30"], 1, "30 % is not a stage; the stages are 10, 25, 50, 100"),
        (["stage", "0"], 1, "0 % is no stage"),
        (["promote", "--gate"], 2, "--gate needs evidence"),
        (["promote", "--gate", "--override", "x"], 2, "give one"),
        (["promote", "--evidence", "missing.json"], 2, "does not exist"),
        (["hold"], 1, "nothing to hold"),
        (["stage", "10", "--release", "--evil"], 1, "not a version"),
        (["stage", "10", "--branch", "nowhere"], 1, "no commit on a branch 'nowhere'"),
        (["stage", "10", "--branch=--all"], 1, "no branch is checked out"),
    ],
)
def test_bad_words_change_nothing(demo: Demo, arguments: list[str], code: int, said: str) -> None:
    before = everything(demo)
    ran = demo.rollout(*arguments)
    assert ran.code == code
    assert said in ran.err
    assert everything(demo) == before


def test_a_promotion_needs_evidence_or_a_reason(demo: Demo) -> None:
    demo.rollout("stage", "10")
    ran = demo.rollout("promote")
    assert ran.code == 1
    assert "there is no evidence that 10 % is healthy" in ran.err
    assert demo.rollout("promote", "--override", "nobody uses it").code == 0
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 25


def test_the_minimum_time_holds(demo: Demo) -> None:
    demo.git("commit", "-q", "--allow-empty", "-m", "x")
    text = (demo.path / "pyproject.toml").read_text().replace('"0s"', '"2h"')
    (demo.path / "pyproject.toml").write_text(text)
    demo.git("commit", "-qam", "chore: wait")
    demo.git("push", "-q", "origin", "main")
    demo.rollout("stage", "10")
    evidence = demo.good("demo-1.2.0", 10)
    ran = demo.rollout("promote", "--gate", "--evidence", evidence)
    assert ran.code == 4
    assert "of at least 2 h have passed" in ran.out
    assert demo.rollout("promote", "--gate", "--hold-is-fine", "--evidence", evidence).code == 0
    assert demo.rollout("promote", "--evidence", evidence).code == 1
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 10


def test_bad_evidence_rolls_back_by_one_commit_and_exits_5(demo: Demo) -> None:
    demo.rollout("stage", "10")
    bad = demo.evidence(
        "demo-1.2.0", 10, {"finished": 2000, "error": 60, "hosts": 100}, {"finished": 18000, "hosts": 900}
    )
    assert demo.rollout("gate", "--evidence", bad).code == 5
    ran = demo.rollout("promote", "--gate", "--evidence", bad, "--format", "json")
    assert (ran.code, ran.json["percent"], ran.json["tag"]) == (5, 0, "rollout/demo/1.2.0/0")
    assert demo.rollout("gate", "--replay", "HEAD").code == 5
    assert demo.git("rev-parse", "main", bare=True) == demo.git("rev-parse", "HEAD")
    again = demo.rollout("stage", "10", "--format", "json")
    assert (again.json["rollout_id"], again.json["tag"]) == ("demo-1.2.0+try2", "rollout/demo/1.2.0.try2/10")


def test_roll_back_and_promote_again_gives_the_same_cohort(demo: Demo) -> None:
    keys = [f"host-{number}" for number in range(200)]

    def cohort() -> list[Any]:
        return [row["on"] for row in demo.rollout("bucket", *keys, "--format", "json").json["keys"]]

    demo.rollout("stage", "10")
    first = cohort()
    demo.rollout("rollback")
    assert cohort() == [False] * 200
    demo.rollout("stage", "10")
    assert cohort() == first
    assert any(first)


def test_a_rollback_works_while_held_dirty_and_with_a_release_pending(demo: Demo) -> None:
    demo.rollout("stage", "10")
    assert demo.rollout("hold", "--reason", "looking").code == 0
    assert demo.rollout("promote", "--evidence", demo.good("demo-1.2.0", 10)).code == 1
    (demo.path / "other.txt").write_text("edited\n")
    (demo.path / "pyproject.toml").write_text("not = [toml")
    demo.git("update-ref", "refs/release/pending/release/1.3.0", "HEAD")
    ran = demo.rollout("rollback", "--reason", "errors")
    assert ran.code == 0, ran.err
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0
    assert demo.git("rev-parse", "main", bare=True) == demo.git("rev-parse", "HEAD")
    assert (demo.path / "other.txt").read_text() == "edited\n"
    assert (demo.path / "pyproject.toml").read_text() == "not = [toml"


@pytest.mark.parametrize("command", ["rollback", "kill"])
def test_an_edited_flag_file_is_the_one_thing_that_stops_it(demo: Demo, command: str) -> None:
    demo.rollout("stage", "10")
    (demo.path / "conf/flags.json").write_text("mine")
    before = everything(demo)
    ran = demo.rollout(command)
    assert ran.code == 1
    assert "conf/flags.json has changes that are not committed" in ran.err
    assert everything(demo) == before
    assert (demo.path / "conf/flags.json").read_text() == "mine"


def test_kill_switches_off_for_everybody_and_a_stage_begins_anew(demo: Demo) -> None:
    demo.rollout("stage", "10")
    ran = demo.rollout("kill", "--reason", "data loss", "--format", "json")
    assert (ran.code, ran.json["enabled"], ran.json["tag"]) == (0, False, "rollout/demo/1.2.0/10-kill")
    assert demo.flags()["flags"]["demo.flag"]["state"] == "DISABLED"
    assert demo.rollout("kill").code == 1
    assert demo.rollout("gate", "--evidence", demo.good("demo-1.2.0", 10)).code == 1
    assert demo.rollout("stage", "10").code == 0
    assert demo.flags()["flags"]["demo.flag"]["state"] == "ENABLED"


def test_hold_and_its_end_get_tags_of_their_own_each_time(demo: Demo) -> None:
    demo.rollout("stage", "10")
    for off in ((), ("--off",), (), ("--off",)):
        assert demo.rollout("hold", *off).code == 0
    tags = demo.git("tag", "--list", "rollout/*").split("\n")
    assert tags == [
        "rollout/demo/1.2.0/10", "rollout/demo/1.2.0/10-hold", "rollout/demo/1.2.0/10-hold-off",
        "rollout/demo/1.2.0/10-hold-off.2", "rollout/demo/1.2.0/10-hold.2",
    ]  # fmt: skip


def test_a_dry_run_shows_the_commit_and_changes_nothing(demo: Demo) -> None:
    before = everything(demo)
    ran = demo.rollout("stage", "10", "--dry-run", "--format", "json")
    assert (ran.code, ran.json["executed"], ran.json["pushed"], ran.json["commit_id"]) == (0, False, False, None)
    assert "Rollout-To: 10" in ran.json["message"]
    assert everything(demo) == before


def test_a_remote_that_refuses_leaves_nothing_anywhere(demo: Demo) -> None:
    hook = demo.remote / "hooks" / "update"
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    before = everything(demo)
    assert demo.rollout("stage", "10").code == 1
    assert everything(demo) == before


def test_commits_that_are_not_pushed_stop_a_stage_but_not_a_rollback(demo: Demo) -> None:
    demo.rollout("stage", "10")
    demo.git("commit", "-q", "--allow-empty", "-m", "mine")
    ran = demo.rollout("promote", "--override", "x")
    assert ran.code == 1
    assert "1 commits of main are not on origin" in ran.err
    assert demo.rollout("rollback").code == 0


def test_a_broken_flag_file_on_the_branch_is_named_and_nothing_happens(demo: Demo) -> None:
    (demo.path / "conf").mkdir()
    for content, said in ((b"{", "is not JSON"), (b"\xff", "not UTF-8"), (b" " * 70_000, "larger than")):
        (demo.path / "conf/flags.json").write_bytes(content)
        demo.git("add", "-A")
        demo.git("commit", "-qm", "by hand")
        demo.git("push", "-q")
        before = everything(demo)
        ran = demo.rollout("status")
        assert ran.code == 1
        assert said in ran.err
        assert demo.rollout("promote").code == 1
        assert everything(demo) == before
    assert demo.rollout("rollback").code == 0
    assert demo.flags()["flags"]["demo.flag"]["metadata"]["percent"] == 0


def test_status_tells_stage_evidence_next_step_and_history(demo: Demo) -> None:
    assert "no rollout has begun" in demo.rollout("status").out
    demo.rollout("stage", "10")
    ran = demo.rollout("status", "--evidence", demo.good("demo-1.2.0", 10), "--format", "json")
    assert ran.code == 0
    assert (ran.json["stage"], ran.json["percent"], ran.json["next"], ran.json["verdict"]) == (1, 10, 25, "promote")
    assert ran.json["evidence"]["rust"]["units"] == 5000
    assert [step["action"] for step in ran.json["history"]] == ["stage"]
    text = demo.rollout("status").out
    assert "demo-1.2.0: stage 1 of 4, 10 % of hosts" in text
    assert "`rollout promote --gate` with --prometheus URL or --evidence FILE goes to 25 %" in text


def test_a_new_release_begins_a_rollout_of_its_own(demo: Demo) -> None:
    demo.rollout("stage", "10")
    demo.rollout("stage", "100", "--override", "test")
    demo.git("tag", "-am", "1.3.0", "v1.3.0")
    ran = demo.rollout("promote", "--format", "json")
    assert (ran.code, ran.json["rollout_id"], ran.json["percent"]) == (0, "demo-1.3.0", 10), ran.err


@pytest.mark.parametrize(
    "text", ["", "[1]", "{}", '{"evidenceSchema":1}', "[" * 5000, '{"evidenceSchema":1,"rows":[1]}', "\x00"]
)
def test_evidence_that_cannot_be_read_is_refused(demo: Demo, text: str) -> None:
    demo.rollout("stage", "10")
    path = demo.path.parent / "evidence.json"
    path.write_text(text)
    before = everything(demo)
    ran = demo.rollout("promote", "--gate", "--evidence", str(path))
    assert ran.code == 1
    assert "the evidence cannot be used" in ran.err
    assert everything(demo) == before


@pytest.mark.parametrize("counts", ['{"finished": -1}', '{"finished": 1.5}', '{"finished": NaN}', '{"error": 5}'])
def test_impossible_counts_are_refused(demo: Demo, counts: str) -> None:
    demo.rollout("stage", "10")
    row = {"rollout": "demo-1.2.0", "percent": 10, "cohort": "rust", **json.loads(counts)}
    path = demo.path.parent / "evidence.json"
    path.write_text(json.dumps({"evidenceSchema": 1, "rows": [row]}))
    assert demo.rollout("gate", "--evidence", str(path)).code == 1


def test_buckets_of_json_strings_on_stdin(demo: Demo, monkeypatch: pytest.MonkeyPatch) -> None:
    class Stdin:
        buffer = io.BytesIO('"日本語ホスト"\n"nul\\u0000byte"\n""\n'.encode())

        @staticmethod
        def isatty() -> bool:
            return False

    monkeypatch.setattr("sys.stdin", Stdin)
    arguments = ("bucket", "--flag", rust_rollout.FLAG_KEY, "--percent", "50", "--format", "json")
    rows = demo.rollout(*arguments).json["keys"]
    assert [row["bucket"] for row in rows] == [4923, 9554, None]
    assert [row["on"] for row in rows] == [True, False, False]
    for line in (b"x\n", b"3\n", b"\xff\n", b'"\\ud800"\n', b"[" * 9999 + b"\n"):
        Stdin.buffer = io.BytesIO(line)
        assert demo.rollout(*arguments).code == 2
