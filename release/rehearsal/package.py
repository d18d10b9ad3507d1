"""The second half of a rehearsal: build from the tag, upload, install from the index, and try it."""

from __future__ import annotations

import contextlib
import hashlib
import importlib.util
import os
import shlex
import shutil
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Iterator
from pathlib import Path

from packaging.utils import canonicalize_name, parse_sdist_filename, parse_wheel_filename
from packaging.version import Version

from release.errors import Refused
from release.git import Repository, Tree
from release.plan import ReleasePlan
from release.planner import read_settings
from release.problems import Problem
from release.rehearsal.stage import Stage
from release.settings import RehearseSettings

NEEDED = {"build": "build", "pypiserver": "pypiserver", "twine": "twine", "virtualenv": "virtualenv"}
VERSION = "import sys; from importlib.metadata import version; print(version(sys.argv[1]))"


def require_tools() -> None:
    """Refuse before anything begins when the programs of this half are not installed."""
    missing = [name for module, name in NEEDED.items() if importlib.util.find_spec(module) is None]
    if missing:
        fix = f"pip install {' '.join(missing)}"
        raise Refused([Problem("missing-tools", f"a rehearsal needs {', '.join(missing)}", fix)])


def builds(source: Path) -> bool:
    """Whether there is a Python package to build."""
    return (source / "pyproject.toml").is_file() or (source / "setup.py").is_file()


def build(stage: Stage, source: Path, chosen: RehearseSettings) -> tuple[list[Path], str]:
    """Run each build of the settings, and return the archives.

    The first is made of the clean clone; what follows an sdist, of that sdist, as an installer would.
    A build whose program is missing on this machine is left out, and said to be.
    """
    out = stage.folder / "dist"
    clone = source
    left_out = []
    for arguments in chosen.builds:
        program = chosen.needs.get(arguments)
        if program is not None and shutil.which(program) is None:
            left_out.append(f"`build {arguments}` was NOT run: {program} is not installed")
            continue
        command = [sys.executable, "-m", "build", "--outdir", str(out), *shlex.split(arguments), str(source)]
        stage.run(command, cwd=source)
        if source == clone:
            source = _unpacked(stage, out) or clone
    archives = sorted(out.iterdir())
    words = [", ".join(path.name for path in archives), *left_out]
    if source != clone:
        words.append("the wheels are made of the sdist")
    return archives, "; ".join(words)


def _unpacked(stage: Stage, out: Path) -> Path | None:
    """Return the folder of the sdist's files, None where there is no sdist."""
    found = sorted(out.glob("*.tar.gz"))
    if not found:
        return None
    place = stage.folder / "unpacked"
    with tarfile.open(found[0]) as archive:
        # Debian 12's Python 3.11.2 knows no filters yet, and leaves the attribute alone.
        archive.extraction_filter = getattr(tarfile, "data_filter", None)
        archive.extractall(place)  # noqa: S202 - built here a moment ago
    (tree,) = place.iterdir()
    return tree


def verify(stage: Stage, source: Path, archives: list[Path], made: ReleasePlan, module: str) -> tuple[None, str]:
    """Check that each archive is of this release and that the index would take it, then run the package's own check."""
    wanted = (canonicalize_name(made.name), Version(str(made.next)))
    strangers = []
    for path in archives:
        wheel = path.suffix == ".whl"
        if (parse_wheel_filename(path.name)[:2] if wheel else parse_sdist_filename(path.name)) != wanted:
            strangers.append(path.name)
    if strangers:
        message = f"{', '.join(strangers)}: not of {made.name} {made.next}"
        raise Refused([Problem("foreign-archive", message, "see which version the build reads")])
    stage.run([sys.executable, "-m", "twine", "check", "--strict", *map(str, archives)])
    words = f"{len(archives)} archives of {made.name} {made.next}, `twine check --strict` is content"
    return None, words + (own_judge(stage, source, module) if module else "")


def own_judge(stage: Stage, source: Path, module: str) -> str:
    """Run the module of the clean clone that judges archives, and return what it said in one line."""
    said = stage.run([sys.executable, "-m", *shlex.split(module), str(stage.folder / "dist")], cwd=source)
    return "".join(f"; {line.strip()}" for line in said.splitlines() if line.strip())


@contextlib.contextmanager
def index(stage: Stage) -> Iterator[str]:
    """Run a package index on loopback and yield its address."""
    folder = stage.folder / "index"
    folder.mkdir()
    command = [sys.executable, "-m", "release.rehearsal.index", str(folder)]
    environment = {**stage.environment(), "PYTHONPATH": str(Path(__file__).parents[2])}
    with subprocess.Popen(
        command, env=environment, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as server:
        try:
            assert server.stdout is not None
            port = server.stdout.readline().strip()
            if not port.isdigit():
                raise Refused([Problem("no-index", "pypiserver did not start", "pip install pypiserver")])
            yield f"http://127.0.0.1:{port}"
        finally:
            server.terminate()


def upload(stage: Stage, archives: list[Path], address: str) -> tuple[None, str]:
    """Upload with twine, as to the real index."""
    files = [str(path) for path in archives]
    login = ["--username", "rehearsal", "--password", "rehearsal", "--disable-progress-bar", "--non-interactive"]
    stage.run([sys.executable, "-m", "twine", "upload", "--repository-url", f"{address}/", *login, *files])
    return None, f"{len(files)} files to {address}"


def environment(stage: Stage, chosen: RehearseSettings) -> tuple[Path, str]:
    """Make a new environment, with the folder layout of the package that ours installs beside."""
    place = stage.folder / "environment"
    stage.run([sys.executable, "-m", "virtualenv", "--quiet", str(place)])
    python = place / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    if not chosen.beside:
        return python, "empty"
    return python, _lay_out(stage, python, chosen.beside)


def _lay_out(stage: Stage, python: Path, requirement: str) -> str:
    """Unpack the real package without its dependencies; its top `__init__.py` would import them, so it is emptied."""
    site = Path(stage.run([python, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))"]).strip())
    wheels = stage.folder / "beside"
    download = ["-m", "pip", "download", "--quiet", "--no-deps", "--only-binary=:all:", "--dest", str(wheels)]
    stage.run([python, *download, "--", requirement], check=False)
    found = sorted(wheels.glob("*.whl")) if wheels.is_dir() else []
    name = requirement.partition("==")[0].removeprefix("pypi:")
    if not found:
        package = site / "sky" / "utils"
        package.mkdir(parents=True)
        for folder in (package.parent, package):
            (folder / "__init__.py").touch()
        return f"{requirement} could NOT be downloaded: an empty package of the same layout stands in for it"
    with zipfile.ZipFile(found[0]) as archive:
        archive.extractall(site)  # noqa: S202 - into a folder of ours, and zipfile keeps members inside it
        packages = {item.split("/")[0] for item in archive.namelist() if item.count("/") == 1}
    for package_name in packages:
        initial = site / package_name / "__init__.py"
        if initial.exists():
            initial.write_bytes(b"")
    return f"the files of {name} {found[0].name.split('-')[1]}, without its dependencies"


def install(stage: Stage, python: Path, address: str, name: str, version: str) -> tuple[None, str]:
    """Install the new version from the index, and check that nothing else in the environment changed."""
    before = _hashes(python)
    command = ["-m", "pip", "install", "--quiet", "--no-deps", "--index-url", f"{address}/simple/"]
    stage.run([python, *command, f"{name}=={version}"])
    found = stage.run([python, "-c", VERSION, name]).strip()
    after = _hashes(python)
    changed = [path for path, digest in before.items() if after.get(path) != digest]
    if found != version or changed:
        message = f"installed {found}, expected {version}; changed {', '.join(changed[:5]) or 'nothing'}"
        raise Refused([Problem("bad-install", message, "look at what the archives hold")])
    return None, f"{name} {version}, {len(after) - len(before)} new files, none of the {len(before)} others touched"


def _hashes(python: Path) -> dict[str, str]:
    root = python.parents[1]
    files = (path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts)
    return {str(path.relative_to(root)): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def check(stage: Stage, python: Path, module: str) -> tuple[None, str]:
    """Run the package's own check in the new environment."""
    said = stage.run([python, "-m", *shlex.split(module)])
    last = next((line for line in reversed(said.splitlines()) if line.strip()), "no output")
    return None, f"`python -m {module}` is content: {last.strip()}"


def summary(archives: list[Path]) -> list[str]:
    """Return what would be uploaded, each file with its size and hash."""
    lines = []
    for path in archives:
        data = path.read_bytes()
        lines.append(f"upload {path.name} ({len(data):,} bytes, sha256 {hashlib.sha256(data).hexdigest()})")
    return lines


def rehearse(stage: Stage, source: Path, made: ReleasePlan) -> list[str]:
    """Take the tagged source to an installed package, and return what a real release would upload."""
    if not builds(source):
        for title in ("build", "verify", "upload", "install", "check"):
            stage.left_out(title, "there is no Python package here (no pyproject.toml, no setup.py)")
        return []
    repository = Repository(source)
    chosen = read_settings(Tree(repository.objects(), repository.line("rev-parse", "HEAD")))[0].rehearse
    archives = stage.step("build", lambda: build(stage, source, chosen))
    stage.step("verify", lambda: verify(stage, source, archives, made, chosen.verify))
    with index(stage) as address:
        stage.step("upload", lambda: upload(stage, archives, address))
        python = stage.step("new environment", lambda: environment(stage, chosen))
        stage.step("install", lambda: install(stage, python, address, made.name, str(made.next)))
    if chosen.check:
        stage.step("check", lambda: check(stage, python, chosen.check))
    else:
        stage.left_out("check", "[tool.release.rehearse] names no check")
    return summary(archives)
