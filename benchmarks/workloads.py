"""The workloads: what each of the twelve functions is called with, and the files and ports that takes."""

from __future__ import annotations

import contextlib
import os
import random
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import Any


@dataclass(frozen=True)
class Workload:
    """One way to call one function, the same for every side.

    `counted` workloads make up the function's mean; the others are shown beside it. `disguise` names made-up
    control groups. `size` (of `unit`) places it on the plot of time against input size. `around` holds what
    is costly to make and is there only while this is measured; such a workload is for full runs.
    """

    function: str
    name: str
    args: tuple[Any, ...] = ()
    kwargs: dict[str, Any] = field(default_factory=dict)
    env: dict[str, str] = field(default_factory=dict)
    disguise: str = ""
    counted: bool = True
    memory: bool = False
    size: int = 0
    unit: str = ""
    around: Callable[[], contextlib.AbstractContextManager[None]] | None = None


@contextlib.contextmanager
def prepared(folder: Path) -> Iterator[list[Workload]]:
    """Make the files, ports and processes the workloads need, and take them away afterwards."""
    folder.mkdir(parents=True, exist_ok=True)
    with contextlib.ExitStack() as stack:
        yield [
            *_strings(),
            *_numbers(),
            *_lines(folder),
            *_hashes(folder),
            *_directories(folder),
            *_machine(),
            *_processes(stack),
            *_ports(stack),
        ]


def _strings() -> Iterator[Workload]:
    function = "truncate_long_string"
    command = "python train.py --model resnet50 --data /mnt/datasets/imagenet --epochs 90 --batch-size 256"
    yield Workload(function, "no-op", ("sky-cluster-1a2b", 35))
    yield Workload(function, "long word", ("x" * 200, 35))
    yield Workload(function, "command", (command, 35))
    yield Workload(function, "2,000 words", (" ".join(["word"] * 2000), 35), size=2000, unit="words")
    yield Workload(function, "middle", (command, 35, True))
    for digits in (8, 32, 64, 4096, 100_000):
        text = random.Random(digits).randbytes(digits // 2).hex()
        yield Workload(
            "base36_encode",
            f"{digits:,} hex digits",
            (text,),
            counted=digits <= 4096,
            size=digits,
            unit="hex digits",
        )


def _numbers() -> Iterator[Workload]:
    yield Workload("format_float", "int", (16,))
    yield Workload("format_float", "whole", (16.0,))
    yield Workload("format_float", "fraction", (3.14159,))
    yield Workload("format_float", "fraction, 3 decimals", (0.123456,), {"precision": 3})


def _lines(folder: Path) -> Iterator[Workload]:
    function = "read_last_n_lines"
    rng = random.Random(1)
    words = ["INFO", "controller", "replica", "started", "10.0.0.1:8080", "healthy", "after", "3.2s"]
    plain = _file(folder / "plain.log", lambda: "".join(_log_line(rng, words) for _ in range(200_000)))
    other = ["réplique", "démarrée", "控制器", "готово", "INFO", "après", "3.2s"]
    mixed = _file(folder / "non-ascii.log", lambda: "".join(_log_line(rng, other) for _ in range(20_000)))
    long = _file(folder / "long-lines.log", lambda: ("x" * 1_000_000 + "\n") * 8)
    for count in (1, 10, 1000, 100_000):
        name = f"n = {count:,}"
        yield Workload(function, name, (plain, count), memory=True, size=count, unit="lines")
    yield Workload(function, "n = 1,000, non-ASCII", (mixed, 1000), memory=True)
    yield Workload(function, "n = 3, lines of 1 MB", (long, 3), memory=True)


def _log_line(rng: random.Random, words: list[str]) -> str:
    return " ".join(rng.choices(words, k=rng.randint(4, 12))) + "\n"


def _hashes(folder: Path) -> Iterator[Workload]:
    for size, label in ((100, "100 B"), (1024, "1 KB"), (65536, "64 KB"), (1 << 20, "1 MB"), (64 << 20, "64 MB")):
        path = _file(folder / f"{size}.bin", lambda size=size: random.Random(size).randbytes(size))
        big = size > 1 << 20
        yield Workload(
            "hash_file",
            f"{label}, sha256",
            (path, "sha256"),
            counted=not big,
            memory=True,
            size=size,
            unit="bytes",
        )
        if big:
            yield Workload("hash_file", f"{label}, md5", (path, "md5"), counted=False, memory=True)


def _directories(folder: Path) -> Iterator[Workload]:
    function = "estimate_fd_for_directory"
    paths = {count: _directory(folder / f"entries-{count}", count) for count in (10, 1000, 10_000)}
    for count, path in paths.items():
        yield Workload(function, f"{count:,} entries", (path,), size=count, unit="entries")
    function = "get_max_workers_for_file_mounts"
    yield Workload(function, "10,000 entries", ({"/data": paths[10_000]},), size=10_000, unit="entries")
    many = 1_000_000
    yield Workload(
        function,
        f"{many:,} entries",
        ({"/data": str(folder / f"entries-{many}")},),
        counted=False,
        size=many,
        unit="entries",
        around=partial(_made_for_a_while, folder / f"entries-{many}", many),
    )
    yield Workload(function, "two files", ({"/a": __file__, "/b": __file__},), counted=False)
    yield Workload(function, "10 entries", ({"/data": paths[10]},), counted=False, size=10, unit="entries")


def _machine() -> Iterator[Workload]:
    function = "get_cpu_count"
    yield Workload(function, "variable, whole", env={"SKYPILOT_POD_CPU_CORE_LIMIT": "4"})
    yield Workload(function, "variable, fraction", env={"SKYPILOT_POD_CPU_CORE_LIMIT": "4.7"})
    yield Workload(function, "cgroup v1", disguise="cgroup-v1")
    yield Workload(function, "cgroup v2", disguise="cgroup-v2")
    yield Workload(function, "this machine as it is", counted=False)
    function = "get_mem_size_gb"
    yield Workload(function, "variable, GB", env={"SKYPILOT_POD_MEMORY_GB_LIMIT": "16.5"})
    yield Workload(function, "variable, bytes", env={"SKYPILOT_POD_MEMORY_BYTES_LIMIT": "17179869184"})
    yield Workload(function, "no variable")
    yield Workload(function, "cgroup v2", disguise="cgroup-v2", counted=False)
    yield Workload("get_parallel_threads", "no cloud")
    yield Workload("get_parallel_threads", "Kubernetes", ("Kubernetes",))


def _processes(stack: contextlib.ExitStack) -> Iterator[Workload]:
    command = [sys.executable, "-I", "-c", "import sys; sys.stdin.read()"]
    live = subprocess.Popen(command, stdin=subprocess.PIPE)
    stack.callback(live.wait)
    stack.callback(live.stdin.close if live.stdin else live.kill)
    dead = subprocess.Popen([sys.executable, "-I", "-c", ""])
    dead.wait()
    yield Workload("is_process_alive", "parent process", (os.getpid(),))
    yield Workload("is_process_alive", "live process", (live.pid,))
    yield Workload("is_process_alive", "dead process", (dead.pid,))


def _ports(stack: contextlib.ExitStack) -> Iterator[Workload]:
    first = _busy_block(stack, 100)
    yield Workload("find_free_port", "free", (first + 100,))
    yield Workload("find_free_port", "behind 100 busy ports", (first,), size=100, unit="busy ports")


def _busy_block(stack: contextlib.ExitStack, count: int) -> int:
    """Hold `count` ports in a row, with a free one behind them, and return the first."""
    rng = random.Random()
    for _ in range(200):
        first = rng.randrange(12_000, 30_000)
        held: list[socket.socket] = []
        try:
            for port in range(first, first + count + 1):
                held.append(socket.socket(socket.AF_INET, socket.SOCK_STREAM))
                held[-1].bind(("", port))
        except OSError:
            for item in held:
                item.close()
            continue
        held.pop().close()
        for item in held:
            stack.callback(item.close)
        return first
    raise RuntimeError(f"no {count + 1} free ports in a row were found")


def _file(path: Path, make: Any) -> str:
    """Write a file once; it is kept for the next run."""
    if not path.exists():
        content = make()
        partial = path.with_suffix(".part")
        partial.write_bytes(content if isinstance(content, bytes) else content.encode())
        partial.replace(path)
    return str(path)


def _directory(path: Path, count: int) -> str:
    path.mkdir(exist_ok=True)
    if len(os.listdir(path)) != count:  # noqa: PTH208
        for index in range(count):
            (path / f"file-{index:07}").touch()
    return str(path)


@contextlib.contextmanager
def _made_for_a_while(path: Path, count: int) -> Iterator[None]:
    try:
        _directory(path, count)
        yield
    finally:
        shutil.rmtree(path)
