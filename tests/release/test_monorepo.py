"""Several packages in one repository: `paths` says which commits count for one of them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from release.cli import main
from release.git import Repository
from release.planner import make
from tests.release.conftest import Repo

SETTINGS = """name = "core"
paths = ["packages/core", "shared.txt"]
tag-format = "{tags}"
version-files = [{ path = "packages/core/VERSION", pattern = "core {version}" }]
"""


def settings(repo: Repo, tags: str, **changes: str) -> None:
    text = SETTINGS.replace("{tags}", tags)
    for name, value in changes.items():
        lines = [line for line in text.split("\n") if not line.startswith(f"{name} =")]
        text = f"{name} = {value}\n" + "\n".join(lines)
    repo.commit("chore: settings", {"release.toml": text})


@pytest.fixture(params=["{name}-{version}", "{name}/v{version}", "{name}@{semver}"])
def packages(new_repo: Any, request: pytest.FixtureRequest) -> Repo:
    """Two packages at 1.0.0, of which the other has gone on to 3.0.0."""
    repo: Repo = new_repo("packages")
    repo.commit(
        "feat: both", {"packages/core/VERSION": "core 1.0.0\n", "packages/other/x": "x", "shared.txt": "1", "a": "1"}
    )
    settings(repo, request.param)
    form = request.param.replace("{name}", "{0}").replace("{version}", "{1}").replace("{semver}", "{1}")
    repo.tag(form.format("core", "1.0.0"))
    repo.commit("feat!: another package", {"packages/other/x": "y"})
    repo.tag(form.format("other", "3.0.0"))
    repo.add_remote()
    return repo


def notes(repo: Repo, capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    capsys.readouterr()
    assert main(["--repo", str(repo.path), "--format", "json", "notes", *arguments]) == 0
    return json.loads(capsys.readouterr().out)


def test_only_what_touches_the_package_counts(packages: Repo, capsys: pytest.CaptureFixture[str]) -> None:
    made = make(Repository(packages.path))
    assert (made.current, made.next, made.commits) == ("1.0.0", None, ())
    packages.commit("feat: prefixes are not folders", {"packages/core-extra/x": "1", "shared.txt.orig": "1"})
    packages.commit("fix: ours", {"packages/core/deep/er.py": "1", "packages/other/x": "z"})
    packages.commit("perf: a shared file", {"shared.txt": "2"})
    packages.publish()
    made = make(Repository(packages.path))
    assert (made.next, [commit.subject for commit in made.commits], made.problems) == (
        "1.0.1", ["perf: a shared file", "fix: ours"], (),
    )  # fmt: skip
    assert made.tag is not None
    assert made.tag.startswith("core")
    assert "Another package" not in made.notes
    assert main(["--repo", str(packages.path), "cut", "--execute"]) == 0
    assert (packages.path / "packages/core/VERSION").read_text() == "core 1.0.1\n"
    packages.commit("feat: not ours", {"packages/other/x": "w"})
    packages.commit("feat: ours again", {"packages/core/b": "1"})
    everything = notes(packages, capsys, "--all")["versions"]
    told = [(entry["version"], [line.split(" (")[0] for line in entry["notes"].split("\n") if line[:1] == "-"])
            for entry in everything]  # fmt: skip
    assert told == [
        ("", ["- Ours again"]), ("1.0.1", ["- A shared file", "- Ours"]), ("1.0.0", ["- Both"])
    ]  # fmt: skip
    one = notes(packages, capsys, made.tag)["notes"]
    assert "A shared file" in one
    assert "not ours" not in one.lower()


def test_both_sides_of_a_merge_count_and_its_revert_takes_them_back(packages: Repo) -> None:
    packages.git("switch", "-q", "-c", "topic")
    packages.commit("feat: on the side", {"packages/core/side": "1"})
    packages.commit("docs: elsewhere", {"a": "2"})
    packages.commit("fix: on the side, undone later", {"packages/core/c": "1"})
    packages.commit("chore: as it was", {"packages/core/c": "2"})
    packages.git("switch", "-q", "main")
    packages.commit("feat: not ours", {"packages/other/x": "v"})
    packages.git("merge", "-q", "--no-ff", "-m", "Merge topic", "topic")
    packages.publish()
    made = make(Repository(packages.path))
    assert made.next == "1.1.0"
    assert [commit.subject for commit in made.commits] == [
        "Merge topic", "chore: as it was", "fix: on the side, undone later", "feat: on the side",
    ]  # fmt: skip
    packages.git("revert", "--no-edit", "-m", "1", "HEAD")
    packages.publish()
    made = make(Repository(packages.path))
    assert (made.next, len(made.reverted)) == (None, 5)


@pytest.mark.parametrize(
    "path",
    ["../core", "/packages", "a//b", ".", "..", "", "packages/./core", "a/../..", "a\\nb", "a\\u0000b", "\\u001b[31m"],
)
def test_what_is_no_path_in_the_repository_is_refused(packages: Repo, path: str) -> None:
    settings(packages, "{name}-{version}", paths=f'["packages/core", "{path}"]')
    packages.publish()
    found = [problem for problem in make(Repository(packages.path)).problems if problem.code == "bad-setting"]
    assert found[0].message.startswith("release.toml:1: paths: ")


@pytest.mark.parametrize(
    "path", [":(glob)**", ":/", ":!packages", "*", "packages/*", "--all", "-p", "HEAD", "$(touch x)", "missing"]
)
def test_paths_are_names_and_never_patterns_options_or_revisions(packages: Repo, path: str) -> None:
    settings(packages, "{name}-{version}", paths=json.dumps([path]))
    packages.commit("feat!: anything", {"packages/core/x": "1"})
    packages.publish()
    made = make(Repository(packages.path))
    assert (made.next, made.commits) == (None, ())
    assert "no-such-path" in [problem.code for problem in made.problems]
    packages.commit("fix: a file of that name", {f"{path.removeprefix('/')}": "1"} if "/" not in path else {})
    if "/" not in path:
        packages.publish()
        made = make(Repository(packages.path))
        assert [commit.subject for commit in made.commits] == ["fix: a file of that name"]
        assert "no-such-path" not in [problem.code for problem in made.problems]


@pytest.mark.parametrize(("depth", "ready"), [(1, False), (3, False), (9, True)])
def test_a_shallow_clone_says_when_it_lacks_what_paths_needs(packages: Repo, depth: int, ready: bool) -> None:
    packages.commit("fix: ours", {"packages/core/x": "1"})
    packages.commit("feat: not ours", {"packages/other/x": "1"})
    packages.publish()
    place = packages.path.parent / "shallow"
    command = ["git", "clone", "-q", f"--depth={depth}", f"file://{packages.remote}", str(place)]
    subprocess.run(command, check=True)
    made = make(Repository(Path(place)))
    codes = [problem.code for problem in made.problems]
    assert ("shallow" in codes) == (not ready)
    if ready:
        assert (made.next, codes) == ("1.0.1", [])
