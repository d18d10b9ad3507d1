"""Turn findings into new text: only the bytes that must change."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence

from tools.migrate.facts import Edit, FileFacts, FromImport
from tools.migrate.resolve import MOVES, Finding


class OverlapError(Exception):
    """Two edits want the same bytes."""


def apply(text: bytes, edits: Iterable[Edit]) -> bytes:
    """Return `text` with the edits made; equal edits count once, and one of a group is enough."""
    kept: dict[str, Edit] = {}
    plain: set[Edit] = set()
    for edit in sorted(edits, key=lambda item: (item.start, item.end)):
        if edit.group:
            kept.setdefault(edit.group, edit)
        else:
            plain.add(edit)
    ordered = sorted(plain | set(kept.values()), key=lambda item: (item.start, item.end))
    parts, position = [], 0
    for edit in ordered:
        if edit.start < position:
            raise OverlapError(f"two changes at byte {edit.start}")
        parts += [text[position : edit.start], edit.text]
        position = edit.end
    return b"".join([*parts, text[position:]])


def plan(
    text: bytes, facts: FileFacts, findings: Sequence[Finding], replacement: str
) -> tuple[list[Edit], dict[int, str]]:
    """Return the edits of one file, and reasons for from-imports that cannot be split, by statement."""
    edits: list[Edit] = []
    moved: dict[int, set[int]] = defaultdict(set)
    for finding in findings:
        if finding.fate != MOVES:
            continue
        if finding.use.kind == "import":
            moved[finding.use.statement].add(finding.use.alias)
        elif finding.use.kind == "star":
            edits += _star_edits(facts, finding, replacement)
        else:
            edits += finding.use.edits
    refused: dict[int, str] = {}
    for index, aliases in moved.items():
        found = _import_edits(text, facts.imports[index], aliases, replacement)
        if isinstance(found, str):
            refused[index] = found
        else:
            edits += found
    return edits, refused


def _star_edits(facts: FileFacts, finding: Finding, replacement: str) -> list[Edit]:
    """Name the function after the star import that used to bring it."""
    home = finding.use.path.rpartition(".")[0]
    chosen = next(item for item in facts.imports if not item.names and item.module == home)
    return [chosen.anchor.insert(f"from {replacement} import {finding.function}")]


def _import_edits(text: bytes, statement: FromImport, moved: set[int], replacement: str) -> list[Edit] | str:
    """Move names of a from-import: the whole statement when all move, else some out of its list."""
    if len(moved) == len(statement.names):
        space = b" " if text[statement.start - 1 : statement.start] not in (b" ", b"\t") else b""
        return [Edit(statement.start, statement.end, space + replacement.encode())]
    edits = []
    kept = [index for index in range(len(statement.names)) if index not in moved]
    for index in sorted(moved):
        start, end = _removal(statement, index, kept)
        if b"#" in text[start:end]:
            return f"a comment in the import list of line {statement.line} belongs to it"
        edits.append(Edit(start, end, b""))
    names = [statement.names[index] for index in sorted(moved)]
    listed = ", ".join(n.name if n.name == n.bound else f"{n.name} as {n.bound}" for n in names)
    edits.append(statement.anchor.insert(f"from {replacement} import {listed}"))
    return edits


def _removal(statement: FromImport, index: int, kept: list[int]) -> tuple[int, int]:
    """Return the bytes to take out for one name: up to the next name, or from the last kept one."""
    names = statement.names
    if index < kept[-1]:
        return names[index].start, names[index + 1].start
    return names[index - 1].end, names[index].end
