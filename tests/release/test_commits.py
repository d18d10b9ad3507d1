"""Conventional Commits, reverts, squashes, merges."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.commits import Commit, parse, without_reverted

A, B, C, D = ("a" * 40, "b" * 40, "c" * 40, "d" * 40)


def read(text: str) -> Commit:
    return parse(A, (), text)


# The examples of the specification, and its rules where they could be misread.
@pytest.mark.parametrize(
    ("text", "kind", "breaking"),
    [
        ("feat: allow provided config object to extend other configs\n\nBREAKING CHANGE: `extends` key", "feat", True),
        ("feat!: send an email to the customer", "feat", True),
        ("feat(api)!: send an email", "feat", True),
        ("chore!: drop support for Node 6\n\nBREAKING CHANGE: use features not available in Node 6.", "chore", True),
        ("docs: correct spelling of CHANGELOG", "docs", False),
        ("feat(lang): add Polish language", "feat", False),
        ("fix: prevent racing of requests\n\nIntroduce a request id.\n\nReviewed-by: Z\nRefs: #123", "fix", False),
        ("FEAT: shouting", "feat", False),
        ("Fix(Core): mixed", "fix", False),
        ("feat: x\n\nBREAKING-CHANGE: y", "feat", True),
        ("feat: x\n\nBREAKING CHANGE #12", "feat", True),
        ("feat: x\n\nRefs: #1\nBREAKING CHANGE: y", "feat", True),
        ("feat: x\n\nbody\n\nBREAKING CHANGE: several\nlines\n\nand paragraphs\n\nRefs: 1", "feat", True),
        ("feat: x\r\n\r\nBREAKING CHANGE: y\r\n", "feat", True),
        ("feat: x\n\nbreaking change: not in capitals", "feat", False),
        ("feat:no space", None, False),
        ("feat : space before", None, False),
        ("just words", None, False),
        ("", None, False),
        ("feat: ", None, False),
    ],
)
def test_reads_what_the_specification_says(text: str, kind: str | None, breaking: bool) -> None:
    commit = read(text)
    assert (commit.type, commit.breaking) == (kind, breaking)


@pytest.mark.parametrize(
    "text",
    [
        "docs: explain\n\nWrite the footer `BREAKING CHANGE: text` when needed.",
        "docs: explain\n\nA major version is cut by a footer that says\nBREAKING CHANGE: and then the text.",
        "docs: explain\n\n```\nfeat: x\n\nBREAKING CHANGE: y\n```",
        "docs: explain\n\n> BREAKING CHANGE: quoted",
        "docs: explain\n\n    BREAKING CHANGE: indented",
    ],
)
def test_a_sentence_that_quotes_the_footer_is_no_footer(text: str) -> None:
    assert not read(text).breaking


def test_the_note_of_a_footer_keeps_its_lines() -> None:
    message = read("feat: x\n\nBREAKING CHANGE: first\n second\n\nthird\n\nRefs: 1").messages[0]
    assert message.note == "first\nsecond\n\nthird"


def test_scope_and_description() -> None:
    message = read("feat(api/v2, core): add it").messages[0]
    assert (message.scope, message.description) == ("api/v2, core", "add it")


def test_a_squashed_commit_holds_several_messages() -> None:
    commit = read(
        "Add things (#12)\n\n* feat: one\n\n* fix(io)!: two\n\n* wip\n\n- perf: three\n\nCo-authored-by: X <x@y>"
    )
    assert [(message.type, message.breaking) for message in commit.messages] == [
        ("feat", False),
        ("fix", True),
        ("perf", False),
    ]


def test_a_footer_in_a_squashed_commit_belongs_to_the_message_before_it() -> None:
    commit = read("feat: all (#3)\n\n* fix: a\n\nBREAKING CHANGE: gone\n\n* fix: b")
    assert [message.breaking for message in commit.messages] == [False, True, False]


def test_git_merge_squash_writes_a_log_with_indented_messages() -> None:
    text = (
        "Squashed commit of the following:\n\ncommit " + B + "\nAuthor: Ada <a@b>\nDate:   Mon\n\n    feat: one\n"
        "    \n    BREAKING CHANGE: two\n\ncommit " + C + "\nAuthor: Ada <a@b>\nDate:   Mon\n\n    fix: three\n"
    )
    assert [(message.type, message.breaking) for message in read(text).messages] == [("feat", True), ("fix", False)]


def test_a_bullet_in_prose_is_not_a_message() -> None:
    assert len(read("feat: x\n\n* note: this is prose\n* see: that").messages) == 1
    assert len(read("docs: x\n\nFix: #12").messages) == 1


def test_a_merge_that_carries_a_message() -> None:
    commit = parse(A, (B, C), "Merge branch 'x' into 'main'\n\nfeat: add it\n\nSee merge request !1")
    assert (commit.type, commit.merge) == ("feat", True)
    assert parse(A, (B, C), "Merge branch 'x'").type == "merge"


def test_revert_of_git_and_of_the_convention() -> None:
    feat = parse(B, (), "feat: x")
    for text in (
        f'Revert "feat: x"\n\nThis reverts commit {B}.',
        f"revert: feat: x\n\nThis reverts commit {B}.",
        f"revert: let us never speak of it\n\nRefs: {B[:8]}",
        'Revert "feat: x" (#7)\n\nReverts owner/repository#6',
    ):
        kept, cancelled = without_reverted([parse(A, (), text), feat])
        assert (kept, len(cancelled)) == ([], 2), text


def test_revert_of_a_revert_brings_it_back() -> None:
    feat = parse(C, (), "feat: x")
    revert = parse(B, (), f'Revert "feat: x"\n\nThis reverts commit {C}.')
    again = parse(A, (), f'Reapply "feat: x"\n\nThis reverts commit {B}.')
    kept, _ = without_reverted([again, revert, feat])
    assert kept == [feat]


def test_revert_of_something_released_stays() -> None:
    revert = parse(A, (), f'Revert "feat: old"\n\nThis reverts commit {D}.')
    assert without_reverted([revert]) == ([revert], [])
    assert revert.type == "revert"


def test_revert_of_a_merge_undoes_what_it_brought() -> None:
    base = parse(D, (), "feat: stays")
    side = parse(C, (D,), "feat: side")
    merge = parse(B, (D, C), "Merge branch 'side'")
    revert = parse(
        A, (B,), f"Revert \"Merge branch 'side'\"\n\nThis reverts commit {B}, reversing\nchanges made to {D}."
    )
    kept, _ = without_reverted([revert, merge, side, base])
    assert kept == [base]


@given(st.text())
def test_parsing_never_raises(text: str) -> None:
    commit = read(text)
    without_reverted([commit, commit])


PARTS = ["feat: x", "fix!: y", "\n", "\n\n", "BREAKING CHANGE: z", "* feat: a", "```", 'Revert "feat: x"', "#"]
PARTS += [
    "Refs: 1",
    "This reverts commit " + A,
    "\r",
    "Squashed commit of the following:",
    "    fix: b",
    "x",
    ":",
    "\0",
]


@given(st.lists(st.sampled_from(PARTS)).map("".join), st.lists(st.sampled_from([A, B, C])))
def test_parsing_pieces_never_raises(text: str, parents: list[str]) -> None:
    commits = [parse(oid, parents, text) for oid in (A, B, C)]
    kept, cancelled = without_reverted(commits)
    assert len(kept) + len(cancelled) == 3
