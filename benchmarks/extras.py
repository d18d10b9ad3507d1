"""What is measured beside the speed of calls: dispatch, imports, memory, threads and instructions."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import statistics
import subprocess
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

from benchmarks.measure import Bench, Effort, Work
from benchmarks.sides import WORKER, Side, Worker, WorkerError

_TIME_IMPORT = """
import sys, time
sys.path[:0] = {paths!r}
{before}
start = time.perf_counter()
import {module}
print(time.perf_counter() - start)
"""


def dispatch(
    ours: Side, works: Iterable[Work], public: str, native: str, effort: Effort, folder: Path
) -> list[dict[str, Any]]:
    """Compare each public name with the native function itself, in processes of the same environment."""
    entries = []
    seen: set[str] = set()
    with Bench(ours, ours, folder) as bench:
        for work in works:
            if work.function in seen or work.disguise:
                continue
            seen.add(work.function)
            names = (f"{public}:{work.function}", f"{native}:{work.function}")
            pairing = bench.pair(work, names, effort)
            entries.append(
                {
                    "function": work.function,
                    "workload": work.name,
                    "public": min(pairing.first),
                    "native": min(pairing.second),
                    "ratio": pairing.ratio,
                    "same_object": _same_object(ours, *names),
                }
            )
    return entries


def _same_object(side: Side, public: str, native: str) -> bool:
    (one, name), (other, _) = public.split(":"), native.split(":")
    code = f"import {one} as a, {other} as b; print(getattr(a, {name!r}) is getattr(b, {name!r}))"
    done = subprocess.run([side.python, "-I", "-c", code], capture_output=True, text=True, check=True)
    return done.stdout.strip() == "True"


def imports(ours: Side, reference: Side, public: str, native: str, original: str, rounds: int) -> dict[str, Any]:
    """Time imports in fresh processes, in turns: the native module, the public one, and the original's."""
    wanted = [
        ("native", ours, native, ""),
        ("public", ours, public, ""),
        ("public_after_native", ours, public, f"import {native}"),
        ("original", reference, original, ""),
    ]
    times: dict[str, list[float]] = {name: [] for name, *_ in wanted}
    for _ in range(rounds):
        for name, side, module, before in wanted:
            code = _TIME_IMPORT.format(paths=list(side.paths), before=before, module=module)
            done = subprocess.run(
                [side.python, "-I", "-c", code], capture_output=True, text=True, check=False, env=_clean(side)
            )
            if done.returncode != 0:
                raise WorkerError(f"{side.label}: import {module}: {done.stderr.strip().splitlines()[-1]}")
            times[name].append(float(done.stdout.strip().splitlines()[-1]))
    best = {name: min(values) for name, values in times.items()}
    return {
        "seconds": best,
        "medians": {name: statistics.median(values) for name, values in times.items()},
        "extra_over_native": best["public"] - best["native"],
        "share_of_original": best["public"] / best["original"],
    }


def _clean(side: Side) -> dict[str, str]:
    return {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")} | side.environ


def memory(
    sides: Sequence[Side], works: Iterable[Work], functions: Sequence[dict[str, str]], rounds: int
) -> list[dict[str, Any]]:
    """Compare by how much one call raises the peak of a fresh process; the median of a few tries counts.

    Every try is a fork of a process that did nothing but import. The kernel counts memory to a few dozen
    pages only, hence the median, and hence small calls may show nothing.
    """
    entries = []
    with contextlib.ExitStack() as stack:
        workers = [stack.enter_context(Worker(side)) for side in sides]
        for work in works:
            reference, ours = (
                _peak(worker, names[work.function], work, rounds)
                for worker, names in zip(workers, functions, strict=True)
            )
            entries.append(
                {"function": work.function, "workload": work.name, "reference": reference, "replacement": ours}
            )
    return entries


def _peak(worker: Worker, function: str, work: Work, rounds: int) -> int:
    worker.ask("prepare", name="m", function=function, args=list(work.args), kwargs=work.kwargs, env=work.env)
    return statistics.median_low([int(worker.ask("memory", name="m")["bytes"]) for _ in range(rounds)])


def threads(side: Side, works: Iterable[Work], module: str, seconds: float, rounds: int) -> list[dict[str, Any]]:
    """Compare the calls a second of two threads with those of one."""
    entries = []
    with Worker(side) as worker:
        for work in works:
            worker.ask(
                "prepare",
                name="t",
                function=f"{module}:{work.function}",
                args=list(work.args),
                kwargs=work.kwargs,
                env={},
            )
            best = {
                count: max(
                    worker.ask("threads", name="t", count=count, seconds=seconds)["per_second"] for _ in range(rounds)
                )
                for count in (1, 2)
            }
            entries.append(
                {
                    "function": work.function,
                    "workload": work.name,
                    "one": best[1],
                    "two": best[2],
                    "ratio": best[2] / best[1],
                }
            )
    return entries


def instructions(side: Side, works: Iterable[Work], module: str, calls: int = 2000) -> list[dict[str, Any]]:
    """Count the instructions of one call under valgrind: the difference of two runs, by their lengths.

    Raises WorkerError where valgrind is missing.
    """
    valgrind = shutil.which("valgrind")
    if valgrind is None:
        raise WorkerError("valgrind is not installed")
    wrapper = [valgrind, "--tool=callgrind", "--callgrind-out-file=/dev/null", "--collect-atstart=yes"]
    entries = []
    seen: set[str] = set()
    for work in works:
        if work.function in seen or work.disguise:
            continue
        seen.add(work.function)
        short, long = (_collected(side, work, module, count, wrapper) for count in (calls // 10, calls))
        entries.append(
            {
                "function": work.function,
                "workload": work.name,
                "instructions_per_call": round((long - short) / (calls - calls // 10)),
            }
        )
    return entries


def _collected(side: Side, work: Work, module: str, calls: int, wrapper: Sequence[str]) -> int:
    requests = [
        {"op": "hello", "imports": [module], "paths": list(side.paths), "open_files": 1024},
        {
            "op": "prepare",
            "name": "i",
            "function": f"{module}:{work.function}",
            "args": list(work.args),
            "kwargs": work.kwargs,
            "env": work.env,
        },
        {"op": "time", "name": "i", "loops": calls},
    ]
    text = "".join(json.dumps(request) + "\n" for request in requests)
    done = subprocess.run(
        [*wrapper, side.python, "-I", str(WORKER)],
        input=text,
        capture_output=True,
        text=True,
        check=False,
        env=_clean(side) | {"PYTHONHASHSEED": "0"},
    )
    found = re.search(r"Collected\s*:\s*(\d+)", done.stderr)
    if done.returncode != 0 or found is None:
        raise WorkerError(f"valgrind failed: {done.stderr.strip().splitlines()[-1:]}")
    return int(found[1])
