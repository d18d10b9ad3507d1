"""Count units of evidence for the rollout's gate. Off unless asked for, and never in the caller's way.

A unit is a process (a long-lived one that publishes to Prometheus starts a new unit every day). It is `started`,
and then `finished` or, when it died without a word (abort, SIGKILL), `crashed`; a finished unit may also have had
an `error` (an unhandled exception, an internal error of native code, or `mark_error()`) or taken a `fallback`.

Ask for it with `SKYPILOT_RUST_EVIDENCE=FOLDER` or `start(FOLDER)`. The folder holds `evidence.json`, the totals,
and one small file for each living unit, locked by its process: the lock goes when the process goes, so whoever
comes next finds the crash. `export()` shows the totals to prometheus_client, which is imported only there.
No host name, user id or key is written anywhere. Standard library only until asked.
"""

# ruff: noqa: PTH100, PTH103, PTH105, PTH108, PTH111, PTH118, PTH123, PTH208
from __future__ import annotations

import atexit
import contextlib
import json
import os
import sys
import threading
import time

from sky.utils import rust_rollout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from typing import Any, TypeVar

    Result = TypeVar("Result")
    Row = dict[str, Any]
    Document = dict[str, Any]
    Calls = dict[str, dict[str, int]]

VARIABLE = "SKYPILOT_RUST_EVIDENCE"
OUTCOMES = ("started", "finished", "crashed", "error", "fallback")
CALLS = ("native_calls", "fallbacks", "internal_errors")
DAY = 86_400
_TOTALS, _LOCK, _UNIT = "evidence.json", "evidence.lock", "unit-"
_MOST_ROWS = 32
_LARGEST = 1 << 20
_PATIENCE = 0.5  # seconds a process waits for the folder's lock before it goes on uncounted


class Unit:
    """The unit of this process: its labels, its locked file, and what it has counted so far."""

    def __init__(self, folder: str, labels: Row) -> None:
        self.folder = folder
        self.labels = labels
        self.pid = os.getpid()
        self.began = time.monotonic()
        self.error = False
        self.descriptor = -1
        self.path = ""
        self.calls_before = self.calls_told = _stats()


_unit: Unit | None = None
_publish: Callable[[Row, dict[str, int], Calls], None] | None = None
_ticker: threading.Event | None = None
_hooked = False


def start(folder: str | None = None) -> bool:
    """Begin to count this process as a unit; `folder` defaults to `SKYPILOT_RUST_EVIDENCE`.

    Returns whether it counts. A process whose backend somebody chose by hand does not: it is no evidence about
    the rollout. Failures are silent by design and mean that the unit is not counted.
    """
    return _quietly(_start, folder or os.environ.get(VARIABLE, ""), default=False)


def mark_error() -> None:
    """Say that this unit went wrong in a way the application noticed."""
    if _unit is not None:
        _unit.error = True


def finish() -> None:
    """End the unit of this process; done by itself when the interpreter exits."""
    _quietly(_finish, default=None)


def read(folder: str) -> Document:
    """Return the totals of a folder, with crashes of units that died since. Raises OSError, ValueError."""
    with _locked(folder):
        document = _load(folder)
        if _reap(folder, document):
            _store(folder, document)
    return document


def export(folder: str | None = None, registry: Any = None, interval: float = 15.0) -> bool:
    """Show the totals to prometheus_client; opens no socket. Returns whether it worked.

    With `PROMETHEUS_MULTIPROC_DIR` set, as SkyPilot's API server has it, every process adds its own counts to
    prometheus_client's files, every `interval` seconds; else one collector reads `folder` at every scrape.
    """
    return _quietly(_export, folder or os.environ.get(VARIABLE, ""), registry, interval, default=False)


def _quietly(function: Callable[..., Result], *arguments: Any, default: Result) -> Result:
    """Evidence may be lost; the caller may not."""
    try:
        return function(*arguments)
    except Exception as error:
        with contextlib.suppress(Exception):
            import logging

            logging.getLogger(__name__).debug("no evidence: %s: %s", type(error).__name__, error)
        return default


def _labels() -> Row | None:
    """The unit's row, by intention to treat: the cohort is what the rollout said, native module or not."""
    fallback = sys.modules.get("sky.utils.rust_fallback")
    decision = getattr(fallback, "_decision", None) or rust_rollout.decide()
    if decision.rollout_id is None or decision.percent is None:
        return None
    cohort = "rust" if decision.rust_wanted else "python"
    return {"rollout": decision.rollout_id, "percent": f"{decision.percent:g}", "cohort": cohort}


def _start(folder: str) -> bool:
    global _unit, _hooked
    if not folder:
        return False
    if _unit is not None and _unit.pid == os.getpid():
        return True
    labels = _labels()
    if labels is None:
        return False
    folder = os.path.abspath(os.path.expanduser(folder))
    os.makedirs(folder, exist_ok=True)
    unit = Unit(folder, labels)
    with _locked(folder):
        document = _load(folder)
        dead = _reap(folder, document)
        unit.path = os.path.join(folder, f"{_UNIT}{unit.pid}-{os.urandom(4).hex()}")
        unit.descriptor = os.open(unit.path, os.O_CREAT | os.O_EXCL | os.O_RDWR, 0o600)
        if not _try_lock(unit.descriptor):
            raise OSError("cannot lock files here")
        os.write(unit.descriptor, b" " + json.dumps(labels).encode())  # the first byte is the one Windows locks
        _add(document, labels, {"started": 1})
        _store(folder, document)
    _unit = unit
    _tell(labels, {"started": 1}, {})
    for row in dead:
        _tell(row, {"crashed": 1}, {})
    if not _hooked:
        _hooked = True
        atexit.register(finish)
        _watch_exceptions()
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=_forget)
    return True


def _finish() -> None:
    global _unit
    unit, _unit = _unit, None
    if unit is None or unit.pid != os.getpid():
        return
    now = _stats()
    calls = _rise(now, unit.calls_before)
    counts = _outcome(unit, calls)
    with _locked(unit.folder):
        document = _load(unit.folder)
        _add(document, unit.labels, counts)
        _add_calls(document, unit.labels, calls)
        _store(unit.folder, document)
        os.close(unit.descriptor)
        os.unlink(unit.path)
    _tell(unit.labels, counts, _rise(now, unit.calls_told))


def _forget() -> None:
    """In a forked child: the unit is the parent's. A child that wants to count calls start() itself."""
    global _unit, _ticker
    if _unit is not None:
        with contextlib.suppress(OSError):
            os.close(_unit.descriptor)  # the parent's own descriptor keeps the lock
    _unit = _ticker = None


def _watch_exceptions() -> None:
    previous = sys.excepthook

    def hook(kind: Any, value: Any, trace: Any) -> None:
        mark_error()
        previous(kind, value, trace)

    sys.excepthook = hook


def _stats() -> Calls:
    fallback = sys.modules.get("sky.utils.rust_fallback")
    found: Calls = fallback.stats() if hasattr(fallback, "stats") else {}  # type: ignore[union-attr]
    return found


def _rise(now: Calls, before: Calls) -> Calls:
    return {name: {kind: row[kind] - before.get(name, {}).get(kind, 0) for kind in CALLS} for name, row in now.items()}


def _outcome(unit: Unit, calls: Calls) -> dict[str, int]:
    """Return how a unit that ends now has gone."""
    fallback = sys.modules.get("sky.utils.rust_fallback")
    missing = unit.labels["cohort"] == "rust" and getattr(fallback, "_native", unit) is None
    error = unit.error or any(row["internal_errors"] for row in calls.values())
    return {
        "finished": 1,
        "error": int(error),
        "fallback": int(missing or any(row["fallbacks"] for row in calls.values())),
    }


def _reap(folder: str, document: Document) -> list[Row]:
    """Count every unit whose process is gone as crashed, and return their rows. The folder is locked."""
    dead = []
    for name in os.listdir(folder):
        if not name.startswith(_UNIT) or (_unit is not None and os.path.join(folder, name) == _unit.path):
            continue
        path = os.path.join(folder, name)
        with contextlib.suppress(OSError, ValueError, KeyError):
            descriptor = os.open(path, os.O_RDWR)
            try:
                if not _try_lock(descriptor):
                    continue
                row = json.loads(os.pread(descriptor, 4096, 0) if hasattr(os, "pread") else os.read(descriptor, 4096))
                labels = {key: str(row[key])[:128] for key in ("rollout", "percent", "cohort")}
                _add(document, labels, {"crashed": 1})
                dead.append(labels)
            finally:
                os.close(descriptor)
                os.unlink(path)
    return dead


def _load(folder: str) -> Document:
    try:
        with open(os.path.join(folder, _TOTALS), "rb") as file:
            document = json.loads(file.read(_LARGEST))
        if document["evidenceSchema"] == 1 and isinstance(document["rows"], list):
            return dict(document)
    except (OSError, ValueError, LookupError, TypeError, RecursionError):
        pass  # none yet, or spoilt: counting begins again, as a counter does after a restart
    return {"evidenceSchema": 1, "rows": [], "calls": []}


def _store(folder: str, document: Document) -> None:
    path = os.path.join(folder, _TOTALS)
    with open(path + ".new", "w", encoding="utf-8") as file:
        json.dump(document, file, indent=1, sort_keys=True)
    os.replace(path + ".new", path)


def _row(rows: list[Row], labels: Row, names: Iterable[str]) -> Row:
    for row in rows:
        if all(row.get(key) == value for key, value in labels.items()):
            return row
    row = {**labels, **dict.fromkeys(names, 0)}
    rows.append(row)
    del rows[:-_MOST_ROWS]
    return row


def _add(document: Document, labels: Row, counts: dict[str, int]) -> None:
    row = _row(document["rows"], labels, OUTCOMES)
    for name, value in counts.items():
        row[name] += value


def _add_calls(document: Document, labels: Row, calls: Calls) -> None:
    row = _row(document.setdefault("calls", []), labels, ())
    for function, counts in calls.items():
        into = row.setdefault(function, dict.fromkeys(CALLS, 0))
        for kind, value in counts.items():
            into[kind] += value


@contextlib.contextmanager
def _locked(folder: str) -> Iterator[None]:
    """Hold the folder's lock; raise OSError when somebody else keeps it too long."""
    descriptor = os.open(os.path.join(folder, _LOCK), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        deadline = time.monotonic() + _PATIENCE
        while not _try_lock(descriptor):
            if time.monotonic() > deadline:
                raise OSError("the evidence folder is locked")
            time.sleep(0.005)
        yield
    finally:
        os.close(descriptor)


def _try_lock(descriptor: int) -> bool:
    try:
        if sys.platform == "win32":
            import msvcrt

            msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
        else:
            import fcntl

            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        return False
    return True


def _tell(labels: Row, counts: dict[str, int], calls: Calls) -> None:
    if _publish is not None:
        _quietly(_publish, labels, counts, calls, default=None)


def _export(folder: str, registry: Any, interval: float) -> bool:
    global _publish
    from sky.utils import rust_metrics

    if os.environ.get("PROMETHEUS_MULTIPROC_DIR"):
        folder = folder or os.path.join(os.environ["PROMETHEUS_MULTIPROC_DIR"], "sky-rs-units")
        if _publish is None:
            _publish = rust_metrics.counters(registry)
        counted = _unit is not None and _unit.pid == os.getpid()
        if not counted and not _start(folder):
            return False
        if counted and _unit is not None:
            _tell(_unit.labels, {"started": 1}, {})
        _tick(interval)
        return True
    if not folder:
        return False
    os.makedirs(folder, exist_ok=True)
    rust_metrics.register(lambda: read(folder), registry)
    return True


def _tick(interval: float) -> None:
    """Tell the calls every `interval` seconds, and turn a unit that is a day old into a new one."""
    global _ticker
    if _ticker is not None:
        return
    stop = _ticker = threading.Event()

    def run() -> None:
        while not stop.wait(interval):
            unit = _unit
            if unit is None or unit.pid != os.getpid():
                return
            if time.monotonic() - unit.began >= DAY:
                finish()
                start(unit.folder)
            else:
                _quietly(_tell_calls, unit, default=None)

    threading.Thread(target=run, name="sky-rs-evidence", daemon=True).start()


def _tell_calls(unit: Unit) -> None:
    now = _stats()
    _tell(unit.labels, {}, _rise(now, unit.calls_told))
    unit.calls_told = now
