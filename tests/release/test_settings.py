"""Settings: strict, with file and line, and documented."""

from __future__ import annotations

from dataclasses import fields
from pathlib import Path

import pytest

from release import settings_page, toml
from release.errors import Refused
from release.settings import Settings, VersionFile, read, spelled

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"


def test_the_page_says_what_the_code_says() -> None:
    assert PAGE.read_text() == settings_page.page(), "run `python -m release.settings_page > docs/settings.md`"


def test_every_example_is_accepted() -> None:
    def check(kind: type, path: str) -> None:
        for entry in fields(kind):
            if "table" in entry.metadata:
                check(entry.metadata["table"], f"{path}.{spelled(entry.name)}")
            else:
                read(f"[{path}]\n{spelled(entry.name)} = {entry.metadata['example']}\n", "pyproject.toml")

    check(Settings, "tool.release")
    for entry in fields(VersionFile):
        toml.load(f"{entry.name} = {entry.metadata['example']}", "x")


@pytest.mark.parametrize(
    ("text", "line", "words"),
    [
        ("[tool.release]\n\nbranchs = []\n", 3, "did you mean 'branches'"),
        ("[tool.release]\nbranches = 'main'\n", 2, "must be a list of strings"),
        ("[tool.release]\nremote = 'x'\nname = 3\n", 3, "must be a string, not a number"),
        ("[tool.release.merge]\nnonsense = 1\n", 2, "unknown setting tool.release.merge.nonsense"),
        ("[tool]\nrelease = 3\n", 2, "must be a table"),
        ("[tool.release]\nversion-files = [{ path = 'x' }]\n", 2, "one {version}"),
        (
            "[tool.release]\nversion-files = [{ path = 'x', pattern = '{version}', spelling = 'x' }]\n",
            2,
            "one of pep440",
        ),
        ("[tool.release\n", 1, "Expected"),
    ],
)
def test_a_mistake_is_named_with_file_and_line(text: str, line: int, words: str) -> None:
    with pytest.raises(Refused) as refused:
        read(text, "pyproject.toml")
    assert refused.value.problems[0].message.startswith(f"pyproject.toml:{line}:")
    assert words in refused.value.problems[0].message


def test_release_toml_has_no_prefix_and_all_mistakes_come_at_once() -> None:
    assert read('remote = "up"\nheadings = { Removed = "minor" }\n', "release.toml").remote == "up"
    with pytest.raises(Refused) as refused:
        read("a = 1\nb = 2\n", "release.toml")
    assert len(refused.value.problems) == 2


def test_given_tables_are_added_to_the_defaults() -> None:
    read_settings = read('sections = { docs = "Documentation" }\n', "release.toml")
    assert read_settings.sections["docs"] == "Documentation"
    assert read_settings.sections["feat"] == "Added"
