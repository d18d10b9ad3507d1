"""What a name means at one place of a file: the import that bound it, and the dotted path behind it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import ClassScope, GlobalScope, ImportAssignment, Scope

_MODULE_SCOPES = (GlobalScope, ClassScope)


@dataclass(frozen=True)
class Binding:
    """An imported name: the dotted `path` it stands for, and the statement and scope that bound it."""

    path: str
    statement: cst.Import | cst.ImportFrom
    scope: Scope

    @property
    def nested(self) -> bool:
        """Whether it is bound anew at each call of a function, not once at import."""
        return not isinstance(self.scope, _MODULE_SCOPES)


class AmbiguousError(Exception):
    """A name with more than one meaning."""


class Names:
    """Resolves names of one module, whose dotted name is `module`."""

    def __init__(self, module: str, is_package: bool, scopes: Mapping[cst.CSTNode, Scope | None]) -> None:
        """Take the scopes that libcst found in the module."""
        self._package = module.split(".") if is_package else module.split(".")[:-1]
        self._scopes = scopes
        self.scopes = [scope for scope in dict.fromkeys(scopes.values()) if scope is not None]

    def imported_module(self, statement: cst.ImportFrom) -> str | None:
        """Return the absolute module of a from-import; None when it climbs out of the known package."""
        name = "" if statement.module is None else get_full_name_for_node(statement.module) or ""
        level = len(statement.relative)
        if level == 0:
            return name
        if level > len(self._package):
            return None
        return ".".join([*self._package[: len(self._package) - level + 1], *filter(None, [name])])

    def lookup(self, node: cst.Name) -> Binding | None:
        """Return the import that bound `node`; else None; AmbiguousError for several meanings."""
        scope = self._scopes.get(node)
        if scope is None:
            return None
        assignments = scope[node.value]
        imports = [item for item in assignments if isinstance(item, ImportAssignment)]
        if not imports:
            return None
        found = {self.target(item): item for item in imports}
        plain = {path for path in found if path is not None}
        others = [item for item in assignments if item not in imports]
        if others or len(plain) != 1 or len(found) != 1:
            raise AmbiguousError(f"{node.value} is bound more than once in this file")
        (path,) = plain
        first = imports[0]
        assert isinstance(first.node, cst.Import | cst.ImportFrom)
        return Binding(path, first.node, first.scope)

    def is_unbound(self, node: cst.Name) -> bool:
        """Whether nothing in the file binds `node`, so that only a star import can."""
        scope = self._scopes.get(node)
        return scope is not None and not scope[node.value]

    def is_global(self, node: cst.Name) -> bool:
        """Whether `node` means what the module itself defines under that name."""
        scope = self._scopes.get(node)
        return scope is not None and any(isinstance(item.scope, GlobalScope) for item in scope[node.value])

    def taken(self, name: str, path: str) -> bool:
        """Whether `name` means anything but the import of `path` anywhere in the file."""
        return any(
            not isinstance(item, ImportAssignment) or self.target(item) != path
            for scope in self.scopes
            for item in scope.assignments
            if item.name == name
        )

    def target(self, assignment: ImportAssignment) -> str | None:
        """Return the dotted path an import assignment stands for."""
        statement = assignment.node
        if isinstance(statement, cst.Import):
            for alias in statement.names:
                dotted = get_full_name_for_node(alias.name) or ""
                if alias.asname is None:
                    if dotted.split(".")[0] == assignment.name:
                        return assignment.name
                elif get_full_name_for_node(alias.asname.name) == assignment.name:
                    return dotted
        elif isinstance(statement, cst.ImportFrom) and not isinstance(statement.names, cst.ImportStar):
            module = self.imported_module(statement)
            for alias in statement.names:
                bound = alias.asname.name if alias.asname else alias.name
                if module is not None and get_full_name_for_node(bound) == assignment.name:
                    return f"{module}.{get_full_name_for_node(alias.name)}"
        return None


def bound_name(alias: cst.ImportAlias) -> str:
    """Return the name an alias binds, with its dots."""
    return get_full_name_for_node(alias.asname.name if alias.asname else alias.name) or ""


def in_loop(node: cst.CSTNode, parents: Mapping[cst.CSTNode, cst.CSTNode]) -> bool:
    """Whether `node` runs once per turn of a loop or comprehension of its own function."""
    child, parent = node, parents.get(node)
    while parent is not None and not isinstance(child, cst.FunctionDef | cst.Lambda | cst.ClassDef):
        if isinstance(parent, cst.For) and child is parent.body:
            return True
        if isinstance(parent, cst.While) and child in (parent.body, parent.test):
            return True
        if isinstance(parent, cst.ListComp | cst.SetComp | cst.GeneratorExp) and child is parent.elt:
            return True
        if isinstance(parent, cst.DictComp) and child in (parent.key, parent.value):
            return True
        if isinstance(parent, cst.CompFor) and child is not parent.iter:
            return True
        if isinstance(parent, cst.Call) and child is not parent.func and _maps_over(parent, child):
            return True
        child, parent = parent, parents.get(parent)
    return False


def _maps_over(call: cst.Call, argument: cst.CSTNode) -> bool:
    """Whether `argument` is the function handed to `map`, `filter` or a pool's method of that kind."""
    name = get_full_name_for_node(call.func) or ""
    return bool(call.args) and argument is call.args[0] and name.rpartition(".")[2] in _MAPS


_MAPS = {"map", "filter", "imap", "imap_unordered", "starmap", "map_async"}
