"""Measures `python -m release` against other release tools and against the floor, on synthetic repositories.

    python -m benchmarks.release_speed --quick        two small repositories, three rounds
    python -m benchmarks.release_speed                1,000 to 1,000,000 commits (the million takes a while to build)

Every figure is a whole process, from start to exit: seconds of wall time (the best of the rounds, which alternate
between the tools) and peak memory. None of the tools asks a remote. The floor is what nobody written in Python
with GitPython gets under: importing it, `git for-each-ref --merged`, and `git log` of the same commits.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

from benchmarks.synthetic_repos import build, version

ROOT = Path(__file__).resolve().parent.parent
TOOLS = {"python-semantic-release": "semantic-release", "commitizen": "cz", "git-cliff": "git-cliff"}
QUICK = ((1_000, 10, False), (10_000, 100, True))
FULL = (
    (1_000, 10, False), (10_000, 100, False), (10_000, 100, True), (100_000, 1_000, False), (100_000, 5_000, True),
    (1_000_000, 1_000, False),
)  # fmt: skip
LIMIT = 600.0  # seconds; a tool that needs longer is reported so


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


def tasks(repository: Path, tags: int, programs: dict[str, Path]) -> list[Task]:
    """List what is measured in one repository."""
    git = ["git", "-C", os.fspath(repository)]
    ours = [sys.executable, "-m", "release", "--repo", os.fspath(repository)]
    psr, cz, cliff = (os.fspath(programs[name]) for name in TOOLS)
    since = f"v{version(tags - 1)}..HEAD"
    return [
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


def run(task: Task, repository: Path) -> tuple[float, float, str]:
    """Run a task once: seconds, peak MiB (of it or a child of it, whichever is larger), and what went wrong."""
    path = os.pathsep.join(filter(None, [os.fspath(ROOT), os.environ.get("PYTHONPATH", "")]))
    environment = {**os.environ, "PYTHONPATH": path if task.tool == "ours" else "", "NO_COLOR": "1"}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)
    with tempfile.TemporaryFile() as errors:
        began = time.perf_counter()
        process = subprocess.Popen(
            task.command, cwd=repository, env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
            stderr=errors,
        )  # fmt: skip
        _, status, usage = os.wait4(process.pid, 0)
        seconds = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        errors.seek(0)
        words = errors.read(4000).decode("utf-8", "replace").strip().split("\n")[-1]
    return seconds, usage.ru_maxrss / 1024, words or "failed" if process.returncode else ""


def measure(repository: Path, name: str, todo: list[Task], rounds: int) -> list[Figure]:
    """Run every task once a round, one after the other; keep the best time and the highest memory."""
    best: dict[Task | tuple[str, str], Figure] = {}
    for number in range(rounds):
        for task in todo:
            key = (task.job, task.tool)
            if key in best and (best[key].error or best[key].seconds * number > LIMIT):
                continue
            seconds, memory, error = run(task, repository)
            old = best.get(key)
            if old is not None:
                seconds, memory = min(seconds, old.seconds), max(memory, old.mebibytes)
            best[key] = Figure(name, task.job, task.tool, seconds, memory, error)
            if task.tool == "python-semantic-release" and task.job == "notes":
                subprocess.run(["git", "checkout", "-q", "-f", "main"], cwd=repository, check=True)
        print(f"{name}: round {number + 1} of {rounds}", file=sys.stderr)
    return list(best.values())


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
            cells += [_cell(found[job, tool]) for tool in TOOLS if (job, tool) in found]
            lines.append("| " + " | ".join(cells) + " |")
    return lines


def _cell(figure: Figure) -> str:
    return f"failed: {figure.error}" if figure.error else f"{figure.seconds:.3f} s, {figure.mebibytes:.0f} MiB"


def main() -> int:
    """Build, measure, print, and write JSON and Markdown."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--quick", action="store_true", help="two small repositories, three rounds")
    parser.add_argument("--rounds", type=int, help="how often each command runs (default 3 or 7)")
    parser.add_argument("--largest", type=int, default=1_000_000, help="leave out repositories with more commits")
    parser.add_argument("--folder", type=Path, default=ROOT / "build" / "bench", help="where results go")
    options = parser.parse_args()
    programs = environments(options.folder / "envs")
    figures: list[Figure] = []
    for commits, tags, merges in QUICK if options.quick else FULL:
        if commits > options.largest:
            continue
        name = f"{commits:,} commits, {tags:,} tags, {'merges' if merges else 'linear'}"
        repository = build(
            options.folder / "repos" / f"{commits}-{tags}-{'m' if merges else 'l'}", commits, tags, merges
        )
        rounds = options.rounds or (3 if options.quick else 7)
        figures += measure(repository, name, tasks(repository, tags, programs), rounds)
    table = summary(figures)
    print("\n".join(table))
    options.folder.mkdir(parents=True, exist_ok=True)
    result = {"rounds": options.rounds, "figures": [figure._asdict() for figure in figures], "load": os.getloadavg()}
    (options.folder / "release_speed.json").write_text(json.dumps(result, indent=2) + "\n")
    (options.folder / "release_speed.md").write_text("\n".join(table) + "\n")
    return int(any(figure.error for figure in figures if figure.tool == "ours" or figure.job == "floor"))


if __name__ == "__main__":
    sys.exit(main())
