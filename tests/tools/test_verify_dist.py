"""`verify_dist`: what it says of a folder of archives, of the inside of a wheel, and of what the judges find."""

from __future__ import annotations

import json
import sys
import zipfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from release import dist
from tools import build_backend, verify_dist

ROOT = Path(__file__).resolve().parents[2]
CRATES = {("ours", "1.0.0"), ("libc", "0.2.0")}


def bom(**changes: object) -> bytes:
    component = {"name": "ours", "version": "1.0.0"}
    document = {"metadata": {"component": component}, "components": [{"name": "libc", "version": "0.2.0"}]}
    return json.dumps({**document, **changes}).encode()


def native_wheel(folder: Path, files: dict[str, bytes]) -> Path:
    path = folder / "ours-1.0-cp39-abi3-linux_x86_64.whl"
    with zipfile.ZipFile(path, "w") as wheel:
        for name, content in files.items():
            wheel.writestr(name, content)
    return path


WHOLE = {"ours/__init__.pyi": b"", "ours/py.typed": b"", "ours.dist-info/sboms/ours.cyclonedx.json": bom()}


def said(folder: Path, files: dict[str, bytes]) -> str:
    found = verify_dist.contents(native_wheel(folder, files), "ours", CRATES)
    return "\n".join(f"{problem.code}: {problem.message}" for problem in found)


def test_a_whole_wheel_has_stubs_and_names_exactly_the_locked_crates(tmp_path: Path) -> None:
    assert said(tmp_path, WHOLE) == ""


def test_what_a_wheel_lacks_is_named(tmp_path: Path) -> None:
    assert said(tmp_path, {"ours/py.typed": b""}).splitlines() == [
        "no-stub: ours-1.0-cp39-abi3-linux_x86_64.whl lacks ours/__init__.pyi",
        "no-sbom: ours-1.0-cp39-abi3-linux_x86_64.whl has 0 bills of materials, wanted one",
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"components": []}, "libc 0.2.0 is only in Cargo.lock"),
        ({"components": [{"name": n, "version": "0.2.0"} for n in ("libc", "evil")]}, "evil 0.2.0 is only in the bill"),
        ({"serialNumber": "urn:uuid:1"}, "has a random id or a clock"),
    ],
)
def test_a_bill_of_materials_must_be_true_and_without_chance(
    tmp_path: Path, changes: dict[str, object], words: str
) -> None:
    files = {**WHOLE, "ours.dist-info/sboms/ours.cyclonedx.json": bom(**changes)}
    assert words in said(tmp_path, files)


@pytest.mark.parametrize("path", [b"file:///tmp/x", b"/home/ada/x", b"/Users/ada", b"C:\\\\Users\\\\ada"])
def test_a_folder_of_the_builder_in_a_file_is_noticed(tmp_path: Path, path: bytes) -> None:
    assert "path: " in said(tmp_path, {**WHOLE, "ours/ours.so": b"\x7fELF" + path})


@pytest.fixture
def judges(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the judges, which have versions too; what is in `verdict` makes them fail."""
    modules = tmp_path / "modules"
    for package, module in (
        ("twine", "twine"),
        ("check_wheel_contents", "check_wheel_contents"),
        ("abi3audit", "abi3audit"),
        ("auditwheel", "auditwheel"),
    ):
        information = modules / f"{package}-1.2.3.dist-info"
        information.mkdir(parents=True)
        (information / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {package}\nVersion: 1.2.3\n")
        code = f"import pathlib, sys\nverdict = pathlib.Path({str(tmp_path / module)!r})\n"
        code += "if verdict.exists(): sys.stdout.write(verdict.read_text()); sys.exit(int(sys.argv[1] != 'show'))\n"
        (modules / f"{module}.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    monkeypatch.setattr(sys, "path", [str(modules), *sys.path])
    return tmp_path


POLICY = 'ours is consistent with the following platform tag: "manylinux_2_{}_x86_64".\n'


def test_each_judge_gets_the_files_that_it_is_for(judges: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = ["ours-1.0.tar.gz", "ours-1.0-py3-none-any.whl", "ours-1.0-cp39-abi3-macosx_11_0_arm64.whl"]
    assert list(verify_dist.run_tools(judges, names)) == []
    assert capsys.readouterr().out.splitlines() == [
        "twine 1.2.3: 3 files",
        "check-wheel-contents 1.2.3: 2 files",
        "abi3audit 1.2.3: 1 files",
    ]
    assert list(verify_dist.run_tools(judges, [])) == []
    (judges / "twine").write_text("the description does not render")
    (found,) = verify_dist.run_tools(judges, names)
    assert found.message == "twine ended with 1:\nthe description does not render"


def test_a_linux_wheel_must_keep_what_its_name_promises(judges: Path, capsys: pytest.CaptureFixture[str]) -> None:
    name = "ours-1.0-cp39-abi3-manylinux_2_28_x86_64.whl"
    (judges / "auditwheel").write_text(POLICY.format(17))
    assert list(verify_dist.run_tools(judges, [name])) == []
    assert f"auditwheel 1.2.3: {name} needs manylinux_2_17_x86_64" in capsys.readouterr().out
    (judges / "auditwheel").write_text(POLICY.format(31))
    (found,) = verify_dist.run_tools(judges, [name])
    assert found.message == f"{name} promises manylinux_2_28_x86_64 and needs manylinux_2_31_x86_64"
    (found,) = verify_dist.promised_policy(judges / name.replace("many", "musl"))
    assert found.code == "policy"
    (judges / "auditwheel").write_text("This is no wheel\n")
    (found,) = verify_dist.run_tools(judges, [name])
    assert "This is no wheel" in found.message


@pytest.fixture
def built(judges: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    folder = judges / "dist"
    folder.mkdir()
    build_backend.build_wheel(str(folder), {"universal": "true"})
    return folder


def test_a_folder_with_too_little_is_refused_with_every_reason(built: Path) -> None:
    done = CliRunner().invoke(verify_dist.main, [str(built)])
    assert done.exit_code == 1
    missing = {archive.name for archive in dist.load(ROOT).archives()} - {path.name for path in built.iterdir()}
    assert missing
    assert all(name in done.output for name in missing)


def test_a_machine_of_its_own_looks_at_its_own_files_and_says_that_this_is_no_proof(
    built: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(verify_dist, "this_machine", lambda: ("amiga", "68000"))
    build_backend.build_sdist(str(built))
    done = CliRunner().invoke(verify_dist.main, [str(built), "--platform", "this"])
    assert done.exit_code == 0, done.output
    assert "others of a release were NOT verified. This is no proof that a release is complete." in done.output
    assert "2 files verified" in done.output


def test_native_wheels_are_looked_into(built: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(verify_dist, "this_machine", lambda: ("linux", "x86_64"))
    found = dist.load(ROOT)
    native = next(a.name for a in verify_dist.own_archives(found) if a.platform)
    assert native.endswith("_x86_64.whl")
    assert "musllinux" not in native
    with zipfile.ZipFile(built / native, "w") as wheel:
        wheel.writestr("nothing", b"")
    done = CliRunner().invoke(verify_dist.main, [str(built), "--platform", "this"])
    assert done.exit_code == 1
    assert f"{native} lacks sky_rs/__init__.pyi" in done.output


def test_a_folder_without_a_project_is_an_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    done = CliRunner().invoke(verify_dist.main, ["."])
    assert done.exit_code == 1
    assert "Error: " in done.output
    assert "Traceback" not in done.output
