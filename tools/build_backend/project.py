"""What the build reads: the metadata, the version, the Python files and the clock, each from its one place."""

from __future__ import annotations

import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version
from pyproject_metadata import ConfigurationError, StandardMetadata

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

# Zip cannot say anything earlier, and a fixed date is better than the clock.
EARLIEST = 315_532_800  # 1980-01-01T00:00:00Z


def read_toml(path: Path) -> dict[str, Any]:
    """Read a TOML file, or stop the build with its name and what is wrong in it."""
    try:
        with path.open("rb") as stream:
            return dict(tomllib.load(stream))
    except OSError as error:
        raise SystemExit(f"error: cannot read {path}: {error.strerror}") from error
    except tomllib.TOMLDecodeError as error:
        raise SystemExit(f"error: {path}: {error}") from error


@dataclass(frozen=True)
class Project:
    """One source tree, as the build sees it."""

    root: Path
    metadata: StandardMetadata
    settings: dict[str, Any]
    """The ``[tool.maturin]`` table."""

    @classmethod
    def load(cls, root: Path) -> Project:
        """Read ``pyproject.toml`` and the version from the Cargo manifest that ``[tool.maturin]`` names."""
        pyproject = read_toml(root / "pyproject.toml")
        settings = pyproject.get("tool", {}).get("maturin", {})
        try:
            metadata = StandardMetadata.from_pyproject(pyproject, root)
        except ConfigurationError as error:
            raise SystemExit(f"error: pyproject.toml: {error}") from error
        if "version" in metadata.dynamic:
            metadata.dynamic.remove("version")
            metadata.version = cargo_version(root / settings.get("manifest-path", "Cargo.toml"))
        return cls(root, metadata, settings)

    @property
    def manifest(self) -> Path:
        """The Cargo manifest of the crate that becomes the native module."""
        return self.root / str(self.settings.get("manifest-path", "Cargo.toml"))

    @property
    def module(self) -> str:
        """The name under which Python imports the native module."""
        return str(self.settings["module-name"])

    @property
    def stem(self) -> str:
        """``name-version`` as file names spell it."""
        name = canonicalize_name(self.metadata.name).replace("-", "_")
        return f"{name}-{self.metadata.version}"

    @property
    def dist_info_name(self) -> str:
        """The name of the wheel's ``.dist-info`` folder."""
        return f"{self.stem}.dist-info"

    def metadata_bytes(self) -> bytes:
        """METADATA of every wheel, and PKG-INFO of the sdist."""
        return bytes(self.metadata.as_rfc822())

    def dist_info(self) -> dict[str, bytes]:
        """The files of the ``.dist-info`` folder that do not depend on how the wheel was built."""
        files = {f"{self.dist_info_name}/METADATA": self.metadata_bytes()}
        for name in self.metadata.license_files or []:
            path = name.as_posix()
            files[f"{self.dist_info_name}/licenses/{path}"] = (self.root / path).read_bytes()
        return files

    def python_files(self) -> dict[str, bytes]:
        """The Python side: what ``[tool.maturin] include`` puts in a wheel, by its path there."""
        found: dict[str, bytes] = {}
        for entry in self.settings.get("include", []):
            formats = ["sdist"] if isinstance(entry, str) else entry.get("format", "sdist")
            if "wheel" not in ([formats] if isinstance(formats, str) else formats):
                continue
            for path in sorted(self.root.glob(entry["path"])):
                if path.is_file() and "__pycache__" not in path.parts:
                    found[path.relative_to(self.root).as_posix()] = path.read_bytes()
        if not found:
            raise SystemExit("error: [tool.maturin] include names no file for the wheel")
        return found

    def epoch(self) -> int:
        """The date of every file in an archive, in seconds since 1970.

        ``SOURCE_DATE_EPOCH`` (https://reproducible-builds.org/specs/source-date-epoch/), else the commit's date,
        else that of an unpacked sdist, which carries it on PKG-INFO.
        """
        given = os.environ.get("SOURCE_DATE_EPOCH")
        if given:
            if not given.isdigit():
                raise SystemExit(f"error: SOURCE_DATE_EPOCH={given!r}: expected seconds since 1970")
            return max(int(given), EARLIEST)
        if (self.root / ".git").exists():
            command = ["git", "-C", str(self.root), "log", "-1", "--format=%ct"]
            git = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, check=False)
            if git.returncode == 0 and git.stdout.strip().isdigit():
                return max(int(git.stdout), EARLIEST)
        try:
            return max(int((self.root / "PKG-INFO").stat().st_mtime), EARLIEST)
        except OSError:
            return EARLIEST


def cargo_version(manifest: Path) -> Version:
    """Read a crate's version, following ``version.workspace = true``, in the spelling of Python."""
    package = read_toml(manifest).get("package", {})
    version = package.get("version")
    if isinstance(version, dict):
        version = workspace_table(manifest).get("package", {}).get("version")
    try:
        return Version(str(version))
    except InvalidVersion as error:
        raise SystemExit(f"error: {manifest}: the version {version!r} has no PEP 440 spelling") from error


def workspace_table(manifest: Path) -> dict[str, Any]:
    """Return ``[workspace]`` of the nearest manifest at or above this one that has it."""
    for folder in manifest.resolve().parents:
        candidate = folder / "Cargo.toml"
        if candidate.is_file():
            table = read_toml(candidate).get("workspace")
            if table is not None:
                return dict(table)
    raise SystemExit(f"error: {manifest} belongs to no Cargo workspace")
