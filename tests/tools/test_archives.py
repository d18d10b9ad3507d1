"""Building archives: `reproduce`, `build_wheels`, `wheels_local` on a tiny project that needs no compiler."""

from __future__ import annotations

import platform
import subprocess
import sys
from pathlib import Path

import pytest
from click.testing import CliRunner

from release import dist
from tools import build_wheels, reproduce, wheels_local

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in programs are for Linux")

MACHINE = platform.machine()
PYPROJECT = f"""
[build-system]
requires = []
build-backend = "backend"
backend-path = ["."]
[project]
name = "tiny"
version = "1.0"
requires-python = ">=3.9"
classifiers = ["Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.10"]
[tool.maturin]
manifest-path = "Cargo.toml"
module-name = "tiny"
[tool.cibuildwheel]
build = "cp{{39,310}}-*"
skip = "*-musllinux_*"
linux = {{ archs = ["{MACHINE}"] }}
[tool.release.dist]
universal = true
runners = {{ linux-{MACHINE} = "ubuntu" }}
"""
# The hooks of PEP 517, as short as they can be; wheels are named by the arguments for maturin.
BACKEND = f"""
import io, os, pathlib, re, tarfile, zipfile

def build_sdist(out, settings=None):
    with tarfile.open(os.path.join(out, "tiny-1.0.tar.gz"), "w:xz") as sdist:
        for name in ("pyproject.toml", "Cargo.toml", "backend.py"):
            entry = tarfile.TarInfo("tiny-1.0/" + name)
            data = pathlib.Path(name).read_bytes()
            entry.size, entry.mtime = len(data), 1700000000
            sdist.addfile(entry, io.BytesIO(data))
    return "tiny-1.0.tar.gz"

def build_wheel(out, settings=None, metadata=None):
    arguments = (settings or {{}}).get("maturin.build-args", "")
    floor = re.search(r"abi3-py(\\d+)", arguments)
    policy = re.search(r"manylinux_\\d+_\\d+", arguments)
    tag = f"cp{{floor[1]}}-abi3-{{policy[0] if policy else 'linux'}}_{MACHINE}" if floor else "py3-none-any"
    name = f"tiny-1.0-{{tag}}.whl"
    with zipfile.ZipFile(os.path.join(out, name), "w") as wheel:
        wheel.writestr(zipfile.ZipInfo("tiny.py"), CONTENT)
    return name
"""
SAME, CHANCE = "\nCONTENT = 'x = 1'\n", "\nCONTENT = os.urandom(8).hex()\n"


def git(folder: Path, *arguments: str) -> None:
    identity = ("-c", "user.name=Test", "-c", "user.email=test@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", "-C", str(folder), *identity, *arguments], check=True, capture_output=True)


@pytest.fixture
def tiny(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    (folder / "Cargo.toml").write_text(
        '[package]\nname = "tiny"\nversion = "1.0.0"\n[features]\nabi3-py39 = []\nabi3-py310 = []\n'
    )
    (folder / "backend.py").write_text(BACKEND + SAME)
    git(folder, "init", "-q", "-b", "main")
    git(folder, "add", "-A")
    git(folder, "commit", "-q", "-m", "first")
    monkeypatch.chdir(folder)
    return folder


def change(tiny: Path, content: str) -> None:
    (tiny / "backend.py").write_text(content)
    git(tiny, "commit", "-q", "-a", "-m", "change")


def program(folder: Path, name: str, script: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{script}\n")
    (folder / name).chmod(0o755)


def test_reproduce_builds_every_kind_twice(tiny: Path) -> None:
    done = CliRunner().invoke(reproduce.main, [])
    assert done.exit_code == 0, done.output
    assert "4 files, each built twice, are bit-identical" in done.output
    for name in ("tiny-1.0.tar.gz", "py3-none-any.whl", f"cp39-abi3-linux_{MACHINE}.whl", "cp310-abi3-linux"):
        assert name in done.output
    assert "DIFFERENT" not in done.output


def test_reproduce_notices_chance_and_keeps_both_builds(tiny: Path, tmp_path: Path) -> None:
    change(tiny, BACKEND + CHANCE)
    done = CliRunner().invoke(reproduce.main, ["--quick", "--keep", str(tmp_path / "kept")])
    assert done.exit_code == 1
    assert "tiny-1.0.tar.gz: equal" in done.output
    assert "tiny-1.0-py3-none-any.whl: DIFFERENT" in done.output
    assert "two builds of one commit differ" in done.output
    assert (tmp_path / "kept/a/dist/tiny-1.0-py3-none-any.whl").is_file()
    assert len(list((tmp_path / "kept").rglob("*-abi3-*.whl"))) == 2


def test_reproduce_shows_why_a_build_failed(tiny: Path) -> None:
    change(tiny, "raise RuntimeError('no such luck')\n")
    done = CliRunner().invoke(reproduce.main, ["--quick"])
    assert done.exit_code == 1
    assert "no such luck" in done.output


@pytest.fixture
def sdist(tiny: Path) -> Path:
    reproduce.build(tiny, tiny / "dist", "--sdist")
    return tiny / "dist" / "tiny-1.0.tar.gz"


@pytest.fixture
def bare(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A PATH with a docker and a podman whose daemons are down."""
    for name in build_wheels.ENGINES:
        program(tmp_path / "bin", name, "exit 1")
    monkeypatch.setenv("PATH", f"{tmp_path / 'bin'}:/usr/local/bin:/usr/bin:/bin")
    return tmp_path / "bin"


def test_the_date_is_the_sdists(sdist: Path, tmp_path: Path) -> None:
    assert build_wheels.epoch(sdist) == "1700000000"
    subprocess.run(["tar", "-czf", tmp_path / "empty.tar.gz", "-T", "/dev/null"], check=True)
    with pytest.raises(Exception, match=r"empty\.tar\.gz is empty"):
        build_wheels.epoch(tmp_path / "empty.tar.gz")


def test_without_an_engine_that_answers_maturin_builds_what_the_names_promise(sdist: Path, bare: Path) -> None:
    done = CliRunner().invoke(build_wheels.main, [])
    assert done.exit_code == 0, done.output
    assert "The wheels are NOT tested here" in done.output
    wanted = {archive.name for archive in dist.load(Path.cwd()).archives() if f"_{MACHINE}.whl" in archive.name}
    assert len(wanted) == 2
    assert {path.name for path in sdist.parent.glob("*.whl")} == wanted


def test_a_job_that_builds_something_else_or_fails_is_named(tiny: Path, bare: Path) -> None:
    change(tiny, BACKEND.replace("abi3-py", "nothing") + SAME)
    reproduce.build(tiny, tiny / "dist", "--sdist")
    done = CliRunner().invoke(build_wheels.main, ["--no-container"])
    assert done.exit_code == 1
    assert "did not build tiny-1.0-cp39-abi3-manylinux" in done.output
    change(tiny, BACKEND.replace("CONTENT", "UNKNOWN") + SAME)
    reproduce.build(tiny, tiny / "dist", "--sdist")
    done = CliRunner().invoke(build_wheels.main, ["--no-container"])
    assert done.exit_code == 1
    assert "build ended with 1" in done.output


# cibuildwheel's stand-in leaves the wheels that its environment asks for, and tells what it was given.
CIBUILDWHEEL = f"""
import os, pathlib, sys
out = pathlib.Path(sys.argv[sys.argv.index("--output-dir") + 1])
for identifier in os.environ["CIBW_BUILD"].split():
    python, platform = identifier.split("-")
    print("Building", identifier, "wheel")
    print("12 passed in 3.45s")
    if python in ("cp39", "cp310"):
        (out / f"tiny-1.0-{{python}}-abi3-manylinux_2_28_{MACHINE}.whl").touch()
print({{name: os.environ[name] for name in os.environ if name.startswith(("CIBW", "SOURCE"))}})
sys.exit(int(os.environ.get("FAIL", "0")))
"""


@pytest.fixture
def cibuildwheel(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    modules = tmp_path / "modules"
    modules.mkdir()
    (modules / "cibuildwheel.py").write_text(CIBUILDWHEEL)
    for name in ("auditwheel", "abi3audit"):
        (modules / f"{name}.py").write_text("import sys; print('judged', sys.argv[-1])")
    monkeypatch.setenv("PYTHONPATH", str(modules))


@pytest.mark.usefixtures("cibuildwheel")
def test_with_an_engine_cibuildwheel_does_the_job(
    sdist: Path, bare: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    program(bare, "podman", "exit 0")
    done = CliRunner().invoke(build_wheels.main, ["--job", f"manylinux_{MACHINE}-cp39"])
    assert done.exit_code == 0, done.output
    assert f"built dist/tiny-1.0-cp39-abi3-manylinux_2_28_{MACHINE}.whl" in done.output
    said = capfd.readouterr().out
    assert "'CIBW_CONTAINER_ENGINE': 'podman'" in said
    assert "'SOURCE_DATE_EPOCH': '1700000000'" in said
    monkeypatch.setenv("FAIL", "3")
    done = CliRunner().invoke(build_wheels.main, ["--job", f"manylinux_{MACHINE}-cp39"])
    assert done.exit_code == 1
    assert f"manylinux_{MACHINE}-cp39: cibuildwheel ended with 3" in done.output


@pytest.fixture
def machine(tmp_path: Path, bare: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A machine with podman and debootstrap by name, Rust, and three CPythons of pyenv."""
    program(bare, "podman", 'echo "podman $*" >> "$0.log"; case "$2" in exists) exit 1;; esac')
    program(bare, "debootstrap", 'for root; do :; done; mkdir -p "$root/etc"; echo debian > "$root/etc/issue"')
    for name in ("runc", "rustc"):
        program(bare, name, "exit 0")
    for version in ("3.9.1", "3.10.2", "3.10.11", "3.12.0", "3.11-dev"):
        (tmp_path / "pyenv/versions" / version / "bin").mkdir(parents=True)
        (tmp_path / "pyenv/versions" / version / "bin/python").touch()
    monkeypatch.setenv("PYENV_ROOT", str(tmp_path / "pyenv"))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(platform, "machine", lambda: "x86_64")
    monkeypatch.setattr("os.geteuid", lambda: 0)
    return bare


def test_the_newest_cpython_of_each_wanted_version_is_mounted(
    machine: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    found = wheels_local.pythons({"cp39", "cp310", "cp311"})
    versions = tmp_path / "pyenv/versions"
    assert found == {"cp39": versions / "3.9.1", "cp310": versions / "3.10.11"}
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    arguments = list(wheels_local.create_arguments(found))
    assert "--env=PIP_INDEX_URL" in arguments
    assert f"--volume={versions / '3.10.11'}:{versions / '3.10.11'}:O" in arguments


@pytest.mark.usefixtures("cibuildwheel")
@pytest.mark.skipif(MACHINE != "x86_64", reason="wheels-local is for x86_64")
def test_wheels_local_makes_an_image_builds_and_counts_the_tested_cpythons(
    machine: Path, tiny: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    done = CliRunner().invoke(wheels_local.main, ["--at-least", "2"])
    assert done.exit_code == 0, done.output
    assert "cp310-manylinux_x86_64: 12 passed in 3.45s" in done.output
    assert "2 wheels, tested on 2 CPythons" in done.output
    podman = (machine / "podman.log").read_text()
    assert "image exists localhost/sky-rs-manylinux:1" in podman
    assert "import --quiet --change ENV AUDITWHEEL_PLAT=manylinux_2_28_x86_64" in podman
    assert "runc" in (tmp_path / "cache/sky-rs/wheels-local/containers.conf").read_text()
    done = CliRunner().invoke(wheels_local.main, ["--at-least", "3"])
    assert done.exit_code == 1
    assert "tested on 2 CPythons, wanted at least 3" in done.output
    monkeypatch.setenv("FAIL", "1")
    done = CliRunner().invoke(wheels_local.main, ["--at-least", "1"])
    assert done.exit_code == 1


def test_wheels_local_needs_root_and_rust(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (machine / "rustc").unlink()
    monkeypatch.setenv("PATH", str(machine))
    assert "there is no Rust to mount" in CliRunner().invoke(wheels_local.main, []).output
    monkeypatch.setattr("os.geteuid", lambda: 1000)
    done = CliRunner().invoke(wheels_local.main, [])
    assert done.exit_code == 1
    assert "NOT RUN: it needs root on an x86_64 Debian" in done.output
