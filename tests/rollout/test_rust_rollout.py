"""The decision a host makes at import: order of the rules, the flag file, and everything that can be wrong with it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import warnings
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.rollout.flag_file import FlagFile
from sky.utils import rust_rollout


def flag_file(percent: float = 25, *, enabled: bool = True, stage: int = 1) -> bytes:
    threshold = round(percent * 100)
    return FlagFile("sky-rs-0.1.0", "sky-rs", "sky-rs.use-rust", threshold, stage, "promote", enabled).render()


def decide_with(tmp_path: Path, content: bytes | None, **environ: str) -> rust_rollout.Decision:
    path = tmp_path / "rollout.json"
    if content is not None:
        path.write_bytes(content)
    return rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": str(path), "SKYPILOT_USER_ID": "abc12345", **environ})


def test_the_file_in_the_package_has_begun_no_rollout_and_lets_everybody_in() -> None:
    decision = rust_rollout.decide({})
    assert decision.rust_wanted
    assert (decision.rule, decision.percent, decision.rollout_id) == ("package-file", 100.0, "none")
    assert decision.reason.startswith("no rollout has begun")


@pytest.mark.parametrize(("value", "wanted"), [("1", True), (" YES ", True), ("off", False), ("0", False)])
def test_an_explicit_flag_wins_over_the_file(tmp_path: Path, value: str, wanted: bool) -> None:
    decision = decide_with(tmp_path, flag_file(0 if wanted else 100), SKYPILOT_USE_RUST=value)
    assert (decision.rust_wanted, decision.rule) == (wanted, "environment")


def test_auto_asks_the_file(tmp_path: Path) -> None:
    assert decide_with(tmp_path, flag_file(100), SKYPILOT_USE_RUST="auto").rule == "environment-file"


def test_a_value_that_is_not_understood_warns_and_asks_the_file(tmp_path: Path) -> None:
    with pytest.warns(RuntimeWarning, match="treated as auto"):
        assert decide_with(tmp_path, flag_file(0), SKYPILOT_USE_RUST="perhaps").rust_wanted is False


def test_the_decision_names_percentage_bucket_content_and_rollout(tmp_path: Path) -> None:
    import hashlib

    content = flag_file(12.5)
    decision = decide_with(tmp_path, content)
    key = hashlib.sha256(b"sky-rs:abc12345").hexdigest()[:32]
    assert decision.bucket == rust_rollout.bucket(key)
    assert decision.percent == 12.5
    assert decision.content_hash == hashlib.sha256(content).hexdigest()
    assert decision.rollout_id == "sky-rs-0.1.0"
    assert decision.rust_wanted == (decision.bucket < 1250)


def test_the_kill_switch_means_python_even_at_a_hundred_percent(tmp_path: Path) -> None:
    decision = decide_with(tmp_path, flag_file(100, enabled=False))
    assert (decision.rust_wanted, decision.percent) == (False, 0.0)
    assert "switched off" in decision.reason


BROKEN = {
    "empty": b"",
    "blank": b" \n",
    "truncated": flag_file(100)[:200],
    "not utf-8": b"\xff\xfe" + flag_file(100),
    "not json": b"rust: yes",
    "a number": b"100",
    "null": b"null",
    "deeply nested": b"[" * 60_000,
    "deeply nested object": b'{"a":' * 10_000,
    "oversized": flag_file(100) + b" " * 65_536,
    "unknown schema": flag_file(100).replace(b'"rolloutSchema":1', b'"rolloutSchema":2'),
    "schema true": flag_file(100).replace(b'"rolloutSchema":1', b'"rolloutSchema":true'),
    "misspelt variant": flag_file(100).replace(b'"on","off"]', b'"onn","off"]'),
    "zero weights": flag_file(0).replace(b'["off",10000]', b'["off",0]'),
    "float weights": flag_file(100).replace(b'["on",10000]', b'["on",10000.0]'),
    "percent -1": flag_file(100).replace(b'"percent":100', b'"percent":-1').replace(b"10000", b"-100"),
    "percent 101": flag_file(100).replace(b'"percent":100', b'"percent":101').replace(b"10000", b"10100"),
    "percent NaN": flag_file(100).replace(b'"percent":100', b'"percent":NaN'),
    "percent as text": flag_file(25).replace(b'"percent":25', b'"percent":"25%"'),
    "percent contradicts": flag_file(100).replace(b'"percent":100', b'"percent":25'),
    "unknown field": flag_file(100).replace(b'"state":', b'"owner":"me","state":'),
    "another flag": flag_file(100).replace(b"sky-rs.use-rust", b"other.flag"),
    "default on": flag_file(100).replace(b'"defaultVariant":"off"', b'"defaultVariant":"on"'),
    "unknown algorithm": flag_file(100).replace(b"fractional-v3", b"fractional-v9"),
    "state unknown": flag_file(100).replace(b"ENABLED", b"PAUSED"),
    "leading zero": flag_file(25).replace(b"2500", b"02500"),
}


@pytest.mark.parametrize("content", BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_file_means_python_and_says_why(tmp_path: Path, content: bytes) -> None:
    decision = decide_with(tmp_path, content)
    assert decision.rust_wanted is False
    assert decision.rule == "environment-file"
    assert decision.reason.startswith("Python, because ")


def test_a_missing_file_a_folder_and_a_nul_in_the_name_mean_python(tmp_path: Path) -> None:
    assert decide_with(tmp_path, None).rust_wanted is False
    assert rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": str(tmp_path)}).rust_wanted is False
    assert rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": "a\0b"}).rust_wanted is False


def test_a_gigabyte_is_not_read(tmp_path: Path) -> None:
    path = tmp_path / "rollout.json"
    with path.open("wb") as file:
        file.truncate(1 << 30)
    decision = rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": str(path)})
    assert decision.rust_wanted is False
    assert "larger than 65536 bytes" in decision.reason


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no FIFO files")
def test_a_fifo_and_an_endless_device_do_not_hang(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "fifo")
    for path in (str(tmp_path / "fifo"), "/dev/zero"):
        decision = rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": path})
        assert decision.rust_wanted is False
        assert "not a regular file" in decision.reason


@given(st.binary(max_size=300))
def test_no_bytes_at_all_raise_anything_but_value_error(data: bytes) -> None:
    with pytest.raises(ValueError, match=r".*"):
        rust_rollout.parse(data)


@given(st.integers(0, 10_000), st.integers(0, 9), st.booleans())
def test_both_ways_of_reading_agree(threshold: int, stage: int, enabled: bool) -> None:
    content = FlagFile("sky-rs-1.2.3rc1+2", "sky-rs", "sky-rs.use-rust", threshold, stage, "hold", enabled).render()
    fast = rust_rollout._parse_canonical(content.decode())
    assert fast is not None
    assert fast == rust_rollout.parse(json.dumps(json.loads(content), indent=4).encode())
    assert fast == rust_rollout.Rollout("sky-rs-1.2.3rc1+2", enabled, threshold, stage)


@given(st.integers(0, 700), st.integers(0, 255))
def test_one_changed_byte_never_raises_and_never_reads_another_threshold_unnoticed(at: int, byte: int) -> None:
    good = flag_file(25)
    changed = good[: at % len(good)] + bytes([byte]) + good[at % len(good) + 1 :]
    try:
        rollout = rust_rollout.parse(changed)
    except ValueError:
        return
    assert rollout.threshold == 2500


def test_a_file_replaced_all_the_time_is_never_half_read(tmp_path: Path) -> None:
    path, stop = tmp_path / "rollout.json", threading.Event()
    contents = [flag_file(0), flag_file(100), flag_file(25, stage=2)]
    path.write_bytes(contents[0])

    def writer() -> None:
        for turn in range(1_000_000):
            if stop.is_set():
                return
            (tmp_path / "new").write_bytes(contents[turn % 3])
            (tmp_path / "new").replace(path)

    import hashlib

    whole = {hashlib.sha256(content).hexdigest() for content in contents}
    thread = threading.Thread(target=writer)
    thread.start()
    try:
        seen = {rust_rollout.decide({"SKYPILOT_RUST_ROLLOUT": str(path)}).content_hash for _ in range(3000)}
    finally:
        stop.set()
        thread.join()
    assert seen <= whole
    assert len(seen) > 1


def test_a_host_that_nothing_identifies_joins_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rust_rollout, "_machine_id", lambda: "")
    environ = {"SKYPILOT_RUST_ROLLOUT": str(tmp_path / "f"), "HOME": str(tmp_path)}
    assert rust_rollout.unit_key(environ) == ""
    (tmp_path / "f").write_bytes(flag_file(99.99))
    assert rust_rollout.decide(environ).rust_wanted is False
    (tmp_path / "f").write_bytes(flag_file(100))
    assert rust_rollout.decide(environ).rust_wanted is True


def test_the_key_follows_skypilots_order_and_rule(tmp_path: Path) -> None:
    home = {"HOME": str(tmp_path)}
    machine = rust_rollout.unit_key(home)
    (tmp_path / ".sky").mkdir()
    (tmp_path / ".sky" / "user_hash").write_text("cafe0001\n")
    kept = rust_rollout.unit_key(home)
    assert kept == rust_rollout.unit_key({"SKYPILOT_USER_ID": "cafe0001"}) != machine
    assert rust_rollout.unit_key({**home, "SKYPILOT_USER_ID": "-not valid-"}) == kept
    assert rust_rollout.unit_key({**home, "SKYPILOT_USER_ID": "sa-abc123-token"}) != kept
    assert "cafe0001" not in kept
    assert len(kept) == 32


@pytest.fixture
def fresh() -> object:
    yield
    rust_rollout._provider_answer = None


@pytest.mark.usefixtures("fresh")
def test_a_providers_answer_takes_the_place_of_the_file(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delitem(sys.modules, "sky.utils.rust_fallback", raising=False)
    rust_rollout.use_provider_answer(False, "my provider said off")
    assert rust_rollout.decide({}) == rust_rollout.Decision(False, "provider", "my provider said off")
    assert rust_rollout.decide({"SKYPILOT_USE_RUST": "1"}).rule == "environment"


@pytest.mark.usefixtures("fresh")
def test_a_providers_answer_after_binding_is_too_late_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "sky.utils.rust_fallback", rust_rollout)
    with pytest.warns(RuntimeWarning, match="already bound"):
        rust_rollout.use_provider_answer(True)
    assert rust_rollout.decide({}).rule == "package-file"


def test_importing_and_deciding_needs_no_json_and_nothing_outside_the_standard_library() -> None:
    code = (
        "import sys; before=set(sys.modules); from sky.utils import rust_rollout as r; r.decide({});"
        "print(*sorted(set(sys.modules)-before))"
    )
    root = Path(rust_rollout.__file__).parents[2]
    ran = subprocess.run(
        [sys.executable, "-I", "-S", "-c", f"import sys; sys.path.insert(0, {str(root)!r}); {code}"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    loaded = set(ran.stdout.split())
    assert not loaded & {
        "collections",
        "warnings",
        "json",
        "hashlib",
        "re",
        "typing",
        "logging",
        "pathlib",
        "subprocess",
    }


def test_no_warning_and_no_exception_in_the_plain_case() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert rust_rollout.decide({"SKYPILOT_USE_RUST": ""}).rule == "package-file"
