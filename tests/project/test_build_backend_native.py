"""The build backend's native wheel: what maturin is asked for, and what is made of its answer (no compiler here)."""

from __future__ import annotations

import json
import os
import sys
import types
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from wheel.wheelfile import WheelFile

from tools import build_backend
from tools.build_backend import native
from tools.build_backend.project import Project

STEM = "some_thing-1.2.0rc1"
INFORMATION = f"{STEM}.dist-info"


class Maturin(types.ModuleType):
    """Writes the wheel that maturin would, and keeps what it was asked for."""

    def __init__(self, root: Path, tags: str = "cp310-abi3-linux_x86_64") -> None:
        super().__init__("maturin")
        self.root, self.tags, self.stem = root, tags, STEM
        self.asked: list[tuple[str, list[str], str]] = []

    def build_wheel(self, folder: str, settings: Mapping[str, Any], kind: str = "wheel") -> str:
        self.asked.append((kind, settings["maturin.build-args"], os.environ["CARGO_ENCODED_RUSTFLAGS"]))
        name, information = f"{self.stem}-{self.tags}.whl", f"{self.stem}.dist-info"
        bom = {"serialNumber": "urn:uuid:1", "metadata": {"timestamp": "now"}, "root": self.root.as_uri() + "/rust"}
        lines = ["Wheel-Version: 1.0", "Root-Is-Purelib: false"]
        python, abis, platform = self.tags.split("-")
        lines += [f"Tag: {python}-{abi}-{platform}" for abi in abis.split(".")]
        with WheelFile(Path(folder) / name, "w") as wheel:
            wheel.writestr("some_thing/some_thing.abi3.so", b"\x7fELF")
            wheel.writestr(f"{information}/WHEEL", "\n".join(lines) + "\n")
            wheel.writestr(f"{information}/METADATA", "Name: maturin's own\n")
            wheel.writestr(f"{information}/sboms/some.cyclonedx.json", json.dumps(bom))
        return name

    def build_editable(self, folder: str, settings: Mapping[str, Any]) -> str:
        return self.build_wheel(folder, settings, "editable")


@pytest.fixture
def maturin(tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Maturin:
    with (tree / "rust/crate/Cargo.toml").open("a") as manifest:
        manifest.write("[features]\nabi3-py39 = []\nabi3-py310 = []\n")
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    for name in ("MATURIN_PEP517_ARGS", "RUSTFLAGS", "CARGO_ENCODED_RUSTFLAGS"):
        monkeypatch.delenv(name, raising=False)
    made = Maturin(tree)
    monkeypatch.setitem(sys.modules, "maturin", made)
    (tmp_path / "bin").mkdir()
    (tmp_path / "bin/cargo").write_text("")
    (tmp_path / "bin/cargo").chmod(0o755)
    monkeypatch.setattr("shutil.which", lambda name: str(tmp_path / "bin/cargo"))
    return made


def test_maturins_wheel_is_written_anew_without_chance(maturin: Maturin, tree: Path, tmp_path: Path) -> None:
    name = build_backend.build_wheel(str(tmp_path))
    assert name == "some_thing-1.2.0rc1-cp310-abi3-linux_x86_64.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert "pkg/code.py" in wheel.namelist()
        assert wheel.namelist()[-1] == f"{INFORMATION}/RECORD"
        assert b"Name: some-thing" in wheel.read(f"{INFORMATION}/METADATA")
        bom = json.loads(wheel.read(f"{INFORMATION}/sboms/some.cyclonedx.json"))
        assert bom == {"metadata": {}, "root": "file://./rust"}
        assert {entry.date_time[:3] for entry in wheel.infolist()} == {(2023, 11, 14)}
    first = (tmp_path / name).read_bytes()
    build_backend.build_wheel(str(tmp_path))
    assert (tmp_path / name).read_bytes() == first


def test_the_stable_abi_of_this_python_is_built_unless_another_is_asked_for(
    maturin: Maturin, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    build_backend.build_wheel(str(tmp_path))
    build_backend.build_wheel(str(tmp_path), {"maturin.build-args": "--features=abi3-py39 --zig"})
    monkeypatch.setenv("MATURIN_PEP517_ARGS", "--offline")
    build_backend.build_wheel(str(tmp_path))
    asked = [arguments for _, arguments, _ in maturin.asked]
    own = native.feature_arguments(Project.load(Path.cwd()))
    assert asked == [own, ["--features=abi3-py39", "--zig"], ["--offline", *own]]
    assert native.linker_requirements({"maturin.build-args": ["--zig"]}) == [native.ZIG]
    assert native.linker_requirements({}) == []


def test_no_path_of_this_machine_is_compiled_in_and_the_flags_are_given_back(
    maturin: Maturin, tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CARGO_HOME", "/some/cargo")
    monkeypatch.setenv("RUSTFLAGS", "-C debuginfo=1")
    build_backend.build_wheel(str(tmp_path))
    flags = maturin.asked[0][2].split("\x1f")
    assert flags == ["-C", "debuginfo=1", "--remap-path-prefix=/some/cargo=/cargo", f"--remap-path-prefix={tree}=."]
    assert os.environ["RUSTFLAGS"] == "-C debuginfo=1"
    assert "CARGO_ENCODED_RUSTFLAGS" not in os.environ


def test_an_editable_wheel_points_to_the_tree(maturin: Maturin, tree: Path, tmp_path: Path) -> None:
    name = build_backend.build_editable(str(tmp_path))
    assert maturin.asked[0][0] == "editable"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert wheel.read("__editable__.some_thing-1.2.0rc1.pth").decode() == f"{tree}\n"
        assert "pkg/code.py" not in wheel.namelist()


def test_a_free_threaded_wheel_is_not_offered_to_the_usual_cpython(maturin: Maturin, tmp_path: Path) -> None:
    maturin.tags = "cp315-abi3.abi3t-linux_x86_64"
    name = build_backend.build_wheel(str(tmp_path))
    assert name == "some_thing-1.2.0rc1-cp315-abi3t-linux_x86_64.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        tags = wheel.read(f"{INFORMATION}/WHEEL").decode().splitlines()
    assert [line for line in tags if line.startswith("Tag:")] == ["Tag: cp315-abi3t-linux_x86_64"]


def test_a_wheel_of_another_version_is_refused(maturin: Maturin, tmp_path: Path) -> None:
    maturin.stem = "some_thing-9.9"
    with pytest.raises(SystemExit, match=r"maturin built some_thing-9\.9-.*pyproject\.toml says some_thing-1\.2\.0rc1"):
        build_backend.build_wheel(str(tmp_path))
