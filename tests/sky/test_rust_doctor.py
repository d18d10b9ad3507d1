"""The doctor: what it says of a sound installation, and that it finds what is broken."""

from __future__ import annotations

import json
import pathlib
from collections.abc import Callable
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest

from sky.utils import rust_doctor, rust_fallback, rust_twins

if TYPE_CHECKING:
    Run = Callable[..., Any]
DOCTOR = ("-m", "sky.utils.rust_fallback")


@pytest.mark.parametrize("flag", ["0", "1", "auto"])
def test_a_sound_installation(run_python: Run, flag: str) -> None:
    done = run_python("-W", "error", *DOCTOR, SKYPILOT_USE_RUST=flag)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines()[-1].startswith("ok: 12 of 12 functions answer as they should")
    assert not done.stderr


def test_the_report_as_json(run_python: Run) -> None:
    done = run_python(*DOCTOR, "--format", "json", SKYPILOT_USE_RUST="0")
    report = json.loads(done.stdout)
    assert report["ok"] is True
    assert report["problems"] == []
    assert report["backend"] == "python"
    assert list(report["self_test"]) == list(rust_fallback.FUNCTIONS)
    assert {result["python"] for result in report["self_test"].values()} == {"ok"}


@pytest.mark.native
def test_both_backends_are_tested_whichever_is_in_use(run_python: Run) -> None:
    for flag in ("0", "1"):
        report = json.loads(run_python(*DOCTOR, "--format", "json", SKYPILOT_USE_RUST=flag).stdout)
        assert {tuple(result) for result in report["self_test"].values()} == {("python", "rust")}


def test_help_has_examples(run_python: Run) -> None:
    done = run_python(*DOCTOR, "--help")
    assert done.returncode == 0
    assert "--format json" in done.stdout
    assert "exit codes" in done.stdout


def test_wrong_usage(run_python: Run) -> None:
    assert run_python(*DOCTOR, "--format", "xml").returncode == 2


def test_every_function_is_checked() -> None:
    assert list(rust_doctor.CHECKS) == list(rust_fallback.FUNCTIONS)


@pytest.mark.parametrize("name", rust_fallback.FUNCTIONS)
def test_a_wrong_answer_is_found(name: str) -> None:
    wrong = SimpleNamespace(**{other: getattr(rust_twins, other) for other in rust_fallback.FUNCTIONS})
    setattr(wrong, name, lambda *arguments, **named: "nonsense")
    results = rust_doctor.self_test({"python": wrong})
    assert {other for other, result in results.items() if result["python"] != "ok"} == {name}


@pytest.mark.parametrize("name", rust_fallback.FUNCTIONS)
def test_an_exception_is_found(name: str) -> None:
    def fail(*arguments: object) -> None:
        raise OSError("disk on fire")

    wrong = SimpleNamespace(**{other: getattr(rust_twins, other) for other in rust_fallback.FUNCTIONS})
    setattr(wrong, name, fail)
    assert rust_doctor.self_test({"python": wrong})[name]["python"] == "OSError: disk on fire"


def test_a_broken_native_module_fails_the_doctor(run_python: Run, tmp_path: pathlib.Path) -> None:
    (tmp_path / "sky_rs.py").write_text("raise ImportError('undefined symbol: PyOne')")
    for arguments in ((), ("--format", "json")):
        done = run_python(*DOCTOR, *arguments, before=str(tmp_path), SKYPILOT_USE_RUST="1")
        assert done.returncode == 1
        assert "undefined symbol: PyOne" in done.stdout
    assert "next step: " in run_python(*DOCTOR, before=str(tmp_path), SKYPILOT_USE_RUST="1").stdout


def test_text_says_why(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    info = {**rust_fallback.get_backend_info(), "percent": 25.0, "bucket": 1234, "rollout_id": "sky-rs-1.0"}
    monkeypatch.setattr(rust_fallback, "get_backend_info", lambda: {**info, "error": None})
    assert rust_doctor.main([]) == 0
    assert "rollout sky-rs-1.0 at 25 %, bucket 1234" in capsys.readouterr().out
    monkeypatch.setattr(rust_fallback, "get_backend_info", lambda: {**info, "rust_available": False, "error": "torn"})
    assert rust_doctor.main(["--format", "json"]) == 1
    assert rust_doctor.main([]) == 1
    out = capsys.readouterr().out
    assert "native module  broken" in out
    assert "problem: the native module is broken: torn" in out


def test_internal_errors_are_a_problem(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    counts = {"native_calls": 1, "fallbacks": 0, "internal_errors": 1}
    monkeypatch.setattr(rust_fallback, "stats", lambda: {"hash_file": counts})
    assert rust_doctor.main([]) == 1
    assert "hash_file: 1 internal errors" in capsys.readouterr().out
