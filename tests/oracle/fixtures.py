"""The files and processes that cases are about: made once, seen by every side under the same names."""

from __future__ import annotations

import contextlib
import dataclasses
import os
import pathlib
import random
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator

TEXT_FILES: dict[str, bytes] = {
    "empty": b"",
    "lf": b"\n",
    "lf3": b"\n\n\n",
    "a": b"a",
    "a_lf": b"a\n",
    "two": b"a\nb",
    "two_lf": b"a\nb\n",
    "blank_between": b"a\n\nb\n\n",
    "crlf": b"one\r\ntwo\r\nthree\r\n",
    "crlf_open": b"one\r\ntwo\r\nthree",
    "cr": b"\r",
    "cr_only": b"one\rtwo\rthree",
    "crs": b"one\r\r\r\ntwo\r\r",
    "cr_lf_cr": b"\r\n\r\n\r",
    "separators": "a\x0bb\x0cc\x1cd\x85e\u2028f\u2029g\nh\x1e".encode(),
    "nul": b"a\0b\n\0\n\0",
    "utf8": "héllo\nwörld €\n日本語\n\U0001f600".encode(),
    "invalid": b"ok\n\xff\xfe\nbad \xc3\n\xed\xa0\x80 tail\nfine\n",
    "invalid_last": b"ok\n\xf0\x9f\x98",
    "latin1": "é\nü\n".encode("latin-1"),
    "utf16": "one\ntwo\n\u0a0a\nthree\n".encode("utf-16"),
    "utf16le": "one\ntwo\nthree".encode("utf-16-le"),
    "utf32": "one\ntwo\n".encode("utf-32"),
    "bom": b"\xef\xbb\xbfone\ntwo\n",
    "split_char": b"x" * 8191 + "é\n".encode() + b"y" * 8190 + "€\n".encode(),
    "chunk": b"x" * 8191 + b"\n",
    "chunk_and_one": b"x" * 8192 + b"\n",
    "long_line": b"x" * 70000,
    "long_lines": (b"y" * 20000 + b"\n") * 5,
    "many": b"".join(b"line %d\n" % number for number in range(3000)),
    "many_blank": b"\n" * 20000,
    "spaces": b" \n  \n\t\n ",
    "digits": b"1\n22\n333\n4444\n",
    "-dash": b"dash\n",
    "name with blank é\n": b"odd name\n",
}
SIZES = (1, 2, 63, 64, 65, 127, 128, 2**16, 2**18 - 1, 2**18, 2**18 + 1, 2**19 + 3)
DIRECTORIES = (0, 1, 2, 3, 7, 20, 100, 150, 200, 500, 2000)
NOBODY = 65534


@dataclasses.dataclass(frozen=True)
class Fixtures:
    """Where things are: names are relative to `root`, as `values.file` wants them."""

    root: pathlib.Path
    texts: tuple[str, ...]
    blobs: tuple[str, ...]
    directories: tuple[str, ...]
    pids: dict[str, int]
    steady: tuple[int, ...]


def _steady_numbers() -> tuple[int, ...]:
    """Return low process ids that keep their state: unused ones, and all but the kernel's passing workers."""
    steady = []
    for number in range(2, 400):
        name = pathlib.Path(f"/proc/{number}/comm")
        try:
            steady += [] if name.read_text().startswith("kworker") else [number]
        except OSError:
            steady.append(number)
    return tuple(steady)


def build(root: pathlib.Path, seed: int, pids: dict[str, int]) -> Fixtures:
    """Write the tree; the same seed writes the same bytes."""
    source = random.Random(f"{seed}:fixtures")
    root.chmod(0o755)
    for folder in ("text", "blob", "dir", "odd"):
        (root / folder).mkdir()
    texts = dict(TEXT_FILES)
    for number in range(120):
        texts[f"random{number}"] = _random_text(source)
    blobs = {f"size{size}": source.randbytes(size) for size in SIZES}
    blobs |= {f"random{number}": source.randbytes(source.randrange(3000)) for number in range(150)}
    for folder, files in (("text", texts), ("blob", blobs)):
        for name, content in files.items():
            (root / folder / name).write_bytes(content)
    for count in DIRECTORIES:
        _fill(root / "dir" / f"entries{count}", count)
    for number in range(60):
        _fill(root / "dir" / f"random{number}", source.randrange(0, 60))
    _make_odd_paths(root / "odd")
    return Fixtures(
        root,
        tuple(f"text/{name}" for name in texts),
        tuple(f"blob/{name}" for name in blobs),
        tuple(sorted(f"dir/{path.name}" for path in (root / "dir").iterdir())),
        pids,
        _steady_numbers(),
    )


def _random_text(source: random.Random) -> bytes:
    pieces = (
        b"\n",
        b"\n",
        b"\r\n",
        b"\r",
        b"",
        b"word ",
        b"\xc3\xa9",
        b"\xff",
        "日".encode(),
        b"x" * 50,
        b"\0",
        b" ",
    )
    return b"".join(source.choices(pieces, k=source.choice((3, 10, 40, 200, 2000))))


def _fill(folder: pathlib.Path, count: int) -> None:
    """Put `count` entries of all kinds into a folder: files, hidden ones, folders, dangling links."""
    folder.mkdir()
    for number in range(count):
        entry = folder / (f".hidden{number}" if number % 4 == 1 else f"é{number}")
        if number % 4 == 2:
            entry.mkdir()
        elif number % 4 == 3:
            entry.symlink_to("nowhere")
        else:
            entry.touch()


def _make_odd_paths(odd: pathlib.Path) -> None:
    (odd / "to_file").symlink_to("../text/crlf")
    (odd / "to_dir").symlink_to("../dir/entries20")
    (odd / "dangling").symlink_to("nowhere")
    (odd / "loop").symlink_to("loop")
    (odd / "private").write_bytes(b"secret\n")
    (odd / "private").chmod(0)
    (odd / "closed").mkdir()
    (odd / "closed" / "file").write_bytes(b"inside\n")
    (odd / "closed").chmod(0)
    (odd / "unlistable").mkdir()
    (odd / "unlistable" / "file").write_bytes(b"inside\n")
    (odd / "unlistable").chmod(0o111)
    with (odd / "sparse").open("wb") as stream:
        stream.truncate(3_000_000)
    with (odd / "large").open("wb") as stream:  # large enough for every way of reading that there is
        for offset in range(0, 70 * 2**20, 1_234_567):
            stream.seek(offset)
            stream.write(b"at %d\n" % offset)
        stream.truncate(70 * 2**20 + 3)
    with (odd / "sparse_tail").open("wb") as stream:
        stream.seek(10 * 2**30)
        stream.write(b"\nlast but one\nlast\n")


_HELPER = """
import os, sys, threading
started = threading.Event()
ended = threading.Thread(target=lambda: None)
ended.start(); ended.join()
thread = threading.Thread(target=lambda: (started.set(), sys.stdin.read()), daemon=True)
thread.start(); started.wait()
print(thread.native_id, ended.native_id, flush=True)
thread.join()
"""


@contextlib.contextmanager
def processes() -> Iterator[dict[str, int]]:
    """Start processes in every state; the answer names their ids."""
    with contextlib.ExitStack() as stack:
        sleep = [sys.executable, "-c", "import sys; sys.stdin.read()"]

        def start(command: list[str], user: int | None = None) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, user=user, cwd="/"
            )
            stack.enter_context(process)
            stack.callback(process.kill)
            return process

        live = start(["sleep", "1000000"])
        stopped = start(["sleep", "1000000"])
        stopped.send_signal(signal.SIGSTOP)
        helper = start([sys.executable, "-c", _HELPER])
        assert helper.stdout is not None
        thread, ended_thread = map(int, helper.stdout.readline().split())
        zombie = start(["true"])
        dead = start(sleep)
        dead.kill()
        dead.wait()
        while pathlib.Path(f"/proc/{zombie.pid}/stat").read_text().split()[2] != "Z":
            time.sleep(0.01)
        pids = {
            "live": live.pid,
            "stopped": stopped.pid,
            "helper": helper.pid,
            "thread": thread,
            "ended_thread": ended_thread,
            "zombie": zombie.pid,
            "dead": dead.pid,
        }
        if os.getuid() == 0:
            pids["other_user"] = start(["sleep", "1000000"], user=NOBODY).pid
        yield pids


@contextlib.contextmanager
def prepared(seed: int) -> Iterator[Fixtures]:
    """Make the tree and the processes, and take them away again."""
    with processes() as pids, tempfile.TemporaryDirectory(prefix="sky-rs-cases-") as folder:
        try:
            yield build(pathlib.Path(folder), seed, pids)
        finally:
            (pathlib.Path(folder) / "odd" / "closed").chmod(0o700)
            (pathlib.Path(folder) / "odd" / "unlistable").chmod(0o700)
