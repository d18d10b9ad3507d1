"""Build this machine's wheels from the sdist, by cibuildwheel where it can run and by maturin where it cannot.

    python -m tools.build_wheels                     every wheel of this system and processor, into dist/
    python -m tools.build_wheels --job win_amd64-cp39
    python -m tools.build_wheels --no-container      maturin and zig, as on a Linux machine without docker and podman
    python -m tools.build_wheels --for-tests         this checkout as it is, for this machine alone, into build/wheels

`python -m release dist --matrix` names the jobs. What has to be built is derived from [tool.cibuildwheel], and each
job must leave exactly its own files behind.
"""

from __future__ import annotations

import os
import platform
import shutil
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import click

from release import dist
from release.errors import ReleaseError

SYSTEMS = {"Linux": "linux", "Darwin": "macos", "Windows": "windows"}
ENGINES = ("docker", "podman")


def this_machine() -> tuple[str, str]:
    """Return system and processor as cibuildwheel names them."""
    return SYSTEMS.get(platform.system(), platform.system()), platform.machine()


def engine() -> str | None:
    """Return a container engine that answers; installed is not enough, a daemon may be down."""
    for name in ENGINES:
        if shutil.which(name):
            try:
                answer = subprocess.run([name, "info"], capture_output=True, timeout=60, check=False)
            except subprocess.TimeoutExpired:
                continue
            if answer.returncode == 0:
                return name
    return None


def find_sdist(folder: Path) -> Path:
    """Return the one sdist in `folder`."""
    found = sorted(folder.glob("*.tar.gz"))
    if len(found) != 1:
        raise click.ClickException(f"{folder} has {len(found)} sdists, wanted one: nox -s sdist")
    return found[0]


def epoch(sdist: Path) -> str:
    """Return the date that the sdist gives its files, which is the commit's."""
    with tarfile.open(sdist) as archive:
        first = archive.next()
    if first is None:
        raise click.ClickException(f"{sdist} is empty")
    return str(int(first.mtime))


def with_cibuildwheel(job: dist.Job, sdist: Path, out: Path, container: str | None) -> None:
    """Build, repair, audit and test one job's wheels."""
    environment = {
        **os.environ,
        "CIBW_BUILD": " ".join(job.build),
        "CIBW_ARCHS": job.arch,
        "SOURCE_DATE_EPOCH": epoch(sdist),
    }
    if container and "CIBW_CONTAINER_ENGINE" not in environment:
        environment["CIBW_CONTAINER_ENGINE"] = container
    command = [sys.executable, "-m", "cibuildwheel", "--platform", job.system, "--output-dir", str(out), str(sdist)]
    subprocess.run(command, env=environment, check=True)


def features(archive: dist.Archive) -> list[str]:
    """Return the crate's features that make this wheel: its stable ABI, with the oldest Python it serves."""
    _, python, abi, _ = archive.name.removesuffix(".whl").rsplit("-", 3)
    stable = "abi3t" if "abi3t" in abi else "abi3"
    return [f"{stable}-py{python.removeprefix('cp')}"] if stable in abi else []


def for_tests(jobs: list[dist.Job], out: Path) -> None:
    """Build the checkout as it is: one wheel for each `abi3` floor, without repair, and the universal one."""
    shutil.rmtree(out, ignore_errors=True)
    floors = sorted({name for job in jobs for archive in job.archives for name in features(archive)})
    settings = [f"-Cmaturin.build-args=--features={name}" for name in floors if not name.startswith("abi3t")]
    for setting in [*settings, "-Cuniversal=true"]:
        command = [sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(out), setting]
        done = subprocess.run(command, check=False)
        if done.returncode:
            raise click.ClickException(f"building with {setting} ended with {done.returncode}")


def with_maturin(archive: dist.Archive, sdist: Path, out: Path) -> None:
    """Build one manylinux wheel without a container: zig links against the old C library that the name promises."""
    _, python, abi, policy = archive.name.removesuffix(".whl").rsplit("-", 3)
    arguments = ["--zig", "--compatibility", policy.removesuffix(f"_{platform.machine()}")]
    arguments += [f"--features={name}" for name in features(archive)]
    free_threaded = abi.endswith("t")
    interpreter = f"python3.{python.removeprefix('cp3')}{'t' * free_threaded}" if free_threaded else sys.executable
    arguments += ["--interpreter", interpreter]
    with tempfile.TemporaryDirectory() as scratch:
        with tarfile.open(sdist) as source:
            source.extractall(scratch, filter="data")
        (tree,) = Path(scratch).iterdir()
        command = [sys.executable, "-m", "build", "--installer", "uv", "--wheel", "--outdir", str(out), str(tree)]
        setting = f"-Cmaturin.build-args={' '.join(arguments)}"
        subprocess.run([*command, setting], env={**os.environ, "SOURCE_DATE_EPOCH": epoch(sdist)}, check=True)


@click.command(epilog="Exit codes: 0 every wheel was built; 1 one was not; 2 wrong usage.")
@click.option("--out", type=click.Path(path_type=Path), help="Default: dist, and build/wheels for tests.")
@click.option(
    "--from", "source", type=click.Path(exists=True, file_okay=False, path_type=Path),
    help="The folder that has the sdist (default: the output folder).",
)  # fmt: skip
@click.option("--job", "names", multiple=True, metavar="NAME", help="Only this job of the matrix; may be repeated.")
@click.option("--no-container", is_flag=True, help="Do not look for docker or podman.")
@click.option(
    "--for-tests", "tests", is_flag=True, help="Only for this machine, from this checkout, not from an sdist."
)
def main(out: Path | None, source: Path | None, names: tuple[str, ...], no_container: bool, tests: bool) -> None:
    """Build this machine's wheels into the output folder."""
    out = out or (Path("build/wheels") if tests else Path("dist"))
    system, machine = this_machine()
    try:
        matrix = dist.load(Path.cwd()).jobs
    except ReleaseError as error:
        raise click.ClickException(str(error)) from error
    jobs = [job for job in matrix if (job.system, job.arch) == (system, machine) and (not names or job.name in names)]
    unknown = set(names) - {job.name for job in jobs}
    if unknown or not jobs:
        here = ", ".join(job.name for job in matrix if (job.system, job.arch) == (system, machine)) or "none"
        raise click.UsageError(
            f"no such job here: {', '.join(sorted(unknown)) or 'any'}; {system} {machine} has {here}"
        )
    if tests:
        for_tests(jobs, out)
        return
    sdist = find_sdist(source or out)
    container = None if no_container or system != "linux" else engine()
    bare = system == "linux" and container is None
    if bare:
        click.secho(
            "No container engine answers: building with maturin and zig instead of cibuildwheel.", fg="yellow", err=True
        )
        click.secho("The wheels are NOT tested here; musllinux wheels are NOT built.", fg="yellow", err=True)
        jobs = [job for job in jobs if not job.name.startswith("musllinux")]
    for job in jobs:
        try:
            if bare:
                for archive in job.archives:
                    with_maturin(archive, sdist, out)
            else:
                with_cibuildwheel(job, sdist, out, container)
        except subprocess.CalledProcessError as error:
            raise click.ClickException(f"{job.name}: {error.cmd[2]} ended with {error.returncode}") from error
        missing = [archive.name for archive in job.archives if not (out / archive.name).is_file()]
        if missing:
            raise click.ClickException(f"{job.name} did not build {', '.join(missing)}")
        for archive in job.archives:
            click.echo(f"built {out / archive.name}")


if __name__ == "__main__":
    main()
