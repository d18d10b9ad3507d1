"""What a case asks of its surroundings: environment, limits, processors, ports, user, files of the kernel."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
from collections.abc import Iterator
from typing import Any

import namespaces

NOBODY = 65534


def needs(case: dict[str, Any]) -> set[str]:
    """Return what must have been granted for this case to mean anything."""
    context = case["context"]
    needed = set()
    if {"cgroup", "hidepid", "meminfo"} & context.keys():
        needed.add("mounts")
    if case["f"] == "find_free_port":
        needed.add("network")
    if {"nobody", "hidepid"} & context.keys():
        needed.add("root")
    return needed


@contextlib.contextmanager
def surroundings(context: dict[str, Any]) -> Iterator[None]:
    """Arrange everything that `context` asks for, and put it back."""
    with contextlib.ExitStack() as stack:
        if "cgroup" in context:
            namespaces.write_cgroup(context["cgroup"])
            stack.callback(namespaces.write_cgroup, {})
        if "meminfo" in context:
            namespaces.write_meminfo(context["meminfo"])
            stack.callback(namespaces.write_meminfo, None)
        if "affinity" in context:
            stack.callback(os.sched_setaffinity, 0, os.sched_getaffinity(0))
            os.sched_setaffinity(0, context["affinity"])
        if "cwd" in context:
            stack.callback(os.chdir, os.getcwd())
            os.chdir(context["cwd"])
        stack.enter_context(_environment(context))
        for holder in context.get("held", []):
            stack.enter_context(_held_port(**holder))
        if "nofile" in context:
            stack.enter_context(_soft_limit(context["nofile"]))
        if "emfile" in context:
            stack.enter_context(_no_descriptor_left())
        yield


@contextlib.contextmanager
def _environment(context: dict[str, Any]) -> Iterator[None]:
    names = [name for name in os.environ if name.startswith("SKYPILOT_POD_")]
    saved = {name: os.environ.pop(name) for name in names}
    mapping = os.environ
    try:
        os.environ.update(context.get("env", {}))
        for name, value in context.get("putenv", {}).items():
            os.putenv(name, value)
        if "environ" in context:
            os.environ = dict(context["environ"])  # type: ignore[assignment]  # noqa: B003 (what is tested)
        yield
    finally:
        os.environ = mapping  # noqa: B003
        for name in context.get("env", {}):
            del os.environ[name]
        for name in context.get("putenv", {}):
            os.unsetenv(name)
        os.environ.update(saved)


@contextlib.contextmanager
def _soft_limit(soft: int) -> Iterator[None]:
    before = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(soft, before[1]), before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_NOFILE, before)


@contextlib.contextmanager
def _no_descriptor_left() -> Iterator[None]:
    """Use up every descriptor, so that the next one is EMFILE."""
    taken: list[int] = []
    with _soft_limit(256):
        try:
            with contextlib.suppress(OSError):
                while True:
                    taken.append(os.dup(2))
            yield
        finally:
            for descriptor in taken:
                os.close(descriptor)


@contextlib.contextmanager
def _held_port(kind: str, port: int, address: str = "", count: int = 1) -> Iterator[None]:
    """Hold `count` ports from `port` on, in one of the ways in which a port can be held."""
    with contextlib.ExitStack() as stack:
        for number in range(port, port + count):
            for held in _hold(kind, address, number):
                stack.callback(held.close)
        yield


def _hold(kind: str, address: str, port: int) -> list[socket.socket]:
    family = socket.AF_INET6 if kind in ("dual", "v6only") else socket.AF_INET
    holder = socket.socket(family, socket.SOCK_DGRAM if kind == "udp" else socket.SOCK_STREAM)
    if kind in ("reuseaddr", "timewait"):
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if kind == "reuseport":
        holder.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    if family == socket.AF_INET6:
        holder.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, kind == "v6only")
    holder.bind((address, port))
    if kind not in ("udp", "bound"):
        holder.listen(1)
    if kind != "timewait":
        return [holder]
    client = socket.create_connection(("127.0.0.1", port))
    server, _ = holder.accept()
    server.close()  # the side that closes first is left in TIME_WAIT
    client.close()
    holder.close()
    return []
