"""Run nox from a private environment, on a machine that has only Python and git.

    python3 tools/bootstrap.py nox -s test

The environment is `.nox-env/` beside this project; it is made on first use and used again afterwards.
Nothing is installed anywhere else, so a Python whose own pip refuses to install (PEP 668, as Debian's),
or that came without pip and ensurepip, serves as well as any other. Standard library only.
"""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import re
import subprocess
import sys
import tempfile
import urllib.parse
import urllib.request
import venv
from pathlib import Path
from typing import Any

MINIMUM = (3, 10)
REQUIREMENT = "nox[uv]>=2026.2"
ROOT = Path(__file__).resolve().parent.parent
ENVIRONMENT = ROOT / ".nox-env"
SCRIPTS = ENVIRONMENT / ("Scripts" if os.name == "nt" else "bin")
INDEX = "https://pypi.org/simple/pip/"
LARGEST_DOWNLOAD = 32 * 1024 * 1024


class BootstrapError(Exception):
    """Something that the person at the keyboard has to mend; the text says what and how."""


def fetch(url: str, accept: str = "*/*") -> bytes:
    """Return what `url` holds, at most 32 MiB of it; raise BootstrapError when it cannot be had."""
    if not url.startswith("https://"):
        raise BootstrapError(f"{url}: only https addresses are fetched")
    request = urllib.request.Request(url, headers={"Accept": accept})  # noqa: S310 - https only, checked above
    try:
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310
            body: bytes = answer.read(LARGEST_DOWNLOAD + 1)
    except OSError as error:
        raise BootstrapError(f"{url}: {error}. Install pip for {sys.executable}, or check the network.") from error
    if len(body) > LARGEST_DOWNLOAD:
        raise BootstrapError(f"{url}: larger than {LARGEST_DOWNLOAD} bytes, not taken")
    return body


def newest_pip(page: dict[str, Any]) -> tuple[str, str, str]:
    """Pick pip's newest final wheel from a project page (PEP 691): its file name, address and sha256."""
    found = {}
    for file in page["files"]:
        name = re.fullmatch(r"pip-(\d+(?:\.\d+)+)-py3-none-any\.whl", file["filename"])
        if name and not file.get("yanked") and "sha256" in file["hashes"]:
            version = tuple(map(int, name[1].split(".")))
            found[version] = (file["filename"], urllib.parse.urljoin(INDEX, file["url"]), file["hashes"]["sha256"])
    if not found:
        raise BootstrapError(f"{INDEX}: lists no wheel of pip")
    return found[max(found)]


def download_pip(folder: Path) -> Path:
    """Download pip's own wheel from PyPI, check its sha256, and return the file's path."""
    try:
        page = json.loads(fetch(INDEX, accept="application/vnd.pypi.simple.v1+json"))
        filename, url, sha256 = newest_pip(page)
    except (ValueError, KeyError, TypeError) as error:
        raise BootstrapError(f"{INDEX}: the answer is no project page (PEP 691): {error!r}") from error
    body = fetch(url)
    if hashlib.sha256(body).hexdigest() != sha256:
        raise BootstrapError(f"{url}: its sha256 is not the one that the index lists")
    path = folder / filename
    path.write_bytes(body)
    return path


def pip_command(folder: Path) -> list[str]:
    """The command that installs into the new environment: this Python's pip, or one downloaded into `folder`."""
    python = str(SCRIPTS / "python")
    if importlib.util.find_spec("pip") is not None:
        supports_target = subprocess.run(
            [sys.executable, "-m", "pip", "--python", python, "--version"], capture_output=True, check=False
        )
        if supports_target.returncode == 0:
            return [sys.executable, "-m", "pip", "--python", python]
    return [python, str(download_pip(folder) / "pip")]


def install() -> None:
    """Make the environment and install nox into it, unless that was done before with the same requirement."""
    stamp = ENVIRONMENT / "requirement.txt"
    wanted = f"{REQUIREMENT} on {sys.version}"
    if stamp.is_file() and stamp.read_text(encoding="utf-8") == wanted:
        return
    print(f"making {ENVIRONMENT.name}/ with {REQUIREMENT} (first run only)", file=sys.stderr, flush=True)
    # Without pip: Debian's stock Python has no ensurepip to put it there.
    venv.create(ENVIRONMENT, with_pip=False, clear=True, symlinks=os.name != "nt")
    with tempfile.TemporaryDirectory() as folder:
        command = [
            *pip_command(Path(folder)),
            "install",
            "--quiet",
            "--disable-pip-version-check",
            REQUIREMENT,
        ]
        if subprocess.run(command, check=False).returncode:
            raise BootstrapError(
                f"could not install {REQUIREMENT}: pip's message is above. Run the same command again."
            )
    stamp.write_text(wanted, encoding="utf-8")


def main(arguments: list[str]) -> int:
    """Run `nox` with `arguments`, installing it first where needed; return its exit code, or 2 for wrong usage."""
    if sys.version_info < MINIMUM:
        print(
            f"bootstrap: Python {sys.version.split()[0]} is too old; run this with Python 3.10 or later",
            file=sys.stderr,
        )
        return 2
    if arguments[:1] != ["nox"]:
        print(f"usage: python3 tools/bootstrap.py nox [nox arguments]\n\n{__doc__}", file=sys.stderr)
        return 0 if arguments[:1] in (["-h"], ["--help"]) else 2
    try:
        install()
    except BootstrapError as error:
        print(f"bootstrap: {error}", file=sys.stderr)
        return 1
    environment = {**os.environ, "PATH": f"{SCRIPTS}{os.pathsep}{os.environ.get('PATH', '')}"}
    if "PIP_INDEX_URL" in environment:  # uv does not read pip's settings
        environment.setdefault("UV_DEFAULT_INDEX", environment["PIP_INDEX_URL"])
    return subprocess.run([str(SCRIPTS / "nox"), *arguments[1:]], env=environment, cwd=ROOT, check=False).returncode


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
