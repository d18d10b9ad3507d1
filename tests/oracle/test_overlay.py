"""Our wheel beside the real SkyPilot: both work, and taking ours away leaves SkyPilot as it was."""

from __future__ import annotations

import hashlib
import json
import pathlib
import shutil
import subprocess
import sys
import zipfile

import pytest

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parents[1]
BOTH = """
import json, sky
from sky.utils import common_utils, rust_fallback, rust_twins, subprocess_utils
info = rust_fallback.get_backend_info()
alike = [
    rust_fallback.base36_encode("ff") == common_utils.base36_encode("ff"),
    rust_fallback.get_parallel_threads() == subprocess_utils.get_parallel_threads(),
]
print(json.dumps({"sky": sky.__file__, "alike": alike, "backend": info["backend"], "version": info["version"]}))
"""


def run(*command: object) -> str:
    done = subprocess.run(
        [str(part) for part in command], capture_output=True, text=True, check=False, timeout=900, cwd=ROOT
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def tree(folder: pathlib.Path) -> dict[str, str]:
    """Return the SHA-256 of every file below a folder, and its empty folders."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest() if path.is_file() else "folder"
        for path in folder.rglob("*")
    }


@pytest.fixture(scope="module")
def skypilot(tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """The interpreter of an environment whose own folder has SkyPilot 0.10.5 and, through a path file, the
    packages it needs from the environment of the differential run."""
    find = f"import sys; sys.path.insert(0, {str(HERE)!r}); import environment as e; print(e.reference_python(sys.executable))"
    reference = run(sys.executable, "-c", find).strip()
    folder = tmp_path_factory.mktemp("overlay")
    run(reference, "-m", "venv", folder)
    python = folder / "bin" / "python"
    run(python, "-m", "pip", "install", "--quiet", "--no-deps", "skypilot==0.10.5")
    print_site = "import sysconfig; print(sysconfig.get_path('purelib'))"
    site = pathlib.Path(run(python, "-c", print_site).strip())
    (site / "reference.pth").write_text(run(reference, "-c", print_site))
    return python


@pytest.fixture(scope="module", params=["universal", "native"])
def wheel(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> pathlib.Path:
    """A wheel of this tree, without the native module and with it."""
    folder = tmp_path_factory.mktemp("wheel")
    if request.param == "native" and shutil.which("cargo") is None:
        if request.config.getoption("--backend") == "python":
            pytest.skip("NOT RUN: no Rust here, so no native wheel")
        pytest.fail("no Rust here to build the native wheel; ask for --backend python to do without")
    settings = ["-C", "universal=true"] if request.param == "universal" else []
    run(sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", *settings, "--wheel-dir", folder, ROOT)
    return next(folder.glob("sky_rs-*.whl"))


@pytest.mark.network
def test_beside_skypilot_and_gone_without_a_trace(skypilot: pathlib.Path, wheel: pathlib.Path) -> None:
    site = pathlib.Path(run(skypilot, "-c", "import sysconfig; print(sysconfig.get_path('purelib'))").strip())
    before = tree(site)
    assert "sky/utils/common_utils.py" in before
    ours = [name for name in zipfile.ZipFile(wheel).namelist() if ".dist-info/" not in name]
    assert not set(ours) & set(before)
    assert "sky/utils/rust_fallback.py" in ours

    run(skypilot, "-m", "pip", "install", "--quiet", "--no-deps", wheel)
    info = json.loads(run(skypilot, "-c", BOTH).splitlines()[-1])
    assert info["sky"] == str(site / "sky" / "__init__.py")
    assert info["alike"] == [True, True]
    assert info["version"] == wheel.name.split("-")[1]
    assert info["backend"] == ("python" if "none-any" in wheel.name else "rust")
    assert "ok: 12 of 12" in run(skypilot, "-m", "sky.utils.rust_fallback")
    assert "sky/utils/rust_fallback.py" in tree(site)

    run(skypilot, "-m", "pip", "uninstall", "--quiet", "--yes", "sky-rs")
    after = tree(site)
    # Importing SkyPilot may have compiled files of its own; nothing else may be new, gone or changed.
    new = {name for name in set(after) - set(before) if not ("__pycache__" in name and "rust_" not in name)}
    assert new == set()
    assert {name: after.get(name) for name in before} == before
