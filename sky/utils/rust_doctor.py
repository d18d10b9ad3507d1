"""The doctor: which backend is in use, why, and whether all twelve functions answer as they should.

Run it as `python -m sky.utils.rust_fallback`. Standard library only.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import socket
import sys
import tempfile

from sky.utils import rust_fallback, rust_twins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any

    Function = Callable[..., Any]
    Check = Callable[[Function, str], bool]  # the function under test, a folder with a known content

_TEXT = b"first\nsecond\r\nlast \xff\n"
_TEXT_SHA256 = "d366ea8dfcb35ea521329e5510b746106c3ad0f1787f8a9236b6ee7b51f4d19c"
_EXAMPLES = """examples:
  python -m sky.utils.rust_fallback                 report for people
  python -m sky.utils.rust_fallback --format json   report for programs, one object
  SKYPILOT_USE_RUST=0 python -m sky.utils.rust_fallback    the same with Rust switched off

exit codes: 0 everything works (the Python backend alone is fine), 1 something is broken
"""


def _file(folder: str) -> str:
    return os.path.join(folder, "text")  # noqa: PTH118


def _check_free_port(find_free_port: Function, _: str) -> bool:
    for _attempt in range(5):  # another process may take the port first
        port = find_free_port(20000)
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
            try:
                probe.bind(("", port))
            except OSError:
                continue
            return type(port) is int and 20000 <= port < 65535
    return False


def _check_hash(hash_file: Function, folder: str) -> bool:
    digest = hash_file(_file(folder), "sha256")
    copy = digest.copy()
    digest.update(b"more")
    return bool(copy.name == "sha256" and copy.hexdigest() == _TEXT_SHA256 != digest.hexdigest())


def _refuses(error: type[BaseException], message: str, function: Function, *arguments: object) -> bool:
    try:
        function(*arguments)
    except error as raised:
        return str(raised) == message
    return False


CHECKS: dict[str, Check] = {
    "read_last_n_lines": lambda f, d: (
        f(_file(d), 2) == ["second\n", "last \ufffd"]
        and _refuses(AssertionError, "n must be non-negative. Got -1", f, _file(d), -1)
    ),
    "hash_file": _check_hash,
    "find_free_port": _check_free_port,
    "base36_encode": lambda f, _: (
        f("DEADbeef") == "1ps9wxb"
        and f("f" * 40) == "twj4yidkw7a8pn4g709kzmfoaol3x8f"
        and _refuses(ValueError, "invalid literal for int() with base 16: 'xyz'", f, "xyz")
    ),
    "format_float": lambda f, _: (
        [f(16.0), f(0.25), f(1e22), f(7), f(3.14159, 3)] == ["16", "0.2", "10000000000000000000000", "7", "3.142"]
    ),
    "truncate_long_string": lambda f, _: (
        [f("one two three", 9), f("one two three", 8, True), f("one")] == ["one two t...", "one...ee", "one"]
    ),
    "get_cpu_count": lambda f, _: f() == rust_twins.get_cpu_count() and type(f()) is int,
    "get_mem_size_gb": lambda f, _: f() == rust_twins.get_mem_size_gb() and type(f()) is float,
    "get_parallel_threads": lambda f, _: f("Kubernetes") == 4 * f() == 4 * max(4, (os.cpu_count() or 1) - 1),
    "is_process_alive": lambda f, _: (
        f(os.getpid()) is True
        and f(2**31) is False
        and _refuses(ValueError, "pid must be a positive integer (got -1)", f, -1)
    ),
    "get_max_workers_for_file_mounts": lambda f, d: (
        f({"/mount": d}) == rust_twins.get_max_workers_for_file_mounts({"/mount": d})
    ),
    "estimate_fd_for_directory": lambda f, d: f(d) == 10,
}
"""What each function must answer on the folder that `self_test` makes; run on both backends."""


def self_test(backends: dict[str, Any]) -> dict[str, dict[str, str]]:
    """Run every check on every backend; the answer is "ok" or what went wrong, by function and backend."""
    results: dict[str, dict[str, str]] = {}
    with tempfile.TemporaryDirectory(prefix="sky-rs-doctor-") as folder:
        os.mkdir(os.path.join(folder, "sub"))  # noqa: PTH102, PTH118
        with open(_file(folder), "wb") as stream:  # noqa: PTH123
            stream.write(_TEXT)
        for name, check in CHECKS.items():
            results[name] = {
                label: _outcome(check, getattr(module, name), folder) for label, module in backends.items()
            }
    return results


def _outcome(check: Check, function: Function, folder: str) -> str:
    try:
        return "ok" if check(function, folder) else "wrong answer"
    except Exception as error:  # the report must go on, whatever a broken function raises
        return f"{type(error).__name__}: {error}"


def examine() -> dict[str, Any]:
    """Look at this installation; `problems` is empty when nothing is broken."""
    info = rust_fallback.get_backend_info()
    backends: dict[str, Any] = {"python": rust_twins}
    if info["rust_available"]:
        import sky_rs

        backends["rust"] = sky_rs
    results = self_test(backends)
    problems = [] if info["error"] is None else [f"the native module is broken: {info['error']}"]
    problems += [
        f"{name} on {backend}: {result}"
        for name, by_backend in results.items()
        for backend, result in by_backend.items()
        if result != "ok"
    ]
    problems += [
        f"{name}: {counts['internal_errors']} internal errors in the native function"
        for name, counts in rust_fallback.stats().items()
        if counts["internal_errors"]
    ]
    return {
        "ok": not problems,
        **info,
        "python_files": os.path.dirname(os.path.abspath(rust_fallback.__file__)),  # noqa: PTH100, PTH120
        "executable": sys.executable,
        "machine": platform.machine(),
        "implementation": platform.python_implementation(),
        "self_test": results,
        "problems": problems,
    }


def render(report: dict[str, Any]) -> str:
    """Write the report of `examine` for people."""
    version = report["version"] or "run from a source tree"
    native = "absent (the Python twins do the work)"
    if report["rust_available"]:
        native = f"{report['native_version']}, {report['native_path']}"
    elif report["error"]:
        native = "broken"
    why = f"{report['reason']} (rule: {report['rule']})"
    if report["percent"] is not None:
        why += f"; rollout {report['rollout_id']} at {report['percent']:g} %, bucket {report['bucket']}"
    lines = [
        f"backend        {report['backend']}",
        f"why            {why}",
        f"sky-rs         {version}, {report['python_files']}",
        f"native module  {native}",
        f"python         {report['implementation']} {report['python_version']}, {report['executable']}",
        f"platform       {report['platform']}, {report['machine']}",
        "",
        "self-test",
    ]
    for name, by_backend in report["self_test"].items():
        results = "   ".join(f"{backend}: {result}" for backend, result in by_backend.items())
        lines.append(f"  {name:<32} {results}")
    lines.append("")
    if report["ok"]:
        count = len(report["self_test"])
        tested = "both backends" if report["rust_available"] else "the Python backend"
        lines.append(f"ok: {count} of {count} functions answer as they should on {tested}")
    else:
        lines += [f"problem: {problem}" for problem in report["problems"]]
        lines.append("next step: pip install --force-reinstall sky-rs, or SKYPILOT_USE_RUST=0 to do without Rust")
    return "\n".join(lines)


def main(arguments: Sequence[str] | None = None) -> int:
    """Print the report; 1 when something is broken."""
    parser = argparse.ArgumentParser(
        prog="python -m sky.utils.rust_fallback",
        description="Check an installation of sky-rs: the backend in use, why, and a self-test.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--format", choices=("text", "json"), default="text", help="default: text")
    options = parser.parse_args(arguments)
    report = examine()
    print(json.dumps(report, indent=2) if options.format == "json" else render(report))
    return 0 if report["ok"] else 1
