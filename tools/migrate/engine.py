"""Run the whole migration: find files, scan them in parallel, decide, and compute the new bytes."""

from __future__ import annotations

import multiprocessing
import os
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, replace
from pathlib import Path

from tools.dropin import DropIn
from tools.migrate import edits, files
from tools.migrate.facts import FileFacts, Wanted
from tools.migrate.resolve import FOLLOWS, MOVES, STAYS, Finding, reexported_names, resolve
from tools.migrate.scan import scan

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class Change:
    """The old and the new bytes of one file."""

    file: str
    before: bytes
    after: bytes


@dataclass(frozen=True)
class Result:
    """What a migration found and would change; nothing is written yet."""

    scanned: int
    findings: list[Finding]
    changes: list[Change]
    problems: list[tuple[str, str]]


def run(
    settings: DropIn,
    paths: Sequence[Path],
    *,
    exclude: Sequence[str] = (),
    jobs: int = 0,
    progress: Progress = lambda _done, _total: None,
) -> Result:
    """Scan `paths` and work out every change; files that cannot be read or parsed are reported."""
    wanted = Wanted(
        frozenset(settings.functions),
        frozenset(settings.homes),
        frozenset(path for function in settings.functions.values() for path in function.unseen),
        settings.replacement,
    )
    roots = {str(found): path for path in paths for found in files.find([path], exclude)}
    facts = _scan_all(roots, wanted, jobs, progress)
    for _ in range(5):  # a re-export under a new name may itself be re-exported
        more = reexported_names(settings, _usable(facts)) - wanted.names
        if not more:
            break
        wanted = replace(wanted, names=wanted.names | more)
        facts.update(_scan_all(roots, wanted, jobs, progress))
    problems = sorted((file, found.problem) for file, found in facts.items() if found and found.problem)
    usable = _usable(facts)
    findings = resolve(settings, usable)
    findings, changes, more_problems = _changes(settings, usable, findings)
    return Result(len(roots), findings, changes, sorted([*problems, *more_problems]))


def _usable(facts: dict[str, FileFacts | None]) -> dict[str, FileFacts]:
    return {file: found for file, found in sorted(facts.items()) if found is not None and not found.problem}


def _scan_all(roots: dict[str, Path], wanted: Wanted, jobs: int, progress: Progress) -> dict[str, FileFacts | None]:
    """Scan every file; None for those that mention nothing of interest."""
    found: dict[str, FileFacts | None] = {}
    chunks = _chunks(list(roots.items()), 16)
    workers = min(jobs or os.cpu_count() or 1, len(chunks))
    if workers <= 1:
        for chunk in chunks:
            found.update(_scan_chunk(chunk, wanted))
            progress(len(found), len(roots))
        return found
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(workers, mp_context=context) as pool:
        for future in as_completed([pool.submit(_scan_chunk, chunk, wanted) for chunk in chunks]):
            found.update(future.result())
            progress(len(found), len(roots))
    return found


def _chunks(items: list[tuple[str, Path]], size: int) -> list[list[tuple[str, Path]]]:
    return [items[start : start + size] for start in range(0, len(items), size)]


def _scan_chunk(chunk: Iterable[tuple[str, Path]], wanted: Wanted) -> dict[str, FileFacts | None]:
    return {file: _scan_one(Path(file), root, wanted) for file, root in chunk}


def _scan_one(path: Path, root: Path, wanted: Wanted) -> FileFacts | None:
    module, is_package = files.module_name(path, root)
    try:
        data = files.read(path)
        if not wanted.mentioned_in(data):
            return None
        source = files.decode(data)
    except files.UnreadableError as error:
        return FileFacts(module, problem=f"cannot be read: {error}")
    return scan(source, module, is_package, wanted)


def _changes(
    settings: DropIn, facts: dict[str, FileFacts], findings: list[Finding]
) -> tuple[list[Finding], list[Change], list[tuple[str, str]]]:
    """Compute the new bytes of each file; names whose import cannot move stay with it."""
    settled: list[Finding] = []
    changes: list[Change] = []
    problems: list[tuple[str, str]] = []
    grouped: dict[str, list[Finding]] = {}
    for finding in findings:
        grouped.setdefault(finding.file, []).append(finding)
    for file, group in grouped.items():
        before = files.read(Path(file))
        source = files.decode(before)
        planned, refused = edits.plan(source.text, facts[file], group, settings.replacement)
        group = _settle(group, refused)
        try:
            after = source.encode(edits.apply(source.text, planned))
        except (edits.OverlapError, UnicodeEncodeError) as error:
            problems.append((file, f"not changed: {error}"))
            group = [_stay(finding, str(error)) if finding.fate == MOVES else finding for finding in group]
            after = before
        settled += group
        if after != before:
            changes.append(Change(file, before, after))
    return settled, changes, problems


def _settle(group: list[Finding], refused: dict[int, str]) -> list[Finding]:
    """Let the uses of an imported name share the fate of their import."""
    reasons = dict(refused)
    imports: dict[tuple[int, str], Finding] = {}
    for finding in group:
        if finding.use.kind == "import":
            if finding.fate == STAYS:
                reasons.setdefault(finding.use.statement, finding.reason)
            imports[(finding.use.statement, finding.function)] = finding
    settled = []
    for finding in group:
        kind, statement = finding.use.kind, finding.use.statement
        if kind == "import" and finding.fate == MOVES and statement in refused:
            finding = _stay(finding, refused[statement])
        elif kind == "name" and finding.fate == FOLLOWS:
            origin = imports.get((statement, finding.function))
            if origin is not None and (origin.fate == STAYS or statement in refused):
                finding = _stay(finding, reasons[statement])
        settled.append(finding)
    return settled


def _stay(finding: Finding, reason: str) -> Finding:
    return replace(finding, fate=STAYS, reason=reason)
