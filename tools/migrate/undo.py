"""Write changes so that they can be taken back: the old bytes are kept before the first file is touched."""

from __future__ import annotations

import base64
import hashlib
import json
import os
import shutil
import stat
import tempfile
from collections.abc import Sequence
from pathlib import Path

from tools.migrate.engine import Change
from tools.migrate.files import UNDO_FOLDER


class UndoError(Exception):
    """There is nothing to take back, or a file has changed since; nothing was written."""


def write(root: Path, changes: Sequence[Change]) -> Path:
    """Write all changes, after keeping the old bytes in a record under `root`; return the record."""
    folder = _folder(root)
    folder.mkdir(exist_ok=True)
    number = len(list(folder.glob("*.json"))) + 1
    record = folder / f"{number:04}.json"
    entries = [
        {
            "file": os.path.relpath(change.file, folder.parent),
            "before": base64.b64encode(change.before).decode("ascii"),
            "after_sha256": hashlib.sha256(change.after).hexdigest(),
        }
        for change in changes
    ]
    _replace(record, json.dumps({"format": 1, "changes": entries}, indent=1).encode())
    for change in changes:
        path = Path(change.file)
        if path.read_bytes() != change.before:
            raise UndoError(f"{path} changed while this ran; run it again (--undo takes back what was written)")
        _replace(path, change.after)
    return record


def take_back(root: Path) -> list[Path]:
    """Restore the bytes before the last `write`; refuse, and change nothing, if a file was edited since."""
    folder = _folder(root)
    records = sorted(folder.glob("*.json"))
    if not records:
        raise UndoError(f"{folder.parent}: nothing to undo")
    try:
        entries = json.loads(records[-1].read_bytes())["changes"]
        olds = [
            (folder.parent / entry["file"], base64.b64decode(entry["before"]), entry["after_sha256"])
            for entry in entries
        ]
    except (ValueError, KeyError, TypeError) as error:
        raise UndoError(f"{records[-1]} is damaged: {error}") from error
    edited = [path for path, before, after in olds if not _is_one_of(path, before, after)]
    if edited:
        names = ", ".join(map(str, edited))
        raise UndoError(f"changed since the migration, so not undone: {names}")
    for path, before, _ in olds:
        _replace(path, before)
    records[-1].unlink()
    if len(records) == 1:
        folder.rmdir()
    return [path for path, _, _ in olds]


def _folder(root: Path) -> Path:
    return (root if root.is_dir() else root.parent).resolve() / UNDO_FOLDER


def _is_one_of(path: Path, before: bytes, after: str) -> bool:
    try:
        data = path.read_bytes()
    except OSError:
        return False
    return data == before or hashlib.sha256(data).hexdigest() == after


def _replace(path: Path, data: bytes) -> None:
    """Put `data` in place of `path` in one step, with its mode; a link keeps pointing at its file."""
    path = path.resolve()
    descriptor, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.name}.")
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(data)
        if path.exists():
            Path(name).chmod(stat.S_IMODE(path.stat().st_mode))
            shutil.copystat(path, name)
            os.utime(name)
        Path(name).replace(path)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise
