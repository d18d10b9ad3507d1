"""Run the same cases on several sides, each in its own process, and compare what came out."""

from __future__ import annotations

import dataclasses
import json
import os
import pathlib
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import cases_string

WORKER = pathlib.Path(__file__).with_name("worker.py")
UNCHANGED = 1000
STATS = "stats"  # among the outcomes of a side: what its `stats()` counted, outside the children it started
TIMEOUT = 600  # seconds for one side; a run takes a tenth of that


@dataclasses.dataclass(frozen=True)
class Side:
    """One implementation: an interpreter, the modules to look in, and which backend must answer."""

    label: str
    python: str
    modules: str
    paths: tuple[str, ...] = ()
    backend: str | None = None


@dataclasses.dataclass
class Tally:
    """What came of the cases of one function on one side."""

    compared: int = 0
    not_run: int = 0
    mismatches: list[tuple[dict[str, Any], Any, Any]] = dataclasses.field(default_factory=list)


class Failed(Exception):
    """A side could not run to the end."""


def promises() -> list[dict[str, Any]]:
    """Return the cases where we depart from SkyPilot on purpose, with a part of the outcome promised.

    It never comes back from a negative number, and cannot look at a process without a free descriptor.
    """
    listed: list[dict[str, Any]] = [
        {"f": "base36_encode", "args": [text], "context": {}, "promised": ("error", "builtins.ValueError")}
        for text in cases_string.NEGATIVE_HEX
    ]
    for pid, answer in (({"$": "pid", "v": None}, "True"), (1, "True"), (2**31, "False")):
        promised = ("result", ["builtins.bool", answer])
        listed.append({"f": "is_process_alive", "args": [pid], "context": {"emfile": True}, "promised": promised})
    return [{"id": f"promise#{number}", "kwargs": {}, **case} for number, case in enumerate(listed)]


def run_side(side: Side, cases: list[dict[str, Any]], root: pathlib.Path) -> dict[str, dict[str, Any]]:
    """Return the outcome of each case by its id."""
    with tempfile.TemporaryDirectory(prefix="sky-rs-side-") as folder:
        source, target = pathlib.Path(folder) / "cases", pathlib.Path(folder) / "outcomes"
        source.write_text("".join(json.dumps(case) + "\n" for case in cases))
        command = [side.python, str(WORKER), "--modules", side.modules]
        for path in side.paths:
            command += ["--path", path]
        environment = {
            "HOME": folder,
            "PATH": os.environ.get("PATH", ""),
            "LANG": "C.UTF-8",
            "PYTHONHASHSEED": "0",
        }
        environment |= {"SKYPILOT_DISABLE_USAGE_COLLECTION": "1"}
        if side.backend is not None:
            command += ["--backend", side.backend]
            environment["SKYPILOT_USE_RUST"] = "1" if side.backend == "rust" else "0"
        command += [str(source), str(target), str(root)]
        try:
            process = subprocess.run(
                command, env=environment, capture_output=True, text=True, timeout=TIMEOUT, check=False
            )
            status = f"exit {process.returncode}: {process.stderr.strip()[-2000:]}"
        except subprocess.TimeoutExpired:
            status = f"no end after {TIMEOUT} s"
        lines = target.read_text().splitlines() if target.exists() else []
    if not lines or "descriptors_leaked" not in lines[-1]:
        last = json.loads(lines[-1]).get("id", "none") if lines else "none"
        following = next(
            (case for number, case in enumerate(cases) if number and cases[number - 1]["id"] == last), None
        )
        raise Failed(f"{side.label} stopped after case {last}, before {json.dumps(following)}: {status}")
    if process.stderr.strip():
        print(f"{side.label}: {process.stderr.strip()[-2000:]}", file=sys.stderr)
    leaked = json.loads(lines[-1])["descriptors_leaked"]
    if side.backend is not None and leaked > 0:
        raise Failed(f"{side.label} leaked {leaked} file descriptors")
    outcomes = {outcome["id"]: outcome for outcome in map(json.loads, lines[1:-1])}
    return {**outcomes, STATS: json.loads(lines[-1])["stats"]}


def run_sides(runs: Sequence[tuple[Side, list[dict[str, Any]]]], root: pathlib.Path) -> list[dict[str, dict[str, Any]]]:
    """Run several sides at once: each has its own process, mounts and network, and only reads the fixtures."""
    with ThreadPoolExecutor() as pool:
        return list(pool.map(lambda run: run_side(run[0], run[1], root), runs))


def compare(
    cases: list[dict[str, Any]],
    reference: dict[str, dict[str, Any]],
    candidate: dict[str, dict[str, Any]],
    *,
    departs: bool = True,
) -> dict[str, Tally]:
    """Compare case by case; a case that either side could not run is not a pass.

    `departs` says that the candidate is ours, which departs from SkyPilot on purpose.
    """
    tallies: dict[str, Tally] = {}
    for case in cases:
        tally = tallies.setdefault(case["f"], Tally())
        expected, got = dict(reference[case["id"]]), dict(candidate[case["id"]])
        if "not_run" in expected or "not_run" in got:
            tally.not_run += 1
            continue
        tally.compared += 1
        if departs and "limit" in expected:
            expected["limit"] = UNCHANGED  # the other departure: sys.tracebacklimit stays as it was
        if expected != got:
            tally.mismatches.append((case, expected, got))
    return tallies


def check_promises(candidate: dict[str, dict[str, Any]], tallies: dict[str, Tally]) -> None:
    """Add to the tallies the promises that are not kept."""
    for case in promises():
        if case["f"] in tallies:
            part, promised = case["promised"]
            got = candidate[case["id"]].get(part)
            if (got[0] if part == "error" and got else got) != promised:
                tallies[case["f"]].mismatches.append((case, f"promised: {promised}", candidate[case["id"]]))
