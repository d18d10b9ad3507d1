"""Builds git repositories of any size in seconds, with `git fast-import`, for measuring the release command.

python -m benchmarks.synthetic_repos FOLDER --commits 100000 --tags 1000 --merges
"""

from __future__ import annotations

import argparse
import subprocess
from collections.abc import Iterator
from pathlib import Path

START = 1_500_000_000  # seconds since the epoch of the first commit
STEP = 600
UNRELEASED = 20  # commits after the last tag
MERGE_EVERY = 4  # in a merge-heavy history, each fourth commit merges a side branch of two
KINDS = (
    "feat: add thing {n}",
    "fix(core): correct thing {n}",
    "docs: explain thing {n}",
    "chore: tidy thing {n}",
    "Update thing {n}",
    "fix: handle thing {n}\n\nIt failed on odd days.\n\nRefs: #{n}",
    "refactor: move thing {n}",
    "feat(api): offer thing {n}\n\nUsers asked for it.",
    "test: cover thing {n}",
    "perf: speed up thing {n}",
)
PYPROJECT = """\
[project]
name = "synthetic"
version = "{version}"

[tool.commitizen]
name = "cz_conventional_commits"
version_provider = "pep621"
tag_format = "v$version"

[tool.semantic_release]
version_toml = ["pyproject.toml:project.version"]
"""


def version(number: int) -> str:
    """Return the version of the tag `number`, counted from 0."""
    return f"1.{number // 10}.{number % 10}"


def stream(commits: int, tags: int, merges: bool) -> Iterator[str]:
    """Yield the input of `git fast-import`: `commits` commits on main, evenly tagged, the last ones not released."""
    pyproject = PYPROJECT.format(version=version(tags - 1))
    released = max(commits - UNRELEASED, tags)
    tagged = {max(1, released * (number + 1) // tags): number for number in range(tags)}
    main = 0  # the mark of the newest commit on main
    for mark in range(1, commits + 1):
        when = START + STEP * mark
        place = mark % MERGE_EVERY if merges and mark > MERGE_EVERY else 1
        # Of four commits: one on main, two on a side branch, one that merges them.
        text = f"Merge branch 'topic-{mark}'" if place == 0 else KINDS[mark % len(KINDS)].format(n=mark)
        parent = mark - 1 if place == 3 else main
        yield f"commit refs/heads/{'main' if place < 2 else 'side'}\nmark :{mark}\n"
        yield f"committer Ada <ada@example.org> {when} +0000\ndata {len(text)}\n{text}\n"
        if parent:
            yield f"from :{parent}\n"
        if place == 0:
            yield f"merge :{mark - 1}\n"
        if mark == 1:
            yield f"M 100644 inline pyproject.toml\ndata {len(pyproject)}\n{pyproject}\n"
            yield "M 100644 inline CHANGELOG.md\ndata 30\n# Changelog\n\n## [Unreleased]\n\n"
        yield f"M 100644 inline file\ndata {len(str(mark))}\n{mark}\n\n"
        if place < 2:
            main = mark
        if mark in tagged:
            name = f"v{version(tagged[mark])}"
            yield f"tag {name}\nfrom :{main}\ntagger Ada <ada@example.org> {when} +0000\ndata {len(name)}\n{name}\n"
    yield "reset refs/heads/side\nfrom 0000000000000000000000000000000000000000\n\n"


def build(folder: Path, commits: int, tags: int, merges: bool) -> Path:
    """Make the repository in `folder`, packed and checked out; keep one that is there already."""
    if (folder / ".git" / "complete").exists():
        return folder
    folder.mkdir(parents=True)
    subprocess.run(["git", "init", "-q", "-b", "main", folder], check=True)
    address = "https://example.org/ada/synthetic.git"  # never asked; python-semantic-release wants one
    subprocess.run(["git", "remote", "add", "origin", address], cwd=folder, check=True)
    for name, value in (("user.name", "Ada"), ("user.email", "ada@example.org"), ("commit.gpgsign", "false")):
        subprocess.run(["git", "config", name, value], cwd=folder, check=True)
    with subprocess.Popen(["git", "fast-import", "--quiet"], cwd=folder, stdin=subprocess.PIPE, text=True) as process:
        assert process.stdin is not None
        process.stdin.writelines(stream(commits, tags, merges))
        process.stdin.close()
    if process.returncode:
        raise SystemExit(f"git fast-import failed with exit code {process.returncode}")
    subprocess.run(["git", "pack-refs", "--all"], cwd=folder, check=True)
    subprocess.run(["git", "checkout", "-q", "-f", "main"], cwd=folder, check=True)
    (folder / ".git" / "complete").touch()
    return folder


def main() -> None:
    """Build one repository."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--commits", type=int, default=1000)
    parser.add_argument("--tags", type=int, default=10)
    parser.add_argument("--merges", action="store_true", help="a merge-heavy history instead of a linear one")
    options = parser.parse_args()
    print(build(options.folder, options.commits, options.tags, options.merges))


if __name__ == "__main__":
    main()
