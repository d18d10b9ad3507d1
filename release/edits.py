"""A changed file: what it held, what it will hold, and the difference in words."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Edit:
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
