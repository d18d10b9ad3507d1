"""tools/bootstrap.py: nox on a machine with only Python and git."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tools import bootstrap

PROGRAM = Path(bootstrap.__file__)
SHA256 = "0" * 64


def file(name: str, **more: object) -> dict[str, object]:
    return {"filename": name, "url": f"../../files/{name}", "hashes": {"sha256": SHA256}, **more}


def test_newest_pip_is_the_highest_final_wheel_with_a_hash() -> None:
    page = {
        "files": [
            file("pip-9.0.3-py2.py3-none-any.whl"),
            file("pip-25.1-py3-none-any.whl"),
            file("pip-26.3-py3-none-any.whl"),
            file("pip-26.3.tar.gz"),
            file("pip-26.10-py3-none-any.whl", yanked=True),
            file("pip-27.0b1-py3-none-any.whl"),
            file("pip-28.0-py3-none-any.whl", hashes={}),
        ]
    }
    assert bootstrap.newest_pip(page) == (
        "pip-26.3-py3-none-any.whl",
        "https://pypi.org/files/pip-26.3-py3-none-any.whl",
        SHA256,
    )


def test_an_index_without_a_wheel_of_pip_is_an_error() -> None:
    with pytest.raises(bootstrap.BootstrapError, match="lists no wheel of pip"):
        bootstrap.newest_pip({"files": []})


@pytest.mark.parametrize("url", ["http://pypi.org/simple/", "file:///etc/passwd", "--help"])
def test_only_https_is_fetched(url: str) -> None:
    with pytest.raises(bootstrap.BootstrapError, match="only https"):
        bootstrap.fetch(url)


@pytest.mark.parametrize("body", [b"<html></html>", b"[]", b'{"files": [{}]}', b'{"files": 3}'])
def test_an_answer_that_is_no_project_page_is_an_error(
    body: bytes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bootstrap, "fetch", lambda url, accept="": body)
    with pytest.raises(bootstrap.BootstrapError, match="no project page"):
        bootstrap.download_pip(tmp_path)


def test_a_wheel_with_another_hash_is_not_taken(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    page = b'{"files": [{"filename": "pip-1.0-py3-none-any.whl", "url": "x", "hashes": {"sha256": "00"}}]}'
    monkeypatch.setattr(bootstrap, "fetch", lambda url, accept="": page if accept else b"something else")
    with pytest.raises(bootstrap.BootstrapError, match="sha256"):
        bootstrap.download_pip(tmp_path)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(("arguments", "code"), [([], 2), (["pytest"], 2), (["--help"], 0)])
def test_anything_but_nox_prints_the_usage(arguments: list[str], code: int) -> None:
    done = subprocess.run([sys.executable, PROGRAM, *arguments], capture_output=True, text=True, check=False)
    assert done.returncode == code
    assert "usage: python3 tools/bootstrap.py nox" in done.stderr
    assert "Traceback" not in done.stderr


@pytest.mark.network
def test_pip_comes_from_the_index_when_this_python_has_none(tmp_path: Path) -> None:
    wheel = bootstrap.download_pip(tmp_path)
    done = subprocess.run([sys.executable, wheel / "pip", "--version"], capture_output=True, text=True, check=False)
    assert done.returncode == 0
    assert str(wheel) in done.stdout
