"""Twelve SkyPilot utility functions, each bound once, at import, to Rust or to its Python twin.

    from sky.utils.rust_fallback import read_last_n_lines, hash_file

With Rust in use a name here *is* the native function, so that a call costs nothing extra. Which of the
two is used is decided by `sky.utils.rust_rollout` (first of all by the variable `SKYPILOT_USE_RUST`).
No native module is normal and means Python; one that is installed but broken is a RuntimeWarning, and
means Python too. `python -m sky.utils.rust_fallback` checks the installation.
"""

from __future__ import annotations

import os
import sys

# The twins are loaded with Rust in use too: native code hands errors and odd inputs to them, and must be
# able to when nothing can be opened any more (no descriptors left, another user, a removed installation).
from sky.utils import rust_rollout, rust_twins

TYPE_CHECKING = False
if TYPE_CHECKING:
    from types import ModuleType
    from typing import Any

    from sky.utils.rust_twins import (
        base36_encode,
        estimate_fd_for_directory,
        find_free_port,
        format_float,
        get_cpu_count,
        get_max_workers,
        get_max_workers_for_file_mounts,
        get_mem_size_gb,
        get_parallel_threads,
        hash_file,
        is_process_alive,
        read_last_n_lines,
        truncate_long_string,
    )

FUNCTIONS = (
    "read_last_n_lines",
    "hash_file",
    "find_free_port",
    "base36_encode",
    "format_float",
    "truncate_long_string",
    "get_cpu_count",
    "get_mem_size_gb",
    "get_parallel_threads",
    "is_process_alive",
    "get_max_workers_for_file_mounts",
    "estimate_fd_for_directory",
)
"""The names of the twelve; `get_max_workers` is a second name for get_max_workers_for_file_mounts."""

__all__ = [
    "FUNCTIONS",
    "base36_encode",
    "estimate_fd_for_directory",
    "find_free_port",
    "format_float",
    "get_backend_info",
    "get_cpu_count",
    "get_max_workers",
    "get_max_workers_for_file_mounts",
    "get_mem_size_gb",
    "get_parallel_threads",
    "hash_file",
    "is_process_alive",
    "is_rust_available",
    "read_last_n_lines",
    "stats",
    "truncate_long_string",
]

_ALL_NAMES = (*FUNCTIONS, "get_max_workers")


def _load_native() -> tuple[ModuleType | None, str | None]:
    """Import the native module: it and None, or None and what is wrong with it (None when it is absent)."""
    try:
        import sky_rs
    except ModuleNotFoundError as error:
        if error.name == "sky_rs":
            return None, None
        return None, f"it cannot be imported: {error}"
    except (KeyboardInterrupt, SystemExit):
        raise
    except BaseException as error:  # a panic while the module starts is no Exception
        return None, f"it cannot be imported: {type(error).__name__}: {error}"
    if getattr(sky_rs, "__file__", None) is None:  # a folder of that name, not a module
        return None, None
    missing = [name for name in (*_ALL_NAMES, "_stats", "__version__") if not hasattr(sky_rs, name)]
    if missing:
        return None, f"{sky_rs.__file__} has no {', '.join(missing)}"
    installed = _installed_version(sky_rs.__version__)
    if installed not in (None, sky_rs.__version__):
        return None, f"{sky_rs.__file__} is version {sky_rs.__version__}, these Python files are {installed}"
    return sky_rs, None


def _installed_version(expected: str | None) -> str | None:
    """Return the version these files were installed as, or None when they run from a source tree.

    A look for the `.dist-info` folder beside `sky/`: importlib.metadata would cost more than all the rest.
    """
    site = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))  # noqa: PTH100, PTH120
    if expected is not None and os.path.isdir(f"{site}/sky_rs-{expected}.dist-info"):  # noqa: PTH112
        return expected
    try:
        names = os.listdir(site)  # noqa: PTH208
    except OSError:  # imported from an archive
        return None
    for name in names:
        if name.startswith("sky_rs-") and name.endswith(".dist-info"):
            return name[len("sky_rs-") : -len(".dist-info")]
    return None


def _bind() -> tuple[rust_rollout.Decision, ModuleType | None, str | None]:
    """Decide on the backend and give this module its thirteen names."""
    decision = rust_rollout.decide()
    native, problem = _load_native() if decision.rust_wanted else (None, None)
    if problem is not None:
        import warnings

        warnings.warn(
            f"sky_rs is installed but broken, so Python is used instead: {problem}. "
            "Reinstall it (pip install --force-reinstall sky-rs) or set SKYPILOT_USE_RUST=0; "
            "`python -m sky.utils.rust_fallback` checks the installation.",
            RuntimeWarning,
            stacklevel=3,
        )
    for name in _ALL_NAMES:
        globals()[name] = getattr(native or rust_twins, name)
    return decision, native, problem


if __name__ != "__main__":  # run as a program, the doctor imports this module under its own name
    _decision, _native, _problem = _bind()
    if "SKYPILOT_RUST_EVIDENCE" in os.environ:
        from sky.utils import rust_evidence

        rust_evidence.start()


def is_rust_available() -> bool:
    """Tell whether the native module is installed and sound, be it in use or not.

    With Rust switched off, the first call imports it to find out.
    """
    return (_native or _load_native()[0]) is not None


def get_backend_info() -> dict[str, Any]:
    """Say which backend is in use, and why, as a dict that `json.dumps` takes.

    `backend` is "rust" or "python"; `rule` and `reason` say what decided, `percent`, `bucket`,
    `content_hash` and `rollout_id` which stage of a rollout did, if one did; `error` says what is wrong
    with a broken native module. `version` is the installed version of sky-rs, None in a source tree.
    """
    native, problem = (_native, _problem) if _decision.rust_wanted else _load_native()
    reason = _decision.reason
    if _decision.rust_wanted and native is None:
        reason += "; there is no native module" if problem is None else "; the native module is broken"
    native_version = getattr(native, "__version__", None)
    return {
        "backend": "python" if _native is None else "rust",
        "rust_wanted": _decision.rust_wanted,
        "rust_available": native is not None,
        "rule": _decision.rule,
        "reason": reason,
        "percent": _decision.percent,
        "bucket": _decision.bucket,
        "content_hash": _decision.content_hash,
        "rollout_id": _decision.rollout_id,
        "version": _installed_version(native_version),
        "native_version": native_version,
        "native_path": getattr(sys.modules.get("sky_rs.sky_rs", native), "__file__", None),
        "error": problem,
        "python_version": sys.version.split()[0],
        "platform": sys.platform,
    }


def stats() -> dict[str, dict[str, int]]:
    """Count, for each of the twelve in this process, what the native module did.

    `native_calls` are calls that native code answered, `fallbacks` those that it handed to the Python twin,
    `internal_errors` the panics that the twin answered for: three counts without overlap. Calls of the
    Python backend are not counted, as that would cost a wrapper around every call: there everything is 0.
    """
    counted = _native._stats() if _native is not None else {}
    table = {}
    for name in FUNCTIONS:
        calls, fallbacks, errors = counted.get(name, (0, 0, 0))
        table[name] = {"native_calls": calls, "fallbacks": fallbacks, "internal_errors": errors}
    return table


if __name__ == "__main__":
    from sky.utils import rust_doctor

    sys.exit(rust_doctor.main())
