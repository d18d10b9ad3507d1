"""Promote, hold or roll back: anytime-valid tests on counts of units, and the decision that follows from them.

A unit is a process, or one day of a long-lived one. Every test is an e-process: under its null hypothesis the
expected value is at most 1 at any time, so by Ville's inequality it ever reaches 1/alpha with probability alpha
at most, however often one looks (Lindon et al., arXiv 2205.14762; Ramdas et al., arXiv 2210.01948).
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from release.rollout.bucket import BUCKETS
from release.rollout.flag_file import percent_text
from release.rollout.policy import Limits

RATIOS = (2.0, 3.0, 5.0, 10.0, 30.0)
PROMOTE, HOLD, ROLL_BACK = "promote", "hold", "rollback"
EXIT_CODES = {PROMOTE: 0, HOLD: 4, ROLL_BACK: 5}
_LARGEST_LOG = 690.0  # e**690 is still a float


class EvidenceError(ValueError):
    """Counts that cannot be: negative, not whole, or more bad units than units."""


@dataclass(frozen=True)
class Cohort:
    """Completed units of one cohort, and how many had an error, took a fallback, or never finished.

    `hosts` is the number of hosts they came from, 0 when that is not known.
    """

    units: int = 0
    errors: int = 0
    fallbacks: int = 0
    crashes: int = 0
    hosts: int = 0

    def __post_init__(self) -> None:
        """Refuse impossible counts. Raises EvidenceError."""
        for name, value in vars(self).items():
            if type(value) is not int or value < 0:
                raise EvidenceError(f"{name} is {value!r}: a whole number from 0 is wanted")
        for name in ("errors", "fallbacks", "crashes"):
            if getattr(self, name) > self.units:
                raise EvidenceError(f"{name} is {getattr(self, name)}, more than the {self.units} units")

    @property
    def bad(self) -> int:
        """Units that ended badly: an error, or no end at all."""
        return min(self.units, self.errors + self.crashes)


@dataclass(frozen=True)
class Segment:
    """What was counted while the threshold was `threshold` of 10000."""

    threshold: int
    rust: Cohort
    python: Cohort


@dataclass(frozen=True)
class Situation:
    """Everything the decision depends on. `elapsed` is the age of the stage in seconds.

    `past` holds the earlier stages of the same rollout: harm is added up over all of them, while permission to
    move on must be earned in each.
    """

    current: Segment
    past: tuple[Segment, ...]
    elapsed: int
    last_stage: bool
    killed: bool = False
    held: bool = False


@dataclass(frozen=True)
class Test:
    """One e-value and the value it is compared with; `log_e` is its natural logarithm."""

    __test__ = False  # not a pytest class

    name: str
    log_e: float
    limit: float
    reached: bool
    detail: str

    @property
    def e(self) -> float:
        """The e-value, cut off at e**690."""
        return math.exp(min(self.log_e, _LARGEST_LOG))


@dataclass(frozen=True)
class Verdict:
    """The decision, its reason in words, and the tests behind it."""

    verdict: str
    reason: str
    tests: tuple[Test, ...]

    @property
    def exit_code(self) -> int:
        """0 promote, 4 hold, 5 roll back."""
        return EXIT_CODES[self.verdict]


def decide(situation: Situation, limits: Limits) -> Verdict:
    """Return promote, hold or roll back. A pure function: the same arguments always give the same verdict."""
    harm = harm_tests((*situation.past, situation.current), limits)
    fitness = fitness_tests(situation.current.rust, limits)
    ratio = ratio_test(situation.current, limits)
    tests = (*harm, *fitness, ratio)
    if situation.killed:
        return Verdict(ROLL_BACK, "the kill switch is on", tests)
    harmful = [test for test in harm if test.reached]
    if harmful:
        return Verdict(ROLL_BACK, "; ".join(f"{test.name}: {test.detail}" for test in harmful), tests)
    obstacles = _obstacles(situation, limits, fitness, ratio)
    if not obstacles:
        passed = "; ".join(f"{test.name}: {test.detail}" for test in fitness)
        return Verdict(PROMOTE, f"no sign of harm, and {passed}", tests)
    if situation.elapsed > limits.timeout and situation.current.rust.units == 0:
        return Verdict(ROLL_BACK, f"no data in {_time(situation.elapsed)}, and the stage timed out", tests)
    return Verdict(HOLD, "; ".join(obstacles), tests)


def _obstacles(situation: Situation, limits: Limits, fitness: Iterable[Test], ratio: Test) -> list[str]:
    """Everything that stops a promotion, as readable clauses."""
    now, found = situation.current, []
    if situation.held:
        found.append("held by hand")
    if now.rust.units == 0:
        found.append("no data from the Rust cohort")
    if now.threshold < BUCKETS and now.python.units == 0:
        found.append("no data from the Python cohort, so nothing to compare with")
    if situation.elapsed < 0:
        found.append(f"the stage began {_time(-situation.elapsed)} in the future: the clock jumped")
    elif situation.elapsed < limits.minimum_time:
        found.append(f"{_time(situation.elapsed)} of at least {_time(limits.minimum_time)} have passed")
    if ratio.reached:
        found.append(f"{ratio.name}: {ratio.detail}")
    if now.rust.units:
        found += [f"{test.name}: {test.detail}, too little evidence" for test in fitness if not test.reached]
    if situation.last_stage and not found:
        found.append("complete: this is the last stage")
    return found


def harm_tests(segments: Sequence[Segment], limits: Limits) -> tuple[Test, ...]:
    """Tests that roll back: worse than the Python cohort, above the fallback limit, above the crash limit."""
    units = sum(s.rust.units for s in segments)
    fallbacks = sum(s.rust.fallbacks for s in segments)
    crashes = sum(s.rust.crashes for s in segments)
    bad, control_bad = sum(s.rust.bad for s in segments), sum(s.python.bad for s in segments)
    control = sum(s.python.units for s in segments)
    worse = log_e_worse((s.rust.units, s.python.units, s.rust.bad, s.python.bad) for s in segments)
    seen = f"{_share(bad, units)} of Rust units ended badly, {_share(control_bad, control)} of Python units"
    return (
        _test("worse than Python", worse, limits.roll_back_at, seen),
        _above("fallbacks above the limit", fallbacks, units, limits.fallback_rate, limits),
        _above("crashes above the limit", crashes, units, limits.crash_rate, limits),
    )


def fitness_tests(rust: Cohort, limits: Limits) -> tuple[Test, ...]:
    """Tests that permit a promotion: the fallback rate and the crash rate are below their limits."""
    return tuple(
        _test(
            f"{name} below the limit",
            log_e_below(count, rust.units, rate),
            limits.promote_at,
            f"{_share(count, rust.units)} of units, limit {rate:.4g}",
        )
        for name, count, rate in (
            ("fallbacks", rust.fallbacks, limits.fallback_rate),
            ("crashes", rust.crashes, limits.crash_rate),
        )
    )


def ratio_test(segment: Segment, limits: Limits) -> Test:
    """Sample-ratio mismatch: is the Rust cohort's share the one asked for? By hosts where they are known."""
    by_hosts = segment.rust.hosts + segment.python.hosts > 0
    inside = segment.rust.hosts if by_hosts else segment.rust.units
    whole = inside + (segment.python.hosts if by_hosts else segment.python.units)
    detail = (
        f"{_share(inside, whole)} of {'hosts' if by_hosts else 'units'} are in the Rust cohort, "
        f"{percent_text(segment.threshold)} % were asked for"
    )
    return _test("sample ratio", log_e_ratio(inside, whole, segment.threshold / BUCKETS), limits.ratio_at, detail)


def log_e_worse(segments: Iterable[tuple[int, int, int, int]]) -> float:
    """Natural logarithm of the e-value against "the canary is no worse than the control".

    Each segment is (canary units, control units, bad canary units, bad control units). A bad unit is a canary with
    probability q = n1 / (n1 + n0) if the null is true, and a = r n1 / (r n1 + n0) if canaries fail r times as often;
    the e-value is the mean over r of the product of (a/q)^x1 ((1-a)/(1-q))^x0.
    """
    logs = [0.0] * len(RATIOS)
    for canary, control, bad_canary, bad_control in segments:
        if canary == 0 or control == 0:
            continue  # nothing to compare with: no evidence either way
        for index, ratio in enumerate(RATIOS):
            shrink = math.log((canary + control) / (ratio * canary + control))
            logs[index] += bad_canary * (math.log(ratio) + shrink) + bad_control * shrink
    return _log_mean(logs)


def log_e_above(count: int, units: int, limit: float) -> float:
    """Natural logarithm of the e-value against "the rate is at most `limit`"."""
    return _log_mean([_log_likelihood_ratio(count, units, min(r * limit, (1 + limit) / 2), limit) for r in RATIOS])


def log_e_below(count: int, units: int, limit: float) -> float:
    """Natural logarithm of the e-value against "the rate is at least `limit`": 367 clean units make 20 at 1 %."""
    return _log_mean([_log_likelihood_ratio(count, units, limit / r, limit) for r in RATIOS])


def log_e_ratio(inside: int, whole: int, share: float) -> float:
    """Natural logarithm of the e-value against "each is inside with probability `share`", uniform alternative."""
    outside = whole - inside
    if share <= 0.0 or share >= 1.0:
        wrong = inside if share <= 0.0 else outside
        return math.inf if wrong else 0.0
    marginal = math.lgamma(inside + 1) + math.lgamma(outside + 1) - math.lgamma(whole + 2)
    return marginal - inside * math.log(share) - outside * math.log1p(-share)


def _above(name: str, count: int, units: int, rate: float, limits: Limits) -> Test:
    seen = f"{_share(count, units)} of units, limit {rate:.4g}"
    return _test(name, log_e_above(count, units, rate), limits.roll_back_at, seen)


def _test(name: str, log_e: float, limit: float, seen: str) -> Test:
    shown = f"{math.exp(log_e):.4g}" if log_e < _LARGEST_LOG else "over 1e299"
    return Test(name, log_e, limit, log_e >= math.log(limit), f"{seen} (e = {shown}, threshold {limit:g})")


def _log_likelihood_ratio(count: int, units: int, other: float, null: float) -> float:
    return count * math.log(other / null) + (units - count) * (math.log1p(-other) - math.log1p(-null))


def _log_mean(logs: Sequence[float]) -> float:
    top = max(logs)
    return top + math.log(sum(math.exp(value - top) for value in logs) / len(logs))


def _share(part: int, whole: int) -> str:
    return f"{part} of {whole} ({part / whole:.3%})" if whole else "0 of 0"


def _time(seconds: int) -> str:
    for size, name in ((86_400, "d"), (3600, "h"), (60, "min")):
        if seconds >= 2 * size or (seconds >= size and seconds % size == 0):
            return f"{seconds / size:.3g} {name}"
    return f"{seconds} s"
