"""The simulated fleet and the gate's promises; the vectorised tests must be the gate's own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from release.rollout import gate, promises, simulate
from release.rollout.policy import Policy

ROOT = Path(__file__).resolve().parents[2]
STAGES = (1000, 2500, 5000, 10_000)
POLICY = Policy("p", "sky-rs.use-rust", "flags.json")


def test_the_vectorised_tests_are_the_gates_own() -> None:
    dice = np.random.default_rng(3)
    canary, control = dice.integers(0, 5000, (2, 300))
    bad_canary, bad_control = dice.integers(0, 40, (2, 300))
    expected = [
        gate.log_e_worse([row])
        for row in zip(*map(np.ndarray.tolist, (canary, control, bad_canary, bad_control)), strict=True)
    ]
    assert simulate.log_worse(canary, control, bad_canary, bad_control) == pytest.approx(expected)
    for many, one in ((simulate.log_above, gate.log_e_above), (simulate.log_below, gate.log_e_below)):
        expected = [one(int(count), int(units), 0.01) for count, units in zip(bad_canary, canary, strict=True)]
        assert many(bad_canary, canary, 0.01) == pytest.approx(expected)


def test_shares_are_right_nobody_leaves_and_nobody_moves() -> None:
    ticks: list[int] = []
    shares = simulate.fleet("sky-rs.use-rust", 200_000, STAGES, 5, ticks.append)
    assert all(abs(shares.sigmas(index)) <= 3 for index in range(4))
    assert shares.left == (0, 0, 0, 0)
    assert shares.moved_on_repeat == 0
    assert shares.on[-1] == 200_000
    assert ticks[-1] == 200_000


def test_a_good_release_completes_and_a_bad_one_is_rolled_back() -> None:
    options: dict[str, Any] = {"runs": 50, "units_a_day": 1, "looks_a_day": 24, "seed": 2}
    good = simulate.rollouts(POLICY, 100_000, simulate.Rates(), **options).summary()
    assert good["completed"] >= 49
    bad = simulate.rollouts(POLICY, 100_000, simulate.Rates(rust_error=0.01), **options).summary()
    assert bad["rolled_back"] == 50
    assert bad["hours_to_rollback"]["95%"] <= 24
    falling = simulate.rollouts(POLICY, 100_000, simulate.Rates(fallback=0.05), **options).summary()
    assert falling["rolled_back"] == 50


def test_the_same_seed_gives_the_same_answer() -> None:
    options: dict[str, Any] = {"runs": 20, "units_a_day": 1, "looks_a_day": 4, "seed": 9}
    one, two = (simulate.rollouts(POLICY, 5000, simulate.Rates(0.01, 0.02), **options).summary() for _ in range(2))
    assert one == two


def test_the_promises_are_kept() -> None:
    found = promises.check(1000, 1)
    assert [promise.text for promise in found if not promise.kept] == []
    assert len(found) == 11


def test_the_command(demo: Any) -> None:
    plot = demo.path / "fleet.svg"
    ran = demo.rollout("simulate", "--hosts", "20000", "--runs", "20", "--plot", str(plot), "--format", "json")
    assert ran.code == 0, ran.err
    assert [row["percent"] for row in ran.json["stages"]] == [10, 25, 50, 100]
    assert plot.read_text().startswith("<svg ")
    text = demo.rollout("simulate", "--hosts", "20000", "--runs", "20").out
    assert "20000 hosts hashed" in text
    assert demo.rollout("simulate", "--hosts", "0").code == 2
    assert demo.rollout("simulate", "--plot", "/no/such/folder/x.svg").code == 1
    assert json.loads(demo.rollout("simulate", "--promises", "--runs", "1000", "--format", "json").out)["seed"] == 1


@pytest.mark.slow
def test_a_hundred_million_hosts_fit_into_two_gibibytes(demo: Any) -> None:
    command = [sys.executable, "-m", "release", "--repo", str(demo.path), "--format", "json", "rollout", "simulate"]
    done = subprocess.run([*command, "--hosts", "100000000"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    peak = found["peak_memory_bytes"] / 1024**3
    shares = ", ".join(f"{row['percent']:g} %: {row['hosts_on']:,}" for row in found["stages"])
    print(f"\n{found['hosts']:,} hosts in {found['seconds']:.0f} s, peak {peak:.2f} GiB, on at {shares}")
    assert peak < 2
    assert all(abs(row["sigmas"]) <= 4 for row in found["stages"])
    assert found["moved_on_repeat"] == 0
