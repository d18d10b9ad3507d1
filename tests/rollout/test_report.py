"""The report page in a real browser: nothing in the console, no request, readable on a phone and on paper."""

from __future__ import annotations

import shutil
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pytest

CHROMIUM = [
    "--no-sandbox", "--disable-gpu", "--no-first-run", "--disable-background-networking",
    "--disable-component-update", "--disable-sync",
]  # fmt: skip


@pytest.fixture
def page(demo: Any) -> Path:
    demo.rollout("stage", "10")
    demo.rollout("promote", "--gate", "--evidence", demo.good("demo-1.2.0", 10))
    demo.rollout("hold", "--reason", "<script>alert('x')</script> & looking")
    target: Path = demo.path.parent / "rollout.html"
    ran = demo.rollout("report", "-o", str(target), "--evidence", demo.good("demo-1.2.0", 25), "--format", "json")
    assert ran.code == 0, ran.err
    assert ran.json["verdict"] == "hold"
    return target


class Tags(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.seen: list[tuple[str, dict[str, str | None]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.seen.append((tag, dict(attrs)))


def test_the_page_is_self_contained_and_escapes_what_people_wrote(page: Path) -> None:
    text = page.read_text("utf-8")
    tags = Tags()
    tags.feed(text)
    names = [name for name, _ in tags.seen]
    assert names.count("svg") == 3
    assert not {"script", "img", "iframe", "object"} & set(names)
    sources = [value for _, attrs in tags.seen for key, value in attrs.items() if key in ("src", "href", "xlink:href")]
    assert all(value is not None and value.startswith(("#", "data:")) for value in sources)
    assert "&lt;script&gt;" in text
    assert "held by hand" in text


@pytest.mark.slow  # needs Chromium, which no package index has
def test_in_a_real_browser(page: Path) -> None:
    from playwright.sync_api import sync_playwright

    chromium = shutil.which("chromium")
    assert chromium, "Chromium is needed: apt-get install chromium"
    said: list[str] = []
    asked: list[str] = []
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=chromium, args=CHROMIUM)
        phone = browser.new_page(viewport={"width": 360, "height": 740})
        phone.on("console", lambda message: said.append(message.text))
        phone.on("pageerror", lambda error: said.append(str(error)))
        phone.on("request", lambda request: asked.append(request.url))
        phone.goto(page.as_uri())
        assert phone.title() == "Rollout of demo-1.2.0"
        wide = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
        assert phone.evaluate(wide) <= 0, "the page scrolls sideways on a phone"
        assert phone.evaluate("[...document.querySelectorAll('svg')].every(svg => svg.clientWidth > 250)")
        phone.screenshot(path=str(page.with_suffix(".png")), full_page=True)
        phone.emulate_media(media="print")
        assert len(phone.pdf()) > 10_000
        browser.close()
    assert said == []
    assert [url for url in asked if not url.startswith(("file:", "data:"))] == []


def test_a_page_without_any_history(demo: Any) -> None:
    target = demo.path.parent / "rollout.html"
    assert demo.rollout("report", "-o", str(target)).code == 0
    assert "No step was taken yet" in target.read_text("utf-8")
    assert demo.rollout("report", "-o", "/no/such/folder/x.html").code == 1
