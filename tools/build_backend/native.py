"""The native wheel: maturin builds it, then it is written anew without anything that changes from build to build."""

from __future__ import annotations

import os
import re
import shlex
import shutil
import sys
import sysconfig
import tempfile
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

from wheel.wheelfile import WheelFile

from .project import read_toml
from .sbom import normalise
from .universal import editable_pointer
from .wheelfile import write_wheel

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, Union

    from .project import Project

    Settings = Union[Mapping[str, Any], None]

# One exact version: another maturin may lay the wheel out differently, and the build would no longer be repeatable.
MATURIN = "maturin==1.16.0"
ZIG = "ziglang==0.15.2"

NO_RUST = """\
error: the native wheel of {name} is compiled from Rust, and no `cargo` is on PATH.

  * Get Rust from https://rustup.rs or your system's packages, and try again.
  * Or do without: the universal wheel (py3-none-any) has the same functions in Python.
      published:      pip install --only-binary :all: {name}
      from a source:  pip install --config-settings universal=true .
      by a variable:  SKY_RS_UNIVERSAL=1, where a command takes no settings
"""


def require_rust(name: str = "sky-rs") -> None:
    """Stop the build with advice where there is no Rust."""
    if shutil.which("cargo") is None:
        raise SystemExit(NO_RUST.format(name=name))


def build_arguments(settings: Settings) -> list[str]:
    """Return the arguments for maturin, from ``maturin.build-args`` or from ``MATURIN_PEP517_ARGS``."""
    given = (settings or {}).get("maturin.build-args", os.environ.get("MATURIN_PEP517_ARGS", ""))
    return shlex.split(given) if isinstance(given, str) else list(given)


def linker_requirements(settings: Settings) -> list[str]:
    """Name zig where the build is told to link with it."""
    return [ZIG] if "--zig" in build_arguments(settings) else []


def build(project: Project, folder: Path, settings: Settings = None, *, editable: bool = False) -> str:
    """Build the wheel for the running Python into ``folder`` and return its file name."""
    require_rust(project.metadata.name)
    import maturin  # not there when only the universal wheel is built

    arguments = build_arguments(settings)
    if not any(argument in ("-F", "--features") or argument.startswith("--features=") for argument in arguments):
        arguments = [*arguments, *feature_arguments(project)]
    hook = maturin.build_editable if editable else maturin.build_wheel
    os.environ["SOURCE_DATE_EPOCH"] = str(project.epoch())  # maturin reads it for the SBOM
    os.environ["MATURIN_NO_MISSING_BUILD_BACKEND_WARNING"] = "1"  # this module is the build backend
    with tempfile.TemporaryDirectory() as scratch, without_paths(project.root):
        built = Path(scratch) / hook(scratch, {"maturin.build-args": arguments})
        return rewrite(project, built, folder, editable=editable)


def feature_arguments(project: Project) -> list[str]:
    """Choose the crate's feature for the running Python, as :func:`abi_feature` says."""
    features = read_toml(project.manifest).get("features", {})
    free_threaded = bool(sysconfig.get_config_var("Py_GIL_DISABLED"))
    feature = abi_feature(list(features), sys.version_info[:2], free_threaded=free_threaded)
    return ["--features", feature] if feature else []


def abi_feature(features: list[str], python: tuple[int, int], *, free_threaded: bool) -> str | None:
    """Return the stable ABI to build for: the newest one among the crate's that this Python has.

    ``abi3-py39`` and its like on the usual CPython, ``abi3t-py315`` and its like on the free-threaded one, which
    cannot load ``abi3`` modules; None builds for exactly this Python.
    """
    pattern = re.compile(r"abi3t-py3(\d+)" if free_threaded else r"abi3-py3(\d+)")
    floors = {int(match[1]): match[0] for match in map(pattern.fullmatch, features) if match}
    usable = [minor for minor in floors if (3, minor) <= python]
    return floors[max(usable)] if usable else None


@contextmanager
def without_paths(root: Path) -> Iterator[None]:
    """Have rustc write no path of this machine into the module (panic messages name source files)."""
    cargo_home = Path(os.environ.get("CARGO_HOME", Path.home() / ".cargo"))
    flags = [f"--remap-path-prefix={cargo_home}=/cargo", f"--remap-path-prefix={root}=."]
    before = {name: os.environ.get(name) for name in ("RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS")}
    encoded = before["CARGO_ENCODED_RUSTFLAGS"]
    given = encoded.split("\x1f") if encoded else (before["RUSTFLAGS"] or "").split()
    os.environ["CARGO_ENCODED_RUSTFLAGS"] = "\x1f".join([*given, *flags])
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                os.environ.pop(name, None)
            else:
                os.environ[name] = value


def rewrite(project: Project, built: Path, folder: Path, *, editable: bool) -> str:
    """Write maturin's wheel anew: our METADATA, the SBOM without chance and clock, fixed order and dates."""
    with WheelFile(built) as archive:
        if archive.dist_info_path != project.dist_info_name:
            raise SystemExit(f"error: maturin built {built.name}, pyproject.toml says {project.stem}")
        files = {name: archive.read(name) for name in archive.namelist() if not name.endswith("/RECORD")}
    for name in files:
        if name.endswith(".cyclonedx.json"):
            files[name] = normalise(files[name], project.root)
    files.update(project.dist_info())
    files.update(editable_pointer(project) if editable else project.python_files())
    # maturin offers an abi3t module to the usual CPython too, which has the abi3 wheel, measured and tested on it.
    tags = f"{project.dist_info_name}/WHEEL"
    if b"-abi3t-" in files[tags]:
        files[tags] = b"".join(line for line in files[tags].splitlines(keepends=True) if b"-abi3-" not in line)
    name = built.name.replace("-abi3.abi3t-", "-abi3t-")
    return write_wheel(folder / name, files, project.epoch())
