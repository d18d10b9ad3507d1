"""Spellings and steps of versions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from packaging.version import Version

from release.versions import REQUESTS, bumped, infer_tag_format, next_version, parse, semver, tag_format, valid_ref

numbers = st.integers(0, 10**6)
finals = st.tuples(numbers, numbers, numbers).map(lambda release: Version(".".join(map(str, release))))
any_version = st.builds(
    lambda base, pre: Version(f"{base}{pre}"),
    finals,
    st.sampled_from(["", "a0", "b3", "rc1", "rc12", ".dev4", "rc1.dev2"]),
)


@given(any_version)
def test_the_semver_spelling_reads_back_as_the_same_version(version: Version) -> None:
    assert parse(semver(version)) == version


@pytest.mark.parametrize("text", ["1.0.post1", "1!1.0", "1.2.3.4", "1.0+local"])
def test_what_semver_cannot_say_is_an_error(text: str) -> None:
    with pytest.raises(ValueError, match="no SemVer spelling"):
        semver(Version(text))


@given(finals, st.sampled_from(["major", "minor", "patch"]))
def test_a_bump_goes_up_and_clears_what_is_below(version: Version, level: str) -> None:
    new = bumped(version, level)
    assert new > version
    assert [new.major, new.minor, new.micro][["major", "minor", "patch"].index(level) + 1 :] == [0] * {
        "major": 2, "minor": 1, "patch": 0,
    }[level]  # fmt: skip


@given(finals, st.sampled_from(REQUESTS), st.sampled_from(["none", "patch", "minor", "major"]))
def test_every_step_goes_up(version: Version, request: str, asked: str) -> None:
    new, kind = next_version(version, version, request, asked)
    assert (new is None) == (kind == "none")
    assert new is None or new > version


@given(finals, st.sampled_from(["patch", "minor", "major"]))
def test_candidates_count_up_to_the_final_version(version: Version, asked: str) -> None:
    first, _ = next_version(version, version, "pre", asked)
    assert first is not None
    second, _ = next_version(version, first, "pre", asked)
    final, _ = next_version(version, first, "final", "none")
    assert second is not None
    assert final is not None
    assert first < second < final
    assert final == next_version(version, version, "auto", asked)[0]


@given(st.text())
def test_reading_a_version_or_tag_never_raises(text: str) -> None:
    parse(text)
    infer_tag_format([text, "v1.0.0"], text, "pep440")


@given(finals, st.sampled_from(["v{version}", "{version}", "{name}-{semver}", "{name}/v{version}", "x{version}y"]))
def test_a_tag_reads_back_as_its_version(version: Version, template: str) -> None:
    made = tag_format(template, "demo")
    assert made.version(made.name(version)) == version


@pytest.mark.parametrize(
    "template", ["v", "{version}{version}", "{other}{version}", "-{version}", "a b{version}", "{version}.lock"]
)
def test_a_bad_tag_format_is_an_error(template: str) -> None:
    with pytest.raises(ValueError, match="tag-format"):
        tag_format(template, "demo")


@pytest.mark.parametrize(
    "name", ["refs/tags/v1..2", "refs/tags/.v1", "refs/tags/v1~", "refs/tags/v1 ", "refs/tags/v1.lock"]
)
def test_names_that_git_refuses(name: str) -> None:
    assert not valid_ref(name)


@pytest.mark.parametrize(
    ("tags", "prefix"),
    [
        (["v1.0.0", "v1.1.0"], "v"),
        (["1.0.0", "v1.1.0"], "v"),
        (["demo-1.0.0", "other-9.0.0"], "demo-"),
        (["Demo/v1.0.0"], "Demo/v"),
        (["only-1.0.0"], "only-"),
        (["a-1.0.0", "b-1.0.0"], "v"),
        (["v1", "latest", "--upload-pack=x"], "v"),
    ],
)
def test_the_format_is_found_from_the_tags(tags: list[str], prefix: str) -> None:
    assert infer_tag_format(tags, "demo", "pep440")[0].prefix == prefix
