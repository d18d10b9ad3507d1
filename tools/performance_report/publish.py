"""Put measured numbers into the documentation, and tell whether what stands there is still what was measured."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

PAGES = ("README.md", "docs/measure.md")
PUBLISHED = Path("benchmarks", "published.json")
_BLOCK = re.compile(r"(<!-- begin numbers -->\n).*?(<!-- end numbers -->)", re.DOTALL)


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


def fill(page: Path, table: str) -> bool:
    """Put a table between the marks of a page; False where it has none."""
    text = page.read_text(encoding="utf-8")
    if shown(text) is None:
        return False
    page.write_text(_BLOCK.sub(lambda found: f"{found[1]}{table}\n{found[2]}", text), encoding="utf-8")
    return True


def shown(text: str) -> str | None:
    """Return what stands between the marks in a page, None where it has none."""
    found = _BLOCK.search(text)
    if found is None:
        return None
    return found[0].split("\n", 1)[1].rsplit("<!-- end", 1)[0].rstrip("\n")
