"""The ``py3-none-any`` wheel: the Python side alone, for Python 3.8 and for platforms without a native wheel."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .wheelfile import write_wheel

if TYPE_CHECKING:
    from pathlib import Path

    from .project import Project

TAG = "py3-none-any"


def build(project: Project, folder: Path, *, editable: bool = False) -> str:
    """Write the wheel into ``folder`` and return its name; editable ones point to the tree instead of copying it."""
    files = editable_pointer(project) if editable else project.python_files()
    wheel = f"Wheel-Version: 1.0\nGenerator: {project.metadata.name}\nRoot-Is-Purelib: true\nTag: {TAG}\n"
    files.update(project.dist_info())
    files[f"{project.dist_info_name}/WHEEL"] = wheel.encode()
    return write_wheel(folder / f"{project.stem}-{TAG}.whl", files, project.epoch())


def editable_pointer(project: Project) -> dict[str, bytes]:
    """Return the ``.pth`` file by which Python finds the tree."""
    return {f"__editable__.{project.stem}.pth": f"{project.root.resolve()}\n".encode()}
