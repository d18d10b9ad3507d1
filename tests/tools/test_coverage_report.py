"""The Rust coverage report: what it counts, and what it says when a tool is missing."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tools import coverage_report


def exported(*files: tuple[str, int, int]) -> dict[str, object]:
    return {
        "data": [
            {
                "files": [
                    {"filename": name, "summary": {"lines": {"covered": covered, "count": count}}}
                    for name, covered, count in files
                ]
            }
        ]
    }


def test_only_the_crates_own_sources_count() -> None:
    sources = coverage_report.SOURCES
    counts = coverage_report.line_counts(
        exported(
            (f"{sources}/string_utils.rs", 9, 10),
            (f"{sources}/python/tests.rs", 50, 50),
            (f"{sources}/python/string.rs", 3, 4),
            ("/elsewhere/pyo3/src/lib.rs", 0, 1000),
        )
    )
    assert counts == {"string_utils.rs": (9, 10), "python/string.rs": (3, 4)}


def test_the_report_has_a_line_for_each_file(capsys: pytest.CaptureFixture[str]) -> None:
    assert coverage_report.report({"b.rs": (1, 2), "a.rs": (0, 0)}) == (1, 2)
    first, second = capsys.readouterr().out.splitlines()
    assert first.split() == ["a.rs", "0", "of", "0", "lines", "100.0", "%"]
    assert second.split() == ["b.rs", "1", "of", "2", "lines", "50.0", "%"]


def test_artifacts_are_programs_and_libraries_of_our_crate() -> None:
    ours = {"reason": "compiler-artifact", "package_id": "path+file:///x/skypilot-utils#0"}
    library = {"kind": ["cdylib", "rlib"]}
    files = ["/t/libsky_rs.so", "/t/libsky_rs.rlib"]
    messages = [
        {**ours, "target": library, "profile": {"test": True}, "executable": "/t/test", "filenames": ["/t/test"]},
        {**ours, "target": library, "profile": {"test": False}, "executable": None, "filenames": files},
        {**ours, "target": {"kind": ["custom-build"]}, "profile": {"test": False}, "executable": "/t/build-script"},
        {"reason": "compiler-artifact", "package_id": "registry#libc", "filenames": ["/t/liblibc.rlib"]},
        {"reason": "build-finished"},
    ]
    found = coverage_report.artifacts("\n".join(map(json.dumps, messages)))
    assert found == [Path("/t/test"), Path("/t/libsky_rs.so"), Path("/t/libsky_rs.rlib")]


def test_a_missing_tool_is_an_error_that_says_what_to_install(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def missing(name: str) -> str:
        raise coverage_report.ToolsMissingError(f"{name} was not found: run `rustup component add llvm-tools`")

    monkeypatch.setattr(coverage_report, "find_tool", missing)
    assert coverage_report.main([]) == 2
    assert "rustup component add llvm-tools" in capsys.readouterr().err
