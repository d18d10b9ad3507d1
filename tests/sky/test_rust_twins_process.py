"""Processes, threads and descriptors: every row of the specification on both backends."""

from __future__ import annotations

import decimal
import errno
import logging
import os
import pathlib
import signal
import subprocess
import threading
import time
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from sky.utils import rust_twins_process

if TYPE_CHECKING:
    Machine = Callable[..., dict[str, Any]]

THREADS = max(4, (os.cpu_count() or 1) - 1)


class IntSub(int):
    pass


class IntStr(int):
    def __str__(self) -> str:
        return "one"


class Lower:
    def lower(self) -> str:
        return "kubernetes"


@pytest.mark.parametrize("cloud", ["Kubernetes", "KUBERNETES", "\u212aubernetes", Lower()])
def test_parallel_threads_on_kubernetes(functions: ModuleType, cloud: Any) -> None:
    assert functions.get_parallel_threads(cloud) == 4 * THREADS


@pytest.mark.parametrize("cloud", [None, "", 0, [], b"kubernetes", "aws", "kubernetes "])
def test_parallel_threads_elsewhere(functions: ModuleType, cloud: Any) -> None:
    assert functions.get_parallel_threads(cloud) == functions.get_parallel_threads() == THREADS


@pytest.mark.parametrize("cloud", [1, ["x"], object()])
def test_parallel_threads_needs_a_name(functions: ModuleType, cloud: Any) -> None:
    with pytest.raises(AttributeError, match="lower"):
        functions.get_parallel_threads(cloud)


def test_is_process_alive(functions: ModuleType) -> None:
    with subprocess.Popen(["sleep", "1000"]) as child:
        try:
            assert functions.is_process_alive(child.pid) is True
            child.send_signal(signal.SIGSTOP)
            assert functions.is_process_alive(child.pid) is True
        finally:
            child.kill()
        stat = pathlib.Path(f"/proc/{child.pid}/stat")
        while stat.read_text().rsplit(")", 1)[1].split()[0] != "Z":
            time.sleep(0.01)
        assert functions.is_process_alive(child.pid) is True  # a zombie
    assert functions.is_process_alive(child.pid) is False


def test_is_process_alive_of_a_thread(functions: ModuleType) -> None:
    done = threading.Event()
    thread = threading.Thread(target=done.wait)
    thread.start()
    try:
        assert thread.native_id is not None
        assert functions.is_process_alive(thread.native_id) is True
    finally:
        done.set()
        thread.join()


@pytest.mark.parametrize("pid", [0, 2**31, 2**70, True, False, IntStr(1)])
def test_is_process_alive_of_nothing(functions: ModuleType, pid: Any) -> None:
    assert functions.is_process_alive(pid) is False


def test_is_process_alive_of_this_and_the_first(functions: ModuleType) -> None:
    assert functions.is_process_alive(None) is True
    assert functions.is_process_alive(os.getpid()) is True
    assert functions.is_process_alive(IntSub(1)) is True


@pytest.mark.parametrize("pid", [-1, -(2**70), -1.5])
def test_is_process_alive_refuses_negative_numbers(functions: ModuleType, pid: Any) -> None:
    with pytest.raises(ValueError, match=rf"^pid must be a positive integer \(got {pid}\)$"):
        functions.is_process_alive(pid)


@pytest.mark.parametrize("pid", [1.0, float("nan"), "1", b"1", decimal.Decimal(1)])
def test_is_process_alive_needs_an_integer(functions: ModuleType, pid: Any) -> None:
    with pytest.raises(TypeError):
        functions.is_process_alive(pid)


def test_is_process_alive_where_processes_are_hidden(machine: Machine, backend: str, functions: ModuleType) -> None:
    assert machine(backend, "is_process_alive", {"hidepid": True}, 1)["result"] == ["builtins.bool", "False"]
    assert machine(backend, "is_process_alive", {"nobody": True}, 1)["result"] == ["builtins.bool", "True"]


def test_max_workers_counts_directories_only(
    functions: ModuleType, tmp_path: pathlib.Path, caplog: pytest.LogCaptureFixture
) -> None:
    for number in range(30):
        (tmp_path / f"file{number}").touch()
    (tmp_path / "link").symlink_to(tmp_path)
    mounts = {"/a": str(tmp_path / "file0"), "/b": "/nowhere", "/c": "", "/d": "s3://bucket", "/e": "nul\0"}
    with caplog.at_level(logging.DEBUG, logger="sky"):
        assert functions.get_max_workers_for_file_mounts(mounts) == THREADS
    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("DEBUG", f"Using {THREADS} workers for file mounts.")
    ]
    assert functions.get_max_workers({"/f": str(tmp_path / "link")}, "kubernetes") <= 4 * THREADS


@pytest.mark.parametrize("source", [None, 1.5, ["x"]])
def test_max_workers_needs_paths(functions: ModuleType, source: Any) -> None:
    with pytest.raises(TypeError, match="path should be string"):
        functions.get_max_workers_for_file_mounts({"/a": source})


def test_get_max_workers_is_the_same_function(functions: ModuleType) -> None:
    assert functions.get_max_workers is functions.get_max_workers_for_file_mounts


@pytest.mark.parametrize(("soft", "expected"), [(256, 4), (101, 1), (100, 1)])
def test_a_low_limit_is_said_once(
    machine: Machine, backend: str, functions: ModuleType, soft: int, expected: int
) -> None:
    outcome = machine(backend, "get_max_workers_for_file_mounts", {"nofile": soft, "affinity": [0]}, {})
    assert outcome["result"] == ["builtins.int", hex(min(expected, THREADS))]
    warning, debug = outcome["records"]
    assert warning[:2] == ["sky.utils.subprocess_utils", "WARNING"]
    assert warning[2].startswith(f"Open file descriptor limit ({soft}) is low. File sync to remote clusters")
    assert debug[1:] == ["DEBUG", f"Using {min(expected, THREADS)} workers for file mounts."]


LOW_LIMIT_TWICE = """
import logging, resource, sys
resource.setrlimit(resource.RLIMIT_NOFILE, (256, 256))
logging.basicConfig(stream=sys.stdout, format="%(message).30s", level=logging.WARNING)
from sky.utils import rust_fallback, rust_twins
assert rust_fallback.get_backend_info()["backend"] == sys.argv[1]
rust_fallback.get_max_workers({}); rust_fallback.get_max_workers({}); rust_twins.get_max_workers({})
"""


def test_a_low_limit_is_said_once_over_both_backends(
    run_python: Callable[..., Any], backend: str, functions: ModuleType
) -> None:
    done = run_python("-c", LOW_LIMIT_TWICE, backend, SKYPILOT_USE_RUST="1" if backend == "rust" else "0")
    assert done.returncode == 0, done.stderr
    assert done.stdout == "Open file descriptor limit (25\n"


@pytest.mark.parametrize("function", ["get_max_workers_for_file_mounts", "estimate_fd_for_directory"])
def test_a_closed_directory_is_an_error(
    machine: Machine, backend: str, functions: ModuleType, tmp_path: pathlib.Path, function: str
) -> None:
    for folder in (tmp_path, *tmp_path.parents):
        if folder.stat().st_uid == os.getuid() and folder != pathlib.Path("/"):
            folder.chmod(folder.stat().st_mode | 0o711)
    closed = tmp_path / "closed"
    closed.mkdir(mode=0o700)
    argument: Any = str(closed) if function.startswith("estimate") else {"/a": str(closed)}
    error = machine(backend, function, {"nobody": True}, argument)["error"]
    assert error[0] == "builtins.PermissionError"
    assert error[3:5] == [errno.EACCES, repr(str(closed))]


def test_estimate_fd_counts_every_entry(functions: ModuleType, tmp_path: pathlib.Path) -> None:
    assert functions.estimate_fd_for_directory(str(tmp_path)) == 0
    (tmp_path / ".hidden").touch()
    (tmp_path / "folder").mkdir()
    (tmp_path / "dangling").symlink_to("nowhere")
    for spelled in (str(tmp_path), str(tmp_path).encode(), tmp_path):
        assert functions.estimate_fd_for_directory(spelled) == 15


@pytest.mark.parametrize(
    ("name", "number"),
    [("nowhere", errno.ENOENT), ("file", errno.ENOTDIR), ("loop", errno.ELOOP)],
)
def test_estimate_fd_names_what_it_cannot_list(
    functions: ModuleType, tmp_path: pathlib.Path, name: str, number: int
) -> None:
    (tmp_path / "file").touch()
    (tmp_path / "loop").symlink_to("loop")
    with pytest.raises(OSError, match=r"\[Errno") as caught:
        functions.estimate_fd_for_directory(str(tmp_path / name))
    assert (caught.value.errno, caught.value.filename) == (number, str(tmp_path / name))


def test_estimate_fd_of_odd_text(functions: ModuleType) -> None:
    with pytest.raises(ValueError, match="embedded null"):
        functions.estimate_fd_for_directory("nul\0")
    with pytest.raises(FileNotFoundError):
        functions.estimate_fd_for_directory("")


def test_a_low_limit_in_this_process(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    monkeypatch.setattr(rust_twins_process, "_low_fd_limit_reported", False)
    monkeypatch.setattr("resource.getrlimit", lambda kind: (300, 300))
    with caplog.at_level(logging.WARNING, logger="sky"):
        assert rust_twins_process.get_max_workers({}) == rust_twins_process.get_max_workers({}) == min(THREADS, 40)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
