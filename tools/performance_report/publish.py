"""Put measured numbers into the documentation, and tell whether what stands there is still what was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGES = ("README.md", "docs/measure.md")
PUBLISHED = Path("benchmarks", "published.json")
RELEASE_PAGE = Path("RELEASING.md")
PUBLISHED_RELEASE = Path("benchmarks", "published_release.json")
RELEASE_NUMBERS = "release numbers"


def publish(root: Path, document: dict[str, Any], table: str) -> list[Path]:
    """Write the result, without its samples, and its table into every page that has a place for it."""
    slim = json.loads(json.dumps(document))
    for function in slim["functions"]:
        for workload in function["workloads"]:
            for side in ("reference", "replacement"):
                del workload[side]["samples"]
    (root / PUBLISHED).write_text(json.dumps(slim, indent=1) + "\n", encoding="utf-8")
    written = [root / PUBLISHED]
    for name in PAGES:
        if fill(root / name, table):
            written.append(root / name)
    return written


def publish_release(root: Path, document: dict[str, Any], table: str) -> list[Path]:
    """Write what `benchmarks.release_speed` measured, and its table into the page on releasing."""
    (root / PUBLISHED_RELEASE).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    filled = fill(root / RELEASE_PAGE, table, RELEASE_NUMBERS)
    return [root / PUBLISHED_RELEASE, *([root / RELEASE_PAGE] if filled else [])]


def fill(page: Path, table: str, what: str = "numbers") -> bool:
    """Put a table between the marks of a page; False where it has none."""
    text = page.read_text(encoding="utf-8")
    new, count = _block(what).subn(lambda found: f"{found[1]}{table}\n{found[3]}", text)
    if count:
        page.write_text(new, encoding="utf-8")
    return count > 0


def shown(text: str, what: str = "numbers") -> str | None:
    """Return what stands between the marks in a page, None where it has none."""
    found = _block(what).search(text)
    return found[2].rstrip("\n") if found else None


def _block(what: str) -> re.Pattern[str]:
    return re.compile(f"(<!-- begin {what} -->\n)(.*?)(<!-- end {what} -->)", re.DOTALL)
