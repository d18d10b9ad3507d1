"""Positions in TOML agree with what a parser reads."""

from __future__ import annotations

from typing import Any

import pytest
import tomlkit
from hypothesis import given
from hypothesis import strategies as st

from release import toml
from release.errors import Refused

keys = st.text(min_size=1, max_size=5) | st.sampled_from(["a", "b.c", 'q"', "version"])
values = st.recursive(
    st.text() | st.integers(-(2**63), 2**63 - 1) | st.booleans(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(keys, inner, max_size=3),
    max_leaves=8,
)


def leaf(document: Any, path: toml.Path) -> Any:
    for part in path:
        document = document[part]
    return document


@given(st.dictionaries(keys, values, max_size=4))
def test_every_string_is_found_where_it_stands(document: dict[str, Any]) -> None:
    text = tomlkit.dumps(document)
    read = toml.load(text, "x.toml")
    for entry in toml.entries(text):
        value = leaf(read, entry.path)
        if isinstance(value, str):
            assert toml.string_at(text, entry) == value
            assert text.count("\n", 0, entry.start) + 1 == entry.line


@pytest.mark.parametrize(
    "text",
    [
        "a = 1 # c\nb = '''x\n# not a comment\n[t]'''\n[t]\nversion = \"1\"\n",
        "[[p]]\nn = 1\n[[p]]\nversion = '1'\n[p.sub]\nx = 1\n",
        'a.b."c d" = { version = "1", x = [ 1, # c\n 2 ] }\r\n',
        'x = [\n  { version = "1" }, # c\n]\n',
    ],
)
def test_one_string_changes_and_nothing_else(text: str) -> None:
    entry = next(entry for entry in toml.entries(text) if entry.path[-1] == "version")
    new = toml.with_string(text, entry, "2.0")
    assert leaf(toml.load(new, "x"), entry.path) == "2.0"
    assert len(new) == len(text) + 2


@pytest.mark.parametrize(
    ("text", "place"), [("a = 1\nb =\n", "x.toml:2:4"), ("[a\n", "x.toml:1:3"), ("a = '", "x.toml:1")]
)
def test_an_error_names_file_and_line(text: str, place: str) -> None:
    with pytest.raises(Refused) as refused:
        toml.load(text, "x.toml")
    assert refused.value.problems[0].message.startswith(place)
