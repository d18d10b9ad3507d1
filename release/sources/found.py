"""What the search for version sources collects."""

from __future__ import annotations

from typing import Any, NamedTuple

from release import toml
from release.errors import Refused
from release.git import Tree
from release.problems import Problem


class Place(NamedTuple):
    """One place where the version stands: characters `start` to `end` of the file.

    Attributes:
        path: the file, from the top of the repository.
        line: from 1, for messages.
        start: first character of the version (in `Found.texts[path]`).
        end: one past the last.
        text: what stands there.
        spelling: "pep440" or "semver".
        lock: the file is a lock file, which follows and never decides.
        what: what the file calls it, e.g. "workspace.package.version".
    """

    path: str
    line: int
    start: int
    end: int
    text: str
    spelling: str
    lock: bool
    what: str


class Found:
    """The places found so far, the texts of their files, and what looked wrong.

    Texts are decoded with surrogateescape: encoding them again gives the same bytes.
    """

    def __init__(self) -> None:
        self.places: list[Place] = []
        self.texts: dict[str, str] = {}
        self.documents: dict[str, dict[str, Any]] = {}
        self.names: list[str] = []
        self.problems: list[Problem] = []
        self.from_tags = ""  # what makes the version of the tag, where no file holds it

    @property
    def name(self) -> str:
        """The package's name; empty when the project does not say."""
        return self.names[0] if self.names else ""

    @property
    def spelling(self) -> str:
        """The spelling of the first place: what the project's own tools read."""
        return self.places[0].spelling if self.places else "pep440"

    def text(self, tree: Tree, path: str) -> str | None:
        """Read a file as text; None when it is not there."""
        if path not in self.texts:
            data = tree.read(path)
            if data is None:
                return None
            self.texts[path] = data.decode("utf-8", "surrogateescape")
        return self.texts[path]

    def document(self, tree: Tree, path: str) -> dict[str, Any] | None:
        """Read a TOML file; one that cannot be parsed is a problem, noted once, and counts as missing."""
        if path in self.documents:
            return self.documents[path] or None
        text = self.text(tree, path)
        if text is None:
            return None
        try:
            if not text.isascii():
                bad = next((at for at, letter in enumerate(text) if "\udc80" <= letter <= "\udcff"), None)
                if bad is not None:
                    line = text.count("\n", 0, bad) + 1
                    raise Refused.because("bad-toml", f"{path}:{line}: not UTF-8", f"save {path} as UTF-8")
            self.documents[path] = toml.load(text, path)
        except Refused as error:
            self.problems.extend(problem for problem in error.problems if problem not in self.problems)
            self.documents[path] = {}
        return self.documents[path] or None

    def add(self, path: str, entry: toml.Entry, spelling: str, lock: bool = False, operators: str = "") -> bool:
        """Add the string at `entry` of a TOML file; False when it is not a plain string."""
        text = self.texts[path]
        value = toml.string_at(text, entry)
        raw = text[entry.start : entry.end]
        if value is None or raw.count(value) != 1 or not value:
            return False
        bare = value.lstrip(operators) if operators else value
        start = entry.start + raw.index(value) + len(value) - len(bare)
        what = ".".join(str(part) for part in entry.path)
        self.places.append(Place(path, entry.line, start, start + len(bare), bare, spelling, lock, what))
        return True

    def add_path(self, path: str, wanted: toml.Path, spelling: str) -> bool:
        """Add the string at a dotted path of a TOML file that was read before."""
        entry = toml.find(self.texts[path], wanted)
        return entry is not None and self.add(path, entry, spelling)

    def add_span(self, path: str, start: int, end: int, spelling: str, what: str, lock: bool = False) -> None:
        """Add a span of a file that is not TOML."""
        text = self.texts[path]
        line = text.count("\n", 0, start) + 1
        self.places.append(Place(path, line, start, end, text[start:end], spelling, lock, what))

    def complain(self, code: str, message: str, fix: str = "") -> None:
        """Note a problem."""
        self.problems.append(Problem(code, message, fix))
