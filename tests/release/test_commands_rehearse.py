"""`rehearse`: every step on real repositories, and nothing outside the temporary folder changes."""

from __future__ import annotations

import hashlib
import json
import tarfile
import tempfile
from types import SimpleNamespace

import pytest

from release.cli import main
from release.errors import Refused
from release.rehearsal import package
from release.rehearsal.stage import Stage


@pytest.fixture(autouse=True)
def own_temporary_folder(tmp_path, monkeypatch):
    folder = tmp_path / "temporary"
    folder.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(folder))
    return folder


def everything(*folders):
    """Hash every file under some folders."""
    files = (path for folder in folders for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return {str(path): hashlib.sha256(path.read_bytes()).hexdigest() for path in files}


def rehearse(capsys, path, *args):
    code = main(["--repo", str(path), "--format", "json", "rehearse", *args])
    return code, json.loads(capsys.readouterr().out)


def test_a_repository_without_a_package_is_rehearsed_and_nothing_outside_changes(
    capsys, clone, own_temporary_folder, own_git_settings
):
    clone.commit("feat: more", x="1")
    clone.write("README.md", "uncommitted\n")
    clone.write("untracked.txt", "mine\n")
    before = everything(clone.path, clone.remote, own_git_settings)
    code, said = rehearse(capsys, clone.path)
    assert code == 0
    assert everything(clone.path, clone.remote, own_git_settings) == before
    assert list(own_temporary_folder.iterdir()) == []
    steps = {step["step"]: step["result"] for step in said["steps"]}
    assert "uncommitted changes in 1 files are left out" in steps["clone"]
    assert "the ids of the dry run" in steps["cut"]
    assert steps["build"].startswith("not run: there is no Python package here")
    assert said["would"] == [f"push main and {said['tag']} to {clone.remote}"]


def test_a_repository_with_nothing_to_release_is_rehearsed_with_a_commit_that_asks_for_one(capsys, clone):
    clone.git("tag", "-a", "-m", "1.0.0", "v1.0.0")
    code, said = rehearse(capsys, clone.path)
    assert (code, said["version"]) == (0, "1.0.1")


@pytest.mark.parametrize("reachable", [True, False])
def test_a_shallow_clone_is_rehearsed(capsys, clone, tmp_path, reachable):
    for number in range(3):
        clone.commit(f"feat: number {number}", x=str(number))
    clone.git("push", "--quiet")
    shallow = tmp_path / "shallow"
    clone.git("clone", "--quiet", "--depth=1", f"file://{clone.remote}", str(shallow))
    if not reachable:
        clone.remote.rename(tmp_path / "gone.git")
    code, said = rehearse(capsys, shallow)
    assert code == 0
    assert ("its history was fetched" in said["steps"][0]["result"]) == reachable


def test_a_detached_head_is_rehearsed(capsys, clone):
    clone.git("checkout", "--quiet", "--detach")
    code, said = rehearse(capsys, clone.path)
    assert code == 0
    assert "HEAD is on no branch" in said["steps"][0]["result"]


def test_what_stops_the_release_stops_the_rehearsal(capsys, clone, own_temporary_folder):
    clone.commit("feat: broken", pyproject__toml='[project]\nname = "demo"\nversion = "one"\n')
    code, said = rehearse(capsys, clone.path)
    assert code == 1
    assert said["problems"]
    assert list(own_temporary_folder.iterdir()) == []


@pytest.mark.network
@pytest.mark.slow
def test_a_package_is_built_uploaded_installed_and_checked(capsys, clone):
    pyproject = (
        '[build-system]\nrequires = ["setuptools>=77"]\nbuild-backend = "setuptools.build_meta"\n'
        '[project]\nname = "rehearsed-demo"\nversion = "1.0.0"\ndescription = "A demo"\nreadme = "README.md"\n'
        '[tool.setuptools]\npy-modules = ["rehearsed_demo"]\n[tool.release.rehearse]\ncheck = "rehearsed_demo"\n'
    )
    clone.commit("feat: package", pyproject__toml=pyproject, rehearsed_demo__py="print('demo is well')\n")
    code, said = rehearse(capsys, clone.path)
    assert code == 0
    steps = {step["step"]: step["result"] for step in said["steps"]}
    assert "rehearsed_demo-1.1.0-py3-none-any.whl" in steps["build"]
    assert "the wheels are made of the sdist" in steps["build"]
    assert "2 archives of rehearsed-demo 1.1.0" in steps["verify"]
    assert "none of the" in steps["install"]
    assert "demo is well" in steps["check"]
    assert len([line for line in said["would"] if line.startswith("upload ")]) == 2


@pytest.fixture
def stage(tmp_path):
    (tmp_path / "dist").mkdir()
    return Stage(tmp_path, lambda _: None)


def test_an_archive_of_another_version_stops_the_rehearsal(stage):
    made = SimpleNamespace(name="Re_hearsed", next="1.1.0")
    archives = [stage.folder / "dist" / "re_hearsed-1.0.0-py3-none-any.whl"]
    with pytest.raises(Refused, match=r"re_hearsed-1\.0\.0.*not of Re_hearsed 1\.1\.0"):
        package.verify(stage, stage.folder, archives, made, "")


def test_the_module_that_verifies_runs_in_the_clone_on_the_archives(stage, tmp_path):
    clone = tmp_path / "clone"
    clone.mkdir()
    (clone / "judge.py").write_text("import sys; print('judged', sys.argv[1:]); sys.exit(len(sys.argv) - 3)\n")
    words = package.own_judge(stage, clone, "judge --hard")
    assert f"; judged ['--hard', '{stage.folder / 'dist'}']" in words
    with pytest.raises(Refused, match="judge"):
        package.own_judge(stage, clone, "judge")


def test_wheels_are_built_from_the_sdist(stage):
    assert package._unpacked(stage, stage.folder / "dist") is None
    (stage.folder / "demo-1.0").mkdir()
    (stage.folder / "demo-1.0" / "PKG-INFO").write_text("Name: demo\n")
    with tarfile.open(stage.folder / "dist" / "demo-1.0.tar.gz", "w:gz") as archive:
        archive.add(stage.folder / "demo-1.0", "demo-1.0")
    found = package._unpacked(stage, stage.folder / "dist")
    assert (found / "PKG-INFO").read_text() == "Name: demo\n"
