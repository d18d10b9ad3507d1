"""Say what a migration found: text for people, JSON for programs, diffs for review."""

from __future__ import annotations

import difflib
import os
from collections.abc import Iterable, Mapping
from typing import Any

from tools.dropin import DropIn
from tools.migrate.engine import Change, Result
from tools.migrate.gains import Gain, seconds
from tools.migrate.resolve import FOLLOWS, MOVES, STAYS, WARNING, Finding

_GAINING = ("attribute", "dynamic", "name", "star")


def as_json(result: Result, gains: Mapping[str, Gain]) -> dict[str, Any]:
    """Return one object with everything the text says."""
    return {
        "files": {
            "scanned": result.scanned,
            "rewritten": len(result.changes),
            "unusable": [{"file": file, "reason": reason} for file, reason in result.problems],
        },
        "counts": counts(result),
        "uses": [_use(finding, gains) for finding in ranked(result.findings, gains)],
        "left_alone": [_use(f, gains) for f in result.findings if f.fate == STAYS],
        "warnings": [_use(f, gains) for f in result.findings if f.fate == WARNING],
        "changes": [change.file for change in result.changes],
    }


def counts(result: Result) -> dict[str, int]:
    """Return how many uses move, follow an import that moves, stay, and are warned about."""
    return {fate: sum(finding.fate == fate for finding in result.findings) for fate in (MOVES, FOLLOWS, STAYS, WARNING)}


def _use(finding: Finding, gains: Mapping[str, Gain]) -> dict[str, Any]:
    use = finding.use
    entry: dict[str, Any] = {
        "file": finding.file,
        "line": use.line,
        "column": use.column,
        "function": finding.function,
        "kind": use.kind,
        "in_loop": use.in_loop,
        "fate": finding.fate,
        "reason": finding.reason,
    }
    gain = gains.get(finding.function)
    if gain is not None and use.kind in _GAINING:
        entry["gain"] = {"ratio": gain.ratio, "saved_seconds_per_call": gain.saved}
    return entry


def ranked(findings: Iterable[Finding], gains: Mapping[str, Gain]) -> list[Finding]:
    """Return the uses that would gain: calls in loops first, then by what a call saves."""
    moving = [f for f in findings if f.fate in (MOVES, FOLLOWS) and f.use.kind in _GAINING]
    nothing = Gain(1.0, 0.0)
    return sorted(
        moving,
        key=lambda f: (not f.use.in_loop, -gains.get(f.function, nothing).saved, f.file, f.use.line),
    )


def as_text(result: Result, settings: DropIn, gains: Mapping[str, Gain], written: bool) -> str:
    """Return the report for a terminal, readable without colour."""
    number = counts(result)
    lines = [
        f"{result.scanned:,} files scanned: {number[MOVES]} uses move to {settings.replacement} in "
        f"{len(result.changes)} files, {number[FOLLOWS]} follow without a change of their own, "
        f"{number[STAYS]} stay, {number[WARNING]} warnings, {len(result.problems)} files not usable",
    ]
    gaining = ranked(result.findings, gains)
    if gaining:
        lines += ["", "What is gained, calls in loops first:"]
        if not gains:
            lines.append("  (not measured on this machine: `nox -s bench` does, and this list then shows it)")
        lines += [f"  {_gain_line(finding, gains)}" for finding in gaining]
    others = [f for f in result.findings if f.fate == MOVES and f.use.kind not in _GAINING]
    lines += _section("Also rewritten:", others)
    lines += _section("Needs no change:", [f for f in result.findings if f.fate == FOLLOWS and f.reason])
    lines += _section("Left alone:", [f for f in result.findings if f.fate == STAYS])
    lines += _section("Warnings:", [f for f in result.findings if f.fate == WARNING])
    if result.problems:
        lines += ["", "Not usable, skipped:"]
        lines += [f"  {_short(file)}: {reason}" for file, reason in result.problems]
    if result.changes and not written:
        lines += [
            "",
            "Nothing is written yet: --diff shows the changes, --write makes them, --undo takes them back.",
        ]
    return "\n".join(lines)


def _section(title: str, findings: list[Finding]) -> list[str]:
    if not findings:
        return []
    return ["", title, *(f"  {_where(f)}: {f.function or f.use.path}: {_why(f)}" for f in findings)]


def _why(finding: Finding) -> str:
    return finding.reason or {"import": "import", "patch": "a test's patch"}.get(finding.use.kind, finding.use.kind)


def _gain_line(finding: Finding, gains: Mapping[str, Gain]) -> str:
    gain = gains.get(finding.function)
    measured = f"  {gain.ratio:.1f} times as fast, {seconds(gain.saved)} less a call" if gain else ""
    loop = "in a loop  " if finding.use.in_loop else ""
    return f"{_where(finding)}: {loop}{finding.function}{measured}"


def _where(finding: Finding) -> str:
    return f"{_short(finding.file)}:{finding.use.line}"


def _short(file: str) -> str:
    relative = os.path.relpath(file)
    return file if relative.startswith("..") else relative


def diff(change: Change) -> str:
    """Return one file's change as a unified diff."""
    before = change.before.decode("utf-8", "backslashreplace").splitlines(keepends=True)
    after = change.after.decode("utf-8", "backslashreplace").splitlines(keepends=True)
    name = _short(change.file).lstrip("/")
    lines = difflib.unified_diff(before, after, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else line + "\n\\ No newline at end of file\n" for line in lines)
