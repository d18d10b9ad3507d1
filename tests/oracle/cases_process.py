"""Cases for the functions on processes, threads and file descriptors."""

from __future__ import annotations

import random
from collections.abc import Iterator
from typing import Any

from cases_io import ODD_PATHS
from fixtures import Fixtures
from values import file, make, numpy, tagged

Call = tuple[list[Any], dict[str, Any], dict[str, Any]]

CLOUDS: tuple[Any, ...] = (
    *(
        None,
        "",
        "aws",
        "kubernetes",
        "Kubernetes",
        "KUBERNETES",
        "\u212aubernetes",
        "K\u0075bernetes",
        "kubernetes ",
    ),
    *(
        " kubernetes",
        "kubernete",
        "kuberneteſ",
        "kubernetes\0",
        "KUBERNETEẞ",
        "ku\u0062ernetes",
        "\ud800",
        "gcp" * 100,
    ),
    *(0, 1, 1.5, 0.0, b"", b"kubernetes", [], ["x"], {}, {"a": 1}, True, False, make("Plain"), make("tuple")),
    *(make("StrSub", "Kubernetes"), make("StrSub", "aws"), make("Lower", "KUBERNETES"), make("Lower", "aws")),
    *(
        numpy("str_", "Kubernetes"),
        numpy("int64", 0),
        numpy("int64", 1),
        make("set"),
        make("bytearray", b"kubernetes"),
    ),
)


def parallel_threads_edges(_: random.Random, __: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    yield [], {}, {}
    for cloud in CLOUDS:
        yield [cloud], {}, {}
        yield [], {"cloud_str": cloud}, {}
        yield [cloud], {}, {"affinity": [0]}
        yield [cloud], {}, {"env": {"SKYPILOT_POD_CPU_CORE_LIMIT": "64"}}
        yield [cloud], {}, {"cgroup": {"cgroup.controllers": "cpu\n", "cpu.max": "50000 100000"}}
    yield ["a", "b"], {}, {}
    yield [], {"cloud": "a"}, {}


def _cloud(source: random.Random) -> str:
    letters = list("kubernetes")
    for _ in range(source.randrange(3)):
        letters[source.randrange(len(letters))] = source.choice("kKubernetes\u212aſSé ")
    return "".join(letter.upper() if source.random() < 0.5 else letter for letter in letters)


def parallel_threads_random(source: random.Random, _: Fixtures) -> Iterator[Call]:
    """Spellings of kubernetes, near misses and other words."""
    yield [_cloud(source)], {}, {}
    yield ["".join(source.choices("abkubernetes-12", k=source.randrange(1, 14)))], {}, {}


def is_process_alive_edges(_: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    numbers: list[Any] = [
        *(
            0,
            1,
            2,
            -1,
            -2,
            -(2**31),
            -(2**70),
            2**15,
            2**22,
            2**22 + 1,
            2**31 - 1,
            2**31,
            2**32,
            2**63,
            2**64,
            2**70,
        ),
        *(
            True,
            False,
            None,
            "1",
            b"1",
            "",
            1.0,
            1.5,
            -1.0,
            -1.5,
            0.0,
            -0.0,
            float("nan"),
            float("inf"),
            -float("inf"),
        ),
        *(
            [],
            {},
            make("tuple"),
            make("Plain"),
            make("IntSub", 1),
            make("IntStr", 1),
            make("IntStr", -1),
            make("Level", 1),
        ),
        *(
            numpy("int64", 1),
            numpy("int64", -1),
            numpy("int8", 1),
            numpy("float64", 1.0),
            numpy("bool_", True),
        ),
        *(
            make("Decimal", "1"),
            make("Decimal", "-1"),
            make("Fraction", 1, 1),
            make("Fraction", -1, 2),
            make("Index", 1),
        ),
        *(
            make("IntSub", 2**31),
            make("IntSub", -5),
            make("complex", 1),
            numpy("uint64", 2**63),
            tagged("pid"),
        ),
    ]
    for number in [*numbers, *fixtures.steady, *fixtures.pids.values()]:
        yield [number], {}, {}
    for number in [*fixtures.pids.values(), 1, 2, 2**31, tagged("pid"), 0, None, True, "1", -1]:
        yield [number], {}, {"nobody": True}
        yield [number], {}, {"hidepid": True}
        yield [number], {}, {"fork": True}
    for name, pid in fixtures.pids.items():
        if name != "dead":
            for spelled in (
                make("IntSub", pid),
                numpy("int64", pid),
                float(pid),
                str(pid),
                -pid,
                make("IntStr", pid),
            ):
                yield [spelled], {}, {}
    yield [], {"pid": 1}, {}
    yield [], {}, {}
    yield [1, 1], {}, {}
    yield [1], {"process": 1}, {}


def is_process_alive_random(source: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """Numbers of every size; small ones may well be processes, larger ones than pid_max cannot."""
    number: Any = source.choice(
        (source.choice(fixtures.steady), source.randrange(2**22, 2**33), -source.getrandbits(40) - 1)
    )
    if number > 0 and source.random() < 0.3:
        number = source.choice((make("IntSub", number), float(number), str(number), make("IntStr", number)))
    elif source.random() < 0.3:
        number = number + 0.5
    yield [number], {}, {}


FD_LIMITS = (256, 300, 512, 1000, 1023, 1024, 1025, 2048, 4096, 10000)


def max_workers_edges(_: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """The rows of the specification; the warning comes once, so the first cases run in children."""
    for limit in (*FD_LIMITS, 100, 101, 105):
        yield [{}], {}, {"nofile": limit, "fork": True}
        yield [{"/a": file("dir/entries20")}], {}, {"nofile": limit, "fork": True}
    mounts: list[Any] = [
        {},
        {"/a": file("dir/entries0"), "/b": file("dir/entries2000"), "/c": file("text/a")},
    ]
    mounts += [{"/a": file(name)} for name in (*fixtures.directories, "odd/to_dir", "odd/to_file")]
    for path in ODD_PATHS:
        mounts += [{"/a": path}, {"/b": file("dir/entries200"), "/a": path}]
    urls = ("s3://bucket/x", "https://example.com", "~", "~/x", "/nonexistent/\u00e9", "C:\\x", "a" * 5000)
    mounts += [{"/a": url} for url in urls]
    path = str(fixtures.root / "dir/entries200")
    mounts += [
        {"/a": spelled} for spelled in (path.encode(), make("PathLike", path), make("Path", path), make("StrSub", path))
    ]
    mounts += [
        None,
        [],
        "x",
        5,
        make("Plain"),
        make("tuple"),
        [1],
        {"/a": tagged("fd", "dir/entries20", offset=0)},
    ]
    for mount in mounts:
        yield [mount], {}, {}
        yield [mount, "kubernetes"], {}, {}
        yield [mount], {}, {"nofile": 1024}
        yield [mount, "aws"], {}, {"nofile": 300}
    for cloud in CLOUDS:
        yield [{}, cloud], {}, {}
        yield [{"/a": None}, cloud], {}, {}
        yield [{"/a": file("dir/entries500")}, cloud], {}, {"nofile": 10000}
    for name in ("odd/closed", "odd/unlistable", "odd/closed/file", "odd/private", "dir/entries20"):
        for before in ({}, {"/b": file("dir/entries2000")}):
            yield [{**before, "/a": file(name)}], {}, {"nobody": True}
    yield [{"/a": file("dir/entries20")}], {}, {"emfile": True}
    yield [{"/a": file("dir/entries20")}], {}, {"emfile": True, "fork": True}
    yield [{"/a": "entries20"}], {}, {"cwd": str(fixtures.root / "dir")}
    yield [], {"common_file_mounts": {}, "cloud_str": "kubernetes"}, {}
    yield [{}], {"cloud_str": "kubernetes"}, {}
    yield [], {}, {}
    yield [{}, "a", "b"], {}, {}
    yield [{}], {"cloud": "a"}, {}


def max_workers_random(source: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """A few mounts, of folders, files and what is not there, under any limit."""
    mounts = {}
    for number in range(source.randrange(5)):
        path = source.choice((*fixtures.directories, *fixtures.directories, *fixtures.texts, "nowhere"))
        mounts[f"/mount{number}"] = source.choice((file(path), file(path), "s3://bucket"))
    cloud = source.choice((None, "aws", "kubernetes", _cloud(source)))
    yield [mounts, cloud], {}, {"nofile": source.choice((*FD_LIMITS, source.randrange(300, 20000)))}


def estimate_fd_edges(_: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """The rows of the specification."""
    for path in (*map(file, fixtures.directories), *ODD_PATHS):
        if path is not None:  # os.listdir(None) lists the current folder: a case of its own
            yield [path], {}, {}
            yield [], {"path": path}, {}
    for relative in (None, True, ".", "..", "entries20", b"entries20"):
        yield [relative], {}, {"cwd": str(fixtures.root / "dir")}
    for name in fixtures.directories:
        path = str(fixtures.root / name)
        for spelled in (
            path.encode(),
            make("PathLike", path),
            make("Path", path),
            make("StrSub", path),
            path + "/",
        ):
            yield [spelled], {}, {}
        yield [tagged("fd", name, offset=0)], {}, {}
        yield ["."], {}, {"cwd": path}
    for name in (*fixtures.texts, *fixtures.blobs):
        yield [file(name)], {}, {}
    for name in ("odd/closed", "odd/unlistable", "odd/closed/file", "odd/private", "dir/entries20"):
        yield [file(name)], {}, {"nobody": True}
    yield [file("dir/entries20")], {}, {"emfile": True}
    yield [], {}, {}
    yield [file("dir"), 1], {}, {}
    yield [file("dir")], {"folder": 1}, {}


def estimate_fd_random(source: random.Random, fixtures: Fixtures) -> Iterator[Call]:
    """Ways of writing the path of any fixture."""
    name = source.choice((*fixtures.directories, *fixtures.directories, *fixtures.texts, "odd/to_dir", "odd/loop"))
    detour = "/".join(source.choices((".", "../dir", "../text", "", "../odd/to_dir/.."), k=source.randrange(4)))
    path = str(fixtures.root / "dir") + "/" + detour + "/../" + name
    yield [source.choice((path, path.encode(), make("Path", path), make("StrSub", path + "/")))], {}, {}
