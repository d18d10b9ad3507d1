"""Cases for get_cpu_count and get_mem_size_gb."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from fixtures import Fixtures

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]

CPU = "SKYPILOT_POD_CPU_CORE_LIMIT"
GB = "SKYPILOT_POD_MEMORY_GB_LIMIT"
BYTES = "SKYPILOT_POD_MEMORY_BYTES_LIMIT"

NUMBERS = (
    "4", "4.7", "-0.5", "-3", " 8 ", "\t8\n", "1e3", "1_000", "1__0", "_1", "1_", "٤", "１２", "1e308", "1e400",
    "inf", "-inf", "Infinity", "nan", "NaN", "-nan", "", " ", "abc", "0x10", "0b1", "+5", "++5", "5.", ".5", ".",
    "1e", "1e+3", "1E-3", "0", "-0", "-0.0", "00012", "4 4", "4,5", "1.8e19", "9223372036854775807", "1" * 50,
    "4\x85", "\xa04", "4\u2003", "\x1c4", "0.1", "3.9999999999999999999", "1e-400", "infinity ", "\ud800", "é",
)  # fmt: skip
CPU_MAX = (
    "max 100000", "50000 100000", "100000 100000", "150000 100000", "400000 100000\n", "100000 0", "0 100000",
    "-1 100000", "inf 100000", "-inf 100000", "nan 100000", "100000 nan", "100000 inf", "100000 -1", "max", "",
    "\n", "1 2 3", "a b", "100000", "100000\t50000", "100000\n50000", "\xff\xfe 1", "1e5 1e5", "1_000_00 100000",
    "max max", "MAX 100000", "100000 max", "  200000   100000  ", "1e308 1e-308", "0.5 0.1", "199999 100000", "0 0",
)  # fmt: skip
V1_VALUES = (
    "-1",
    "0",
    "50000",
    "100000",
    "150000\n",
    "400000",
    "",
    "max",
    "x",
    "\xff",
    "nan",
    "inf",
    " 100000 ",
    "1e5",
)
LIMITS = (
    "max", "max\n", "", "\n", "0", "-1", "1", "1073741824", "1073741824\n", "  2147483648 \n", "1_000_000", "1.5e9",
    "1e9", "0x10", "text", "\xff\xfe", "1 2", "9223372036854771712", "99999999999999999999", "+5", "--5", "MAX",
    "\xd9\xa1\xd9\xa2\xd9\xa3", "1" * 30, "4096", "\xc2\xa04096", "12\x00", "1__0", "_1",
)  # fmt: skip
MEMINFO = (
    "MemTotal: 1000000 kB\nMemFree: 500000 kB\n",
    "MemFree: 500000 kB\nMemTotal: 1000000 kB\n",
    "MemTotal: 1000000\nMemFree: 5\n",
    "MemTotal:\t1000000 kB\nMemFree:\t1 kB\nMemAvailable: 2000000 kB\n",
    "MemTotal: 1000000 kB\n",
    "MemFree: 1000000 kB\n",
    "",
    "\n",
    "MemTotal: 1000000 kB\n\nMemFree: 1 kB\n",
    "MemTotal:\nMemFree: 1 kB\n",
    "MemTotal: x kB\nMemFree: 1 kB\n",
    "MemTotal: 1000000 kB\nMemFree: x kB\n",
    "MemTotal: 1000000 kB\nMemFree: 1 kB\nOther: x\n",
    "MemTotal: 1000000 kB\nMemFree: 1 kB\nOther\n",
    "MemTotal: -5 kB\nMemFree: 1 kB\n",
    "MemTotal: 0 kB\nMemFree: 0 kB\nMemAvailable: 0 kB\n",
    "MemTotal: 1_000 kB\nMemFree: 1 kB\n",
    "MemTotal: 1.5 kB\nMemFree: 1 kB\n",
    "MemTotal: 1000 kB\nMemTotal: 2000 kB\nMemFree: 1 kB\n",
    "MemTotal: 99999999999999999999999 kB\nMemFree: 1 kB\n",
    "MemTotal : 1000 kB\nMemFree: 1 kB\n",
    " MemTotal: 1000 kB\n MemFree: 1 kB",
    "MemTotal: 1000 kB\r\nMemFree: 1 kB\r\n",
    "MemTotal: 1000 kB\nMemFree: 1 kB\n\xff\xfe: 7\n",
)
ODD_VALUES: tuple[Any, ...] = (4, 4.7, True, None, [], b"4", b"x")
V2 = {"cgroup.controllers": "cpu memory\n"}


def cpu_count_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    yield [], {}, {}
    for text in NUMBERS:
        if text.isprintable() or text.isascii():
            yield [], {}, {"env": {CPU: text}}
        yield [], {}, {"environ": {CPU: text}}
        yield [], {}, {"putenv": {CPU: text}} if text.isascii() else {"environ": {}}
    for value in ODD_VALUES:
        yield [], {}, {"environ": {CPU: value}}
    for content in CPU_MAX:
        yield [], {}, {"cgroup": {**V2, "cpu.max": content}}
    odd_files: tuple[Any, ...] = (
        None,
        {"link": "cpu.max"},
        {"link": "missing"},
        {"text": "50000 100000", "mode": 0},
    )
    for odd in odd_files:
        yield [], {}, {"cgroup": {**V2, "cpu.max": odd}}
        yield [], {}, {"cgroup": {**V2, "cpu.max": odd}, "nobody": True}
        yield [], {}, {"cgroup": {"cgroup.controllers": odd, "cpu.max": "50000 100000"}}
        yield (
            [],
            {},
            {"cgroup": {"cgroup.controllers": odd, **_v1("100000", "100000"), "cpu.max": "50000 100000"}},
        )
    yield [], {}, {"cgroup": V2}
    yield [], {}, {"cgroup": {}}
    for quota in V1_VALUES:
        for period in V1_VALUES:
            yield [], {}, {"cgroup": _v1(quota, period)}
        yield [], {}, {"cgroup": {"cpu/cpu.cfs_quota_us": quota}}
        yield [], {}, {"cgroup": {"cpu/cpu.cfs_period_us": quota}}
    yield [], {}, {"affinity": [0]}
    yield [], {}, {"affinity": [0], "cgroup": {**V2, "cpu.max": "400000 100000"}}
    yield [], {}, {"affinity": [0], "cgroup": {**V2, "cpu.max": "50000 100000"}}
    yield [], {}, {"env": {CPU: "8"}, "affinity": [0], "cgroup": {**V2, "cpu.max": "50000 100000"}}
    yield [1], {}, {}
    yield [], {"x": 1}, {}


def _v1(quota: str, period: str) -> dict[str, Any]:
    return {"cpu/cpu.cfs_quota_us": quota, "cpu/cpu.cfs_period_us": period}


def _number(source: random.Random) -> str:
    text = source.choice(
        (
            str(source.randrange(-10, 200)),
            repr(source.uniform(-5, 5) * 10 ** source.randrange(6)),
            f"{source.uniform(0, 10):.{source.randrange(5)}e}",
            str(source.getrandbits(70)),
            "".join(source.choices("0123456789.eE+-_ infa", k=source.randrange(6))),
        )
    )
    return source.choice(("", "", "", " ", "\n")) + text + source.choice(("", "", "\n", " "))


def cpu_count_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Numbers in the variable and in the files, of both cgroup versions."""
    kind = source.randrange(4)
    context: dict[str, Any]
    if kind == 0:
        context = {"env": {CPU: _number(source)}}
    elif kind == 1:
        context = {"cgroup": {**V2, "cpu.max": f"{_number(source)} {source.choice(('100000', _number(source)))}\n"}}
    elif kind == 2:
        context = {"cgroup": _v1(_number(source), source.choice(("100000\n", _number(source))))}
    else:
        quota, period = (
            source.randrange(1, 400000),
            source.choice((100000, 50000, 1000, source.randrange(1, 10**6))),
        )
        context = {"cgroup": {**V2, "cpu.max": f"{quota} {period}\n"}}
    yield [], {}, context


def mem_size_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    yield [], {}, {}
    for text in NUMBERS:
        for name in (GB, BYTES):
            yield [], {}, {"environ": {name: text}}
            if text.isprintable() or text.isascii():
                yield [], {}, {"env": {name: text}}
        yield [], {}, {"environ": {GB: text, BYTES: "1073741824"}}
        yield [], {}, {"environ": {BYTES: text, GB: "2"}}
    yield [], {}, {"putenv": {GB: "2", BYTES: "5"}, "cgroup": {}}
    for value in ODD_VALUES:
        yield [], {}, {"environ": {GB: value}, "meminfo": MEMINFO[0]}
        yield [], {}, {"environ": {BYTES: value}, "meminfo": MEMINFO[0]}
    for content in LIMITS:
        yield [], {}, {"cgroup": {**V2, "memory.max": content}}
        yield [], {}, {"cgroup": {"memory/memory.limit_in_bytes": content}}
        yield [], {}, {"cgroup": {**V2, "memory.max": content, "memory/memory.limit_in_bytes": "4096"}}
    odd_files: tuple[Any, ...] = (
        None,
        {"link": "memory.max"},
        {"link": "missing"},
        {"text": "4096", "mode": 0},
    )
    for odd in odd_files:
        yield [], {}, {"cgroup": {**V2, "memory.max": odd}}
        yield [], {}, {"cgroup": {**V2, "memory.max": odd}, "nobody": True}
        yield [], {}, {"cgroup": {"cgroup.controllers": odd, "memory.max": "4096"}}
        yield [], {}, {"cgroup": {"memory/memory.limit_in_bytes": odd}}
    for meminfo in MEMINFO:
        yield [], {}, {"meminfo": meminfo}
        yield [], {}, {"meminfo": meminfo, "cgroup": {**V2, "memory.max": "1073741824"}}
    yield [1], {}, {}


def mem_size_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Numbers in the variables and in the files, of both cgroup versions."""
    kind = source.randrange(5)
    context: dict[str, Any]
    if kind == 0:
        context = {"env": {source.choice((GB, BYTES)): _number(source)}}
    elif kind == 1:
        limit = source.choice((_number(source), str(source.getrandbits(source.randrange(1, 64)))))
        context = {"cgroup": {**V2, "memory.max": limit}}
    elif kind == 2:
        context = {"cgroup": {"memory/memory.limit_in_bytes": str(source.getrandbits(source.randrange(1, 64))) + "\n"}}
    elif kind == 3:
        total = source.getrandbits(source.randrange(1, 50))
        lines = [
            f"MemTotal: {total} kB",
            f"MemFree: {source.randrange(total + 1)} kB",
            "HugePages_Total:       0",
        ]
        lines += [f"Name{number}: {source.getrandbits(30)} kB" for number in range(source.randrange(5))]
        source.shuffle(lines)
        context = {"meminfo": "\n".join(lines) + "\n"}
    else:
        limit = str(source.getrandbits(source.randrange(20, 40)))
        context = {
            "meminfo": f"MemTotal: {source.getrandbits(25)} kB\nMemFree: 1 kB\n",
            "cgroup": {**V2, "memory.max": limit},
        }
    yield [], {}, context
