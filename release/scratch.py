"""A temporary worktree, and the user's hooks run in it as git would run them on a commit."""

from __future__ import annotations

import contextlib
import os
import shutil
import tempfile
from collections.abc import Iterable, Iterator
from pathlib import Path

from release.errors import Refused
from release.git import Repository
from release.plumbing import Plumbing
from release.problems import Problem

PREFIX = "release-scratch-"
COMMIT_HOOKS = ("pre-commit", "prepare-commit-msg", "commit-msg")
MERGE_HOOKS = ("pre-merge-commit", "prepare-commit-msg", "commit-msg")


@contextlib.contextmanager
def worktree(repo: Plumbing, commit: str) -> Iterator[Plumbing]:
    """Check `commit` out, detached, in a temporary folder and yield it; it is removed afterwards."""
    folder = Path(tempfile.mkdtemp(prefix=PREFIX)).resolve()
    place = folder / "tree"
    try:
        add = ("worktree", "add", "--quiet", "--detach", "--", str(place), commit)
        repo.run(*add, config=("core.hooksPath=/dev/null",))
        yield Plumbing(Repository(place), repo.environment)
    finally:
        repo.run("worktree", "remove", "--force", "--force", "--", str(place), check=False)
        shutil.rmtree(folder, ignore_errors=True)


def remove_leftovers(repo: Plumbing) -> list[str]:
    """Remove the temporary worktrees of runs that were killed, and say which."""
    removed = []
    for line in repo.run("worktree", "list", "--porcelain", "-z").lines():
        key, _, value = line.partition(" ")
        folder = Path(value).parent
        if key == "worktree" and folder.name.startswith(PREFIX):
            repo.run("worktree", "remove", "--force", "--force", "--", value, check=False)
            shutil.rmtree(folder, ignore_errors=True)
            removed.append(value)
    return removed


def installed(repo: Plumbing, names: Iterable[str]) -> list[str]:
    """Return which of these hooks the user has."""
    folder = repo.path("hooks")
    return [name for name in names if (folder / name).is_file() and (folder / name).stat().st_mode & 0o111]


def commit_hooks(repo: Plumbing, *, merge: bool) -> list[str]:
    """Return which hooks of the user `git commit`, or `git merge`, would run."""
    return installed(repo, MERGE_HOOKS if merge else COMMIT_HOOKS)


def run_commit_hooks(repo: Plumbing, base: str, tree: str, message: str, *, merge: bool) -> tuple[str, str]:
    """Run the hooks of `git commit` on a tree and a message; return both as the hooks leave them.

    The hooks see what they would see in a commit: HEAD at `base`, the new tree in index and work tree.

    Raises:
        Refused: when a hook says no.
    """
    names = commit_hooks(repo, merge=merge)
    if not names:
        return tree, message
    hooks = str(repo.path("hooks"))
    with worktree(repo, base) as scratch:
        scratch.run("read-tree", "-m", "-u", "--no-recurse-submodules", base, tree)
        index = scratch.path("index")
        draft = scratch.path("COMMIT_EDITMSG")
        draft.write_bytes(message.encode("utf-8", "surrogateescape"))
        seen = scratch.within({"GIT_INDEX_FILE": str(index)})
        arguments = {"prepare-commit-msg": [str(draft), "message"], "commit-msg": [str(draft)]}
        for name in names:
            given = arguments.get(name, [])
            ran = seen.run("hook", "run", name, "--", *given, check=False, config=(f"core.hooksPath={hooks}",))
            if ran.code != 0:
                said = (ran.err.strip() or ran.text.strip())[-2000:]
                raise Refused([Problem("hook", f"the {name} hook refuses: {said}", "see to what it says, cut again")])
        message = draft.read_bytes().decode("utf-8", "surrogateescape")
        if not message.strip():
            raise Refused([Problem("hook", "a hook left the commit message empty", "look at commit-msg")])
        return seen.text("write-tree"), message


@contextlib.contextmanager
def pushing_place(repo: Plumbing, commit: str, *, hooks: bool) -> Iterator[Plumbing]:
    """Yield where to push from: where there is a pre-push hook, a worktree that has the new commit."""
    if not hooks or not installed(repo, ["pre-push"]):
        yield repo
        return
    folder = str(repo.path("hooks"))
    number = int(os.environ.get("GIT_CONFIG_COUNT") or 0)
    settings = {"GIT_CONFIG_COUNT": str(number + 1)}
    settings |= {f"GIT_CONFIG_KEY_{number}": "core.hooksPath", f"GIT_CONFIG_VALUE_{number}": folder}
    with worktree(repo, commit) as scratch:
        yield scratch.within(settings)
