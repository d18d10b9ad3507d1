"""Find the commands that the documentation shows, so that a test can run every one of them.

A command stands in a fenced `console` block behind `$ `. A comment right before the block can say
`not run: REASON`, for commands that cannot run in a test, `exit: 0 1`, for other exit codes than 0, or
`before: COMMAND`, for what the reader has done by then.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_BLOCK = re.compile(
    r"(?:^[ ]*<!--\s*(?P<note>(?:not run|exit|before):.*?)\s*-->[ ]*\n)?"
    r"^(?P<indent>[ ]*)```console\n(?P<body>.*?)^[ ]*```[ ]*$",
    re.MULTILINE | re.DOTALL,
)


@dataclass(frozen=True)
class Example:
    """One command of the documentation, in its place.

    `reason` says why it is not run, `codes` which exit codes are right, `before` what comes first.
    """

    file: str
    line: int
    command: str
    reason: str = ""
    codes: tuple[int, ...] = (0,)
    before: str = ""


def find(root: Path) -> list[Example]:
    """Return every command in the Markdown files at the top and in `docs/`."""
    files = sorted([*root.glob("*.md"), *root.glob("docs/*.md")])
    return [
        example
        for path in files
        if path.name != "CHANGELOG.md"
        for example in extract(path.read_text(encoding="utf-8"), path.relative_to(root).as_posix())
    ]


def extract(text: str, file: str) -> Iterator[Example]:
    """Yield the commands of one Markdown text; a line that ends in a backslash goes on in the next."""
    for block in _BLOCK.finditer(text):
        kind, _, value = (block["note"] or "").partition(":")
        reason = value.strip() if kind == "not run" else ""
        codes = tuple(map(int, value.split())) if kind == "exit" else (0,)
        before = value.strip() if kind == "before" else ""
        line = text.count("\n", 0, block.start("body"))
        lines = iter(enumerate(block["body"].splitlines(), line + 1))
        for number, content in lines:
            shown = content.strip()
            if not shown.startswith(("$ ", "# ")):
                continue
            command = shown[2:]
            while command.endswith("\\"):
                command = command[:-1] + next(lines)[1].strip()
            yield Example(file, number, command, reason, codes, before)
            before = ""
