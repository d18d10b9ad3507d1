"""The changelog: taken apart and put together, released into, and refused when it cannot be read."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.changelog import asked_level, check, decode, encode, parse_text, release
from release.errors import Refused
from release.settings import Settings

PIECES = ["# Changelog\n", "## [Unreleased]\n", "## [1.0.0] - 2020-01-01\n", "### Added\n", "- entry\n", "\n", "\r\n"]
PIECES += [
    "```\n",
    "~~~\n",
    "[unreleased]: https://x/compare/v1.0.0...HEAD\n",
    "text",
    "#",
    "## v2.0\r\n",
    "\f",
    "\u2028",
]


@given(st.text() | st.lists(st.sampled_from(PIECES)).map("".join))
def test_writing_what_was_parsed_is_the_identity(text: str) -> None:
    assert parse_text(text).write() == text


@given(st.binary().filter(lambda data: b"\0" not in data))
def test_any_bytes_survive(data: bytes) -> None:
    assert encode(parse_text(decode(data, "x")).write()) == data


@given(st.lists(st.sampled_from(PIECES)).map("".join))
def test_a_release_keeps_every_line_that_was_there(text: str) -> None:
    log = parse_text(text)
    try:
        check(log, "9.9.9")
    except Refused:
        return
    new, _ = release(log, "9.9.9", "v9.9.9", "2021-02-03", "- generated")
    kept = [line for line in text.split("\n") if line.strip() and "compare" not in line]
    rest = iter(new.split("\n"))
    assert all(any(line == other for other in rest) for line in kept)


def test_a_line_kept_for_the_next_release_keeps_its_ending_in_a_file_that_mixes_them() -> None:
    new, _ = release(parse_text("## [Unreleased]\n\r\n### Added \n"), "9.9.9", "v9.9.9", "2021-02-03", "- generated")
    assert "\n### Added \n\r\n## [9.9.9] - 2021-02-03\r\n" in new


FULL = """\
# Changelog

## [Unreleased]

### Added

- By hand,  with two spaces.

## [1.0.0] - 2020-01-01

- Old.

[unreleased]: https://example.org/compare/v1.0.0...HEAD
[1.0.0]: https://example.org/releases/tag/v1.0.0
"""


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_hand_written_text_moves_under_the_new_heading_untouched(newline: str) -> None:
    text = FULL.replace("\n", newline)
    new, notes = release(parse_text(text), "1.1.0", "v1.1.0", "2021-02-03", "- generated")
    expected = FULL.replace("## [Unreleased]\n", "## [Unreleased]\n\n## [1.1.0] - 2021-02-03\n").replace(
        "[unreleased]: https://example.org/compare/v1.0.0...HEAD\n",
        "[unreleased]: https://example.org/compare/v1.1.0...HEAD\n[1.1.0]: https://example.org/compare/v1.0.0...v1.1.0\n",
    )
    assert new == expected.replace("\n", newline)
    assert notes == "### Added\n\n- By hand,  with two spaces.".replace("\n", newline)


def test_an_empty_section_is_filled_from_the_commits() -> None:
    new, notes = release(parse_text("# C\n\n## [Unreleased]\n"), "0.1.0", "v0.1.0", "2021-02-03", "### Fixed\n\n- It.")
    assert new == "# C\n\n## [Unreleased]\n\n## [0.1.0] - 2021-02-03\n\n### Fixed\n\n- It.\n"
    assert notes == "### Fixed\n\n- It."


def test_without_an_unreleased_heading_the_section_goes_above_the_newest() -> None:
    new, _ = release(parse_text("# C\n\n## v1.0.0 (2020-01-01)\n\n- Old.\n"), "1.1.0", "v1.1.0", "2021-02-03", "- New.")
    assert new == "# C\n\n## v1.1.0 (2021-02-03)\n\n- New.\n\n## v1.0.0 (2020-01-01)\n\n- Old.\n"


def test_headings_inside_code_are_text() -> None:
    text = "## [Unreleased]\n\n```\n## [1.0.0]\n```\n"
    assert [section.version for section in parse_text(text).sections] == [None, None]


@pytest.mark.parametrize(
    ("body", "level"),
    [
        ("", "none"),
        ("### Added\n\n### Fixed\n", "none"),
        ("<!-- nothing -->\n", "none"),
        ("### Fixed\n\n- a\n", "patch"),
        ("### Added\n\n- a\n\n### Fixed\n\n- b\n", "minor"),
        ("### REMOVED\n\n- a\n", "major"),
        ("### Fixed\n\n- **Breaking:** a\n", "major"),
        ("just text\n", "patch"),
    ],
)
def test_the_level_the_headings_ask_for(body: str, level: str) -> None:
    section = parse_text(f"## [Unreleased]\n\n{body}").unreleased
    assert asked_level(section, Settings().headings)[0] == level


@pytest.mark.parametrize(
    ("text", "code", "line"),
    [
        ("# Changelog\n\nwords\n", "changelog-no-headings", 1),
        ("## [Unreleased]\n\n## [1.0]\n\n## [Unreleased]\n", "changelog-ambiguous", 5),
        ("## [Unreleased]\n\n## [1.1.0]\n", "changelog-has-version", 3),
    ],
)
def test_what_cannot_be_written_is_refused_with_file_and_line(text: str, code: str, line: int) -> None:
    with pytest.raises(Refused) as refused:
        check(parse_text(text, "CHANGES.md"), "1.1")
    assert refused.value.problems[0].code == code
    assert f"CHANGES.md:{line}:" in refused.value.problems[0].message


def test_a_binary_file_is_refused() -> None:
    with pytest.raises(Refused, match=r"CHANGES\.md:2: holds a NUL byte"):
        decode(b"a\n\0", "CHANGES.md")
