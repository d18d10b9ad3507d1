"""The evidence as prometheus_client metrics. Imported only by `rust_evidence.export()`.

`rollout_units_total{rollout, percent, cohort, outcome}` and
`rollout_calls_total{rollout, cohort, function, outcome}`; every series of a row exists from the start, at zero.
"""

from __future__ import annotations

from prometheus_client import REGISTRY, Counter
from prometheus_client.core import CounterMetricFamily

from sky.utils.rust_evidence import CALLS, OUTCOMES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

UNITS = ("rollout_units", "Units (processes) of a rollout by cohort and outcome.")
UNIT_LABELS = ("rollout", "percent", "cohort", "outcome")
CALL = ("rollout_calls", "Calls of the native functions by outcome.")
CALL_LABELS = ("rollout", "cohort", "function", "outcome")


class Collector:
    """Reads the totals at every scrape. A folder that cannot be read is an empty answer, not an error."""

    def __init__(self, read: Callable[[], dict[str, Any]]) -> None:
        self._read = read

    def describe(self) -> Iterator[CounterMetricFamily]:
        """Name the metrics without reading anything, as registration asks."""
        yield CounterMetricFamily(*UNITS, labels=UNIT_LABELS)
        yield CounterMetricFamily(*CALL, labels=CALL_LABELS)

    def collect(self) -> Iterator[CounterMetricFamily]:
        """Yield both metrics."""
        units, calls = self.describe()
        try:
            document = self._read()
        except (OSError, ValueError, LookupError, TypeError):
            document = {}
        for row in document.get("rows", ()):
            for outcome in OUTCOMES:
                units.add_metric([row["rollout"], row["percent"], row["cohort"], outcome], row[outcome])
        sums: dict[tuple[str, ...], int] = {}
        for row in document.get("calls", ()):
            for function, counts in row.items():
                for kind in CALLS if isinstance(counts, dict) else ():
                    key: tuple[str, ...] = (row["rollout"], row["cohort"], function, kind)
                    sums[key] = sums.get(key, 0) + counts[kind]
        for key, value in sums.items():
            calls.add_metric(key, value)
        yield units
        yield calls


def register(read: Callable[[], dict[str, Any]], registry: Any = None) -> None:
    """Register a collector of the totals that `read` returns."""
    (registry or REGISTRY).register(Collector(read))


def counters(registry: Any = None) -> Callable[[dict[str, Any], dict[str, int], dict[str, dict[str, int]]], None]:
    """Return a function that adds counts to prometheus_client's own counters, for its multi-process mode."""
    units = Counter(*UNITS, UNIT_LABELS, registry=registry or REGISTRY)
    calls = Counter(*CALL, CALL_LABELS, registry=registry or REGISTRY)

    def publish(labels: dict[str, Any], counts: dict[str, int], by_function: dict[str, dict[str, int]]) -> None:
        for outcome in OUTCOMES:
            units.labels(labels["rollout"], labels["percent"], labels["cohort"], outcome).inc(counts.get(outcome, 0))
        for function, row in by_function.items():
            for kind in CALLS:
                calls.labels(labels["rollout"], labels["cohort"], function, kind).inc(row[kind])

    return publish
