"""Every command in the documentation runs, in a scratch clone; those that cannot are counted and printed."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tools.examples import Example, extract, find

ROOT = Path(__file__).resolve().parents[2]
EXAMPLES = find(ROOT)
RUN = [example for example in EXAMPLES if not example.reason]


@pytest.fixture(scope="module")
def scratch(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Clone this checkout, as it is now, with a remote of its own, beside a small code base to migrate."""
    folder = tmp_path_factory.mktemp("docs")
    remote, clone = folder / "remote.git", folder / "sky-rs"

    def git(*arguments: str, cwd: Path = ROOT) -> str:
        done = subprocess.run(["git", *arguments], cwd=cwd, capture_output=True, text=True, check=True)
        return done.stdout

    clone.mkdir()
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard").split("\0")
    for name in filter(None, listed):
        if (ROOT / name).is_file():
            (clone / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(ROOT / name, clone / name)
    git("init", "--quiet", "--bare", "--initial-branch=main", str(remote))
    git("init", "--quiet", "--initial-branch=main", cwd=clone)
    for key, value in {"user.name": "A", "user.email": "a@example.org", "commit.gpgsign": "false"}.items():
        git("config", key, value, cwd=clone)
    git("remote", "add", "origin", str(remote), cwd=clone)
    git("add", "--all", cwd=clone)
    git("commit", "--quiet", "--message", "feat: a first commit", cwd=clone)
    git("push", "--quiet", "--set-upstream", "origin", "main", cwd=clone)
    sample = folder / "skypilot"
    sample.mkdir()
    (sample / "user.py").write_text(
        "from sky.utils import common_utils\n\nfor text in ('a', 'b'):\n    print(common_utils.base36_encode(text))\n"
    )
    (clone / "build" / "bench").mkdir(parents=True)
    shutil.copy2(ROOT / "benchmarks" / "published.json", clone / "build" / "bench" / "latest.json")
    _commands(folder)
    return clone


def _commands(folder: Path) -> None:
    """Make `python` this interpreter, and `nox` run the real sessions in this environment."""
    programs = folder / "bin"
    programs.mkdir()
    envs = folder / "envs"
    envs.mkdir()
    settings = Path(sys.prefix, "pyvenv.cfg").read_text()
    backend = "uv" if "\nuv =" in settings else "virtualenv" if "virtualenv" in settings else "venv"
    sessions = ("release", "migrate", "rollout", "demo", "report", "merge")
    for name in sessions:
        (envs / name).symlink_to(sys.prefix)
    for name, command in {
        "python": f'exec "{sys.executable}" "$@"',
        "nox": f'exec "{sys.executable}" -m nox -R --envdir "{envs}" --force-venv-backend {backend} "$@"',
    }.items():
        (programs / name).write_text(f"#!/bin/sh\n{command}\n")
        (programs / name).chmod(0o755)


@pytest.mark.parametrize("example", RUN, ids=[f"{e.file}:{e.line}" for e in RUN])
def test_the_command_runs(example: Example, scratch: Path) -> None:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("PYTEST", "NOX", "GIT_"))}
    environ["PATH"] = os.pathsep.join([str(scratch.parent / "bin"), environ["PATH"]])
    done = subprocess.run(
        ["sh", "-c", f"{example.before or ':'}\n{example.command}"],
        cwd=scratch,
        capture_output=True,
        text=True,
        env=environ,
        timeout=300,
        check=False,
    )
    shown = f"$ {example.command}\n{done.stdout[-2000:]}\n{done.stderr[-2000:]}"
    assert done.returncode in example.codes, shown
    assert "Traceback" not in done.stderr, shown


def test_what_is_not_run_says_why(capsys: pytest.CaptureFixture[str]) -> None:
    left = [example for example in EXAMPLES if example.reason]
    with capsys.disabled():
        print(f"\ndocumentation: {len(RUN)} commands run, {len(left)} NOT RUN:")
        for example in left:
            print(f"  {example.file}:{example.line}: {example.command}: {example.reason}")
    assert RUN
    assert all(len(example.reason) > 10 for example in left)


def test_blocks_are_read_as_written() -> None:
    text = (
        "<!-- not run: too slow for this -->\n```console\n$ one\noutput\n$ two \\\n    more\n```\n\n"
        "<!-- exit: 0 1 -->\n```console\n# three\n```\n```python\n$ no\n```\n"
        "<!-- before: zero -->\n```console\n$ four\n$ five\n```\n"
    )
    assert list(extract(text, "x.md")) == [
        Example("x.md", 3, "one", "too slow for this"),
        Example("x.md", 5, "two more", "too slow for this"),
        Example("x.md", 11, "three", "", (0, 1)),
        Example("x.md", 18, "four", before="zero"),
        Example("x.md", 19, "five"),
    ]
