"""Turn pairings into the result document, hold it against the targets, and against an older one."""

from __future__ import annotations

import math
import statistics
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import tomlkit

from benchmarks.measure import Pairing

FORMAT = 1


def load_targets(path: Path | None) -> dict[str, Any]:
    """Read the data file of claims, floors and targets; empty where none is named."""
    if path is None:
        return {}
    document: dict[str, Any] = tomlkit.parse(path.read_text(encoding="utf-8")).unwrap()
    return document


def functions(pairings: Iterable[Pairing], targets: Mapping[str, Any]) -> list[dict[str, Any]]:
    """Return one entry per function, in the order they were measured."""
    grouped: dict[str, list[Pairing]] = {}
    for pairing in pairings:
        grouped.setdefault(pairing.work.function, []).append(pairing)
    return [_function(name, group, targets.get("functions", {}).get(name, {})) for name, group in grouped.items()]


def _function(name: str, group: list[Pairing], target: Mapping[str, Any]) -> dict[str, Any]:
    workloads = [_workload(pairing, target) for pairing in group]
    counted = [entry for entry in workloads if entry["counted"]] or workloads
    ratio = statistics.geometric_mean(entry["ratio"] for entry in counted)
    worst = min(workloads, key=lambda entry: float(entry["ratio"]))
    reach = target.get("reach")
    return {
        "name": name,
        "ratio": ratio,
        "low": statistics.geometric_mean(entry["low"] for entry in counted),
        "high": statistics.geometric_mean(entry["high"] for entry in counted),
        "worst": {"name": worst["name"], "ratio": worst["ratio"]},
        "claim": target.get("claim"),
        "floor": target.get("floor"),
        "reach": reach,
        "reached": None if reach is None else ratio >= reach,
        "workloads": workloads,
    }


def _workload(pairing: Pairing, target: Mapping[str, Any]) -> dict[str, Any]:
    work = pairing.work
    low, high = pairing.spread
    reach = target.get("reaches", {}).get(work.name)
    return {
        "name": work.name,
        "counted": getattr(work, "counted", True),
        "size": getattr(work, "size", 0),
        "unit": getattr(work, "unit", ""),
        "ratio": pairing.ratio,
        "low": low,
        "high": high,
        "floor": target.get("floors", {}).get(work.name),
        "reach": reach,
        "reached": None if reach is None else pairing.ratio >= reach,
        "reference": _times(pairing.first),
        "replacement": _times(pairing.second),
    }


def _times(seconds: tuple[float, ...]) -> dict[str, Any]:
    return {
        "minimum": min(seconds),
        "median": statistics.median(seconds),
        "maximum": max(seconds),
        "samples": list(seconds),
    }


def summary(entries: list[dict[str, Any]], targets: Mapping[str, Any]) -> dict[str, Any]:
    """Return both means over the functions, and the worst workload of all."""
    if not entries:
        return {}
    ratios = [entry["ratio"] for entry in entries]
    worst = min(entries, key=lambda entry: float(entry["worst"]["ratio"]))
    means = {"arithmetic": statistics.fmean(ratios), "geometric": statistics.geometric_mean(ratios)}
    return {
        "functions": len(entries),
        **{name: {"ratio": value, **targets.get("mean", {}).get(name, {})} for name, value in means.items()},
        "worst": {"function": worst["name"], **worst["worst"]},
    }


def slower(old: Mapping[str, Any], new: Mapping[str, Any], margin: float = 0.05) -> list[dict[str, Any]]:
    """Return the workloads that lost speed against the reference by more than noise explains.

    The ratio to the reference is compared, not the time, so that two machines or a busy one can be compared.
    Noise is the margin or, where larger, the distance from minimum to median that either run saw.
    """
    before = {(f["name"], w["name"]): w for f in old.get("functions", []) for w in f["workloads"]}
    found = []
    for function in new.get("functions", []):
        for workload in function["workloads"]:
            earlier = before.get((function["name"], workload["name"]))
            if earlier is None:
                continue
            noise = max(margin, _noise(earlier), _noise(workload))
            change = workload["ratio"] / earlier["ratio"] - 1
            if workload["ratio"] < earlier["ratio"] / (1 + noise):
                found.append(
                    {
                        "function": function["name"],
                        "workload": workload["name"],
                        "before": earlier["ratio"],
                        "after": workload["ratio"],
                        "change": change,
                        "noise": noise,
                    }
                )
    return sorted(found, key=lambda entry: float(entry["change"]))


def _noise(workload: Mapping[str, Any]) -> float:
    shares = [workload[side]["median"] / workload[side]["minimum"] - 1 for side in ("reference", "replacement")]
    return math.hypot(*shares)
