"""Cases for read_last_n_lines and hash_file."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

import values
from fixtures import Fixtures
from values import file, make, numpy, tagged

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]

COUNTS = (0, 1, 2, 3, 4, 5, 10, 1000, 2**31, 2**63, 2**70)
ODD_PATHS: tuple[Any, ...] = (
    *map(file, ("odd/to_file", "odd/to_dir", "odd/dangling", "odd/loop", "odd/loop/x", "nowhere", "dir", "dir/entries20")),
    *map(file, ("text/a_lf/", "text/a_lf/x", "odd", "text/" + "n" * 300, "text/\0", "text/a\0", "text/\udcff")),
    *("", "\0", "\ud800", ".", "/", "/dev/null", "/dev/zero", "/proc/version", "/proc/self/mem"),
    *("/sys/kernel/mm/transparent_hugepage/enabled", "/sys/class/net/lo/ifalias", "/sys/class/net/lo/address"),
    *(b"", b"nowhere", None, 1.0, float("nan"), [], ["x"], {}, -1, 10**6, 2**31, 2**70, make("Plain")),
    *(make("PathLike", "nowhere"), make("bytearray", b"x"), make("memoryview", b"x"), make("Index", 0)),
)  # fmt: skip
ENCODINGS: tuple[Any, ...] = (
    *(
        "utf-8",
        "UTF8",
        "utf_8",
        "utf-8-sig",
        "latin-1",
        "iso-8859-15",
        "ascii",
        "cp1252",
        "utf-16",
        "utf-16-le",
    ),
    *(
        "utf-32",
        "utf-7",
        "shift_jis",
        "big5",
        "bogus",
        "",
        "hex",
        "rot13",
        "base64",
        "utf-8\0",
        "\ud800",
        "idna",
    ),
    *("unicode_escape", "raw_unicode_escape", "punycode", "undefined", "U8", "utf8-ucs4", "CP65001"),
    *(None, 1, b"utf-8", make("StrSub", "utf-8")),
)
ERRORS: tuple[Any, ...] = (
    *(
        "replace",
        "ignore",
        "strict",
        "backslashreplace",
        "surrogateescape",
        "surrogatepass",
        "xmlcharrefreplace",
    ),
    *(
        "namereplace",
        "bogus",
        "",
        "REPLACE",
        "strict\0",
        "\ud800",
        None,
        1,
        b"strict",
        make("StrSub", "ignore"),
    ),
)


def read_last_n_lines_edges(_: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for name in fixtures.texts:
        for count in (1, 2, 3, 100) if "random" in name else COUNTS:
            yield [file(name), count], {}, {}
    for path in ODD_PATHS:
        for count in (0, 1, -1):
            yield [path, count], {}, {}
        yield [path, 2, 0], {}, {}
        yield [path, 0.0], {}, {}
        yield [path, 1.5], {}, {}
    odd_counts: tuple[Any, ...] = (
        *(-1, -(2**70), float("nan"), -0.5, 0.0, -0.0, 0.5, 1.0, 1e300, True, False, None, "1", b"1", [], 1j),
        *(make("IntSub", 2), make("IntStr", 2), make("Level", 2), numpy("int64", 2), numpy("float64", 2.0)),
        *(make("Index", 2), make("Decimal", "2"), make("Fraction", 2, 1), make("Plain"), numpy("int64", -2)),
    )
    for odd in odd_counts:
        odd = values.make("complex", 1) if isinstance(odd, complex) else odd
        for name in ("text/many", "text/empty", "nowhere", "dir"):
            yield [file(name), odd], {}, {}
    odd_chunks: tuple[Any, ...] = (
        *(
            -1,
            0,
            1,
            2,
            3,
            7,
            8191,
            8192,
            8193,
            2**31,
            2**63,
            2**70,
            0.0,
            0.5,
            1.0,
            8192.0,
            1e9,
            float("nan"),
            True,
            False,
        ),
        *(None, "1", b"1", [], make("IntSub", 5), make("Level", 5), numpy("int64", 5), numpy("float64", 5.0)),
        *(
            make("Index", 5),
            make("Decimal", "5"),
            make("Fraction", 5, 1),
            make("Plain"),
            float("inf"),
            -(2**70),
        ),
    )
    for odd in odd_chunks:
        for name in ("text/digits", "text/split_char", "text/empty", "nowhere", "dir"):
            yield [file(name), 2, odd], {}, {}
            yield [file(name), -1, odd], {}, {}
    for encoding in ENCODINGS:
        for name in ("utf8", "invalid", "utf16", "utf32", "empty", "lf3", "lf", "bom", "a"):
            for errors in ("replace", "strict"):
                yield [file(f"text/{name}"), 3, 8192, encoding, errors], {}, {}
    for errors in ERRORS:
        for name in ("invalid", "invalid_last", "utf8", "lf3", "empty"):
            for encoding in ("utf-8", "ascii", "utf-16", "bogus"):
                yield [file(f"text/{name}"), 3, 8192, encoding, errors], {}, {}
    path = str(fixtures.root / "text/crlf")
    for spelled in (
        path.encode(),
        make("PathLike", path),
        make("Path", path),
        make("StrSub", path),
        numpy("str_", path),
    ):
        yield [spelled, 2], {}, {}
        yield [spelled, 0], {}, {}
    for offset in (0, 3, 100):
        yield [tagged("fd", "text/crlf", offset=offset), 2], {}, {}
    yield [tagged("pipe", "a\nb\n"), 2], {}, {}
    yield [tagged("fd", "text/crlf", offset=0), -1], {}, {}
    yield [tagged("fd", "text/crlf", offset=0), 0], {}, {}
    yield [tagged("fd", "dir", offset=0), 1], {}, {}
    for name in (
        "odd/private",
        "odd/closed",
        "odd/closed/file",
        "odd/unlistable",
        "odd/unlistable/file",
        "text/crlf",
    ):
        yield [file(name), 1], {}, {"nobody": True}
        yield [file(name), 0], {}, {"nobody": True}
    yield [file("text/crlf"), 1], {}, {"emfile": True}
    yield [file("odd/sparse_tail"), 2], {}, {}
    yield [file("odd/sparse_tail"), 1, 2**20], {}, {}
    yield [file("odd/sparse"), 1, 2**16], {}, {}
    yield [file("odd/large"), 3], {}, {}
    for name in ("crlf", "-dash"):
        yield [name, 1], {}, {"cwd": str(fixtures.root / "text")}
        yield [name.encode(), 1], {}, {"cwd": str(fixtures.root / "text")}
    named = {
        "file_path": file("text/invalid"),
        "n": 3,
        "chunk_size": 4,
        "encoding": "ascii",
        "errors": "ignore",
    }
    for left_out in named:
        yield [], {name: value for name, value in named.items() if name != left_out}, {}
    yield [], named, {}
    yield [file("text/crlf")], {}, {}
    yield [file("text/crlf"), 1, 1, "utf-8", "strict", 1], {}, {}
    yield [file("text/crlf"), 1], {"lines": 1}, {}
    yield [], {}, {"env": {"SKYPILOT_DEBUG": "1"}}
    yield [file("dir"), 1], {}, {"env": {"SKYPILOT_DEBUG": "1"}}


def read_last_n_lines_random(source: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """Any text file, count, chunk size and usual encoding."""
    count = source.choice((1, 2, 3, 5, 10, 50, 500, source.randrange(1, 3000)))
    chunk = source.choice((1, 2, 3, 5, 16, 100, 4096, 8192, 10**6, source.randrange(1, 10000)))
    if chunk < 5 and source.random() < 0.9:
        chunk *= 50
    encoding = source.choice(("utf-8", "utf-8", "utf-8", "ascii", "latin-1", "utf-16", "cp1252"))
    errors = source.choice(("replace", "replace", "ignore", "strict", "backslashreplace", "surrogateescape"))
    yield [file(source.choice(fixtures.texts)), count, chunk, encoding, errors], {}, {}


HASH_NAMES: tuple[Any, ...] = (
    *(
        [
            "md5",
            "sha1",
            "sha224",
            "sha256",
            "sha384",
            "sha512",
            "sha3_224",
            "sha3_256",
            "sha3_384",
            "sha3_512",
            "shake_128",
            "shake_256",
        ]
    ),
    *(
        [
            "blake2b",
            "blake2s",
            "sm3",
            "ripemd160",
            "md5-sha1",
            "sha512_224",
            "sha512_256",
            "SHA256",
            "Sha256",
            "sha-256",
            "SHA-256",
            "SHA2-256",
        ]
    ),
    *(
        [
            "sha3-256",
            "SHA3-256",
            "blake2b512",
            "blake2s256",
            "BLAKE2b512",
            "shake128",
            "SHAKE256",
            "MD5",
            "SHA1",
            "sha-1",
            "RIPEMD160",
            "rmd160",
        ]
    ),
    *(
        [
            "md4",
            "MD4",
            "bogus",
            "BLAKE2B",
            "BLAKE2S",
            "sha",
            "whirlpool",
            "keccak",
            "mdc2",
            "sha2-256",
            "SHA512-256",
            "sha512/256",
            "2.16.840.1.101.3.4.2.1",
        ]
    ),
    *(
        "",
        " sha256",
        "sha256 ",
        "sha256\n",
        "sha256\0",
        "sha256\0x",
        "\ud800",
        "ｓha256",
        "sha\u00b2",
        "x" * 300,
    ),
    *(
        None,
        1,
        1.5,
        b"sha256",
        [],
        True,
        make("StrSub", "sha256"),
        make("StrSub", "bogus"),
        numpy("str_", "md5"),
    ),
    make("Plain"),
)


def hash_file_edges(_: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for algorithm in HASH_NAMES:
        for name in ("blob/size65", "blob/size262145", "text/empty", "nowhere", "dir"):
            yield [file(name), algorithm], {}, {}
    for path in ODD_PATHS:
        if path != "/dev/zero":  # which has no end
            for algorithm in ("sha256", "bogus", None, "shake_128"):
                yield [path, algorithm], {}, {}
    for name in (*fixtures.texts, *fixtures.blobs):
        for algorithm in ("md5", "sha256"):
            yield [file(name), algorithm], {}, {}
    path = str(fixtures.root / "blob/size65")
    for spelled in (
        path.encode(),
        make("PathLike", path),
        make("Path", path),
        make("StrSub", path),
        numpy("str_", path),
    ):
        yield [spelled, "sha256"], {}, {}
    for offset in (0, 1, 100, 2**18, 2**30):
        for algorithm in ("sha1", "bogus"):
            yield [tagged("fd", "blob/size524291", offset=offset), algorithm], {}, {}
    yield [tagged("fd", "dir", offset=0), "md5"], {}, {}
    for content in ("", "a", "some bytes\n" * 1000):
        yield [tagged("pipe", content), "sha256"], {}, {}
        yield [tagged("pipe", content), "bogus"], {}, {}
    for name in (
        "odd/private",
        "odd/closed",
        "odd/closed/file",
        "odd/unlistable/file",
        "text/crlf",
        "odd/to_file",
    ):
        yield [file(name), "sha256"], {}, {"nobody": True}
    yield [file("text/crlf"), "sha256"], {}, {"emfile": True}
    yield [file("text/crlf"), "bogus"], {}, {"emfile": True}
    for algorithm in (
        "md5",
        "sha1",
        "sha256",
        "sha512",
        "sha3_256",
        "blake2b",
        "blake2s",
        "shake_128",
        "SHA256",
        "bogus",
    ):
        yield [file("odd/sparse"), algorithm], {}, {}
    for algorithm in ("md5", "sha256", "blake2b", "bogus"):
        yield [file("odd/large"), algorithm], {}, {}
    yield [tagged("fd", "odd/large", offset=5), "sha1"], {}, {}
    yield ["crlf", "md5"], {}, {"cwd": str(fixtures.root / "text")}
    yield [], {"path": file("blob/size1"), "hash_alg": "md5"}, {}
    yield [file("blob/size1")], {"hash_alg": "md5"}, {}
    yield [file("blob/size1")], {}, {}
    yield [], {}, {}
    yield [file("blob/size1"), "md5", "x"], {}, {}
    yield [file("blob/size1"), "md5"], {"algorithm": "md5"}, {}


def hash_file_random(source: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """Any file, any algorithm this interpreter has."""
    yield [file(source.choice((*fixtures.blobs, *fixtures.texts))), source.choice(values.ALGORITHMS)], {}, {}
