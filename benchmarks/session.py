"""One benchmark session: every workload of both sides, then what is measured beside them."""

from __future__ import annotations

import contextlib
import datetime
import importlib.util
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import extras, facts, results
from benchmarks.environment import reference_python
from benchmarks.measure import FULL, QUICK, Bench, Pairing
from benchmarks.sides import Side, WorkerError
from tools.dropin import DropIn

Progress = Callable[[str, int, int], None]
_THREADED = ("hash_file", "read_last_n_lines", "base36_encode")
_IN_PARALLEL = {"64 KB, sha256", "n = 1,000", "4,096 hex digits"}


@dataclass(frozen=True)
class Plan:
    """What to measure, and where its files go."""

    settings: DropIn
    python: str
    reference: str | None
    quick: bool
    only: tuple[str, ...]
    instructions: bool
    free_threaded: str | None
    folder: Path


def run(plan: Plan, progress: Progress) -> dict[str, Any]:
    """Measure, and return the result document."""
    settings = plan.settings
    progress("the original's environment", 0, 1)
    theirs = plan.reference or str(reference_python(settings, settings.root / "build" / "environments"))
    steps = str(Path(__file__).parent)
    reference = Side(settings.reference or "original", theirs, settings.imports, (steps,))
    ours = our_side(settings, plan.python)
    document = _header(plan, reference, ours)
    effort = QUICK if plan.quick else FULL
    with workloads(settings, plan.folder / "data") as everything:
        works = [work for work in everything if not plan.only or work.function in plan.only]
        strange = [work.function for work in works if work.function not in settings.functions]
        if strange:
            raise RuntimeError(f"a workload of {strange[0]}, which [tool.drop-in.functions] does not name")
        pairings = list(_pairings(plan, reference, ours, works, document["not_run"], progress))
        targets = results.load_targets(settings.targets)
        document["functions"] = results.functions(pairings, targets)
        document["summary"] = results.summary(document["functions"], targets)
        document["targets"] = {key: targets.get(key, {}) for key in ("dispatch", "imports")}
        progress("dispatch", len(works), len(works))
        counted = [work for work in works if work.counted]
        document["dispatch"] = extras.dispatch(
            ours, counted, settings.replacement, settings.native, effort, plan.folder
        )
        rounds = 3 if plan.quick else 15
        progress("imports", len(works), len(works))
        original = settings.imports[0] if settings.imports else settings.replacement
        document["imports"] = extras.imports(
            ours, reference, settings.replacement, settings.native, original, 2 if plan.quick else rounds
        )
        _beside(plan, reference, ours, works, document, progress)
    return document


def our_side(settings: DropIn, python: str) -> Side:
    """Return the side of the replacement, with the flag that asks for the native module."""
    environ = {settings.flag: "1"} if settings.flag else {}
    return Side(settings.replacement, python, (settings.replacement, settings.native), environ=environ)


def _header(plan: Plan, reference: Side, ours: Side) -> dict[str, Any]:
    name = plan.settings.reference.partition("==")[0]
    return {
        "format": results.FORMAT,
        "created": datetime.datetime.now(datetime.timezone.utc).isoformat(timespec="seconds"),
        "quick": plan.quick,
        "reference": plan.settings.reference,
        "replacement": plan.settings.replacement,
        "machine": facts.machine(),
        "versions": {
            "reference": facts.distribution_versions(reference.python, [name, "psutil"]),
            "replacement": facts.distribution_versions(ours.python, ["sky-rs"]),
        },
        "not_run": [],
    }


@contextlib.contextmanager
def workloads(settings: DropIn, folder: Path) -> Iterator[list[Any]]:
    """Load the module of workloads that the settings name, and let it prepare them."""
    path = settings.workloads
    spec = importlib.util.spec_from_file_location("drop_in_workloads", path) if path else None
    if spec is None or spec.loader is None or path is None or not path.is_file():
        raise RuntimeError(f"[tool.drop-in] workloads: {path} is not a Python file")
    module = importlib.util.module_from_spec(spec)
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    with module.prepared(folder) as works:
        yield works


def _pairings(
    plan: Plan, reference: Side, ours: Side, works: list[Any], not_run: list[dict[str, str]], progress: Progress
) -> Iterator[Pairing]:
    effort = QUICK if plan.quick else FULL
    with Bench(reference, ours, plan.folder) as bench:
        progress("starting both sides", 0, len(works))
        bench.workers()
        for number, work in enumerate(works):
            progress(f"{work.function}: {work.name}", number, len(works))
            original = plan.settings.functions[work.function].reference
            names = (original, f"{plan.settings.replacement}:{work.function}")
            if work.disguise:
                try:
                    bench.workers(work.disguise)
                except WorkerError as error:
                    not_run.append({"what": f"{work.function}: {work.name}", "reason": str(error)})
                    continue
            around = getattr(work, "around", None)
            if around is not None and plan.quick:
                not_run.append({"what": f"{work.function}: {work.name}", "reason": "only in a full run"})
                continue
            with around() if around is not None else contextlib.nullcontext():
                yield bench.pair(work, names, effort)


def _beside(
    plan: Plan, reference: Side, ours: Side, works: list[Any], document: dict[str, Any], progress: Progress
) -> None:
    """Measure what a machine may lack the means for; what is not measured says why."""
    settings, not_run = plan.settings, document["not_run"]
    sides = [
        {name: function.reference for name, function in settings.functions.items()},
        {name: f"{settings.replacement}:{name}" for name in settings.functions},
    ]
    progress("memory", len(works), len(works))
    if sys.platform == "linux":
        wanted = [work for work in works if work.memory]
        document["memory"] = extras.memory((reference, ours), wanted, sides, 3 if plan.quick else 9)
    else:
        not_run.append({"what": "peak memory", "reason": "it is read from /proc, which only Linux has"})
    if plan.free_threaded:
        progress("threads", len(works), len(works))
        side = Side("free-threaded", plan.free_threaded, (settings.native,))
        wanted = [work for work in works if work.function in _THREADED and work.name in _IN_PARALLEL]
        document["threads"] = extras.threads(side, wanted, settings.native, 0.5 if plan.quick else 2.0, 3)
    else:
        reason = "no free-threaded interpreter was given (--free-threaded PYTHON)"
        not_run.append({"what": "two threads against one", "reason": reason})
    if plan.instructions:
        progress("instructions", len(works), len(works))
        try:
            document["instructions"] = extras.instructions(ours, works, settings.native)
        except WorkerError as error:
            not_run.append({"what": "instruction counts", "reason": str(error)})
    else:
        not_run.append({"what": "instruction counts", "reason": "not asked for (--instructions)"})
