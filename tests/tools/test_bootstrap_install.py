"""tools/bootstrap.py: making the environment, with a wheel on disk that stands in for nox."""

from __future__ import annotations

import io
import zipfile
from pathlib import Path

import pytest

from tools import bootstrap

CODE = """
import os, sys
def main():
    print("nox got", sys.argv[1:], "index", os.environ.get("UV_DEFAULT_INDEX"))
    return 7
"""


@pytest.fixture
def nox(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A wheel that installs a program called nox, and an empty place for the environment."""
    wheel = tmp_path / "stand_in-1.0-py3-none-any.whl"
    information = "stand_in-1.0.dist-info"
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("stand_in.py", CODE)
        archive.writestr(f"{information}/METADATA", "Metadata-Version: 2.1\nName: stand-in\nVersion: 1.0\n")
        archive.writestr(f"{information}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        archive.writestr(f"{information}/entry_points.txt", "[console_scripts]\nnox = stand_in:main\n")
        archive.writestr(f"{information}/RECORD", "")
    environment = tmp_path / "environment"
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", environment)
    monkeypatch.setattr(bootstrap, "SCRIPTS", environment / bootstrap.SCRIPTS.name)
    monkeypatch.setattr(bootstrap, "REQUIREMENT", str(wheel))
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    return wheel


def test_the_first_run_installs_and_the_next_one_only_runs(
    nox: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", "https://example.org/simple")
    assert bootstrap.main(["nox", "-s", "test"]) == 7
    said = capfd.readouterr()
    assert "first run only" in said.err
    assert "nox got ['-s', 'test'] index https://example.org/simple" in said.out
    nox.unlink()  # nothing is installed again
    assert bootstrap.main(["nox", "--list"]) == 7
    assert "first run only" not in capfd.readouterr().err


def test_an_installation_that_fails_is_told_and_tried_again_next_time(
    nox: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    nox.write_bytes(b"no wheel")
    assert bootstrap.main(["nox"]) == 1
    said = capfd.readouterr().err
    assert f"bootstrap: could not install {nox}" in said
    assert "Run the same command again" in said
    assert not (bootstrap.ENVIRONMENT / "requirement.txt").exists()


def test_without_pip_its_own_wheel_is_downloaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    monkeypatch.setattr(bootstrap, "download_pip", lambda folder: folder / "pip-1.whl")
    assert bootstrap.pip_command(tmp_path) == [str(bootstrap.SCRIPTS / "python"), str(tmp_path / "pip-1.whl" / "pip")]


def test_an_old_python_is_told_which_one_is_needed(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(bootstrap, "MINIMUM", (99, 0))
    assert bootstrap.main(["nox"]) == 2
    assert "is too old" in capsys.readouterr().err


def test_an_address_that_does_not_answer_is_named() -> None:
    with pytest.raises(bootstrap.BootstrapError, match=r"https://127\.0\.0\.1:1/: .*check the network"):
        bootstrap.fetch("https://127.0.0.1:1/")


def test_an_answer_without_end_is_not_read_to_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "LARGEST_DOWNLOAD", 10)
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: io.BytesIO(b"x" * 1000))
    with pytest.raises(bootstrap.BootstrapError, match="larger than 10 bytes, not taken"):
        bootstrap.fetch("https://example.org/pip.whl")
    monkeypatch.setattr("urllib.request.urlopen", lambda request, timeout: io.BytesIO(b"x" * 10))
    assert bootstrap.fetch("https://example.org/pip.whl") == b"x" * 10
