"""The numbers in the documentation are those of the published result."""

from __future__ import annotations

import json
from pathlib import Path

from benchmarks import release_speed
from tools.migrate import proof
from tools.performance_report import publish
from tools.performance_report.__main__ import markdown

ROOT = Path(__file__).resolve().parents[2]


def test_every_page_shows_the_published_result() -> None:
    document = json.loads((ROOT / publish.PUBLISHED).read_text(encoding="utf-8"))
    tables = {name: publish.shown((ROOT / name).read_text(encoding="utf-8")) for name in publish.PAGES}
    assert tables["docs/measure.md"] == markdown(document)
    assert tables["README.md"] in (None, markdown(document))


def test_the_migration_is_the_published_proof() -> None:
    seen = json.loads((ROOT / proof.PUBLISHED).read_text(encoding="utf-8"))
    assert publish.shown((ROOT / proof.PAGE).read_text(encoding="utf-8")) == proof.table(seen)
    assert [one["version"] for one in seen] == list(proof.VERSIONS)
    assert all(one["held"] for one in seen)


def test_publishing_replaces_only_what_is_between_the_marks(tmp_path: Path) -> None:
    document = json.loads((ROOT / publish.PUBLISHED).read_text(encoding="utf-8"))
    for function in document["functions"]:
        for workload in function["workloads"]:
            workload["reference"]["samples"] = workload["replacement"]["samples"] = [1.0]
    (tmp_path / "benchmarks").mkdir()
    (tmp_path / "docs").mkdir()
    (tmp_path / "README.md").write_text("before\n<!-- begin numbers -->\nold\n<!-- end numbers -->\nafter\n")
    (tmp_path / "docs" / "measure.md").write_text("no place for numbers\n")
    written = publish.publish(tmp_path, document, "| new |")
    assert [path.name for path in written] == ["published.json", "README.md"]
    text = (tmp_path / "README.md").read_text()
    assert text == "before\n<!-- begin numbers -->\n| new |\n<!-- end numbers -->\nafter\n"
    assert "samples" not in (tmp_path / "benchmarks" / "published.json").read_text()


def test_the_page_on_releasing_shows_the_published_result() -> None:
    document = json.loads((ROOT / publish.PUBLISHED_RELEASE).read_text(encoding="utf-8"))
    text = (ROOT / publish.RELEASE_PAGE).read_text(encoding="utf-8")
    assert publish.shown(text, publish.RELEASE_NUMBERS) == release_speed.page(document)


def test_publishing_release_numbers_leaves_other_numbers_alone(tmp_path: Path) -> None:
    (tmp_path / "benchmarks").mkdir()
    begin, end = "<!-- begin release numbers -->\n", "<!-- end release numbers -->\n"
    other = "<!-- begin numbers -->\nkept\n<!-- end numbers -->\n"
    (tmp_path / "RELEASING.md").write_text(f"{other}{begin}{end}after\n")
    for table in ("| old \\1 |", "| new |"):
        written = publish.publish_release(tmp_path, {"figures": []}, table)
        assert [path.name for path in written] == ["published_release.json", "RELEASING.md"]
        assert (tmp_path / "RELEASING.md").read_text() == f"{other}{begin}{table}\n{end}after\n"


def test_the_table_tells_what_was_not_run_and_what_took_too_long() -> None:
    floor = [
        release_speed.Figure("r", "floor", tool, 0.1, 9.0, "")
        for tool in ("import git", "git for-each-ref --merged", "git log since the last tag", "git log")
    ]
    ours = [release_speed.Figure("r", job, "ours", 0.3, 30.0, "") for job in ("plan", "notes")]
    slow = release_speed.Figure("r", "notes", "git-cliff", 60.0, 99.0, release_speed.TOO_LONG)
    failed = release_speed.Figure("r", "plan", "git-cliff", 1.0, 99.0, "no tags")
    lines = release_speed.summary([*floor, *ours, slow, failed])
    assert lines[2:] == [
        "| r | next version | 0.300 | 0.300 s, 30 MiB | 1.00 | not run | not run | failed: no tags |",
        "| r | full changelog | 0.200 | 0.300 s, 30 MiB | 1.50 | not run | not run | over 60 s |",
    ]
