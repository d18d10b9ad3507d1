"""A VERSION file, and the places named by the setting `version-files`."""

from __future__ import annotations

from release.git import Tree
from release.settings import Settings
from release.sources.found import Found
from release.versions import parse

NAMES = {"VERSION", "version.txt", "VERSION.txt"}


def find(tree: Tree, settings: Settings, found: Found) -> None:
    """Add the plain files."""
    for path in sorted(NAMES):
        text = found.text(tree, path) if tree.has(path) and path not in found.texts else None
        if text is not None and "." in text and len(text) < 100 and parse(text) is not None:
            start = len(text) - len(text.lstrip())
            found.add_span(path, start, start + len(text.strip()), found.spelling, "version")
    for file in settings.version_files:
        text = found.text(tree, file.path)
        if text is None:
            found.complain("no-version", f"{file.path}: named in version-files, and there is no such file")
            continue
        before, _, after = file.pattern.partition("{version}")
        spans = list(_spans(text, before, after))
        if len(spans) != 1:
            often = "nowhere" if not spans else f"{len(spans)} times"
            found.complain(
                "ambiguous-version", f"{file.path}: the pattern {file.pattern!r} of version-files is found {often}",
                "make the pattern match exactly one place",
            )  # fmt: skip
            continue
        found.add_span(file.path, *spans[0], file.spelling, "version-files")


def _spans(text: str, before: str, after: str) -> list[tuple[int, int]]:
    """Find the versions that stand between `before` and `after`."""
    import re

    pattern = re.compile(f"{re.escape(before)}([0-9][0-9A-Za-z.!+-]*){re.escape(after)}")
    return [match.span(1) for match in pattern.finditer(text) if parse(match[1]) is not None]
