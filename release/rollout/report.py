"""One self-contained HTML page about a rollout: history, cohort health, e-values and the decision."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

from release.rollout import gate, plots, record
from release.rollout.flag_file import percent_text
from release.rollout.history import Step
from release.rollout.record import RecordError
from release.rollout.state import State

_MOST = 200


def render(now: State, verdict: gate.Verdict | None, segment: gate.Segment | None, moment: int) -> str:
    """Return the page. `verdict` and `segment` are of this moment, None where no evidence was given."""
    import jinja2

    loader = jinja2.FileSystemLoader(Path(__file__).parent)
    environment = jinja2.Environment(loader=loader, autoescape=True, undefined=jinja2.StrictUndefined)
    environment.filters["clock"] = _clock
    steps = [step for step in reversed(now.steps) if step.action][-_MOST:]
    first = steps[0].when if steps else moment
    segments = [*now.past, *([segment] if segment else [])]
    return environment.get_template("report.html.j2").render(
        now=now,
        file=now.file,
        steps=list(reversed(steps)),
        verdict=verdict,
        segments=segments,
        made=moment,
        plots=_plots(steps, segments, verdict, first, moment),
        percent_text=percent_text,
    )


def _plots(
    steps: list[Step], segments: list[gate.Segment], verdict: gate.Verdict | None, first: int, moment: int
) -> dict[str, str]:
    found = dict.fromkeys(("history", "health", "e_values"), "")
    if steps:
        days = [(step.when - first) / 86_400 for step in steps]
        percents = [float(step.get("Rollout-To") or 0) for step in steps]
        found["history"] = plots.history([*days, max((moment - first) / 86_400, days[-1])], [*percents, percents[-1]])
    if segments:
        names = [f"{percent_text(segment.threshold)} %" for segment in segments]
        found["health"] = plots.health(
            names, *([_bad(getattr(s, side)) for s in segments] for side in ("rust", "python"))
        )
    decided = [(step.when, tests) for step in steps if (tests := _tests(step))]
    if verdict:
        decided.append((moment, {test.name: test.log_e for test in verdict.tests}))
    if decided:
        moments = [(when - first) / 86_400 for when, _ in decided]
        series: dict[str, Any] = {}
        for name in decided[-1][1]:
            series[name] = [_log10(tests.get(name, math.nan)) for _, tests in decided]
        found["e_values"] = plots.e_values(moments, series, {"roll back": 2.0, "promote": math.log10(20)})
    return found


def _tests(step: Step) -> dict[str, float]:
    """Compute the tests of a past commit again from what it recorded."""
    try:
        situation, limits, _ = record.replayable(step.trailers)
    except RecordError:
        return {}
    return {test.name: test.log_e for test in gate.decide(situation, limits).tests}


def _log10(log_e: float) -> float:
    return max(-20.0, min(300.0, log_e / math.log(10)))


def _bad(cohort: gate.Cohort) -> float:
    return 100 * cohort.bad / cohort.units if cohort.units else 0.0


def _clock(when: int) -> str:
    return f"{datetime.fromtimestamp(when, timezone.utc):%Y-%m-%d %H:%M} UTC"
