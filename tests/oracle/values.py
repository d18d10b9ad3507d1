"""Arguments and answers as JSON, so that one list of cases serves processes that share nothing.

Only the standard library (numpy where a case asks for it): the worker runs in any environment.
"""

from __future__ import annotations

import decimal
import enum
import fractions
import hashlib
import json
import os
import pathlib
import re
from typing import Any

ROOT_TAG = "$"


class IntSub(int):
    """An int by inheritance."""


class IntStr(int):
    """An int that writes itself as something else."""

    def __str__(self) -> str:
        return "thirty-two"


class StrSub(str):
    """A str by inheritance."""

    __slots__ = ()


class FloatFormat(float):
    """A float with a format of its own."""

    def __format__(self, spec: str) -> str:
        return f"<{spec}>"


class Level(enum.IntEnum):
    """An enumeration of ints."""

    ZERO = 0
    ONE = 1
    TWO = 2
    FIVE = 5


class Index:
    """Something with `__index__` and nothing else."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __index__(self) -> int:
        return self.value

    def __repr__(self) -> str:
        return f"Index({self.value})"


class Lower:
    """Something with `lower()` and nothing else."""

    def __init__(self, value: str) -> None:
        self.value = value

    def lower(self) -> str:
        return self.value.lower()


class Sized:
    """Something with a length and nothing else."""

    def __init__(self, value: int) -> None:
        self.value = value

    def __len__(self) -> int:
        return self.value


class PathLike:
    """Something with `__fspath__`."""

    def __init__(self, value: str) -> None:
        self.value = value

    def __fspath__(self) -> str:
        return self.value

    def __repr__(self) -> str:
        return "PathLike()"


class Plain:
    """Nothing at all."""

    def __repr__(self) -> str:
        return "Plain()"


CLASSES: dict[str, Any] = {
    **{cls.__name__: cls for cls in (IntSub, IntStr, StrSub, FloatFormat, Level, Index, Lower, Sized, PathLike, Plain)},
    "Decimal": decimal.Decimal,
    "Fraction": fractions.Fraction,
    "Path": pathlib.Path,
    "bytearray": bytearray,
    "memoryview": memoryview,
    "tuple": tuple,
    "set": set,
    "complex": complex,
}


def tagged(kind: str, value: Any = None, **more: Any) -> dict[str, Any]:
    """Describe a value that JSON cannot say."""
    return {ROOT_TAG: kind, "v": value, **more}


def encode(value: Any) -> Any:
    """Describe a plain value; what is already a description stays as it is."""
    if isinstance(value, bytes):
        return tagged("bytes", value.decode("latin-1"))
    if type(value) is float:
        return tagged("float", value.hex())
    if type(value) is int and abs(value) >= 2**53:
        return tagged("int", hex(value))
    if isinstance(value, dict) and ROOT_TAG not in value:
        return {key: encode(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [encode(item) for item in value]
    return value


def make(name: str, *arguments: Any) -> dict[str, Any]:
    """Describe an instance of one of CLASSES."""
    return tagged("make", name, arguments=encode(list(arguments)))


def numpy(name: str, value: Any) -> dict[str, Any]:
    """Describe a numpy scalar."""
    return tagged("numpy", name, argument=encode(value))


def file(name: str) -> dict[str, Any]:
    """Describe the path of a file of the fixture tree."""
    return tagged("file", name)


def decode(value: Any, root: str, opened: list[int]) -> Any:
    """Build what a description says; descriptors that it opens are appended to `opened`."""
    if isinstance(value, list):
        return [decode(item, root, opened) for item in value]
    if not isinstance(value, dict):
        return value
    if ROOT_TAG not in value:
        return {key: decode(item, root, opened) for key, item in value.items()}
    kind, content = value[ROOT_TAG], value["v"]
    if kind == "file":
        return os.path.join(root, content)
    if kind == "bytes":
        return content.encode("latin-1")
    if kind == "float":
        return float.fromhex(content)
    if kind == "int":
        return int(content, 16)
    if kind == "make":
        arguments = decode(value["arguments"], root, opened)
        return CLASSES[content](*arguments)
    if kind == "numpy":
        import numpy

        return getattr(numpy, content)(decode(value["argument"], root, opened))
    if kind == "pid":
        return os.getpid()
    return _open(kind, content, value, root, opened)


def _open(kind: str, content: Any, value: dict[str, Any], root: str, opened: list[int]) -> int:
    """Open a descriptor: of a file, from an offset, or the reading end of a pipe that holds some bytes."""
    if kind == "fd":
        descriptor = os.open(os.path.join(root, content), os.O_RDONLY)
        os.lseek(descriptor, value["offset"], os.SEEK_SET)
    elif kind == "pipe":
        descriptor, writer = os.pipe()
        os.write(writer, content.encode("latin-1"))
        os.close(writer)
    else:
        raise ValueError(f"unknown kind of value: {kind}")
    opened.append(descriptor)
    return descriptor


def describe(value: Any) -> Any:
    """Describe an answer completely: the concrete type and everything about it that can be seen."""
    name = f"{type(value).__module__}.{type(value).__qualname__}"
    if isinstance(value, (list, tuple)):
        return [name, [describe(item) for item in value]]
    if hasattr(value, "hexdigest"):
        return [name, _describe_hash(value)]
    if isinstance(value, float):
        return [name, float(value).hex()]
    if isinstance(value, int) and not isinstance(value, bool):
        return [name, hex(value)]
    return [name, _without_addresses(repr(value))]


def _without_addresses(text: str) -> str:
    return re.sub(r" at 0x[0-9a-f]+>", " at 0x...>", text)


def _describe_hash(value: Any) -> list[Any]:
    length = [16] if value.name.startswith("shake") else []
    before = value.hexdigest(*length)
    copy = value.copy()
    copy.update(b"more")
    value.update(b"other")
    return [
        value.name,
        value.digest_size,
        value.block_size,
        before,
        copy.hexdigest(*length),
        value.digest(*length).hex(),
        type(copy).__name__,
        copy.name,
    ]


def describe_error(error: BaseException, with_cause: bool = True) -> Any:
    """Describe an exception: type, message, arguments, errno and file name, and its cause."""
    kind = f"{type(error).__module__}.{type(error).__qualname__}"
    details: list[Any] = [kind, _without_addresses(str(error)), _without_addresses(repr(error.args))]
    if isinstance(error, OSError):
        details += [error.errno, _without_addresses(repr(error.filename))]
    if with_cause:
        cause = error.__cause__
        details.append(None if cause is None else describe_error(cause, with_cause=False))
    return details


def key(*parts: Any) -> str:
    """Return a text that is the same for the same JSON."""
    return json.dumps(parts, sort_keys=True)


ALGORITHMS = sorted(hashlib.algorithms_available)
