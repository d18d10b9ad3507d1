"""The workloads fit the table of functions, and the twins can run them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tomllib

from benchmarks import workloads
from sky.utils import rust_twins
from tools import dropin

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def works(tmp_path_factory: pytest.TempPathFactory):
    with workloads.prepared(tmp_path_factory.mktemp("data")) as made:
        yield made


def test_every_function_has_a_counted_workload(works) -> None:
    settings = dropin.load(ROOT / "pyproject.toml")
    assert {work.function for work in works if work.counted} == set(settings.functions)


def test_names_are_unique_and_arguments_survive_json(works) -> None:
    keys = [(work.function, work.name) for work in works]
    assert len(keys) == len(set(keys))
    for work in works:
        assert json.loads(json.dumps(work.args)) == list(work.args)


def test_targets_name_functions_and_workloads_that_exist(works) -> None:
    targets = tomllib.loads((ROOT / "benchmarks" / "targets.toml").read_text())
    names = {(work.function, work.name) for work in works}
    for function, entry in targets["functions"].items():
        for key in ("floors", "reaches"):
            for workload in entry.get(key, {}):
                assert (function, workload) in names


def test_the_twins_answer_every_quick_workload(works, monkeypatch: pytest.MonkeyPatch) -> None:
    for work in works:
        if work.disguise or work.size > 100_000:
            continue
        with monkeypatch.context() as patch:
            for key, value in work.env.items():
                patch.setenv(key, value)
            getattr(rust_twins, work.function)(*work.args, **work.kwargs)


def test_ports_are_busy_while_prepared_and_free_afterwards(tmp_path: Path) -> None:
    with workloads.prepared(tmp_path) as made:
        (busy,) = (work.args[0] for work in made if work.name == "behind 100 busy ports")
        assert rust_twins.find_free_port(busy) >= busy + 100
    assert rust_twins.find_free_port(busy) == busy
