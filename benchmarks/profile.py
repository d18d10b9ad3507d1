"""Where the time of a call goes: `python -m benchmarks.profile [FUNCTION]... [--format json|markdown]`.

Samples every workload of our side with `perf`, in a process of its own, and counts its system calls with
`strace`. Shows the share of the kernel, of Python, of what Python calls (OpenSSL, libc) and of our own code:
a row cannot become faster than what is left when our own share is gone.
Exit codes: 0 shown · 1 perf or strace is missing or failed · 2 wrong usage.
"""

from __future__ import annotations

import collections
import json
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

import click

from benchmarks import session, table
from benchmarks.measure import Work
from benchmarks.sides import Side, Worker, WorkerError
from tools import dropin
from tools.migrate.gains import seconds

ROOT = Path(__file__).resolve().parents[1]
SECONDS = 1.0
_KINDS = (("kernel", r"\[kernel"), ("our code", r"sky_rs"), ("Python", r"python"), ("OpenSSL", r"crypto|hashlib"))
COLUMNS = (*(name for name, _ in _KINDS), "other")


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("functions", nargs=-1)
@click.option("--python", default=sys.executable, help="The interpreter with the replacement; this one by default.")
@click.option("--format", "form", type=click.Choice(["text", "json", "markdown"]), default="text", show_default=True)
def main(functions: tuple[str, ...], python: str, form: str) -> None:
    """Show where the time of FUNCTIONS goes, of all by default."""
    settings = dropin.load(ROOT / "pyproject.toml")
    unknown = [name for name in functions if name not in settings.functions]
    if unknown:
        raise click.UsageError(f"{unknown[0]} is not one of {', '.join(settings.functions)}")
    for tool in ("perf", "strace"):
        if shutil.which(tool) is None:
            raise click.ClickException(f"{tool} is not installed; on Debian: apt-get install linux-perf strace")
    side = session.our_side(settings, python)
    rows = []
    with session.workloads(settings, ROOT / "build" / "bench" / "data") as works:
        for work in works:
            wanted = not functions or work.function in functions
            if wanted and not work.disguise and getattr(work, "around", None) is None:
                click.echo(f"{work.function}: {work.name}", err=True)
                rows.append(_row(side, f"{settings.replacement}:{work.function}", work))
    click.echo(_shown(rows, form))


def _row(side: Side, function: str, work: Work) -> dict[str, Any]:
    call = {
        "name": "p",
        "function": function,
        "args": list(work.args),
        "kwargs": work.kwargs,
        "env": work.env,
    }
    with tempfile.TemporaryDirectory() as folder:
        data = str(Path(folder) / "perf.data")
        with Worker(side) as worker:
            worker.ask("prepare", **call)
            loops = worker.ask("calibrate", name="p", seconds=SECONDS / 20)["loops"]
            least = min(worker.ask("time", name="p", loops=loops)["seconds"] for _ in range(10))
            record = ["perf", "record", "-q", "-o", data, "-p", str(worker.pid), "--", "sleep", str(SECONDS)]
            perf = subprocess.Popen(record, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
            while perf.poll() is None:
                worker.ask("time", name="p", loops=loops)
            if perf.returncode != 0:
                raise click.ClickException(f"perf failed: {(perf.stderr.read() if perf.stderr else '').strip()[-500:]}")
        report = ["perf", "report", "-i", data, "--stdio", "-q", "-F", "overhead,dso,sym", "-t", "\t"]
        sampled = subprocess.run(report, capture_output=True, text=True, check=True).stdout
        few, many = (_system_calls(side, call, count, Path(folder) / "strace.txt") for count in (1, 11))
    shares, symbols = _shares(sampled)
    return {
        "function": work.function,
        "workload": work.name,
        "seconds": least,
        "shares": shares,
        "symbols": symbols,
        "system_calls": {name: (count - few[name]) / 10 for name, count in many.items() if count > few[name]},
    }


def _system_calls(side: Side, call: dict[str, Any], loops: int, path: Path) -> collections.Counter[str]:
    """Count the system calls by name of a process that makes `loops` calls."""
    strace = ["strace", "-f", "-c", "-U", "name,calls", "-o", str(path)]
    try:
        with Worker(side, strace) as worker:
            worker.ask("prepare", **call)
            worker.ask("time", name="p", loops=loops)
    except WorkerError as error:
        raise click.ClickException(f"strace failed: {error}") from error
    found = re.findall(r"^\s*(\w+)\s+(\d+)\s*$", path.read_text(), re.MULTILINE)
    return collections.Counter({name: int(count) for name, count in found if name != "total"})


def _shares(report: str) -> tuple[dict[str, float], list[tuple[float, str]]]:
    """Return the share of each kind of code, and the five costliest functions that have a name."""
    shares = dict.fromkeys(COLUMNS, 0.0)
    symbols = []
    for line in report.splitlines():
        fields = [field.strip() for field in line.split("\t")]
        if len(fields) != 3 or not fields[0].endswith("%"):
            continue
        share, binary, symbol = float(fields[0][:-1]) / 100, fields[1], fields[2]
        kind = next((name for name, pattern in _KINDS if re.search(pattern, binary)), "other")
        shares[kind] += share
        if "0x" not in symbol:
            symbols.append((share, symbol.split(maxsplit=1)[-1]))
    return shares, sorted(symbols, reverse=True)[:5]


def _shown(rows: list[dict[str, Any]], form: str) -> str:
    if form == "json":
        return json.dumps(rows, indent=1)
    cells = [["workload", "time", *COLUMNS, "system calls"]]
    for row in rows:
        calls = ", ".join(f"{count:.3g} {name}" for name, count in row["system_calls"].items()) or "none"
        cells.append(
            [
                f"{row['function']}: {row['workload']}",
                seconds(row["seconds"]),
                *(f"{row['shares'][name]:.0%}" for name in COLUMNS),
                calls,
            ]
        )
    if form == "markdown":
        lines = [cells[0], ["---", *["---:"] * (len(COLUMNS) + 1), "---"], *cells[1:]]
        return "\n".join(f"| {' | '.join(line)} |" for line in lines)
    hot = (f"  {row['function']}: {row['workload']}: {_hot(row)}" for row in rows)
    return "\n".join([table.grid(cells), "", "the costliest functions with a name:", *hot])


def _hot(row: dict[str, Any]) -> str:
    return ", ".join(f"{share:.0%} {symbol}" for share, symbol in row["symbols"])


if __name__ == "__main__":
    main(prog_name="python -m benchmarks.profile")
