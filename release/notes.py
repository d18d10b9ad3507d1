"""Release notes written from commits, in the headings of Keep a Changelog."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from release.commits import Commit, Message

ORDER = ("Added", "Changed", "Deprecated", "Removed", "Fixed", "Security")


def generate(commits: Iterable[Commit], sections: Mapping[str, str]) -> str:
    """Return the section for these commits (newest first); empty when users would notice none of them."""
    groups: dict[str, list[str]] = {}
    for commit in commits:
        add(groups, commit, sections)
    return render(groups)


def add(groups: dict[str, list[str]], commit: Commit, sections: Mapping[str, str]) -> None:
    """Sort what a commit says under its headings."""
    for message in commit.messages:
        heading = sections.get(message.type) or ("Changed" if message.breaking else None)
        if heading:
            groups.setdefault(heading, []).append(_entry(message, commit.id))
    if not commit.messages and commit.type == "revert" and "revert" in sections:
        groups.setdefault(sections["revert"], []).append(f"- {commit.subject} ({commit.id[:7]})")


def render(groups: Mapping[str, list[str]]) -> str:
    """Return the headings with their entries, in the usual order; entries said twice are written once."""
    parts = []
    for heading in sorted(groups, key=lambda name: ORDER.index(name) if name in ORDER else len(ORDER)):
        parts.append(f"### {heading}\n\n" + "\n".join(dict.fromkeys(groups[heading])))
    return "\n\n".join(parts)


def _entry(message: Message, oid: str) -> str:
    scope = f"**{message.scope}:** " if message.scope else ""
    breaking = "**Breaking:** " if message.breaking else ""
    description = message.description[:1].upper() + message.description[1:]
    note = ""
    if message.note:
        note = "".join(f"\n  {line}".rstrip(" ") for line in message.note.split("\n"))
    return f"- {breaking}{scope}{description} ({oid[:7]}){note}"
