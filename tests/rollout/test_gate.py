"""The gate: the published numbers, the decision table, and what the tests may never do."""

from __future__ import annotations

import dataclasses
import math
import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.rollout import gate
from release.rollout.gate import Cohort, EvidenceError, Segment, Situation
from release.rollout.policy import Limits

LIMITS = Limits()
DAY = 86_400
CLEAN = Segment(1000, Cohort(40_000), Cohort(360_000))


def situation(current: Segment = CLEAN, **changes: Any) -> Situation:
    plain = Situation(current, (), 2 * DAY, last_stage=False)
    return dataclasses.replace(plain, **changes)


def test_clean_evidence_promotes_and_says_why() -> None:
    verdict = gate.decide(situation(), LIMITS)
    assert (verdict.verdict, verdict.exit_code) == ("promote", 0)
    assert "0 of 40000 (0.000%) of units, limit 0.01" in verdict.reason


def test_the_published_amounts_of_evidence() -> None:
    def needed(limit: float, guess: int) -> int:
        return next(n for n in range(guess, guess * 2) if gate.log_e_below(0, n, limit) >= math.log(20))

    assert needed(0.01, 300) == 367
    assert needed(0.0001, 36_000) == 36_866


def test_the_formula_by_hand() -> None:
    n1, n0, x1, x0 = 100, 900, 3, 2
    q = n1 / (n1 + n0)
    products = []
    for r in (2, 3, 5, 10, 30):
        a = r * n1 / (r * n1 + n0)
        products.append((a / q) ** x1 * ((1 - a) / (1 - q)) ** x0)
    assert math.exp(gate.log_e_worse([(n1, n0, x1, x0)])) == pytest.approx(sum(products) / 5)


@pytest.mark.parametrize(
    ("changes", "verdict", "said"),
    [
        ({"current": Segment(1000, Cohort(), Cohort())}, "hold", "no data from the Rust cohort"),
        ({"current": Segment(1000, Cohort(40_000), Cohort())}, "hold", "no data from the Python cohort"),
        ({"elapsed": 3600}, "hold", "1 h of at least 1 d"),
        ({"elapsed": -500}, "hold", "in the future: the clock jumped"),
        ({"held": True}, "hold", "held by hand"),
        ({"killed": True}, "rollback", "kill switch"),
        ({"last_stage": True}, "hold", "complete"),
        ({"current": Segment(1000, Cohort(300), Cohort(2700))}, "hold", "too little evidence"),
        ({"current": Segment(1000, Cohort(40_000), Cohort(40_000))}, "hold", "sample ratio"),
        ({"current": Segment(1000, Cohort(400, errors=20), Cohort(3600, errors=4))}, "rollback", "worse than Python"),
        ({"current": Segment(1000, Cohort(1000, fallbacks=60), Cohort(9000))}, "rollback", "fallbacks above"),
        ({"current": Segment(1000, Cohort(1000, crashes=4), Cohort(9000, crashes=36))}, "rollback", "crashes above"),
        ({"current": Segment(1000, Cohort(), Cohort()), "elapsed": 15 * DAY}, "rollback", "no data in 15 d"),
        ({"current": Segment(1000, Cohort(300), Cohort(2700)), "elapsed": 15 * DAY}, "hold", "too little"),
    ],
)
def test_the_decision_table(changes: dict[str, Any], verdict: str, said: str) -> None:
    found = gate.decide(situation(**changes), LIMITS)
    assert found.verdict == verdict
    assert said in found.reason


def test_harm_adds_up_over_stages_and_permission_does_not() -> None:
    half = Segment(1000, Cohort(200, errors=4), Cohort(1800, errors=4))
    assert gate.decide(situation(half), LIMITS).verdict == "hold"
    assert gate.decide(situation(half, past=(half, half)), LIMITS).verdict == "rollback"
    small = Segment(2500, Cohort(100), Cohort(300))
    assert gate.decide(situation(small, past=(CLEAN,)), LIMITS).verdict == "hold"


def test_hosts_decide_the_ratio_where_they_are_known() -> None:
    skewed_units = Segment(1000, Cohort(40_000, hosts=1000), Cohort(40_000, hosts=9000))
    assert gate.decide(situation(skewed_units), LIMITS).verdict == "promote"
    skewed_hosts = Segment(1000, Cohort(40_000, hosts=2000), Cohort(360_000, hosts=8000))
    assert gate.decide(situation(skewed_hosts), LIMITS).verdict == "hold"


@pytest.mark.parametrize(
    "counts", [{"units": -1}, {"units": 1.5}, {"units": True}, {"units": 1, "errors": 2}, {"units": float("nan")}]
)
def test_impossible_counts_are_refused(counts: dict[str, Any]) -> None:
    with pytest.raises(EvidenceError):
        Cohort(**counts)


big = st.integers(0, 10**12)


@given(big, big, st.fractions(0, 1), st.fractions(0, 1), st.sampled_from([100, 1000, 5000, 10_000]), st.integers())
def test_any_counts_give_a_verdict_and_nothing_infinite(
    n1: int, n0: int, f1: Any, f0: Any, threshold: int, elapsed: int
) -> None:
    rust, python = Cohort(n1, int(n1 * f1), 0, int(n1 * f1)), Cohort(n0, int(n0 * f0))
    verdict = gate.decide(Situation(Segment(threshold, rust, python), (), elapsed, False), LIMITS)
    assert verdict.verdict in gate.EXIT_CODES
    assert all(not math.isnan(test.log_e) and test.e >= 0 for test in verdict.tests)


@given(st.integers(0, 50), st.integers(0, 50), st.integers(0, 49))
def test_one_more_bad_canary_never_lowers_the_e_value(x1: int, x0: int, more: int) -> None:
    assert gate.log_e_worse([(1000, 9000, x1 + more, x0)]) >= gate.log_e_worse([(1000, 9000, x1, x0)])


def test_the_expected_e_value_under_the_null_is_at_most_one() -> None:
    """Exactly, by summing over every outcome of 40 bad units at q = 0.1, and of 60 units at the limit."""
    q, bad = 0.1, 40
    expected = sum(
        math.comb(bad, x) * q**x * (1 - q) ** (bad - x) * math.exp(gate.log_e_worse([(100, 900, x, bad - x)]))
        for x in range(bad + 1)
    )
    assert expected == pytest.approx(1)
    for log_e in (gate.log_e_above, gate.log_e_below):
        expected = sum(math.comb(60, x) * 0.01**x * 0.99 ** (60 - x) * math.exp(log_e(x, 60, 0.01)) for x in range(61))
        assert expected == pytest.approx(1)


def test_the_order_of_units_does_not_matter() -> None:
    random.seed(3)
    segments = [(random.randrange(1, 99), random.randrange(1, 99), 2, 3) for _ in range(6)]
    assert gate.log_e_worse(segments) == pytest.approx(gate.log_e_worse(segments[::-1]))
