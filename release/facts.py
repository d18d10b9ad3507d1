"""What is true of a repository right now, read once, by a few git processes side by side."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import NamedTuple

from release.errors import GitFailed, Interrupted
from release.git import NETWORK_SECONDS, Objects, Repository
from release.settings import Settings

PENDING = "refs/release/pending/"
_CONFIG = (
    r"^(remote\..*\.(url|pushurl)|remote\.pushdefault|branch\..*\.(push)?remote|user\.(name|email|useconfigonly))$"
)
_MAIN_BRANCHES = ("main", "master", "trunk")


class RepositoryFacts(NamedTuple):
    """The local state a release depends on.

    Attributes:
        head: id of the commit HEAD names; None without commits.
        branch: short name of the branch; None on a detached HEAD.
        main_branches: the branches that look like the main one.
        tags: names of all tags.
        dirty: tracked files with uncommitted changes.
        pending: refs of unfinished transactions.
        remotes: names of the remotes.
        configured_remote: what git's own settings say this branch is pushed to; None when they do not.
        shallow: history is cut off (a clone of limited depth).
        identity: whether git knows who commits.
        head_time: committer time of HEAD, seconds since the epoch; 0 without commits.
    """

    head: str | None
    branch: str | None
    main_branches: tuple[str, ...]
    tags: tuple[str, ...]
    dirty: tuple[str, ...]
    pending: tuple[str, ...]
    remotes: tuple[str, ...]
    configured_remote: str | None
    shallow: bool
    identity: bool
    head_time: int

    def remote(self, settings: Settings) -> str | None:
        """Return the remote a release is pushed to: the setting, git's own, `origin`, or the only one."""
        if settings.remote:
            return settings.remote
        if self.configured_remote:
            return self.configured_remote
        if "origin" in self.remotes:
            return "origin"
        return self.remotes[0] if len(self.remotes) == 1 else None


class RemoteFacts(NamedTuple):
    """What the remote answered.

    Attributes:
        head: id of the branch there; None when it does not exist.
        tag: id of the planned tag there; None when it does not exist.
        error: why there is no answer; empty when there is one.
    """

    head: str | None = None
    tag: str | None = None
    error: str = ""


def gather(repository: Repository, objects: Objects) -> RepositoryFacts:
    """Read the local facts; changes nothing, not even the index's cached times."""
    status = None
    if not repository.bare:
        status = repository.start(
            "status", "--porcelain=v2", "--branch", "-z", "--untracked-files=no", "--no-ahead-behind",
            "--no-renames", "--ignore-submodules=dirty",
        )  # fmt: skip
    refs = repository.start(
        "for-each-ref", "--format=%(refname) %(symref)", "refs/tags", PENDING, "refs/remotes/*/HEAD",
        *(f"refs/heads/{name}" for name in _MAIN_BRANCHES),
    )  # fmt: skip
    config = repository.start("config", "-z", "--get-regexp", _CONFIG)
    head, branch, dirty = _status(status.result()[1]) if status else _bare(repository)
    values = _config(config.result(ok=(0, 1))[1])
    tags, pending, main_branches = _refs(refs.result()[1])
    remotes = tuple(
        sorted(
            {
                key.split(".", 1)[1].rpartition(".")[0]
                for key in values
                if key.startswith("remote.") and key.count(".") > 1
            }
        )
    )
    configured = (
        values.get(f"branch.{branch}.pushremote")
        or values.get("remote.pushdefault")
        or values.get(f"branch.{branch}.remote")
    )
    return RepositoryFacts(
        head=head,
        branch=branch,
        main_branches=main_branches,
        tags=tags,
        dirty=dirty,
        pending=pending,
        remotes=remotes,
        configured_remote=None if configured == "." else configured,
        shallow=repository.shallow,
        identity=_identity(repository, values),
        head_time=_commit_time(objects, head),
    )


def ask_remote(repository: Repository, remote: str, branch: str, tag: str | None) -> RemoteFacts:
    """Ask the remote about the branch and the planned tag (one `ls-remote`)."""
    wanted = [f"refs/heads/{branch}"] + ([f"refs/tags/{tag}"] if tag else [])
    try:
        running = repository.start("ls-remote", "--end-of-options", remote, *wanted)
        lines = os.fsdecode(running.result(timeout=NETWORK_SECONDS)[1]).splitlines()
        found = {name: oid for oid, _, name in (line.partition("\t") for line in lines)}
    except (GitFailed, Interrupted) as error:
        words = error.stderr if isinstance(error, GitFailed) else str(error)
        return RemoteFacts(error=" ".join(words.split()) or "no answer")
    return RemoteFacts(found.get(f"refs/heads/{branch}"), found.get(f"refs/tags/{tag}") if tag else None)


def _status(output: bytes) -> tuple[str | None, str | None, tuple[str, ...]]:
    head: str | None = None
    branch: str | None = None
    dirty = []
    for record in output.split(b"\0"):
        kind, _, rest = os.fsdecode(record).partition(" ")
        if kind == "#":
            name, _, value = rest.partition(" ")
            if name == "branch.oid":
                head = None if value == "(initial)" else value
            elif name == "branch.head":
                branch = None if value == "(detached)" else value
        elif kind == "1":
            dirty.append(rest.split(" ", 7)[7])
        elif kind == "u":
            dirty.append(rest.split(" ", 9)[9])
    return head, branch, tuple(dirty)


def _bare(repository: Repository) -> tuple[str | None, str | None, tuple[str, ...]]:
    head = repository.line("rev-parse", "--verify", "--quiet", "HEAD^{commit}", ok=(0, 1)) or None
    branch = repository.line("symbolic-ref", "--quiet", "--short", "HEAD", ok=(0, 1)) or None
    return head, branch, ()


def _config(output: bytes) -> dict[str, str]:
    """Later lines win, as in git; section and key are lower case already."""
    values = {}
    for record in os.fsdecode(output).split("\0"):
        name, _, value = record.partition("\n")
        if name:
            values[name] = value
    return values


def _refs(output: bytes) -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    tags, pending, heads, defaults = [], [], [], []
    for line in os.fsdecode(output).split("\n"):
        name, _, target = line.partition(" ")
        if name.startswith("refs/tags/"):
            tags.append(name[10:])
        elif name.startswith(PENDING):
            pending.append(name)
        elif name.startswith("refs/remotes/"):
            defaults.append(target.removeprefix(name.removesuffix("HEAD")))
        elif name:
            heads.append(name.removeprefix("refs/heads/"))
    return tuple(tags), tuple(pending), tuple(defaults or heads)


def _identity(repository: Repository, values: Mapping[str, str]) -> bool:
    named = values.get("user.name") or os.environ.get("GIT_COMMITTER_NAME")
    mailed = values.get("user.email") or os.environ.get("GIT_COMMITTER_EMAIL") or os.environ.get("EMAIL")
    if named and mailed:
        return True
    return repository.start("var", "GIT_COMMITTER_IDENT").result(ok=(0, 1, 128))[0] == 0


def _commit_time(objects: Objects, head: str | None) -> int:
    commit = objects.get(head) if head else None
    for line in (commit.data if commit else b"").split(b"\n\n", 1)[0].split(b"\n"):
        if line.startswith(b"committer "):
            words = line.rsplit(b" ", 2)
            return int(words[1]) if words[1].isdigit() else 0
    return 0
