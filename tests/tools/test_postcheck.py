"""`postcheck` against an index on loopback that has the real universal wheel, and against indexes that are wrong."""

from __future__ import annotations

import functools
import hashlib
import http.server
import json
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
from click.testing import CliRunner, Result

from release import dist
from tools import build_backend, postcheck

ROOT = Path(__file__).resolve().parents[2]


class Index:
    """A folder served as the simple API's JSON (PEP 691) and as files; `page` is what the project's address answers."""

    def __init__(self, folder: Path) -> None:
        handler = functools.partial(Handler, directory=str(folder))
        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler)
        self.address = f"http://127.0.0.1:{self.server.server_port}"
        (folder / "simple/sky-rs").mkdir(parents=True)
        self.folder = folder

    def publish(self, path: Path, **more: str) -> None:
        data = path.read_bytes()
        (self.folder / path.name).write_bytes(data)
        page = self.folder / "simple/sky-rs/index.html"
        files = json.loads(page.read_text())["files"] if page.exists() else []
        hashes = {"sha256": hashlib.sha256(data).hexdigest(), **more}
        files.append({"filename": path.name, "url": f"{self.address}/{path.name}", "hashes": hashes})
        page.write_text(json.dumps({"meta": {"api-version": "1.0"}, "name": "sky-rs", "files": files}))


class Handler(http.server.SimpleHTTPRequestHandler):
    extensions_map = {".html": "application/vnd.pypi.simple.v1+json"}  # noqa: RUF012

    def log_message(self, *arguments: Any) -> None:
        pass


@pytest.fixture
def index(tmp_path: Path) -> Iterator[Index]:
    made = Index(tmp_path / "index")
    threading.Thread(target=made.server.serve_forever, daemon=True).start()
    yield made
    made.server.shutdown()
    made.server.server_close()


@pytest.fixture
def built(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with this checkout's universal wheel."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "")
    (tmp_path / "dist").mkdir()
    build_backend.build_wheel(str(tmp_path / "dist"), {"universal": "true"})
    return tmp_path / "dist"


def check(built: Path, index: Index, *arguments: str) -> Result:
    return CliRunner().invoke(postcheck.main, [str(built), "--index", index.address, "--patience", "0", *arguments])


def wheel(built: Path) -> Path:
    return next(built.iterdir())


def test_what_was_published_is_downloaded_compared_installed_and_asked(
    built: Path, index: Index, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    index.publish(wheel(built))
    monkeypatch.setenv("PIP_INDEX_URL", f"{index.address}/simple")
    done = check(built, index)
    assert done.exit_code == 0, done.output
    assert f"{hashlib.sha256(wheel(built).read_bytes()).hexdigest()}  {wheel(built).name}" in done.output
    assert "attestations were NOT verified: no --repository given" in done.output
    version = dist.load(ROOT).version
    assert f"1 files of sky-rs {version} on {index.address} are the ones that were built" in done.output
    assert "self-test" in capfd.readouterr().out


@pytest.mark.skipif(sys.platform == "win32", reason="the stand-in interpreter is a shell script")
def test_a_package_that_does_not_install_is_an_error(
    built: Path, index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    def make(folder: Path, **options: object) -> None:
        (folder / "bin").mkdir(parents=True)
        (folder / "bin/python").write_text("#!/bin/sh\nexit 3\n")
        (folder / "bin/python").chmod(0o755)

    index.publish(wheel(built))
    monkeypatch.setattr("venv.create", make)
    done = check(built, index)
    assert done.exit_code == 1
    assert "-m pip install ended with 3" in done.output


def test_other_bytes_are_noticed_whoever_changed_them(built: Path, index: Index, tmp_path: Path) -> None:
    index.publish(wheel(built))
    ours = hashlib.sha256(wheel(built).read_bytes()).hexdigest()
    with (index.folder / wheel(built).name).open("ab") as file:
        file.write(b"more")
    done = check(built, index)
    assert done.exit_code == 1
    assert f"{wheel(built).name}: built {ours}, published " in done.output


def test_a_hash_of_the_index_that_is_wrong_is_noticed(built: Path, index: Index) -> None:
    index.publish(wheel(built), sha256="0" * 64)
    done = check(built, index)
    assert done.exit_code == 1
    assert f"the index says {'0' * 64}" in done.output


def test_files_on_one_side_only_are_named(built: Path, index: Index, tmp_path: Path) -> None:
    index.publish(wheel(built))
    stray = tmp_path / wheel(built).name.replace("none-any", "none-linux_x86_64")
    stray.write_bytes(b"x")
    index.publish(stray)
    (built / "sky_rs-9.tar.gz").write_bytes(b"x")
    done = check(built, index)
    assert done.exit_code == 1
    assert f"{stray.name} was published and not built here" in done.output
    assert "sky_rs-9.tar.gz was built and not published" in done.output


def test_a_version_that_does_not_appear_is_an_error_after_the_wait(
    index: Index, monkeypatch: pytest.MonkeyPatch
) -> None:
    waited: list[float] = []
    monkeypatch.setattr("time.sleep", waited.append)
    monkeypatch.setattr("time.monotonic", lambda: sum(waited))
    with pytest.raises(click.ClickException, match=r"does not have other 1\.0 \(status 404\)"):
        postcheck.published(index.address, "other", "1.0", patience=15)
    assert waited == [10, 10]


@pytest.mark.parametrize("page", ["<html></html>", "[]", '{"files": [{}]}', '{"files": 3}'])
def test_an_answer_that_is_no_project_page_is_an_error(index: Index, page: str) -> None:
    (index.folder / "simple/sky-rs/index.html").write_text(page)
    with pytest.raises(click.ClickException, match="does not answer as PEP 691 says"):
        postcheck.published(index.address, "sky-rs", "1.0", patience=0)


def test_a_file_that_was_not_attested_is_an_error(built: Path, index: Index) -> None:
    index.publish(wheel(built))
    done = check(built, index, "--repository", "https://github.com/example/none")
    assert done.exit_code == 1
    assert f"{wheel(built).name} has no valid attestation of https://github.com/example/none" in done.output
