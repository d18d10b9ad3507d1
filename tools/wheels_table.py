"""Write the table of platforms, Pythons and files in docs/wheels.md, from the configuration.

python -m tools.wheels_table           write it
python -m tools.wheels_table --check   exit 1 when it is out of date
"""

from __future__ import annotations

from pathlib import Path

import click

from release import dist

PAGE = Path("docs/wheels.md")
BEGIN, END = "<!-- table: python -m tools.wheels_table -->\n", "<!-- end of table -->\n"
SYSTEMS = {"linux": "Linux", "macos": "macOS", "windows": "Windows"}


def table(found: dist.Distribution) -> str:
    """Return the table as Markdown; VERSION stands for the version, so that it does not change with each release."""
    rows = ["| System | Python, tested on each | File |", "|---|---|---|"]
    rows.append(f"| any | 3.8 and later, without Rust | `{generic(found, f'{found.stem}-py3-none-any.whl')}` |")
    rows.append(f"| any, from source | 3.8 and later | `{generic(found, f'{found.stem}.tar.gz')}` |")
    for job in found.jobs:
        for archive in job.archives:
            libc = {"manylinux": ", glibc", "musllinux": ", musl"}.get(archive.platform.partition("_")[0], "")
            pythons = ", ".join(python(identifier) for identifier in archive.tested)
            rows.append(f"| {SYSTEMS[job.system]} {job.arch}{libc} | {pythons} | `{generic(found, archive.name)}` |")
    return "\n".join(rows) + "\n"


def generic(found: dist.Distribution, name: str) -> str:
    """Return a file's name without the number of the version."""
    return name.replace(f"-{found.version}", "-VERSION", 1)


def python(identifier: str) -> str:
    """Return `3.14t` for `cp314t-...`."""
    return f"3.{identifier.partition('-')[0].removeprefix('cp3')}"


def updated(page: str, found: dist.Distribution) -> str:
    """Return the page with the table between its marks."""
    before, begin, rest = page.partition(BEGIN)
    _, end, after = rest.partition(END)
    if not begin or not end:
        raise click.ClickException(f"{PAGE} has lost the marks of its table")
    return f"{before}{begin}\n{table(found)}\n{end}{after}"


@click.command(epilog="Exit codes: 0 up to date, or written; 1 out of date.")
@click.option("--check", is_flag=True, help="Only look.")
def main(check: bool) -> None:
    """Write the table of files in docs/wheels.md."""
    page = PAGE.read_text(encoding="utf-8")
    new = updated(page, dist.load(Path.cwd()))
    if check and new != page:
        raise click.ClickException(f"{PAGE} is out of date: python -m tools.wheels_table")
    PAGE.write_text(new, encoding="utf-8")


if __name__ == "__main__":
    main()
