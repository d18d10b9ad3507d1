"""The flag file: one flagd flag definition, read strictly and written in one canonical form.

Stock flagd providers read it as it is. What they let pass is refused here: a misspelt variant, weights of zero,
fields the Python provider rejects the whole file for, duplicate keys, a percentage that the targeting contradicts.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from release.rollout.bucket import BUCKETS

LARGEST = 65_536
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,127}", re.ASCII)
_WORD = re.compile(r"[a-z][a-z-]{0,31}", re.ASCII)
_TEXT = """{"$schema":"https://flagd.dev/schema/v0/flags.json",
 "metadata":{"rolloutSchema":1,"rolloutId":"%s","package":"%s"},
 "flags":{"%s":{"state":"%s","variants":{"on":true,"off":false},"defaultVariant":"off",
  "metadata":{"percent":%s,"stage":%d,"algo":"fractional-v3","gate":"%s"},
  "targeting":{"if":[{">=":[{"var":["rolloutBucket",-1]},0]},
    {"if":[{"<":[{"var":["rolloutBucket",-1]},%d]},"on","off"]},
    {"fractional":[["on",%d],["off",%d]]}]}}}}
"""


class FlagFileError(ValueError):
    """The flag file is not one that this command wrote; the message says what and where."""


@dataclass(frozen=True)
class FlagFile:
    """What a flag file says. `threshold` is the percentage times 100; `stage` 0 means that no stage has begun."""

    rollout_id: str
    package: str
    flag: str
    threshold: int
    stage: int
    gate: str
    enabled: bool = True

    @property
    def percent(self) -> str:
        """The percentage as text: `25`, `12.5`."""
        return percent_text(self.threshold)

    def render(self) -> bytes:
        """Return the file's content. Raises FlagFileError for names that may not stand in it."""
        for what, value in (("rollout id", self.rollout_id), ("package", self.package), ("flag", self.flag)):
            if not _NAME.fullmatch(value):
                raise FlagFileError(f"{what} {value!r} may only hold letters, digits and . _ + - (at most 128)")
        if not _WORD.fullmatch(self.gate):
            raise FlagFileError(f"gate {self.gate!r} is not a plain word")
        if not 0 <= self.threshold <= BUCKETS or self.stage < 0:
            raise FlagFileError(f"threshold {self.threshold} or stage {self.stage} is out of range")
        values = (
            self.rollout_id,
            self.package,
            self.flag,
            "ENABLED" if self.enabled else "DISABLED",
            self.percent,
            self.stage,
            self.gate,
            self.threshold,
            self.threshold,
            BUCKETS - self.threshold,
        )
        return (_TEXT % values).encode("ascii")


def percent_text(threshold: int) -> str:
    """Return a threshold of 10000 as a percentage: 2500 is `25`, 1250 is `12.5`."""
    return f"{threshold / 100:g}"


def parse_percent(text: str) -> int:
    """Return the threshold of a percentage such as `25` or `12.5`. Raises ValueError for anything else."""
    if not re.fullmatch(r"[0-9]{1,3}(\.[0-9]{1,2})?", text, re.ASCII):
        raise ValueError(f"{text!r} is not a percentage: a number from 0 to 100 with at most two decimals, no sign")
    whole, _, part = text.partition(".")
    threshold = int(whole) * 100 + int((part + "00")[:2])
    if threshold > BUCKETS:
        raise ValueError(f"{text} % is more than everybody: a number from 0 to 100 is wanted")
    return threshold


def parse(data: bytes) -> FlagFile:
    """Read a flag file's content. Raises FlagFileError with the reason."""
    if len(data) > LARGEST:
        raise FlagFileError(f"is larger than {LARGEST} bytes")
    if not data.strip():
        raise FlagFileError("is empty")
    try:
        document = json.loads(data.decode("utf-8"), object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except RecursionError:
        raise FlagFileError("is nested too deeply") from None
    except UnicodeDecodeError as error:
        raise FlagFileError(f"is not UTF-8 at byte {error.start}") from None
    except json.JSONDecodeError as error:
        raise FlagFileError(f"is not JSON: line {error.lineno}, column {error.colno}: {error.msg}") from None
    return _document(document)


def _document(document: Any) -> FlagFile:
    _keys(document, "the file", {"metadata", "flags"}, {"$schema", "$comment"})
    about = document["metadata"]
    _keys(about, "metadata", {"rolloutSchema", "rolloutId", "package"})
    if type(about["rolloutSchema"]) is not int or about["rolloutSchema"] != 1:
        raise FlagFileError(f"metadata.rolloutSchema is {about['rolloutSchema']!r}, and only 1 is known")
    flags = document["flags"]
    if not isinstance(flags, dict) or len(flags) != 1:
        raise FlagFileError("flags must hold exactly one flag")
    ((name, flag),) = flags.items()
    where = f"flags.{name}"
    _keys(flag, where, {"state", "variants", "defaultVariant", "metadata", "targeting"})
    _keys(flag["metadata"], f"{where}.metadata", {"percent", "stage", "algo", "gate"})
    if flag["state"] not in ("ENABLED", "DISABLED"):
        raise FlagFileError(f"{where}.state is {flag['state']!r}: ENABLED or DISABLED is wanted")
    if not _same(flag["variants"], {"on": True, "off": False}):
        raise FlagFileError(f'{where}.variants must be {{"on": true, "off": false}}')
    if flag["defaultVariant"] != "off":
        raise FlagFileError(f"{where}.defaultVariant is {flag['defaultVariant']!r}: off is wanted")
    threshold = _threshold(flag["targeting"], where)
    about_flag = flag["metadata"]
    percent, stage = about_flag["percent"], about_flag["stage"]
    if type(percent) not in (int, float) or percent != threshold / 100:
        raise FlagFileError(
            f"{where}.metadata.percent is {percent!r}, but the targeting says {percent_text(threshold)}"
        )
    if type(stage) is not int or stage < 0:
        raise FlagFileError(f"{where}.metadata.stage is {stage!r}: a whole number from 0 is wanted")
    if about_flag["algo"] != "fractional-v3":
        raise FlagFileError(f"{where}.metadata.algo is {about_flag['algo']!r}, and only fractional-v3 is known")
    for key, value in (("rolloutId", about["rolloutId"]), ("package", about["package"]), ("flag", name)):
        if not isinstance(value, str) or not _NAME.fullmatch(value):
            raise FlagFileError(f"{key} {value!r} may only hold letters, digits and . _ + - (at most 128)")
    if not isinstance(about_flag["gate"], str) or not _WORD.fullmatch(about_flag["gate"]):
        raise FlagFileError(f"{where}.metadata.gate is {about_flag['gate']!r}: a plain word is wanted")
    enabled = flag["state"] == "ENABLED"
    return FlagFile(about["rolloutId"], about["package"], name, threshold, stage, about_flag["gate"], enabled)


def _threshold(targeting: Any, where: str) -> int:
    try:
        threshold = targeting["if"][1]["if"][0]["<"][1]
    except (LookupError, TypeError):
        raise FlagFileError(f"{where}.targeting does not compare rolloutBucket with a threshold") from None
    if type(threshold) is not int or not 0 <= threshold <= BUCKETS:
        raise FlagFileError(f"{where}.targeting has the threshold {threshold!r}: 0 to {BUCKETS} is wanted, whole")
    bucket = {"var": ["rolloutBucket", -1]}
    wanted = {
        "if": [
            {">=": [bucket, 0]},
            {"if": [{"<": [bucket, threshold]}, "on", "off"]},
            {"fractional": [["on", threshold], ["off", BUCKETS - threshold]]},
        ]
    }
    if not _same(targeting, wanted):
        raise FlagFileError(
            f"{where}.targeting is not the rule this command writes for {percent_text(threshold)} %: "
            "look for a misspelt variant or weights that do not add up to 10000"
        )
    return threshold


def _keys(value: Any, where: str, needed: set[str], allowed: Iterable[str] = ()) -> None:
    if not isinstance(value, dict):
        raise FlagFileError(f"{where} is not an object")
    missing = sorted(needed - value.keys())
    unknown = sorted(value.keys() - needed - set(allowed))
    if missing:
        raise FlagFileError(f"{where} lacks {', '.join(missing)}")
    if unknown:
        raise FlagFileError(
            f"{where} has unknown fields, for which flagd providers reject a file: {', '.join(unknown)}"
        )


def _same(left: Any, right: Any) -> bool:
    """Equal as JSON text, because True == 1 == 1.0 in Python."""
    return json.dumps(left, sort_keys=True) == json.dumps(right, sort_keys=True)


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    seen = dict(pairs)
    if len(seen) != len(pairs):
        names = [name for name, _ in pairs]
        raise FlagFileError(f"has the key {next(name for name in names if names.count(name) > 1)!r} twice")
    return seen


def _no_constant(text: str) -> Any:
    raise FlagFileError(f"holds {text}, which is not JSON")
