"""Bring the CPythons that Debian has not released yet onto a Debian machine, beside its own.

    python3 tools/debian_pythons.py 3.14 3.15

debootstrap (root, network) fetches the packages of Debian sid into a folder of their own; each interpreter is told
to use that folder's C library and nothing else of the system changes. `--link` puts `python3.14` and so on where
the shell, nox and virtualenv find them.
"""

from __future__ import annotations

import argparse
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

MIRROR = "http://deb.debian.org/debian"
NEEDED = {"debootstrap": "debootstrap", "patchelf": "patchelf", "dpkg-deb": "dpkg"}


def run(*command: str | Path) -> str:
    """Run one command and return its output; when it fails, show that and end the program with exit code 1."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False)
    if done.returncode:
        sys.exit(f"{done.stdout}\ndebian_pythons: {' '.join(map(str, command))} ended with {done.returncode}")
    return done.stdout


def fetch(root: Path, versions: list[str], mirror: str) -> None:
    """Download sid's packages for `versions` and unpack them as `root`, without running any of their scripts."""
    part = root.with_name(root.name + ".part")  # an interrupted run must not look like a finished one
    shutil.rmtree(part, ignore_errors=True)
    include = ",".join(f"python{version}-full" for version in versions)
    run("debootstrap", "--foreign", "--variant=minbase", f"--include={include}", "sid", part, mirror)
    for package in sorted((part / "var/cache/apt/archives").glob("*.deb")):
        run("dpkg-deb", "-x", package, part)
        package.unlink()
    shutil.rmtree(root, ignore_errors=True)
    part.rename(root)


def adopt(root: Path, version: str) -> Path:
    """Make the interpreter under `root` use that folder's loader and libraries; return its path."""
    interpreter = root / f"usr/bin/python{version}"
    loader = Path(run("patchelf", "--print-interpreter", interpreter).strip())
    if not loader.is_relative_to(root):
        multiarch = sysconfig.get_config_var("MULTIARCH") or "x86_64-linux-gnu"
        own_loader = root / loader.relative_to("/")
        libraries = root / "usr/lib" / multiarch
        run(
            "patchelf",
            "--set-interpreter",
            own_loader,
            "--force-rpath",
            "--set-rpath",
            libraries,
            interpreter,
        )
    run(interpreter, "-c", "import ctypes, hashlib, sqlite3, ssl")
    return interpreter


def main() -> int:
    """Parse the command line and do the work; 0 when every interpreter runs."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("versions", nargs="+", metavar="VERSION", help="for example 3.14")
    parser.add_argument(
        "--into", type=Path, default=Path("/opt/debian-sid"), help="folder to use (default: %(default)s)"
    )
    parser.add_argument(
        "--link", type=Path, default=Path("/usr/local/bin"), help="where to link them (default: %(default)s)"
    )
    parser.add_argument("--mirror", default=MIRROR, help="Debian mirror (default: %(default)s)")
    arguments = parser.parse_args()
    for version in arguments.versions:
        if not re.fullmatch(r"3\.\d{1,2}", version):
            parser.error(f"{version!r} is not a version such as 3.14")
    missing = [package for program, package in NEEDED.items() if shutil.which(program) is None]
    if missing:
        parser.exit(1, f"debian_pythons: first run: apt-get install --yes {' '.join(missing)}\n")
    root: Path = arguments.into.resolve()
    if not all((root / f"usr/bin/python{version}").exists() for version in arguments.versions):
        fetch(root, arguments.versions, arguments.mirror)
    for version in arguments.versions:
        interpreter = adopt(root, version)
        link: Path = arguments.link / f"python{version}"
        link.parent.mkdir(parents=True, exist_ok=True)
        link.unlink(missing_ok=True)
        link.symlink_to(interpreter)
        print(f"{link} -> {interpreter}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
