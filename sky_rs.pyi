"""Native forms of twelve SkyPilot functions; use them through `sky.utils.rust_fallback`.

Each has the signature, the results, the exceptions and the messages of its namesake in SkyPilot 0.10.5. What
the native code does not cover is answered by the Python twin of the same name in `sky.utils.rust_twins`.
"""

from _hashlib import HASH
from collections.abc import Mapping
from os import PathLike
from typing import SupportsIndex, TypeAlias

__all__ = [
    "__version__",
    "_probe",
    "_stats",
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

_Path: TypeAlias = str | bytes | PathLike[str] | PathLike[bytes] | int

__version__: str
"""The version of the distribution, as PEP 440 spells it."""

def base36_encode(hex_str: str) -> str:
    """Convert a hexadecimal number to base 36.

    Raises ValueError for what `int(hex_str, 16)` refuses, and for a negative number.
    """

def estimate_fd_for_directory(path: str) -> int:
    """Return the file descriptors that syncing the directory may need: five for each entry.

    Raises OSError when the directory cannot be listed.
    """

def find_free_port(start_port: int) -> int:
    """Return the first free TCP port from start_port up to 65534.

    Raises OSError when there is none, OverflowError for a negative start.
    """

def format_float(num: float, precision: int = 1) -> str:
    """Format a number with up to precision decimals, and without any when it is whole."""

def get_cpu_count() -> int:
    """Return the number of processors, within the limits of affinity and control groups.

    `SKYPILOT_POD_CPU_CORE_LIMIT` in `os.environ` comes first; raises ValueError when it is no number.
    """

def get_max_workers_for_file_mounts(common_file_mounts: Mapping[str, str], cloud_str: str | None = None) -> int:
    """Return how many files to mount at once within the limit of open file descriptors.

    Raises OSError for a directory among the values that cannot be listed.
    """

get_max_workers = get_max_workers_for_file_mounts

def get_mem_size_gb() -> float:
    """Return the memory in units of 2**30 bytes, within the limit of control groups.

    `SKYPILOT_POD_MEMORY_GB_LIMIT` and `SKYPILOT_POD_MEMORY_BYTES_LIMIT` in `os.environ` come first; raises
    ValueError when they are no numbers.
    """

def get_parallel_threads(cloud_str: str | None = None) -> int:
    """Return the number of threads to use, four times as many for Kubernetes."""

def hash_file(path: _Path, hash_alg: str) -> HASH:
    """Return the hashlib object of the named algorithm after it read the whole file.

    Raises OSError when the file cannot be read, ValueError for an unknown algorithm.
    """

def is_process_alive(pid: int | None) -> bool:
    """Tell whether the process exists; a zombie does.

    Raises ValueError for a negative number.
    """

def read_last_n_lines(
    file_path: _Path,
    n: SupportsIndex,
    chunk_size: int = 8192,
    encoding: str = "utf-8",
    errors: str = "replace",
) -> list[str]:
    """Return the last n lines of a file, all but the last with a newline at the end.

    Raises AssertionError when there is no such file or n is negative, RuntimeError when it cannot be read.
    """

def truncate_long_string(s: str, max_length: int = 35, truncate_middle: bool = False) -> str:
    """Shorten a string to about max_length characters and three dots."""

def _probe(hex_str: str) -> str:
    """Fail as a bug would, so that the Python twin of base36_encode answers; for tests."""

def _stats() -> dict[str, tuple[int, int, int]]:
    """Return for each function: native calls, calls given to the twin, internal errors."""
