"""Cases for base36_encode, format_float and truncate_long_string."""

from __future__ import annotations

import random
import struct
from collections.abc import Iterator
from typing import Any

from fixtures import Fixtures
from values import make, numpy

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]

HEX_TEXTS = [
    "0",
    "f",
    "F",
    "ff",
    "FF",
    "Ff",
    "00",
    "000ff",
    "0x",
    "0X",
    "0x0",
    "0xff",
    "0XFF",
    "0x_1f",
    "1_0",
    "1_000",
    "dead_BEEF",
    "+ff",
    "-0",
    "-0x0",
    "+0",
    "+0xf",
    "0b1",
    "1e5",
    "_1",
    "1_",
    "1__0",
    "0_x1",
    "0x1_",
    "+",
    "-",
    "++1",
    "--1",
    "+-1",
    "g",
    "0xg",
    "z",
    "1.0",
    "0o7",
    "１２",
    "٣",
    "٠x10",
    "ff１",
    "ｆｆ",
    "0ｘ1",
    "²",
]
HEX_SPACED = (
    "", " ", "\t", "\n", " ff", "ff ", " ff ", "\tff\n", "\x0bff\x0c", "\rff", "\xa0ff\u2003", "\u3000ff",
    "\x85ff", "f f", "0x ff", "- 1", "+ 1", "ff\x00", "\x00ff", "f\x00f", "\x1cff\x1d", "\x1fff", "\u200bff",
    "ff\u200b", "\ufeffff", "\ud800", "ff\udcff", "\U0001f600", "0x\u0661",
)  # fmt: skip
NEGATIVE_HEX = ("-1", "-ff", "-0x1", " -f ", "-1_0", "-٣", "-" + "f" * 50)
"""SkyPilot never returns from these: they are checked against our own promise instead."""


def base36_encode_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for text in (*HEX_TEXTS, *HEX_SPACED):
        yield [text], {}, {}
        yield [make("StrSub", text)], {}, {}
        if text.isascii():
            yield [text.encode()], {}, {}
            yield [make("bytearray", text.encode())], {}, {}
    for length in (1, 15, 16, 17, 31, 32, 33, 34, 63, 64, 65, 128, 1000, 5000):
        for digit in "017f":
            yield [digit * length], {}, {}
    for power in range(0, 300, 3):
        for offset in (-1, 0, 1):
            yield [f"{max(36**power + offset, 0):x}"], {}, {}
    values: tuple[Any, ...] = (0, 1, -1, 1.0, None, True, [], ["ff"], {}, b"\xff", b"f\x00")
    for value in values:
        yield [value], {}, {}
    for odd in ("tuple", "set", "Plain"):
        yield [make(odd)], {}, {}
    yield [make("memoryview", b"ff")], {}, {}
    yield [make("Index", 5)], {}, {}
    yield [numpy("str_", "ff")], {}, {}
    yield [numpy("bytes_", b"ff")], {}, {}
    yield [numpy("int64", 5)], {}, {}
    yield [], {"hex_str": "ff"}, {}
    yield [], {}, {}
    yield ["ff", "ff"], {}, {}
    yield ["ff"], {"base": 16}, {}


def base36_encode_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Numbers of every size, spelled in many ways, and near misses."""
    text = f"{source.getrandbits(source.choice((4, 8, 32, 64, 127, 128, 129, 256, 2000))):x}"
    text = source.choice((text, text.upper(), text.title(), "0" * source.randrange(40) + text))
    if source.random() < 0.3:
        text = source.choice(("0x", "0X", "+", "+0x")) + text
    if source.random() < 0.3:
        text = source.choice((" ", "\t", "\xa0", "\u2028")) + text + source.choice(("", "\n", " "))
    if source.random() < 0.3:
        position = source.randrange(len(text) + 1)
        text = text[:position] + source.choice("_g \0-٣x.é") + text[position:]
    if text.strip().startswith("-"):
        return
    value: Any = text
    if source.random() < 0.15:
        value = source.choice((make("StrSub", text), text.encode("utf-8", "replace")))
    yield [value], {}, {}


FLOATS = (
    0.0, -0.0, 1.0, 16.0, -16.0, 0.1, 0.25, 0.75, 1.25, 2.5, 3.5, -0.04, -0.05, -0.5, 0.05, 0.15, 0.45, 0.95,
    9.95, 99.95, 1e15, 1e16, 1e22, 1e23, -1e23, 1e308, 1.7976931348623157e308, 5e-324, 2.2250738585072014e-308,
    2.0**53, 2.0**53 + 2, 2.0**63, 2.0**64, 4503599627370496.5, 4503599627370495.5, 1e-7, 123456789.123456789,
    float("nan"), -float("nan"), float("inf"), -float("inf"), 0.30000000000000004, 1 / 3, 2 / 3, 1e21, 1e-5,
)  # fmt: skip
INTS = (
    0,
    1,
    -1,
    7,
    2**31,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**30,
    -(10**100),
    10**4299,
    10**4300,
    -(10**4300),
)
PRECISIONS: tuple[Any, ...] = (
    0, 1, 2, 3, 10, 15, 16, 17, 18, 30, 100, 350, 1100, -1, -2, True, False, None, "", "x", "2", "02", " 2", "1e",
    "3,", "2_", "+1", b"2", 1.0, 2.5, 2**31 - 1, 2**31, 2**70, -(2**70), [], [1],
)  # fmt: skip


def format_float_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for number in (*FLOATS, *INTS, True, False):
        yield [number], {}, {}
        for precision in PRECISIONS:
            if precision != 2**31 - 1 or type(number) is not float:  # two thousand million digits
                yield [number, precision], {}, {}
    odd_numbers = [
        *(
            make("IntSub", 5),
            make("IntStr", 5),
            make("Level", 2),
            make("FloatFormat", 2.5),
            make("FloatFormat", 2.0),
        ),
        *(
            make("Decimal", "2.5"),
            make("Decimal", "2"),
            make("Fraction", 1, 2),
            make("complex", 1.5),
            make("Plain"),
        ),
        *("2.5", "2", b"2", None, [], [1.5], {}, make("Index", 3)),
        *(numpy("float64", 2.5), numpy("float64", 16.0), numpy("float32", 0.1), numpy("float32", 4.0)),
        *(
            numpy("int64", 5),
            numpy("int8", -5),
            numpy("uint64", 2**63),
            numpy("bool_", True),
            numpy("float16", 0.1),
        ),
    ]
    for odd in odd_numbers:
        for precision in (1, 0, 3, -1, "x", None):
            yield [odd, precision], {}, {}
    for precision in (
        make("IntSub", 2),
        make("IntStr", 2),
        make("Level", 2),
        numpy("int64", 2),
        make("Index", 2),
    ):
        yield [2.345, precision], {}, {}
        yield [2.0, precision], {}, {}
    yield [], {"num": 2.5, "precision": 3}, {}
    yield [2.5], {"precision": 0}, {}
    yield [], {"precision": 3}, {}
    yield [], {}, {}
    yield [1.5, 1, 1], {}, {}
    yield [1.5], {"digits": 1}, {}


def format_float_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Floats of every exponent, ties, short decimals, integers."""
    kind = source.randrange(5)
    number: float
    if kind == 0:
        number = struct.unpack("<d", source.randbytes(8))[0]
    elif kind == 1:
        number = source.randrange(-(10**6), 10**6) / 2 ** source.randrange(1, 12)  # often a tie
    elif kind == 2:
        number = round(source.uniform(-1000, 1000), source.randrange(6))
    elif kind == 3:
        number = float(source.randrange(-(2**60), 2**60))
    else:
        number = source.randrange(-(2 ** source.randrange(1, 200)), 2**70)
    precision = source.choice((0, 1, 1, 2, 3, 5, 8, 17, 20, 60))
    yield source.choice(([number], [number, precision])), {}, {}


TEXTS = (
    "", "a", " ", "abc", "one two three", "a b c d e f g h", "  leading", "trailing  ", "a  b   c    d",
    "averylongwordwithoutanyblankinit", "averylongwordwithoutanyblankinit and more", "é" * 40, "日本語 " * 12,
    "\U0001f600 " * 20, "a\tb\nc\u00a0d\u2003e " * 5, "x" * 35, "x" * 36, "x" * 34 + " y", "word " * 20,
    "\ud800 " * 20, "one two", "ab cd ef gh ij kl mn op qr st uv wx yz", " " * 50, "\0" * 50,
)  # fmt: skip
LENGTHS: tuple[Any, ...] = (*range(-5, 12), 20, 34, 35, 36, 37, 100, 2**31, 2**70, -100, -(2**70))


def truncate_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for text in TEXTS:
        yield [text], {}, {}
        yield [text], {"truncate_middle": True}, {}
        for length in LENGTHS:
            yield [text, length], {}, {}
            yield [text, length, True], {}, {}
    odd_lengths: tuple[Any, ...] = (
        *(
            None,
            "5",
            3.0,
            4.0,
            5.5,
            10.5,
            100.0,
            float("inf"),
            float("-inf"),
            float("nan"),
            True,
            False,
            b"5",
            [],
        ),
        *(
            make("IntSub", 5),
            make("Level", 5),
            make("Index", 5),
            numpy("int64", 5),
            make("Decimal", "5"),
            make("Plain"),
        ),
    )
    odd_texts: tuple[Any, ...] = (
        *(make("StrSub", "one two three four"), numpy("str_", "one two three four"), b"one two three four"),
        *(make("bytearray", b"one two three"), list("one two three"), ["a"] * 3, make("tuple", ["a"] * 50)),
        *(
            make("memoryview", b"one two"),
            make("Sized", 3),
            make("Sized", 50),
            {"a": 1},
            5,
            None,
            1.5,
            make("Plain"),
        ),
        "one two three four",
    )
    for odd in odd_texts:
        for length in (*odd_lengths, 0, 2, 3, 5, 10, 100):
            for middle in (False, True):
                yield [odd, length, middle], {}, {}
    switches: tuple[Any, ...] = (None, 0, 1, "", "x", [], [0], make("Plain"))
    for switch in switches:
        yield ["one two three four five", 10, switch], {}, {}
    yield [], {"s": "one two three", "max_length": 5, "truncate_middle": True}, {}
    yield ["one two three"], {"max_length": 5}, {}
    yield [], {}, {}
    yield ["a", 1, True, 1], {}, {}
    yield ["a"], {"length": 1}, {}


def truncate_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Words of several lengths and alphabets, cut near where something happens."""
    alphabet = source.choice(("ab", "aé", "日本a", "\U0001f600a", "a\u2003\t"))
    words = ("".join(source.choices(alphabet, k=source.randrange(9))) for _ in range(source.randrange(1, 15)))
    text = (" " * source.choice((1, 1, 1, 2))).join(words)
    length = source.choice((source.randrange(-4, 60), len(text) - 1, len(text), source.randrange(len(text) + 1)))
    yield [text, length, source.random() < 0.4], {}, {}
