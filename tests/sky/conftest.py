"""Helpers for the tests of the package: a folder that imports like an installation, and machines to order."""

from __future__ import annotations

import json
import os
import pathlib
import subprocess
import sys
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import pytest

from sky.utils import rust_fallback

ROOT = pathlib.Path(rust_fallback.__file__).resolve().parents[2]  # this tree, or an installation under test
WORKER = pathlib.Path(__file__).resolve().parents[1] / "oracle" / "worker.py"

if TYPE_CHECKING:
    Run = Callable[..., subprocess.CompletedProcess[str]]
    Machine = Callable[..., dict[str, Any]]


@pytest.fixture
def run_python() -> Run:
    """Run a program text, or arguments, in a new interpreter on this tree, with the environment given."""

    def run(
        *arguments: str, path: pathlib.Path = ROOT, before: str = "", **environment: str
    ) -> subprocess.CompletedProcess[str]:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("SKYPILOT_")}
        search = os.pathsep.join(filter(None, [before, str(path)]))
        return subprocess.run(
            [sys.executable, *arguments],
            env={**kept, "PYTHONPATH": search, **environment},
            cwd="/",
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    return run


@pytest.fixture
def machine(tmp_path: pathlib.Path) -> Machine:
    """Call a function of one backend in surroundings made to order: cgroup files, memory, ports, user.

    The worker of tests/oracle does it in a process of its own; where the system does not permit that, the
    test is skipped, and says so.
    """

    def call(backend: str, function: str, context: dict[str, Any], *arguments: Any) -> dict[str, Any]:
        module = {"python": "sky.utils.rust_twins", "rust": "sky_rs"}[backend]
        case = {"id": "case", "f": function, "args": list(arguments), "kwargs": {}, "context": context}
        cases, outcomes = tmp_path / "cases", tmp_path / "outcomes"
        cases.write_text(json.dumps(case) + "\n")
        command = [sys.executable, str(WORKER), "--modules", module, "--path", str(ROOT)]
        done = subprocess.run(
            [*command, str(cases), str(outcomes), str(tmp_path)],
            capture_output=True,
            text=True,
            check=False,
            timeout=120,
        )
        assert done.returncode == 0, done.stderr
        outcome: dict[str, Any] = json.loads(outcomes.read_text().splitlines()[1])
        if "not_run" in outcome:
            pytest.skip(f"NOT RUN: needs {', '.join(outcome['not_run'])}, which this system does not permit")
        return outcome

    return call
