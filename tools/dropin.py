"""Read `[tool.drop-in]` from a pyproject.toml: which function replaces which.

The table is what `tools.migrate`, `benchmarks` and `tools.performance_report` share, so that another
package with a compiled core can use all three by writing a table of its own.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError

_TABLE_KEYS = {
    "reference",
    "requirements",
    "python",
    "imports",
    "replacement",
    "native",
    "flag",
    "workloads",
    "targets",
    "functions",
}
_FUNCTION_KEYS = {"home", "unseen", "reference"}


class SettingsError(Exception):
    """A pyproject.toml that cannot be read, or says something this program does not understand."""


@dataclass(frozen=True)
class Function:
    """One function: where the original lives, and what its tests may patch inside it.

    `homes` are the modules that define the original (none for a function that is new). `unseen` are the
    dotted names the original looks up at run time and compiled code does not. `reference` is the
    `module:name` to time the replacement against.
    """

    name: str
    homes: tuple[str, ...] = ()
    unseen: tuple[str, ...] = ()
    reference: str = ""


@dataclass(frozen=True)
class DropIn:
    """The whole table, with paths made absolute against the folder of the pyproject.toml."""

    root: Path
    reference: str
    replacement: str
    native: str
    flag: str = ""
    python: str = ""
    requirements: tuple[str, ...] = ()
    imports: tuple[str, ...] = ()
    workloads: Path | None = None
    targets: Path | None = None
    functions: dict[str, Function] = field(default_factory=dict)

    @property
    def homes(self) -> dict[str, set[str]]:
        """Function names by the module that defines the original."""
        found: dict[str, set[str]] = {}
        for function in self.functions.values():
            for home in function.homes:
                found.setdefault(home, set()).add(function.name)
        return found


def load(pyproject: Path) -> DropIn:
    """Read the table; SettingsError names the file and the key of whatever is wrong."""
    try:
        document = tomlkit.parse(pyproject.read_text(encoding="utf-8")).unwrap()
    except OSError as error:
        raise SettingsError(f"{pyproject}: {error.strerror or error}") from error
    except (TOMLKitError, UnicodeDecodeError) as error:
        raise SettingsError(f"{pyproject}: not valid TOML: {error}") from error
    table = document.get("tool", {}).get("drop-in")
    if not isinstance(table, dict):
        raise SettingsError(f"{pyproject}: no [tool.drop-in] table; name another file with --config")
    reader = _Reader(pyproject, "tool.drop-in", table)
    reader.only(_TABLE_KEYS)
    functions: dict[str, Function] = {}
    for name, entry in reader.table("functions").items():
        functions[name] = _function(pyproject, name, entry)
    if not functions:
        raise SettingsError(f"{pyproject}: [tool.drop-in.functions] names no function")
    root = pyproject.resolve().parent
    return DropIn(
        root=root,
        reference=reader.text("reference"),
        replacement=reader.text("replacement", required=True),
        native=reader.text("native"),
        flag=reader.text("flag"),
        python=reader.text("python"),
        requirements=reader.texts("requirements"),
        imports=reader.texts("imports"),
        workloads=root / reader.text("workloads") if "workloads" in table else None,
        targets=root / reader.text("targets") if "targets" in table else None,
        functions=functions,
    )


def _function(pyproject: Path, name: str, entry: object) -> Function:
    if not name.isidentifier():
        raise SettingsError(f"{pyproject}: tool.drop-in.functions: {name!r} is not a Python name")
    reader = _Reader(pyproject, f"tool.drop-in.functions.{name}", entry)
    reader.only(_FUNCTION_KEYS)
    homes = reader.texts("home")
    reference = reader.text("reference") or (f"{homes[0]}:{name}" if homes else "")
    return Function(name, homes, reader.texts("unseen"), reference)


class _Reader:
    """Typed access to one TOML table, with errors that name the file and the key."""

    def __init__(self, path: Path, where: str, table: object) -> None:
        if not isinstance(table, dict):
            raise SettingsError(f"{path}: [{where}] must be a table")
        self._path, self._where, self._table = path, where, table

    def only(self, known: set[str]) -> None:
        """Refuse keys that are not in `known`."""
        unknown = sorted(set(self._table) - known)
        if unknown:
            listed = ", ".join(sorted(known))
            raise SettingsError(f"{self._path}: [{self._where}] has no key {unknown[0]!r}; it knows {listed}")

    def text(self, key: str, required: bool = False) -> str:
        """Return a string, empty where it is absent and not required."""
        value = self._table.get(key, "")
        if not isinstance(value, str) or (required and not value):
            raise SettingsError(f"{self._path}: {self._where}.{key} must be a string")
        return value

    def texts(self, key: str) -> tuple[str, ...]:
        """Return a list of strings; a single string counts as a list of one."""
        value: Any = self._table.get(key, [])
        values = [value] if isinstance(value, str) else value
        if not isinstance(values, list) or not all(isinstance(item, str) for item in values):
            raise SettingsError(f"{self._path}: {self._where}.{key} must be a list of strings")
        return tuple(values)

    def table(self, key: str) -> dict[str, Any]:
        """Return a table inside this one, empty where it is absent."""
        value = self._table.get(key, {})
        if not isinstance(value, dict):
            raise SettingsError(f"{self._path}: [{self._where}.{key}] must be a table")
        return value
