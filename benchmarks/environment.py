"""The environment of the original: its own virtual environment, so that same-named packages never meet."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

from tools.dropin import DropIn


def reference_python(settings: DropIn, cache: Path) -> Path:
    """Return the interpreter of an environment with the original, made on first use.

    Raises RuntimeError when no interpreter of the wanted version is found or the installation fails.
    """
    base = _interpreter(settings.python)
    wanted = [settings.reference, *settings.requirements]
    key = hashlib.sha256("\n".join([base, *wanted]).encode()).hexdigest()[:12]
    folder = cache / f"reference-{key}"
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    finished = folder / "finished"
    if not finished.exists():
        print(f"making {folder} with {', '.join(wanted)} (once)", file=sys.stderr, flush=True)
        install(base, folder, python, wanted)
        finished.write_text("\n".join(wanted))
    return python


def install(base: str, folder: Path, python: Path, wanted: list[str]) -> None:
    """Make an environment and install into it, by uv where it is found, which is many times faster."""
    uv = shutil.which("uv")
    if uv is not None:
        _run([uv, "venv", "--quiet", "--clear", "--seed", "--python", base, str(folder)])
        _run([uv, "pip", "install", "--quiet", "--python", str(python), *wanted])
    else:
        print("uv is not on the path: installing with pip, which takes minutes", file=sys.stderr, flush=True)
        _run([base, "-m", "venv", "--clear", str(folder)])
        _run([str(python), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", *wanted])


def _interpreter(version: str) -> str:
    """Return an interpreter of the wanted version, this one where it fits."""
    if not version or version == f"{sys.version_info[0]}.{sys.version_info[1]}":
        return sys.executable
    found = shutil.which(f"python{version}")
    if found is None:
        raise RuntimeError(f"no python{version} on the path, and [tool.drop-in] compares on that version")
    return found


def _run(command: list[str]) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command)} failed:\n{(done.stderr or done.stdout).strip()[-2000:]}")
