"""Python twins of the functions on the machine: its processors and its memory."""

from __future__ import annotations

import os
import sys

_GIB = 1024**3
_MEMORY_VARIABLES = (
    ("SKYPILOT_POD_MEMORY_GB_LIMIT", "GB", 1),
    ("SKYPILOT_POD_MEMORY_BYTES_LIMIT", "bytes", _GIB),
)


def get_cpu_count() -> int:
    """Count the processors this process may use: affinity mask and cgroup limit included.

    `SKYPILOT_POD_CPU_CORE_LIMIT` in `os.environ` wins, truncated to an int. Raises ValueError when it is
    no number, OverflowError when it is infinite. Source: `sky.utils.common_utils.get_cpu_count`.
    """
    wanted = os.environ.get("SKYPILOT_POD_CPU_CORE_LIMIT")
    if wanted is not None:
        try:
            return int(float(wanted))
        except ValueError as error:
            raise ValueError(f"Failed to parse the number of CPUs from {wanted}") from error
    count = _online_cpus()
    if sys.platform == "linux":
        count = min(count, len(os.sched_getaffinity(0)))
    limit = _cgroup_cpu_limit()
    return count if limit is None else min(count, int(limit))


def get_mem_size_gb() -> float:
    """Return the memory this process may use, in GiB: the machine's, or the cgroup's limit if lower.

    `SKYPILOT_POD_MEMORY_GB_LIMIT` and then `SKYPILOT_POD_MEMORY_BYTES_LIMIT` in `os.environ` win.
    Raises ValueError when they are no numbers. Source: `sky.utils.common_utils.get_mem_size_gb`.
    """
    for name, unit, divisor in _MEMORY_VARIABLES:
        wanted = os.environ.get(name)
        if wanted is not None:
            try:
                return float(wanted) / divisor
            except ValueError as error:
                raise ValueError(f"Failed to parse the memory size from {wanted} ({unit})") from error
    total = _total_memory()
    limit = _cgroup_memory_limit()
    return (total if limit is None else min(total, limit)) / _GIB


def _online_cpus() -> int:
    """Return the processors that are online, whoever may use them (psutil's logical count)."""
    if sys.platform == "linux":
        return os.sysconf("SC_NPROCESSORS_ONLN")
    return os.cpu_count() or 1


def _total_memory() -> int:
    """Return the machine's memory in bytes as /proc/meminfo has it, which is what lxcfs changes."""
    if sys.platform != "linux":
        import psutil

        return int(psutil.virtual_memory().total)
    sizes: dict[bytes, int] = {}
    with open("/proc/meminfo", "rb") as stream:  # noqa: PTH123 (an import less)
        for line in stream:
            fields = line.split()
            sizes[fields[0]] = int(fields[1]) * 1024
    total, _ = sizes[b"MemTotal:"], sizes[b"MemFree:"]  # psutil needs both
    return total


def _cgroup_cpu_limit() -> float | None:
    """Return the cgroup's processor limit, which may be a fraction, or None without one."""
    try:
        if _has_cgroup_v2():
            quota_text, period_text = _read_text("/sys/fs/cgroup/cpu.max").split()
            if quota_text == "max":
                return None
            quota, period = float(quota_text), float(period_text)
            return quota / period if quota > 0 else None
        quota = float(_read_text("/sys/fs/cgroup/cpu/cpu.cfs_quota_us"))
        period = float(_read_text("/sys/fs/cgroup/cpu/cpu.cfs_period_us"))
    except (OSError, ValueError):
        return None
    return quota / period if quota > 0 and period > 0 else None


def _cgroup_memory_limit() -> int | None:
    """Return the cgroup's memory limit in bytes, or None without one."""
    name = "memory.max" if _has_cgroup_v2() else "memory/memory.limit_in_bytes"
    try:
        limit = int(_read_text("/sys/fs/cgroup/" + name))  # "max" is no number, and so no limit
    except (OSError, ValueError):
        return None
    return limit if limit > 0 else None


def _has_cgroup_v2() -> bool:
    return os.path.isfile("/sys/fs/cgroup/cgroup.controllers")  # noqa: PTH113 (an import less)


def _read_text(path: str) -> str:
    with open(path, encoding="utf-8") as stream:  # noqa: PTH123 (an import less)
        return stream.read().strip()
