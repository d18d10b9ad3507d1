"""Plots as inline SVG, without a display: the simulated fleet, and the history of a real rollout."""

from __future__ import annotations

import io
import re
from collections.abc import Callable, Sequence
from typing import Any

from release.rollout.flag_file import percent_text
from release.rollout.simulate import Runs, Shares

_RUST, _PYTHON, _LIMIT = "#b7410e", "#306998", "#8a8a8a"


def draw(width: float, height: float, columns: int, fill: Callable[[Any], None], label: str) -> str:
    """Return a figure as an SVG element with `label` for those who cannot see it."""
    import matplotlib as mpl
    from matplotlib.figure import Figure

    settings: dict[Any, Any] = {
        "svg.fonttype": "none",
        "svg.hashsalt": label,
        "font.family": "sans-serif",
        "font.size": 9,
    }
    with mpl.rc_context(settings):
        figure = Figure(figsize=(width, height), layout="constrained")
        fill(figure.subplots(1, columns))
        target = io.StringIO()
        figure.savefig(target, format="svg", metadata={"Date": None, "Creator": None, "Format": None, "Type": None})
    svg = target.getvalue()
    svg = svg[svg.index("<svg") :]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    size = re.compile(r' width="[^"]*pt"| height="[^"]*pt"')
    head, _, rest = svg.partition(">")
    return f'{size.sub("", head)} role="img" aria-label="{label}">{rest}'


def simulation(shares: Shares, runs: Runs) -> str:
    """Draw cohort shares, one rollout's e-value over time, and when rollouts were rolled back or done."""

    def fill(axes: Any) -> None:
        percents = [stage / 100 for stage in shares.stages]
        observed = [count / shares.hosts * 100 for count in shares.on]
        axes[0].bar([percent_text(stage) for stage in shares.stages], observed, color=_RUST)
        axes[0].plot(range(len(percents)), percents, "_", color="black", markersize=28)
        axes[0].set(title="Cohort shares", xlabel="stage, %", ylabel="hosts on, % (dash: asked for)")
        days = [day for day, _, _ in runs.sample_path]
        axes[1].plot(days, [log / 2.302585 for _, _, log in runs.sample_path], color=_RUST)
        axes[1].axhline(2, color=_LIMIT, linestyle="--")
        axes[1].set(title="First rollout: worse than Python?", xlabel="days", ylabel="log10 of e (dashed: roll back)")
        for chosen, colour, name in ((runs.rolled_back, _RUST, "rolled back"), (runs.completed, _PYTHON, "at 100 %")):
            if chosen.any():
                axes[2].hist(runs.hours[chosen] / 24, bins=30, color=colour, alpha=0.8, label=name)
        axes[2].set(title="When rollouts ended", xlabel="days", ylabel="rollouts")
        if runs.rolled_back.any() or runs.completed.any():
            axes[2].legend()

    return draw(11, 3.2, 3, fill, "Simulated cohort shares, e-value over time and ends of rollouts")


def history(moments: Sequence[float], percents: Sequence[float]) -> str:
    """Draw the percentage over time; `moments` are days since the first step."""

    def fill(axis: Any) -> None:
        axis.step(moments, percents, where="post", color=_RUST)
        axis.plot(moments, percents, "o", color=_RUST)
        axis.set(xlabel="days since the first step", ylabel="hosts on, %", ylim=(-5, 105))

    return draw(7, 2.6, 1, fill, "Percentage of hosts over time")


def health(names: Sequence[str], rust: Sequence[float], python: Sequence[float]) -> str:
    """Draw the share of bad units by stage and cohort, in per cent."""

    def fill(axis: Any) -> None:
        at = range(len(names))
        axis.bar([place - 0.2 for place in at], rust, 0.4, color=_RUST, label="Rust")
        axis.bar([place + 0.2 for place in at], python, 0.4, color=_PYTHON, label="Python")
        axis.set_xticks(list(at), list(names))
        axis.set(ylabel="bad units, %")
        axis.legend()

    return draw(7, 2.6, 1, fill, "Share of bad units by stage and cohort")


def e_values(moments: Sequence[float], series: dict[str, Sequence[float]], limits: dict[str, float]) -> str:
    """Draw log10 of each test's e-value at every decision, with the values that decide."""

    def fill(axis: Any) -> None:
        for name, values in series.items():
            axis.plot(moments, values, "o-", label=name)
        for name, limit in limits.items():
            axis.axhline(limit, color=_LIMIT, linestyle="--", linewidth=0.8)
            axis.annotate(name, (0, limit), xycoords=("axes fraction", "data"), fontsize=7, color=_LIMIT, va="bottom")
        axis.set(xlabel="days since the first step", ylabel="log10 of e")
        axis.legend(fontsize=7)

    return draw(7, 3.2, 1, fill, "Evidence values at every decision")
