"""One small project with a bare remote, copied for every trial, and what must be true of it at any time."""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

BASE, NEW = "1.0.0", "1.1.0"
TAG = f"v{NEW}"
RELEASED = ("pyproject.toml", "CHANGELOG.md")
PYPROJECT = f'[project]\nname = "faulty"\nversion = "{BASE}"\n'
CHANGELOG = f"# Changelog\n\n## [Unreleased]\n\n### Added\n\n- A thing.\n\n## [{BASE}] - 2026-01-01\n\n- First.\n"
# The server runs in a session of its own, so that what kills the client does not kill it; the lock tells when it ends.
SERVER = '#!/bin/sh\nexec 9>"{lock}"\nflock -s 9\n{before}exec setsid git-receive-pack "$@"\n'


def git(place: Path, *args: str, check: bool = True) -> str:
    """Run git the plain way, for setting up and looking on."""
    ran = subprocess.run(["git", *args], cwd=place, capture_output=True, text=True, check=False)
    if check and ran.returncode != 0:
        raise RuntimeError(f"git {' '.join(args)}: {ran.stderr.strip()}")
    return ran.stdout.strip() if ran.returncode == 0 else ""


@dataclass(frozen=True)
class World:
    """A clone, its remote, and a rival's clone, in one folder."""

    folder: Path

    @property
    def clone(self) -> Path:
        """The user's clone."""
        return self.folder / "clone"

    @property
    def remote(self) -> Path:
        """The bare remote."""
        return self.folder / "remote.git"

    @property
    def rival(self) -> Path:
        """Another user's clone."""
        return self.folder / "rival"

    def point_at_remote(self, before: str = "") -> None:
        """Write this folder's own paths into the clones; `before` is shell put in front of the server."""
        server = self.folder / "server"
        server.write_text(SERVER.format(lock=self.folder / "server.lock", before=before))
        server.chmod(0o755)
        for clone in (self.clone, self.rival):
            config = clone / ".git/config"
            text = config.read_text().replace("@REMOTE@", str(self.remote)).replace("@SERVER@", str(server))
            config.write_text(text)

    def wait_for_server(self) -> None:
        """Return when no server process runs any more."""
        with (self.folder / "server.lock").open("a") as handle:
            fcntl.flock(handle, fcntl.LOCK_EX)

    def hook(self, where: Path, name: str, script: str) -> None:
        """Write a hook into a repository."""
        folder = where / ".git/hooks" if (where / ".git").exists() else where / "hooks"
        folder.mkdir(exist_ok=True)
        (folder / name).write_text(f"#!/bin/sh\n{script}\n")
        (folder / name).chmod(0o755)


def make_template(folder: Path) -> World:
    """Build the project once: a tag, a commit that asks for a release, a stash, files of the user's own."""
    world = World(folder)
    folder.mkdir()
    git(folder, "init", "--quiet", "--bare", "--template=", "-b", "main", str(world.remote))
    git(folder, "init", "--quiet", "--template=", "-b", "main", str(world.clone))
    (world.clone / ".git/info").mkdir(exist_ok=True)
    git(world.clone, "remote", "add", "origin", str(world.remote))
    files = {"pyproject.toml": PYPROJECT, "CHANGELOG.md": "# Changelog\n", ".gitignore": "*.log\n"}
    _commit(world.clone, "chore: begin", {**files, "notes.txt": "notes\n", "other.txt": "other\n"})
    git(world.clone, "tag", "-a", "-m", BASE, f"v{BASE}")
    _commit(world.clone, "feat: a thing", {"CHANGELOG.md": CHANGELOG, "src/faulty.py": "x = 1\n"})
    git(world.clone, "push", "--quiet", "--set-upstream", "origin", "main", f"v{BASE}")
    git(folder, "clone", "--quiet", "--template=", str(world.remote), str(world.rival))
    _commit(world.rival, "fix: theirs", {"rival.txt": "theirs\n"})
    (world.clone / "other.txt").write_text("stashed\n")
    git(world.clone, "stash")
    (world.clone / "untracked.txt").write_text("mine\n")
    (world.clone / "build.log").write_text("ignored\n")
    for clone in (world.clone, world.rival):
        git(clone, "config", "remote.origin.url", "@REMOTE@")
        git(clone, "config", "remote.origin.receivepack", "@SERVER@")
    return world


def _commit(place: Path, message: str, files: dict[str, str]) -> None:
    for name, text in files.items():
        (place / name).parent.mkdir(exist_ok=True)
        (place / name).write_text(text)
    git(place, "add", "--all")
    git(place, "commit", "--quiet", "-m", message)


def copy(template: World, folder: Path, *, dirty: bool, before: str = "") -> World:
    """Copy the template; with `dirty`, the user also has staged and unstaged edits."""
    for name in ("clone", "remote.git", "rival"):
        shutil.copytree(template.folder / name, folder / name, symlinks=True)
    world = World(folder)
    world.point_at_remote(before)
    git(world.clone, "update-index", "-q", "--refresh")
    if dirty:
        (world.clone / "notes.txt").write_text("staged\n")
        git(world.clone, "add", "notes.txt")
        (world.clone / "notes.txt").write_text("staged, then edited\n")
        (world.clone / "src/faulty.py").write_text("x = 2\n")
    return world


def users_own(world: World) -> dict[str, str]:
    """Everything of the user's that a release has no business with: files, index entries, stash."""
    found = {}
    for folder, names, files in os.walk(world.clone):
        names[:] = [name for name in names if name != ".git"]
        for name in files:
            path = Path(folder, name)
            inside = str(path.relative_to(world.clone))
            if inside not in RELEASED:
                found[inside] = hashlib.sha256(path.read_bytes()).hexdigest() + oct(path.stat().st_mode)
    index = git(world.clone, "ls-files", "--stage").splitlines()
    found |= {f"index {line}": "" for line in index if line.split("\t")[1] not in RELEASED}
    found["stash"] = git(world.clone, "rev-parse", "--verify", "--quiet", "refs/stash")
    return found


def together(place: Path) -> str | None:
    """Return `before` or `after` when tag and branch of a repository belong together, else None."""
    tag = git(place, "rev-parse", "--verify", "--quiet", f"refs/tags/{TAG}^{{commit}}", check=False)
    log = git(place, "log", "--format=%H %s", "refs/heads/main").splitlines()
    released = [line.split(" ")[0] for line in log if line.partition(" ")[2] == f"Release {NEW}"]
    if not tag and not released:
        return "before"
    return "after" if released == [tag] else None


def broken_objects(place: Path) -> str:
    """Return what `git fsck --strict` complains about; dangling objects are nothing to complain about."""
    ran = subprocess.run(
        ["git", "fsck", "--strict", "--no-dangling"], cwd=place, capture_output=True, text=True, check=False
    )
    return "" if ran.returncode == 0 else (ran.stdout + ran.stderr).strip()


def leftovers(world: World) -> list[str]:
    """Return what a finished or undone release must not leave in the clone."""
    found = git(world.clone, "for-each-ref", "--format=%(refname)", "refs/release").splitlines()
    inside = world.clone / ".git"
    found += [str(path.relative_to(inside)) for path in inside.rglob("*.lock") if path.name != "release.lock"]
    found += [path.name for path in inside.glob("release-index*")]
    worktrees = inside / "worktrees"
    return found + ([str(path.name) for path in worktrees.iterdir()] if worktrees.is_dir() else [])
