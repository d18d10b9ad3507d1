"""The tour: honest numbers, and no number for wrong answers."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import click
import pytest
from click.testing import CliRunner

from sky.utils import rust_twins
from tools.demo import __main__ as demo
from tools.demo.stages import Stage


def test_the_tour_runs_all_twelve(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sky_rs", rust_twins)  # the tour itself is under test, not the speed
    result = CliRunner().invoke(demo.main, ["--quick"])
    assert result.exit_code == 0, result.output
    lines = result.output.splitlines()
    assert sum(" times" in line and "Geometric" not in line for line in lines) >= 12
    assert "Geometric mean over 12 calls" in result.output


def test_without_native_code_it_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sky_rs", None)
    result = CliRunner().invoke(demo.main, [])
    assert result.exit_code == 1
    assert "pip install sky-rs" in result.output


def test_answers_that_differ_show_no_number() -> None:
    stage = Stage("f", "", ())
    with pytest.raises(click.ClickException, match="native and twin differ"):
        demo.measure(SimpleNamespace(f=lambda: 1), SimpleNamespace(f=lambda: 2), stage, 1, 0.001)
