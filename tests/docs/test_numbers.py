"""The numbers in the documentation are those of the published result."""

from __future__ import annotations

import json
from pathlib import Path

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
