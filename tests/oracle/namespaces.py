"""Private mounts and a private network for the worker, so that all sides see the same machine.

SkyPilot reads fixed paths (/sys/fs/cgroup, /proc/meminfo), and native code does not see a patched
`open`: the files themselves must be given. Linux only; needs root, or user namespaces. What is not
permitted is reported, and the cases that need it are counted as not run.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import pathlib
import shutil
import socket
import struct
import sys

CGROUP = pathlib.Path("/sys/fs/cgroup")
MEMINFO = pathlib.Path("/proc/meminfo")
DEFAULT_MEMINFO = "MemTotal:       16384000 kB\nMemFree:         8192000 kB\nMemAvailable:   12000000 kB\n"

_NEW_NS, _NEW_USER, _NEW_NET = 0x00020000, 0x10000000, 0x40000000
_MS_BIND, _MS_REC, _MS_PRIVATE = 0x1000, 0x4000, 0x40000
_SIOCGIFFLAGS, _SIOCSIFFLAGS, _IFF_UP = 0x8913, 0x8914, 0x1
_LIBC = ctypes.CDLL(None, use_errno=True)


def _call(name: str, *arguments: object) -> None:
    if getattr(_LIBC, name)(*arguments) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{name}: {os.strerror(number)}")


def _mount(source: str, target: str, kind: str | None, flags: int, options: str | None = None) -> None:
    text = [None if part is None else part.encode() for part in (source, target, kind, options)]
    _call("mount", text[0], text[1], text[2], ctypes.c_ulong(flags), text[3])


def enter(scratch: pathlib.Path) -> list[str]:
    """Enter the namespaces; return what is granted: "mounts", "network", "root" (other users' rights too).

    `scratch` is an empty folder of the caller's, for the file that stands in for /proc/meminfo.
    """
    if not sys.platform.startswith("linux"):
        return []
    granted = []
    root = os.getuid() == 0
    try:
        if root:
            _call("unshare", _NEW_NS | _NEW_NET)
            granted.append("root")
        else:
            _become_root_of_a_user_namespace()
        _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
        _bring_loopback_up()
        granted.append("network")
        _mount("tmpfs", str(CGROUP), "tmpfs", 0, "mode=755")
        stand_in = scratch / "meminfo"
        stand_in.write_text(DEFAULT_MEMINFO)
        _mount(str(stand_in), str(MEMINFO), None, _MS_BIND)
        granted.append("mounts")
    except OSError as error:
        print(f"namespaces: {error}; granted: {granted or 'nothing'}", file=sys.stderr)
    return granted


def _become_root_of_a_user_namespace() -> None:
    uid, gid = os.getuid(), os.getgid()
    _call("unshare", _NEW_USER | _NEW_NS | _NEW_NET)
    pathlib.Path("/proc/self/setgroups").write_text("deny")
    pathlib.Path("/proc/self/uid_map").write_text(f"0 {uid} 1")
    pathlib.Path("/proc/self/gid_map").write_text(f"0 {gid} 1")


def _bring_loopback_up() -> None:
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        name = struct.pack("16sH14x", b"lo", 0)
        flags = struct.unpack("16sH14x", fcntl.ioctl(control, _SIOCGIFFLAGS, name))[1]
        fcntl.ioctl(control, _SIOCSIFFLAGS, struct.pack("16sH14x", b"lo", flags | _IFF_UP))


def hide_other_processes() -> None:
    """Mount /proc anew with hidepid=2, in mounts of this process's own."""
    _call("unshare", _NEW_NS)
    _mount("none", "/", None, _MS_REC | _MS_PRIVATE)
    _mount("proc", "/proc", "proc", 0, "hidepid=2")


def write_cgroup(files: dict[str, object]) -> None:
    """Make the cgroup folder hold exactly `files`: text, None for a folder, {"link": target}, {"mode": m}."""
    for entry in list(CGROUP.iterdir()):
        if entry.is_dir() and not entry.is_symlink():
            shutil.rmtree(entry)
        else:
            entry.unlink()
    for name, content in files.items():
        path = CGROUP / name
        path.parent.mkdir(parents=True, exist_ok=True)
        if content is None:
            path.mkdir()
        elif isinstance(content, dict) and "link" in content:
            path.symlink_to(content["link"])
        elif isinstance(content, dict):
            path.write_text(content["text"])
            path.chmod(content["mode"])
        else:
            path.write_bytes(str(content).encode("latin-1"))


def write_meminfo(content: str | None) -> None:
    """Give /proc/meminfo this content, or the usual one."""
    MEMINFO.write_text(DEFAULT_MEMINFO if content is None else content, encoding="latin-1")
