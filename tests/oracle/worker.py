"""Run cases in this process and write what came out: one side of the comparison.

    python worker.py --modules sky.utils.common_utils,sky.utils.subprocess_utils CASES OUTCOMES ROOT

Runs in any environment: standard library only. CASES and OUTCOMES are files of one JSON object a line.
"""

from __future__ import annotations

import argparse
import importlib
import json
import logging
import os
import pathlib
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator
from typing import Any

import contexts
import namespaces
import values

UNCHANGED = 1000  # what SkyPilot takes for "no limit was set"


class Recorder(logging.Handler):
    """Keep the records that the functions under test write."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.records: list[list[str]] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.records.append([record.name, record.levelname, record.getMessage()])


def estimate_fd_for_directory(path: str) -> int:
    """The step of SkyPilot's get_max_workers_for_file_mounts that has no name of its own there."""
    return len(os.listdir(path)) * 5


def find(name: str, modules: list[Any]) -> Callable[..., Any]:
    """Return the function of this name from the first module that has it."""
    for module in modules:
        if hasattr(module, name):
            function: Callable[..., Any] = getattr(module, name)
            return function
    if name == "estimate_fd_for_directory":
        return estimate_fd_for_directory
    raise SystemExit(f"worker: no {name} in {[module.__name__ for module in modules]}")


def call(function: Callable[..., Any], case: dict[str, Any], root: str) -> dict[str, Any]:
    """Call once and describe everything that can be seen of it."""
    opened: list[int] = []
    arguments = values.decode(case["args"], root, opened)
    named = values.decode(case["kwargs"], root, opened)
    context = values.decode(case["context"], root, opened)
    recorder = Recorder()
    logger = logging.getLogger("sky")
    logger.addHandler(recorder)
    outcome: dict[str, Any] = {}
    try:
        with contexts.surroundings(context):
            try:
                result, error = function(*arguments, **named), None
            except Exception as raised:
                result, error = None, raised
        outcome["limit"] = getattr(sys, "tracebacklimit", UNCHANGED)
        if error is None:
            outcome["result"] = values.describe(result)
            outcome["same"] = bool(arguments) and result is arguments[0]
        else:
            outcome["error"] = values.describe_error(error)
    finally:
        logger.removeHandler(recorder)
        if hasattr(sys, "tracebacklimit"):
            del sys.tracebacklimit
    outcome["records"] = recorder.records
    outcome["left_open"] = [_is_open(descriptor) for descriptor in opened]
    for descriptor in filter(_is_open, opened):
        os.close(descriptor)
    return outcome


def _is_open(descriptor: int) -> bool:
    try:
        os.fstat(descriptor)
    except OSError:
        return False
    return True


def call_in_child(function: Callable[..., Any], case: dict[str, Any], root: str) -> dict[str, Any]:
    """The same in a child process, which may become another user."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            if "hidepid" in case["context"]:
                namespaces.hide_other_processes()
            if {"nobody", "hidepid"} & case["context"].keys():
                os.setgroups([])
                os.setgid(contexts.NOBODY)
                os.setuid(contexts.NOBODY)
            os.write(writer, json.dumps(call(function, case, root)).encode())
        finally:
            os._exit(0)
    os.close(writer)
    with os.fdopen(reader, "rb") as answer:
        text = answer.read()
    os.waitpid(child, 0)
    return json.loads(text) if text else {"crash": "the child process died"}


def run(cases: Iterator[dict[str, Any]], modules: list[Any], root: str, granted: list[str]) -> Iterator[dict[str, Any]]:
    """Yield the outcome of each case, or that it was not run and why."""
    for case in cases:
        missing = sorted(contexts.needs(case) - set(granted))
        if missing:
            outcome: dict[str, Any] = {"not_run": missing}
        else:
            in_child = {"nobody", "hidepid", "fork"} & case["context"].keys()
            outcome = (call_in_child if in_child else call)(find(case["f"], modules), case, root)
        yield {"id": case["id"], **outcome}


def main() -> None:
    """Read the cases, run them, write the outcomes."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--modules", required=True, help="comma-separated; the first that has a name wins")
    parser.add_argument("--path", action="append", default=[], help="folder to import from, before all others")
    parser.add_argument("--backend", help="the backend that sky.utils.rust_fallback must be using")
    parser.add_argument("cases", type=pathlib.Path)
    parser.add_argument("outcomes", type=pathlib.Path)
    parser.add_argument("root", help="folder of the fixture tree")
    options = parser.parse_args()
    sys.path[:0] = options.path
    warnings.simplefilter("ignore")
    logging.getLogger("sky").setLevel(logging.DEBUG)
    with tempfile.TemporaryDirectory(prefix="sky-rs-oracle-") as scratch:
        granted = namespaces.enter(pathlib.Path(scratch))  # first: user namespaces want a single thread
        modules = [importlib.import_module(name) for name in options.modules.split(",")]
        if options.backend is not None and modules[0].get_backend_info()["backend"] != options.backend:
            raise SystemExit(f"worker: {options.backend} was asked for, got {modules[0].get_backend_info()}")
        with options.cases.open() as source, options.outcomes.open("w") as target:
            target.write(json.dumps({"granted": granted, "python": sys.version.split()[0]}) + "\n")
            before = len(os.listdir("/proc/self/fd")) if granted else 0
            for outcome in run(map(json.loads, source), modules, options.root, granted):
                target.write(json.dumps(outcome) + "\n")
                target.flush()
            after = len(os.listdir("/proc/self/fd")) if granted else 0
            stats = modules[0].stats() if hasattr(modules[0], "stats") else {}
            target.write(json.dumps({"descriptors_leaked": after - before, "stats": stats}) + "\n")


if __name__ == "__main__":
    main()
