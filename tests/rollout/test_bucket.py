"""Who is in: the published vectors, both implementations, and the promises about shares and subsets."""

from __future__ import annotations

import json
import math
from pathlib import Path

import cbor2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from release.rollout import bucket
from sky.utils import rust_rollout

FLAG = "sky-rs.use-rust"
VECTORS = json.loads((Path(__file__).parent / "data" / "rollout_vectors.json").read_text("utf-8"))
PERCENTS = (0, 1, 10, 25, 50, 75, 90, 100)


def test_every_vector_of_the_real_providers() -> None:
    differences: list[tuple[str, object]] = []
    for vector in VECTORS["vectors"]:
        place = bucket.bucket_of(FLAG, vector["key"])
        if place != vector["bucket10000_v3"]:
            differences.append((vector["key"], place))
        if vector["key"] and rust_rollout.bucket(vector["key"]) != place:
            differences.append((vector["key"], "library"))
        for percent, on in vector["v3"].items():
            if bucket.is_on(place, int(percent) * 100) != on:
                differences.append((vector["key"], percent))
    assert differences == []
    assert len(VECTORS["vectors"]) == 100


@pytest.mark.parametrize(
    ("data", "answer"),
    [(b"", 0), (b"\0\0\0\0", 0x2362F9DE), (b"Hello, world!", 0xC0363E43), (b"a", 0x3C2569B2)],
)
def test_murmur3_known_answers(data: bytes, answer: int) -> None:
    assert bucket.murmur3_x86_32(data) == answer


@given(st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=300))
def test_both_implementations_agree_on_any_text(key: str) -> None:
    assert rust_rollout.bucket(key) == bucket.bucket_of(FLAG, key)


@pytest.mark.parametrize("length", [1, 23, 24, 255, 256, 65_535, 65_536])
def test_cbor_heads_are_the_shortest(length: int) -> None:
    assert bucket.cbor_text("x" * length) == cbor2.dumps("x" * length, canonical=True)
    assert rust_rollout.bucket("x" * length) == bucket.bucket_of(FLAG, "x" * length)


@pytest.mark.parametrize("width", [1, 8, 21, 22, 23, 24, 32, 64])
def test_the_vectorised_form_agrees(width: int) -> None:
    keys = np.random.default_rng(7).integers(97, 123, (500, width), dtype=np.uint8)
    expected = [bucket.bucket_of(FLAG, bytes(row).decode()) for row in keys]
    assert bucket.buckets_of_keys(FLAG, keys).tolist() == expected


def test_on_sets_are_nested_and_shares_within_three_sigma_on_100_000_keys() -> None:
    places = [bucket.bucket_of(FLAG, f"host-{number}") for number in range(100_000)]
    before: set[int] = set()
    for percent in PERCENTS:
        on = {index for index, place in enumerate(places) if bucket.is_on(place, percent * 100)}
        assert before <= on
        before = on
        share = percent / 100
        assert abs(len(on) - 100_000 * share) <= 3 * math.sqrt(100_000 * share * (1 - share))
    assert len(before) == 100_000


def test_the_empty_key_is_never_in() -> None:
    assert bucket.bucket_of(FLAG, "") is None
    assert not bucket.is_on(None, 10_000)
