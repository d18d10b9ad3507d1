"""What one transaction does, and what came of it: plain values that plan and transaction share."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class TagSpec:
    """An annotated tag to put on the new commit."""

    name: str
    message: str


@dataclass(frozen=True)
class Change:
    """One commit on one branch, and the tags on it.

    `files` maps repository paths to whole new contents as stored in a blob (never smudged);
    `tree` replaces it where the tree is known already, as in a merge. `base` is the object id the
    branch must be at. `when` is the frozen time, in epoch seconds and UTC, of commit and tags, so that
    the same change always gets the same object ids.
    """

    kind: str
    label: str
    branch: str
    base: str
    files: Mapping[str, bytes]
    message: str
    tags: tuple[TagSpec, ...]
    when: int
    extra_parents: tuple[str, ...] = ()
    tree: str | None = None


@dataclass(frozen=True)
class Options:
    """How a change is made and where it goes.

    `remote` is the name of a configured remote, or None for a repository that has none. `sign` None
    means what the user's git settings say. `via` names a branch to push instead of the change's own
    branch; the tags then wait for the merge.
    `urgent`, for a rollback, does not wait for a change that is pending.
    """

    remote: str | None = "origin"
    push: bool = True
    sign: bool | None = None
    atomic: bool = True
    hooks: bool = True
    via: str | None = None
    urgent: bool = False

    @property
    def destination(self) -> str | None:
        """The remote to push to, or None when nothing is pushed."""
        return self.remote if self.push else None


@dataclass(frozen=True)
class WrittenTag:
    """A tag object in the object database; `raw` is its content, from which it can be written again."""

    name: str
    oid: str
    raw: str


@dataclass(frozen=True)
class Prepared:
    """Objects that are written and named by no ref yet."""

    change: Change
    commit: str
    tags: tuple[WrittenTag, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class Preview:
    """What a dry run knows of a change: its tree, and the ids it will get.

    An id that a signature decides is None, and `unknown` says why. `notes` names what else may change the ids.
    """

    tree: str
    commit: str | None
    tags: tuple[WrittenTag, ...]
    unknown: str = ""
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class RefMove:
    """One ref going from `old` to `new`; an empty `old` means that it must not exist yet."""

    ref: str
    old: str
    new: str


@dataclass(frozen=True)
class Outcome:
    """What a transaction came to."""

    commit: str
    tags: Mapping[str, str]
    pushed: bool
    remote: str | None
    notes: tuple[str, ...] = field(default_factory=tuple)

    def with_notes(self, *notes: str) -> Outcome:
        """Return the same outcome with more to say."""
        return dataclasses.replace(self, notes=(*self.notes, *notes))
