"""The sdist: the files that git tracks, with their content in the work tree, and PKG-INFO."""

from __future__ import annotations

import gzip
import io
import subprocess
import tarfile
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pathlib import Path

    from .project import Project


def tracked_files(root: Path) -> list[str]:
    """List the tracked files that exist, sorted; outside a git checkout there is no such list, and no sdist."""
    git = subprocess.run(["git", "-C", str(root), "ls-files", "-z"], capture_output=True, check=False)
    names = sorted(set(git.stdout.decode().split("\0")) - {""})
    if git.returncode != 0 or not names:
        reason = git.stderr.decode(errors="replace").strip() or "git tracks no file here"
        raise SystemExit(f"error: the sdist is made of the files that git tracks in {root}: {reason}")
    return [name for name in names if (root / name).is_file() and not (root / name).is_symlink()]


def write_sdist(project: Project, folder: Path) -> str:
    """Write the sdist into ``folder`` and return its name; the same commit gives the same bytes."""
    name = f"{project.stem}.tar.gz"
    epoch = project.epoch()
    files = tracked_files(project.root)
    # The gzip header has a file name and a date of its own: the name is left out, the date is the commit's.
    with (folder / name).open("wb") as raw, gzip.GzipFile("", "wb", 9, raw, mtime=epoch) as compressed, tarfile.open(
        fileobj=compressed, mode="w", format=tarfile.PAX_FORMAT
    ) as archive:
        add(archive, f"{project.stem}/PKG-INFO", project.metadata_bytes(), epoch, 0o644)
        for file in files:
            path = project.root / file
            mode = 0o755 if path.stat().st_mode & 0o100 else 0o644
            add(archive, f"{project.stem}/{file}", path.read_bytes(), epoch, mode)
    return name


def add(archive: tarfile.TarFile, name: str, content: bytes, epoch: int, mode: int) -> None:
    """Add one file that belongs to nobody in particular."""
    entry = tarfile.TarInfo(name)
    entry.size = len(content)
    entry.mtime = epoch
    entry.mode = mode
    archive.addfile(entry, io.BytesIO(content))
