"""The twelve functions in plain Python: the reference that the native module answers to.

Each has the signature, results, exceptions and messages of its namesake in SkyPilot 0.10.5 (module
`sky.utils.common_utils` or `sky.utils.subprocess_utils`), checked against it by `tests/oracle`. The
departures are meant: `base36_encode` refuses negative numbers, where SkyPilot never returns; no function
leaves `sys.tracebacklimit` changed; `is_process_alive` needs no free file descriptor, without which
SkyPilot raises OSError. Only the standard library is imported (off Linux, psutil by two functions), and
the heavier parts of it (hashlib, logging, socket) only by the functions that need them.
"""

from sky.utils.rust_twins_io import find_free_port, hash_file, read_last_n_lines
from sky.utils.rust_twins_process import (
    estimate_fd_for_directory,
    get_max_workers,
    get_max_workers_for_file_mounts,
    get_parallel_threads,
    is_process_alive,
)
from sky.utils.rust_twins_string import base36_encode, format_float, truncate_long_string
from sky.utils.rust_twins_system import get_cpu_count, get_mem_size_gb

__all__ = [
    "base36_encode",
    "estimate_fd_for_directory",
    "find_free_port",
    "format_float",
    "get_cpu_count",
    "get_max_workers",
    "get_max_workers_for_file_mounts",
    "get_mem_size_gb",
    "get_parallel_threads",
    "hash_file",
    "is_process_alive",
    "read_last_n_lines",
    "truncate_long_string",
]
