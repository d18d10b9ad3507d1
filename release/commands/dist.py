"""`python -m release dist`: the files a release must have, and the jobs that build them."""

from __future__ import annotations

import json
from pathlib import Path

import click
from packaging.version import InvalidVersion, Version

from release import dist as distribution
from release.cli import Context, global_options, print_json
from release.dist_verify import verify
from release.errors import Refused, Usage


@click.command(
    epilog="""\b
Examples:
  python -m release dist --expected                 the files, one a line
  python -m release dist --expected --version 1.2.0
  python -m release dist --matrix                   for strategy.matrix: ${{ fromJSON(...) }}
  python -m release dist --verify dist              exit 0 when the folder holds exactly that, 1 otherwise"""
)
@click.option("--expected", "wish", flag_value="expected", help="Print the names of the files.")
@click.option("--matrix", "wish", flag_value="matrix", help="Print the jobs that build them, as JSON on one line.")
@click.option("--verify", "folder", metavar="DIR", help="Compare DIR with that set and look into each file.")
@click.option("--version", "version", metavar="VERSION", help="Stand-in for the version in the sources.")
@global_options
@click.pass_obj
def dist(context: Context, wish: str | None, folder: str | None, version: str | None) -> None:
    """Say which files a release must have, from [tool.cibuildwheel] and the crate's features.

    With --format json the keys are `files`, and for --verify also `problems`.
    """
    if (wish is None) == (folder is None):
        raise Usage.because("usage", "give one of --expected, --matrix and --verify DIR", "see --help")
    try:
        parsed = Version(version) if version is not None else None
    except InvalidVersion:
        raise Usage.because("bad-version", f"{version!r} is not a version", "for example 1.2.0 or 1.2.0rc1") from None
    found = distribution.load(Path(context.repo), parsed)
    names = [archive.name for archive in found.archives()]
    if wish == "matrix":
        click.echo(json.dumps(found.matrix()))
    elif wish == "expected":
        if context.json:
            tested = {archive.name: list(archive.tested) for archive in found.archives()}
            print_json({"files": names, "version": str(found.version), "tested": tested})
        else:
            click.echo("\n".join(names))
    elif folder is not None:
        problems = verify(found, Path(folder))
        if problems:
            raise Refused(problems)
        if context.json:
            print_json({"files": names, "problems": []})
        else:
            click.echo(f"{folder}: exactly the {len(names)} files of {found.name} {found.version}")
