"""The files a release must have, and the jobs that build them, derived from the configuration and nothing else.

The table is `[tool.cibuildwheel]`: which Pythons, which systems, which processors. The stable ABIs are the `abi3-pyXY`
and `abi3t-pyXY` features of the crate that `[tool.maturin]` names; without them every Python gets a wheel of its own.
`[tool.release.dist]` adds what those tables cannot say: which runner builds a system, and the size budget.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatch
from pathlib import Path
from typing import Any, NamedTuple

import bracex
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name
from packaging.version import InvalidVersion, Version

from release import settings, toml
from release.errors import Refused

SYSTEMS = ("linux", "macos", "windows")
WINDOWS_TAGS = {"AMD64": "win_amd64", "ARM64": "win_arm64", "x86": "win32"}
PEP_600 = re.compile(r"(?:many|musl)linux_\d+_\d+")
CLASSIFIER = re.compile(r"Programming Language :: Python :: 3\.(\d+)")


class Python(NamedTuple):
    """One CPython as cibuildwheel names it: `cp310`, `cp314t`."""

    minor: int
    free_threaded: bool

    def __str__(self) -> str:
        """Return the name, as the identifiers start with it."""
        return f"cp3{self.minor}{'t' * self.free_threaded}"


@dataclass(frozen=True)
class Archive:
    """One file of a release.

    Attributes:
        name: the file's name.
        platform: what cibuildwheel calls its platform (`manylinux_x86_64`); empty for files that fit everywhere.
        tested: cibuildwheel's identifiers of the Pythons the file is tested on; the first one builds it.
    """

    name: str
    platform: str = ""
    tested: tuple[str, ...] = ()


@dataclass(frozen=True)
class Job:
    """One run of cibuildwheel: the wheels of one platform that do not stand in each other's way."""

    name: str
    system: str
    arch: str
    runner: str
    archives: tuple[Archive, ...]

    @property
    def build(self) -> tuple[str, ...]:
        """The identifiers to build or test, for CIBW_BUILD."""
        return tuple(identifier for archive in self.archives for identifier in archive.tested)

    def as_json(self) -> dict[str, Any]:
        """Return the entry of GitHub's matrix."""
        return {
            "name": self.name,
            "system": self.system,
            "arch": self.arch,
            "runner": self.runner,
            "build": " ".join(self.build),
            "files": [archive.name for archive in self.archives],
        }


@dataclass(frozen=True)
class Distribution:
    """One version of the package, as files and as jobs."""

    name: str
    version: Version
    jobs: tuple[Job, ...]
    universal: bool
    size_limit: int

    @property
    def stem(self) -> str:
        """Name and version as file names spell them."""
        return f"{canonicalize_name(self.name).replace('-', '_')}-{self.version}"

    def archives(self) -> list[Archive]:
        """Return every file, the sdist first."""
        first = [Archive(f"{self.stem}.tar.gz")]
        if self.universal:
            first.append(Archive(f"{self.stem}-py3-none-any.whl"))
        return first + [archive for job in self.jobs for archive in job.archives]

    def matrix(self) -> dict[str, Any]:
        """Return what GitHub's `strategy.matrix` takes."""
        return {"include": [job.as_json() for job in self.jobs]}


def load(root: Path, version: Version | None = None) -> Distribution:
    """Read the configuration of the repository at `root`; `version` stands in for the one written there.

    Raises:
        Refused: something that decides the files is missing or cannot be understood.
    """
    text = _read(root / "pyproject.toml")
    document = toml.load(text, "pyproject.toml")
    tool: Mapping[str, Any] = document.get("tool", {})
    project: Mapping[str, Any] = document.get("project", {})
    if not isinstance(project.get("name"), str):
        raise Refused.because("no-name", "pyproject.toml: [project] has no name", 'add name = "..."')
    own = settings.read(text, "pyproject.toml").dist
    manifest = root / tool["maturin"].get("manifest-path", "Cargo.toml") if "maturin" in tool else None
    crate = toml.load(_read(manifest), manifest.name) if manifest else {}
    found = version or _written_version(project, manifest, crate)
    table = tool.get("cibuildwheel")
    if table is None:
        return Distribution(project["name"], found, (), universal=True, size_limit=own.size_limit)
    builder = _Builder(project, table, list(crate.get("features", {})), own.runners)
    distribution = Distribution(project["name"], found, (), own.universal, own.size_limit)
    jobs = tuple(builder.jobs(distribution.stem))
    return Distribution(project["name"], found, jobs, own.universal, own.size_limit)


class _Builder:
    """Turns the tables into jobs."""

    def __init__(
        self, project: Mapping[str, Any], table: Mapping[str, Any], features: list[str], runners: Mapping[str, str]
    ) -> None:
        self.table = table
        self.runners = runners
        self.floors = {threads: _floors(features, threads) for threads in (False, True)}
        supported = SpecifierSet(project.get("requires-python", ""))
        minors = sorted({int(match[1]) for match in map(CLASSIFIER.fullmatch, project.get("classifiers", [])) if match})
        self.pythons = [
            Python(minor, free_threaded)
            for minor in minors
            if f"3.{minor}" in supported
            for free_threaded in (False, True)
        ]

    def jobs(self, stem: str) -> Iterator[Job]:
        """Yield the jobs in the order of the table."""
        for system in SYSTEMS:
            for arch in self._archs(system):
                runner = self.runners.get(f"{system}-{arch}")
                if runner is None:
                    raise Refused.because(
                        "no-runner", f"no runner is named for {system}-{arch}",
                        f"add {system}-{arch} = \"...\" to [tool.release.dist.runners] in pyproject.toml",
                    )  # fmt: skip
                for platform, tag in self._platforms(system, arch):
                    archives = list(self._archives(system, stem, platform, tag))
                    for group in _compatible(archives):
                        name = f"{platform}-{group[0].tested[0].partition('-')[0]}"
                        yield Job(name, system, arch, runner, tuple(group))

    def _option(self, system: str, name: str, default: Any = "") -> Any:
        return self.table.get(system, {}).get(name, self.table.get(name, default))

    def _archs(self, system: str) -> list[str]:
        archs = _words(self.table.get(system, {}).get("archs", []))
        if any(arch.startswith(("auto", "native", "all")) for arch in archs):
            raise Refused.because(
                "vague-archs", f"[tool.cibuildwheel.{system}] archs = {archs} depends on the machine that builds",
                "name the processors, for example [\"x86_64\", \"aarch64\"]",
            )  # fmt: skip
        return archs

    def _platforms(self, system: str, arch: str) -> Iterator[tuple[str, str]]:
        """Yield cibuildwheel's name of a platform and the platform tag of its wheels."""
        if system == "windows":
            yield WINDOWS_TAGS[arch], WINDOWS_TAGS[arch]
        elif system == "macos":
            target = str(_environment(self._option(system, "environment")).get("MACOSX_DEPLOYMENT_TARGET", ""))
            if not re.fullmatch(r"\d+\.\d+", target):
                raise Refused.because(
                    "no-macos-target", "the macOS wheels' names depend on MACOSX_DEPLOYMENT_TARGET, which is not set",
                    'set [tool.cibuildwheel.macos] environment = { MACOSX_DEPLOYMENT_TARGET = "11.0" }',
                )  # fmt: skip
            yield f"macosx_{arch}", f"macosx_{target.replace('.', '_')}_{arch}"
        else:
            for libc, default in (("manylinux", "manylinux_2_28"), ("musllinux", "musllinux_1_2")):
                image = self._option(system, f"{libc}-{arch}-image", default)
                if not PEP_600.fullmatch(image):
                    raise Refused.because(
                        "vague-image", f"{libc}-{arch}-image = {image!r} does not say which policy its wheels have",
                        f"use a name such as {default!r}",
                    )  # fmt: skip
                yield f"{libc}_{arch}", f"{image}_{arch}"

    def _archives(self, system: str, stem: str, platform: str, tag: str) -> Iterator[Archive]:
        """Yield one platform's wheels, each with every Python it is tested on."""
        build, skip = (
            _patterns(self._option(system, name, default)) for name, default in (("build", "*"), ("skip", ""))
        )
        tested: dict[str, list[str]] = {}
        for python in self.pythons:
            identifier = f"{python}-{platform}"
            if not _selected(identifier, build) or _selected(identifier, skip):
                continue
            floor = max((floor for floor in self.floors[python.free_threaded] if floor <= python.minor), default=None)
            abi = f"cp3{python.minor}-{python}" if floor is None else _abi(floor, python)
            tested.setdefault(f"{stem}-{abi}-{tag}.whl", []).append(identifier)
        for name, identifiers in tested.items():
            yield Archive(name, platform, tuple(identifiers))


def _abi(floor: int, python: Python) -> str:
    return f"cp3{floor}-{'abi3t' if python.free_threaded else 'abi3'}"


def _floors(features: list[str], free_threaded: bool) -> list[int]:
    pattern = re.compile(r"abi3t-py3(\d+)" if free_threaded else r"abi3-py3(\d+)")
    return [int(match[1]) for match in map(pattern.fullmatch, features) if match]


def _compatible(archives: list[Archive]) -> list[list[Archive]]:
    """Split wheels so that no run of cibuildwheel meets two abi3 ones.

    It takes an abi3 wheel that it has built for every later Python and would never build the second one.
    """
    groups: list[list[Archive]] = []
    others: list[Archive] = []
    for archive in archives:
        if "-abi3-" in archive.name:
            groups.append([archive])
        else:
            others.append(archive)
    if not groups:
        return [others] if others else []
    groups[-1].extend(others)
    return groups


def _patterns(value: str | list[str]) -> list[str]:
    return [pattern for word in _words(value) for pattern in bracex.expand(word)]


def _selected(identifier: str, patterns: list[str]) -> bool:
    return any(fnmatch(identifier, pattern) for pattern in patterns)


def _words(value: str | list[str]) -> list[str]:
    """Split one string at white space, or each string of a list."""
    return value.split() if isinstance(value, str) else [word for item in value for word in item.split()]


def _environment(value: str | Mapping[str, str]) -> Mapping[str, str]:
    if isinstance(value, str):
        return dict(word.split("=", 1) for word in value.split() if "=" in word)
    return value


def _written_version(project: Mapping[str, Any], manifest: Path | None, crate: Mapping[str, Any]) -> Version:
    """Return the version that the sources carry: `[project]`, else the crate or its workspace."""
    version: Any = project.get("version") or crate.get("package", {}).get("version")
    if isinstance(version, dict) and manifest is not None:
        for folder in manifest.resolve().parents:
            if (folder / "Cargo.toml").is_file():
                workspace = toml.load(_read(folder / "Cargo.toml"), "Cargo.toml").get("workspace")
                if workspace is not None:
                    version = workspace.get("package", {}).get("version")
                    break
    try:
        return Version(str(version))
    except InvalidVersion:
        raise Refused.because(
            "no-version", f"the sources give no version (found {version!r})", "name one: --version 1.2.3"
        ) from None


def _read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise Refused.because(
            "unreadable", f"cannot read {path.name}: {error}", "run this in the package's folder"
        ) from None
