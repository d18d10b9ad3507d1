"""The fault run: `python -m tools.faults --count 1000 --seed 1 --jobs 2`."""

from __future__ import annotations

import collections
import multiprocessing
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import click

from release import planner, recover, transaction, via  # noqa: F401 - loaded once, before the forks
from release.git import Repository
from tools.faults import trial, world

GITCONFIG = '[user]\n\tname = Faults\n\temail = faults@example.org\n[protocol "file"]\n\tallow = always\n'


def can_mount() -> bool:
    """Whether a small file system of its own can be had, for a disk that is really full."""
    if not hasattr(os, "geteuid") or os.geteuid() != 0:
        return False
    with tempfile.TemporaryDirectory() as folder:
        ran = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", folder], capture_output=True, check=False
        )
        if ran.returncode == 0:
            subprocess.run(["umount", folder], check=True)
        return ran.returncode == 0


def prepare(folder: Path, seed: str) -> trial.Setting:
    """Build the template, plan its release and count the points of one release."""
    settings = folder / "gitconfig"
    settings.write_text(GITCONFIG)
    for name in [name for name in os.environ if name.startswith("GIT_")]:
        del os.environ[name]
    os.environ |= {"GIT_CONFIG_GLOBAL": str(settings), "GIT_CONFIG_NOSYSTEM": "1", "HOME": str(folder)}
    template = world.make_template(folder / "template")
    planned = folder / "planned"
    planned.mkdir()
    place = world.copy(template, planned, dirty=False)
    plan = planner.make(Repository(place.clone))
    if plan.problems or plan.next != world.NEW:
        raise RuntimeError(f"the template cannot be released: {plan.next} {plan.problems}")
    points = trial.count_points(template, plan)
    return trial.Setting(template, plan, points, seed, can_mount())


_SETTING: list[trial.Setting] = []


def _one(number: int) -> trial.Result:
    return trial.run(_SETTING[0], number)


@click.command()
@click.option("--count", default=1000, show_default=True, help="How many releases to break.")
@click.option("--seed", default="", help="Repeat the choices of an earlier run (it prints its seed).")
@click.option("--only", type=int, help="Run this one trial and tell how it went.")
@click.option("--jobs", default=os.cpu_count() or 1, show_default="processors", help="Trials at a time.")
def main(count: int, seed: str, only: int | None, jobs: int) -> None:
    """Break releases at random points and check that each ends complete or undone, with nothing lost."""
    if not (sys.platform == "linux" and shutil.which("setsid") and shutil.which("flock")):
        raise click.ClickException("the fault run needs Linux with setsid and flock (util-linux)")
    seed = seed or secrets.token_hex(4)
    begin = time.monotonic()
    sys.dont_write_bytecode = True
    with tempfile.TemporaryDirectory(prefix="faults-template-") as folder:
        _SETTING[:] = [prepare(Path(folder), seed)]
        disk = "a full tmpfs" if _SETTING[0].mounts else "a file size limit of 0, since no tmpfs can be mounted here"
        click.echo(f"seed {seed}; a release has {_SETTING[0].points} points; full disk means {disk}")
        numbers = range(count) if only is None else [only]
        results = []
        with multiprocessing.get_context("fork").Pool(min(jobs, len(numbers))) as pool:
            for result in pool.imap_unordered(_one, numbers):
                results.append(result)
                if sys.stderr.isatty():
                    click.echo(f"\r{len(results)}/{len(numbers)}", nl=False, err=True)
                elif len(results) % 100 == 0:
                    click.echo(f"{len(results)}/{len(numbers)}", err=True)
                for words in result.violations:
                    click.echo(f"VIOLATION in trial {result.number} ({result.fault} at {result.point}): {words}")
                if only is not None:
                    click.echo(str(result))
    report(results, time.monotonic() - begin, seed)
    sys.exit(1 if any(result.violations for result in results) else 0)


def report(results: list[trial.Result], seconds: float, seed: str) -> None:
    """Print the counts per fault and per point, and the number of violations."""
    click.echo(
        "\nfault                 trials  remote before  remote after  ended by resume  by abort  nothing pending"
    )
    for fault in trial.FAULTS:
        own = [result for result in results if result.fault == fault]
        counts = (
            len(own),
            sum(result.after.startswith("before") for result in own),
            sum(result.after.startswith("after") for result in own),
            sum("resume 0" in result.ending for result in own),
            sum("abort 0" in result.ending for result in own),
            sum(result.ending.startswith(("nothing", "cut again")) for result in own),
        )
        widths = (7, 14, 13, 16, 9, 16)
        cells = (f"{number:{width}d} " for number, width in zip(counts, widths, strict=True))
        click.echo(f"{fault:22s}{''.join(cells)}")
    click.echo("\npoint                              trials")
    for point, number in sorted(collections.Counter(result.point for result in results).items()):
        click.echo(f"{point:34s} {number:6d}")
    violations = sum(len(result.violations) for result in results)
    click.echo(f"\n{len(results)} releases, seed {seed}, {seconds:.0f} s, {violations} violations")


if __name__ == "__main__":
    main()
