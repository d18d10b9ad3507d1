"""The flag file as the command sees it: strict reading, one canonical form."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.rollout import flag_file
from release.rollout.flag_file import FlagFile, FlagFileError

GOOD = FlagFile("sky-rs-0.1.0", "sky-rs", "sky-rs.use-rust", 2500, 2, "promote")
TEXT = GOOD.render()


@given(st.integers(0, 10_000), st.integers(0, 50), st.booleans())
def test_what_is_written_is_read_back_and_is_plain_json(threshold: int, stage: int, enabled: bool) -> None:
    written = FlagFile("a-1.0", "a", "a.flag", threshold, stage, "hold", enabled)
    assert flag_file.parse(written.render()) == written
    flag = json.loads(written.render())["flags"]["a.flag"]
    assert flag["metadata"]["percent"] == threshold / 100
    assert sum(weight for _, weight in flag["targeting"]["if"][2]["fractional"]) == 10_000


def test_layout_does_not_matter() -> None:
    assert flag_file.parse(json.dumps(json.loads(TEXT), indent=2, sort_keys=True).encode()) == GOOD


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "is empty"),
        (TEXT[:100], "is not JSON: line 2"),
        (b"\xff" + TEXT, "not UTF-8 at byte 0"),
        (b"[" * 60_000, "nested too deeply"),
        (b" " * 65_537, "larger than 65536"),
        (b"[]", "is not an object"),
        (b"{}", "lacks flags, metadata"),
        (TEXT.replace(b'"percent":25', b'"percent":NaN'), "holds NaN"),
        (TEXT.replace(b'"percent":25', b'"percent":"25%"'), "percent is '25%'"),
        (TEXT.replace(b'"percent":25', b'"percent":26'), "the targeting says 25"),
        (TEXT.replace(b",2500]", b",-1]"), "threshold -1"),
        (TEXT.replace(b",2500]", b",10100]"), "threshold 10100"),
        (TEXT.replace(b'["on",2500]', b'["onn",2500]'), "misspelt variant"),
        (TEXT.replace(b'["on",2500],["off",7500]', b'["on",0],["off",0]'), "misspelt variant"),
        (TEXT.replace(b'["on",2500]', b'["on",2500.0]'), "misspelt variant"),
        (TEXT.replace(b'"state"', b'"owner":{"a":1},"state"'), "unknown fields"),
        (TEXT.replace(b'"gate":"promote"', b'"gate":"promote","nested":{}'), "unknown fields"),
        (TEXT.replace(b'"stage":2', b'"stage":2,"stage":3'), "'stage' twice"),
        (TEXT.replace(b'"rolloutSchema":1', b'"rolloutSchema":2'), "only 1 is known"),
        (TEXT.replace(b'"rolloutSchema":1', b'"rolloutSchema":true'), "only 1 is known"),
        (TEXT.replace(b"sky-rs-0.1.0", b"--upload-pack=x"), "may only hold"),
        (TEXT.replace(b"ENABLED", b"PAUSED"), "ENABLED or DISABLED"),
    ],
)
def test_everything_else_is_refused_with_the_reason(content: bytes, said: str) -> None:
    with pytest.raises(FlagFileError, match=said):
        flag_file.parse(content)


@given(st.binary(max_size=200))
def test_no_bytes_raise_anything_else(data: bytes) -> None:
    with pytest.raises(FlagFileError):
        flag_file.parse(data)


@pytest.mark.parametrize(("text", "threshold"), [("0", 0), ("25", 2500), ("12.5", 1250), ("0.01", 1), ("100", 10_000)])
def test_percentages(text: str, threshold: int) -> None:
    assert flag_file.parse_percent(text) == threshold
    assert flag_file.percent_text(threshold) == text


@pytest.mark.parametrize("text", ["-1", "101", "NaN", "25%", "", "1e1", "0.001", "٢٥", "+5", " 5", "inf", "100.01"])
def test_what_is_no_percentage(text: str) -> None:
    with pytest.raises(ValueError, match=r"%|percentage"):
        flag_file.parse_percent(text)


@pytest.mark.parametrize("bad", ['a"b', "a b", "", "-x", "é", "a\nb", "x" * 200])
def test_names_that_cannot_stand_in_the_file_are_never_written(bad: str) -> None:
    with pytest.raises(FlagFileError):
        FlagFile(bad, "a", "a.flag", 0, 0, "none").render()
