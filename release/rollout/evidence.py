"""Evidence from JSON files, as `sky.utils.rust_evidence` writes them: one file a host, summed up strictly."""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from release.rollout.flag_file import percent_text
from release.rollout.gate import Cohort, EvidenceError, Segment

LARGEST = 1 << 20
COHORTS = ("rust", "python")
OUTCOMES = ("started", "finished", "crashed", "error", "fallback")


def from_files(paths: Iterable[Path], rollout_id: str, threshold: int) -> Segment:
    """Sum up the files for one stage. Raises EvidenceError with the file's name."""
    totals: dict[str, dict[str, int]] = {cohort: {} for cohort in COHORTS}
    for path in paths:
        try:
            rows = _rows(_read(path))
            for cohort, counts in _counts(rows, rollout_id, percent_text(threshold)).items():
                for name, value in counts.items():
                    totals[cohort][name] = totals[cohort].get(name, 0) + value
        except (OSError, ValueError) as error:
            raise EvidenceError(f"{path}: {error}") from None
    return Segment(threshold, *(cohort_from(totals[cohort]) for cohort in COHORTS))


def cohort_from(counts: dict[str, int]) -> Cohort:
    """Turn the outcomes that are counted into what the gate looks at: completed units only."""
    return Cohort(
        units=counts.get("finished", 0) + counts.get("crashed", 0),
        errors=counts.get("error", 0),
        fallbacks=counts.get("fallback", 0),
        crashes=counts.get("crashed", 0),
        hosts=counts.get("hosts", 0),
    )


def _read(path: Path) -> Any:
    with path.open("rb") as file:
        data = file.read(LARGEST + 1)
    if len(data) > LARGEST:
        raise ValueError(f"is larger than {LARGEST} bytes")
    try:
        return json.loads(data.decode("utf-8"))
    except UnicodeDecodeError:
        raise ValueError("is not UTF-8") from None
    except RecursionError:
        raise ValueError("is nested too deeply") from None
    except json.JSONDecodeError as error:
        raise ValueError(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None


def _rows(document: Any) -> list[Any]:
    if not isinstance(document, dict) or document.get("evidenceSchema") != 1:
        raise ValueError('is not an evidence file ("evidenceSchema": 1 is missing)')
    rows = document.get("rows")
    if not isinstance(rows, list) or not all(isinstance(row, dict) for row in rows):
        raise ValueError("has no list of rows")
    return rows


def _counts(rows: list[Any], rollout_id: str, percent: str) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for row in rows:
        if row.get("rollout") != rollout_id or str(row.get("percent")) != percent:
            continue
        if row.get("cohort") not in COHORTS:
            raise ValueError(f"has the cohort {row.get('cohort')!r}, and only rust and python are known")
        counts = {name: row.get(name, 0) for name in OUTCOMES}
        counts["hosts"] = row.get("hosts", 1)
        for name, value in counts.items():
            if type(value) is not int or value < 0:
                raise ValueError(f"has {name} = {value!r}: a whole number from 0 is wanted")
        into = found.setdefault(row["cohort"], {})
        for name, value in counts.items():
            into[name] = into.get(name, 0) + value
    return found
