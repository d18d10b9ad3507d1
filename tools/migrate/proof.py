"""`python -m tools.migrate.proof`: migrate real SkyPilot trees, and prove that they still work.

For each version, in an environment of its own: install it, install this package over it, note which modules
import, migrate the installed tree, and require that the same modules import, that every migrated module
reaches the replacement, that a second run finds nothing, that the differential run finds no difference, and that
undoing restores every byte.

Exit codes: 0 all proved · 1 something differs.
"""

from __future__ import annotations

import dataclasses
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from benchmarks.environment import reference_python
from tools import dropin
from tools.migrate import engine, undo
from tools.migrate.files import module_name
from tools.migrate.progress import scanning
from tools.migrate.report import counts
from tools.performance_report import publish

ROOT = Path(__file__).resolve().parents[2]
PUBLISHED = Path("benchmarks", "published-migration.json")
PAGE = Path("docs", "migrate.md")
VERSIONS = ("0.10.5", "0.14.1")
_IMPORT = """
import importlib, json, sys
found = []
for name in json.load(sys.stdin):
    try:
        importlib.import_module(name)
        found.append([name, None])
    except Exception as error:
        found.append([name, type(error).__name__ + ": " + str(error)])
sys.stdout = sys.__stdout__
print("\\n" + json.dumps(found))
"""
_REACHES = """
import importlib, json, sys
import sky.utils.rust_fallback as new
lost = []
for name in json.load(sys.stdin):
    module = importlib.import_module(name)
    values = list(vars(module).values())
    functions = {id(getattr(new, n)) for n in new.FUNCTIONS}
    if not any(value is new or id(value) in functions for value in values):
        lost.append(name)
print("\\n" + json.dumps(lost))
"""


@dataclasses.dataclass(frozen=True)
class Proof:
    """What was seen of one version: counts, the seconds of the scan, the comparisons made, and whether all held."""

    version: str
    scanned: int
    rewritten: int
    moved: int
    left: int
    unusable: int
    seconds: float
    callers: int
    own: int
    held: bool


@click.command(context_settings={"help_option_names": ["-h", "--help"]})
@click.argument("versions", nargs=-1)
@click.option("--cases", default=300, show_default=True, help="Differential cases per function.")
@click.option("--publish", "publishing", is_flag=True, help="Put the table into the documentation.")
def main(versions: tuple[str, ...], cases: int, publishing: bool) -> None:
    """Migrate SkyPilot VERSIONS (0.10.5 and 0.14.1) and prove that nothing broke."""
    settings = dropin.load(ROOT / "pyproject.toml")
    settings = dataclasses.replace(settings, requirements=(*settings.requirements, "numpy"))
    wheel = _wheel()
    proofs = [dataclasses.asdict(_prove(settings, version, wheel, cases)) for version in versions or VERSIONS]
    click.echo(f"\n{table(proofs)}")
    if not all(proof["held"] for proof in proofs):
        sys.exit(1)
    if publishing:
        (ROOT / PUBLISHED).write_text(json.dumps(proofs, indent=1) + "\n", encoding="utf-8")
        publish.fill(ROOT / PAGE, table(proofs))
        click.echo(f"published in {PUBLISHED} and {PAGE}", err=True)


def table(proofs: Sequence[Mapping[str, Any]]) -> str:
    """Return what was seen as a Markdown table."""
    lines = [
        "| SkyPilot | files scanned | rewritten | uses moved | left alone | not usable | scan | "
        "comparisons: new functions, own functions | differences | undone |",
        "|---|---:|---:|---:|---:|---:|---:|---:|---:|---|",
    ]
    lines += [
        f"| {one['version']} | {one['scanned']} | {one['rewritten']} | {one['moved']} | {one['left']} | "
        f"{one['unusable']} | {one['seconds']:.0f} s | {one['callers']:,}, {one['own']:,} | "
        f"{'0 | every byte' if one['held'] else 'see above | see above'} |"
        for one in proofs
    ]
    return "\n".join(lines)


def _wheel() -> Path:
    folder = ROOT / "build" / "migration"
    folder.mkdir(parents=True, exist_ok=True)
    for old in folder.glob("*.whl"):
        old.unlink()
    click.echo("building this checkout's wheel", err=True)
    _run([sys.executable, "-m", "pip", "wheel", "--quiet", "--no-deps", "--wheel-dir", str(folder), str(ROOT)])
    (wheel,) = folder.glob("*.whl")
    return wheel


def _environment(settings: dropin.DropIn, version: str, name: str) -> Path:
    """Return the interpreter of an environment with that SkyPilot; those of the same `name` share a folder."""
    wanted = dataclasses.replace(settings, reference=f"{settings.reference.partition('==')[0]}=={version}")
    return reference_python(wanted, ROOT / "build" / "environments" / name)


def _prove(settings: dropin.DropIn, version: str, wheel: Path, cases: int) -> Proof:
    """Migrate one version; print what happened and return it."""
    python = _environment(settings, version, "migrated")
    _run([str(python), "-m", "pip", "install", "--quiet", "--no-deps", "--force-reinstall", str(wheel)])
    tree = Path(_run([str(python), "-c", "import sky; print(sky.__path__[0])"]).strip().splitlines()[-1])
    while (tree / ".migrate-undo").is_dir():  # an earlier run that was interrupted
        undo.take_back(tree)
    before = _digest(tree)
    started = time.monotonic()
    result = _scan(settings, tree)
    took = time.monotonic() - started
    number = counts(result)
    click.echo(
        f"skypilot {version}: {result.scanned} files scanned in {took:.1f} s, {len(result.changes)} rewritten "
        f"({number['moves']} uses), {number['stays']} uses left alone, {len(result.problems)} files not usable"
    )
    modules = [module_name(Path(change.file), tree)[0] for change in result.changes]
    homes = sorted(settings.homes)
    imported = _ask(python, _IMPORT, [*modules, *homes])
    try:
        undo.write(tree, result.changes)
        held = [
            _same("modules import as before", imported, _ask(python, _IMPORT, [*modules, *homes])),
            _same("migrated modules that miss the replacement", [], _ask(python, _REACHES, modules)),
            _same("a second run finds", 0, len(_scan(settings, tree).changes)),
        ]
        (callers, alike), (own, own_alike) = _differential(settings, version, python, tree, cases)
    finally:
        undo.take_back(tree)
    held += [alike, own_alike, _same("undone, the tree is as before", before, _digest(tree))]
    return Proof(
        version,
        scanned=result.scanned,
        rewritten=len(result.changes),
        moved=number["moves"],
        left=number["stays"],
        unusable=len(result.problems),
        seconds=round(took, 1),
        callers=callers,
        own=own,
        held=all(held),
    )


def _scan(settings: dropin.DropIn, tree: Path) -> engine.Result:
    """Look for what can move in a SkyPilot tree, our own modules aside."""
    with scanning() as progress:
        return engine.run(settings, [tree], exclude=["utils/rust_*.py"], progress=progress)


def _differential(
    settings: dropin.DropIn, version: str, python: Path, tree: Path, cases: int
) -> list[tuple[int, bool]]:
    """Run the differential cases on a migrated tree: what its callers reach now, and the originals beside it.

    Returns the comparisons made by each run, and whether it found nothing.
    """
    texts = [(tree / Path(*home.split(".")[1:])).with_suffix(".py").read_text() for home in settings.homes]
    present = [name for name in settings.functions if any(f"def {name}(" in text for text in texts)]
    chosen = [word for name in present for word in ("--function", name)]
    first = settings.reference.partition("==")[2]
    runs = {
        "the replacement that callers now reach": (first, []),
        f"the tree's own {len(present)} functions": (
            version,
            [*chosen, "--original", "--candidate-modules", ",".join(sorted(settings.homes))],
        ),
    }
    found = []
    for name, (reference, more) in runs.items():
        command = [sys.executable, "-m", "tests.oracle", "--cases", str(cases), "--seed", "1", *more]
        command += ["--candidate-python", str(python)]
        command += ["--reference-python", str(_environment(settings, reference, ""))]
        done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
        last = (done.stdout.strip().splitlines() or ["no output"])[-1]
        compared = sum(_cases(line) for line in done.stdout.splitlines())
        click.echo(f"  {name}: {compared:,} comparisons, {last}")
        found.append((compared, done.returncode == 0))
        if done.returncode != 0:
            click.echo((done.stdout + done.stderr)[-4000:])
    return found


def _cases(line: str) -> int:
    """Return the compared cases of one line of the differential run's table."""
    words = line.split()
    return int(words[1]) if len(words) == 4 and all(word.isdigit() for word in words[1:]) else 0


def _same(what: str, expected: Any, found: Any) -> bool:
    held = bool(expected == found)
    detail = f"{len(found)} checked" if isinstance(found, list) and expected else ""
    click.echo(f"  {what}: {'yes' if held else 'NO'} {detail}".rstrip() if expected else f"  {what}: {found or 'none'}")
    if not held:
        click.echo(f"    expected {str(expected)[:1500]}\n    found    {str(found)[:1500]}")
    return held


def _ask(python: Path, code: str, names: Sequence[str]) -> list[Any]:
    done = subprocess.run(
        [str(python), "-I", "-c", code], input=json.dumps(list(names)), capture_output=True, text=True, check=False
    )
    if done.returncode != 0:
        raise click.ClickException(done.stderr[-2000:])
    answer: list[Any] = json.loads(done.stdout.strip().splitlines()[-1])
    return answer


def _digest(tree: Path) -> str:
    summary = hashlib.sha256()
    for path in sorted(tree.rglob("*.py")):
        summary.update(f"{path.relative_to(tree)}\0".encode() + path.read_bytes())
    return summary.hexdigest()


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode != 0:
        raise click.ClickException(f"{' '.join(command)} failed:\n{(done.stderr or done.stdout)[-2000:]}")
    return done.stdout


if __name__ == "__main__":
    main(prog_name="python -m tools.migrate.proof")
