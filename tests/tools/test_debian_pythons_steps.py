"""tools/debian_pythons.py: fetching, adopting and linking, with stand-ins for Debian's programs."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from tools import debian_pythons

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="the stand-in programs are for Linux")

PROGRAMS = {
    # Puts one package where debootstrap leaves them.
    "debootstrap": """[ "$3" = --include=python3.14-full,python3.15-full ] || exit 9
mkdir -p "$5/var/cache/apt/archives"; echo package > "$5/var/cache/apt/archives/a.deb" """,
    # Unpacks two interpreters, which are shell scripts.
    "dpkg-deb": """mkdir -p "$3/usr/bin"
for v in 3.14 3.15; do printf '#!/bin/sh\\necho "$*" >> "$0.ran"\\n' > "$3/usr/bin/python$v"
chmod +x "$3/usr/bin/python$v"; done""",
    "patchelf": """case "$1" in --print-interpreter) cat "$2.loader" 2>/dev/null || echo /lib64/ld-linux.so.2;;
*) echo "$*" >> "$6.patched"; echo "$2" > "$6.loader";; esac""",
}


@pytest.fixture
def machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "programs"
    folder.mkdir()
    for name, script in PROGRAMS.items():
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}:/usr/bin:/bin")
    return tmp_path


def run(machine: Path, monkeypatch: pytest.MonkeyPatch) -> int:
    options = ["--into", str(machine / "sid"), "--link", str(machine / "bin")]
    monkeypatch.setattr(sys, "argv", ["debian_pythons.py", "3.14", "3.15", *options])
    return debian_pythons.main()


def test_each_interpreter_uses_its_own_loader_and_is_linked(
    machine: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run(machine, monkeypatch) == 0
    interpreter = machine / "sid/usr/bin/python3.15"
    assert (machine / "bin/python3.15").resolve() == interpreter
    assert f"{machine / 'bin/python3.14'} -> " in capsys.readouterr().out
    patched = interpreter.with_name("python3.15.patched").read_text()
    assert patched.startswith(f"--set-interpreter {machine / 'sid/lib64/ld-linux.so.2'} --force-rpath --set-rpath")
    assert "import ctypes, hashlib, sqlite3, ssl" in interpreter.with_name("python3.15.ran").read_text()
    assert not list((machine / "sid").rglob("*.deb"))
    assert not (machine / "sid.part").exists()


def test_a_second_run_fetches_and_patches_nothing(machine: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert run(machine, monkeypatch) == 0
    (machine / "programs/debootstrap").write_text("#!/bin/sh\nexit 1\n")
    patched = (machine / "sid/usr/bin/python3.14.patched").read_text()
    assert run(machine, monkeypatch) == 0
    assert (machine / "sid/usr/bin/python3.14.patched").read_text() == patched


def test_an_interrupted_download_leaves_no_folder_that_looks_finished(
    machine: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (machine / "programs/dpkg-deb").write_text("#!/bin/sh\necho broken package\nexit 2\n")
    with pytest.raises(SystemExit, match=r"(?s)broken package.*ended with 2"):
        run(machine, monkeypatch)
    assert not (machine / "sid").exists()
