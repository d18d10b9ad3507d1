"""Python twins of the functions on processes, threads and file descriptors."""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    import logging
    from collections.abc import Mapping

_FDS_PER_ENTRY = 5  # file descriptors that rsync is taken to need for a directory entry
_FDS_RESERVED = 100  # file descriptors left to the rest of the process
_LOW_FD_LIMIT = 1024

_low_fd_limit_reported = False


def get_parallel_threads(cloud_str: str | None = None) -> int:
    """Return how many threads to use: one per processor but one, at least 4, four times that on Kubernetes.

    Raises AttributeError when `cloud_str` is neither empty nor text. Source: `sky.utils.subprocess_utils`.
    """
    threads = max(4, (os.cpu_count() or 1) - 1)
    return threads * 4 if cloud_str and cloud_str.lower() == "kubernetes" else threads


def is_process_alive(pid: int) -> bool:
    """Tell whether the process `pid` exists; zombies and threads count, and None is this process.

    Raises ValueError for a negative number, TypeError for what is no integer.
    Source: `sky.utils.subprocess_utils.is_process_alive`, psutil 7.2.
    """
    if pid is None:
        pid = os.getpid()
    if pid < 0:
        raise ValueError(f"pid must be a positive integer (got {pid})")
    if not 0 <= range(pid).stop < 2**31:  # operator.index(), without loading that module
        return False
    if sys.platform != "linux":
        import psutil

        return bool(psutil.pid_exists(pid))
    try:
        os.stat(f"/proc/{pid}/stat")  # noqa: PTH116 (an import less)
    except PermissionError:  # /proc mounted with hidepid=1: there, but not ours to look at
        return True
    except (FileNotFoundError, ProcessLookupError):
        return False
    return True


def get_max_workers_for_file_mounts(common_file_mounts: Mapping[str, str], cloud_str: str | None = None) -> int:
    """Return how many files to mount at once within the limit of open file descriptors.

    A soft limit below 1024 is a WARNING, once a process; the answer is a DEBUG record. Raises OSError for
    a directory that cannot be listed, TypeError for a source that is no path.
    Source: `sky.utils.subprocess_utils.get_max_workers_for_file_mounts`.
    """
    global _low_fd_limit_reported
    if sys.platform == "win32":  # which has no such limit; SkyPilot's own function does not load there
        return get_parallel_threads(cloud_str)
    import resource

    limit, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    if limit < _LOW_FD_LIMIT and not _low_fd_limit_reported:
        _logger().warning(
            f"Open file descriptor limit ({limit}) is low. File sync to remote clusters may be slow. "
            "Consider increasing the limit using `ulimit -n <number>` or modifying system limits."
        )
        _low_fd_limit_reported = True
    per_mount = _FDS_PER_ENTRY
    for source in common_file_mounts.values():
        if os.path.isdir(source):  # noqa: PTH112 (never raises for odd text)
            per_mount = max(per_mount, estimate_fd_for_directory(source))
    workers = max((limit - _FDS_RESERVED) // per_mount, 1)
    workers = min(workers, get_parallel_threads(cloud_str))
    _logger().debug(f"Using {workers} workers for file mounts.")
    return workers


get_max_workers = get_max_workers_for_file_mounts


def estimate_fd_for_directory(path: str) -> int:
    """Return the file descriptors that syncing the directory may need: five for each entry.

    Raises OSError when it cannot be listed. Source: a step of SkyPilot's get_max_workers_for_file_mounts.
    """
    return len(os.listdir(path)) * _FDS_PER_ENTRY  # noqa: PTH208 (also takes a file descriptor)


def _logger() -> logging.Logger:
    """Return the logger that SkyPilot's own function writes to, so that its settings hold here too."""
    import logging

    return logging.getLogger("sky.utils.subprocess_utils")
