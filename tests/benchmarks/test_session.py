"""The whole command, on a drop-in of our own: the standard library's json against itself."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks.__main__ import main

PYPROJECT = """
[tool.drop-in]
reference = "json"
imports = ["json"]
replacement = "json"
native = "json"
workloads = "work.py"
targets = "targets.toml"
[tool.drop-in.functions]
dumps = { home = "json" }
loads = { home = "json" }
"""
WORK = """
import contextlib, dataclasses
@dataclasses.dataclass
class Work:
    function: str
    name: str
    args: tuple
    kwargs: dict = dataclasses.field(default_factory=dict)
    env: dict = dataclasses.field(default_factory=dict)
    disguise: str = ""
    counted: bool = True
    memory: bool = True
@contextlib.contextmanager
def prepared(folder):
    yield [Work("dumps", "a list", ([1, 2],), {"indent": 1}), Work("loads", "a list", ("[1]",))]
"""


@pytest.fixture
def project(tmp_path: Path) -> Path:
    (tmp_path / "pyproject.toml").write_text(PYPROJECT)
    (tmp_path / "work.py").write_text(WORK)
    (tmp_path / "targets.toml").write_text("[functions.dumps]\nreach = 1000.0\nfloor = 1.0\n")
    return tmp_path


def run(project: Path, *arguments: str):
    fixed = ["--quick", "--config", str(project / "pyproject.toml"), "--reference-python", sys.executable]
    return CliRunner().invoke(main, [*fixed, "--output", str(project / "out.json"), *arguments])


def test_measures_writes_and_prints(project: Path) -> None:
    result = run(project)
    assert result.exit_code == 0, result.output
    document = json.loads((project / "out.json").read_text())
    assert [entry["name"] for entry in document["functions"]] == ["dumps", "loads"]
    assert document["functions"][0]["reached"] is False
    assert document["functions"][1]["reached"] is None
    assert document["dispatch"][0]["same_object"] is True
    assert {entry["what"] for entry in document["not_run"]} >= {"two threads against one", "instruction counts"}
    assert "NOT reached" in result.output
    assert "geometric mean of 2" in result.output


def test_json_output_and_one_function(project: Path) -> None:
    document = json.loads(run(project, "--function", "loads", "--format", "json").stdout)
    assert [entry["name"] for entry in document["functions"]] == ["loads"]


def test_an_older_result_flags_what_got_slower(project: Path) -> None:
    run(project)
    older = json.loads((project / "out.json").read_text())
    older["functions"][0]["workloads"][0]["ratio"] = 1e6
    (project / "old.json").write_text(json.dumps(older))
    result = run(project, "--compare", str(project / "old.json"))
    assert result.exit_code == 1
    assert "SLOWER than before:\n  dumps: a list: 1000000.00 before" in result.output


def test_threads_are_measured_where_an_interpreter_is_given(project: Path) -> None:
    result = run(project, "--free-threaded", sys.executable)
    assert result.exit_code == 0, result.output


def test_sides_that_differ_are_an_error_not_a_result(project: Path) -> None:
    text = (project / "pyproject.toml").read_text()
    text = text.replace('dumps = { home = "json" }', 'dumps = { reference = "pprint:pformat" }')
    (project / "pyproject.toml").write_text(text)
    (project / "work.py").write_text(WORK.replace(', {"indent": 1}', "").replace("[1, 2]", "'x'"))
    result = run(project)
    assert result.exit_code == 1
    assert "dumps/a list: the sides differ" in result.output


@pytest.mark.parametrize(
    ("before", "after", "message", "code"),
    [
        ('workloads = "work.py"', 'workloads = "none.py"', "is not a Python file", 1),
        ('imports = ["json"]', 'imports = ["no_such_module"]', "no_such_module", 1),
        ('loads = { home = "json" }\n', "", "a workload of loads", 1),
    ],
)
def test_mistakes_are_named(project: Path, before: str, after: str, message: str, code: int) -> None:
    path = project / "pyproject.toml"
    path.write_text(path.read_text().replace(before, after))
    result = run(project)
    assert result.exit_code == code
    assert message in result.output
    assert "Traceback" not in result.output


def test_an_unknown_function_is_wrong_usage(project: Path) -> None:
    assert run(project, "--function", "nothing").exit_code == 2
