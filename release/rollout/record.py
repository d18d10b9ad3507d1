"""What a rollout commit remembers: trailers that hold the counts, the limits and the reason, and read back exactly.

`gate --replay COMMIT` builds the same situation from them and must come to the same verdict.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields

from release.rollout.flag_file import parse_percent, percent_text
from release.rollout.gate import Cohort, Segment, Situation, Verdict
from release.rollout.policy import Limits

Trailers = Mapping[str, tuple[str, ...]]


class RecordError(ValueError):
    """The trailers are missing or not as this command writes them."""


@dataclass(frozen=True)
class Measured:
    """The gate's arguments and its answer."""

    situation: Situation
    limits: Limits
    verdict: Verdict


@dataclass(frozen=True)
class Record:
    """One step of a rollout. `threshold_from` and `threshold_to` are of 10000; `reason` is a person's."""

    action: str
    rollout_id: str
    threshold_from: int
    threshold_to: int
    reason: str = ""
    override: str = ""
    measured: Measured | None = None

    def trailers(self) -> list[tuple[str, str]]:
        """Return the trailers of the commit, in order."""
        rows = [
            ("Rollout-Id", self.rollout_id),
            ("Rollout-Action", self.action),
            ("Rollout-From", percent_text(self.threshold_from)),
            ("Rollout-To", percent_text(self.threshold_to)),
        ]
        if self.reason:
            rows.append(("Rollout-Reason", one_line(self.reason)))
        if self.override:
            rows.append(("Rollout-Override", one_line(self.override)))
        if self.measured:
            rows += _measured_trailers(self.measured)
        return rows


def one_line(text: str) -> str:
    """Make a person's words safe for a trailer: one line, printable, at most 500 characters."""
    words = "".join(letter if letter.isprintable() else " " for letter in text).split()
    return " ".join(words)[:500]


def _measured_trailers(measured: Measured) -> list[tuple[str, str]]:
    situation, verdict = measured.situation, measured.verdict
    flags = [name for name in ("last_stage", "killed", "held") if getattr(situation, name)]
    rows = [("Rollout-Counts", _segment_text(segment)) for segment in (*situation.past, situation.current)]
    rows += [("Rollout-E-Value", f"{test.name}: {test.e:.6g} (threshold {test.limit:g})") for test in verdict.tests]
    limits = " ".join(f"{field.name}={getattr(measured.limits, field.name)!r}" for field in fields(Limits))
    rows += [
        ("Rollout-Limits", limits),
        ("Rollout-Elapsed", " ".join([f"{situation.elapsed}s", *flags])),
        ("Rollout-Verdict", verdict.verdict),
        ("Rollout-Verdict-Reason", one_line(verdict.reason)),
    ]
    return rows


def replayable(trailers: Trailers) -> tuple[Situation, Limits, str]:
    """Return the gate's arguments as a commit recorded them, and the verdict of the time. Raises RecordError."""
    try:
        segments = [_segment(text) for text in trailers["Rollout-Counts"]]
        elapsed, *flags = trailers["Rollout-Elapsed"][0].split()
        pairs = dict(pair.split("=", 1) for pair in trailers["Rollout-Limits"][0].split())
        kinds = {field.name: type(getattr(Limits(), field.name)) for field in fields(Limits)}
        limits = Limits(**{name: kinds[name](value) for name, value in pairs.items()})
        situation = Situation(
            current=segments[-1],
            past=tuple(segments[:-1]),
            elapsed=int(elapsed.removesuffix("s")),
            last_stage="last_stage" in flags,
            killed="killed" in flags,
            held="held" in flags,
        )
        return situation, limits, trailers["Rollout-Verdict"][0]
    except (LookupError, ValueError, TypeError) as error:
        raise RecordError(f"the commit records no measurements that can be replayed ({error})") from None


def current_segment(trailers: Trailers) -> Segment | None:
    """Return the counts of the stage that a commit ended, or None when it recorded none."""
    try:
        return _segment(trailers["Rollout-Counts"][-1])
    except (LookupError, ValueError):
        return None


def _segment_text(segment: Segment) -> str:
    cohorts = (f"{name}={_cohort_text(getattr(segment, name))}" for name in ("rust", "python"))
    return " ".join([f"percent={percent_text(segment.threshold)}", *cohorts])


def _cohort_text(cohort: Cohort) -> str:
    return ",".join(f"{name}:{value}" for name, value in vars(cohort).items())


def _segment(text: str) -> Segment:
    parts = dict(part.split("=", 1) for part in text.split())
    return Segment(parse_percent(parts["percent"]), _cohort(parts["rust"]), _cohort(parts["python"]))


def _cohort(text: str) -> Cohort:
    pairs = (pair.split(":", 1) for pair in text.split(","))
    try:
        return Cohort(**{name: int(value) for name, value in pairs})
    except TypeError as error:
        raise ValueError(str(error)) from None
