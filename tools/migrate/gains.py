"""What a move would gain, from measured results: never a guess."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Gain:
    """One function's measured ratio (times as fast) and what the move saves in one call, in seconds."""

    ratio: float
    saved: float


def load(path: Path) -> dict[str, Gain]:
    """Read gains by function from a result file of `benchmarks`; empty where there is none."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    except (OSError, ValueError) as error:
        raise ValueError(f"{path} is not a result file of the benchmarks: {error}") from error
    found: dict[str, Gain] = {}
    for entry in document.get("functions", []):
        saved = [w["reference"]["minimum"] - w["replacement"]["minimum"] for w in entry["workloads"]]
        found[entry["name"]] = Gain(entry["ratio"], sorted(saved)[len(saved) // 2])
    return found


def seconds(value: float) -> str:
    """Write a duration with a unit a person reads: 12 ns, 3.4 us, 5.6 ms."""
    for unit, size in (("s", 1.0), ("ms", 1e-3), ("us", 1e-6), ("ns", 1e-9)):
        if abs(value) >= size:
            return f"{value / size:.3g} {unit}"
    return f"{value * 1e9:.2g} ns"
