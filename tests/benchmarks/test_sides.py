"""Workers: what they measure, and how they fail."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path

import pytest

from benchmarks import extras, facts
from benchmarks.environment import reference_python
from benchmarks.sides import Side, Worker, WorkerError, disguise
from tools.dropin import DropIn

HERE = Side("here", sys.executable, ("json",))


def test_a_worker_times_what_it_is_told() -> None:
    with Worker(HERE) as worker:
        worker.ask("prepare", name="x", function="os:getenv", args=["A_NAME"], kwargs={}, env={"A_NAME": "v"})
        assert worker.ask("answer", name="x")["result"] == "'v'"
        loops = worker.ask("calibrate", name="x", seconds=0.001)["loops"]
        assert loops > 1
        assert worker.ask("time", name="x", loops=loops)["seconds"] > 0


def test_memory_is_the_rise_of_the_peak() -> None:
    with Worker(HERE) as worker:
        worker.ask("prepare", name="x", function="builtins:bytearray", args=[50_000_000], kwargs={}, env={})
        assert worker.ask("memory", name="x")["bytes"] > 40_000_000
        worker.ask("prepare", name="x", function="builtins:int", args=["no"], kwargs={}, env={})
        with pytest.raises(WorkerError, match="the call failed"):
            worker.ask("memory", name="x")


def test_errors_come_back_as_errors() -> None:
    with Worker(HERE) as worker, pytest.raises(WorkerError, match="ValueError"):
        worker.ask("prepare", name="x", function="builtins:int", args=["no"], kwargs={}, env={})
        worker.ask("answer", name="x")
    with pytest.raises(WorkerError, match="no_such_module"):
        Worker(Side("there", sys.executable, ("no_such_module",)))


def test_a_worker_that_dies_says_its_last_words() -> None:
    with Worker(HERE) as worker, pytest.raises(WorkerError, match="the worker ended"):
        worker.ask("prepare", name="x", function="os:_exit", args=[3], kwargs={}, env={})
        worker.ask("answer", name="x")


def test_a_disguise_shows_other_control_groups_or_says_why_not(tmp_path: Path) -> None:
    try:
        prefix = disguise("cgroup-v2", tmp_path)
    except WorkerError as error:
        assert "cgroup-v2" in str(error)
        return
    with Worker(HERE, prefix) as worker:
        worker.ask(
            "prepare",
            name="x",
            function="os.path:isfile",
            args=["/sys/fs/cgroup/cgroup.controllers"],
            kwargs={},
            env={},
        )
        assert worker.ask("answer", name="x")["result"] == "True"
    assert disguise("", tmp_path) == []


def test_instructions_need_valgrind(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shutil, "which", lambda _name: None)
    with pytest.raises(WorkerError, match="valgrind"):
        extras.instructions(HERE, [], "json")


def test_facts_name_the_machine_and_versions() -> None:
    assert facts.machine()["cores"] >= 1
    assert "pytest" in facts.distribution_versions(sys.executable, ["pytest", "no-such-thing"])


def test_an_environment_that_cannot_be_made_is_an_error(tmp_path: Path) -> None:
    settings = DropIn(tmp_path, "no-such-distribution==1", "x", "y", python="9.9")
    with pytest.raises(RuntimeError, match=r"no python9\.9"):
        reference_python(settings, tmp_path)
