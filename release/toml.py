"""Reading TOML with line numbers, and changing one string in it without touching anything else.

`tomllib` (or `tomli`) says what a file means; `entries` says where each value stands. A change is made on the
text and then proven: the new text must mean the old one with exactly that value replaced.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from typing import Any, NamedTuple

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib  # type: ignore[import-not-found,unused-ignore]  # pragma: no cover

from release.errors import Refused

Path = tuple[str | int, ...]

_SPACE = re.compile(r"(?:[ \t\r\n]|#[^\n]*)*")
_BLANK = re.compile(r"[ \t]*")
_KEY = re.compile(r"[ \t]*(?:([A-Za-z0-9_-]+)|\"((?:[^\"\\\n]|\\.)*)\"|'([^'\n]*)')[ \t]*")
_STRING = re.compile(
    r'"""(?:[^\\]|\\.)*?"{3,5}|' r"'''.*?'{3,5}|" r'"(?:[^"\\\n]|\\.)*"|' r"'[^'\n]*'", re.DOTALL
)  # fmt: skip
_SCALAR = re.compile(r"[^\s,\]}#][^,\]}#\n]*")


class Entry(NamedTuple):
    """Where one value stands: `text[start:end]`, in line `line` (from 1)."""

    path: Path
    line: int
    start: int
    end: int


def load(text: str, name: str) -> dict[str, Any]:
    """Parse the text of the file called `name`.

    Raises:
        Refused: it is not TOML; the message gives file, line and column.
    """
    try:
        document: dict[str, Any] = tomllib.loads(text)
        return document
    except tomllib.TOMLDecodeError as error:
        words = str(error)
        where = re.search(r" \(at (?:line (\d+), column (\d+)|end of document)\)$", words)
        place = (
            f"{name}:{text.count(chr(10)) + 1}"
            if where is None or where[1] is None
            else f"{name}:{where[1]}:{where[2]}"
        )
        reason = words[: where.start()] if where else words
        raise Refused.because("bad-toml", f"{place}: {reason}", f"correct {name}") from None
    except RecursionError:
        raise Refused.because("bad-toml", f"{name}: nested too deeply", f"correct {name}") from None


def entries(text: str) -> Iterator[Entry]:
    """Yield every value of valid TOML in order, those inside inline tables and arrays included."""
    yield from _Scanner(text).document()


def find(text: str, path: Path) -> Entry | None:
    """Return the entry at `path`, or None."""
    return next((entry for entry in entries(text) if entry.path == path), None)


def string_at(text: str, entry: Entry) -> str | None:
    """Return the string an entry holds, or None when it holds something else."""
    raw = text[entry.start : entry.end]
    if len(raw) >= 2 and raw[0] in "\"'":
        if "\\" not in raw and raw[1:3] != raw[0] * 2:
            return raw[1:-1]
        value = tomllib.loads(f"x = {raw}")["x"]
        return value if isinstance(value, str) else None
    return None


def with_string(text: str, entry: Entry, value: str) -> str:
    """Return `text` with the string of `entry` replaced, its quotes kept; `value` needs no escapes."""
    raw = text[entry.start : entry.end]
    quotes = raw[:3] if raw[:3] in ('"""', "'''") else raw[:1]
    return f"{text[: entry.start]}{quotes}{value}{quotes}{text[entry.end :]}"


class _Scanner:
    """One pass over a text that `tomllib` accepts."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.counted_to = 0
        self.lines = 1

    def document(self) -> Iterator[Entry]:
        table: Path = ()
        arrays: dict[Path, int] = {}
        while True:
            self._skip(_SPACE)
            if self.at >= len(self.text):
                return
            if self.text[self.at] == "[":
                table = self._header(arrays)
            else:
                path = table + self._keys()
                self.at += 1  # the equals sign
                yield from self._value(path)

    def _header(self, arrays: dict[Path, int]) -> Path:
        array = self.text.startswith("[[", self.at)
        self.at += 2 if array else 1
        keys = self._keys()
        self.at += 2 if array else 1
        path: Path = ()
        for number, key in enumerate(keys):
            path += (key,)
            if number < len(keys) - 1 and path in arrays:
                path += (arrays[path],)
        if array:
            arrays[path] = arrays.get(path, -1) + 1
            path += (arrays[path],)
        return path

    def _keys(self) -> Path:
        keys: list[str] = []
        while match := _KEY.match(self.text, self.at):
            self.at = match.end()
            bare, basic, literal = match.groups()
            if basic is not None and "\\" in basic:
                basic = next(iter(tomllib.loads(f'"{basic}" = 1')))
            keys.append(bare if bare is not None else basic if basic is not None else literal)
            if not self.text.startswith(".", self.at):
                break
            self.at += 1
        if not keys:
            raise ValueError(f"not TOML at character {self.at}")
        return tuple(keys)

    def _value(self, path: Path) -> Iterator[Entry]:
        self._skip(_BLANK)
        start = self.at
        self.lines += self.text.count("\n", self.counted_to, start)
        self.counted_to = start
        line = self.lines
        first = self.text[start : start + 1]
        if first == "[":
            inner = self._items(path, "]")
        elif first == "{":
            inner = self._items(path, "}")
        else:
            pattern = _STRING if first in "\"'" else _SCALAR
            match = pattern.match(self.text, start)
            if match is None:
                raise ValueError(f"not TOML at character {start}")
            self.at = match.end()
            yield Entry(path, line, start, start + len(match[0].rstrip()))
            return
        held = list(inner)
        yield Entry(path, line, start, self.at)
        yield from held

    def _items(self, path: Path, closing: str) -> Iterator[Entry]:
        self.at += 1
        number = 0
        while True:
            self._skip(_SPACE)
            if self.text.startswith(closing, self.at):
                self.at += 1
                return
            if closing == "]":
                yield from self._value((*path, number))
            else:
                keys = self._keys()
                self.at += 1
                yield from self._value(path + keys)
            number += 1
            self._skip(_SPACE)
            if self.text.startswith(",", self.at):
                self.at += 1
            elif self.at >= len(self.text):
                raise ValueError("not TOML: unfinished value")

    def _skip(self, pattern: re.Pattern[str]) -> None:
        match = pattern.match(self.text, self.at)
        self.at = match.end() if match else self.at
