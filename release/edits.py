"""A changed file: what it held, what it will hold, and the difference in words."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from release import toml
from release.problems import Problem
from release.versions import spell

if TYPE_CHECKING:
    from packaging.version import Version

    from release.sources.found import Found, Place


class Edit(NamedTuple):
    """One file of the release commit, as the bytes git stores (no line ending conversion).

    Attributes:
        path: from the top of the repository, with forward slashes.
        old: the content in the base commit; None for a new file.
        new: the whole new content.
    """

    path: str
    old: bytes | None
    new: bytes

    def diff(self) -> str:
        """Return the unified diff; line endings other than a plain line feed are visible as escapes."""
        import difflib

        before = _lines(self.old or b"")
        after = _lines(self.new)
        source = "/dev/null" if self.old is None else f"a/{self.path}"
        return "".join(difflib.unified_diff(before, after, source, f"b/{self.path}"))


def _lines(data: bytes) -> list[str]:
    lines = []
    for line in data.decode("utf-8", "backslashreplace").split("\n"):
        lines.append(line.replace("\r", "\\r") + "\n")
    if lines[-1] == "\n":
        lines.pop()
    else:
        lines[-1] += "\\ No newline at end of file\n"
    return lines


def version_edits(found: Found, version: Version) -> tuple[list[Edit], list[Problem]]:
    """Write `version` in every place found; say which files cannot hold it.

    The result is proven where a parser exists: the new TOML or JSON must differ from the old in exactly the
    places that were changed.
    """
    edits: list[Edit] = []
    problems: list[Problem] = []
    by_path: dict[str, dict[tuple[int, int], Place]] = {}
    for place in found.places:
        by_path.setdefault(place.path, {})[place.start, place.end] = place
    for path, places in by_path.items():
        text = found.texts[path]
        try:
            new = _replaced(text, list(places.values()), version)
        except ValueError as error:
            problems.append(
                Problem("no-spelling", f"{path}: {error}", "choose a version without post-release or epoch")
            )
            continue
        lock = any(place.lock for place in places.values())
        if new != text and not lock and _differences(text, new, path) != len(places):
            problems.append(
                Problem("edit-failed", f"{path}: the version could not be changed without changing something else")
            )
        elif new != text:
            edits.append(Edit(path, _encoded(text), _encoded(new)))
    return edits, problems


def _replaced(text: str, places: list[Place], version: Version) -> str:
    for place in sorted(places, key=lambda place: place.start, reverse=True):
        text = text[: place.start] + spell(version, place.spelling) + text[place.end :]
    return text


def _differences(old: str, new: str, path: str) -> int:
    """Count the values that differ between two texts of a format with a parser; otherwise the lines."""
    if path.endswith(".toml"):
        return _differing(toml.load(old, path), toml.load(new, path))
    if path.endswith(".json"):
        import json

        return _differing(json.loads(old.removeprefix("\ufeff")), json.loads(new.removeprefix("\ufeff")))
    return sum(before != after for before, after in zip(old.split("\n"), new.split("\n"), strict=True))


def _differing(old: object, new: object) -> int:
    if isinstance(old, dict) and isinstance(new, dict) and old.keys() == new.keys():
        return sum(_differing(old[key], new[key]) for key in old)
    if isinstance(old, list) and isinstance(new, list) and len(old) == len(new):
        return sum(map(_differing, old, new))
    return int(old != new)


def _encoded(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
