"""Time a few cheap calls, native against the Python twin, alternating in one process.

    python tools/quick_benchmark.py

A first impression only, in seconds. `nox -s bench` measures against SkyPilot itself.
"""

from __future__ import annotations

import os
import sys
import timeit
from collections.abc import Callable
from typing import Any

import sky_rs
from sky.utils import rust_twins

ROUNDS = 7
SECONDS_PER_ROUND = 0.02

WORKLOADS: list[tuple[str, tuple[Any, ...]]] = [
    ("base36_encode", ("deadbeef" * 8,)),
    ("format_float", (12.345,)),
    ("truncate_long_string", ("word " * 100, 80)),
    ("is_process_alive", (os.getpid(),)),
    ("get_cpu_count", ()),
    ("estimate_fd_for_directory", (os.curdir,)),
]


def calls_per_round(function: Callable[..., Any], arguments: tuple[Any, ...]) -> int:
    """How many calls of `function` take about SECONDS_PER_ROUND."""
    once = min(timeit.repeat(lambda: function(*arguments), number=5, repeat=3)) / 5
    return max(1, int(SECONDS_PER_ROUND / max(once, 1e-8)))


def best_times(name: str, arguments: tuple[Any, ...]) -> tuple[float, float]:
    """The least seconds a call took, (native, twin), over rounds that alternate the two sides."""
    native, twin = getattr(sky_rs, name), getattr(rust_twins, name)
    number = calls_per_round(twin, arguments)
    rounds = [
        (
            timeit.timeit(lambda: native(*arguments), number=number),
            timeit.timeit(lambda: twin(*arguments), number=number),
        )
        for _ in range(ROUNDS)
    ]
    return min(first for first, _ in rounds) / number, min(second for _, second in rounds) / number


def main() -> int:
    """Print one line a workload: both times in microseconds, and their ratio."""
    print(f"{'function':<28}{'Rust (us)':>12}{'Python (us)':>14}{'ratio':>8}")
    for name, arguments in WORKLOADS:
        native, twin = best_times(name, arguments)
        print(f"{name:<28}{native * 1e6:>12.3f}{twin * 1e6:>14.3f}{twin / native:>8.1f}", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
