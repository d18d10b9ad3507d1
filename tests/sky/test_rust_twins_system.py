"""Processors and memory: every row of the specification on both backends, with cgroup files to order."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from types import ModuleType
from typing import TYPE_CHECKING, Any

import pytest

from sky.utils import rust_twins_system

if TYPE_CHECKING:
    Machine = Callable[..., dict[str, Any]]

CPU, GB, BYTES = "SKYPILOT_POD_CPU_CORE_LIMIT", "SKYPILOT_POD_MEMORY_GB_LIMIT", "SKYPILOT_POD_MEMORY_BYTES_LIMIT"
V2 = {"cgroup.controllers": "cpu memory\n"}
GIB = 1024**3


@pytest.mark.parametrize(
    ("text", "expected"),
    [("4.7", 4), ("-0.5", 0), ("-3", -3), (" 8 ", 8), ("1e3", 1000), ("1_000", 1000), ("٤", 4), ("1e308", int(1e308))],
)
def test_cpu_count_from_the_environment(
    functions: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str, expected: int
) -> None:
    monkeypatch.setenv(CPU, text)
    assert functions.get_cpu_count() == expected


@pytest.mark.parametrize("text", ["", "abc", "nan", "0x10"])
def test_cpu_count_from_what_is_no_number(functions: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(CPU, text)
    with pytest.raises(ValueError, match=f"^Failed to parse the number of CPUs from {text}$") as caught:
        functions.get_cpu_count()
    assert isinstance(caught.value.__cause__, ValueError)
    assert not hasattr(sys, "tracebacklimit")


@pytest.mark.parametrize("text", ["inf", "1e400"])
def test_cpu_count_from_infinity(functions: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(CPU, text)
    with pytest.raises(OverflowError, match="cannot convert float infinity to integer"):
        functions.get_cpu_count()


def test_the_python_mapping_counts_not_the_c_environment(
    functions: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(CPU, raising=False)
    os.putenv(CPU, "77")
    try:
        assert functions.get_cpu_count() != 77
    finally:
        os.unsetenv(CPU)
    monkeypatch.setattr(os, "environ", {CPU: "78"})
    assert functions.get_cpu_count() == 78


@pytest.mark.parametrize(
    ("content", "expected"),
    [("50000 100000", 0), ("100000 100000\n", 1), ("100000 inf", 0), ("1e5 1e5", 1)],
)
def test_cpu_count_under_a_quota(
    machine: Machine, backend: str, functions: ModuleType, content: str, expected: int
) -> None:
    outcome = machine(backend, "get_cpu_count", {"cgroup": {**V2, "cpu.max": content}})
    assert outcome["result"] == ["builtins.int", hex(expected)]


@pytest.mark.parametrize("content", ["max 100000", "", "1 2 3", "text here", "0 100000", "-1 100000", None])
def test_cpu_count_without_a_limit(machine: Machine, backend: str, functions: ModuleType, content: str | None) -> None:
    outcome = machine(backend, "get_cpu_count", {"cgroup": {**V2, "cpu.max": content}})
    assert outcome["result"] == ["builtins.int", hex(len(os.sched_getaffinity(0)))]


@pytest.mark.parametrize(
    ("content", "error"),
    [("100000 0", "ZeroDivisionError"), ("inf 100000", "OverflowError"), ("100000 nan", "ValueError")],
)
def test_cpu_count_under_an_impossible_quota(
    machine: Machine, backend: str, functions: ModuleType, content: str, error: str
) -> None:
    outcome = machine(backend, "get_cpu_count", {"cgroup": {**V2, "cpu.max": content}})
    assert outcome["error"][0] == f"builtins.{error}"


def test_cpu_count_of_cgroup_v1_and_of_the_affinity_mask(machine: Machine, backend: str, functions: ModuleType) -> None:
    files = {"cpu/cpu.cfs_quota_us": "50000", "cpu/cpu.cfs_period_us": "100000"}
    assert machine(backend, "get_cpu_count", {"cgroup": files})["result"][1] == "0x0"
    assert machine(backend, "get_cpu_count", {"cgroup": {**files, **V2}, "affinity": [0]})["result"][1] == "0x1"


@pytest.mark.parametrize("text", ["-inf", "nan", "-0.5", "2", " 1e1 "])
def test_mem_size_from_the_environment(functions: ModuleType, monkeypatch: pytest.MonkeyPatch, text: str) -> None:
    monkeypatch.setenv(BYTES, text)
    assert repr(functions.get_mem_size_gb()) == repr(float(text) / GIB)
    monkeypatch.setenv(GB, text)
    assert repr(functions.get_mem_size_gb()) == repr(float(text))


@pytest.mark.parametrize(("name", "unit"), [(GB, "GB"), (BYTES, "bytes")])
def test_mem_size_from_what_is_no_number(
    functions: ModuleType, monkeypatch: pytest.MonkeyPatch, name: str, unit: str
) -> None:
    monkeypatch.setenv(name, "4 GB")
    with pytest.raises(ValueError, match=rf"^Failed to parse the memory size from 4 GB \({unit}\)$") as caught:
        functions.get_mem_size_gb()
    assert isinstance(caught.value.__cause__, ValueError)
    assert not hasattr(sys, "tracebacklimit")


@pytest.mark.parametrize(
    ("limit", "expected"),
    [("1073741824", 1.0), ("  2147483648 \n", 2.0), ("1_073_741_824", 1.0)],
)
@pytest.mark.parametrize("version", [1, 2])
def test_mem_size_under_a_limit(
    machine: Machine, backend: str, functions: ModuleType, version: int, limit: str, expected: float
) -> None:
    files = {**V2, "memory.max": limit} if version == 2 else {"memory/memory.limit_in_bytes": limit}
    outcome = machine(backend, "get_mem_size_gb", {"cgroup": files})
    assert outcome["result"] == ["builtins.float", expected.hex()]


@pytest.mark.parametrize("limit", ["max", "", "0", "-1", "1.5e9", "text", None])
def test_mem_size_without_a_limit(machine: Machine, backend: str, functions: ModuleType, limit: str | None) -> None:
    context = {"cgroup": {**V2, "memory.max": limit}, "meminfo": "MemTotal: 3145728 kB\nMemFree: 1 kB\n"}
    assert machine(backend, "get_mem_size_gb", context)["result"] == ["builtins.float", (3.0).hex()]


@pytest.mark.parametrize("missing", ["MemTotal:", "MemFree:"])
def test_mem_size_of_a_strange_meminfo(machine: Machine, backend: str, functions: ModuleType, missing: str) -> None:
    content = "MemTotal: 3145728 kB\nMemFree: 1 kB\n".replace(missing, "Other:")
    outcome = machine(backend, "get_mem_size_gb", {"meminfo": content})
    assert outcome["error"][:2] == ["builtins.KeyError", repr(missing.encode())]


def test_python_twin_reads_every_kind_of_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same rows in this process, for systems where files cannot be made to order."""
    files: dict[str, str] = {}

    def read(path: str) -> str:
        try:
            return files[path[len("/sys/fs/cgroup/") :]]
        except KeyError:
            raise FileNotFoundError(path) from None

    monkeypatch.setattr(rust_twins_system, "_read_text", read)
    for v2 in (True, False):
        monkeypatch.setattr(rust_twins_system, "_has_cgroup_v2", lambda v2=v2: v2)
        files.clear()
        assert rust_twins_system._cgroup_cpu_limit() is None
        assert rust_twins_system._cgroup_memory_limit() is None
        files.update({"cpu.max": "150000 100000", "cpu/cpu.cfs_quota_us": "150000", "cpu/cpu.cfs_period_us": "100000"})
        files.update({"memory.max": "4096", "memory/memory.limit_in_bytes": "4096"})
        assert rust_twins_system._cgroup_cpu_limit() == 1.5
        assert rust_twins_system._cgroup_memory_limit() == 4096
        assert rust_twins_system.get_mem_size_gb() == 4096 / GIB
        files.update({"cpu.max": "max 100000", "cpu/cpu.cfs_quota_us": "-1", "memory.max": "max"})
        files.update({"memory/memory.limit_in_bytes": "0"})
        assert rust_twins_system._cgroup_cpu_limit() is None
        assert rust_twins_system._cgroup_memory_limit() is None
