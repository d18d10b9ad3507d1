"""Check a release after it was published: same bytes, attested, installable, and healthy.

    python -m tools.postcheck dist      (the folder of what was built)

Downloads every file of this version from the index, compares it with the one built, verifies its attestation
(PEP 740), then installs the package by name into a new environment and runs its doctor.
"""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
import tempfile
import time
import venv
from pathlib import Path

import click
import requests

from release import dist

INDEX = "https://pypi.org"
CHUNK = 1 << 20


def published(index: str, name: str, version: str, *, patience: float) -> dict[str, dict[str, str]]:
    """Return the index's files of one version by name, each with `url` and `sha256`.

    A new version takes a moment to appear: until `patience` seconds have passed the index is asked again.
    """
    deadline = time.monotonic() + patience
    while True:
        headers = {"Accept": "application/vnd.pypi.simple.v1+json", "Cache-Control": "no-cache"}
        answer = requests.get(f"{index}/simple/{name}/", headers=headers, timeout=60)
        if answer.ok:
            prefix = f"{name.replace('-', '_')}-{version}"
            try:
                found = {
                    file["filename"]: {"url": file["url"], "sha256": file["hashes"].get("sha256", "")}
                    for file in answer.json()["files"]
                    if file["filename"].startswith((f"{prefix}-", f"{prefix}.tar"))
                }
            except (ValueError, TypeError, LookupError, AttributeError) as error:
                raise click.ClickException(f"{index} does not answer as PEP 691 says: {error!r}") from error
            if found:
                return found
        if time.monotonic() > deadline:
            raise click.ClickException(f"{index} does not have {name} {version} (status {answer.status_code})")
        time.sleep(10)


def download(url: str, path: Path) -> str:
    """Fetch one file and return its sha256."""
    digest = hashlib.sha256()
    with requests.get(url, timeout=60, stream=True) as answer, path.open("wb") as file:
        answer.raise_for_status()
        for chunk in answer.iter_content(CHUNK):
            digest.update(chunk)
            file.write(chunk)
    return digest.hexdigest()


def compare(folder: Path, files: dict[str, dict[str, str]], into: Path) -> list[str]:
    """Return what differs between the files built and those published."""
    wrong = [f"{name} was published and not built here" for name in files if not (folder / name).is_file()]
    for path in sorted(folder.iterdir()):
        if path.name not in files:
            wrong.append(f"{path.name} was built and not published")
            continue
        ours = hashlib.sha256(path.read_bytes()).hexdigest()
        theirs = download(files[path.name]["url"], into / path.name)
        click.echo(f"{theirs}  {path.name}")
        if {ours, theirs, files[path.name]["sha256"]} != {ours}:
            wrong.append(f"{path.name}: built {ours}, published {theirs}, the index says {files[path.name]['sha256']}")
    return wrong


def install_and_ask(name: str, version: str, folder: Path) -> None:
    """Install the package from the index by name and run its doctor there."""
    venv.create(folder, with_pip=True)
    python = folder / ("Scripts/python.exe" if os.name == "nt" else "bin/python")
    steps = (
        ["-m", "pip", "install", "--no-cache-dir", "--only-binary", ":all:", f"{name}=={version}"],
        ["-m", "sky.utils.rust_fallback"],
    )
    for step in steps:
        done = subprocess.run([str(python), "-I", *step], cwd=folder, check=False)
        if done.returncode:
            raise click.ClickException(f"{' '.join(step[:3])} ended with {done.returncode}")


@click.command(epilog="Exit codes: 0 what users get is what was built; 1 it is not.")
@click.argument("folder", type=click.Path(exists=True, file_okay=False, path_type=Path), default=Path("dist"))
@click.option("--index", default=INDEX, show_default=True, help="Address of the package index.")
@click.option("--patience", default=300.0, show_default=True, help="Seconds to wait for the version to appear.")
@click.option(
    "--repository", help="Verify that this repository's workflow attested each file (https://github.com/...)."
)
def main(folder: Path, index: str, patience: float, repository: str | None) -> None:
    """Compare what is on the index with FOLDER, and use it as a user would."""
    found = dist.load(Path.cwd())
    version = str(found.version)
    files = published(index, found.name, version, patience=patience)
    with tempfile.TemporaryDirectory() as scratch:
        wrong = compare(folder, files, Path(scratch))
        if wrong:
            raise click.ClickException("\n".join(wrong))
        if repository:
            for name in sorted(files):
                command = [sys.executable, "-m", "pypi_attestations", "verify", "pypi", "--repository", repository]
                if subprocess.run([*command, f"pypi:{name}"], check=False).returncode:
                    raise click.ClickException(f"{name} has no valid attestation of {repository}")
        else:
            click.echo("attestations were NOT verified: no --repository given", err=True)
        install_and_ask(found.name, version, Path(scratch) / "environment")
    click.echo(f"{len(files)} files of {found.name} {version} on {index} are the ones that were built")


if __name__ == "__main__":
    main()
