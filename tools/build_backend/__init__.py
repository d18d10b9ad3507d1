"""The build backend of sky-rs (PEP 517 and 660): maturin for the native wheel, and what maturin does not do.

* The native wheel is maturin's, rewritten so that the same commit gives the same bytes in every folder.
* ``--config-setting universal=true`` (or ``SKY_RS_UNIVERSAL=1``) builds ``py3-none-any``: no Rust, no maturin.
* The sdist holds the files that git tracks, and nothing else.
* All three carry one METADATA, read from ``pyproject.toml`` and the version in ``Cargo.toml``.

Runs wherever pip builds the package, so it keeps to Python 3.8 and to the few packages of ``[build-system]``.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING

from . import native, universal
from .project import Project
from .source import write_sdist

if TYPE_CHECKING:
    from .native import Settings

__all__ = [
    "build_editable",
    "build_sdist",
    "build_wheel",
    "get_requires_for_build_editable",
    "get_requires_for_build_sdist",
    "get_requires_for_build_wheel",
    "prepare_metadata_for_build_editable",
    "prepare_metadata_for_build_wheel",
]


def wants_universal(settings: Settings) -> bool:
    """Say whether the wheel without Rust is asked for; a word that is neither yes nor no stops the build."""
    value = (settings or {}).get("universal", os.environ.get("SKY_RS_UNIVERSAL", ""))
    word = str(value).strip().lower()
    if word in {"1", "true", "yes", "on"}:
        return True
    if word in {"", "0", "false", "no", "off"}:
        return False
    raise SystemExit(f"error: universal={value!r}: expected true or false")


def get_requires_for_build_wheel(config_settings: Settings = None) -> list[str]:
    """Name what the native wheel needs besides ``[build-system] requires``: maturin, and a Rust to call."""
    if wants_universal(config_settings):
        return []
    native.require_rust()
    return [native.MATURIN, *native.linker_requirements(config_settings)]


def get_requires_for_build_editable(config_settings: Settings = None) -> list[str]:
    """An editable install needs what a wheel needs."""
    return get_requires_for_build_wheel(config_settings)


def get_requires_for_build_sdist(config_settings: Settings = None) -> list[str]:  # noqa: ARG001
    """Nothing: the sdist is made without Rust."""
    return []


def prepare_metadata_for_build_wheel(metadata_directory: str, config_settings: Settings = None) -> str:  # noqa: ARG001
    """Write the ``.dist-info`` folder without building anything; the metadata is the same for every wheel."""
    project = Project.load(Path.cwd())
    for name, content in project.dist_info().items():
        path = Path(metadata_directory) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    return project.dist_info_name


prepare_metadata_for_build_editable = prepare_metadata_for_build_wheel


def build_wheel(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,  # noqa: ARG001 - written anew, from the same source
) -> str:
    """Build the native wheel, or the universal one where the settings ask for it, and return its file name."""
    project = Project.load(Path.cwd())
    if wants_universal(config_settings):
        return universal.build(project, Path(wheel_directory))
    return native.build(project, Path(wheel_directory), config_settings)


def build_editable(
    wheel_directory: str,
    config_settings: Settings = None,
    metadata_directory: str | None = None,  # noqa: ARG001
) -> str:
    """Build the wheel of an editable install: the native module compiled, the Python files used in place."""
    project = Project.load(Path.cwd())
    if wants_universal(config_settings):
        return universal.build(project, Path(wheel_directory), editable=True)
    return native.build(project, Path(wheel_directory), config_settings, editable=True)


def build_sdist(sdist_directory: str, config_settings: Settings = None) -> str:  # noqa: ARG001
    """Build the sdist from the files that git tracks and return its file name."""
    return write_sdist(Project.load(Path.cwd()), Path(sdist_directory))
