"""The page's plots, as SVG that inherits the page's ink and tells its series apart by shape, not by colour."""

from __future__ import annotations

import io
import re
from collections.abc import Mapping, Sequence
from typing import Any

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import FuncFormatter, NullFormatter

_INK = "#010203"  # replaced by the page's own ink
_BLUE, _ORANGE, _GREEN, _GREY = "#2f6fb0", "#c8641e", "#3d8a4e", "#8a8a8a"
_STYLE: Any = {
    "svg.fonttype": "none",
    "font.family": "sans-serif",
    "font.size": 10,
    "text.color": _INK,
    "axes.edgecolor": _INK,
    "axes.labelcolor": _INK,
    "xtick.color": _INK,
    "ytick.color": _INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
}


def speedups(functions: Sequence[Mapping[str, Any]]) -> str:
    """Draw each function's ratio with its range, and a small mark for every workload."""
    with mpl.rc_context(_STYLE | {"svg.hashsalt": "speedups"}):
        figure, axes = _figure(7.2, 0.42 * len(functions) + 1.1)
        for row, entry in enumerate(functions):
            ratios = [w["ratio"] for w in entry["workloads"] if w["counted"]]
            axes.plot(ratios, [row] * len(ratios), "|", color=_GREY, markersize=9, label=_once(row, "one workload"))
            ends = [[max(0.0, entry["ratio"] - entry["low"])], [max(0.0, entry["high"] - entry["ratio"])]]
            label = _once(row, "geometric mean, middle half of the rounds")
            axes.errorbar(entry["ratio"], row, xerr=ends, fmt="o", color=_BLUE, markersize=6, capsize=3, label=label)
            axes.annotate(
                f"{entry['ratio']:.3g}",
                (entry["ratio"], row),
                (0, 7),
                textcoords="offset points",
                ha="center",
                fontsize=8,
            )
        _rows(axes, [entry["name"] for entry in functions])
        _ratios(axes)
        return _svg(figure, axes)


def claims(functions: Sequence[Mapping[str, Any]]) -> str:
    """Draw what was claimed, what is measured, and the practical floor, one line a function."""
    with mpl.rc_context(_STYLE | {"svg.hashsalt": "claims"}):
        figure, axes = _figure(7.2, 0.38 * len(functions) + 1.1)
        series = (
            ("claim", "x", _ORANGE, "claimed earlier, for functions that behaved otherwise"),
            ("floor", "D", _GREEN, "C extension, the practical floor"),
            ("ratio", "o", _BLUE, "measured"),
        )
        for row, entry in enumerate(functions):
            values = [entry[key] for key, *_ in series if entry[key] is not None]
            axes.plot([min(values), max(values)], [row, row], "-", color=_GREY, linewidth=0.8)
        for key, marker, colour, label in series:
            points = [(entry[key], row) for row, entry in enumerate(functions) if entry[key] is not None]
            if points:
                fill = "none" if key == "floor" else colour
                x, y = zip(*points, strict=True)
                axes.plot(x, y, marker, color=colour, markersize=7, label=label, markerfacecolor=fill)
        _rows(axes, [entry["name"] for entry in functions])
        _ratios(axes)
        return _svg(figure, axes)


def latencies(functions: Sequence[Mapping[str, Any]]) -> list[tuple[str, str]]:
    """Draw the time of a call against the size of its input, for functions with workloads of several sizes."""
    drawn = []
    for entry in functions:
        sized = sorted((w for w in entry["workloads"] if w["size"]), key=lambda w: int(w["size"]))
        if len(sized) < 3:
            continue
        with mpl.rc_context(_STYLE | {"svg.hashsalt": f"latency-{entry['name']}"}):
            figure, axes = _figure(4.2, 3.0)
            sizes = [w["size"] for w in sized]
            for side, marker, line, colour, label in (
                ("reference", "s", "--", _ORANGE, "original"),
                ("replacement", "o", "-", _BLUE, "ours"),
            ):
                times = [w[side]["minimum"] * 1e6 for w in sized]
                axes.plot(sizes, times, line, marker=marker, color=colour, markersize=5, label=label)
            axes.set_xscale("log")
            axes.set_yscale("log")
            for axis in (axes.xaxis, axes.yaxis):
                axis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:,.10g}"))
                axis.set_minor_formatter(NullFormatter())
            axes.set_xlabel(sized[0]["unit"])
            axes.set_ylabel("microseconds a call")
            drawn.append((entry["name"], _svg(figure, axes)))
    return drawn


def _figure(width: float, height: float) -> tuple[Figure, Axes]:
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, figure.add_subplot()


def _once(row: int, label: str) -> str:
    return label if row == 0 else "_nolegend_"


def _rows(axes: Axes, names: Sequence[str]) -> None:
    axes.set_yticks(range(len(names)), names)
    axes.invert_yaxis()
    axes.tick_params(axis="y", length=0)


def _ratios(axes: Axes) -> None:
    axes.set_xscale("log")
    axes.xaxis.set_major_formatter(FuncFormatter(lambda value, _: f"{value:g}"))
    axes.xaxis.set_minor_formatter(NullFormatter())
    axes.axvline(1, color=_GREY, linewidth=0.8, linestyle=":")
    axes.set_xlabel("times as fast as the original (logarithmic)")
    axes.grid(axis="x", color=_GREY, alpha=0.25, linewidth=0.6)


def _svg(figure: Figure, axes: Axes) -> str:
    """Return the figure as an SVG element without ids that could meet those of another one."""
    handles, labels = axes.get_legend_handles_labels()
    if labels:
        figure.legend(handles, labels, loc="outside lower center", ncols=1 if len(labels[0]) > 20 else 2, fontsize=8)
    stream = io.StringIO()
    figure.savefig(stream, format="svg", transparent=True, metadata={"Date": None, "Creator": None})
    text = stream.getvalue()
    text = text[text.index("<svg") :]
    text = re.sub(r"<metadata>.*?</metadata>", "", text, flags=re.DOTALL)
    text = re.sub(r'(<svg[^>]*?) width="[^"]*"', r"\1", text, count=1)
    text = re.sub(r'(<svg[^>]*?) height="[^"]*"', r"\1", text, count=1)
    return text.replace(_INK, "currentColor").replace("<svg ", '<svg role="img" ', 1)
