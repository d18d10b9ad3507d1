"""The environment of the reference: the real SkyPilot, from its package index, in a folder of its own."""

from __future__ import annotations

import os
import pathlib
import shutil
import subprocess
import sys

VERSION = "0.10.5"
REQUIREMENTS = (f"skypilot=={VERSION}", "sqlalchemy[asyncio]", "psutil==7.2.*", "numpy")
MODULES = "sky.utils.common_utils,sky.utils.subprocess_utils"
CACHE = pathlib.Path(__file__).resolve().parents[2] / "build" / "oracle"


def reference_python(python: str) -> pathlib.Path:
    """Return the interpreter of an environment with SkyPilot, made on first use.

    It is of the same version as `python`, for messages and even answers differ between versions.
    """
    version = subprocess.run(
        [python, "-c", "import sys; print('%d.%d' % sys.version_info[:2])"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    folder = CACHE / f"skypilot-{VERSION}-py{version}"
    interpreter = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    finished = folder / "finished"
    if not finished.exists():
        print(f"oracle: making {folder} with {', '.join(REQUIREMENTS)} (once)", file=sys.stderr, flush=True)
        _make(python, folder, interpreter)
        finished.write_text("\n".join(REQUIREMENTS))
    return interpreter


def _make(python: str, folder: pathlib.Path, interpreter: pathlib.Path) -> None:
    uv = shutil.which("uv")
    if uv is not None:
        subprocess.run([uv, "venv", "--quiet", "--clear", "--python", python, str(folder)], check=True)
        subprocess.run([uv, "pip", "install", "--quiet", "--python", str(interpreter), *REQUIREMENTS], check=True)
    else:
        print("oracle: uv is not on the path: installing with pip, which takes minutes", file=sys.stderr, flush=True)
        subprocess.run([python, "-m", "venv", "--clear", str(folder)], check=True)
        subprocess.run([str(interpreter), "-m", "pip", "install", "--quiet", *REQUIREMENTS], check=True)
