"""What a scan leaves out changes nothing of what it finds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tools.dropin import load
from tools.migrate import files, scan
from tools.migrate.facts import Wanted
from tools.migrate.outline import outline

ROOT = Path(__file__).resolve().parents[2]
WANTED = Wanted(frozenset({"f"}), frozenset({"pkg.home"}), frozenset({"os.cpu_count"}), "fast.utils")


def blanked(text: str, wanted: Wanted = WANTED) -> bool:
    after = outline(text.encode(), wanted)
    assert len(after) == len(text.encode())
    return after != text.encode()


@pytest.mark.parametrize(
    "body",
    [
        "return os.cpu_count()",
        "x = 'é'\n    return x",
        '"""Text."""',
        "fast_path = 1",
        "return fast.x",
        "import fast.x",
    ],
)
def test_a_body_without_interest_is_blanked(body: str) -> None:
    assert blanked(f"import os\ndef a():\n    {body}\nclass C:\n    def b(self): return 1\n")


@pytest.mark.parametrize(
    "body",
    [
        "return home.f(1)",
        "g = 1; return g",  # the alias of an import of f
        "mock.patch('os.cpu_count')",
        "mock.patch('pkg.home')",
        "fast = 1",
        "utils = 1",
        "import other as fast",
        "from other import fast",
        "lambda fast: 1",
        "global home",
        "def inner():\n        return f()",
        "@x\n    def inner(): pass",
    ],
)
def test_a_body_that_matters_stays(body: str) -> None:
    assert not blanked(f"from pkg import home\nfrom pkg.home import f as g\ndef a():\n    {body}\n")


@pytest.mark.parametrize("text", ["def a(:\n    return 1\n", "def a():\n    return 1\f\n", "def a():\r    return 1\n"])
def test_what_cannot_be_read_the_same_way_comes_back_whole(text: str) -> None:
    assert not blanked(text)


def test_positions_and_findings_stay_as_they_are() -> None:
    text = "from pkg.home import f\n\ndef a():\n    x = 1\n    return x\n\n\ndef b():\n    return f(1)\n"
    facts = scan.scan(files.Source(text.encode(), "utf-8"), "pkg.user", False, WANTED)
    assert blanked(text)
    assert [(use.kind, use.line, use.column) for use in facts.uses] == [("import", 1, 22), ("name", 9, 12)]


def test_this_project_is_scanned_the_same_without_outlines(monkeypatch: pytest.MonkeyPatch) -> None:
    settings = load(ROOT / "pyproject.toml")
    names = frozenset(settings.functions)
    unseen = frozenset(path for function in settings.functions.values() for path in function.unseen)
    wanted = replace(WANTED, names=names, homes=frozenset(settings.homes), unseen=unseen)
    wanted = replace(wanted, replacement=settings.replacement)
    paths = (ROOT / "sky" / "utils").glob("*.py")
    sources = {path: files.decode(files.read(path)) for path in paths}
    sources = {path: source for path, source in sources.items() if wanted.mentioned_in(source.text)}
    scanned = {path: scan.scan(source, path.stem, False, wanted) for path, source in sources.items()}
    assert any(outline(source.text, wanted) != source.text for source in sources.values())
    monkeypatch.setattr(scan, "outline", lambda text, _wanted: text)
    assert scanned == {path: scan.scan(source, path.stem, False, wanted) for path, source in sources.items()}
