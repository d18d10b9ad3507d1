"""`[tool.release.rollout]`: defaults, and every mistake named."""

from __future__ import annotations

from typing import Any

import pytest

from release.rollout.policy import Policy, policy_from


def test_defaults() -> None:
    policy = policy_from({}, "demo")
    assert policy == Policy("demo", "demo.rollout", "rollout.json")
    assert policy.stages == (1000, 2500, 5000, 10_000)
    assert [policy.next_stage(now) for now in (0, 1000, 9000, 10_000)] == [1000, 2500, 10_000, None]
    assert policy.stage_of(2500) == 2
    assert policy.stage_of(2600) is None


def test_every_setting() -> None:
    policy = policy_from(
        {
            "package": "p", "flag": "p.f", "file": "a/b.json", "stages": [1, 12.5, 100], "minimum-time": "30m",
            "timeout": "7d", "fallback-rate": 0.02, "crash-rate": 0.001, "roll-back-at": 50, "promote-at": 10,
            "ratio-at": 500, "prometheus": "http://localhost:9090",
        }
    )  # fmt: skip
    assert policy.stages == (100, 1250, 10_000)
    assert policy.limits.minimum_time == 1800
    assert policy.limits.roll_back_at == 50.0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("stages", [10, 10, 100]), ("stages", [25, 10, 100]), ("stages", [0, 100]), ("stages", [10, 50]),
        ("stages", []), ("stages", [True, 100]), ("stages", "10"), ("stages", [-1, 100]), ("stages", [10, 101]),
        ("minimum-time", 24), ("minimum-time", "24"), ("timeout", "soon"), ("fallback-rate", 1), ("crash-rate", 0.0),
        ("crash-rate", float("nan")), ("promote-at", 1), ("promote-at", True), ("file", "/etc/passwd"),
        ("file", "../x"), ("file", "--help"), ("file", ""), ("package", 3), ("stage", [10]),
    ],
)  # fmt: skip
def test_every_mistake_names_the_setting(name: str, value: Any) -> None:
    with pytest.raises(ValueError, match=f"^{name}: "):
        policy_from({name: value}, "demo")


def test_all_mistakes_at_once() -> None:
    with pytest.raises(ValueError, match=r"package: needed.*; stages: "):
        policy_from({"stages": 5})
