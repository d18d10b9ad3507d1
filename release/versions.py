"""Version numbers: PEP 440 and SemVer spellings, what a bump makes of a version, and how tags are named.

Versions are `packaging.version.Version` inside; PEP 440 is the spelling unless a file or tag wants SemVer.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from packaging.version import InvalidVersion, Version

LEVELS = ("none", "patch", "minor", "major")
REQUESTS = ("auto", "major", "minor", "patch", "pre", "final", "post")

_SEMVER_PRE = {"a": "alpha", "b": "beta", "rc": "rc"}
_TAG = re.compile(r"((?:.*?[/@_-])?v?)(\d+(?:\.\d+)+(?:[-._+]?[0-9A-Za-z]+)*)")
_SEPARATORS = re.compile(r"[-_.]+")


@functools.cache
def parse(text: str) -> Version | None:
    """Read a version in PEP 440 or SemVer spelling; None when it is neither.

    What was read is kept: every tag is read twice, to find the format of tags and to find releases.
    """
    try:
        return Version(text)
    except InvalidVersion:
        return None


def semver(version: Version) -> str:
    """Spell a version as SemVer does: `1.0.0rc1` is `1.0.0-rc.1`.

    Raises:
        ValueError: SemVer has no such version (post-releases, epochs, four numbers).
    """
    if version.post is not None or version.epoch or len(version.release) > 3 or version.local:
        raise ValueError(f"{version} has no SemVer spelling")
    text = ".".join(str(number) for number in (*version.release, 0, 0)[:3])
    if version.pre:
        text += f"-{_SEMVER_PRE[version.pre[0]]}.{version.pre[1]}"
    if version.dev is not None:
        text += f".dev.{version.dev}" if version.pre else f"-dev.{version.dev}"
    return text


def spell(version: Version, spelling: str) -> str:
    """Spell a version as "pep440" or "semver"."""
    return semver(version) if spelling == "semver" else str(version)


def higher(first: str, second: str) -> str:
    """Return the level that asks for more."""
    return max(first, second, key=LEVELS.index)


def bumped(version: Version, level: str) -> Version:
    """Return the final version after `version`, raising the number that `level` names."""
    numbers = list(version.release)
    place = {"major": 0, "minor": 1, "patch": 2}[level]
    numbers += [0] * (place + 1 - len(numbers))
    numbers[place] += 1
    numbers[place + 1 :] = [0] * len(numbers[place + 1 :])
    return _make(version.epoch, numbers)


def automatic_level(last: Version, asked: str) -> str:
    """Return the level that SemVer gives a change: before 1.0.0 a breaking change raises the minor number."""
    return "minor" if asked == "major" and last.major == 0 else asked


def next_version(last_final: Version | None, current: Version, request: str, asked: str) -> tuple[Version | None, str]:
    """Return the version a request leads to, and what kind of step that is.

    Args:
        last_final: the last version that was not a pre-release; None when there was none.
        current: the last version of any kind.
        request: one of REQUESTS.
        asked: the level the commits and the changelog ask for.
    """
    series = Version(current.base_version)  # what a pre-release leads to
    if request == "post":
        return _make(current.epoch, current.release, current.pre, (current.post or 0) + 1), "post"
    if request == "final":
        return (series, "final") if current.is_prerelease else (None, "none")
    if request in ("major", "minor", "patch"):
        return (bumped(last_final, request) if last_final else series), request
    level = automatic_level(last_final or current, asked)
    if request == "auto":
        if level == "none":
            return None, "none"
        target = bumped(last_final, level) if last_final else series
        return max(target, series) if current.is_prerelease else target, level
    target = bumped(last_final, level if level != "none" else "patch") if last_final else series
    if current.pre and series >= target:
        return _make(current.epoch, current.release, (current.pre[0], current.pre[1] + 1)), "pre"
    return _make(target.epoch, target.release, ("rc", 1)), "pre"


def _make(epoch: int, release: Sequence[int], pre: tuple[str, int] | None = None, post: int | None = None) -> Version:
    text = f"{epoch}!" if epoch else ""
    text += ".".join(map(str, release))
    text += f"{pre[0]}{pre[1]}" if pre else ""
    return Version(text + (f".post{post}" if post is not None else ""))


class TagFormat(NamedTuple):
    """How this repository names its tags.

    Attributes:
        prefix: what stands before the version.
        suffix: what stands after it.
        spelling: "pep440" or "semver", for new tags; both are read.
        others: prefixes of older tags of the same package, read but not written.
    """

    prefix: str = "v"
    suffix: str = ""
    spelling: str = "pep440"
    others: tuple[str, ...] = ()

    def name(self, version: Version) -> str:
        """Return the tag of a version."""
        return f"{self.prefix}{spell(version, self.spelling)}{self.suffix}"

    def version(self, tag: str) -> Version | None:
        """Return the version a tag stands for; None when the tag is not one of these."""
        if not tag.endswith(self.suffix):
            return None
        for prefix in (self.prefix, *self.others):
            text = tag[len(prefix) : len(tag) - len(self.suffix)]
            if tag.startswith(prefix) and text[:1].isdigit() and "." in text:
                return parse(text)
        return None


def tag_format(template: str, name: str) -> TagFormat:
    """Read the setting `tag-format`.

    Raises:
        ValueError: it does not hold exactly one of `{version}` and `{semver}`, or makes names git refuses.
    """
    filled = template.replace("{name}", name)
    parts = re.split(r"\{(version|semver)\}", filled)
    if len(parts) != 3 or "{" in parts[0] + parts[2]:
        raise ValueError(f"tag-format {template!r} needs {{version}} or {{semver}} exactly once, and {{name}} at most")
    if not valid_ref(f"refs/tags/{parts[0]}1.0{parts[2]}") or parts[0].startswith("-"):
        raise ValueError(f"tag-format {template!r} makes names that git does not allow")
    return TagFormat(parts[0], parts[2], "semver" if parts[1] == "semver" else "pep440")


def infer_tag_format(tags: Iterable[str], name: str, spelling: str) -> tuple[TagFormat, str]:
    """Guess the format from existing tags; also say in a sentence what was assumed (or nothing)."""
    highest: dict[str, tuple[Version, str]] = {}
    for tag in tags:
        match = _TAG.fullmatch(tag)
        version = parse(match[2]) if match else None
        if match and version is not None and (match[1] not in highest or version > highest[match[1]][0]):
            highest[match[1]] = (version, match[2])
    if not highest:
        return TagFormat(spelling=spelling), ""
    wanted = _normal(name)
    own = [prefix for prefix in highest if prefix in ("", "v") or (name and _normal(prefix) == wanted)]
    named = [prefix for prefix in own if prefix not in ("", "v")]
    assumption = ""
    if not own and len(highest) == 1:
        own = list(highest)
        assumption = f"all release tags begin with {own[0]!r}, so the next one does"
    if not own:
        prefixes = ", ".join(repr(prefix) for prefix in sorted(highest))
        return TagFormat(spelling=spelling), f"tags of several packages ({prefixes}) and none is ours; set tag-format"
    prefix = max(named or own, key=lambda candidate: highest[candidate][0])
    text = highest[prefix][1]
    if highest[prefix][0].is_prerelease:
        spelling = "semver" if "-" in text else "pep440"
    others = tuple(sorted(candidate for candidate in own if candidate != prefix))
    return TagFormat(prefix, "", spelling, () if named else others), assumption


def _normal(text: str) -> str:
    """Compare package names as PyPI does, ignoring a prefix's final separator and `v`."""
    text = text.lower()
    for ending in ("-v", "/v", "_v", "@v", "-", "/", "_", "@"):
        if text.endswith(ending):
            text = text[: -len(ending)]
            break
    return _SEPARATORS.sub("-", text.rpartition("/")[2].lstrip("@"))


def valid_ref(name: str) -> bool:
    """Tell whether git accepts `name` as a full ref name (git-check-ref-format)."""
    parts = name.split("/")
    return not (
        any(not part or part.startswith(".") or part.endswith((".lock", ".")) for part in parts)
        or ".." in name
        or "@{" in name
        or any(character in " ~^:?*[\\\x7f" or character < " " for character in name)
    )
