"""A real repository with a bare upstream, for the tests of `release`."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path

import pytest


class Clone:
    """A clone in a temporary folder; `git` runs git in it, or in another folder."""

    def __init__(self, path: Path, remote: Path) -> None:
        self.path = path
        self.remote = remote

    def git(self, *args: str, at: Path | None = None, check: bool = True) -> str:
        ran = subprocess.run(
            ["git", *args],
            cwd=at or self.path,
            check=False,
            capture_output=True,
            text=True,
            encoding="utf-8",
        )
        assert ran.returncode == 0 or not check, ran.stderr
        return ran.stdout.strip()

    def write(self, name: str, text: str | bytes) -> Path:
        place = self.path / name
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(text.encode() if isinstance(text, str) else text)
        return place

    def commit(self, message: str, **files: str) -> str:
        """Commit the files given as NAME=text (`__` stands for `.`)."""
        for name, text in files.items():
            self.write(name.replace("__", "."), text)
        self.git("add", "--all")
        self.git("commit", "--quiet", "--allow-empty", "-m", message)
        return self.head

    @property
    def head(self) -> str:
        return self.git("rev-parse", "HEAD")

    def there(self, ref: str) -> str:
        """Return what the remote has at a full ref name, or an empty string."""
        return self.git("for-each-ref", "--format=%(objectname)", ref, at=self.remote)

    def hook(self, name: str, script: str, *, remote: bool = False) -> None:
        folder = self.remote / "hooks" if remote else self.path / ".git" / "hooks"
        folder.mkdir(exist_ok=True)
        place = folder / name
        place.write_text(f"#!/bin/sh\n{script}\n")
        place.chmod(0o755)

    def another(self, name: str = "other") -> Clone:
        """Return a second clone of the same remote."""
        place = self.path.parent / name
        self.git("clone", "--quiet", str(self.remote), str(place))
        return Clone(place, self.remote)


PYPROJECT = '[project]\nname = "demo"\nversion = "1.0.0"\n'


class Repo:
    """A repository on disk, driven by plain git."""

    def __init__(self, path: Path, *init: str) -> None:
        self.path = path
        self.remote: Path | None = None
        self.clock = 1_700_000_000
        path.mkdir(parents=True, exist_ok=True)
        self.git("init", "-q", "-b", "main", *init)

    def git(self, *arguments: str, stdin: bytes | None = None) -> str:
        """Run git; time moves on by a minute with each call."""
        self.clock += 60
        stamp = f"{self.clock} +0000"
        env = {**os.environ, "GIT_AUTHOR_DATE": stamp, "GIT_COMMITTER_DATE": stamp}
        done = subprocess.run(["git", *arguments], cwd=self.path, input=stdin, capture_output=True, env=env)
        assert done.returncode == 0, f"git {arguments}: {done.stderr.decode()}"
        return os.fsdecode(done.stdout).strip()

    def write(self, files: Mapping[str, str | bytes]) -> None:
        """Write files into the work tree."""
        for name, content in files.items():
            path = self.path / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(content if isinstance(content, bytes) else content.encode())

    def commit(self, message: str | bytes, files: Mapping[str, str | bytes] | None = None) -> str:
        """Commit everything with this message, byte for byte, and return the id."""
        self.write(files or {})
        self.git("add", "-A")
        data = message if isinstance(message, bytes) else message.encode()
        self.git("commit", "-q", "--allow-empty", "--cleanup=verbatim", "-F", "-", stdin=data)
        return self.git("rev-parse", "HEAD")

    def tag(self, name: str) -> None:
        """Make an annotated tag on HEAD."""
        self.git("tag", "-a", "-m", name, "--", name)

    def add_remote(self, name: str = "origin") -> Path:
        """Make a bare remote and push everything there."""
        self.remote = self.path.parent / f"{self.path.name}-{name}.git"
        subprocess.run(["git", "init", "-q", "--bare", "-b", "main", self.remote], check=True)
        self.git("remote", "add", name, os.fspath(self.remote))
        self.publish()
        return self.remote

    def publish(self) -> None:
        """Push all branches and tags."""
        self.git("push", "-q", "origin", "--all")
        self.git("push", "-q", "origin", "--tags")


@pytest.fixture(autouse=True)
def own_git_settings(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give git a home of its own, so that the settings of whoever runs the tests do not matter."""
    home = tmp_path_factory.mktemp("home")
    settings = home / ".gitconfig"
    settings.write_text(
        "[user]\n\tname = Tester\n\temail = tester@example.org\n[init]\n\tdefaultBranch = main\n"
        '[commit]\n\tgpgSign = false\n[advice]\n\tdetachedHead = false\n[protocol "file"]\n\tallow = always\n'
    )
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(home))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(home / ".config"))
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(settings))
    monkeypatch.setenv("GIT_CONFIG_NOSYSTEM", "1")
    monkeypatch.delenv("SOURCE_DATE_EPOCH", raising=False)
    return home


@pytest.fixture
def clone(tmp_path: Path) -> Iterator[Clone]:
    """Yield a clone with one commit on main, pushed to a bare remote."""
    remote = tmp_path / "remote.git"
    path = tmp_path / "clone"
    subprocess.run(["git", "init", "--quiet", "--bare", "-b", "main", str(remote)], check=True)
    subprocess.run(["git", "clone", "--quiet", str(remote), str(path)], check=True, capture_output=True)
    made = Clone(path, remote)
    made.git("checkout", "--quiet", "-B", "main")
    made.commit(
        "feat: begin", version__txt="1.0.0\n", README__md="hello\n", CHANGELOG__md="# Changelog\n\n## [Unreleased]\n"
    )
    made.git("push", "--quiet", "--set-upstream", "origin", "main")
    yield made


@pytest.fixture
def new_repo(tmp_path: Path) -> Callable[..., Repo]:
    """Return a function that makes empty repositories."""
    return lambda name="repo", *init: Repo(tmp_path / name, *init)


@pytest.fixture
def repo(tmp_path: Path) -> Repo:
    """Return a Python project at 1.0.0, tagged, with a remote that is up to date."""
    made = Repo(tmp_path / "repo")
    made.commit("chore: start", {"pyproject.toml": PYPROJECT, "CHANGELOG.md": "# Changelog\n\n## [Unreleased]\n"})
    made.tag("v1.0.0")
    made.add_remote()
    return made
