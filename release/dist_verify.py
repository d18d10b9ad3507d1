"""Comparing a folder of archives with the set that a release must have, and looking inside each one."""

from __future__ import annotations

import base64
import csv
import difflib
import hashlib
import io
import tarfile
import zipfile
from collections.abc import Callable, Iterator, Mapping
from email.parser import BytesParser
from email.policy import compat32
from functools import partial
from pathlib import Path, PurePosixPath

from packaging.utils import canonicalize_name

from release.dist import Archive, Distribution
from release.problems import Problem

# What a source archive has no business with: machine code, and archives of archives.
BINARY_STARTS = (b"\x7fELF", b"MZ", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"PK\x03\x04", b"!<arch>")
UNPACKED_LIMIT = 50_000_000
"""The most bytes read from one archive: a small file can unpack to a very large one."""


def verify(distribution: Distribution, folder: Path, archives: list[Archive] | None = None) -> list[Problem]:
    """Return everything that is wrong with the archives in `folder`; nothing means they may be published.

    `archives` is the set they must be, by default all of the distribution's.
    """
    wanted = [archive.name for archive in (distribution.archives() if archives is None else archives)]
    if not folder.is_dir():
        return [Problem("no-folder", f"{folder} is not a folder", "build the archives first: nox -s sdist wheels")]
    present = sorted(path.name for path in folder.iterdir())
    problems = list(_set_problems(wanted, present))
    metadata: dict[str, bytes] = {}
    for name in present:
        if name not in wanted:
            continue
        size = (folder / name).stat().st_size
        if size > distribution.size_limit:
            problems.append(Problem("too-large", f"{name}: {size:,} bytes, the budget is {distribution.size_limit:,}"))
        try:
            files = read(folder / name)
        except (OSError, EOFError, ValueError, zipfile.BadZipFile, tarfile.TarError) as error:
            problems.append(Problem("unreadable", f"{name}: {error}", "build it again"))
            continue
        problems.extend(_content_problems(distribution, name, files, metadata))
    if len(set(metadata.values())) > 1:
        message = f"the archives do not carry one METADATA: {', '.join(metadata)}"
        problems.append(Problem("metadata-differs", message, "build them all from one commit"))
    return problems


def read(path: Path) -> dict[str, bytes]:
    """Return the files of an archive by their path inside it, without the sdist's top folder.

    Raises:
        ValueError: a path leads outside, or the content is larger than UNPACKED_LIMIT.
    """
    found: dict[str, bytes] = {}
    room = UNPACKED_LIMIT
    for name, size, content in _entries(path):
        room -= size
        parts = PurePosixPath(name)
        if room < 0:
            raise ValueError(f"more than {UNPACKED_LIMIT:,} bytes unpacked")
        if parts.is_absolute() or ".." in parts.parts or "\\" in name:
            raise ValueError(f"{name!r} leads outside the archive")
        if name in found:
            raise ValueError(f"{name!r} is there twice")
        found[name] = content()
    return found


def _entries(path: Path) -> Iterator[tuple[str, int, Callable[[], bytes]]]:
    """Yield name, size, and a function that reads the content while the iteration stands there."""
    if path.suffix == ".whl":
        with zipfile.ZipFile(path) as wheel:
            for entry in wheel.infolist():
                yield entry.filename, entry.file_size, partial(wheel.read, entry)
        return
    with tarfile.open(path, "r:gz") as sdist:
        for member in sdist:
            stream = sdist.extractfile(member) if member.isfile() else None
            if stream is None:
                raise ValueError(f"{member.name!r} is not a plain file")
            yield member.name.partition("/")[2], member.size, stream.read


def _set_problems(wanted: list[str], present: list[str]) -> Iterator[Problem]:
    missing = [name for name in wanted if name not in present]
    for name in present:
        if name not in wanted:
            near = difflib.get_close_matches(name, missing or wanted, 1, 0.8)
            hint = f"; expected is {near[0]}" if near else ""
            yield Problem(
                "unexpected-file", f"{name} is not part of this release{hint}", "remove it, or build it again"
            )
    for name in missing:
        yield Problem("missing-file", f"{name} is missing", "build it: `python -m release dist --matrix` says where")


def _content_problems(
    distribution: Distribution, name: str, files: Mapping[str, bytes], metadata: dict[str, bytes]
) -> Iterator[Problem]:
    info = "" if name.endswith(".tar.gz") else f"{distribution.stem}.dist-info/"
    document = files.get(f"{info}METADATA" if info else "PKG-INFO")
    if document is None:
        yield Problem("no-metadata", f"{name} has no metadata for {distribution.stem}", "build it again")
        return
    metadata[name] = document
    headers = BytesParser(policy=compat32).parsebytes(document, headersonly=True)
    if canonicalize_name(headers["Name"] or "") != canonicalize_name(distribution.name):
        yield Problem("wrong-name", f"{name} says that it is {headers['Name']!r}")
    if headers["Version"] != str(distribution.version):
        yield Problem("wrong-version", f"{name} says that it is version {headers['Version']!r}")
    for licence in headers.get_all("License-File") or [""]:
        place = f"{info}licenses/{licence}" if info else licence
        if not licence or place not in files:
            yield Problem("no-licence", f"{name} lacks its licence ({place})", "name it in [project] license-files")
    if info:
        yield from _record_problems(name, info, files)
    else:
        for path, content in files.items():
            if content.startswith(BINARY_STARTS):
                yield Problem("binary", f"{name} holds a binary: {path}", "remove it from git")


def _record_problems(name: str, info: str, files: Mapping[str, bytes]) -> Iterator[Problem]:
    """Check RECORD: every file is listed once, with its own hash and size."""
    record = files.get(f"{info}RECORD")
    if record is None:
        yield Problem("no-record", f"{name} has no RECORD", "build it again")
        return
    listed = {row[0]: row[1:] for row in csv.reader(io.StringIO(record.decode("utf-8", "replace"))) if len(row) == 3}
    for path in sorted(set(files) | set(listed)):
        if path == f"{info}RECORD":
            continue
        content = files.get(path)
        digest = base64.urlsafe_b64encode(hashlib.sha256(content or b"").digest()).rstrip(b"=").decode()
        if content is None or listed.get(path) != [f"sha256={digest}", str(len(content))]:
            yield Problem("bad-record", f"{name}: RECORD and {path} disagree", "build it again")
