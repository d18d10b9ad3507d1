"""Who is in: flagd's third-generation `fractional` hash, scaled to ten thousand buckets.

The bytes hashed are 0x82 (a CBOR array of two), the flag key and the targeting key, both as CBOR text strings
with the shortest head (flagd specification, "Fractional Operation"; RFC 8949). MurmurHash3 x86 32-bit, seed 0.
`sky.utils.rust_rollout` has the same function for the hosts themselves, because it ships without this kit.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

BUCKETS = 10_000
_MASK = 0xFFFFFFFF


def cbor_text(text: str) -> bytes:
    """Encode `text` as a CBOR text string. Raises UnicodeEncodeError for lone surrogates."""
    data = text.encode("utf-8")
    length = len(data)
    if length < 24:
        return bytes([0x60 + length]) + data
    size = next(size for size in (1, 2, 4, 8) if length < 256**size)
    return bytes([0x78 + size.bit_length() - 1]) + length.to_bytes(size, "big") + data


def murmur3_x86_32(data: bytes) -> int:
    """Return MurmurHash3 x86 32-bit of `data` with seed 0, unsigned."""
    state = 0
    for start in range(0, len(data), 4):
        block = data[start : start + 4]
        word = int.from_bytes(block, "little") * 0xCC9E2D51 & _MASK
        state ^= (word << 15 | word >> 17) * 0x1B873593 & _MASK
        if len(block) == 4:
            state = ((state << 13 | state >> 19) & _MASK) * 5 + 0xE6546B64 & _MASK
    state ^= len(data)
    state = (state ^ state >> 16) * 0x85EBCA6B & _MASK
    state = (state ^ state >> 13) * 0xC2B2AE35 & _MASK
    return state ^ state >> 16


def bucket_of(flag: str, key: str) -> int | None:
    """Return the bucket of `key` for `flag`, 0 to 9999, or None for the empty key, which flagd does not hash."""
    if not key:
        return None
    return murmur3_x86_32(b"\x82" + cbor_text(flag) + cbor_text(key)) * BUCKETS >> 32


def is_on(bucket: int | None, threshold: int) -> bool:
    """Whether a host with this bucket is in, at `threshold` of 10000. The empty key never is."""
    return bucket is not None and bucket < threshold


def buckets_of_keys(flag: str, keys: npt.NDArray[np.uint8]) -> npt.NDArray[np.int32]:
    """Return the buckets of many equally long keys at once: `keys` holds one key's UTF-8 bytes a row."""
    import numpy as np

    count, width = keys.shape
    head = b"\x82" + cbor_text(flag) + cbor_text("0" * width)[:-width]
    length = len(head) + width
    padded = np.zeros((count, -(-length // 4) * 4), dtype=np.uint8)
    padded[:, : len(head)] = np.frombuffer(head, dtype=np.uint8)
    padded[:, len(head) : length] = keys
    words = padded.view("<u4").T
    state = np.zeros(count, dtype=np.uint32)
    for index, column in enumerate(words):
        word = column * np.uint32(0xCC9E2D51)
        state ^= (word << np.uint32(15) | word >> np.uint32(17)) * np.uint32(0x1B873593)
        if 4 * index + 4 <= length:
            state = (state << np.uint32(13) | state >> np.uint32(19)) * np.uint32(5) + np.uint32(0xE6546B64)
    state ^= np.uint32(length)
    state = (state ^ state >> np.uint32(16)) * np.uint32(0x85EBCA6B)
    state = (state ^ state >> np.uint32(13)) * np.uint32(0xC2B2AE35)
    state ^= state >> np.uint32(16)
    scaled: npt.NDArray[np.int32] = (state.astype(np.uint64) * np.uint64(BUCKETS) >> np.uint64(32)).astype(np.int32)
    return scaled
