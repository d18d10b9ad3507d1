"""Hostile and broken input: one clear message, exit code 1 or 2, nothing changed, no traceback."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.release.conftest import PYPROJECT, Repo

ROOT = Path(__file__).parents[2]
CHANGELOG = "# Changelog\n\n## [Unreleased]\n"


def plan(repo: Repo, *arguments: str) -> tuple[int, Any, str]:
    """Run the command as users do; the repository must look the same afterwards."""
    before = repo.git("for-each-ref"), repo.git("status", "--porcelain")
    ran = subprocess.run(
        [sys.executable, "-m", "release", "plan", "--format", "json", "--repo", str(repo.path), *arguments],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    err = ran.stderr.decode()
    assert "Traceback" not in err, err
    assert (repo.git("for-each-ref"), repo.git("status", "--porcelain")) == before
    return ran.returncode, json.loads(ran.stdout), err


def problems(out: Any) -> str:
    return "\n".join(problem["message"] for problem in out["problems"])


@pytest.mark.parametrize(
    "name",
    [
        "--upload-pack=touch${IFS}x",
        "-d",
        "-f",
        "ünïcode",
        "v1.0.1;touch${IFS}x",
        "a'b\"c",
        "v1.0.1$(touch${IFS}x)",
        "%s",
    ],
)
def test_hostile_tag_and_branch_names_do_no_harm(repo: Repo, name: str) -> None:
    head = repo.git("rev-parse", "HEAD")
    repo.git("update-ref", f"refs/tags/{name}", head)
    repo.git("update-ref", f"refs/heads/{name}", head)
    repo.git("symbolic-ref", "HEAD", f"refs/heads/{name}")
    repo.commit("fix: x")
    code, out, _ = plan(repo)
    assert (code, out["branch"], out["next"]) == (1, name, "1.0.1")
    assert {problem["code"] for problem in out["problems"]} <= {"wrong-branch", "unpushed"}
    assert not (repo.path / "x").exists()


@pytest.mark.parametrize("version", ["--upload-pack=x", "-1", "1.0; rm", "", "\n", "v", "1..2", "\uff19"])
def test_hostile_versions_are_wrong_usage(repo: Repo, version: str) -> None:
    code, out, _ = plan(repo, "--", version)
    assert code == 2 or problems(out)


def test_a_commit_message_of_ten_megabytes(repo: Repo) -> None:
    repo.commit("feat: big\n\n" + "words and more words\n" * 500_000 + "\nBREAKING CHANGE: at the end\n")
    repo.publish()
    code, out, _ = plan(repo)
    assert (code, out["next"]) == (0, "2.0.0")


def test_messages_that_are_not_utf8_or_hold_odd_characters(repo: Repo) -> None:
    repo.commit(b"fix: caf\xe9 \xff\xfe\n\nbody \xc3\x28\n")
    repo.commit("fix: bell \x07 escape \x1b[31m and \u202e turned")
    tree = repo.git("rev-parse", "HEAD^{tree}")
    raw = f"tree {tree}\nparent {repo.git('rev-parse', 'HEAD')}\nauthor A <a> 1 +0000\ncommitter A <a> 1 +0000\n\n"
    oid = repo.git(
        "hash-object", "-t", "commit", "-w", "--literally", "--stdin", stdin=raw.encode() + b"feat: nul\0!\n"
    )
    repo.git("update-ref", "refs/heads/main", oid)
    code, out, _ = plan(repo, "--offline")
    assert (code, out["next"], len(out["commits"])) == (0, "1.1.0", 3)
    text = subprocess.run(
        [sys.executable, "-m", "release", "plan", "--offline", "--repo", str(repo.path)], cwd=ROOT, capture_output=True
    )
    assert b"\x1b" not in text.stdout
    assert b"\x07" not in text.stdout


def files(repo: Repo, content: dict[str, str | bytes]) -> tuple[int, Any, str]:
    repo.commit("feat: x", content)
    repo.publish()
    return plan(repo)


@pytest.mark.parametrize(
    ("content", "code", "message"),
    [
        ({"pyproject.toml": "[project\n"}, "bad-toml", "pyproject.toml:1:9: "),
        ({"pyproject.toml": PYPROJECT.encode() + b"x = '\xff'\n"}, "bad-toml", "pyproject.toml:4: not UTF-8"),
        ({"pyproject.toml": PYPROJECT + "[tool.release]\nnope = 1\n"}, "unknown-setting", "pyproject.toml:5: "),
        ({"release.toml": "remotes = 'x'\n"}, "unknown-setting", "release.toml:1: "),
        ({"package.json": "{\n\n"}, "bad-json", "package.json:3: "),
        ({"demo/__init__.py": "x = 1\ndef (\n"}, "", ""),
        ({"demo/__init__.py": "__version__ = (\n"}, "bad-python", "demo/__init__.py:1: "),
        ({"demo/__init__.py": "__version__ = '1.0.0'\n__version__ = '1.0.0'\n"}, "ambiguous-version", "lines 1, 2"),
        ({"Cargo.toml": '[package]\nname = "demo"\nversion = "one"\n'}, "bad-version", "Cargo.toml:3: "),
        ({"CHANGELOG.md": b"# C\n\0\n"}, "changelog-binary", "CHANGELOG.md:2: "),
        ({"CHANGELOG.md": "words\n"}, "changelog-no-headings", "CHANGELOG.md:1: "),
        ({"CHANGELOG.md": CHANGELOG + "\n## [1.1.0]\n\n- x\n"}, "changelog-has-version", "CHANGELOG.md:5: "),
    ],
)
def test_broken_files_are_named_with_their_line(
    repo: Repo, content: dict[str, str | bytes], code: str, message: str
) -> None:
    status, out, _ = files(repo, content)
    found = {problem["code"] for problem in out["problems"]}
    assert status == (1 if code else 0), out["problems"]
    assert (found == {code} or {code} < found) if code else not found
    assert message in problems(out)


def test_a_changelog_of_ten_megabytes_with_windows_line_endings(repo: Repo) -> None:
    old = "".join(f"## [0.{number}.0] - 2020-01-01\r\n\r\n- {'x' * 900}\r\n\r\n" for number in range(11_000))
    status, out, _ = files(repo, {"CHANGELOG.md": CHANGELOG.replace("\n", "\r\n") + "\r\n- By hand.\r\n\r\n" + old})
    assert (status, out["next"], out["notes"]) == (0, "1.1.0", "- By hand.")


def test_files_with_line_breaks_in_their_names_are_harmless(repo: Repo) -> None:
    (repo.path / "a\nb").mkdir()
    (repo.path / "a\nb" / "c\td").write_text("x")
    status, out, _ = files(repo, {os.fsdecode(b"caf\xe9"): "x"})
    assert (status, out["next"]) == (0, "1.1.0")
    (repo.path / "a\nb" / "c\td").write_text("changed")
    status, out, _ = plan(repo)
    assert (status, [problem["code"] for problem in out["problems"]]) == (1, ["dirty"])
