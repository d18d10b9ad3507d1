"""File and port functions: every row of the specification on both backends, and what they cost at worst."""

from __future__ import annotations

import errno
import hashlib
import os
import pathlib
import random
import re
import socket
import sys
import threading
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

if TYPE_CHECKING:
    Run = Callable[..., Any]
    Machine = Callable[..., dict[str, Any]]

same_module = settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)

TAIL_OF_SPARSE_FILE = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (2 * 2**30, 2 * 2**30))
from sky.utils import rust_fallback as f
assert f.get_backend_info()["backend"] == sys.argv[2]
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
print(f.read_last_n_lines(sys.argv[1], 2))
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
HASH_OF_LARGE_FILE = TAIL_OF_SPARSE_FILE.replace(
    "f.read_last_n_lines(sys.argv[1], 2)", "f.hash_file(sys.argv[1], 'md5').hexdigest()"
)


@pytest.fixture
def text(tmp_path: pathlib.Path) -> Callable[[bytes], str]:
    def write(content: bytes) -> str:
        path = tmp_path / "text"
        path.write_bytes(content)
        return str(path)

    return write


@pytest.mark.parametrize(
    ("content", "n", "expected"),
    [
        *((b"", 3, []), (b"\n", 3, [""]), (b"\n\n\n", 3, ["\n", "\n", ""]), (b"a", 1, ["a"]), (b"a\n", 1, ["a"])),
        *((b"a\nb", 1, ["b"]), (b"a\nb\n", 1, ["b"]), (b"a\nb\n", 5, ["a\n", "b"]), (b"a\n\nb\n\n", 2, ["b\n", ""])),
        *((b"one\r\ntwo\r\r\nthree\r", 3, ["one\n", "two\n", "three"]), (b"one\rtwo", 2, ["one\rtwo"])),
        *((b"ok\nbad \xff\n", 2, ["ok\n", "bad \ufffd"]), (b"a\nb\nc", True, ["c"]), (b"a\nb", 2**70, ["a\n", "b"])),
        ("a\x0bb\x0cc\x1cd\x85e\u2028f\ng".encode(), 2, ["a\x0bb\x0cc\x1cd\x85e\u2028f\n", "g"]),
        (b"x" * 8191 + "é\n".encode() + b"tail", 2, ["x" * 8191 + "é\n", "tail"]),
    ],
)
def test_read_last_n_lines(
    functions: ModuleType, text: Callable[[bytes], str], content: bytes, n: int, expected: Any
) -> None:
    assert functions.read_last_n_lines(text(content), n) == expected
    assert functions.read_last_n_lines(text(content), n, 3) == expected


@same_module
@given(
    content=st.lists(st.sampled_from([b"\n", b"\r\n", b"\r", b"a", "é".encode(), b"\xff", b" "]), max_size=60).map(
        b"".join
    ),
    n=st.integers(min_value=1, max_value=20),
    chunk=st.integers(min_value=1, max_value=30),
)
def test_read_last_n_lines_is_the_end_of_all_lines(
    functions: ModuleType, tmp_path: pathlib.Path, content: bytes, n: int, chunk: int
) -> None:
    path = tmp_path / "any"
    path.write_bytes(content)
    lines = content.split(b"\n")
    lines = lines[:-1] if lines[-1] == b"" else lines
    texts = [line.decode(errors="replace").rstrip("\r") + "\n" for line in lines[-n:]]
    expected = [*texts[:-1], texts[-1][:-1]] if content else []
    assert functions.read_last_n_lines(str(path), n, chunk) == expected


@pytest.mark.parametrize("n", [-1, -(2**70), float("nan")])
def test_read_last_n_lines_checks_n_first(functions: ModuleType, n: Any) -> None:
    with pytest.raises(AssertionError, match=f"^n must be non-negative. Got {n}$"):
        functions.read_last_n_lines("/nowhere", n, 0)


def test_read_last_n_lines_checks_the_chunk_size_next(functions: ModuleType) -> None:
    with pytest.raises(AssertionError, match=r"^chunk_size must be positive. Got 0$"):
        functions.read_last_n_lines("/nowhere", 0, 0)


def test_read_last_n_lines_needs_a_file(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    (tmp_path / "dangling").symlink_to("nowhere")
    (tmp_path / "loop").symlink_to("loop")
    (tmp_path / "file").write_text("a\n")
    for name in ("nowhere", "dangling", "loop", "x" * 300, "nul\0", "file/"):
        path = f"{tmp_path}/{name}"
        with pytest.raises(AssertionError) as caught:
            functions.read_last_n_lines(path, 1)
        assert str(caught.value) == f"File not found: {path}"
    with pytest.raises(AssertionError, match=r"^File not found: $"):
        functions.read_last_n_lines("", 1)


def test_read_last_n_lines_of_what_cannot_be_read(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    assert functions.read_last_n_lines(str(tmp_path), 0) == []
    before = getattr(sys, "tracebacklimit", None)
    with pytest.raises(RuntimeError, match=rf"^Failed to read last 2 lines from {tmp_path}: \[Errno 21\]") as caught:
        functions.read_last_n_lines(str(tmp_path), 2)
    assert isinstance(caught.value.__cause__, IsADirectoryError)
    assert getattr(sys, "tracebacklimit", None) == before


def test_read_last_n_lines_of_a_device(functions: ModuleType) -> None:
    assert functions.read_last_n_lines("/dev/null", 5, 8192, "bogus") == []


def test_read_last_n_lines_of_a_fifo_fails_at_once(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    keep = os.open(fifo, os.O_RDWR)  # a writer, as SkyPilot's open would wait for one
    try:
        with pytest.raises(RuntimeError, match="Failed to read last 1 lines"):
            functions.read_last_n_lines(str(fifo), 1)
    finally:
        os.close(keep)


def test_read_last_n_lines_decodes_line_by_line(functions: ModuleType, text: Callable[[bytes], str]) -> None:
    path = text(b"fine\nbad \xff\nend")
    with pytest.raises(UnicodeDecodeError) as caught:
        functions.read_last_n_lines(path, 3, 8192, "utf-8", "strict")
    assert caught.value.object == b"bad \xff"
    assert functions.read_last_n_lines(path, 3, errors="ignore") == ["fine\n", "bad \n", "end"]
    assert functions.read_last_n_lines(path, 3, encoding="latin-1") == ["fine\n", "bad \xff\n", "end"]
    assert functions.read_last_n_lines(path, 1, errors="bogus") == ["end"]
    with pytest.raises(LookupError, match="unknown error handler name"):
        functions.read_last_n_lines(path, 3, errors="bogus")


@pytest.mark.parametrize(
    ("encoding", "error"),
    [("bogus", LookupError), ("hex", LookupError), ("utf-8\0", ValueError), (None, TypeError)],
)
def test_read_last_n_lines_with_odd_encodings(
    functions: ModuleType, text: Callable[[bytes], str], encoding: Any, error: type[Exception]
) -> None:
    with pytest.raises(error):
        functions.read_last_n_lines(text(b"a\nb\n"), 2, 8192, encoding)


def test_read_last_n_lines_takes_every_kind_of_path(functions: ModuleType, text: Callable[[bytes], str]) -> None:
    path = text(b"a\nb\n")
    for spelled in (path, path.encode(), pathlib.Path(path)):
        assert functions.read_last_n_lines(spelled, 1) == ["b"]
    descriptor = os.open(path, os.O_RDONLY)
    assert functions.read_last_n_lines(descriptor, 1) == ["b"]
    with pytest.raises(OSError, match="Bad file descriptor"):
        os.fstat(descriptor)
    for odd in (None, 1.0):
        with pytest.raises(TypeError):
            functions.read_last_n_lines(odd, 1)


def test_read_last_n_lines_with_a_fraction(functions: ModuleType, text: Callable[[bytes], str]) -> None:
    path = text(b"a\n")
    with pytest.raises(TypeError):
        functions.read_last_n_lines(path, 1.0)
    assert functions.read_last_n_lines(path, 0.0) == []
    with pytest.raises(AssertionError, match="File not found"):
        functions.read_last_n_lines("/nowhere", 1.0)


def test_ten_gigabytes_cost_no_memory(
    run_python: Run, backend: str, functions: ModuleType, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.seek(10 * 2**30)
        stream.write(b"\nlast but one\nlast\n")
    flag = "1" if backend == "rust" else "0"
    done = run_python("-c", TAIL_OF_SPARSE_FILE, str(path), backend, SKYPILOT_USE_RUST=flag)
    assert done.returncode == 0, done.stderr
    answer, growth = done.stdout.splitlines()
    assert answer == "['last but one\\n', 'last']"
    assert int(growth) < 16  # MiB


def test_hashing_a_large_file_costs_no_memory(
    run_python: Run, backend: str, functions: ModuleType, tmp_path: pathlib.Path
) -> None:
    path = tmp_path / "sparse"
    with path.open("wb") as stream:
        stream.truncate(256 * 2**20)
    flag = "1" if backend == "rust" else "0"
    done = run_python("-c", HASH_OF_LARGE_FILE, str(path), backend, SKYPILOT_USE_RUST=flag)
    assert done.returncode == 0, done.stderr
    answer, growth = done.stdout.splitlines()
    assert answer == "1f5039e50bd66b290c56684d8550c6c2"
    assert int(growth) < 32  # MiB


@pytest.mark.parametrize("size", [0, 1, 63, 64, 2**18 - 1, 2**18, 2**18 + 1, 2**20 + 7])
def test_hash_file(functions: ModuleType, tmp_path: pathlib.Path, size: int) -> None:
    content = random.Random(size).getrandbits(8 * size + 8).to_bytes(size + 1, "big")[:size]
    path = tmp_path / "blob"
    path.write_bytes(content)
    for algorithm in ("md5", "sha1", "sha256", "sha512", "sha3_256", "blake2b", "blake2s"):
        expected = hashlib.new(algorithm, content)
        digest = functions.hash_file(str(path), algorithm)
        assert type(digest) is type(expected)
        assert (digest.name, digest.digest_size, digest.block_size) == (
            expected.name,
            expected.digest_size,
            expected.block_size,
        )
        assert digest.hexdigest() == expected.hexdigest()
        copy = digest.copy()
        copy.update(b"more")
        expected.update(b"more")
        assert copy.digest() == expected.digest() != digest.digest()


def test_hash_file_knows_what_hashlib_knows(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"content")
    for name in [*sorted(hashlib.algorithms_available), "SHA256", "sha-256", "blake2b512"]:
        try:
            expected = hashlib.new(name, b"content")
        except ValueError:
            with pytest.raises(ValueError):
                functions.hash_file(str(path), name)
            continue
        length = [8] if name.startswith("shake") else []
        assert functions.hash_file(str(path), name).hexdigest(*length) == expected.hexdigest(*length)


@pytest.mark.parametrize("name", ["bogus", "", " sha256", "BLAKE2B", "md4x"])
def test_hash_file_refuses_unknown_algorithms(functions: ModuleType, tmp_path: pathlib.Path, name: str) -> None:
    path = tmp_path / "blob"
    path.touch()
    # "unsupported hash type", or from Python 3.15 "unsupported hash algorithm": what hashlib itself says.
    with pytest.raises(ValueError, match=r"^unsupported hash (type|algorithm) ") as expected:
        hashlib.new(name)
    with pytest.raises(ValueError, match=f"^{re.escape(str(expected.value))}$"):
        functions.hash_file(str(path), name)
    with pytest.raises(FileNotFoundError):  # the file comes first
        functions.hash_file("/nowhere", name)


@pytest.mark.parametrize("name", [None, 1, b"sha256", "sha256\0x", "\ud800"])
def test_hash_file_needs_a_name(functions: ModuleType, tmp_path: pathlib.Path, name: Any) -> None:
    path = tmp_path / "blob"
    path.touch()
    with pytest.raises((TypeError, ValueError)) as caught:
        functions.hash_file(str(path), name)
    with pytest.raises(type(caught.value)) as reference:
        hashlib.new(name)
    assert str(caught.value) == str(reference.value)


def test_hash_file_names_the_file_in_errors(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    (tmp_path / "loop").symlink_to("loop")
    for name, number in (("nowhere", errno.ENOENT), ("", errno.EISDIR), ("loop", errno.ELOOP)):
        path = f"{tmp_path}/{name}"
        with pytest.raises(OSError, match=r"\[Errno") as caught:
            functions.hash_file(path, "md5")
        assert (caught.value.errno, caught.value.filename) == (number, path)


def test_hash_file_reads_to_the_end_from_where_it_is(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    path = tmp_path / "blob"
    path.write_bytes(b"x" * 100 + b"rest")
    descriptor = os.open(path, os.O_RDONLY)
    os.lseek(descriptor, 100, os.SEEK_SET)
    assert functions.hash_file(descriptor, "md5").digest() == hashlib.md5(b"rest").digest()
    assert (
        functions.hash_file("/proc/version", "md5").digest()
        == hashlib.md5(pathlib.Path("/proc/version").read_bytes()).digest()
    )


def test_hash_file_of_a_fifo_reads_what_is_written(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    fifo = tmp_path / "fifo"
    os.mkfifo(fifo)
    writer = threading.Thread(target=lambda: fifo.write_bytes(b"through the pipe" * 10000))
    writer.start()
    digest = functions.hash_file(str(fifo), "sha256")  # waits for the writer without holding the interpreter
    writer.join()
    assert digest.digest() == hashlib.sha256(b"through the pipe" * 10000).digest()


def test_find_free_port_skips_what_is_taken(functions: ModuleType) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        taken = holder.getsockname()[1]
        answer = functions.find_free_port(taken)
    assert type(answer) is int
    assert answer > taken


def test_find_free_port_at_the_ends(functions: ModuleType) -> None:
    assert functions.find_free_port(0) == 0
    for start in (65535, 65536, 2**70):
        with pytest.raises(OSError, match=r"^No free ports available\.$"):
            functions.find_free_port(start)
    for start in (-1, -(2**70)):
        with pytest.raises(OverflowError):
            functions.find_free_port(start)
    for odd in ("8080", None, 1.0):
        with pytest.raises(TypeError):
            functions.find_free_port(odd)


@pytest.mark.parametrize(
    ("kind", "expected"),
    [("listen", 20001), ("bound", 20001), ("reuseaddr", 20001), ("reuseport", 20001), ("udp", 20000), ("dual", 20001)],
)
def test_find_free_port_by_the_way_it_is_held(
    machine: Machine, backend: str, functions: ModuleType, kind: str, expected: int
) -> None:
    held = [{"kind": kind, "port": 20000, "address": "::" if kind == "dual" else ""}]
    assert machine(backend, "find_free_port", {"held": held}, 20000)["result"] == ["builtins.int", hex(expected)]


def test_find_free_port_for_a_user_without_rights(machine: Machine, backend: str, functions: ModuleType) -> None:
    assert machine(backend, "find_free_port", {"nobody": True}, 1)["result"] == ["builtins.int", hex(1024)]


def test_find_free_port_without_a_descriptor(machine: Machine, backend: str, functions: ModuleType) -> None:
    assert machine(backend, "find_free_port", {"emfile": True}, 8000)["error"][3] == errno.EMFILE
