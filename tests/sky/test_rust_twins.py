"""The Python twins on systems without /proc, which psutil then answers for."""

from __future__ import annotations

import sys
from types import SimpleNamespace

import pytest

from sky.utils import rust_twins


@pytest.fixture(params=["darwin", "win32"])
def elsewhere(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Another platform, as far as the twins can tell, with a psutil whose answers are known."""
    psutil = SimpleNamespace(pid_exists=lambda pid: pid == 7, virtual_memory=lambda: SimpleNamespace(total=3 * 2**30))
    monkeypatch.setitem(sys.modules, "psutil", psutil)
    monkeypatch.setattr(sys, "platform", request.param)
    return str(request.param)


def test_processes(elsewhere: str) -> None:
    assert rust_twins.is_process_alive(7) is True
    assert rust_twins.is_process_alive(8) is False
    with pytest.raises(ValueError, match="positive integer"):
        rust_twins.is_process_alive(-1)


def test_memory_and_processors(elsewhere: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from sky.utils import rust_twins_system

    monkeypatch.setattr(rust_twins_system, "_cgroup_memory_limit", lambda: None)
    monkeypatch.setattr(rust_twins_system, "_cgroup_cpu_limit", lambda: None)
    monkeypatch.setattr("os.cpu_count", lambda: 5)
    assert rust_twins.get_mem_size_gb() == 3.0
    assert rust_twins.get_cpu_count() == 5


def test_windows_has_no_limit_on_descriptors(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "win32")
    assert rust_twins.get_max_workers({"/a": "/nowhere"}, "aws") == rust_twins.get_parallel_threads()


def test_a_process_hidden_by_the_system_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: str) -> None:
        raise PermissionError(13, "Permission denied", path)

    with monkeypatch.context() as patched:
        patched.setattr("os.stat", refuse)
        answer = rust_twins.is_process_alive(1)
    assert answer is True
