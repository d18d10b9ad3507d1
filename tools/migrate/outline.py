"""Leave out the function bodies that cannot matter, so that parsing and scope analysis have little to look at.

libcst's full analysis takes seconds for a file of thousands of lines, and nearly all of it is spent in functions
that never mention anything of interest. Their bodies become `pass` and blanks of the same length: every offset
outside them stays what it was, and no edit ever falls inside one.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from tools.migrate.facts import Wanted

_Function = ast.FunctionDef | ast.AsyncFunctionDef
_ODD_LINES = re.compile(rb"\f|\r(?!\n)")


def outline(text: bytes, wanted: Wanted) -> bytes:
    """Return `text` (UTF-8) at its own length, with the bodies that mention nothing of interest blanked.

    Whatever this interpreter cannot parse comes back unchanged: libcst then says what is wrong with it.
    """
    if _ODD_LINES.search(text):  # ast and libcst disagree on whether these break a line
        return text
    try:
        tree = ast.parse(text.decode("utf-8"))
    except (SyntaxError, ValueError, RecursionError, MemoryError):
        return text
    starts = [0, *(found.end() for found in re.finditer(b"\n", text))]
    interest = _Interest(tree, wanted)
    pieces, done = [], 0
    for function in _outermost(tree):
        first, last = function.body[0], function.body[-1]
        assert last.end_lineno is not None and last.end_col_offset is not None
        start = starts[first.lineno - 1] + first.col_offset
        end = starts[last.end_lineno - 1] + last.end_col_offset
        decorated = isinstance(first, _Function | ast.ClassDef) and first.decorator_list
        if end - start <= len(b"pass") or decorated:  # a decorator stands before where its statement begins
            continue
        if not interest.in_function(function, text[start:end]):
            pieces += [text[done:start], b"pass".ljust(end - start)]
            done = end
    return b"".join([*pieces, text[done:]])


def _outermost(node: ast.AST) -> Iterator[_Function]:
    """Yield the functions that are inside no other, in the order of the file."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, _Function):
            yield child
        elif not isinstance(child, ast.expr):
            yield from _outermost(child)


class _Interest:
    """What a function's body must hold to matter to a scan."""

    def __init__(self, tree: ast.Module, wanted: Wanted) -> None:
        new = wanted.replacement
        words = {*wanted.names, *wanted.homes, new.rpartition(".")[2]}
        imports = [node for node in ast.walk(tree) if isinstance(node, ast.Import | ast.ImportFrom)]
        aliases = [alias for node in imports for alias in node.names]
        words |= {alias.asname for alias in aliases if alias.asname and alias.name in wanted.names}
        whole = "|".join(re.escape(word) for word in sorted(words))
        tails = "|".join(re.escape(path.rpartition(".")[2]) for path in sorted(wanted.unseen)) or "(?!)"
        self._mentions = re.compile(rf"\b(?:{whole})\b|[.\"'](?:{tails})[\"']".encode())
        self._first = new.partition(".")[0]
        self._imported = {(alias.asname or alias.name).partition(".")[0] for alias in aliases} | {self._first}

    def in_function(self, function: _Function, body: bytes) -> bool:
        """Whether it mentions a wanted name, gives our package's name a meaning, or rebinds an import globally."""
        if self._mentions.search(body):
            return True
        return any(self._rebinds(node) for statement in function.body for node in ast.walk(statement))

    def _rebinds(self, node: ast.AST) -> bool:
        if isinstance(node, ast.Global):
            return not self._imported.isdisjoint(node.names)
        if isinstance(node, ast.Name):
            return node.id == self._first and not isinstance(node.ctx, ast.Load)
        if isinstance(node, ast.alias):
            return (node.asname or node.name) == self._first
        bound = (getattr(node, field, None) for field in ("name", "rest", "arg"))
        return self._first in bound and not isinstance(node, ast.keyword)
