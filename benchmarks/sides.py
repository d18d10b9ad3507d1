"""The processes that are timed: one per side and disguise, started once and asked in turns."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO, Any

WORKER = Path(__file__).with_name("worker.py")
OPEN_FILES = 1024  # the usual soft limit on Linux


class WorkerError(Exception):
    """A worker did not start, died, or could not do what it was asked."""


@dataclass(frozen=True)
class Side:
    """An interpreter with what it imports; `paths` are appended to its module search path."""

    label: str
    python: str
    imports: tuple[str, ...]
    paths: tuple[str, ...] = ()
    environ: dict[str, str] = field(default_factory=dict)


class Worker:
    """One timed process; `prefix` is a command that starts it in a disguise."""

    def __init__(self, side: Side, prefix: Sequence[str] = (), wrapper: Sequence[str] = ()) -> None:
        """Start the process and let it import what the side names."""
        environ = {key: value for key, value in os.environ.items() if not key.startswith("PYTHON")}
        environ |= {"PYTHONHASHSEED": "0", "SKYPILOT_DISABLE_USAGE_COLLECTION": "1", **side.environ}
        self.side = side
        command = [*prefix, *wrapper, side.python, "-I", str(WORKER)]
        self._process = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environ
        )
        try:
            self.ask("hello", imports=list(side.imports), paths=list(side.paths), open_files=OPEN_FILES)
        except WorkerError:
            self.close()
            raise

    @property
    def pid(self) -> int:
        """Number of the process; of the disguise's, where there is one."""
        return self._process.pid

    def ask(self, op: str, **arguments: Any) -> dict[str, Any]:
        """Send one request and wait for its answer."""
        stdin, stdout = self._pipes()
        try:
            stdin.write(json.dumps({"op": op, **arguments}) + "\n")
            stdin.flush()
            line = stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise WorkerError(f"{self.side.label}: the worker ended: {self._last_words()}")
        answer: dict[str, Any] = json.loads(line)
        if "error" in answer:
            raise WorkerError(f"{self.side.label}: {answer['error']}")
        return answer

    def close(self) -> None:
        """End the process."""
        for pipe in (self._process.stdin, self._process.stdout):
            if pipe is not None:
                with contextlib.suppress(BrokenPipeError):
                    pipe.close()
        try:
            self._process.wait(timeout=10)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self._process.stderr is not None:
            self._process.stderr.close()

    def __enter__(self) -> Worker:
        """Return itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """End the process."""
        self.close()

    def _pipes(self) -> tuple[IO[str], IO[str]]:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        return self._process.stdin, self._process.stdout

    def _last_words(self) -> str:
        assert self._process.stderr is not None
        lines = self._process.stderr.read().strip().splitlines()
        return lines[-1] if lines else f"exit code {self._process.wait()}"


_DISGUISES = {
    "cgroup-v1": {
        "cpu/cpu.cfs_quota_us": "150000\n",
        "cpu/cpu.cfs_period_us": "100000\n",
        "memory/memory.limit_in_bytes": "2147483648\n",
    },
    "cgroup-v2": {
        "cgroup.controllers": "cpu memory\n",
        "cpu.max": "150000 100000\n",
        "memory.max": "2147483648\n",
    },
}


def disguise(name: str, folder: Path) -> list[str]:
    """Return a command that runs another with made-up control groups, in a mount namespace of its own.

    Raises WorkerError where this machine does not permit it.
    """
    if not name:
        return []
    if sys.platform != "linux" or not shutil.which("unshare"):
        raise WorkerError(f"{name} needs Linux and util-linux's unshare")
    tree = folder / name
    for path, text in _DISGUISES[name].items():
        (tree / path).parent.mkdir(parents=True, exist_ok=True)
        (tree / path).write_text(text)
    user = [] if os.geteuid() == 0 else ["--map-root-user"]
    script = 'mount --bind "$0" /sys/fs/cgroup && exec "$@"'
    prefix = ["unshare", *user, "--mount", "sh", "-c", script, str(tree)]
    tried = subprocess.run([*prefix, "true"], capture_output=True, text=True, check=False)
    if tried.returncode != 0:
        raise WorkerError(f"{name} cannot be made here: {tried.stderr.strip() or 'unshare failed'}")
    return prefix
