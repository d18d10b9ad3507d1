"""What the rollout may do: `[tool.release.rollout]` in pyproject.toml, strictly read."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, fields
from typing import Any

from release.rollout.flag_file import parse_percent, percent_text

_UNITS = {"s": 1, "m": 60, "h": 3600, "d": 86_400}


@dataclass(frozen=True)
class Limits:
    """The numbers the gate decides by. Times in seconds, rates as fractions of units.

    `roll_back_at` and `promote_at` are e-values: by Ville's inequality a true null reaches 1/alpha with
    probability alpha at most, however often one looks.
    """

    minimum_time: int = 86_400
    timeout: int = 14 * 86_400
    fallback_rate: float = 0.01
    crash_rate: float = 0.0001
    roll_back_at: float = 100.0
    promote_at: float = 20.0
    ratio_at: float = 1000.0


@dataclass(frozen=True)
class Policy:
    """Stages (as thresholds of 10000), names, and the limits of the gate."""

    package: str
    flag: str
    file: str
    stages: tuple[int, ...] = (1000, 2500, 5000, 10_000)
    prometheus: str | None = None
    limits: Limits = Limits()

    def stage_of(self, threshold: int) -> int | None:
        """Return the number of the stage with this threshold, from 1, or None."""
        return self.stages.index(threshold) + 1 if threshold in self.stages else None

    def next_stage(self, threshold: int) -> int | None:
        """Return the threshold of the first stage above this one, or None after the last."""
        return next((stage for stage in self.stages if stage > threshold), None)


def policy_from(table: Mapping[str, Any], package: str | None = None) -> Policy:
    """Read the table `[tool.release.rollout]`; `package` is the project's name, the default for names.

    Raises ValueError with every reason, the setting's name first.
    """
    problems: list[str] = []

    def take(name: str, read: Callable[[Any], Any], default: Any) -> Any:
        if name not in table:
            return default
        try:
            return read(table[name])
        except ValueError as error:
            problems.append(f"{name}: {error}")
            return default

    known = {"package", "flag", "file", "stages", "prometheus"} | {f.name.replace("_", "-") for f in fields(Limits)}
    problems += [
        f"{name}: unknown setting (known: {', '.join(sorted(known))})" for name in sorted(table.keys() - known)
    ]
    name = take("package", _text, package)
    if not name:
        problems.append("package: needed where pyproject.toml has no [project] name")
        name = "unknown"
    default = Limits()
    limits = Limits(
        minimum_time=take("minimum-time", _seconds, default.minimum_time),
        timeout=take("timeout", _seconds, default.timeout),
        fallback_rate=take("fallback-rate", _rate, default.fallback_rate),
        crash_rate=take("crash-rate", _rate, default.crash_rate),
        roll_back_at=take("roll-back-at", _e_value, default.roll_back_at),
        promote_at=take("promote-at", _e_value, default.promote_at),
        ratio_at=take("ratio-at", _e_value, default.ratio_at),
    )
    policy = Policy(
        package=name,
        flag=take("flag", _text, f"{name}.rollout"),
        file=take("file", _path, "rollout.json"),
        stages=take("stages", _stages, Policy.stages),
        prometheus=take("prometheus", _text, None),
        limits=limits,
    )
    if problems:
        raise ValueError("; ".join(problems))
    return policy


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value.strip() or not value.isprintable():
        raise ValueError(f"{value!r} is not a text")
    return value


def _path(value: Any) -> str:
    text = _text(value)
    if text.startswith(("/", "-")) or "\\" in text or ".." in text.split("/") or ":" in text:
        raise ValueError(f"{text!r} is not a path inside the repository")
    return text


def _stages(value: Any) -> tuple[int, ...]:
    if not isinstance(value, list | tuple) or not value:
        raise ValueError(f"{value!r} is not a list of percentages")
    stages = tuple(parse_percent(str(item)) for item in value if not isinstance(item, bool))
    if len(stages) != len(value) or stages[0] == 0 or any(a >= b for a, b in itertools.pairwise(stages)):
        raise ValueError("percentages must rise from above 0, for example [10, 25, 50, 100]")
    if stages[-1] != 10_000:
        raise ValueError(f"the last stage is {percent_text(stages[-1])}, and must be 100")
    return stages


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"([0-9]{1,9})\s*([smhd])", value, re.ASCII) if isinstance(value, str) else None
    if not match:
        raise ValueError(f'{value!r} is not a time such as "30m", "24h" or "14d"')
    return int(match[1]) * _UNITS[match[2]]


def _rate(value: Any) -> float:
    if type(value) is not float or not 0 < value < 0.5:
        raise ValueError(f"{value!r} is not a rate between 0 and 0.5, such as 0.01")
    return value


def _e_value(value: Any) -> float:
    if type(value) not in (int, float) or not 1 < value < 1e12:
        raise ValueError(f"{value!r} is not an e-value above 1, such as 100")
    return float(value)
