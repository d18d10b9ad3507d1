"""The programs around a release: what they say when something is wrong, missing or could not be looked at."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from release import dist
from tools import audit, build_wheels, ci, verify_dist, wheels_local, wheels_table

ROOT = Path(__file__).parents[2]


def test_table_of_the_docs_is_up_to_date() -> None:
    page = (ROOT / wheels_table.PAGE).read_text(encoding="utf-8")
    assert wheels_table.updated(page, dist.load(ROOT)) == page


@pytest.mark.parametrize(
    ("needs", "code"),
    [
        ({"a": {"result": "success"}, "b": {"result": "success"}}, 0),
        ({"a": {"result": "success"}, "b": {"result": "skipped"}}, 1),
        ({"a": {"result": "cancelled"}}, 1),
        ({}, 1),
        ("nonsense", 1),
    ],
)
def test_gate_is_green_only_when_every_job_succeeded(needs: object, code: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NEEDS", json.dumps(needs))
    assert CliRunner().invoke(ci.main, ["gate"]).exit_code == code


def test_matrix_goes_where_github_reads_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("GITHUB_OUTPUT", str(tmp_path / "output"))
    assert CliRunner().invoke(ci.main, ["matrix"]).exit_code == 0
    written = dict(line.split("=", 1) for line in (tmp_path / "output").read_text().splitlines())
    assert len(json.loads(written["matrix"])["include"]) == len(dist.load(ROOT).jobs)
    assert "windows-11-arm" in json.loads(written["runners"])


def test_github_release_refuses_what_is_no_tag(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TAG", "--draft")
    result = CliRunner().invoke(ci.main, ["github-release"])
    assert result.exit_code == 1
    assert "not the tag of a release" in result.output


def say(text: str, code: int) -> list[str]:
    return [sys.executable, "-c", f"print({text!r}); raise SystemExit({code})"]


def test_audit_tells_findings_from_not_having_looked() -> None:
    assert audit.ask("some", say("fine", 0)) is None
    assert audit.ask("some", say("error: 1 vulnerability found!", 1)) == "some found something"
    for words, code in (
        ("error: couldn't fetch advisory database: git operation failed", 1),
        ("[ERROR] failed to fetch advisory database", 1),
        ("Loaded 0 security advisories (from /somewhere)", 0),
        ("ERROR: some: Dependency not found on PyPI and could not be audited: some (1.0)", 1),
    ):
        with pytest.raises(audit.NotRun, match="NOT RUN") as error:
            audit.ask("some", say(words, code))
        assert error.value.exit_code == 3


def test_licences_are_checked_without_an_advisory_database(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def commands(name: str, root: Path) -> Path:
        path = tmp_path / name
        path.write_text(
            '#!/bin/sh\ncase "$*" in *advisories*|*audit*) echo failed to fetch; exit 1;; *) echo bans ok;; esac\n'
        )
        path.chmod(0o755)
        return path

    monkeypatch.setattr(audit, "program", commands)
    done = CliRunner().invoke(audit.main, ["--no-python"])
    assert done.exit_code == audit.NOT_RUN, done.output
    assert f"cargo-deny {audit.TOOLS['cargo-deny']}, licences, bans, sources: clean" in done.output
    assert "cargo-deny 0.20.2, advisories was NOT RUN" in done.output
    assert "cargo-audit 0.22.2 was NOT RUN" in done.output
    local = audit.rust_audits(tmp_path)
    assert [name.split()[0] for name, _ in local] == ["cargo-deny", "cargo-audit"]
    assert "--offline" in local[0][1]
    assert "advisories" not in local[0][1]


def test_audit_without_cargo_was_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(audit.NotRun, match="not on PATH"):
        audit.program("cargo-audit", tmp_path)


def test_wheels_local_without_podman_says_not_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    result = CliRunner().invoke(wheels_local.main)
    assert result.exit_code == 1
    assert "NOT RUN: podman, runc, debootstrap missing" in result.output


def test_closing_lines_belong_to_their_interpreter() -> None:
    output = [
        "Building cp310-manylinux_x86_64 wheel\n",
        "====== 12 passed, 1 warning in 3.45s ======\n",
        "Building cp311-manylinux_x86_64 wheel\n",
        "13 passed in 0.5s\n",
    ]
    assert wheels_local.closing_lines(iter(output)) == {
        "cp310-manylinux_x86_64": "12 passed, 1 warning in 3.45s",
        "cp311-manylinux_x86_64": "13 passed in 0.5s",
    }


def test_wheels_of_an_unknown_job_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    result = CliRunner().invoke(build_wheels.main, ["--job", "beos-cp39"])
    assert result.exit_code == 2
    assert "beos-cp39" in result.output


def test_sdist_must_be_there_once(tmp_path: Path) -> None:
    with pytest.raises(Exception, match="has 0 sdists, wanted one: nox -s sdist"):
        build_wheels.find_sdist(tmp_path)


def test_crates_of_the_wheel_leave_out_what_only_benches_use() -> None:
    module, crates = verify_dist.locked_crates(ROOT)
    names = {name for name, _ in crates}
    assert module == "sky_rs"
    assert {"skypilot-utils", "pyo3", "libc"} <= names
    assert "criterion" not in names


def test_the_features_of_a_wheel_are_in_its_name() -> None:
    found = {
        (archive.name.split("-")[2], *build_wheels.features(archive))
        for job in dist.load(ROOT).jobs
        for archive in job.archives
    }
    assert found == {("cp39", "abi3-py39"), ("cp310", "abi3-py310"), ("cp314",), ("cp315", "abi3t-py315")}


def test_a_wheel_for_tests_that_does_not_build_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "executable", "/bin/false")
    with pytest.raises(click.ClickException, match="abi3-py310 ended with 1"):
        build_wheels.for_tests(list(dist.load(ROOT).jobs), tmp_path / "out")
