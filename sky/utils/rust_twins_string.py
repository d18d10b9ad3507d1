"""Python twins of the functions on text and numbers."""

from __future__ import annotations

_BASE36_DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"
_BASE36_CHUNK = 36**12  # the largest power that keeps a chunk in one machine word


def base36_encode(hex_str: str) -> str:
    """Rewrite a hexadecimal number in base 36, in lower case.

    Everything that `int(hex_str, 16)` accepts is accepted. Raises ValueError for anything else and for a
    negative number (where SkyPilot never returns), TypeError for what is neither text nor bytes.
    Source: `sky.utils.common_utils.base36_encode`.
    """
    number = int(hex_str, 16)
    if number < 0:
        raise ValueError(f"base36_encode needs a number that is not negative, got {hex_str!r}")
    digits: list[str] = []
    while number:
        number, chunk = divmod(number, _BASE36_CHUNK)
        for _ in range(12):
            chunk, digit = divmod(chunk, 36)
            digits.append(_BASE36_DIGITS[digit])
    return "".join(reversed(digits)).lstrip("0") or "0"


def format_float(num: float, precision: int = 1) -> str:
    """Write a whole number without decimals and any other with `precision` of them.

    Raises AttributeError for what is neither an int nor float-like, ValueError for a bad precision.
    Source: `sky.utils.common_utils.format_float`.
    """
    if isinstance(num, int):
        return str(num)
    return format(num, ".0f" if num.is_integer() else f".{precision}f")


def truncate_long_string(s: str, max_length: int = 35, truncate_middle: bool = False) -> str:
    """Shorten `s` to about `max_length` characters with `...`; a short enough `s` itself is returned.

    At the end, the cut falls between words, counting letters and not blanks, so that the result can be
    longer than asked for; in the middle, the result has exactly `max_length` characters (or is `...`).
    Raises TypeError or AttributeError for what is not text. Source: `sky.utils.common_utils`.
    """
    if len(s) <= max_length:
        return s
    if truncate_middle:
        if max_length <= 3:
            return "..."
        tail, odd = divmod(max_length - 3, 2)
        head = s[: tail + odd] + "..."
        return head + s[-tail:] if tail != 0 else head
    words = s.split(" ")
    if len(words[0]) > max_length:
        return words[0][:max_length] + "..."
    letters = index = 0
    for index, word in enumerate(words):  # noqa: B007 (used after the loop)
        letters += len(word)
        if letters >= max_length:
            break
    kept = " ".join(words[:index])
    if len(kept) < max_length:
        kept += s[len(kept) : max_length]
    return kept + "..."
