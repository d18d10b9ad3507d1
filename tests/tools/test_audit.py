"""`audit`: findings, nothing, and not having looked are three different endings."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from tools import audit

ROOT = Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stand-in programs are shell scripts")


def program(path: Path, script: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{script}\n")
    path.chmod(0o755)


@pytest.fixture
def programs(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Stand-ins for the compiled auditors, of the wanted versions; they find nothing."""
    monkeypatch.chdir(ROOT)
    monkeypatch.setenv("SKY_RS_TOOLS", str(tmp_path / "tools"))
    for name in audit.TOOLS:
        stand_in(tmp_path, name, "echo clean: $*")
    return tmp_path


def stand_in(folder: Path, name: str, script: str) -> None:
    version = f'[ "$1" = --version ] && echo "{name} {audit.TOOLS[name]}" && exit 0'
    program(folder / "tools/bin" / name, f"{version}\n{script}")


def run(folder: Path, *arguments: str) -> Result:
    return CliRunner().invoke(audit.main, ["--db", str(folder), "--no-python", *arguments])


def test_nothing_found_is_zero_and_what_was_left_out_is_told(programs: Path) -> None:
    done = run(programs)
    assert done.exit_code == 0, done.output
    assert f"clean: audit --deny warnings --file rust/Cargo.lock --db {programs} --no-fetch --stale" in done.output
    assert "--manifest-path rust/Cargo.toml --locked --offline check" in done.output
    assert "pip-audit: not run, as asked" in done.output


def test_with_the_network_both_databases_are_asked(programs: Path) -> None:
    done = CliRunner().invoke(audit.main, ["--no-python"])
    assert done.exit_code == 0
    assert "advisories" in done.output
    assert "--no-fetch" not in done.output


def test_a_finding_does_not_stop_the_next_audit(programs: Path) -> None:
    stand_in(programs, "cargo-audit", "echo 'RUSTSEC-2026-0001: bad'; exit 1")
    done = run(programs)
    assert done.exit_code == 1
    assert f"error: cargo-audit {audit.TOOLS['cargo-audit']} found something" in done.output
    assert "clean: --manifest-path" in done.output


def test_an_audit_that_could_not_look_is_three_even_beside_findings(programs: Path) -> None:
    stand_in(programs, "cargo-audit", 'echo "error: failed to fetch the database"; exit 1')
    stand_in(programs, "cargo-deny", "echo 'error[banned]: a crate'; exit 1")
    done = run(programs)
    assert done.exit_code == 3
    assert f"error: cargo-deny {audit.TOOLS['cargo-deny']}" in done.output
    assert f"error: cargo-audit {audit.TOOLS['cargo-audit']} was NOT RUN to the end (exit code 1)" in done.output


def test_another_version_is_compiled_anew(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = programs / "tools/bin/cargo-deny"
    program(place, "echo cargo-deny 0.1.0")
    program(programs / "path/cargo", f"echo cargo $*; printf '#!/bin/sh\\necho new\\n' > {place}")
    monkeypatch.setenv("PATH", f"{programs / 'path'}:/usr/bin:/bin")
    assert audit.program("cargo-deny", programs / "tools") == place
    assert "echo new" in place.read_text()
    program(programs / "path/cargo", "exit 101")
    done = run(programs)
    assert done.exit_code == 3
    assert f"cargo-deny was NOT RUN: `cargo install --locked --root {programs / 'tools'}" in done.output


def test_python_packages_that_cannot_be_resolved_are_not_audited(
    programs: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(programs)
    program(programs / "path/uv", "exit 2")
    monkeypatch.setenv("PATH", f"{programs / 'path'}:/usr/bin:/bin")
    (programs / "build").mkdir()
    done = CliRunner().invoke(audit.main, [])
    assert done.exit_code == 3
    assert "pip-audit was NOT RUN: uv could not resolve the dependency groups" in done.output


def test_python_packages_are_audited_as_they_were_resolved(programs: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(programs)
    program(programs / "path/uv", 'for last; do :; done; echo "idna==3.0" > "$last"')
    monkeypatch.setenv("PATH", f"{programs / 'path'}:/usr/bin:/bin")
    modules = programs / "modules"
    modules.mkdir()
    monkeypatch.setattr(audit, "version", lambda name: "2.10")
    code = "import pathlib, sys\nprint(pathlib.Path(sys.argv[-1]).read_text()); sys.exit('idna 3.0: PYSEC-1')\n"
    (modules / "pip_audit.py").write_text(code)
    monkeypatch.setenv("PYTHONPATH", str(modules))
    done = CliRunner().invoke(audit.main, [])
    assert done.exit_code == 1
    assert "idna==3.0" in done.output
    assert "error: pip-audit" in done.output
    assert "found something" in done.output


def test_compiled_programs_are_kept_in_the_users_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("SKY_RS_TOOLS", raising=False)
    monkeypatch.setenv("XDG_CACHE_HOME", "/somewhere")
    assert audit.cache() == Path("/somewhere/sky-rs/cargo-tools")
