"""Build every kind of archive twice, from two folders, and compare the bytes.

    python -m tools.reproduce             sdist, universal wheel, one native wheel for each stable ABI
    python -m tools.reproduce --quick     the native wheel of the running Python only

The first build is made in a clone of the commit. The second one is made in a clone with another path, and its wheels
from the unpacked sdist, with cargo offline: what users get is what the sdist gives.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tarfile
import tempfile
from pathlib import Path

import click

from tools.build_backend.native import abi_feature
from tools.build_backend.project import Project, read_toml


def build(folder: Path, out: Path, *arguments: str, offline: bool = False) -> None:
    """Run the build frontend on a folder."""
    environment = {**os.environ, "CARGO_TARGET_DIR": str(folder.parent / "target"), "SOURCE_DATE_EPOCH": ""}
    if offline:
        environment["CARGO_NET_OFFLINE"] = "true"
    command = [sys.executable, "-m", "build", "--installer", "uv", "--outdir", str(out), *arguments, str(folder)]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        raise click.ClickException(f"{' '.join(command)}\n{done.stdout}{done.stderr}")


def stable_abis(root: Path, quick: bool) -> list[str]:
    """Return the crate's features to build with, the running Python's last."""
    features = [name for name in read_toml(Project.load(root).manifest).get("features", {}) if name.startswith("abi3-")]
    running = abi_feature(features, sys.version_info[:2], free_threaded=False)
    return [running] if quick and running else features


def archives(source: Path, wheels_from: Path | None, out: Path, features: list[str]) -> dict[str, str]:
    """Build everything and return the sha256 of each file by its name."""
    out.mkdir(parents=True)
    build(source, out, "--sdist")
    tree = source
    if wheels_from is not None:
        with tarfile.open(next(out.glob("*.tar.gz"))) as sdist:
            sdist.extractall(wheels_from, filter="data")
        (tree,) = wheels_from.iterdir()
    offline = wheels_from is not None
    build(tree, out, "--wheel", "-Cuniversal=true")
    for feature in features:
        click.echo(f"  {feature} in {tree.parent.name}", err=True)
        build(tree, out, "--wheel", f"-Cmaturin.build-args=--features {feature}", offline=offline)
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(out.iterdir())}


@click.command(epilog="Exit codes: 0 all equal; 1 something differs or did not build.")
@click.option("--quick", is_flag=True, help="One native wheel instead of one for each stable ABI.")
@click.option("--keep", type=click.Path(path_type=Path), help="Work in this new folder and leave it there.")
def main(quick: bool, keep: Path | None) -> None:
    """Build the commit twice and print both sha256 sums of every file."""
    root = Path.cwd()
    features = stable_abis(root, quick)
    with tempfile.TemporaryDirectory() as scratch:
        top = (keep or Path(scratch)).resolve()
        first, second = top / "a", top / "another-folder" / "with a longer name"
        for folder in (first / "tree", second / "tree"):
            subprocess.run(["git", "clone", "--quiet", "--", str(root), str(folder)], check=True)
        one = archives(first / "tree", None, first / "dist", features)
        two = archives(second / "tree", second / "unpacked", second / "dist", features)
    for name in sorted(one.keys() | two.keys()):
        word = "equal" if one.get(name) == two.get(name) else "DIFFERENT"
        click.echo(f"{name}: {word}\n  {one.get(name, 'not built')}\n  {two.get(name, 'not built')}")
    if one != two:
        raise click.ClickException("two builds of one commit differ; compare them with diffoscope (--keep FOLDER)")
    click.echo(f"{len(one)} files, each built twice, are bit-identical")


if __name__ == "__main__":
    main()
