"""Find Python files, and turn their bytes into text and back without losing one."""

from __future__ import annotations

import codecs
import fnmatch
import io
import os
import tokenize
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

_SKIPPED = {".git", ".hg", ".svn", ".nox", ".tox", ".venv", ".mypy_cache", "__pycache__", "node_modules"}
UNDO_FOLDER = ".migrate-undo"
MAX_BYTES = 20_000_000


class UnreadableError(Exception):
    """A file this program cannot read as Python source; the message says why."""


@dataclass(frozen=True)
class Source:
    """A file as text: `text` is UTF-8, whatever the file's own encoding, without its byte order mark."""

    text: bytes
    encoding: str
    bom: bytes = b""

    def encode(self, text: bytes) -> bytes:
        """Return `text` in the file's own encoding, with its byte order mark."""
        if self.encoding == "utf-8":
            return self.bom + text
        return self.bom + text.decode("utf-8").encode(self.encoding)


def find(paths: Sequence[Path], exclude: Sequence[str] = ()) -> Iterator[Path]:
    """Yield the Python files under `paths` in a fixed order; links to folders are not followed."""
    seen: set[Path] = set()
    for path in paths:
        for found in _walk(path):
            relative = found.relative_to(path).as_posix() if found != path else found.name
            if any(fnmatch.fnmatch(relative, pattern) for pattern in exclude):
                continue
            real = found.resolve()
            if real not in seen:
                seen.add(real)
                yield found


def _walk(path: Path) -> Iterator[Path]:
    if not path.is_dir():
        yield path
        return
    for folder, folders, names in os.walk(path):
        folders[:] = sorted(
            name
            for name in folders
            if name not in _SKIPPED and name != UNDO_FOLDER and not Path(folder, name, "pyvenv.cfg").exists()
        )
        for name in sorted(names):
            if name.endswith((".py", ".pyi")) and Path(folder, name).is_file():
                yield Path(folder, name)


def decode(data: bytes) -> Source:
    """Decode source as Python would: byte order mark, coding comment, else UTF-8."""
    bom = codecs.BOM_UTF8 if data.startswith(codecs.BOM_UTF8) else b""
    try:
        encoding, _ = tokenize.detect_encoding(io.BytesIO(data).readline)
        encoding = "utf-8" if encoding in ("utf-8", "utf-8-sig") else encoding
        text = data[len(bom) :].decode(encoding)
    except (SyntaxError, UnicodeDecodeError, LookupError) as error:
        raise UnreadableError(str(error)) from error
    source = Source(text.encode("utf-8", "surrogatepass"), encoding, bom)
    if source.encode(source.text) != data:
        raise UnreadableError(f"its {encoding} bytes do not survive decoding and encoding")
    return source


def read(path: Path) -> bytes:
    """Read a file of at most MAX_BYTES."""
    try:
        with path.open("rb") as stream:
            data = stream.read(MAX_BYTES + 1)
    except OSError as error:
        raise UnreadableError(error.strerror or str(error)) from error
    if len(data) > MAX_BYTES:
        raise UnreadableError(f"larger than {MAX_BYTES:,} bytes")
    return data


def module_name(path: Path, root: Path) -> tuple[str, bool]:
    """Return the dotted name `path` is imported by, and whether it is a package's `__init__`.

    The package is the chain of folders with an `__init__.py`; outside one, the path below `root` counts.
    """
    resolved = path.resolve()
    parts = [] if resolved.stem == "__init__" else [resolved.stem]
    folder = resolved.parent
    in_package = False
    while (folder / "__init__.py").is_file():
        parts.insert(0, folder.name)
        folder, in_package = folder.parent, True
    if not in_package:
        base = root.resolve() if root.is_dir() else root.resolve().parent
        if resolved.is_relative_to(base):
            parts = [*resolved.parent.relative_to(base).parts, *parts]
    return ".".join(parts), resolved.stem == "__init__"
