"""The pending ref: one annotated tag object that keeps a change's commit and says all that resume needs.

`refs/release/pending/<kind>/<label>` is created when the objects are written and deleted when everything
is done, so its presence is what `status` reports. The object's message is one line of JSON.
"""

from __future__ import annotations

import dataclasses
import json
import re
from dataclasses import dataclass

from release.change import Change, Options, Prepared, RefMove, WrittenTag
from release.errors import Interrupted, Refused
from release.plumbing import Plumbing
from release.problems import Problem

NAMESPACE = "refs/release/pending/"
FORMAT = 1
RETRY = "python -m release status says where things stand"


@dataclass(frozen=True)
class Pending:
    """A change under way, as its pending ref tells it."""

    ref: str
    oid: str
    kind: str
    label: str
    branch: str
    base: str
    commit: str
    tags: tuple[WrittenTag, ...]
    remote: str | None
    atomic: bool
    via: str | None
    created: int
    push: tuple[RefMove, ...]
    local: tuple[RefMove, ...]

    @property
    def title(self) -> str:
        """The change in words, as in `release 1.2.0`."""
        return f"{self.kind} {self.label}"


def ref_name(change: Change) -> str:
    """Return the pending ref of a change; characters that git does not allow in a ref become `-`."""
    label = re.sub(r"[^A-Za-z0-9._+-]+|\.\.+|\.lock$|^\.|\.$", "-", change.label) or "-"
    return f"{NAMESPACE}{change.kind}/{label}"


def describe(prepared: Prepared, options: Options, remote_base: str, created: int) -> Pending:
    """Lay out a change's ref moves: what is pushed, and what follows here."""
    change = prepared.change
    branch = f"refs/heads/{change.branch}"
    new_tags = tuple(RefMove(f"refs/tags/{tag.name}", "", tag.oid) for tag in prepared.tags)
    local: tuple[RefMove, ...] = (RefMove(branch, change.base, prepared.commit), *new_tags)
    push: tuple[RefMove, ...] = ()
    if options.via is not None:
        push, local = (RefMove(f"refs/heads/{options.via}", "", prepared.commit),), ()
    elif options.destination is not None:
        push = (RefMove(branch, remote_base, prepared.commit), *new_tags)
    return Pending(
        ref=ref_name(change),
        oid="",
        kind=change.kind,
        label=change.label,
        branch=change.branch,
        base=change.base,
        commit=prepared.commit,
        tags=prepared.tags,
        remote=options.destination,
        atomic=options.atomic,
        via=options.via,
        created=created,
        push=push,
        local=local,
    )


def create(repo: Plumbing, pending: Pending) -> Pending:
    """Write the pending ref: from here on the change can be resumed or aborted.

    Raises:
        Refused: when the same change is pending already.
    """
    body = {key: value for key, value in dataclasses.asdict(pending).items() if key not in {"ref", "oid"}}
    text = json.dumps({"format": FORMAT, **body}, sort_keys=True)
    tagger = f"release <release@localhost> {pending.created} +0000"
    head = f"object {pending.commit}\ntype commit\ntag release-pending\ntagger {tagger}\n\n"
    oid = repo.text("mktag", stdin=f"{head}{text}\n".encode())
    ran = repo.run("update-ref", "--stdin", stdin=f"create {pending.ref} {oid}\n".encode(), check=False)
    if ran.code != 0:
        if repo.ref(pending.ref) and repo.ref(pending.ref) != oid:
            raise Refused([already(pending.title)])
        if not repo.ref(pending.ref):
            raise Interrupted.because("pending-ref", f"{pending.ref} could not be written: {ran.err.strip()}", RETRY)
    return dataclasses.replace(pending, oid=oid)


def already(title: str) -> Problem:
    """The problem that a change is under way."""
    return Problem("pending", f"{title} is pending here", "python -m release status, then resume or abort")


def delete(repo: Plumbing, pending: Pending) -> None:
    """Remove the pending ref, the last step; gone already is fine."""
    ran = repo.run("update-ref", "-d", pending.ref, pending.oid, check=False)
    if ran.code != 0 and repo.ref(pending.ref):
        raise Interrupted.because("pending-ref", f"{pending.ref} could not be removed: {ran.err.strip()}", RETRY)


def read_all(repo: Plumbing) -> list[Pending]:
    """Return every pending change, oldest first.

    Raises:
        Refused: when a pending ref was not written by this program.
    """
    listed = repo.run("for-each-ref", "--format=%(refname) %(objectname) %(objecttype)", NAMESPACE).lines()
    found = [_read(repo, *line.split(" ")) for line in listed]
    return sorted(found, key=lambda pending: pending.created)


def _read(repo: Plumbing, ref: str, oid: str, object_type: str) -> Pending:
    try:
        if object_type != "tag":
            raise ValueError(f"a {object_type}")
        raw = repo.run("cat-file", "tag", oid).out
        body = json.loads(raw.partition(b"\n\n")[2])
        if body.pop("format") != FORMAT:
            raise ValueError("another format")
        body["tags"] = tuple(WrittenTag(**tag) for tag in body["tags"])
        for key in ("push", "local"):
            body[key] = tuple(RefMove(**move) for move in body[key])
        return Pending(ref=ref, oid=oid, **body)
    except (KeyError, TypeError, ValueError) as error:
        message = f"{ref} is not a pending change this version can read ({error})"
        raise Refused([Problem("pending-unreadable", message, f"look at it with git show {ref}")]) from error
