"""`python -m tools.demo`: a live tour of the twelve functions, native against their Python twins.

The twins answer and cost about what SkyPilot's own functions do, and need no second environment; the
numbers to quote are those of `nox -s bench`, which times SkyPilot itself.
"""

from __future__ import annotations

import math
import statistics
import sys
import tempfile
import timeit
from collections.abc import Callable
from pathlib import Path
from typing import Any

import click
from rich.console import Console
from rich.live import Live
from rich.table import Table

from tools.demo.stages import Stage, prepared
from tools.migrate.gains import seconds


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.option("--quick", is_flag=True, help="A tour of some seconds.")
@click.option("--plain", is_flag=True, help="Print lines instead of drawing; the default where output is no terminal.")
def main(quick: bool, plain: bool) -> None:
    """Time the twelve functions while you watch: native code against its Python twin, in turns."""
    try:
        import sky_rs
    except ImportError as error:
        raise click.ClickException(
            f"the native module cannot be imported ({error}); `pip install sky-rs` brings it"
        ) from error
    from sky.utils import rust_twins

    console = Console()
    rounds, budget = (5, 0.02) if quick else (15, 0.08)
    ratios: list[float] = []
    table = _table()
    with tempfile.TemporaryDirectory() as folder, prepared(Path(folder)) as stages:
        drawing = console.is_terminal and not plain
        with Live(table, console=console, refresh_per_second=8) if drawing else _Quiet():
            for stage in stages:
                row = _row(stage, *measure(sky_rs, rust_twins, stage, rounds, budget), ratios)
                table.add_row(*row)
                if not drawing:
                    click.echo("  ".join(cell.ljust(width) for cell, width in zip(row, _WIDTHS, strict=True)))
    console.print(
        f"\nGeometric mean over {len(ratios)} calls: {statistics.geometric_mean(ratios):.1f} times as fast "
        f"as the Python twin; the least gain is {min(ratios):.2f}.",
        highlight=False,
        soft_wrap=True,
    )
    console.print(
        "These are one machine's numbers of the last seconds. `nox -s bench` times SkyPilot itself.", soft_wrap=True
    )


_WIDTHS = (32, 42, 10, 10, 14)


def measure(native: Any, twins: Any, stage: Stage, rounds: int, budget: float) -> tuple[float, float]:
    """Return the least seconds of a call, twin and native, over alternating rounds.

    Raises click.ClickException when the two answer differently: then no number may be shown.
    """
    sides: list[Callable[..., Any]] = [getattr(twins, stage.function), getattr(native, stage.function)]
    answers = [_answer(side(*stage.args)) for side in sides]
    if answers[0] != answers[1]:
        raise click.ClickException(f"{stage.function}: native and twin differ: {answers[1]!r}, {answers[0]!r}")
    calls = []
    for side in sides:
        once = timeit.timeit(lambda side=side: side(*stage.args), number=1)  # type: ignore[misc]
        calls.append(max(1, math.ceil(budget / max(once * 4, 1e-6))))
    best = [math.inf, math.inf]
    for _ in range(rounds):
        for index, side in enumerate(sides):
            timer = timeit.Timer("f(*a)", globals={"f": side, "a": stage.args})
            best[index] = min(best[index], timer.timeit(calls[index]) / calls[index])
    return best[0], best[1]


def _answer(value: Any) -> Any:
    return value.hexdigest() if hasattr(value, "hexdigest") else value


def _row(stage: Stage, twin: float, native: float, ratios: list[float]) -> tuple[str, ...]:
    ratios.append(twin / native)
    return stage.function, stage.story, seconds(twin), seconds(native), f"{twin / native:.1f} times"


def _table() -> Table:
    table = Table(title="Native code against its Python twin, measured now", title_justify="left")
    for name, align in (("function", "left"), ("what for", "left"), ("Python", "right"), ("Rust", "right")):
        table.add_column(name, justify="right" if align == "right" else "left")
    table.add_column("as fast", justify="right")
    return table


class _Quiet:
    """Stand in for the live drawing."""

    def __enter__(self) -> None:
        """Do nothing."""

    def __exit__(self, *_: object) -> None:
        """Do nothing."""


if __name__ == "__main__":
    sys.exit(main(prog_name="python -m tools.demo"))
