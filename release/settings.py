"""The settings: `[tool.release]` in pyproject.toml, or the top level of release.toml.

Every key is a field below with its meaning and an example; docs/settings.md lists the same, and a test
compares the two. Unknown keys and wrong types are errors that name file and line. No key is required: what is
not set is found from the repository itself.
"""

# Made while every command starts: what a dataclass can do besides holding values would cost half the time.
# The fields are declared by functions that only build field(); nothing mutable is shared.
# ruff: noqa: RUF009

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import MISSING, Field, dataclass, field, fields
from typing import Any

from release import toml
from release.errors import Refused

Strings = tuple[str, ...]
Numbers = tuple[float, ...]


def key(default: Any, meaning: str, example: str, choices: Strings = (), wrong: Any = None) -> Any:
    """Declare a setting: its default, what it means and an example as TOML; `wrong` says what is bad about a value."""
    metadata = {"meaning": meaning, "example": example, "choices": choices, "wrong": wrong}
    if isinstance(default, Mapping):
        return field(default_factory=lambda: default, metadata=metadata)
    return field(default=default, metadata=metadata)


def table(kind: type, meaning: str) -> Any:
    """Declare a table of further settings, described by another dataclass."""
    return field(default_factory=kind, metadata={"meaning": meaning, "table": kind})


def _not_below_the_top(paths: list[str]) -> str:
    """Name the first value that is not a path from the top of the repository."""
    for path in paths:
        parts = path.removesuffix("/").split("/")
        if not path.isprintable() or any(part in ("", ".", "..") for part in parts):
            return f"{path!r} is not a path from the top of the repository"
    return ""


@dataclass(eq=False, repr=False)
class VersionFile:
    """One entry of `version-files`: a place where the version is written that is not found by itself."""

    path: str = key("", "The file, from the top of the repository.", '"docs/conf.py"')
    pattern: str = key(
        "", "The text around the version; `{version}` stands for it. It must be found exactly once.",
        "'release = \"{version}\"'",
    )  # fmt: skip
    spelling: str = key("pep440", "How the version is spelled there.", '"semver"', ("pep440", "semver"))


@dataclass(eq=False, repr=False)
class MergeSettings:
    """`[tool.release.merge]`."""

    checks: Strings = key(
        (), "Commands that must succeed on the merged result before anything is written; no shell reads them.",
        '["nox -s lint", "nox -s test"]',
    )  # fmt: skip


@dataclass(eq=False, repr=False)
class RehearseSettings:
    """`[tool.release.rehearse]`."""

    builds: Strings = key(
        ("--sdist", "--wheel"), "Arguments of `python -m build`, one run each; what follows an sdist is built from it.",
        '["--sdist", "--wheel"]',
    )  # fmt: skip
    verify: str = key(
        "", "The module to run with `python -m`, in the clean clone, on the folder of archives before the upload.",
        '"tools.verify_dist"',
    )  # fmt: skip
    needs: Mapping[str, str] = key(
        {}, "Builds that need a program; without it they are left out, and said to be.", '{ "--wheel" = "cargo" }'
    )
    beside: str = key(
        "", "A package from the index whose folders ours installs into; it is laid out first, without its"
        " dependencies.", '"skypilot==0.10.5"',
    )  # fmt: skip
    check: str = key("", "The module to run with `python -m` in the new environment.", '"demo --self-test"')


@dataclass(eq=False, repr=False)
class RolloutSettings:
    """`[tool.release.rollout]`; `release.rollout.policy` has the defaults and checks the values."""

    package: str = key("", "What is rolled out. Found: the project's name.", '"sky-rs"')
    flag: str = key("", "The flag's key in the flag file. Default: the package and `.rollout`.", '"sky-rs.use-rust"')
    file: str = key("", "The flag file. Default: `rollout.json`.", '"sky/utils/rust_rollout.json"')
    stages: Numbers = key((), "Percentages in rising order, up to 100. Default: 10, 25, 50, 100.", "[10, 25, 50, 100]")
    prometheus: str = key("", "The Prometheus server `gate` asks.", '"http://prometheus.internal:9090"')
    minimum_time: str = key("", "How long a stage lasts at least. Default: 24h.", '"24h"')
    timeout: str = key("", "When a stage without data is rolled back. Default: 14d.", '"14d"')
    fallback_rate: float = key(0.0, "Share of units that may take a fallback. Default: 0.01.", "0.01")
    crash_rate: float = key(0.0, "Share of units that may crash. Default: 0.0001.", "0.0001")
    roll_back_at: float = key(0.0, "E-value that rolls back. Default: 100.", "100")
    promote_at: float = key(0.0, "E-value that permits a promotion. Default: 20.", "20")
    ratio_at: float = key(0.0, "E-value at which the cohort's share counts as wrong. Default: 1000.", "1000")


@dataclass(eq=False, repr=False)
class DistSettings:
    """`[tool.release.dist]`."""

    universal: bool = key(False, "Whether the release has a `py3-none-any` wheel beside the native ones.", "true")
    size_limit: int = key(5_000_000, "The most bytes one archive may have.", "5_000_000")
    runners: Mapping[str, str] = key(
        {}, "Which runner builds which system and processor.", '{ linux-x86_64 = "ubuntu-24.04" }'
    )


@dataclass(eq=False, repr=False)
class Settings:
    """`[tool.release]`."""

    branches: Strings = key(
        (), "Branches releases are cut from, as shell patterns. Found: the remote's default branch, and"
        " maintenance"
        " branches such as `1.x`, `release/1.2`, `stable-1`.", '["main", "*.x"]',
    )  # fmt: skip
    remote: str = key(
        "", "The remote a release is pushed to. Found: the branch's own remote, else `origin`, else the"
        " only one.",
        '"origin"',
    )  # fmt: skip
    tag_format: str = key(
        "", "How tags are named: `{version}` is the PEP 440 spelling, `{semver}` the SemVer one,"
        " `{name}` the package."
        " Found from the existing tags, else `v{version}`.", '"v{version}"',
    )  # fmt: skip
    name: str = key(
        "", "The package's name, for `{name}` in tags. Found: the name in pyproject.toml, Cargo.toml or"
        " package.json.",
        '"sky-rs"',
    )  # fmt: skip
    paths: Strings = key(
        (), "Folders and files of one package in a repository of several: only commits that touch one of them"
        " count, for the version and for the notes. They are names, not patterns. Default: every commit counts.",
        '["packages/core", "Cargo.lock"]', wrong=_not_below_the_top,
    )  # fmt: skip
    changelog: str = key(
        "", "The changelog. Found: CHANGELOG.md, CHANGES.md, HISTORY.md or NEWS.md in any case. A file"
        " named here and"
        " missing is created.", '"CHANGELOG.md"',
    )  # fmt: skip
    message: str = key(
        "Release {version}", "The release commit's message; `{version}`, `{semver}`, `{tag}` and"
        " `{name}` are filled"
        " in.", '"chore(release): {version}"',
    )  # fmt: skip
    tag_message: str = key(
        "Release {version}\n\n{notes}", "The tag's message; `{notes}` is the changelog section.", '"{tag}"',
    )  # fmt: skip
    minor_types: Strings = key(("feat",), "Commit types that ask for a minor release.", '["feat", "deps"]')
    patch_types: Strings = key(
        ("fix", "perf", "revert"), "Commit types that ask for a patch release.", '["fix", "perf", "refactor"]'
    )
    headings: Mapping[str, str] = key(
        {"breaking": "major", "breaking changes": "major", "removed": "major", "added": "minor",
         "changed": "minor",
         "deprecated": "minor", "fixed": "patch", "security": "patch"},
        "What a heading under Unreleased asks for: `major`, `minor`, `patch` or `none`. Given headings"
        " are added to"
        " the defaults; case does not matter.", '{ Removed = "minor" }',
    )  # fmt: skip
    sections: Mapping[str, str] = key(
        {"feat": "Added", "fix": "Fixed", "perf": "Changed", "revert": "Changed"},
        "Which heading a commit type gets in a generated changelog section; added to the defaults."
        " Types without one"
        " are left out, breaking changes never.", '{ docs = "Documentation" }',
    )  # fmt: skip
    version_files: tuple[VersionFile, ...] = key(
        (), "More places where the version is written, each a table with `path`, `pattern` and `spelling`.",
        '[{ path = "docs/conf.py", pattern = \'release = "{version}"\' }]',
    )  # fmt: skip
    merge: MergeSettings = table(MergeSettings, "Settings of `merge`.")
    rehearse: RehearseSettings = table(RehearseSettings, "Settings of `rehearse`.")
    rollout: RolloutSettings = table(RolloutSettings, "Settings of `rollout`.")
    dist: DistSettings = table(DistSettings, "Settings of `dist`.")


def spelled(name: str) -> str:
    """Return a field's name as the key is written."""
    return name.replace("_", "-")


def read(text: str, name: str) -> Settings:
    """Read the settings from the text of pyproject.toml or release.toml (`name` decides which).

    Raises:
        Refused: not TOML, an unknown key, or a value of the wrong type; all of them in one list.
    """
    document = toml.load(text, name)
    prefix: toml.Path = ("tool", "release") if name.endswith("pyproject.toml") else ()
    value: Any = document
    for part in prefix:
        value = value.get(part, {}) if isinstance(value, dict) else value
    reader = _Reader(text, name)
    settings = reader.table(Settings, value, prefix)
    if reader.wrong:
        raise Refused(reader.wrong)
    assert isinstance(settings, Settings)
    return settings


class _Reader:
    """Checks one document against the dataclasses and collects what is wrong."""

    def __init__(self, text: str, name: str) -> None:
        from release.problems import Problem

        self.problem = Problem
        self.text = text
        self.name = name
        self.wrong: list[Any] = []

    def table(self, kind: type, value: object, path: toml.Path) -> Any:
        """Return `kind` filled from `value`; problems are noted, and defaults used in their place."""
        if not isinstance(value, dict):
            self._complain(path, f"{_dotted(path)} must be a table, not {_kind(value)}")
            return kind()
        known = {spelled(entry.name): entry for entry in fields(kind)}
        given: dict[str, Any] = {}
        for name, item in value.items():
            here = (*path, name)
            if name not in known:
                import difflib

                near = difflib.get_close_matches(name, known, 1)
                hint = f"; did you mean {near[0]!r}?" if near else f"; known are {', '.join(sorted(known)) or 'none'}"
                self._complain(here, f"unknown setting {_dotted(here)}{hint}", "unknown-setting")
                continue
            given[known[name].name] = self._value(known[name], item, here)
        return kind(**{name: item for name, item in given.items() if item is not MISSING})

    def _value(self, entry: Field[Any], value: object, path: toml.Path) -> Any:
        if "table" in entry.metadata:
            return self.table(entry.metadata["table"], value, path)
        if entry.type == "tuple[VersionFile, ...]":
            return self._version_files(value, path)
        wanted, fits = _TYPES[str(entry.type)]
        if not fits(value):
            self._complain(path, f"{_dotted(path)} must be {wanted}, not {_kind(value)}")
            return MISSING
        choices = entry.metadata["choices"]
        if choices and value not in choices:
            self._complain(path, f"{_dotted(path)} must be one of {', '.join(choices)}, not {value!r}")
            return MISSING
        complaint = entry.metadata["wrong"](value) if entry.metadata["wrong"] else ""
        if complaint:
            self._complain(path, f"{_dotted(path)}: {complaint}")
            return MISSING
        if isinstance(value, dict):
            return {**entry.default_factory(), **value} if callable(entry.default_factory) else value
        return tuple(value) if isinstance(value, list) else value

    def _version_files(self, value: object, path: toml.Path) -> Any:
        if not isinstance(value, list):
            self._complain(path, f"{_dotted(path)} must be a list of tables, not {_kind(value)}")
            return MISSING
        found = []
        for number, item in enumerate(value):
            file = self.table(VersionFile, item, (*path, number))
            if not file.path or file.pattern.count("{version}") != 1:
                self._complain((*path, number), f"{_dotted(path)} needs a path, and a pattern with one {{version}}")
            found.append(file)
        return tuple(found)

    def _complain(self, path: toml.Path, message: str, code: str = "bad-setting") -> None:
        line = self._line(path)
        self.wrong.append(self.problem(code, f"{self.name}:{line}: {message}", "see docs/settings.md"))

    def _line(self, path: toml.Path) -> int:
        for entry in toml.entries(self.text):
            if entry.path[: len(path)] == path:
                return entry.line
        return 1


def _dotted(path: toml.Path) -> str:
    return ".".join(str(part) for part in path) or "the settings"


def _kind(value: object) -> str:
    names = {
        "dict": "a table",
        "list": "a list",
        "str": "a string",
        "bool": "true or false",
        "int": "a number",
    }
    return names.get(type(value).__name__, f"a {type(value).__name__}")


def _strings(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(item, str) for item in value)


def _numbers(value: object) -> bool:
    return isinstance(value, list) and all(type(item) in (int, float) for item in value)


_TYPES: dict[str, tuple[str, Any]] = {
    "str": ("a string", lambda value: isinstance(value, str)),
    "bool": ("true or false", lambda value: isinstance(value, bool)),
    "int": ("a whole number", lambda value: isinstance(value, int) and not isinstance(value, bool)),
    "float": ("a number", lambda value: isinstance(value, int | float) and not isinstance(value, bool)),
    "Strings": ("a list of strings", _strings),
    "Numbers": ("a list of numbers", _numbers),
    "Mapping[str, str]": (
        "a table of strings",
        lambda value: isinstance(value, dict) and all(isinstance(item, str) for item in value.values()),
    ),
}
