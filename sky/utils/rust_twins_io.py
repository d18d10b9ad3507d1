"""Python twins of the functions on files and ports."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import hashlib
    from typing import BinaryIO

_HASH_BUFFER = 2**18
_PORTS_END = 65535  # this one is never tried


def read_last_n_lines(
    file_path: str, n: int, chunk_size: int = 8192, encoding: str = "utf-8", errors: str = "replace"
) -> list[str]:
    """Read the last `n` lines of a file, from its end, `chunk_size` bytes at a time.

    Lines end at a line feed; carriage returns before it are dropped. Every line but the last carries a
    line feed, the last one never does. Each line is decoded on its own with `encoding` and `errors`.

    Raises AssertionError for a negative `n`, a chunk size below 1 or a missing file, RuntimeError when
    the file cannot be read (its cause is the OSError), and what `bytes.decode` raises.
    Source: `sky.utils.common_utils.read_last_n_lines`.
    """
    # Raised by hand, not asserted: the answer must not depend on `python -O`.
    if not n >= 0:
        raise AssertionError(f"n must be non-negative. Got {n}")
    if not chunk_size > 0:
        raise AssertionError(f"chunk_size must be positive. Got {chunk_size}")
    if not os.path.exists(file_path):  # noqa: PTH110 (also takes a file descriptor)
        raise AssertionError(f"File not found: {file_path}")
    if n == 0:
        return []
    try:
        with open(file_path, "rb") as stream:  # noqa: PTH123 (also takes a file descriptor)
            lines = _tail(stream, n, chunk_size)
    except OSError as error:
        raise RuntimeError(f"Failed to read last {n} lines from {file_path}: {error}") from error
    if lines is None:
        return []
    texts = [line.decode(encoding, errors=errors).rstrip("\r") for line in lines]
    return [text + "\n" for text in texts[:-1]] + [texts[-1]]


def _tail(stream: BinaryIO, n: int, chunk_size: int) -> list[bytes] | None:
    """Return the last `n` lines of `stream` without their line feeds; None for an empty file."""
    stream.seek(0, os.SEEK_END)
    position = stream.tell()
    if position == 0:
        return None
    chunks: list[bytes] = []
    line_feeds = 0
    while position > 0 and line_feeds <= n:
        size = min(chunk_size, position)
        position -= size
        stream.seek(position)
        chunks.append(stream.read(size))
        line_feeds += chunks[-1].count(b"\n")
    lines = b"".join(reversed(chunks)).split(b"\n")
    return lines[-n - 1 : -1] if lines[-1] == b"" else lines[-n:]


def hash_file(path: str, hash_alg: str) -> hashlib._Hash:
    """Hash the file at `path` to its end and return the live hashlib object.

    Raises OSError when the file cannot be opened or read, and ValueError for an unknown algorithm; a file
    that cannot be opened wins. Source: `sky.utils.common_utils.hash_file`.
    """
    import hashlib

    with open(path, "rb") as stream:  # noqa: PTH123 (also takes a file descriptor)
        digest = hashlib.new(hash_alg)
        buffer = memoryview(bytearray(_HASH_BUFFER))
        while True:
            size = stream.readinto(buffer)
            if size == 0:
                return digest
            digest.update(buffer[:size])


def find_free_port(start_port: int) -> int:
    """Return the first port from `start_port` to 65534 that can be bound on every IPv4 address.

    Raises OSError when there is none or no socket can be made, and OverflowError for a negative port.
    Source: `sky.utils.common_utils.find_free_port`.
    """
    import socket

    ports = range(start_port, _PORTS_END)
    if ports:
        # A failed bind leaves a socket unbound, so one serves for all attempts.
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            for port in ports:
                try:
                    probe.bind(("", port))
                except OSError:
                    continue
                return port
    raise OSError("No free ports available.")
