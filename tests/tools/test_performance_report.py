"""The three formats, and the page in a real browser."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from benchmarks import results
from benchmarks.measure import Pairing
from benchmarks.workloads import Workload
from tools.performance_report.__main__ import main


@pytest.fixture
def document() -> dict:
    pairs = [
        Pairing(Workload("quick", name, size=size, unit="bytes"), (4e-6 * size, 5e-6 * size), (1e-6, 1.1e-6))
        for name, size in (("small", 1), ("middle", 10), ("<b>large</b>", 100))
    ]
    pairs.append(Pairing(Workload("slow", "only"), (1e-6, 1e-6), (2e-6, 2e-6)))
    targets = {
        "functions": {"quick": {"claim": 99.0, "floor": 5.0, "reach": 2.0}, "slow": {"reach": 1.0}},
        "mean": {"geometric": {"floor": 4.9}},
    }
    functions = results.functions(pairs, targets)
    side = {"function": "quick", "workload": "small", "ratio": 1.0}
    return {
        "format": 1,
        "created": "2026-01-02T03:04:05+00:00",
        "quick": False,
        "reference": "original==1",
        "replacement": "ours",
        "machine": {"cpu": "a processor", "cores": 2, "kernel": "Linux 6", "load": [0.1, 0.2, 0.3]},
        "versions": {"reference": {"python": "3.11"}, "replacement": {"python": "3.11"}},
        "functions": functions,
        "summary": results.summary(functions, targets),
        "dispatch": [{**side, "public": 1e-8, "native": 1e-8, "same_object": True}],
        "imports": {
            "seconds": {"public": 0.003, "original": 0.5},
            "extra_over_native": 0.001,
            "share_of_original": 0.006,
        },
        "memory": [{**side, "reference": 4096, "replacement": 2048}],
        "threads": [{**side, "one": 10.0, "two": 19.0}],
        "instructions": [{**side, "instructions_per_call": 1234}],
        "not_run": [{"what": "something", "reason": "no reason"}],
    }


@pytest.fixture
def run(tmp_path: Path, document: dict):
    (tmp_path / "results.json").write_text(json.dumps(document))

    def call(*arguments: str) -> Result:
        fixed = ["--results", str(tmp_path / "results.json"), "--html", str(tmp_path / "report.html")]
        return CliRunner().invoke(main, [*fixed, *arguments])

    return call


def test_text_shows_every_part(run) -> None:
    output = run().stdout
    for part in ("NOT reached", "outside the mean", "geometric mean of 2", "1,234", "NOT RUN:", "50%", "2 threads"):
        assert part in output


def test_json_names_what_was_missed(run) -> None:
    found = json.loads(run("--format", "json").stdout)["missed"]
    assert found == [{"what": "slow", "ratio": 0.5, "reach": 1.0}]


def test_markdown_is_a_table(run) -> None:
    lines = run("--format", "markdown").stdout.splitlines()
    assert lines[2] == "| `quick` | 40 | 4 (small) | 5 | 99 |"
    assert lines[-1].endswith("full run of 2026-01-02.")


def test_missed_targets_can_fail_a_run(run) -> None:
    assert run().exit_code == 0
    assert run("--check-targets").exit_code == 1


@pytest.mark.parametrize(
    ("text", "message"), [("{", "cannot be read"), ("[]", "not a result"), ('{"format": 0}', "not a result")]
)
def test_a_damaged_result_is_an_error(run, tmp_path: Path, text: str, message: str) -> None:
    (tmp_path / "results.json").write_text(text)
    result = run()
    assert result.exit_code == 1
    assert message in result.output
    (tmp_path / "results.json").unlink()
    assert "run `nox -s bench` first" in run().output


def test_the_page_needs_nothing_from_elsewhere_and_sorts_in_a_browser(run, tmp_path: Path) -> None:
    assert run().exit_code == 0
    browser_path = shutil.which("chromium") or shutil.which("google-chrome")
    assert browser_path, "this test needs a browser: apt-get install chromium"
    from playwright.sync_api import sync_playwright

    said, asked = [], []
    flags = ["--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run"]
    flags += ["--disable-background-networking", "--disable-component-update", "--disable-sync"]
    page_url = (tmp_path / "report.html").as_uri()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=browser_path, args=flags)
        page = browser.new_page(viewport={"width": 390, "height": 800})
        page.on("console", lambda message: said.append(message.text))
        page.on("pageerror", lambda error: said.append(str(error)))
        page.on("request", lambda request: asked.append(request.url))
        page.goto(page_url)
        assert page.locator("svg").count() == 3
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        assert page.get_by_text("<b>large</b>").count() > 0  # names are text, not markup
        table = page.locator("table").first
        first = table.locator("tbody tr td:first-child").first
        assert first.inner_text() == "quick"
        table.get_by_role("button", name="times as fast").click()
        assert first.inner_text() == "slow"
        assert table.locator("th[aria-sort=ascending]").count() == 1
        table.get_by_role("button", name="times as fast").click()
        assert first.inner_text() == "quick"
        page.emulate_media(media="print")
        assert len(page.pdf()) > 5000
        browser.close()
    assert said == []
    assert asked == [page_url]
