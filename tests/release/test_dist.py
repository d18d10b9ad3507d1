"""The files of a release, derived from the configuration, and a folder compared with them."""

from __future__ import annotations

import base64
import hashlib
import io
import json
import re
import shutil
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest
from packaging.version import Version

from release import cli, dist, dist_verify
from release.errors import Refused

ROOT = Path(__file__).parents[2]
PYPROJECT = """
[project]
name = "Some.Thing"
version = "1.2"
requires-python = ">=3.10"
classifiers = ["Programming Language :: Python :: 3.9", "Programming Language :: Python :: 3.10",
  "Programming Language :: Python :: 3.11", "Programming Language :: Python :: 3.14"]
[tool.cibuildwheel]
build = "cp{39,310,311,314,314t}-*"
skip = "*-musllinux_* cp311-macosx*"
linux = { archs = ["x86_64"] }
macos = { archs = ["arm64"], environment = { MACOSX_DEPLOYMENT_TARGET = "11.0" } }
[tool.release.dist]
universal = true
runners = { linux-x86_64 = "ubuntu", macos-arm64 = "macos" }
"""


@pytest.fixture
def package(tmp_path: Path) -> Path:
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / "pyproject.toml").write_text(PYPROJECT)
    return folder


def names(folder: Path) -> list[str]:
    return [archive.name for archive in dist.load(folder).archives()]


def test_every_python_gets_a_wheel_without_a_stable_abi(package: Path) -> None:
    assert names(package) == [
        "some_thing-1.2.tar.gz",
        "some_thing-1.2-py3-none-any.whl",
        "some_thing-1.2-cp310-cp310-manylinux_2_28_x86_64.whl",
        "some_thing-1.2-cp311-cp311-manylinux_2_28_x86_64.whl",
        "some_thing-1.2-cp314-cp314-manylinux_2_28_x86_64.whl",
        "some_thing-1.2-cp314-cp314t-manylinux_2_28_x86_64.whl",
        "some_thing-1.2-cp310-cp310-macosx_11_0_arm64.whl",
        "some_thing-1.2-cp314-cp314-macosx_11_0_arm64.whl",
        "some_thing-1.2-cp314-cp314t-macosx_11_0_arm64.whl",
    ]


def test_crate_features_make_stable_abi_wheels_and_split_the_jobs(package: Path) -> None:
    (package / "Cargo.toml").write_text(
        '[package]\nname = "x"\nversion = "3.0.0-rc.1"\n[features]\nabi3-py310 = []\nabi3-py311 = []\n'
    )
    with (package / "pyproject.toml").open("a") as file:
        file.write("[tool.maturin]\n")
    text = (package / "pyproject.toml").read_text().replace('version = "1.2"', 'dynamic = ["version"]')
    (package / "pyproject.toml").write_text(text)
    jobs = {job.name: job for job in dist.load(package).jobs}
    assert list(jobs) == [
        "manylinux_x86_64-cp310",
        "manylinux_x86_64-cp311",
        "macosx_arm64-cp310",
        "macosx_arm64-cp314",
    ]
    assert jobs["manylinux_x86_64-cp310"].build == ("cp310-manylinux_x86_64",)
    assert jobs["manylinux_x86_64-cp311"].as_json() == {
        "name": "manylinux_x86_64-cp311",
        "system": "linux",
        "arch": "x86_64",
        "runner": "ubuntu",
        "build": "cp311-manylinux_x86_64 cp314-manylinux_x86_64 cp314t-manylinux_x86_64",
        "files": [
            "some_thing-3.0.0rc1-cp311-abi3-manylinux_2_28_x86_64.whl",
            "some_thing-3.0.0rc1-cp314-cp314t-manylinux_2_28_x86_64.whl",
        ],
    }


def test_pure_python_package_is_an_sdist_and_a_wheel(package: Path) -> None:
    (package / "pyproject.toml").write_text('[project]\nname = "pure"\nversion = "1"\n')
    assert names(package) == ["pure-1.tar.gz", "pure-1-py3-none-any.whl"]


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ('archs = ["x86_64"]', 'archs = ["auto"]', "vague-archs"),
        ('MACOSX_DEPLOYMENT_TARGET = "11.0"', 'X = "1"', "no-macos-target"),
        ('macos-arm64 = "macos"', 'macos-x86_64 = "macos"', "no-runner"),
        ('archs = ["x86_64"]', 'archs = ["x86_64"], manylinux-x86_64-image = "manylinux2014"', "vague-image"),
        ('version = "1.2"', 'dynamic = ["version"]', "no-version"),
        ('name = "Some.Thing"', "", "no-name"),
        ("[project]", "[project", "bad-toml"),
    ],
)
def test_what_cannot_be_derived_is_refused_by_name(package: Path, old: str, new: str, code: str) -> None:
    text = (package / "pyproject.toml").read_text()
    assert old in text
    (package / "pyproject.toml").write_text(text.replace(old, new))
    with pytest.raises(Refused) as refused:
        dist.load(package)
    assert [problem.code for problem in refused.value.problems] == [code]


@pytest.mark.slow
@pytest.mark.parametrize("system", dist.SYSTEMS)
def test_our_own_table_agrees_with_cibuildwheel(system: str, tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "cibuildwheel", "--print-build-identifiers", "--platform", system, str(ROOT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    ours = [identifier for job in dist.load(ROOT).jobs if job.system == system for identifier in job.build]
    assert done.stdout.split()
    assert sorted(ours) == sorted(done.stdout.split())


def test_command_prints_files_and_matrix(package: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["--repo", str(package), "dist", "--expected", "--version", "2.0rc1"]) == 0
    assert capsys.readouterr().out.splitlines()[0] == "some_thing-2.0rc1.tar.gz"
    assert cli.main(["--repo", str(package), "--format", "json", "dist", "--expected"]) == 0
    assert json.loads(capsys.readouterr().out)["files"] == names(package)
    assert cli.main(["--repo", str(package), "dist", "--matrix"]) == 0
    matrix = json.loads(capsys.readouterr().out)
    assert [entry["runner"] for entry in matrix["include"]] == ["ubuntu", "macos"]
    assert cli.main(["--repo", str(package), "dist"]) == 2
    assert cli.main(["--repo", str(package), "dist", "--expected", "--version", "one"]) == 2


def metadata(version: str = "1.2") -> bytes:
    return f"Metadata-Version: 2.4\nName: some-thing\nVersion: {version}\nLicense-File: LICENSE\n\n".encode()


def make_wheel(path: Path, files: dict[str, bytes] | None = None, *, version: str = "1.2") -> None:
    info = "some_thing-1.2.dist-info"
    content = {f"{info}/METADATA": metadata(version), f"{info}/licenses/LICENSE": b"free", **(files or {})}
    record = f"{info}/RECORD,,\n"
    for name, data in content.items():
        digest = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
        record += f"{name},sha256={digest},{len(data)}\n"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, data in {**content, f"{info}/RECORD": record.encode()}.items():
            wheel.writestr(name, data)


def make_sdist(path: Path, files: dict[str, bytes] | None = None) -> None:
    with tarfile.open(path, "w:gz") as sdist:
        for name, data in {"PKG-INFO": metadata(), "LICENSE": b"free", **(files or {})}.items():
            entry = tarfile.TarInfo(f"some_thing-1.2/{name}")
            entry.size = len(data)
            sdist.addfile(entry, io.BytesIO(data))


@pytest.fixture
def built(package: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "dist"
    folder.mkdir()
    for name in names(package):
        (make_sdist if name.endswith(".gz") else make_wheel)(folder / name)
    return folder


def codes(package: Path, folder: Path) -> list[str]:
    return [problem.code for problem in dist_verify.verify(dist.load(package), folder)]


def test_exactly_the_expected_files_are_accepted(
    package: Path, built: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert codes(package, built) == []
    assert cli.main(["--repo", str(package), "dist", "--verify", str(built)]) == 0
    assert "exactly the 9 files of Some.Thing 1.2" in capsys.readouterr().out
    (built / "notes.txt").write_text("?")
    assert cli.main(["--repo", str(package), "--format", "json", "dist", "--verify", str(built)]) == 1
    assert json.loads(capsys.readouterr().out)["problems"][0]["code"] == "unexpected-file"


def test_one_missing_extra_misnamed_or_wrongly_tagged_file_fails(package: Path, built: Path) -> None:
    wheel = built / "some_thing-1.2-cp310-cp310-manylinux_2_28_x86_64.whl"
    for wrong in (
        "some_thing-1.2-cp310-cp310-manylinux_2_35_x86_64.whl",
        "some_thing-1.3-cp310-cp310-manylinux_2_28_x86_64.whl",
        "some-thing-1.2-cp310-cp310-manylinux_2_28_x86_64.whl",
    ):
        wheel.rename(built / wrong)
        assert codes(package, built) == ["unexpected-file", "missing-file"]
        (built / wrong).rename(wheel)
    shutil.copy(wheel, built / "some_thing-1.2-cp312-cp312-manylinux_2_28_x86_64.whl")
    assert codes(package, built) == ["unexpected-file"]
    assert codes(package, built / "nowhere") == ["no-folder"]


def test_faults_inside_an_archive_are_found(package: Path, built: Path) -> None:
    wheel = built / "some_thing-1.2-py3-none-any.whl"
    make_wheel(wheel, version="1.1")
    assert codes(package, built) == ["wrong-version", "metadata-differs"]
    make_wheel(wheel)
    make_wheel(wheel, {"../outside": b""})
    assert codes(package, built) == ["unreadable"]
    wheel.write_bytes(b"not a zip")
    assert codes(package, built) == ["unreadable"]
    make_wheel(wheel)
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("stowaway.py", "")
    assert codes(package, built) == ["bad-record"]
    make_wheel(wheel)
    make_sdist(built / "some_thing-1.2.tar.gz", {"lib.so": b"\x7fELF..."})
    assert codes(package, built) == ["binary"]
    text = (package / "pyproject.toml").read_text()
    (package / "pyproject.toml").write_text(text.replace("universal = true", "universal = true\nsize-limit = 100"))
    assert set(codes(package, built)) == {"binary", "too-large"}


def test_archive_that_unpacks_to_too_much_is_not_read(
    package: Path, built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dist_verify, "UNPACKED_LIMIT", 1000)
    make_wheel(built / "some_thing-1.2-py3-none-any.whl", {"zeros": bytes(2000)})
    assert codes(package, built) == ["unreadable"]


def test_version_stands_in_for_the_written_one(package: Path) -> None:
    assert dist.load(package, Version("9")).stem == "some_thing-9"


def test_runners_of_our_own_matrix_are_native() -> None:
    for job in dist.load(ROOT).jobs:
        arm = job.arch.lower() in {"arm64", "aarch64"}
        assert arm == bool(re.search(r"-arm$|^macos-\d+$", job.runner)), job.runner
