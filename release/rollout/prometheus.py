"""Evidence from a Prometheus server: raw counter values through the HTTP API, deltas taken here.

`increase()` extrapolates, and so reports units that never were; a window function that returns raw samples does
not. Each series is read as its last raw value in every step of the window, resets included.
"""

from __future__ import annotations

import json
import math
import urllib.error
import urllib.parse
import urllib.request
from dataclasses import dataclass
from typing import Any

from release.rollout.evidence import COHORTS, OUTCOMES, cohort_from
from release.rollout.flag_file import percent_text
from release.rollout.gate import EvidenceError, Segment

METRIC = "rollout_units_total"
LARGEST = 64 << 20
_POINTS = 240


class PrometheusError(Exception):
    """The server did not give an answer that can be used; the message says which and why."""


@dataclass(frozen=True)
class Server:
    """Where to ask, and how long to wait (seconds, for connecting and for every read)."""

    url: str
    timeout: float = 10.0

    def evidence(self, rollout_id: str, threshold: int, since: int, now: int) -> Segment:
        """Return the counts of one stage between `since` and `now` (epoch seconds).

        Raises PrometheusError when the server cannot answer, EvidenceError when the counts cannot be.
        No series at all is no error: it is a segment without units.
        """
        step = max(1, math.ceil((now - since) / _POINTS))
        name = f'{METRIC}{{rollout="{rollout_id}",percent="{percent_text(threshold)}"}}'
        start = since - since % step
        result = self._ask(
            {
                "query": f"last_over_time({name}[{step}s])",
                "start": str(start),
                "end": str(max(now, start)),
                "step": str(step),
            }
        )
        totals: dict[str, dict[str, int]] = {cohort: {} for cohort in COHORTS}
        hosts: dict[str, set[str]] = {cohort: set() for cohort in COHORTS}
        for series in result:
            labels, delta = _series(series, start)
            cohort, outcome = labels.get("cohort", ""), labels.get("outcome", "")
            if cohort not in totals or outcome not in OUTCOMES:
                raise PrometheusError(f"{self.url}: {METRIC} has the labels cohort={cohort!r}, outcome={outcome!r}")
            totals[cohort][outcome] = totals[cohort].get(outcome, 0) + delta
            if outcome == "started" and delta > 0:
                hosts[cohort].add(labels.get("instance", ""))
        for cohort, counts in totals.items():
            counts["hosts"] = len(hosts[cohort])
        return Segment(threshold, *(cohort_from(totals[cohort]) for cohort in COHORTS))

    def _ask(self, values: dict[str, str]) -> list[Any]:
        parts = urllib.parse.urlsplit(self.url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise PrometheusError(f"{self.url!r} is not the address of a server, such as http://localhost:9090")
        address = f"{self.url.rstrip('/')}/api/v1/query_range"
        request = urllib.request.Request(  # noqa: S310  (only http and https come this far)
            address, data=urllib.parse.urlencode(values).encode("ascii"), headers={"Accept": "application/json"}
        )
        try:
            with urllib.request.urlopen(request, timeout=self.timeout) as answer:  # noqa: S310
                data = answer.read(LARGEST + 1)
        except urllib.error.HTTPError as error:
            with error:
                data = error.read(65_536)
            raise PrometheusError(f"{self.url} answered {error.code}: {_complaint(data)}") from None
        except (OSError, ValueError) as error:
            reason = getattr(error, "reason", error)
            raise PrometheusError(f"{self.url} does not answer: {reason}") from None
        if len(data) > LARGEST:
            raise PrometheusError(f"{self.url} answered more than {LARGEST >> 20} MiB; add a recording rule")
        return self._result(data)

    def _result(self, data: bytes) -> list[Any]:
        try:
            document = json.loads(data)
            if document["status"] != "success" or document["data"]["resultType"] != "matrix":
                raise PrometheusError(f"{self.url} answered: {_complaint(data)}")
            result = document["data"]["result"]
            if not isinstance(result, list):
                raise TypeError("no list of series")
        except (ValueError, LookupError, TypeError, RecursionError):
            start = data[:60].decode("utf-8", "replace")
            message = f"{self.url} is not a Prometheus server, or something stands in between: it answered {start!r}"
            raise PrometheusError(message) from None
        return result


def _series(series: Any, start: int) -> tuple[dict[str, str], int]:
    """Return a series' labels and by how much its counter rose, resets included. Raises EvidenceError."""
    try:
        labels = dict(series["metric"])
        values = [(float(moment), float(text)) for moment, text in series["values"]]
    except (LookupError, TypeError, ValueError) as error:
        raise EvidenceError(f"Prometheus sent a series that cannot be read ({error})") from None
    rise, before = 0.0, 0.0
    for index, (moment, value) in enumerate(values):
        if not math.isfinite(value) or value < 0:
            raise EvidenceError(f"Prometheus sent {value} for {labels}: not a count")
        if index == 0 and moment <= start:
            before = value  # counted before the stage began
        rise += value - before if value >= before else value
        before = value
    if rise != int(rise):
        raise EvidenceError(f"Prometheus sent a count that is not whole for {labels}: {rise}")
    return labels, int(rise)


def _complaint(data: bytes) -> str:
    try:
        document = json.loads(data)
        return f"{document['errorType']}: {document['error']}"[:300]
    except (ValueError, LookupError, TypeError, RecursionError):
        return repr(data[:60].decode("utf-8", "replace"))
