"""A fleet goes through the stages before a real one does: shares, stickiness, time to detect, false rollbacks.

Hosts are hashed for real, by the vectorised form of the bucket function, in blocks of bounded memory. Rollouts are
then simulated many at a time: at every look each cohort's bad units are drawn, and the gate's own tests decide.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from release.rollout.bucket import BUCKETS, buckets_of_keys
from release.rollout.gate import RATIOS
from release.rollout.policy import Policy

Floats = npt.NDArray[np.float64]
Counts = npt.NDArray[np.int64]
_BLOCK = 1 << 20
_HEX = np.frombuffer(b"0123456789abcdef", dtype=np.uint8)
_MOST_LOOKS = 5000


@dataclass(frozen=True)
class Rates:
    """Shares of units that end badly, by cohort; `fallback` is of Rust units."""

    python_error: float = 0.001
    rust_error: float = 0.001
    fallback: float = 0.0
    crash: float = 0.00001


@dataclass(frozen=True)
class Shares:
    """The fleet at each stage: hosts that are on, how far that is from the share asked for, and who left."""

    hosts: int
    stages: tuple[int, ...]
    on: tuple[int, ...]
    left: tuple[int, ...]
    moved_on_repeat: int
    seconds: float

    def sigmas(self, index: int) -> float:
        """Return how many standard deviations the observed share is off."""
        share = self.stages[index] / BUCKETS
        spread = math.sqrt(self.hosts * share * (1 - share))
        return (self.on[index] - self.hosts * share) / spread if spread else 0.0


@dataclass(frozen=True)
class Runs:
    """How the simulated rollouts ended. `hours` is the time each took, `stage` where it ended."""

    rolled_back: npt.NDArray[np.bool_]
    completed: npt.NDArray[np.bool_]
    stage: Counts
    hours: Floats
    canary_units: Counts
    sample_path: list[tuple[float, int, float]]

    def summary(self) -> dict[str, Any]:
        """Return the shares, and quantiles of the time to a rollback and to the end."""
        count = len(self.hours)
        back, done = self.hours[self.rolled_back], self.hours[self.completed]
        units = self.canary_units[self.rolled_back]
        return {
            "runs": count,
            "rolled_back": int(self.rolled_back.sum()),
            "completed": int(self.completed.sum()),
            "still_held": int(count - self.rolled_back.sum() - self.completed.sum()),
            "hours_to_rollback": _quantiles(back),
            "canary_units_to_rollback": _quantiles(units),
            "hours_to_completion": _quantiles(done),
        }


def fleet(flag: str, hosts: int, stages: tuple[int, ...], seed: int, tick: Callable[[int], None]) -> Shares:
    """Hash a fleet of random 32-digit keys and count who is on at each stage. `tick` gets the hosts done so far."""
    began = time.monotonic()
    on, left = np.zeros(len(stages), np.int64), np.zeros(len(stages), np.int64)
    moved, done = 0, 0
    for keys in _keys(hosts, seed):
        places = buckets_of_keys(flag, keys)
        if done == 0:  # the same hosts asked again, one by one and in another order
            moved = int((buckets_of_keys(flag, keys[::-1])[::-1] != places).sum())
        before = np.zeros(len(places), np.bool_)
        for index, threshold in enumerate(stages):
            inside = places < threshold
            on[index] += int(inside.sum())
            left[index] += int((before & ~inside).sum())
            before = inside
        done += len(places)
        tick(done)
    return Shares(hosts, stages, tuple(map(int, on)), tuple(map(int, left)), moved, time.monotonic() - began)


def _keys(hosts: int, seed: int) -> Iterator[npt.NDArray[np.uint8]]:
    dice = np.random.default_rng(seed)
    for start in range(0, hosts, _BLOCK):
        count = min(_BLOCK, hosts - start)
        raw = dice.integers(0, 256, (count, 16), dtype=np.uint8)
        keys = np.empty((count, 32), dtype=np.uint8)
        keys[:, 0::2], keys[:, 1::2] = _HEX[raw >> 4], _HEX[raw & 15]
        yield keys


def rollouts(
    policy: Policy, hosts: int, rates: Rates, *, runs: int, units_a_day: float, looks_a_day: int, seed: int
) -> Runs:
    """Simulate `runs` rollouts of a fleet: `units_a_day` for each host, `looks_a_day` by the gate."""
    dice = np.random.default_rng(seed)
    limits, last = policy.limits, len(policy.stages) - 1
    shares = np.array(policy.stages) / BUCKETS
    stage, age = np.zeros(runs, np.int64), np.zeros(runs, np.int64)
    seen = np.zeros((4, runs), np.int64)  # this stage: Rust units, Python units, bad Rust, bad Python
    extra = np.zeros((4, runs), np.int64)  # this stage: fallbacks, crashes; whole rollout: fallbacks, crashes
    units, earlier = np.zeros(runs, np.int64), np.zeros((len(RATIOS), runs))
    active, back, done = np.ones(runs, np.bool_), np.zeros(runs, np.bool_), np.zeros(runs, np.bool_)
    hours, path = np.zeros(runs), []
    a_look = units_a_day * hosts / looks_a_day
    shortest = max(1, math.ceil(limits.minimum_time / 86_400 * looks_a_day))
    for look in range(1, _MOST_LOOKS + 1):
        n1 = dice.poisson(a_look * shares[stage])
        n0 = dice.poisson(a_look * (1 - shares[stage]))
        crashes = dice.binomial(n1, rates.crash)
        fell = dice.binomial(n1, rates.fallback)
        x1 = np.minimum(n1, dice.binomial(n1, rates.rust_error) + crashes)
        x0 = np.minimum(n0, dice.binomial(n0, rates.python_error) + dice.binomial(n0, rates.crash))
        seen += np.where(active, [n1, n0, x1, x0], 0)
        extra += np.where(active, [fell, crashes, fell, crashes], 0)
        units += np.where(active, n1, 0)
        age += active
        now = earlier + logs_worse(*seen)
        worse = _log_mean(now)
        harm = worse >= math.log(limits.roll_back_at)
        harm |= log_above(extra[2], units, limits.fallback_rate) >= math.log(limits.roll_back_at)
        harm |= log_above(extra[3], units, limits.crash_rate) >= math.log(limits.roll_back_at)
        fit = log_below(extra[0], seen[0], limits.fallback_rate) >= math.log(limits.promote_at)
        fit &= log_below(extra[1], seen[0], limits.crash_rate) >= math.log(limits.promote_at)
        fit &= age >= shortest
        path.append((look / looks_a_day, int(stage[0]), float(worse[0]))) if active[0] else None
        back |= active & harm
        ended = active & ~harm & fit & (stage == last)
        done |= ended
        hours = np.where(active & (harm | ended), look * 24 / looks_a_day, hours)
        active &= ~(harm | ended)
        moves = active & fit
        earlier = np.where(moves, now, earlier)
        stage = np.where(moves, stage + 1, stage)
        age, seen = np.where(moves, 0, age), np.where(moves, 0, seen)
        extra[:2] = np.where(moves, 0, extra[:2])
        if not active.any():
            break
    return Runs(back, done, stage + 1, hours, units, path)


def logs_worse(canary: Any, control: Any, bad_canary: Any, bad_control: Any) -> Floats:
    """Return `gate.log_e_worse` before its mean: one row for each ratio."""
    rows = []
    with np.errstate(divide="ignore", invalid="ignore"):
        for ratio in RATIOS:
            shrink = np.log((canary + control) / (ratio * canary + control))
            row = bad_canary * (math.log(ratio) + shrink) + bad_control * shrink
            rows.append(np.where((canary == 0) | (control == 0), 0.0, row))
    return np.array(rows)


def log_worse(canary: Any, control: Any, bad_canary: Any, bad_control: Any) -> Floats:
    """Return `gate.log_e_worse` of one segment, for arrays."""
    return _log_mean(logs_worse(canary, control, bad_canary, bad_control))


def log_above(count: Any, units: Any, limit: float) -> Floats:
    """Return `gate.log_e_above` for arrays."""
    return _log_mean(np.array([_log_ratio(count, units, min(r * limit, (1 + limit) / 2), limit) for r in RATIOS]))


def log_below(count: Any, units: Any, limit: float) -> Floats:
    """Return `gate.log_e_below` for arrays."""
    return _log_mean(np.array([_log_ratio(count, units, limit / r, limit) for r in RATIOS]))


def _log_ratio(count: Any, units: Any, other: float, null: float) -> Any:
    return count * math.log(other / null) + (units - count) * (math.log1p(-other) - math.log1p(-null))


def _log_mean(logs: Floats) -> Floats:
    top = logs.max(axis=0)
    mean: Floats = top + np.log(np.exp(logs - top).mean(axis=0))
    return mean


def _quantiles(values: npt.NDArray[Any]) -> dict[str, float] | None:
    if not len(values):
        return None
    median, late = np.quantile(values, [0.5, 0.95], method="inverted_cdf")
    return {"median": float(median), "95%": float(late)}
