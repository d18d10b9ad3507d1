"""The list of cases: every row of the specification, then generated ones, all from one seed.

A case is JSON: `f` (function), `args`, `kwargs`, `context` (see contexts.py) and `id`. Values that JSON
cannot say are tagged (see values.py). The same seed and fixture tree give the same list.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from typing import Any

import cases_io
import cases_ports
import cases_process
import cases_string
import cases_system
import values
from fixtures import Fixtures

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]
"""Positional arguments, named arguments, context."""
Generator = Callable[[random.Random, Fixtures], Iterator[Call]]

GENERATORS: dict[str, tuple[Generator, Generator]] = {
    "read_last_n_lines": (cases_io.read_last_n_lines_edges, cases_io.read_last_n_lines_random),
    "hash_file": (cases_io.hash_file_edges, cases_io.hash_file_random),
    "find_free_port": (cases_ports.find_free_port_edges, cases_ports.find_free_port_random),
    "base36_encode": (cases_string.base36_encode_edges, cases_string.base36_encode_random),
    "format_float": (cases_string.format_float_edges, cases_string.format_float_random),
    "truncate_long_string": (cases_string.truncate_edges, cases_string.truncate_random),
    "get_cpu_count": (cases_system.cpu_count_edges, cases_system.cpu_count_random),
    "get_mem_size_gb": (cases_system.mem_size_edges, cases_system.mem_size_random),
    "get_parallel_threads": (cases_process.parallel_threads_edges, cases_process.parallel_threads_random),
    "is_process_alive": (cases_process.is_process_alive_edges, cases_process.is_process_alive_random),
    "get_max_workers_for_file_mounts": (cases_process.max_workers_edges, cases_process.max_workers_random),
    "estimate_fd_for_directory": (cases_process.estimate_fd_edges, cases_process.estimate_fd_random),
}


def generate(function: str, count: int, seed: int, fixtures: Fixtures) -> list[dict[str, Any]]:
    """Return the edge cases of one function and as many different generated ones as make up `count`."""
    source = random.Random(f"{seed}:{function}")
    edges, generated = GENERATORS[function]
    seen: dict[str, dict[str, Any]] = {}

    def add(call: Call) -> None:
        args, kwargs, context = (values.encode(part) for part in call)
        case = {"f": function, "args": args, "kwargs": kwargs, "context": context}
        seen.setdefault(values.key(case), case)

    for call in edges(source, fixtures):
        add(call)
    attempts = 0
    while len(seen) < count:
        for call in generated(source, fixtures):
            add(call)
        attempts += 1
        if attempts > 50 * count:
            raise RuntimeError(f"{function}: only {len(seen)} different cases could be generated")
    return [{"id": f"{function}#{number}", **case} for number, case in enumerate(seen.values())]
