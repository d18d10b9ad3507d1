"""The command line of `python -m tools.migrate`, and undoing what it wrote."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tests.tools.conftest import PYPROJECT, Write
from tools.migrate.__main__ import main


@pytest.fixture
def run(tmp_path: Path, tree: Write):
    root = tree({"pkg/user.py": "from pkg import home\nfor x in range(3):\n    home.f(x)\n"})
    config = tmp_path / "pyproject.toml"
    config.write_text(PYPROJECT)

    def call(*args: str) -> Result:
        fixed = ["--config", str(config), "--jobs", "1", "--results", str(tmp_path / "none.json")]
        return CliRunner().invoke(main, [str(root), *fixed, *args])

    call.root = root
    return call


def snapshot(root: Path) -> dict[str, bytes]:
    return {str(p.relative_to(root)): p.read_bytes() for p in sorted(root.rglob("*")) if p.is_file()}


def test_looking_changes_nothing(run) -> None:
    before = snapshot(run.root)
    result = run()
    assert result.exit_code == 0
    assert "in a loop  f" in result.output
    assert "Nothing is written yet" in result.output
    assert snapshot(run.root) == before


def test_diff_is_a_patch(run) -> None:
    result = run("--diff")
    assert "+from fast import utils\n" in result.stdout
    assert "-    home.f(x)\n+    utils.f(x)\n" in result.stdout


def test_write_then_undo_restores_every_byte_and_leaves_no_trace(run) -> None:
    before = snapshot(run.root)
    (run.root / "pkg" / "user.py").chmod(0o755)
    assert run("--write").exit_code == 0
    assert (run.root / "pkg" / "user.py").stat().st_mode & 0o777 == 0o755
    assert snapshot(run.root) != before
    assert run("--write").exit_code == 0  # nothing more to do
    assert run("--undo").exit_code == 0
    assert snapshot(run.root) == before
    assert run("--undo").exit_code == 1


def test_undo_refuses_files_edited_since(run) -> None:
    run("--write")
    user = run.root / "pkg" / "user.py"
    user.write_text(user.read_text() + "# mine\n")
    after = snapshot(run.root)
    result = run("--undo")
    assert result.exit_code == 1
    assert "changed since the migration" in result.output
    assert snapshot(run.root) == after


def test_a_damaged_record_is_an_error(run) -> None:
    run("--write")
    (run.root / ".migrate-undo" / "0001.json").write_text("{")
    result = run("--undo")
    assert result.exit_code == 1
    assert "is damaged" in result.output


def test_check_says_by_its_exit_code_whether_something_could_move(run) -> None:
    assert run("--check").exit_code == 1
    run("--write")
    assert run("--check").exit_code == 0


def test_json_is_one_object(run) -> None:
    document = json.loads(run("--format", "json", "--diff").stdout)
    assert document["files"]["scanned"] == 3
    assert document["uses"][0]["in_loop"] is True
    assert next(iter(document["diffs"].values())).startswith("---")


def test_gains_come_from_a_result_file(run, tmp_path: Path) -> None:
    side = {"reference": {"minimum": 5e-6}, "replacement": {"minimum": 1e-6}}
    document = {"functions": [{"name": "f", "ratio": 5.0, "workloads": [side]}]}
    (tmp_path / "none.json").write_text(json.dumps(document))
    assert "f  5.0 times as fast, 4 us less a call" in run().output
    (tmp_path / "none.json").write_text("[")
    assert run().exit_code == 2


def test_only_and_exclude_narrow_the_search(run) -> None:
    assert "0 uses move" in run("--only", "g").output
    assert "0 uses move" in run("--exclude", "pkg/user.py").output
    assert run("--only", "nothing").exit_code == 2


def test_undo_goes_alone(run) -> None:
    assert run("--undo", "--write").exit_code == 2


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "no [tool.drop-in] table"),
        ("x = ", "not valid TOML"),
        ('[tool.drop-in]\nreplacement = "a"\n', "names no function"),
        (
            "[tool.drop-in]\nreplacement = 1\n[tool.drop-in.functions]\nf = {}\n",
            "replacement must be a string",
        ),
        ('[tool.drop-in]\nreplacemnt = "a"\n', "has no key 'replacemnt'"),
        ('[tool.drop-in]\nreplacement = "a"\nfunctions = 1\n', "must be a table"),
        ('[tool.drop-in]\nreplacement = "a"\n[tool.drop-in.functions]\nf = {home = 1}\n', "list of strings"),
        ('[tool.drop-in]\nreplacement = "a"\n[tool.drop-in.functions]\nf = 1\n', "must be a table"),
        ('[tool.drop-in]\nreplacement = "a"\n[tool.drop-in.functions]\n"f-g" = {}\n', "not a Python name"),
    ],
)
def test_a_table_with_a_mistake_is_an_error_that_names_it(run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "pyproject.toml").write_text(text)
    result = run()
    assert result.exit_code == 2
    assert message in result.output
