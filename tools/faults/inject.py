"""Injection points and the faults put there, by an audit hook: the code under test has no seam for it.

A point is the start of a git process, or a file written, linked, renamed or removed by our own process.
"""

from __future__ import annotations

import os
import resource
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path

WRITES = {"os.rename", "os.link", "os.remove", "os.mkdir"}
_WRITING = os.O_WRONLY | os.O_RDWR | os.O_CREAT

Action = Callable[[], None]


class Points:
    """Counts the points of this process and runs `action` when number `at` is reached; runs it once."""

    def __init__(self, at: int, action: Action | None) -> None:
        self.count = 0
        self.names: list[str] = []
        self.at = at
        self.action = action
        self.busy = False
        sys.addaudithook(self._event)

    def _event(self, event: str, arguments: tuple[object, ...]) -> None:
        if self.busy:
            return
        name = _point(event, arguments)
        if name is None:
            return
        self.count += 1
        self.names.append(name)
        if self.count == self.at and self.action is not None:
            self.busy = True
            try:
                self.action()
            finally:
                self.busy = False


def _point(event: str, arguments: tuple[object, ...]) -> str | None:
    """Name the point an audit event is, or None when it is none."""
    if event == "subprocess.Popen":
        words = arguments[1]
        listed = [str(word) for word in words] if isinstance(words, (list, tuple)) else [str(words)]
        rest = iter(listed[1:])
        for word in rest:
            if word == "-c":
                next(rest, None)
            elif not word.startswith("-"):
                return f"git {word}"
        return "git"
    if event in WRITES:
        return f"write {event.removeprefix('os.')}"
    if event == "open" and isinstance(arguments[2], int) and arguments[2] & _WRITING:
        return "write open"
    return None


def kill_now() -> None:
    """SIGKILL this process and the git processes it started, as a power cut would."""
    os.killpg(os.getpgrp(), signal.SIGKILL)


def kill_soon(seconds: float, *, children: bool) -> Action:
    """Return an action: SIGKILL after `seconds`, in the middle of whatever runs then; with or without git itself."""

    def action() -> None:
        victim, group = os.getpid(), os.getpgrp()
        if os.fork() == 0:
            os.setsid()
            time.sleep(seconds)
            try:
                if children:
                    os.killpg(group, signal.SIGKILL)
                else:
                    os.kill(victim, signal.SIGKILL)
            except ProcessLookupError:
                pass
            os._exit(0)

    return action


def fill_disk(folder: Path) -> Action:
    """Return an action: write to the file system of `folder` until it is full."""

    def action() -> None:
        handle = os.open(folder / "ballast", os.O_WRONLY | os.O_CREAT)
        for size in (1 << 20, 4096, 1):
            try:
                while True:
                    os.write(handle, b"\0" * size)
            except OSError:
                continue
        os.close(handle)

    return action


def no_more_writes() -> None:
    """Make every later write of this process and its children fail, where no small file system can be mounted."""
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
