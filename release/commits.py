"""What commit messages say: Conventional Commits 1.0.0, reverts, squashed and merged messages.

Source: https://www.conventionalcommits.org/en/v1.0.0/. Parsing never raises: a message that cannot be read is
`unparsed`, listed for the user and otherwise without effect.

A footer must stand where a footer can stand: at the start of a paragraph, or after the header or another
footer. A sentence that happens to break its line before "BREAKING CHANGE: " is prose, and so is a code block.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

# Types that start a message of their own inside the body of a squashed commit; other words there are prose.
SQUASHED_TYPES = frozenset(
    (
        "build",
        "chore",
        "ci",
        "deps",
        "docs",
        "feat",
        "fix",
        "hotfix",
        "perf",
        "refactor",
        "release",
        "revert",
        "security",
        "style",
        "test",
    )
)
_SQUASHED = "Squashed commit of the following:"
_HEADER = re.compile(r"([A-Za-z][\w-]*)(?:\(([^()\n]*)\))?(!)?:[ \t]+(\S.*)")
# Whether a body can say anything: one search in C decides for most commits, before any line is looked at.
_SAYS_MORE = re.compile(
    r"^(?:BREAKING[ -]CHANGE|[*-][ \t]|Squashed commit|[ \t]*This reverts commit|(?:"
    + "|".join(sorted(SQUASHED_TYPES))
    + r")[(!:])",
    re.MULTILINE | re.IGNORECASE,
)
_BULLET = re.compile(r"[*-][ \t]+(?=\S)")
_BREAKING = re.compile(r"BREAKING[ -]CHANGE(?::(?:[ \t]+|$)|[ \t]#)")
_FOOTER = re.compile(r"([A-Za-z][A-Za-z0-9-]*)(?::[ \t]|[ \t]#)")
_REVERTED = re.compile(r"^[ \t]*This reverts commit ([0-9a-f]{7,64})\b", re.MULTILINE)
_REVERT_SUBJECT = re.compile(r'Revert "(.*)"(?:[ \t]+\(#\d+\))?[ \t]*$|Reapply "(.*)"')
_PULL_NUMBER = re.compile(r"[ \t]+\(#\d+\)$")
_IDS = re.compile(r"\b[0-9a-f]{7,64}\b")
_ONLY_ISSUE = re.compile(r"#\d+$")


class Message(NamedTuple):
    """One conventional message; a squashed commit holds several.

    Attributes:
        type: in lower case.
        scope: empty without one.
        breaking: `!` or a breaking-change footer.
        description: what follows the colon.
        note: the text of the breaking-change footer; empty without one.
    """

    type: str
    scope: str
    breaking: bool
    description: str
    note: str = ""


class Commit(NamedTuple):
    """A commit and what its message says.

    Attributes:
        id: the full object id.
        parents: ids of the parents.
        subject: the first line.
        messages: the conventional messages found; none when it could not be read.
        reverts: ids (or their beginnings) of commits this one undoes.
        reverts_subject: the quoted subject of `Revert "..."`, for reverts that name no id.
        merge: it has more than one parent, or says that it merges.
        quotes_footer: a line looks like a breaking-change footer but stands inside a paragraph.
    """

    id: str
    parents: tuple[str, ...]
    subject: str
    messages: tuple[Message, ...] = ()
    reverts: tuple[str, ...] = ()
    reverts_subject: str = ""
    merge: bool = False
    quotes_footer: bool = False

    @property
    def type(self) -> str | None:
        """The first message's type; `merge` and `revert` for git's own subjects; None when unreadable."""
        if self.messages:
            return self.messages[0].type
        if self.reverts or self.reverts_subject:
            return "revert"
        return "merge" if self.merge else None

    @property
    def breaking(self) -> bool:
        """Whether any message in it is a breaking change."""
        return any(message.breaking for message in self.messages)

    def as_json(self) -> dict[str, Any]:
        """Return the object printed under `commits` and `unparsed`."""
        return {"id": self.id, "type": self.type, "breaking": self.breaking, "subject": self.subject}


def parse(oid: str, parents: Sequence[str], text: str) -> Commit:
    """Read one commit message; never raises."""
    if "\r" in text:
        text = text.replace("\r\n", "\n")
    text = text.strip("\n")
    subject, _, body = text.partition("\n")
    subject = subject.strip()
    header = _HEADER.match(subject)
    merge = len(parents) > 1 or subject.startswith("Merge ")
    if not body or not (_SAYS_MORE.search(body) or subject == _SQUASHED or subject[:6].lower() == "revert"):
        if header is not None:
            return Commit(oid, tuple(parents), subject, (_message(header),), (), "", merge)
        quoted = _REVERT_SUBJECT.match(subject)
        title = (quoted[1] or quoted[2] or "") if quoted else ""
        return Commit(oid, tuple(parents), subject, (), (), title, merge)
    reader = _Body(header)
    reader.read(body.split("\n"), squashed=subject == _SQUASHED)
    quoted = _REVERT_SUBJECT.match(subject)
    reverts = tuple(_REVERTED.findall(body))
    if not reverts and header is not None and header[1].lower() == "revert":
        reverts = tuple(oid for line in reader.references for oid in _IDS.findall(line))
    title = (quoted[1] or quoted[2] or "") if quoted and not reverts else ""
    return Commit(
        oid, tuple(parents), subject, tuple(reader.messages), reverts, title, merge, reader.quotes_footer
    )  # fmt: skip


def _message(header: re.Match[str]) -> Message:
    kind, scope, bang, description = header.groups()
    return Message(kind.lower(), scope or "", bang is not None, description.rstrip())


class _Body:
    """Reads the lines after the subject, adding what they say to the message before them."""

    def __init__(self, header: re.Match[str] | None) -> None:
        self.messages: list[Message] = [_message(header)] if header else []
        self.references: list[str] = []
        self.quotes_footer = False
        self._titles: list[str] = [header[0].rstrip()] if header else []
        self._pending_note = False

    def read(self, lines: list[str], squashed: bool) -> None:
        """Go through the lines once; `squashed`: the subject is the one `git merge --squash` writes."""
        if squashed or any(line.strip() == _SQUASHED for line in lines):
            lines = _unindent(lines)
        may_start = True  # a footer or a squashed message can begin on this line
        in_footer = False  # the line continues a footer's value
        fenced = False
        note: list[str] | None = None
        for line in lines:
            if line.lstrip().startswith("```"):
                fenced = not fenced
                may_start = in_footer = False
                continue
            if fenced:
                continue
            if not line.strip():
                may_start, in_footer = True, False
                if note is not None:
                    note.append("")
                continue
            breaking = _BREAKING.match(line)
            if breaking and (may_start or in_footer):
                self._keep(note)
                note = [line[breaking.end() :]]
                in_footer = may_start = True
                self._break()
                continue
            if breaking:
                self.quotes_footer = True
            if may_start and self._squashed(line):
                self._keep(note)
                note, in_footer, may_start = None, False, True
                continue
            footer = _FOOTER.match(line)
            if footer and (may_start or in_footer):
                self._keep(note)
                note, in_footer, may_start = None, True, True
                if footer[1].lower() in ("refs", "ref", "reverts"):
                    self.references.append(line[footer.end() :])
                continue
            if note is not None:
                note.append(line.strip())
            may_start = in_footer
        self._keep(note)

    def _squashed(self, line: str) -> bool:
        """Take up a message that starts on this line of a squashed commit."""
        bullet = _BULLET.match(line)
        text = line[bullet.end() :] if bullet else line
        reverted = _REVERT_SUBJECT.match(text)
        if bullet and reverted:
            title = reverted[1] or ""
            if title in self._titles:
                position = self._titles.index(title)
                del self._titles[position], self.messages[position]
            return True
        header = _HEADER.match(text)
        if header is None or header[1].lower() not in SQUASHED_TYPES or _ONLY_ISSUE.match(header[4]):
            return False
        self.messages.append(_message(header))
        self._titles.append(header[0].rstrip())
        return True

    def _break(self) -> None:
        if self.messages:
            self.messages[-1] = self.messages[-1]._replace(breaking=True)

    def _keep(self, note: list[str] | None) -> None:
        if note is not None and self.messages and not self.messages[-1].note:
            text = "\n".join(note).strip()
            self.messages[-1] = self.messages[-1]._replace(note=text)


def _unindent(lines: list[str]) -> list[str]:
    """Turn the body `git merge --squash` writes (a `git log` with messages indented) into plain messages."""
    kept = []
    for line in lines:
        if line.startswith("    "):
            kept.append(line[4:])
        elif not line.startswith(("commit ", "Author: ", "Date: ", "Squashed commit", "Merge: ")):
            kept.append("")
    return kept


def without_reverted(commits: Iterable[Commit]) -> tuple[list[Commit], list[Commit]]:
    """Split commits (newest first) into those that count and those that cancel each other.

    A revert and what it undoes vanish together when both are in the range; the revert of a revert brings the
    first commit back. Undoing a merge undoes all it brought in. A revert of something older stays.
    """
    found = list(commits)
    if not any(commit.reverts or commit.reverts_subject for commit in found):
        return found, []
    resolver = _Reverts(found)
    cancelled = resolver.cancelled()
    kept = [commit for number, commit in enumerate(found) if number not in cancelled]
    return kept, [found[number] for number in sorted(cancelled)]


class _Reverts:
    """Works out which commits of a range are undone within it."""

    def __init__(self, commits: list[Commit]) -> None:
        self.commits = commits
        self.number = {commit.id: number for number, commit in enumerate(commits)}
        self.sorted_ids = sorted(self.number)
        self.by_subject: dict[str, list[int]] = {}
        for number, commit in enumerate(commits):
            self.by_subject.setdefault(_PULL_NUMBER.sub("", commit.subject), []).append(number)

    def cancelled(self) -> set[int]:
        """Return the numbers of the commits without effect."""
        gone: set[int] = set()
        for number, commit in enumerate(self.commits):  # newest first: a revert comes before what it undoes
            if number in gone or not (commit.reverts or commit.reverts_subject):
                continue
            targets = [self._target(name) for name in commit.reverts]
            if commit.reverts_subject:
                targets.append(self._by_subject(commit.reverts_subject, number, gone))
            hit = {target for target in targets if target is not None}
            for target in list(hit):
                hit |= self._brought_in(target)
            gone |= hit
            only_reverts = commit.type in ("revert", "merge", None)
            if hit and None not in targets and only_reverts:
                gone.add(number)
        return gone

    def _target(self, name: str) -> int | None:
        from bisect import bisect_left

        position = bisect_left(self.sorted_ids, name)
        if position < len(self.sorted_ids) and self.sorted_ids[position].startswith(name):
            return self.number[self.sorted_ids[position]]
        return None

    def _by_subject(self, subject: str, newer: int, gone: set[int]) -> int | None:
        for number in self.by_subject.get(_PULL_NUMBER.sub("", subject), ()):
            if number > newer and number not in gone:
                return number
        return None

    def _brought_in(self, merge: int) -> set[int]:
        """Return what a merge added to its first parent, within the range."""
        parents = self.commits[merge].parents
        if len(parents) < 2:
            return set()
        before = self._reachable(parents[:1])
        return self._reachable(parents[1:]) - before

    def _reachable(self, start: Sequence[str]) -> set[int]:
        seen: set[int] = set()
        waiting = list(start)
        while waiting:
            number = self.number.get(waiting.pop())
            if number is not None and number not in seen:
                seen.add(number)
                waiting.extend(self.commits[number].parents)
        return seen
