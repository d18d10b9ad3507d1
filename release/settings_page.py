"""Writes docs/settings.md from the declarations in `release.settings`: `python -m release.settings_page`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import Field, fields
from typing import Any

from release.settings import Settings, VersionFile, spelled

INTRODUCTION = """\
# Settings of the release command

Settings stand in `[tool.release]` of pyproject.toml, or at the top level of release.toml in a repository that has
no Python. None is required: what is not set is found from the repository itself. An unknown key or a wrong type is
an error that names file and line.

This page is written by `python -m release.settings_page > docs/settings.md`; a test compares it with the code.
"""


def page() -> str:
    """Return the whole page as Markdown."""
    return INTRODUCTION + "\n" + "\n".join(_table("tool.release", Settings))


def _table(path: str, kind: type) -> Iterator[str]:
    yield f"## `[{path}]`\n"
    inner: list[tuple[str, type]] = []
    for entry in fields(kind):
        if "table" in entry.metadata:
            inner.append((f"{path}.{spelled(entry.name)}", entry.metadata["table"]))
        else:
            yield from _key(entry)
    if kind is Settings:
        yield "## Entries of `version-files`\n"
        for entry in fields(VersionFile):
            yield from _key(entry)
    for name, table in inner:
        yield from _table(name, table)


def _key(entry: Field[Any]) -> Iterator[str]:
    yield f"### `{spelled(entry.name)}`\n"
    yield f"{entry.metadata['meaning']}\n"
    if entry.metadata["choices"]:
        yield f"One of: {', '.join(f'`{choice}`' for choice in entry.metadata['choices'])}.\n"
    default = entry.default_factory() if callable(entry.default_factory) else entry.default
    yield f"Default: {_toml(default)}\n"
    yield f"```toml\n{spelled(entry.name)} = {entry.metadata['example']}\n```\n"


def _toml(value: object) -> str:
    if value in ("", (), {}, None):
        return "found, or nothing."
    return f"`{_literal(value)}`."


def _literal(value: object) -> str:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, str):
        return '"' + value.replace("\n", "\\n") + '"'
    if isinstance(value, tuple):
        return "[" + ", ".join(map(_literal, value)) + "]"
    if isinstance(value, Mapping):
        return "{ " + ", ".join(f"{_literal(name)} = {_literal(item)}" for name, item in value.items()) + " }"
    return str(value)


if __name__ == "__main__":
    print(page(), end="")
