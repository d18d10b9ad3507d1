"""What the tour shows: per stage one function, in words, with the calls to time."""

from __future__ import annotations

import contextlib
import os
import random
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Stage:
    """One function at work: why SkyPilot calls it, and the arguments it gets here."""

    function: str
    story: str
    args: tuple[Any, ...]


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[list[Stage]]:
    """Make what the stages need under `folder`, and hold a few ports busy."""
    log = folder / "controller.log"
    rng = random.Random(1)  # noqa: S311, the same data each time
    words = ["INFO", "replica", "is", "ready", "10.0.0.1:8080", "after", "3.2s"]
    log.write_text("".join(" ".join(rng.choices(words, k=9)) + "\n" for _ in range(50_000)))
    archive = folder / "catalog.csv"
    archive.write_bytes(rng.randbytes(1 << 20))
    many = folder / "dataset"
    many.mkdir()
    for index in range(5000):
        (many / f"shard-{index:05}").touch()
    command = "python train.py --model resnet50 --data /mnt/imagenet --epochs 90 --batch-size 256"
    with contextlib.ExitStack() as stack:
        busy = _busy_port(stack)
        yield [
            Stage("is_process_alive", "Is the job's controller still there?", (os.getppid(),)),
            Stage("base36_encode", "A short id for a new cluster, from a UUID", (rng.randbytes(16).hex(),)),
            Stage("truncate_long_string", "A long command in a status table", (command, 35)),
            Stage("format_float", "A price for a table", (3.14159, 2)),
            Stage("read_last_n_lines", "The last 1,000 lines of a log of 50,000", (str(log), 1000)),
            Stage("hash_file", "Has a catalogue of 1 MB changed?", (str(archive), "sha256")),
            Stage("find_free_port", "A port, when the first is taken", (busy,)),
            Stage("get_cpu_count", "How many processors may this pod use?", ()),
            Stage("get_mem_size_gb", "And how much memory?", ()),
            Stage("get_parallel_threads", "How many threads for Kubernetes?", ("Kubernetes",)),
            Stage("estimate_fd_for_directory", "What would syncing 5,000 files open?", (str(many),)),
            Stage("get_max_workers_for_file_mounts", "So how many syncs at once?", ({"/data": str(many)},)),
        ]


def _busy_port(stack: contextlib.ExitStack) -> int:
    held = stack.enter_context(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
    held.bind(("127.0.0.1", 0))
    return int(held.getsockname()[1])
