"""The results as text: every figure with its workload, every mean with the floor beside it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tools.migrate.gains import seconds


def text(document: Mapping[str, Any]) -> str:
    """Return the whole result for a terminal, readable without colour."""
    parts = [_heading(document), _functions(document["functions"]), _summary(document["summary"])]
    parts += [_workloads(document["functions"])]
    for title, maker in (("dispatch", _dispatch), ("imports", _imports), ("memory", _memory)):
        if document.get(title):
            parts.append(maker(document[title], document))
    for title, maker in (("threads", _threads), ("instructions", _instructions)):
        if document.get(title):
            parts.append(maker(document[title], document))
    if document["not_run"]:
        parts.append("\n".join(["NOT RUN:", *(f"  {e['what']}: {e['reason']}" for e in document["not_run"])]))
    return "\n\n".join(parts)


def slower(lost: Sequence[Mapping[str, Any]]) -> str:
    """Return what an older result did better."""
    if not lost:
        return "\nnothing got slower beyond noise"
    lines = [
        f"  {e['function']}: {e['workload']}: {e['before']:.2f} before, {e['after']:.2f} now "
        f"({e['change']:+.0%}, noise {e['noise']:.0%})"
        for e in lost
    ]
    return "\n".join(["", "SLOWER than before:", *lines])


def grid(rows: Sequence[Sequence[str]]) -> str:
    """Return rows as aligned columns, the first to the left and the others to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) if index == 0 else cell.rjust(width) for index, (cell, width) in enumerate(pairs))
        for pairs in (list(zip(row, widths, strict=True)) for row in rows)
    )


def number(value: float | None, digits: int = 3) -> str:
    """Write a ratio with about `digits` figures, or a dash."""
    if value is None:
        return "-"
    return f"{value:,.0f}" if value >= 10**digits else f"{value:.{digits}g}"


def _heading(document: Mapping[str, Any]) -> str:
    machine, versions = document["machine"], document["versions"]
    named = ", ".join(f"{k} {v}" for side in versions.values() for k, v in side.items())
    load = ", ".join(f"{value:.1f}" for value in machine["load"] or [])
    kind = "quick run, noisier than a full one" if document["quick"] else "full run"
    return (
        f"{document['replacement']} against {document['reference']}, {kind}, {document['created']}\n"
        f"{machine['cpu']}, {machine['cores']} cores, {machine['kernel']}, load {load}\n{named}"
    )


def _functions(entries: Sequence[Mapping[str, Any]]) -> str:
    rows = [["function (times as fast, geometric mean)", "measured", "middle half", "floor", "reach", "claimed", ""]]
    rows += [
        [
            entry["name"],
            number(entry["ratio"]),
            f"{number(entry['low'])} to {number(entry['high'])}",
            number(entry["floor"]),
            number(entry["reach"]),
            number(entry["claim"]),
            {True: "reached", False: "NOT reached", None: ""}[entry["reached"]],
        ]
        for entry in entries
    ]
    return grid(rows)


def _summary(entry: Mapping[str, Any]) -> str:
    lines = []
    for name in ("arithmetic", "geometric"):
        mean = entry[name]
        beside = ", ".join(f"{key} {number(mean[key])}" for key in ("floor", "reach", "claim") if key in mean)
        lines.append(f"{name} mean of {entry['functions']}: {number(mean['ratio'])} ({beside})")
    worst = entry["worst"]
    lines.append(f"worst workload: {worst['function']}, {worst['name']}: {number(worst['ratio'])}")
    return "\n".join(lines)


def _workloads(entries: Sequence[Mapping[str, Any]]) -> str:
    rows = [["workload (* outside the mean)", "original", "ours", "ratio", "middle half", "floor", "reach"]]
    for function in entries:
        for entry in function["workloads"]:
            rows.append(
                [
                    f"{function['name']}: {entry['name']}{'' if entry['counted'] else ' *'}",
                    seconds(entry["reference"]["minimum"]),
                    seconds(entry["replacement"]["minimum"]),
                    number(entry["ratio"]),
                    f"{number(entry['low'])} to {number(entry['high'])}",
                    number(entry["floor"]),
                    number(entry["reach"]),
                ]
            )
    return grid(rows)


def _dispatch(entries: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> str:
    rows = [["public name against the native function", "public", "native", "ratio", "same object"]]
    rows += [
        [
            f"{e['function']}: {e['workload']}",
            seconds(e["public"]),
            seconds(e["native"]),
            f"{e['ratio']:.3f}",
            "yes" if e["same_object"] else "NO",
        ]
        for e in entries
    ]
    return grid(rows)


def _imports(entry: Mapping[str, Any], document: Mapping[str, Any]) -> str:
    best = entry["seconds"]
    return (
        f"import {document['replacement']}: {seconds(best['public'])}, "
        f"{seconds(entry['extra_over_native'])} more than the native module alone, "
        f"{entry['share_of_original']:.1%} of the original's module ({seconds(best['original'])})"
    )


def _memory(entries: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> str:
    rows = [["peak memory of one call", "original", "ours", "less by"]]
    for e in entries:
        less = 1 - e["replacement"] / e["reference"] if e["reference"] else 0.0
        rows.append(
            [
                f"{e['function']}: {e['workload']}",
                f"{e['reference'] / 1024:,.0f} KB",
                f"{e['replacement'] / 1024:,.0f} KB",
                f"{less:.0%}",
            ]
        )
    return grid(rows)


def _threads(entries: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> str:
    rows = [["calls a second, free-threaded", "1 thread", "2 threads", "ratio"]]
    rows += [
        [f"{e['function']}: {e['workload']}", f"{e['one']:,.0f}", f"{e['two']:,.0f}", f"{e['ratio']:.2f}"]
        for e in entries
    ]
    return grid(rows)


def _instructions(entries: Sequence[Mapping[str, Any]], _: Mapping[str, Any]) -> str:
    rows = [["instructions a call, native", "count"]]
    rows += [[f"{e['function']}: {e['workload']}", f"{e['instructions_per_call']:,}"] for e in entries]
    return grid(rows)
