"""The changelog, in the form of Keep a Changelog (https://keepachangelog.com/en/1.1.0/).

A changelog is taken apart into pieces that, joined, are the same text again. A release adds a heading and moves
nothing: what people wrote stays where and as it is.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import NamedTuple

from release.errors import Refused
from release.versions import LEVELS, higher, parse

_HEADING = re.compile(r"(#{1,6})[ \t]+(.*?)[ \t]*#*[ \t]*\r?\n?")
_UNRELEASED = re.compile(r"\[?unreleased\]?(?:\([^)]*\))?[ \t]*(?:[-(].*)?", re.IGNORECASE)
_VERSION = re.compile(
    r"(?P<word>(?:[Vv]ersion|[Rr]elease)[ \t]+)?(?P<open>\[)?(?P<v>v)?(?P<version>\d+(?:\.\w+)+(?:[-+.]\w+)*)\]?"
    r"(?:\([^)]*\))?"
    r"(?P<rest>(?P<separator>[ \t]*[-\u2013\u2014:(]*[ \t]*)(?P<date>\d{4}-\d\d-\d\d)?.*)?"
)
_LINK = re.compile(r"\[([^\]]+)\]:[ \t]*(\S+)")
_COMPARE = re.compile(r"(?P<base>.*/compare/)(?P<old>.+?)(?P<dots>\.\.\.?)(?P<new>.+)")
_BREAKING_ENTRY = re.compile(r"[ \t]*[-*+][ \t]+\W*breaking\b", re.IGNORECASE)
_FENCE = re.compile(r"[ \t]{0,3}(```+|~~~+)")


class Section(NamedTuple):
    """A heading and what stands below it, up to the next heading of the same or a higher rank.

    Attributes:
        heading: the whole heading line with its line ending; empty for what stands above the first.
        body: everything below it.
        line: of the heading, from 1.
        version: the version it names; None for other headings.
        unreleased: it is the `Unreleased` heading.
    """

    heading: str
    body: str
    line: int
    version: str | None = None
    unreleased: bool = False

    @property
    def text(self) -> str:
        """The body without blank lines around it and without the link definitions at its end."""
        return _without_links(self.body)[0].strip("\r\n \t")

    @property
    def empty(self) -> bool:
        """Whether it says nothing: no line but headings and comments."""
        text = re.sub(r"<!--.*?-->", "", self.text, flags=re.DOTALL)
        return not any(line.strip() and not _HEADING.fullmatch(line) for line in text.split("\n"))


class Changelog(NamedTuple):
    """A changelog taken apart; `write` puts it together again, unchanged."""

    path: str
    sections: tuple[Section, ...]

    def write(self) -> str:
        """Return the text."""
        return "".join(section.heading + section.body for section in self.sections)

    @property
    def unreleased(self) -> Section | None:
        """The section of what is not released yet."""
        return next((section for section in self.sections if section.unreleased), None)

    def find(self, version: str) -> Section | None:
        """Return the section of a version, however it is spelled."""
        wanted = parse(version)
        return next((entry for entry in self.sections if entry.version and parse(entry.version) == wanted), None)


def decode(data: bytes, path: str) -> str:
    """Turn a changelog's bytes into text that `encode` turns back into the same bytes.

    Raises:
        Refused: it is not a text file.
    """
    at = data.find(b"\0")
    if at >= 0:
        line = data.count(b"\n", 0, at) + 1
        raise Refused.because("changelog-binary", f"{path}:{line}: holds a NUL byte, so it is not a text file")
    return data.decode("utf-8", "surrogateescape")


def encode(text: str) -> bytes:
    """Undo `decode`."""
    return text.encode("utf-8", "surrogateescape")


def parse_text(text: str, path: str = "CHANGELOG.md") -> Changelog:
    """Take a changelog apart. Any text will do; `write` of the result is the text."""
    marks: list[tuple[int, int, str, int, re.Match[str] | None, bool]] = []
    at = 0
    fence = ""
    for number, line in enumerate(text.split("\n"), 1):
        start, at = at, at + len(line) + 1
        opened = _FENCE.match(line)
        if opened and (not fence or (opened[1].startswith(fence) and not line.strip(" \t\r`~"))):
            fence = "" if fence else opened[1][:3]
            continue
        heading = _HEADING.fullmatch(line) if line.startswith("#") and not fence else None
        if heading:
            title = heading[2]
            version = _VERSION.fullmatch(title)
            if version and parse(version["version"]) is None:
                version = None
            unreleased = _UNRELEASED.fullmatch(title) is not None
            marks.append((start, min(at, len(text)), heading[1], number, version, unreleased))
    ranks = [len(mark[2]) for mark in marks if mark[4] or mark[5]]
    rank = min(ranks, default=0)
    marks = [mark for mark in marks if len(mark[2]) <= rank]
    ends = [mark[0] for mark in marks[1:]] + [len(text)] * bool(marks)
    sections = [Section("", text[: marks[0][0] if marks else len(text)], 1)]
    for (start, below, level, number, version, unreleased), end in zip(marks, ends, strict=True):
        own = len(level) == rank
        name = version["version"] if version and own else None
        sections.append(Section(text[start:below], text[below:end], number, name, unreleased and own))
    return Changelog(path, tuple(sections))


def check(changelog: Changelog, version: str) -> None:
    """Make sure that a release of `version` can be written into it.

    Raises:
        Refused: no headings, several Unreleased headings, or the version is there already.
    """
    path = changelog.path
    named = [section for section in changelog.sections if section.unreleased or section.version]
    if not named:
        raise Refused.because(
            "changelog-no-headings", f"{path}:1: neither an Unreleased heading nor that of a version",
            f"add a line `## [Unreleased]` to {path} above the newest entry",
        )  # fmt: skip
    several = [section.line for section in named if section.unreleased]
    if len(several) > 1:
        raise Refused.because(
            "changelog-ambiguous",
            f"{path}:{several[1]}: a second Unreleased heading (the first is in line {several[0]})",
            "merge the two sections",
        )  # fmt: skip
    section = changelog.find(version)
    if section is not None:
        raise Refused.because(
            "changelog-has-version", f"{path}:{section.line}: has a section for {version} already",
            "rename that heading, or release another version",
        )  # fmt: skip


def asked_level(section: Section | None, headings: Mapping[str, str]) -> tuple[str, str]:
    """Return the level the headings of a section ask for, and the heading that asked."""
    if section is None or section.empty:
        return "none", ""
    wanted = {name.lower(): level for name, level in headings.items()}
    level, reason, title = "none", "", ""
    for line in section.text.split("\n"):
        heading = _HEADING.fullmatch(line)
        if heading:
            title = heading[2]
            continue
        if not line.strip():
            continue
        breaking = _BREAKING_ENTRY.match(line)
        asked = "major" if breaking else wanted.get(title.lower(), "patch")
        if asked in LEVELS and higher(asked, level) != level:
            level, reason = asked, "a breaking entry" if breaking else title or "text"
    return level, reason


def release(changelog: Changelog, version: str, tag: str, date: str, generated: str) -> tuple[str, str]:
    """Write a release into a changelog that `check` has passed; return the new text and the section's text.

    Args:
        changelog: the changelog.
        version: as the heading shall show it.
        tag: the new tag, for the links at the bottom.
        date: YYYY-MM-DD.
        generated: what the section says when nobody wrote anything under Unreleased.
    """
    whole = changelog.write()
    newline = "\r\n" if "\r\n" in whole else "\n"
    heading = _new_heading(changelog, version, date) + newline
    generated = generated.replace("\n", newline)
    out = []
    notes = ""
    for section in changelog.sections:
        if section.unreleased and not section.empty:
            notes = section.text
            out.append(section.heading + newline + heading + section.body)
        elif section.unreleased:
            body, links = _without_links(section.body)
            notes = generated
            kept = _without_blank_lines(body)  # comments and empty headings are for the next release
            if kept:
                kept += newline if kept.endswith("\n") else newline * 2
            above = section.heading + newline + kept
            out.append(
                above
                + heading
                + newline
                + generated
                + newline
                + (newline if links or section is not changelog.sections[-1] else "")
                + links
            )
        else:
            if section.version and not notes:
                notes = generated
                out.append(heading + newline + generated + newline * 2)
            out.append(section.heading + section.body)
    return _with_links("".join(out), version, tag, newline), notes


def _new_heading(changelog: Changelog, version: str, date: str) -> str:
    """Write the heading as the newest one is written: rank, brackets, `v` and dash."""
    model = next((section for section in changelog.sections if section.version), None)
    unreleased = changelog.unreleased
    line = (model or unreleased or Section("## [", "", 0)).heading
    marks = _HEADING.fullmatch(line)
    rank = marks[1] if marks else "##"
    match = _VERSION.fullmatch(marks[2]) if marks and model else None
    if match is None:
        bracket = unreleased is None or "[" in unreleased.heading
        return f"{rank} [{version}] - {date}" if bracket else f"{rank} {version} - {date}"
    name = f"{match['v'] or ''}{version}"
    name = f"[{name}]" if match["open"] else name
    separator = match["separator"] if match["date"] else " - "
    closing = ")" if "(" in separator else ""
    return f"{rank} {match['word'] or ''}{name}{separator}{date}{closing}"


def _without_blank_lines(body: str) -> str:
    """Leave out the blank lines at both ends; every other line keeps its own ending."""
    lines = re.findall(r"[^\n]*\n|[^\n]+", body)
    filled = [number for number, line in enumerate(lines) if line.strip("\r\n \t")]
    return "".join(lines[filled[0] : filled[-1] + 1]) if filled else ""


def _without_links(body: str) -> tuple[str, str]:
    """Split a body into its text and the link definitions at its end."""
    lines = body.split("\n")
    end = len(lines)
    while end and (not lines[end - 1].strip() or _LINK.match(lines[end - 1])):
        end -= 1
    while end < len(lines) and not lines[end].strip():
        end += 1
    text = "\n".join(lines[:end])
    return (text + "\n" if end and end < len(lines) else text), "\n".join(lines[end:])


def _with_links(text: str, version: str, tag: str, newline: str) -> str:
    """Bring the compare links at the bottom up to date, where there are any."""
    lines = text.split("\n")
    for number in range(len(lines) - 1, -1, -1):
        link = _LINK.match(lines[number])
        if link and link[1].lower() == "unreleased":
            compare = _COMPARE.fullmatch(link[2])
            if compare is None:
                return text
            below = f"[{version}]: {compare['base']}{compare['old']}{compare['dots']}{tag}"
            above = lines[number][: link.start(2)] + f"{compare['base']}{tag}{compare['dots']}{compare['new']}"
            ending = "\r" if newline == "\r\n" else ""
            lines[number : number + 1] = [above + ending, below + ending]
            return "\n".join(lines)
    return text
