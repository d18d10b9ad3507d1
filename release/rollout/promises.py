"""The gate's promises, checked by simulation: what it must never do, and how soon it must act."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from release.rollout import gate
from release.rollout.gate import Cohort, EvidenceError, Segment, Situation
from release.rollout.policy import Limits
from release.rollout.simulate import log_above, log_worse

LOOKS = 500


@dataclass(frozen=True)
class Promise:
    """One promise, what was found, and whether it was kept."""

    text: str
    found: str
    kept: bool


def check(runs: int, seed: int) -> list[Promise]:
    """Simulate every promise with `runs` rollouts each."""
    dice = np.random.default_rng(seed)
    return [
        *(_false_rollbacks(dice, runs, rate, share) for rate in (0.001, 0.01) for share in (0.1, 0.5)),
        _at_the_limit(dice, runs),
        _naive(dice, runs),
        *(_caught(dice, runs, *row) for row in ((0.1, 1240), (0.25, None), (0.5, None), (0.9, None))),
        _never_promotes(),
    ]


def _paths(
    dice: np.random.Generator, runs: int, looks: int, units: float, share: float, canary: float, control: float
) -> Iterator[npt.NDArray[np.int64]]:
    """Yield cumulative counts look by look: canary units, control units, bad canaries, bad controls."""
    counts = np.zeros((4, runs), np.int64)
    for _ in range(looks):
        n1, n0 = dice.poisson(units * share, runs), dice.poisson(units * (1 - share), runs)
        counts += [n1, n0, dice.binomial(n1, canary), dice.binomial(n0, control)]
        yield counts


def _false_rollbacks(dice: np.random.Generator, runs: int, rate: float, share: float) -> Promise:
    ever = np.zeros(runs, np.bool_)
    for counts in _paths(dice, runs, LOOKS, 2000, share, rate, rate):
        ever |= log_worse(*counts) >= math.log(100)
    found = float(ever.mean())
    text = f"equal error rates of {rate:.1%}, {share:.0%} canaries: rolled back falsely at most 1 % over {LOOKS} looks"
    return Promise(text, f"{found:.2%} of {runs} rollouts", found <= 0.01)


def _at_the_limit(dice: np.random.Generator, runs: int) -> Promise:
    units, bad, ever = np.zeros(runs, np.int64), np.zeros(runs, np.int64), np.zeros(runs, np.bool_)
    for _ in range(LOOKS):
        units += 200
        bad += dice.binomial(200, 0.01, runs)
        ever |= log_above(bad, units, 0.01) >= math.log(100)
    found = float(ever.mean())
    text = f"fallbacks exactly at the limit of 1 %: rolled back at most 1 % over {LOOKS} looks"
    return Promise(text, f"{found:.2%} of {runs} rollouts", found <= 0.01)


def _naive(dice: np.random.Generator, runs: int) -> Promise:
    ever = np.zeros(runs, np.bool_)
    for n1, n0, x1, x0 in _paths(dice, runs, LOOKS, 2000, 0.1, 0.01, 0.01):
        pooled = (x1 + x0) / (n1 + n0)
        with np.errstate(divide="ignore", invalid="ignore"):
            z = (x1 / n1 - x0 / n0) / np.sqrt(pooled * (1 - pooled) * (1 / n1 + 1 / n0))
        ever |= z > 2.326
    found = float(ever.mean())
    text = "for comparison, a z-test at 1 % asked as often: false rollbacks in more than 5 %"
    return Promise(text, f"{found:.2%} of {runs} rollouts", found > 0.05)


def _caught(dice: np.random.Generator, runs: int, share: float, limit: int | None) -> Promise:
    step, most = (1, 4000) if share < 0.25 else ((10, 6000) if share < 0.9 else (40, 30_000))
    at = np.full(runs, most)
    for counts in _paths(dice, runs, most // step, step / share, share, 0.01, 0.001):
        caught = (log_worse(*counts) >= math.log(100)) & (at == most)
        at = np.where(caught, np.minimum(counts[0], most - 1), at)
        if (at < most).all():
            break
    median, late = np.quantile(at, [0.5, 0.95], method="inverted_cdf")
    goal, said = "", f"median {median:.0f}, 95 % within {late:.0f} canary units"
    kept = bool(late < most - 1)
    if limit is not None:
        inside = float((at <= limit).mean())
        error = math.sqrt(0.95 * 0.05 / runs)  # of a share of 95 % seen in so many runs
        goal = f": 95 % of rollouts within {limit} canary units"
        said += f"; {inside:.2%} within {limit} (standard error {error:.2%})"
        kept = inside >= 0.95 - 3 * error
    return Promise(
        f"errors 0.1 % -> 1 % at {share:.0%} are caught{goal}",
        said,
        kept,
    )


def _never_promotes() -> Promise:
    limits, day = Limits(), 86_400
    big = 10**7
    situations: list[Callable[[], Segment]] = [
        lambda: Segment(1000, Cohort(), Cohort()),
        lambda: Segment(1000, Cohort(), Cohort(big)),
        lambda: Segment(1000, Cohort(big), Cohort()),
        lambda: Segment(1000, Cohort(math.nan), Cohort(big)),  # type: ignore[arg-type]
        lambda: Segment(1000, Cohort(big, errors=math.nan), Cohort(big)),  # type: ignore[arg-type]
        *(
            lambda share=share: Segment(1000, Cohort(int(big * share)), Cohort(int(big * (1 - share))))
            for share in (0.02, 0.09, 0.098, 0.102, 0.11, 0.5)
        ),
        *(
            lambda hosts=hosts: Segment(1000, Cohort(big, hosts=hosts), Cohort(big, hosts=10_000 - hosts))
            for hosts in (0, 700, 1300, 5000, 10_000)
        ),
    ]
    promoted = 0
    for make in situations:
        for elapsed in (0, day, 10 * day, 100 * day):
            try:
                verdict = gate.decide(Situation(make(), (), elapsed, last_stage=False), limits)
            except EvidenceError:
                continue
            promoted += verdict.verdict == gate.PROMOTE
    text = "no data, NaN and a sample-ratio mismatch never promote"
    return Promise(text, f"{promoted} promotions in {len(situations) * 4} situations", promoted == 0)
