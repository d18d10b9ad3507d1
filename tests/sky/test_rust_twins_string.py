"""Text functions: every row of the specification on both backends, and properties."""

from __future__ import annotations

import decimal
import enum
import math
import re
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

same_module = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


class Named(enum.IntEnum):
    TWO = 2

    def __str__(self) -> str:
        return "two"


class Formatted(float):
    def __format__(self, spec: str) -> str:
        return f"<{spec}>"


class Text(str):
    __slots__ = ()


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        *(("ff", "73"), ("FF", "73"), ("000ff", "73"), ("0xff", "73"), ("0Xff", "73"), ("0x_1f", "v"), ("1_0", "g")),
        *((" ff\n", "73"), ("\xa0ff\u2003", "73"), ("+ff", "73"), ("-0", "0"), ("0", "0"), ("", None), (" ", None)),
        *(("１２", "i"), ("٣", "3"), ("٠x10", "g"), (b"ff", "73"), (bytearray(b"ff"), "73"), (Text("ff"), "73")),
        *(("0b1", "4x"), ("1e5", "dh"), ("deadbeef", "1ps9wxb"), ("f" * 40, "twj4yidkw7a8pn4g709kzmfoaol3x8f")),
        *(("0x", None), ("_1", None), ("1_", None), ("1__0", None), ("0_x1", None), ("+", None), ("--1", None)),
        *(("g", None), ("f\0", None), ("\x1cff\x1d", None), ("\u200bff", None), ("\ud800", None), ("ｆ", None)),
    ],
)
def test_base36_encode(functions: ModuleType, text: Any, expected: str | None) -> None:
    if expected is not None:
        assert functions.base36_encode(text) == expected
    else:
        with pytest.raises(ValueError, match=r"^invalid literal for int\(\) with base 16: ") as caught:
            functions.base36_encode(text)
        assert str(caught.value).endswith(repr(text))


@pytest.mark.parametrize("value", [1, 1.0, None, True, ["ff"], memoryview(b"ff")])
def test_base36_encode_takes_text_only(functions: ModuleType, value: Any) -> None:
    with pytest.raises(TypeError, match=r"^int\(\) can't convert non-string with explicit base$"):
        functions.base36_encode(value)


@pytest.mark.parametrize("text", ["-1", "-ff", "-0x1", " -f "])
def test_base36_encode_refuses_negative_numbers(functions: ModuleType, text: str) -> None:
    with pytest.raises(ValueError, match="not negative"):
        functions.base36_encode(text)


@same_module
@given(number=st.integers(min_value=0, max_value=2**600))
@example(number=36**12)
@example(number=36**12 - 1)
def test_base36_encode_can_be_read_back(functions: ModuleType, number: int) -> None:
    answer = functions.base36_encode(f"{number:x}")
    assert int(answer, 36) == number
    assert answer == "0" or (set(answer) <= set(DIGITS) and answer[0] != "0")


@pytest.mark.parametrize(
    ("number", "expected"),
    [
        *((7, "7"), (-7, "-7"), (10**50, str(10**50)), (True, "True"), (Named.TWO, "two"), (0, "0")),
        *((16.0, "16"), (-0.0, "-0"), (1e22, "10000000000000000000000"), (1e23, "99999999999999991611392")),
        *((0.25, "0.2"), (0.75, "0.8"), (1.25, "1.2"), (-0.04, "-0.0"), (5e-324, "0.0"), (2.55, "2.5")),
        *((math.nan, "nan"), (math.inf, "inf"), (-math.inf, "-inf")),
        *((Formatted(2.5), "<.1f>"), (Formatted(2.0), "<.0f>")),
    ],
)
def test_format_float(functions: ModuleType, number: float, expected: str) -> None:
    assert functions.format_float(number) == expected


@pytest.mark.parametrize(
    ("number", "precision", "expected"),
    [
        (2.5, 0, "2"),
        (3.14159, 3, "3.142"),
        (2.345, "2", "2.35"),
        (2.345, "02", "2.35"),
        (2.0, "x", "2"),
        (2.0, -1, "2"),
    ],
)
def test_format_float_with_precision(functions: ModuleType, number: float, precision: Any, expected: str) -> None:
    assert functions.format_float(number, precision) == expected


@pytest.mark.parametrize("precision", [-1, True, None, "", "x", " 2", b"2"])
def test_format_float_needs_a_precision(functions: ModuleType, precision: Any) -> None:
    with pytest.raises(ValueError, match=r"^Format specifier missing precision$"):
        functions.format_float(2.5, precision)


@pytest.mark.parametrize(
    ("precision", "message"),
    [(2**31, "precision too big"), (2**70, "Too many decimal digits in format string")],
)
def test_format_float_refuses_a_huge_precision(functions: ModuleType, precision: int, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        functions.format_float(2.5, precision)


def test_format_float_refuses_odd_precisions(functions: ModuleType) -> None:
    for precision in (1.0, "1e"):
        with pytest.raises(ValueError, match="Invalid format specifier"):
            functions.format_float(2.5, precision)


def test_format_float_takes_separators_where_the_interpreter_does(functions: ModuleType) -> None:
    try:
        expected = format(2.5, ".3,f")  # from Python 3.14 on
    except ValueError as error:
        with pytest.raises(ValueError, match=f"^{re.escape(str(error))}$"):
            functions.format_float(2.5, "3,")
    else:
        assert functions.format_float(2.5, "3,") == expected


@pytest.mark.parametrize("number", ["2.5", None, b"2", [1.5], 1.5j])
def test_format_float_needs_something_like_a_float(functions: ModuleType, number: Any) -> None:
    with pytest.raises(AttributeError, match="is_integer"):
        functions.format_float(number)


def test_format_float_follows_the_interpreter_on_decimals(functions: ModuleType) -> None:
    number = decimal.Decimal("2.5")
    if hasattr(number, "is_integer"):
        assert functions.format_float(number) == "2.5"
    else:
        with pytest.raises(AttributeError, match="is_integer"):
            functions.format_float(number)


@same_module
@given(number=st.floats(), precision=st.integers(min_value=0, max_value=40))
def test_format_float_rounds_as_python_does(functions: ModuleType, number: float, precision: int) -> None:
    expected = f"{number:.0f}" if number.is_integer() else f"{number:.{precision}f}"
    assert functions.format_float(number, precision) == expected


@pytest.mark.parametrize(
    ("text", "length", "expected"),
    [
        ("one two three", 9, "one two t..."),
        ("one two three", 6, "one tw..."),
        ("a b c d e f", 5, "a b c d..."),
        ("averylongword and more", 5, "avery..."),
        ("one two three", 0, "..."),
        ("one two three", -1, "on..."),
        ("one two three", -3, "..."),
        ("one two three", -100, "..."),
        ("a\tb\u00a0c\u2003d e", 5, "a\tb\u00a0c..."),
        ("日本語 日本語", 4, "日本語 ..."),
    ],
)
def test_truncate_at_the_end(functions: ModuleType, text: str, length: int, expected: str) -> None:
    assert functions.truncate_long_string(text, length) == expected


@pytest.mark.parametrize(
    ("length", "expected"),
    [(3, "..."), (0, "..."), (-5, "..."), (4, "a..."), (5, "a...h"), (6, "ab...h"), (7, "ab...gh"), (8, "abcdefgh")],
)
def test_truncate_in_the_middle(functions: ModuleType, length: int, expected: str) -> None:
    assert functions.truncate_long_string("abcdefgh", length, True) == expected


@pytest.mark.parametrize("short", ["", "one", Text("one"), b"one", ["a"], ("a", "b")])
def test_truncate_returns_the_same_short_object(functions: ModuleType, short: Any) -> None:
    assert functions.truncate_long_string(short) is short
    assert functions.truncate_long_string(short, 10, True) is short
    assert functions.truncate_long_string(short, math.inf) is short


def test_truncate_with_odd_lengths(functions: ModuleType) -> None:
    for length in (None, "5", 3.0, 10.5):
        with pytest.raises(TypeError):
            functions.truncate_long_string("one two three", length)
    assert functions.truncate_long_string("one two three", 3.0, True) == "..."
    assert functions.truncate_long_string("one two three", math.nan) == "one two..."


def test_truncate_needs_text(functions: ModuleType) -> None:
    with pytest.raises(TypeError):
        functions.truncate_long_string(b"one two three", 5)
    with pytest.raises(TypeError):
        functions.truncate_long_string(b"one two three", 5, True)
    assert functions.truncate_long_string(b"one two three", 3, True) == "..."
    with pytest.raises(TypeError, match="has no len"):
        functions.truncate_long_string(5)


@same_module
@given(text=st.text(st.sampled_from("ab é日 "), max_size=60), length=st.integers(min_value=4, max_value=70))
def test_truncate_keeps_its_promise(functions: ModuleType, text: str, length: int) -> None:
    middle = functions.truncate_long_string(text, length, True)
    end = functions.truncate_long_string(text, length)
    if len(text) <= length:
        assert middle is text
        assert end is text
        return
    assert len(middle) == length
    assert text.startswith(middle.split("...")[0])
    assert end.endswith("...")
    assert text.startswith(end[:-3])
    assert len(end) >= length + 3
