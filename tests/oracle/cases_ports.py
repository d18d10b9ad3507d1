"""Cases for find_free_port."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from fixtures import Fixtures
from values import make, numpy

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]


def find_free_port_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    starts: tuple[Any, ...] = (
        *(0, 1, 2, 22, 80, 443, 1023, 1024, 8080, 10000, 65533, 65534, 65535, 65536, 2**31, 2**63, 2**70),
        *(
            -1,
            -2,
            -65536,
            -(2**31),
            -(2**63),
            -(2**70),
            True,
            False,
            None,
            "8080",
            b"8080",
            1.0,
            8080.5,
            [],
            {},
        ),
        *(
            float("nan"),
            float("inf"),
            make("IntSub", 8080),
            make("IntStr", 8080),
            make("Level", 5),
            make("Index", 8080),
        ),
        *(numpy("int64", 8080), numpy("uint16", 8080), numpy("float64", 8080.0), numpy("bool_", True)),
        *(
            make("Decimal", "8080"),
            make("Fraction", 8080, 1),
            make("Plain"),
            make("Index", -1),
            make("Index", 2**70),
        ),
    )
    for start in starts:
        yield [start], {}, {}
        yield [start], {}, {"emfile": True}
        yield [start], {}, {"nobody": True}
    yield [], {"start_port": 8080}, {}
    yield [], {}, {}
    yield [1, 2], {}, {}
    yield [8080], {"port": 1}, {}
    for kind, address in HOLDERS:
        first = 20000 if kind != "timewait" else 40000
        held = {"kind": kind, "address": address, "port": first}
        for start in (first - 1, first, first + 1):
            yield [start], {}, {"held": [held]}
            yield [start], {}, {"held": [held | {"count": 3}]}
        if kind == "timewait":  # these ports stay taken for a minute: no other case may come near
            continue
        yield [65533], {}, {"held": [held | {"port": 65533, "count": 2}]}
        yield [65534], {}, {"held": [held | {"port": 65534}]}
        yield [65000], {}, {"held": [held | {"port": 65100, "count": 100}]}
    yield [1], {}, {"nobody": True, "held": [{"kind": "listen", "port": 1024, "count": 5}]}


HOLDERS = (
    *(
        ("listen", ""),
        ("listen", "127.0.0.1"),
        ("listen", "127.0.0.2"),
        ("bound", ""),
        ("bound", "127.0.0.1"),
    ),
    *(
        ("reuseaddr", ""),
        ("reuseport", ""),
        ("udp", ""),
        ("udp", "127.0.0.1"),
        ("dual", "::"),
        ("v6only", "::"),
    ),
    ("timewait", ""),
)


def find_free_port_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Any start, with a run of ports before it taken."""
    start = source.choice((source.randrange(1, 39900), source.randrange(40100, 65540)))
    context: dict[str, Any] = {}
    if source.random() < 0.6:
        kind, address = source.choice([holder for holder in HOLDERS if holder[0] != "timewait"])
        first = min(start + source.randrange(0, 3), 65500)
        context["held"] = [{"kind": kind, "address": address, "port": first, "count": source.randrange(1, 12)}]
    yield [start], {}, context
