"""The workflows agree with the tasks, with the configuration and with each other, and hold no known fault."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from release import dist, toml
from tools import build_wheels

ROOT = Path(__file__).parents[2]
WORKFLOWS = sorted((ROOT / ".github/workflows").glob("*.yml"))
PYPROJECT = toml.load((ROOT / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")
RUN = re.compile(r"python3? tools/bootstrap\.py nox -s (?P<task>[\w-]+|\"\$TASK\")( -- [^\n]*)?")


def load(path: Path) -> dict[Any, Any]:
    document = yaml.safe_load(path.read_text(encoding="utf-8"))
    assert isinstance(document, dict)
    return document


def jobs(path: Path) -> dict[str, dict[str, Any]]:
    found = load(path)["jobs"]
    assert isinstance(found, dict)
    return found


def steps(path: Path) -> Iterator[tuple[dict[str, Any], dict[str, Any]]]:
    for job in jobs(path).values():
        for step in job.get("steps", []):
            yield job, step


def tasks() -> set[str]:
    """The nox sessions, by the names that `nox -s` takes."""
    text = (ROOT / "noxfile.py").read_text(encoding="utf-8")
    functions = {
        named[1] if (named := re.search(r'name="([\w-]+)"', arguments or "")) else function
        for arguments, function in re.findall(r"@nox\.session(\([^\n]*\))?\ndef (\w+)\(", text)
    }
    return functions | set(re.findall(r'^    \("([\w-]+)", "[\w-]+", "', text, re.MULTILINE))


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_run_is_a_task_that_exists(path: Path) -> None:
    for job, step in steps(path):
        if "run" not in step:
            continue
        match = RUN.fullmatch(step["run"].strip())
        assert match, f"{path.name}: {step['run']!r} is not a nox task"
        names = job["strategy"]["matrix"]["task"] if "$TASK" in match["task"] else [match["task"]]
        assert set(names) <= tasks(), f"{path.name}: {set(names) - tasks()}"


def test_wheels_are_built_with_options_that_exist() -> None:
    known = {option for parameter in build_wheels.main.params for option in parameter.opts}
    (step,) = [
        step["run"] for _, step in steps(ROOT / ".github/workflows/wheels.yml") if "-s wheels" in step.get("run", "")
    ]
    assert set(re.findall(r"--\w+", step)) <= known


def test_every_task_of_the_readme_exists() -> None:
    named = set(re.findall(r"nox -s ([a-z][a-z-]*)", (ROOT / "README.md").read_text(encoding="utf-8")))
    assert named <= tasks(), named - tasks()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_every_action_is_pinned_to_a_commit_with_its_tag(path: Path) -> None:
    for line in path.read_text(encoding="utf-8").splitlines():
        if (match := re.search(r"uses: (\S+)(.*)", line)) and not match[1].startswith("./"):
            assert re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", match[1]), line
            assert re.match(r" # v\d+\.\d+\.\d+", match[2]), line


def test_one_action_has_one_pin() -> None:
    pins: dict[str, set[str]] = {}
    for path in WORKFLOWS:
        for action, commit in re.findall(r"uses: ([\w./-]+)@([0-9a-f]{40})", path.read_text(encoding="utf-8")):
            pins.setdefault(action, set()).add(commit)
    assert {action: commits for action, commits in pins.items() if len(commits) > 1} == {}


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_permissions_timeouts_and_credentials(path: Path) -> None:
    workflow = load(path)
    assert workflow["permissions"] == {}
    assert "concurrency" in workflow
    for name, job in jobs(path).items():
        assert "uses" in job or job["timeout-minutes"] <= 60, name
        assert set(job["permissions"]) <= {"contents", "id-token"}, name
    for _, step in steps(path):
        if step.get("uses", "").startswith("actions/checkout@"):
            # Only the rollout pushes: its commit is the step it takes.
            assert step["with"]["persist-credentials"] is (path.name == "rollout.yml")


def test_release_is_never_cancelled_and_caches_nothing() -> None:
    assert load(ROOT / ".github/workflows/release.yml")["concurrency"]["cancel-in-progress"] is False
    for name in ("release.yml", "wheels.yml"):
        assert not re.search(r"\bcache", (ROOT / ".github/workflows" / name).read_text(encoding="utf-8"))


def test_publish_waits_for_every_producer_and_runs_nothing_of_ours() -> None:
    release = jobs(ROOT / ".github/workflows/release.yml")
    publish = release["publish"]
    producers = {
        name
        for name, job in release.items()
        if "uses" in job or any("upload-artifact@" in step.get("uses", "") for step in job.get("steps", []))
    }
    assert producers | {"audit"} <= set(publish["needs"])
    assert publish["permissions"] == {"id-token": "write"}
    assert publish["environment"]["name"] == "pypi"
    assert publish["if"] == "github.event_name == 'push'"
    assert not any("run" in step or "checkout" in step["uses"] for step in publish["steps"])
    assert [name for name, job in release.items() if "id-token" in job.get("permissions", {})] == ["publish"]
    wheels = jobs(ROOT / ".github/workflows/wheels.yml")
    uploads = {
        name for name, job in wheels.items() if any("upload-artifact@" in s.get("uses", "") for s in job["steps"])
    }
    assert uploads <= set(wheels["verify"]["needs"])


def test_gate_waits_for_every_other_job() -> None:
    ci = jobs(ROOT / ".github/workflows/ci.yml")
    assert set(ci["gate"]["needs"]) == set(ci) - {"gate"}
    assert ci["gate"]["if"] == "always()"


def test_matrix_is_the_configuration() -> None:
    wheels = jobs(ROOT / ".github/workflows/wheels.yml")
    assert wheels["wheels"]["strategy"]["matrix"] == "${{ fromJSON(needs.sdist.outputs.matrix) }}"
    names = [job.name for job in dist.load(ROOT).jobs]
    assert len(names) == len(set(names))
    assert {job.system for job in dist.load(ROOT).jobs} == set(dist.SYSTEMS)


def test_pythons_agree_everywhere() -> None:
    """Classifiers, requires-python, the oldest stable ABI, cibuildwheel's table and what CI installs."""
    project = PYPROJECT["project"]
    classified = {
        int(minor) for minor in re.findall(r"Python :: 3\.(\d+)\"", str(project["classifiers"]).replace("'", '"'))
    }
    oldest = int(re.fullmatch(r">=3\.(\d+)", project["requires-python"])[1])  # type: ignore[index]
    features = toml.load((ROOT / "rust/skypilot-utils/Cargo.toml").read_text(encoding="utf-8"), "Cargo.toml")[
        "features"
    ]
    floor = min(int(match[1]) for name in features if (match := re.fullmatch(r"abi3-py3(\d+)", name)))
    assert classified == set(range(oldest, max(classified) + 1))
    assert floor == oldest + 1, "3.8 has the universal wheel, everything later a native one"
    tested = {re.match(r"cp3(\d+)", identifier)[1] for job in dist.load(ROOT).jobs for identifier in job.build}  # type: ignore[index]
    assert {int(minor) for minor in tested} == classified - {oldest}
    installed = jobs(ROOT / ".github/workflows/ci.yml")["pythons"]["steps"][1]["with"]["python-version"]
    assert {int(minor) for minor in re.findall(r"3\.(\d+)", installed)} == classified


FAULTS = {
    "script injection": ("ci.yml", 'nox -s "$TASK"', "nox -s ${{ github.event.pull_request.title }}"),
    "unpinned action": (
        "ci.yml",
        "actions/checkout@8e8c483db84b4bee98b60c0593521ed34d9990e8 # v6.0.1",
        "actions/checkout@v6",
    ),
    "missing permission": ("release.yml", "permissions: {}\n", ""),
    "cache in a release": (
        "release.yml",
        '          python-version: "3.13"\n',
        '          python-version: "3.13"\n          cache: pip\n',
    ),
}


def zizmor(folder: Path) -> int:
    command = ["zizmor", "--offline", "--persona", "pedantic", "--no-progress", "--quiet", str(folder)]
    return subprocess.run(command, capture_output=True, check=False).returncode


def mutated(tmp_path: Path, name: str, old: str, new: str) -> Path:
    folder = tmp_path / ".github"
    shutil.copytree(ROOT / ".github", folder)
    path = folder / "workflows" / name
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return folder


@pytest.mark.slow
def test_zizmor_finds_nothing() -> None:
    assert zizmor(ROOT / ".github") == 0


@pytest.mark.slow
@pytest.mark.parametrize("fault", FAULTS)
def test_zizmor_finds_a_seeded_fault(fault: str, tmp_path: Path) -> None:
    assert zizmor(mutated(tmp_path, *FAULTS[fault])) != 0


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "old", "new", "test"),
    [
        ("release.yml", "needs: [plan, wheels, audit]", "needs: [plan, audit]", "publish_waits"),
        ("wheels.yml", "needs: [sdist, wheels]", "needs: [sdist]", "publish_waits"),
        ("ci.yml", "needs: [check, test, pythons]", "needs: [check, test]", "gate_waits"),
        ("ci.yml", "nox -s test-pythons", "nox -s no-such-task", "every_run"),
        ("audit.yml", "# v6.0.1", "# six", "pinned"),
        ("wheels.yml", "persist-credentials: false", "persist-credentials: true", "credentials"),
        ("release.yml", "cancel-in-progress: false", "cancel-in-progress: true", "never_cancelled"),
    ],
)
def test_our_own_checks_turn_red(name: str, old: str, new: str, test: str, tmp_path: Path) -> None:
    """The checks above, run on a copy of the project with one fault in it, fail."""
    mutated(tmp_path, name, old, new)
    for part in (
        "noxfile.py",
        "pyproject.toml",
        "README.md",
        "rust",
        "release",
        "tools",
        "tests/project/test_workflows.py",
    ):
        target = tmp_path / part
        target.parent.mkdir(parents=True, exist_ok=True)
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, target, ignore=shutil.ignore_patterns("target", "__pycache__"))
        else:
            shutil.copy(ROOT / part, target)
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--rootdir", str(tmp_path), "-k", test]
    done = subprocess.run([*command, "tests/project/test_workflows.py"], cwd=tmp_path, capture_output=True, check=False)
    assert done.returncode == 1, done.stdout.decode()
