"""Prove the archives in a folder before anyone installs them.

    python -m tools.verify_dist dist
    python -m tools.verify_dist dist --platform this     on a developer's machine, which has only its own wheels
    python -m tools.verify_dist --unrepaired DIR         what a plain build left, before auditwheel names its policy

The set and the inside of each file: `release.dist_verify`. Then the tools that judge wheels, each on the files it is
for, and what is ours alone: stubs beside the module, and a bill of materials that names Cargo.lock's crates.
"""

from __future__ import annotations

import json
import platform
import re
import subprocess
import sys
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path
from typing import Any

import click

from release import dist, toml
from release.dist_verify import read, verify
from release.errors import ReleaseError
from release.problems import Problem
from tools.build_wheels import this_machine

# twine and check-wheel-contents read every file; abi3audit and auditwheel those that claim what they check.
MACHINE_PATH = re.compile(rb"file:///|/home/[a-z]|/root/\.|/Users/|C:\\\\Users|/private/var/")


def own_archives(found: dist.Distribution) -> list[dist.Archive]:
    """Return what this machine can build by itself: on Linux the manylinux wheels of its processor."""
    here = [job for job in found.jobs if (job.system, job.arch) == this_machine()]
    mine = {archive.name for job in here for archive in job.archives if not archive.platform.startswith("musllinux")}
    return [archive for archive in found.archives() if not archive.platform or archive.name in mine]


def run_tools(folder: Path, names: list[str]) -> Iterator[Problem]:
    """Run the judges; each says its version, and one that finds something becomes a problem."""
    wheels = [name for name in names if name.endswith(".whl")]
    yield from judge("twine", ["twine", "check", "--strict"], folder, names)
    # W004: sky/utils has no __init__.py on purpose, it lies inside SkyPilot's own package. W009: two top levels.
    yield from judge("check-wheel-contents", ["check_wheel_contents", "--ignore", "W004,W009"], folder, wheels)
    # abi3audit knows abi3; abi3t is newer than it.
    stable = [name for name in wheels if "-abi3-" in name]
    yield from judge("abi3audit", ["abi3audit", "--strict", "--verbose"], folder, stable)
    for name in (name for name in wheels if "manylinux_" in name or "musllinux_" in name):
        yield from promised_policy(folder / name)


def judge(package: str, command: list[str], folder: Path, names: list[str]) -> Iterator[Problem]:
    """Run one tool on `names`; a tool with nothing to judge is named too."""
    click.echo(f"{package} {version(package)}: {len(names)} files")
    if names:
        files = [str(folder / name) for name in names]
        done = subprocess.run([sys.executable, "-m", *command, *files], capture_output=True, text=True, check=False)
        if done.returncode:
            yield Problem(package, f"{package} ended with {done.returncode}:\n{done.stdout}{done.stderr}".rstrip())


def promised_policy(wheel: Path) -> Iterator[Problem]:
    """Compare the policy in a Linux wheel's name with what auditwheel finds in it."""
    command = [sys.executable, "-m", "auditwheel", "show", str(wheel)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    promised = wheel.name.removesuffix(".whl").rpartition("-")[2]
    found = re.findall(r'"((?:many|musl)linux_(\d+)_(\d+)_\w+)"', done.stdout)
    if done.returncode or not found:
        yield Problem("auditwheel", f"auditwheel show {wheel.name}: {done.stdout}{done.stderr}".rstrip())
        return
    policy, major, minor = found[0]
    click.echo(f"auditwheel {version('auditwheel')}: {wheel.name} needs {policy}")
    wanted = re.fullmatch(r"(?:many|musl)linux_(\d+)_(\d+)_\w+", promised)
    family = policy.partition("linux_")[0]
    if wanted is None or not promised.startswith(family) or (int(major), int(minor)) > (int(wanted[1]), int(wanted[2])):
        yield Problem("policy", f"{wheel.name} promises {promised} and needs {policy}", "build it in an older image")


def contents(path: Path, module: str, crates: set[tuple[str, str]]) -> Iterator[Problem]:
    """Check what a native wheel of ours has beside the code: stubs, and a true bill of materials."""
    files = read(path)
    for needed in (f"{module}/__init__.pyi", f"{module}/py.typed"):
        if needed not in files:
            yield Problem("no-stub", f"{path.name} lacks {needed}", "type checkers look for it there")
    documents = [files[name] for name in files if name.endswith(".cyclonedx.json")]
    if len(documents) != 1:
        yield Problem("no-sbom", f"{path.name} has {len(documents)} bills of materials, wanted one")
        return
    bom: dict[str, Any] = json.loads(documents[0])
    listed = {(entry["name"], entry["version"]) for entry in [*bom["components"], bom["metadata"]["component"]]}
    for name, number in sorted(listed ^ crates):
        place = "the bill of materials" if (name, number) in listed else "Cargo.lock"
        yield Problem("sbom", f"{path.name}: {name} {number} is only in {place}")
    if "serialNumber" in bom or "timestamp" in bom["metadata"]:
        yield Problem("sbom", f"{path.name}: the bill of materials has a random id or a clock")
    for name, content in files.items():
        if MACHINE_PATH.search(content):
            yield Problem("path", f"{path.name}: {name} names a folder of the machine that built it")


def locked_crates(root: Path) -> tuple[str, set[tuple[str, str]]]:
    """Return the module's name, and the crates of Cargo.lock that go into it: not those of tests and benches.

    Cargo.lock does not say which dependencies of our own crate are for development only; its manifest does.
    """
    settings = toml.load((root / "pyproject.toml").read_text(encoding="utf-8"), "pyproject.toml")["tool"]["maturin"]
    manifest_path = root / settings["manifest-path"]
    manifest = toml.load(manifest_path.read_text(encoding="utf-8"), "Cargo.toml")
    folder = next(folder for folder in manifest_path.parents if (folder / "Cargo.lock").is_file())
    lock = toml.load((folder / "Cargo.lock").read_text(encoding="utf-8"), "Cargo.lock")
    packages: dict[str, list[dict[str, Any]]] = {}
    for package in lock["package"]:
        packages.setdefault(package["name"], []).append(package)
    tables = [manifest, *manifest.get("target", {}).values()]
    direct = {
        dependency.get("package", name) if isinstance(dependency, dict) else name
        for table in tables
        for kind in ("dependencies", "build-dependencies")
        for name, dependency in table.get(kind, {}).items()
    }
    own = manifest["package"]["name"]
    queue = [entry for entry in packages[own][0].get("dependencies", []) if entry.split()[0] in direct]
    found = {(own, packages[own][0]["version"])}
    while queue:
        name, *number = queue.pop().split()
        for package in packages[name]:
            if (not number or package["version"] == number[0]) and (name, package["version"]) not in found:
                found.add((name, package["version"]))
                queue.extend(package.get("dependencies", []))
    return settings["module-name"], found


@click.command(
    epilog="Exit codes: 0 these files may be published; 1 they may not, every reason is listed; 2 wrong usage."
)
@click.argument("folder", type=click.Path(path_type=Path), default=Path("dist"))
@click.option(
    "--platform", "only", type=click.Choice(["this"]), help="Only what this machine builds; never enough to publish."
)
@click.option("--unrepaired", is_flag=True, help="Files of a plain build: judge what is there, not whether it is all.")
def main(folder: Path, only: str | None, unrepaired: bool) -> None:
    """Compare FOLDER with the expected set, and every file in it with what it promises."""
    root = Path.cwd()
    try:
        found = dist.load(root)
        wanted = own_archives(found) if only else found.archives()
        if unrepaired:
            problems, names = [], sorted(path.name for path in folder.iterdir())
        else:
            problems = verify(found, folder, wanted)
            names = [archive.name for archive in wanted if (folder / archive.name).is_file()]
        problems.extend(run_tools(folder, names))
        module, crates = locked_crates(root)
        for name in names:
            if name.endswith(".whl") and not name.endswith("-none-any.whl"):
                problems.extend(contents(folder / name, module, crates))
    except ReleaseError as error:
        raise click.ClickException(str(error)) from error
    for problem in problems:
        click.echo(f"{click.style('error', fg='red', bold=True)}: {problem.message}", err=True)
        if problem.fix:
            click.echo(f"  next: {problem.fix}", err=True)
    if only:
        absent = len(found.archives()) - len(wanted)
        click.secho(
            f"PARTIAL: only the files of {platform.system()} {platform.machine()} were looked at; {absent} others of "
            "a release were NOT verified. This is no proof that a release is complete.",
            fg="yellow",
            err=True,
        )
    if problems:
        raise click.exceptions.Exit(1)
    click.echo(f"{folder}: {len(names)} files verified, bills of materials list exactly {len(crates)} locked crates")


if __name__ == "__main__":
    main()
