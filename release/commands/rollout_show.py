"""`rollout rehearse`, `simulate`, `report`: shows that it works, what it would do, what it did."""

from __future__ import annotations

import importlib.util
import sys
import time

import click

from release.cli import Context, global_options, print_json, printable
from release.commands.rollout import branch_option, existing, source_options, sources_of
from release.errors import Refused
from release.rollout import gate, moves, state
from release.rollout.flag_file import percent_text

_RATE = click.FloatRange(0, 0.5)


@click.command()
@click.option("--keep", is_flag=True, help="Keep the temporary folder.")
@global_options
@click.pass_obj
def rehearse(context: Context, keep: bool) -> None:
    """The whole rollout in a throw-away repository, with real exporters and a real Prometheus on loopback."""
    from release.rollout.rehearse import rehearse as run

    lines: list[str] = []

    def say(text: str) -> None:
        lines.append(text)
        click.echo(printable(text), err=context.json)

    run(say, keep)
    if context.json:
        print_json({"rehearsed": True, "log": lines})


@click.command()
@click.option("--hosts", type=click.IntRange(100, 1_000_000_000), default=1_000_000, show_default=True)
@click.option("--runs", type=click.IntRange(10, 100_000), default=1000, show_default=True, help="Simulated rollouts.")
@click.option("--error-rate", type=_RATE, default=0.001, show_default=True, help="Bad units in the Python cohort.")
@click.option("--rust-error-rate", type=_RATE, help="Bad units in the Rust cohort (default: the same).")
@click.option("--fallback-rate", type=_RATE, default=0.0, show_default=True, help="Rust units that take a fallback.")
@click.option("--crash-rate", type=_RATE, default=0.00001, show_default=True, help="Units that never finish.")
@click.option("--units", type=click.FloatRange(0.001, 10_000), default=1.0, show_default=True, help="A host, a day.")
@click.option("--looks", type=click.IntRange(1, 1440), default=24, show_default=True, help="By the gate, a day.")
@click.option("--seed", type=int, default=1, show_default=True)
@click.option("--plot", metavar="FILE.svg", help="Draw it.")
@click.option("--promises", is_flag=True, help="Check the gate's promises instead; exit 1 when one is broken.")
@branch_option
@global_options
@click.pass_obj
def simulate(
    context: Context, hosts: int, runs: int, error_rate: float, rust_error_rate: float | None, fallback_rate: float,
    crash_rate: float, units: float, looks: int, seed: int, plot: str | None, promises: bool, branch: str | None,
) -> int:  # fmt: skip
    """Send a fleet through the stages: shares, stickiness, time to detect, false rollbacks.

    \b
    Examples:
      python -m release rollout simulate
      python -m release rollout simulate --rust-error-rate 0.01 --plot fleet.svg
      python -m release rollout simulate --promises --runs 10000
    """
    _needs("numpy")
    if promises:
        return _promises(context, runs, seed)
    from release.rollout import simulate as simulation

    policy = state.look(context.repo, branch).policy
    target = existing(plot) if plot else None
    rates = simulation.Rates(
        error_rate, error_rate if rust_error_rate is None else rust_error_rate, fallback_rate, crash_rate
    )
    with click.progressbar(length=hosts, label="hashing hosts", file=sys.stderr, hidden=context.json) as bar:
        done = 0

        def tick(count: int) -> None:
            nonlocal done
            bar.update(count - done)
            done = count

        shares = simulation.fleet(policy.flag, hosts, policy.stages, seed, tick)
    found = simulation.rollouts(policy, hosts, rates, runs=runs, units_a_day=units, looks_a_day=looks, seed=seed)
    summary = found.summary()
    if target:
        _needs("matplotlib")
        from release.rollout import plots

        target.write_text(plots.simulation(shares, found), "utf-8")
    peak = _peak_memory()
    if context.json:
        stages = [
            {"percent": stage / 100, "hosts_on": shares.on[i], "sigmas": shares.sigmas(i), "left": shares.left[i]}
            for i, stage in enumerate(shares.stages)
        ]
        print_json(
            {"hosts": hosts, "seed": seed, "seconds": shares.seconds, "peak_memory_bytes": peak, "stages": stages,
             "moved_on_repeat": shares.moved_on_repeat, "rollouts": summary}
        )  # fmt: skip
        return 0
    memory = "" if peak is None else f", peak memory {peak / 1024**2:.0f} MiB"
    click.echo(f"{hosts} hosts hashed in {shares.seconds:.1f} s{memory}, seed {seed}")
    for i, stage in enumerate(shares.stages):
        share = shares.on[i] / hosts
        click.echo(
            f"  {percent_text(stage):>5} %  {'#' * round(40 * share):40}  {share:8.4%}  {shares.sigmas(i):+5.2f} sigma"
            f"  {shares.left[i]} left"
        )
    click.echo(f"  asked again in another order, {shares.moved_on_repeat} hosts got another bucket")
    click.echo(f"{runs} rollouts, {units:g} units a host and day, {looks} looks a day, errors {rates.python_error:.3%}"
               f" in Python and {rates.rust_error:.3%} in Rust:")  # fmt: skip
    for name in ("rolled_back", "completed", "still_held"):
        click.echo(f"  {name.replace('_', ' ')}: {summary[name]} ({summary[name] / runs:.2%})")
    for name in ("hours_to_rollback", "canary_units_to_rollback", "hours_to_completion"):
        if summary[name]:
            median, late = summary[name]["median"], summary[name]["95%"]
            click.echo(f"  {name.replace('_', ' ')}: median {median:g}, 95 % within {late:g}")
    if target:
        click.echo(f"drawn: {target}")
    return 0


def _peak_memory() -> int | None:
    """Return the most bytes of memory this process has held, None on systems that do not tell (Windows)."""
    try:
        import resource
    except ImportError:
        return None
    most = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return most if sys.platform == "darwin" else most * 1024


def _promises(context: Context, runs: int, seed: int) -> int:
    from release.rollout import promises

    found = promises.check(runs, seed)
    if context.json:
        print_json({"seed": seed, "promises": [vars(promise) for promise in found]})
    else:
        click.echo(f"{runs} simulated rollouts for each line, seed {seed}")
        for promise in found:
            click.echo(f"  {'kept  ' if promise.kept else 'BROKEN'}  {promise.text}: {promise.found}")
    return 0 if all(promise.kept for promise in found) else 1


@click.command()
@click.option("--output", "-o", metavar="FILE", default="rollout.html", show_default=True)
@branch_option
@source_options
@global_options
@click.pass_obj
def report(
    context: Context, output: str, branch: str | None, prometheus: str | None, files: tuple[str, ...], timeout: float
) -> None:
    """Write one self-contained HTML page: history, cohort health, e-values, decision."""
    _needs("jinja2", "matplotlib")
    from release.rollout import report as page

    target = existing(output)
    now = state.look(context.repo, branch)
    sources = sources_of(prometheus, files, timeout, now.policy.prometheus)
    moment = int(time.time())
    segment = verdict = None
    if sources and moves.begun(now.file):
        segment = now.measure(sources, moment)
        verdict = gate.decide(now.situation(segment, moment), now.policy.limits)
    text = page.render(now, verdict, segment, moment)
    target.write_text(text, "utf-8")
    if context.json:
        print_json({"output": str(target), "bytes": len(text.encode()), "verdict": verdict and verdict.verdict})
    else:
        click.echo(f"written: {target} ({len(text.encode()) // 1024} KiB)")


def _needs(*modules: str) -> None:
    missing = [name for name in modules if importlib.util.find_spec(name) is None]
    if missing:
        fix = "nox -s rollout -- ... brings it, or: pip install " + " ".join(missing)
        raise Refused.because("missing-module", f"this needs {' and '.join(missing)}", fix)
