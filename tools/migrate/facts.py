"""What a scan of one file found: plain data, so that it can cross from a worker process."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import cached_property


@dataclass(frozen=True)
class Edit:
    """Replace the UTF-8 bytes from `start` up to `end` by `text`.

    Of all edits with the same `group` one is enough: the first in the file.
    """

    start: int
    end: int
    text: bytes
    group: str = ""


@dataclass(frozen=True)
class Alias:
    """One name of a `from ... import`: what is imported, the name it gets here, and where it is written."""

    name: str
    bound: str
    start: int
    end: int


@dataclass(frozen=True)
class Anchor:
    """Where one more import statement can go: insert `before + statement + after` at `offset`.

    `block` tells the blocks of a file apart: one import is enough for all uses that share a block.
    """

    offset: int
    before: bytes
    after: bytes
    block: int

    def insert(self, statement: str) -> Edit:
        """Return the edit that adds `statement`."""
        text = self.before + statement.encode() + self.after
        return Edit(self.offset, self.offset, text, f"{self.block}:{statement}")


@dataclass(frozen=True)
class FromImport:
    """A `from MODULE import ...` that names something of interest (`names` is empty for a star)."""

    module: str
    line: int
    start: int
    end: int
    names: tuple[Alias, ...]
    anchor: Anchor


@dataclass(frozen=True)
class Use:
    """One place that reaches, or replaces, a function by its dotted `path`.

    `kind` is one of: `import` (the name in a from-import), `name` (a use of that name), `attribute`
    (`module.function`), `home` (a use inside the defining module), `star` (a bare name that a star import may
    bring), `dynamic` (`getattr` and the like),
    `patch` (a test replaces it: by string, by object and name, or by assignment), `binding` (a patch of the
    name in the module that imported it), `string` (another string that spells the dotted name).
    `edits` move it to the replacement; where there are none, `problem` says why not. `statement` is the index
    of the from-import it belongs to.
    """

    kind: str
    path: str
    line: int
    column: int
    in_loop: bool = False
    called: bool = False
    nested: bool = False
    edits: tuple[Edit, ...] = ()
    problem: str = ""
    statement: int = -1
    alias: int = -1


@dataclass(frozen=True)
class FileFacts:
    """Everything the later steps need to know about one file."""

    module: str
    uses: tuple[Use, ...] = ()
    imports: tuple[FromImport, ...] = ()
    exports: tuple[tuple[str, str], ...] = ()
    stars: tuple[str, ...] = ()
    problem: str = ""


@dataclass(frozen=True)
class Wanted:
    """What a scan looks for.

    `names` are bare function names (and names they are re-exported under), `homes` the modules that define
    them, `unseen` the dotted names whose patching compiled code does not notice,
    `replacement` the new module.
    """

    names: frozenset[str]
    homes: frozenset[str]
    unseen: frozenset[str]
    replacement: str

    @cached_property
    def _pattern(self) -> re.Pattern[bytes]:
        names = "|".join(re.escape(name) for name in sorted(self.names))
        tails = "|".join(re.escape(path.rpartition(".")[2]) for path in sorted(self.unseen)) or "(?!)"
        homes = "|".join(re.escape(path.rpartition(".")[2]) for path in sorted(self.homes)) or "(?!)"
        return re.compile(rf"\b(?:{names})\b|[.\"'](?:{tails})[\"']|\b(?:{homes})\s+import\s*[(]?\s*[*]".encode())

    def mentioned_in(self, data: bytes) -> bool:
        """Whether a file can be of any interest: a cheap look at its bytes before parsing it."""
        return self._pattern.search(data) is not None
