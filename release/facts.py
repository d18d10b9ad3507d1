"""What is true of a repository right now, read once."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class RepositoryFacts:
    """The state of the repository that a release depends on; needs no repository to make one in a test.

    Attributes:
        head: id of the commit HEAD names; None without commits.
        branch: short name of the branch; None on a detached HEAD.
        default_branch: the remote's default branch, as far as it is known here.
        tags: tag name to the id of the commit it names.
        dirty: tracked files with uncommitted changes.
        pending: refs under refs/release/pending/ (unfinished transactions).
        remote: name of the remote a release goes to; None when there is none.
        remote_tags: tag name to the id it has on the remote; None when the remote was not asked.
        remote_head: id of the branch on the remote; None when it does not exist there.
        shallow: history is cut off (depth-limited clone).
        identity: whether git knows who commits.
        head_time: committer time of HEAD, seconds since the epoch.
    """

    head: str | None
    branch: str | None
    default_branch: str | None
    tags: dict[str, str]
    dirty: tuple[str, ...]
    pending: tuple[str, ...]
    remote: str | None
    remote_tags: dict[str, str] | None
    remote_head: str | None
    shallow: bool
    identity: bool
    head_time: int
