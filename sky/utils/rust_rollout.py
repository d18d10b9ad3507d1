"""Decide, once per process, whether Rust is wanted.

The first of these that speaks decides:

1. the environment variable `SKYPILOT_USE_RUST` (`1`, `0`, or `auto`, which passes the question on);
2. an OpenFeature provider's answer handed in with `use_provider_answer()`;
3. the flag file that `SKYPILOT_RUST_ROLLOUT` names;
4. the flag file beside this module, `rust_rollout.json`.

A flag file is a flagd definition whose one flag compares the host's bucket (0 to 9999) with a threshold.
The bucket is flagd's third-generation `fractional` hash, so a stock flagd gives every host the same answer.
A file that is missing, unreadable, too large, corrupt or of a shape not known here means Python.
Standard library only, and never an exception.
"""

from __future__ import annotations

# ruff: noqa: PTH100, PTH111, PTH118, PTH120  (pathlib would cost more than the decision)
import os
import stat
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from hashlib import sha256
else:
    # `random` does the same: hashlib would load OpenSSL, which costs more than everything else here.
    try:
        if sys.version_info >= (3, 12):
            from _sha2 import sha256
        else:
            from _sha256 import sha256
    except ImportError:
        from hashlib import sha256

FLAG = "SKYPILOT_USE_RUST"
FILE_VARIABLE = "SKYPILOT_RUST_ROLLOUT"
FLAG_KEY = "sky-rs.use-rust"
PACKAGE_FILE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "rust_rollout.json")
BUCKETS = 10000
LARGEST_FILE = 65536
_LARGEST_ID = 4096
_READ = os.O_RDONLY | getattr(os, "O_NONBLOCK", 0) | getattr(os, "O_BINARY", 0)
_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")

# The text `python -m release rollout` writes. A file that is exactly this text needs no JSON parser.
_CANONICAL = """{"$schema":"https://flagd.dev/schema/v0/flags.json",
 "metadata":{"rolloutSchema":1,"rolloutId":"%s","package":"sky-rs"},
 "flags":{"sky-rs.use-rust":{"state":"%s","variants":{"on":true,"off":false},"defaultVariant":"off",
  "metadata":{"percent":%s,"stage":%s,"algo":"fractional-v3","gate":"%s"},
  "targeting":{"if":[{">=":[{"var":["rolloutBucket",-1]},0]},
    {"if":[{"<":[{"var":["rolloutBucket",-1]},%s]},"on","off"]},
    {"fractional":[["on",%s],["off",%s]]}]}}}}
"""
# What stands between its values.
_LITERALS = _CANONICAL.split("%s")


class _Record:
    """Named values: a namedtuple or a dataclass would load what costs more than the decision."""

    __slots__: tuple[str, ...] = ()

    def __eq__(self, other: object) -> bool:
        return type(self) is type(other) and all(getattr(self, name) == getattr(other, name) for name in self.__slots__)

    __hash__ = None  # type: ignore[assignment]

    def __repr__(self) -> str:
        return f"{type(self).__name__}({', '.join(f'{name}={getattr(self, name)!r}' for name in self.__slots__)})"


class Decision(_Record):
    """Which backend is wanted, and why.

    `percent` is 0.0 to 100.0, `bucket` 0 to 9999, `content_hash` the SHA-256 of the flag file that was read.
    """

    __slots__ = ("bucket", "content_hash", "percent", "reason", "rollout_id", "rule", "rust_wanted")

    def __init__(
        self,
        rust_wanted: bool,
        rule: str,
        reason: str,
        percent: float | None = None,
        bucket: int | None = None,
        content_hash: str | None = None,
        rollout_id: str | None = None,
    ) -> None:
        self.rust_wanted = rust_wanted
        self.rule = rule
        self.reason = reason
        self.percent = percent
        self.bucket = bucket
        self.content_hash = content_hash
        self.rollout_id = rollout_id


class Rollout(_Record):
    """What a flag file says: hosts whose bucket is below `threshold` (of 10000) use Rust."""

    __slots__ = ("enabled", "rollout_id", "stage", "threshold")

    def __init__(self, rollout_id: str, enabled: bool, threshold: int, stage: int) -> None:
        self.rollout_id = rollout_id
        self.enabled = enabled
        self.threshold = threshold
        self.stage = stage


_provider_answer: Decision | None = None


def decide(environ: Mapping[str, str] | None = None) -> Decision:
    """Say whether Rust is wanted, from `environ` (the process environment when None) and the flag file.

    `SKYPILOT_USE_RUST`: `1`, `true`, `yes` and `on` ask for Rust; `0`, `false`, `no` and `off` for Python;
    `auto`, like no value at all, leaves it to the rollout. Case and surrounding blanks do not matter.
    Any other value is a RuntimeWarning, and `auto`.
    """
    environ = os.environ if environ is None else environ
    value = environ.get(FLAG, "")
    word = value.strip().lower()
    if word in _ON:
        return Decision(True, "environment", f"{FLAG}={value} asks for Rust")
    if word in _OFF:
        return Decision(False, "environment", f"{FLAG}={value} asks for Python")
    if word not in ("", "auto"):
        _warn(f"{FLAG}={value!r} is not one of {', '.join(_ON + _OFF)}, auto; treated as auto")
    if _provider_answer is not None:
        return _provider_answer
    named = environ.get(FILE_VARIABLE, "")
    if named:
        return _decide_by_file("environment-file", os.path.expanduser(named), environ)
    return _decide_by_file("package-file", PACKAGE_FILE, environ)


def use_provider_answer(
    answer: bool,
    reason: str = "an OpenFeature provider answered",
    rollout_id: str | None = None,
    percent: float | None = None,
) -> None:
    """Let `answer` take the place of the flag file in this process.

    Call it before `sky.utils.rust_fallback` is imported, because names are bound there once; later it changes
    nothing, and a RuntimeWarning says so. An explicit `SKYPILOT_USE_RUST` still wins. `rollout_id` and `percent`
    (flag metadata, for providers that pass it on) are needed only for units to count as evidence.
    """
    global _provider_answer
    if "sky.utils.rust_fallback" in sys.modules:
        _warn("the backend is already bound: call use_provider_answer() before importing sky.utils.rust_fallback")
        return
    _provider_answer = Decision(answer is True, "provider", reason, percent, None, None, rollout_id)


def _warn(message: str) -> None:
    import warnings  # only here, as it is rarely needed

    warnings.warn(message, RuntimeWarning, stacklevel=3)


def evaluation_context(environ: Mapping[str, str] | None = None) -> dict[str, str | int]:
    """Return what an OpenFeature evaluation context needs: `targetingKey` and `rolloutBucket`.

    With the bucket in the context, every flagd generation gives this host the answer that `decide()` gives.
    """
    key = unit_key(environ)
    return {"targetingKey": key, "rolloutBucket": bucket(key)}


def unit_key(environ: Mapping[str, str] | None = None) -> str:
    """Return the key that places this host or user in the rollout: 32 hex digits, never an id itself.

    It is the beginning of SHA-256 of `sky-rs:` and SkyPilot's user id (`SKYPILOT_USER_ID`, `~/.sky/user_hash`),
    else the machine id, else the host name. Empty when nothing identifies the host.
    """
    environ = os.environ if environ is None else environ
    identity = _user_id(environ) or _machine_id()
    return sha256(b"sky-rs:" + identity.encode("utf-8", "surrogatepass")).hexdigest()[:32] if identity else ""


def bucket(key: str) -> int:
    """Return the bucket of `key`, 0 to 9999: `(h * 10000) >> 32`, `h` as flagd's third generation hashes.

    The empty key, which flagd does not hash, gets the last bucket, so it joins at 100 % and not before.
    """
    if not key:
        return BUCKETS - 1
    name = key.encode("utf-8")
    return (_murmur3(_FLAG_CODE + _cbor_head(len(name)) + name, _FLAG_STATE) * BUCKETS) >> 32


def parse(data: bytes) -> Rollout:
    """Read a flag file's content. Raises ValueError for anything but the one shape known here."""
    text = data.decode("utf-8")
    return _parse_canonical(text) or _parse_json(text)


def _decide_by_file(rule: str, path: str, environ: Mapping[str, str]) -> Decision:
    digest = None
    try:
        data = _read(path, LARGEST_FILE)
        digest = sha256(data).hexdigest()
        rollout = parse(data)
        place = bucket(unit_key(environ))
    except Exception as error:  # a flag file may never break an import
        return Decision(False, rule, f"Python, because {path} cannot be used: {error}", content_hash=digest)
    if not rollout.enabled:
        return Decision(False, rule, "the rollout is switched off", 0.0, place, digest, rollout.rollout_id)
    percent = rollout.threshold / 100
    wanted = place < rollout.threshold
    if rollout.stage == 0 and wanted:
        reason = "no rollout has begun: Rust where the native module is installed"
    else:
        reason = f"bucket {place} is {'in' if wanted else 'not in'} the first {percent:g} %"
    return Decision(wanted, rule, reason, percent, place, digest, rollout.rollout_id)


def _read(path: str, limit: int) -> bytes:
    """Read a whole regular file of at most `limit` bytes through one descriptor.

    One descriptor means one version of a file that is being replaced; non-blocking, because a FIFO may be named.
    """
    descriptor = os.open(path, _READ)
    try:
        facts = os.fstat(descriptor)
        if not stat.S_ISREG(facts.st_mode):
            raise ValueError("not a regular file")
        if facts.st_size > limit:
            raise ValueError(f"larger than {limit} bytes")
        data = os.read(descriptor, facts.st_size + 1)  # to get no more than the size says that this is all
        while len(data) != facts.st_size and data and len(data) <= limit:
            more = os.read(descriptor, limit + 1 - len(data))
            if not more:
                return data
            data += more
        if not data or len(data) > limit:
            raise ValueError("empty" if not data else f"larger than {limit} bytes")
        return data
    finally:
        os.close(descriptor)


def _parse_canonical(text: str) -> Rollout | None:
    """Take the values out by position, write the file again from them, and compare: equal text is proof."""
    if not text.isascii() or "\\" in text:
        return None
    found: list[str] = []
    end = 0
    for literal in _LITERALS[:6]:  # up to the threshold, from which the others follow
        start = end + len(literal)
        end = text.find("]" if len(found) == 5 else "," if len(found) in (2, 3) else '"', start)
        found.append(text[start:end])
    rollout_id, state, _, stage, gate, number = found
    if not (number.isdigit() and stage.isdigit() and len(number) <= 5 and len(stage) <= 5):
        return None
    threshold = _number(number)
    if threshold > BUCKETS or state not in ("ENABLED", "DISABLED") or (stage[0] == "0" and stage != "0"):
        return None
    if not (rollout_id.isprintable() and gate.isprintable()):
        return None
    percent = str(threshold // 100)
    if threshold % 100:
        percent = (percent + "." + str(threshold % 100 + 100)[1:]).rstrip("0")
    values = (rollout_id, state, percent, stage, gate, threshold, threshold, BUCKETS - threshold)
    return Rollout(rollout_id, state == "ENABLED", threshold, _number(stage)) if text == _CANONICAL % values else None


def _number(digits: str) -> int:
    """Read ASCII digits. In a fresh process the first `int(text)` costs ten times as much."""
    number = 0
    for digit in digits:
        number = number * 10 + ord(digit) - 48
    return number


def _parse_json(text: str) -> Rollout:
    """Accept the same content in any other JSON spelling. Raises ValueError."""
    import json  # only here: it costs more than the whole decision

    try:
        document = json.loads(text)
        about = document["metadata"]
        (flag,) = document["flags"].values()
        threshold = flag["targeting"]["if"][1]["if"][0]["<"][1]
        wanted = {
            "state": flag["state"],
            "variants": {"on": True, "off": False},
            "defaultVariant": "off",
            "metadata": flag["metadata"],
            "targeting": {
                "if": [
                    {">=": [{"var": ["rolloutBucket", -1]}, 0]},
                    {"if": [{"<": [{"var": ["rolloutBucket", -1]}, threshold]}, "on", "off"]},
                    {"fractional": [["on", threshold], ["off", BUCKETS - threshold]]},
                ]
            },
        }
        rollout_id, stage, percent = (
            about["rolloutId"],
            flag["metadata"]["stage"],
            flag["metadata"]["percent"],
        )
        known = (
            list(document["flags"]) == [FLAG_KEY]
            and type(about["rolloutSchema"]) is int
            and about["rolloutSchema"] == 1
            and isinstance(rollout_id, str)
            and type(threshold) is int
            and 0 <= threshold <= BUCKETS
            and type(stage) is int
            and stage >= 0
            and type(percent) in (int, float)
            and percent == threshold / 100
            and flag["metadata"]["algo"] == "fractional-v3"
            and flag["state"] in ("ENABLED", "DISABLED")
            # JSON text again, not ==, because True == 1 == 1.0 in Python
            and json.dumps(flag, sort_keys=True) == json.dumps(wanted, sort_keys=True)
        )
    except (LookupError, TypeError, AttributeError, RecursionError) as error:
        raise ValueError(f"not a rollout of {FLAG_KEY} ({type(error).__name__}: {error})") from None
    if not known:
        raise ValueError(f"not a rollout of {FLAG_KEY} in a known shape")
    return Rollout(rollout_id, flag["state"] == "ENABLED", threshold, stage)


def _user_id(environ: Mapping[str, str]) -> str:
    """SkyPilot's user id, by SkyPilot's own order and rule (`common_utils.get_user_hash`), or ''."""
    named = environ.get("SKYPILOT_USER_ID", "").strip()
    if _is_user_id(named):
        return named
    home = environ.get("HOME") or os.path.expanduser("~")
    kept = _first_text([os.path.join(home, ".sky", "user_hash")])
    return kept if _is_user_id(kept) else ""


def _is_user_id(text: str) -> bool:
    return text.isascii() and text[:1] != "-" and text.replace("-", "0").isalnum()


def _machine_id() -> str:
    found = _first_text(["/etc/machine-id", "/var/lib/dbus/machine-id"])
    if found:
        return found
    if sys.platform == "win32":
        import winreg

        try:
            with winreg.OpenKey(winreg.HKEY_LOCAL_MACHINE, r"SOFTWARE\Microsoft\Cryptography") as key:
                return str(winreg.QueryValueEx(key, "MachineGuid")[0])
        except OSError:
            return os.environ.get("COMPUTERNAME", "")
    return os.uname().nodename


def _first_text(paths: list[str]) -> str:
    for path in paths:
        try:
            return _read(path, _LARGEST_ID).decode("utf-8").strip()
        except (OSError, ValueError):
            continue
    return ""


def _cbor_head(length: int) -> bytes:
    """The shortest CBOR head of a text string of `length` bytes (RFC 8949, section 3)."""
    if length < 24:
        return bytes((0x60 + length,))
    for size, mark in ((1, 0x78), (2, 0x79), (4, 0x7A), (8, 0x7B)):
        if length < 1 << (8 * size):
            return bytes((mark,)) + length.to_bytes(size, "big")
    raise ValueError("key too long")


def _murmur3(data: bytes, known: tuple[int, int] = (0, 0)) -> int:
    """MurmurHash3 x86 32-bit, seed 0 (Appleby's public-domain algorithm), as an unsigned number.

    `known` is a whole number of words already mixed, and their state.
    """
    done, h = known
    whole = len(data) & ~3
    h = _mix(h, data[done:whole])
    if whole < len(data):
        k = int.from_bytes(data[whole:], "little") * 0xCC9E2D51 & 0xFFFFFFFF
        h ^= (k << 15 | k >> 17) * 0x1B873593 & 0xFFFFFFFF
    h ^= len(data)
    h = (h ^ h >> 16) * 0x85EBCA6B & 0xFFFFFFFF
    h = (h ^ h >> 13) * 0xC2B2AE35 & 0xFFFFFFFF
    return h ^ h >> 16


def _mix(h: int, words: bytes) -> int:
    """Mix whole 32-bit words into the state of a MurmurHash3."""
    for k in _words(words):
        k = k * 0xCC9E2D51 & 0xFFFFFFFF
        h ^= (k << 15 | k >> 17) * 0x1B873593 & 0xFFFFFFFF
        h = ((h << 13 | h >> 19) & 0xFFFFFFFF) * 5 + 0xE6546B64 & 0xFFFFFFFF
    return h


def _words(data: bytes) -> Iterable[int]:
    """The little-endian 32-bit numbers in `data`."""
    if sys.byteorder == "little":
        return memoryview(data).cast("I")
    return [int.from_bytes(data[at : at + 4], "little") for at in range(0, len(data), 4)]


# Every key's code begins with the flag's: its words are mixed once.
_FLAG_CODE = b"\x82" + _cbor_head(len(FLAG_KEY)) + FLAG_KEY.encode()
_FLAG_STATE = (len(_FLAG_CODE) & ~3, _mix(0, _FLAG_CODE[: len(_FLAG_CODE) & ~3]))
