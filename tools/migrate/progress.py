"""Show on a terminal how far a scan has come."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.progress import Progress

from tools.migrate import engine


@contextmanager
def scanning() -> Iterator[engine.Progress]:
    """Give what `engine.run` reports to; the bar goes to stderr, is gone at the end, and needs a terminal."""
    stderr = Console(stderr=True)
    with Progress(console=stderr, transient=True, disable=not stderr.is_terminal) as bar:
        task = bar.add_task("scanning", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)
