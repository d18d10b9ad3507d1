"""The build backend: what the three archives hold, and that equal sources give equal bytes."""

from __future__ import annotations

import json
import subprocess
import sys
import tarfile
import zipfile
from email import message_from_bytes
from pathlib import Path

import pytest

from tools import build_backend
from tools.build_backend import native, sbom
from tools.build_backend.project import Project, cargo_version

ROOT = Path(__file__).parents[2]


def test_universal_wheel_holds_the_python_side_and_the_metadata(tree: Path, tmp_path: Path) -> None:
    name = build_backend.build_wheel(str(tmp_path), {"universal": "true"})
    assert name == "some_thing-1.2.0rc1-py3-none-any.whl"
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert wheel.namelist() == [
            "pkg/code.py",
            "some_thing-1.2.0rc1.dist-info/METADATA",
            "some_thing-1.2.0rc1.dist-info/WHEEL",
            "some_thing-1.2.0rc1.dist-info/licenses/LICENSE",
            "some_thing-1.2.0rc1.dist-info/RECORD",
        ]
        metadata = message_from_bytes(wheel.read("some_thing-1.2.0rc1.dist-info/METADATA"))
    assert (metadata["Name"], metadata["Version"], metadata["License-Expression"]) == ("some-thing", "1.2.0rc1", "MIT")
    assert metadata["Dynamic"] is None


def test_same_commit_gives_same_bytes_in_another_folder(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "a longer name"
    subprocess.run(["git", "clone", "-q", str(tree), str(other)], check=True)
    built = []
    for folder in (tree, other):
        out = tmp_path / f"{folder.name} out"
        out.mkdir()
        monkeypatch.chdir(folder)
        monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
        names = build_backend.build_wheel(str(out), {"universal": True}), build_backend.build_sdist(str(out))
        built.append([(name, (out / name).read_bytes()) for name in names])
    assert built[0] == built[1]


def test_sdist_holds_tracked_files_only(tree: Path, tmp_path: Path) -> None:
    (tree / "stray.whl").write_text("not ours")
    with tarfile.open(tmp_path / build_backend.build_sdist(str(tmp_path))) as sdist:
        names = {name.partition("/")[2] for name in sdist.getnames()}
    assert names == {"PKG-INFO", "LICENSE", "pyproject.toml", "pkg/code.py", "rust/Cargo.toml", "rust/crate/Cargo.toml"}


def test_wheel_from_an_unpacked_sdist_is_the_wheel_from_the_checkout(
    tree: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with tarfile.open(tmp_path / build_backend.build_sdist(str(tmp_path))) as sdist:
        sdist.extractall(tmp_path / "unpacked", filter="data")
    name = build_backend.build_wheel(str(tmp_path), {"universal": "1"})
    here = (tmp_path / name).read_bytes()
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    monkeypatch.chdir(next((tmp_path / "unpacked").iterdir()))
    build_backend.build_wheel(str(tmp_path), {"universal": "1"})
    assert (tmp_path / name).read_bytes() == here


def test_sdist_outside_git_is_refused(tree: Path, tmp_path: Path) -> None:
    (tree / ".git").rename(tmp_path / "elsewhere")
    with pytest.raises(SystemExit, match="files that git tracks"):
        build_backend.build_sdist(str(tmp_path))


def test_editable_universal_wheel_points_to_the_tree(tree: Path, tmp_path: Path) -> None:
    name = build_backend.build_editable(str(tmp_path), {"universal": "true"})
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert wheel.read("__editable__.some_thing-1.2.0rc1.pth").decode() == f"{tree}\n"
        assert "pkg/code.py" not in wheel.namelist()


def test_prepared_metadata_is_that_of_the_wheel(tree: Path, tmp_path: Path) -> None:
    folder = build_backend.prepare_metadata_for_build_wheel(str(tmp_path))
    name = build_backend.build_wheel(str(tmp_path), {"universal": "true"})
    with zipfile.ZipFile(tmp_path / name) as wheel:
        assert (tmp_path / folder / "METADATA").read_bytes() == wheel.read(f"{folder}/METADATA")


def test_missing_rust_is_explained(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(SystemExit) as stopped:
        build_backend.get_requires_for_build_wheel()
    assert "rustup.rs" in str(stopped.value)
    assert "universal=true" in str(stopped.value)
    assert build_backend.get_requires_for_build_wheel({"universal": "yes"}) == []


def test_universal_by_environment_and_nonsense_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("SKY_RS_UNIVERSAL", "1")
    assert build_backend.wants_universal(None)
    assert not build_backend.wants_universal({"universal": "false"})
    with pytest.raises(SystemExit, match="expected true or false"):
        build_backend.wants_universal({"universal": "maybe"})


@pytest.mark.parametrize(
    ("python", "free_threaded", "feature"),
    [
        ((3, 8), False, None),
        ((3, 9), False, "abi3-py39"),
        ((3, 10), False, "abi3-py310"),
        ((3, 15), False, "abi3-py310"),
        ((3, 14), True, None),
        ((3, 15), True, "abi3t-py315"),
        ((3, 16), True, "abi3t-py315"),
    ],
)
def test_newest_stable_abi_of_the_running_python_is_chosen(
    python: tuple[int, int], free_threaded: bool, feature: str | None
) -> None:
    features = ["default", "abi3-py39", "abi3-py310", "abi3t-py315"]
    assert native.abi_feature(features, python, free_threaded=free_threaded) == feature


def test_sbom_loses_id_clock_and_folder(tmp_path: Path) -> None:
    def document(root: Path, number: int) -> bytes:
        reference = f"path+{root.as_uri()}/rust/crate#1.0.0"
        return json.dumps(
            {
                "serialNumber": f"urn:uuid:{number}",
                "metadata": {"timestamp": f"2026-01-0{number}", "component": {"bom-ref": reference}},
                "dependencies": [{"ref": reference, "dependsOn": []}],
            }
        ).encode()

    one, two = tmp_path / "one", tmp_path / "a second"
    assert sbom.normalise(document(one, 1), one) == sbom.normalise(document(two, 2), two)
    assert json.loads(sbom.normalise(document(one, 1), one)) == {
        "metadata": {"component": {"bom-ref": "path+file://./rust/crate#1.0.0"}},
        "dependencies": [{"ref": "path+file://./rust/crate#1.0.0", "dependsOn": []}],
    }
    with pytest.raises(SystemExit, match="outside the source tree"):
        sbom.normalise(document(one, 1), two)


def test_maturin_pin_and_our_own_version_agree() -> None:
    project = Project.load(ROOT)
    assert project.metadata.version == cargo_version(project.manifest)
    assert native.MATURIN.startswith("maturin==")


@pytest.mark.skipif(sys.platform == "win32", reason="file modes are Unix's")
def test_modes_do_not_follow_the_umask(tree: Path, tmp_path: Path) -> None:
    (tree / "pkg/code.py").chmod(0o600)
    with tarfile.open(tmp_path / build_backend.build_sdist(str(tmp_path))) as sdist:
        assert {entry.mode for entry in sdist} == {0o644}
