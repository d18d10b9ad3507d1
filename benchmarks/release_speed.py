"""Measures `python -m release` against other release tools and against the floor, on synthetic repositories.

    python -m benchmarks.release_speed --quick        two small repositories, three rounds
    python -m benchmarks.release_speed                1,000 to 1,000,000 commits, for a quiet machine
    python -m benchmarks.release_speed --publish      the same, and its table goes into RELEASING.md

Repositories and tools are made once, below build/bench. Every figure is a whole process, from start to exit: seconds
of wall time (the best of the rounds, which alternate between the tools) and peak memory. A run of another tool is
ended after a minute, and told as such. None of the tools asks a remote. The floor is what nobody written in Python
with GitPython gets under: importing it, `git for-each-ref --merged`, and `git log` of the same commits.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import tempfile
import threading
import time
from datetime import datetime, timezone
from pathlib import Path
from typing import Any, NamedTuple

import click

from benchmarks.facts import distribution_versions, machine
from benchmarks.synthetic_repos import build, version
from tools.performance_report.publish import publish_release

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {"python-semantic-release": "semantic-release", "commitizen": "cz", "git-cliff": "git-cliff"}
LIMIT = 60.0  # seconds; a run of another tool that needs longer is ended
TOO_LONG = f"over {LIMIT:.0f} s"


class Size(NamedTuple):
    """A repository to measure in, and how many rounds; `others` False leaves out the tools that need minutes there."""

    commits: int
    tags: int
    merges: bool
    rounds: int
    others: bool = True

    @property
    def name(self) -> str:
        """The repository in words."""
        return f"{self.commits:,} commits, {self.tags:,} tags, {'merges' if self.merges else 'linear'}"


QUICK = (Size(1_000, 10, False, 3), Size(10_000, 100, True, 3))
FULL = (
    Size(1_000, 10, False, 9), Size(10_000, 100, False, 5), Size(10_000, 100, True, 5),
    Size(100_000, 1_000, False, 3), Size(100_000, 5_000, True, 3), Size(1_000_000, 1_000, False, 2, others=False),
)  # fmt: skip
SLOW = ("python-semantic-release", "git-cliff")  # on a million commits


class Task(NamedTuple):
    """One command line to measure: what it does ("plan" or "notes"), who does it, and how."""

    job: str
    tool: str
    command: list[str]


class Figure(NamedTuple):
    """The result of one task on one repository."""

    repository: str
    job: str
    tool: str
    seconds: float
    mebibytes: float
    error: str


def environments(folder: Path) -> dict[str, Path]:
    """Install each of the other tools into an environment of its own, once; return their programs."""
    programs = {}
    for package, program in TOOLS.items():
        place = folder / package
        found = place / ("Scripts" if os.name == "nt" else "bin") / program
        if not found.exists():
            print(f"installing {package}", file=sys.stderr)
            subprocess.run([sys.executable, "-m", "venv", place], check=True)
            python = found.with_name("python")
            subprocess.run([python, "-m", "pip", "install", "-q", "--disable-pip-version-check", package], check=True)
        programs[package] = found
    return programs


def tasks(repository: Path, size: Size, programs: dict[str, Path]) -> list[Task]:
    """List what is measured in one repository."""
    git = ["git", "-C", os.fspath(repository)]
    ours = [sys.executable, "-m", "release", "--repo", os.fspath(repository)]
    psr, cz, cliff = (os.fspath(programs[name]) for name in TOOLS)
    since = f"v{version(size.tags - 1)}..HEAD"
    found = [
        Task("floor", "import git", [sys.executable, "-c", "import git"]),
        Task("floor", "git for-each-ref --merged", [*git, "for-each-ref", "--merged", "HEAD", "refs/tags"]),
        Task("floor", "git log since the last tag", [*git, "log", since]),
        Task("floor", "git log", [*git, "log"]),
        Task("plan", "ours", [*ours, "plan", "--offline", "--format", "json"]),
        Task("plan", "python-semantic-release", [psr, "--noop", "version", "--print"]),
        Task("plan", "commitizen", [cz, "bump", "--dry-run", "--yes"]),
        Task("plan", "git-cliff", [cliff, "--bumped-version", "--unreleased"]),
        Task("notes", "ours", [*ours, "notes", "--all"]),
        Task("notes", "python-semantic-release", [psr, "changelog"]),
        Task("notes", "commitizen", [cz, "changelog", "--dry-run"]),
        Task("notes", "git-cliff", [cliff]),
    ]
    return [task for task in found if size.others or task.tool not in SLOW]


def run(task: Task, repository: Path) -> tuple[float, float, str]:
    """Run a task once: seconds, peak MiB (of it or a child of it, whichever is larger), and what went wrong."""
    path = os.pathsep.join(filter(None, [os.fspath(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path if task.tool == "ours" else "", "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            task.command, cwd=repository, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=errors, start_new_session=True,
        )  # fmt: skip
        timer = threading.Timer(LIMIT, os.killpg, (process.pid, signal.SIGKILL))
        if task.tool in TOOLS:
            timer.start()
        _, status, usage = os.wait4(process.pid, 0)
        timer.cancel()
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        words = errors.read(4000).decode("utf-8", "replace").strip().split("\n")[-1]
    if seconds >= LIMIT and task.tool in TOOLS:
        return seconds, usage.ru_maxrss / 1024, TOO_LONG
    return seconds, usage.ru_maxrss / 1024, words or "failed" if process.returncode else ""


def measure(repository: Path, size: Size, todo: list[Task], rounds: int) -> list[Figure]:
    """Run every task once a round, one after the other; keep the best time and the highest memory."""
    best: dict[tuple[str, str], Figure] = {}
    for number in range(rounds):
        print(f"{size.name}: round {number + 1} of {rounds}", file=sys.stderr)
        with click.progressbar(todo, file=sys.stderr, item_show_func=_shown) as bar:
            for task in bar:
                old = best.get((task.job, task.tool))
                if old is None or not old.error:
                    figure = Figure(size.name, task.job, task.tool, *run(task, repository))
                    best[task.job, task.tool] = _better(old, figure)
                    _clean(task, repository)
    return list(best.values())


def _shown(task: Task | None) -> str | None:
    return f"{task.job}: {task.tool}" if task else None


def _better(old: Figure | None, new: Figure) -> Figure:
    if old is None or new.error:
        return new
    return new._replace(seconds=min(old.seconds, new.seconds), mebibytes=max(old.mebibytes, new.mebibytes))


def _clean(task: Task, repository: Path) -> None:
    """Take back what python-semantic-release writes even when it is only to print; it may have been ended."""
    if task.tool == "python-semantic-release" and task.job == "notes":
        (repository / ".git" / "index.lock").unlink(missing_ok=True)
        subprocess.run(["git", "checkout", "-q", "-f", "main"], cwd=repository, check=True)


def summary(figures: list[Figure]) -> list[str]:
    """Return a Markdown table: a line for each repository and job, seconds and MiB for each tool."""
    lines = ["| repository | job | floor | ours | ours / floor | " + " | ".join(TOOLS) + " |"]
    lines.append("|---|---|" + "---:|" * (len(TOOLS) + 3))
    names = list(dict.fromkeys(figure.repository for figure in figures))
    for name in names:
        found = {(figure.job, figure.tool): figure for figure in figures if figure.repository == name}
        start = found["floor", "import git"].seconds
        floors = {
            "plan": start + found["floor", "git for-each-ref --merged"].seconds
            + found["floor", "git log since the last tag"].seconds,
            "notes": start + found["floor", "git log"].seconds,
        }  # fmt: skip
        for job, title in (("plan", "next version"), ("notes", "full changelog")):
            ours = found[job, "ours"]
            cells = [name, title, f"{floors[job]:.3f}", _cell(ours), f"{ours.seconds / floors[job]:.2f}"]
            cells += [_cell(found[job, tool]) if (job, tool) in found else "not run" for tool in TOOLS]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(figure: Figure) -> str:
    if figure.error == TOO_LONG:
        return TOO_LONG
    return f"failed: {figure.error}" if figure.error else f"{figure.seconds:.3f} s, {figure.mebibytes:.0f} MiB"


@click.command()
@click.option("--quick", is_flag=True, help="Two small repositories, three rounds.")
@click.option("--rounds", type=click.IntRange(min=1), help="How often each command runs (default: 2 to 9, by size).")
@click.option("--largest", type=int, default=1_000_000, show_default=True, help="Leave out what has more commits.")
@click.option(
    "--folder",
    type=click.Path(path_type=Path, resolve_path=True),
    default=ROOT / "build" / "bench",
    help="Where results go.",
)
@click.option("--publish", "do_publish", is_flag=True, help="Put the table into RELEASING.md.")
@click.option("--format", "form", type=click.Choice(["markdown", "json"]), default="markdown", help="What is printed.")
def main(quick: bool, rounds: int | None, largest: int, folder: Path, do_publish: bool, form: str) -> None:
    """Measure `python -m release` against other release tools and the floor, on synthetic repositories.

    Exit code 1 when one of ours, or of the floor, failed.
    """
    programs = environments(folder / "envs")
    began = time.time()
    figures: list[Figure] = []
    for size in QUICK if quick else FULL:
        if size.commits <= largest:
            place = folder / "repos" / f"{size.commits}-{size.tags}-{'m' if size.merges else 'l'}"
            if not place.exists():
                print(f"building {size.name}", file=sys.stderr)
            repository = build(place, size.commits, size.tags, size.merges)
            figures += measure(repository, size, tasks(repository, size, programs), rounds or size.rounds)
    document = {
        "created": datetime.now(timezone.utc).isoformat(timespec="seconds"),
        "minutes": round((time.time() - began) / 60, 1),
        "quick": quick,
        "machine": machine(),
        "python": sys.version.split()[0],
        "versions": {name: _version(name, path) for name, path in programs.items()},
        "figures": [figure._asdict() for figure in figures],
    }
    table = page(document)
    (folder / "release_speed.json").write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    (folder / "release_speed.md").write_text(table + "\n", encoding="utf-8")
    print(json.dumps(document, indent=1) if form == "json" else table)
    if do_publish:
        for path in publish_release(ROOT, document, table):
            print(f"published in {path}", file=sys.stderr)
    sys.exit(int(any(figure.error for figure in figures if figure.tool == "ours" or figure.job == "floor")))


def page(document: dict[str, Any]) -> str:
    """Return the table, and below it where and when it was measured."""
    lines = summary([Figure(**figure) for figure in document["figures"]])
    where = document["machine"]
    tools = ", ".join(f"{name} {number}" for name, number in document["versions"].items())
    kind = "A quick run" if document["quick"] else "A full run"
    load = f"load {where['load'][0]:.1f} at the end" if where["load"] else "load unknown"
    about = (
        f"{kind} of {document['created'][:10]} on {where['cpu']}, {where['cores']} cores, {where['kernel']},"
        f" {load}, Python {document['python']}; {tools}."
    )
    return "\n".join([*lines, "", about])


def _version(name: str, program: Path) -> str:
    """Return the installed version of one of the other tools."""
    return distribution_versions(os.fspath(program.with_name("python")), [name]).get(name, "of unknown version")


if __name__ == "__main__":
    main()
