"""Decide, once per process, whether Rust is wanted: the flag `SKYPILOT_USE_RUST`.

Standard library only, and never an exception: whatever cannot be understood means the default.
"""

from __future__ import annotations

import os
import warnings

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NamedTuple

    class Decision(NamedTuple):
        """Which backend is wanted, and why."""

        rust_wanted: bool
        rule: str
        reason: str
        percent: float | None = None
        bucket: int | None = None
        content_hash: str | None = None
        rollout_id: str | None = None
else:
    from collections import namedtuple

    Decision = namedtuple(
        "Decision",
        "rust_wanted rule reason percent bucket content_hash rollout_id",
        defaults=(None, None, None, None),
    )

FLAG = "SKYPILOT_USE_RUST"
_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")


def decide(environ: Mapping[str, str] | None = None) -> Decision:
    """Read the flag from `environ` (the process environment when None).

    `1`, `true`, `yes` and `on` ask for Rust; `0`, `false`, `no` and `off` for Python; `auto`, like no value
    at all, for Rust where the native module is installed. Case and surrounding blanks do not matter.
    Any other value is a RuntimeWarning, and `auto`.
    """
    value = (os.environ if environ is None else environ).get(FLAG, "")
    word = value.strip().lower()
    if word in _ON:
        return Decision(True, "environment", f"{FLAG}={value} asks for Rust")
    if word in _OFF:
        return Decision(False, "environment", f"{FLAG}={value} asks for Python")
    if word not in ("", "auto"):
        warnings.warn(
            f"{FLAG}={value!r} is not one of {', '.join(_ON + _OFF)}, auto; treated as auto",
            RuntimeWarning,
            stacklevel=2,
        )
    return Decision(True, "default", "Rust is used where the native module is installed")
