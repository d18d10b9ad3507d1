"""Find every use of the wanted names in one file, and the edit that would move it."""

from __future__ import annotations

import bisect
from collections.abc import Sequence

import libcst as cst
from libcst.helpers import get_full_name_for_node
from libcst.metadata import (
    ByteSpanPositionProvider,
    ClassScope,
    GlobalScope,
    ImportAssignment,
    MetadataWrapper,
    ParentNodeProvider,
    Scope,
    ScopeProvider,
)

from tools.migrate.bindings import AmbiguousError, Binding, Names, bound_name, in_loop
from tools.migrate.facts import Alias, Anchor, Edit, FileFacts, FromImport, Use, Wanted
from tools.migrate.files import Source
from tools.migrate.outline import outline

_PATCHES = {"patch", "setattr", "delattr", "object", "multiple", "replace"}
_MODULE_LIKE = (GlobalScope, ClassScope)


def scan(source: Source, module: str, is_package: bool, wanted: Wanted) -> FileFacts:
    """Parse one file and report what it does with the wanted names; a file that cannot be used says why."""
    try:
        text = outline(source.text, wanted)
        tree = cst.parse_module(text.decode("utf-8"))
    except cst.ParserSyntaxError as error:
        return FileFacts(module, problem=f"does not parse: line {error.raw_line}: {error.message}")
    except (RecursionError, UnicodeDecodeError) as error:
        return FileFacts(module, problem=f"does not parse: {error}")
    if tree.code.encode("utf-8") != text:
        return FileFacts(module, problem="has line breaks that do not survive parsing (a form feed or a lone CR)")
    try:
        visitor = _Scanner(source.text, tree, module, is_package, wanted)
        tree.visit(visitor)
    except RecursionError:
        return FileFacts(module, problem="is nested too deeply to analyse")
    return FileFacts(
        module,
        tuple(sorted(visitor.uses, key=lambda use: (use.line, use.column))),
        tuple(visitor.imports),
        tuple(sorted(visitor.exports.items())),
        tuple(visitor.stars),
    )


class _Scanner(cst.CSTVisitor):
    def __init__(self, text: bytes, tree: cst.Module, module: str, is_package: bool, wanted: Wanted) -> None:
        super().__init__()
        wrapper = MetadataWrapper(tree, unsafe_skip_copy=True)
        self._text, self._wanted, self._module = text, wanted, module
        self._spans = wrapper.resolve(ByteSpanPositionProvider)
        self._parents = wrapper.resolve(ParentNodeProvider)
        self._scopes = wrapper.resolve(ScopeProvider)
        self._names = Names(module, is_package, self._scopes)
        self._lines = [0, *(i + 1 for i, byte in enumerate(text) if byte == 0x0A)]
        self._newline = tree.default_newline.encode()
        self.uses: list[Use] = []
        self.imports: list[FromImport] = []
        self.exports: dict[str, str] = {}
        self.stars: list[str] = []
        self._star_anchors: list[tuple[str, int, Anchor]] = []
        self._from_index: dict[cst.ImportFrom, int] = {}

    # imports

    def visit_Import(self, node: cst.Import) -> bool:  # noqa: N802
        """Remember module-level names that other files can reach a home through."""
        if self._at_module_level(node):
            for alias in node.names:
                dotted = get_full_name_for_node(alias.name) or ""
                self.exports[bound_name(alias).split(".")[0]] = dotted if alias.asname else dotted.split(".")[0]
        return False

    def visit_ImportFrom(self, node: cst.ImportFrom) -> bool:  # noqa: N802
        """Record from-imports of the wanted names and of whole modules by star."""
        module = self._names.imported_module(node)
        if module is None:
            return False
        start, end = self._module_span(node)
        if isinstance(node.names, cst.ImportStar):
            self.stars.append(module)
            anchor = self._anchor(node)
            self._star_anchors.append((module, len(self.imports), anchor))
            self.imports.append(FromImport(module, self._at(node)[0], start, end, (), anchor))
            return False
        if self._at_module_level(node):
            for alias in node.names:
                self.exports[bound_name(alias)] = f"{module}.{get_full_name_for_node(alias.name)}"
        if any(get_full_name_for_node(alias.name) in self._wanted.names for alias in node.names):
            self._from_import(node, module, start, end)
        return False

    def _from_import(self, node: cst.ImportFrom, module: str, start: int, end: int) -> None:
        assert not isinstance(node.names, cst.ImportStar)
        aliases = []
        for alias in node.names:
            span = self._spans[alias]
            stop = span.start + span.length
            aliases.append(Alias(get_full_name_for_node(alias.name) or "", bound_name(alias), span.start, stop))
        self._from_index[node] = len(self.imports)
        scope = self._scopes.get(node)
        for index, (alias, plain) in enumerate(zip(node.names, aliases, strict=True)):
            if plain.name not in self._wanted.names:
                continue
            line, column = self._at(alias)
            nested = not self._at_module_level(node)
            problem = self._rebound(plain.bound, scope)
            self.uses.append(
                Use(
                    "import",
                    f"{module}.{plain.name}",
                    line,
                    column,
                    nested=nested,
                    problem=problem,
                    statement=len(self.imports),
                    alias=index,
                )
            )
        self.imports.append(FromImport(module, self._at(node)[0], start, end, tuple(aliases), self._anchor(node)))

    def _rebound(self, name: str, scope: Scope | None) -> str:
        """Say whether `name` gets another meaning in the scope that imports it."""
        if scope is not None:
            paths = {self._names.target(a) if isinstance(a, ImportAssignment) else None for a in scope[name]}
            if len(paths) > 1:
                return f"{name} is bound more than once in this file"
        return ""

    # uses

    def visit_Name(self, node: cst.Name) -> None:  # noqa: N802
        """Record loads of imported names, and of names only a star import can bring."""
        try:
            binding = self._names.lookup(node)
        except AmbiguousError:
            return
        if binding is not None:
            last = binding.path.rpartition(".")[2]
            if last in self._wanted.names and isinstance(binding.statement, cst.ImportFrom):
                self._add("name", binding.path, node, nested=binding.nested, binding=binding)
        elif node.value not in self._wanted.names:
            return
        elif self.stars and self._names.is_unbound(node):
            self._add("star", node.value, node)
        elif self._module in self._wanted.homes:
            self._home_name(node)

    def _home_name(self, node: cst.Name) -> None:
        """Record a use of a function by the module that defines it."""
        defines = isinstance(self._parents.get(node), cst.FunctionDef)
        if not defines and self._names.is_global(node):
            self._add("home", f"{self._module}.{node.value}", node, nested=True)

    def visit_Attribute(self, node: cst.Attribute) -> None:  # noqa: N802
        """Record `module.function`."""
        name = node.attr.value
        if name not in self._wanted.names:
            return
        path, binding, problem = self._module_path(node.value)
        if path is None:
            return
        edits: tuple[Edit, ...] = ()
        if binding is not None and not problem:
            edits, problem = self._module_edits(node.value, path, binding)
        kind = "attribute"
        if self._is_target(node):
            kind = "patch"
        nested = True  # looked up at each run, so a patch of the module is seen
        self._add(kind, f"{path}.{name}", node, nested=nested, edits=edits, problem=problem)

    def visit_Call(self, node: cst.Call) -> None:  # noqa: N802
        """Record calls that reach a function by object and name: `setattr(module, "function", ...)`."""
        strings = [arg.value for arg in node.args[:2] if isinstance(arg.value, cst.SimpleString)]
        if len(node.args) < 2 or len(strings) != 1 or strings[0] is not node.args[1].value:
            return
        name = _plain(strings[0])
        reachable = self._wanted.names | {path.rpartition(".")[2] for path in self._wanted.unseen}
        if name not in reachable or not isinstance(node.args[0].value, cst.Name | cst.Attribute):
            return
        path, binding, problem = self._module_path(node.args[0].value)
        if path is None:
            return
        caller = (get_full_name_for_node(node.func) or "").rpartition(".")[2]
        edits: tuple[Edit, ...] = ()
        if binding is not None and not problem and name in self._wanted.names:
            edits, problem = self._module_edits(node.args[0].value, path, binding)
        kind = "patch" if caller in _PATCHES else "dynamic"
        self._add(kind, f"{path}.{name}", node, nested=True, edits=edits, problem=problem)

    def visit_SimpleString(self, node: cst.SimpleString) -> None:  # noqa: N802
        """Record strings that spell a dotted name."""
        value = _plain(node)
        if value is None or "." not in value or not all(part.isidentifier() for part in value.split(".")):
            return
        last = value.rpartition(".")[2]
        tails = {path.rpartition(".")[2] for path in self._wanted.unseen}
        if last not in self._wanted.names and last not in tails and value not in self._wanted.homes:
            return
        span = self._spans[node]
        start = span.start + len(node.prefix) + len(node.quote)
        edit = Edit(start, start + len(value.encode()), f"{self._wanted.replacement}.{last}".encode())
        kind = "patch" if self._inside_patch(node) else "string"
        self._add(kind, value, node, nested=True, edits=(edit,) if last in self._wanted.names else ())

    # helpers

    def _module_path(self, node: cst.BaseExpression) -> tuple[str | None, Binding | None, str]:
        """Return the dotted path of an expression naming an imported thing, its binding, a problem."""
        chain: list[str] = []
        while isinstance(node, cst.Attribute):
            chain.insert(0, node.attr.value)
            node = node.value
        if not isinstance(node, cst.Name):
            return None, None, ""
        try:
            binding = self._names.lookup(node)
        except AmbiguousError as error:
            tail = ".".join([node.value, *chain])
            home = [home for home in self._wanted.homes if home == tail or home.endswith("." + tail)]
            return (home[0], None, str(error)) if home else (None, None, "")
        if binding is None:
            return None, None, ""
        return ".".join([binding.path, *chain]), binding, ""

    def _module_edits(self, node: cst.BaseExpression, path: str, binding: Binding) -> tuple[tuple[Edit, ...], str]:
        """Return the edits that make `node` name the replacement, or why there are none."""
        if path not in self._wanted.homes:
            return (), ""
        new = self._wanted.replacement
        parent, _, short = new.rpartition(".")
        whole = isinstance(binding.statement, cst.Import) and isinstance(node, cst.Attribute)
        local = new if whole or not parent else short
        name = local.split(".")[0]
        if self._names.taken(name, new if local == short else name):
            return (), f"the name {name} already means something else in this file"
        span = self._spans[node]
        edits = [Edit(span.start, span.start + span.length, local.encode())]
        if not self._imported(new, local, binding):
            if whole:
                insertion = self._anchor(binding.statement).insert(f"import {new}")
            else:
                under = f"from {parent} import " if parent else "import "
                insertion = self._anchor(binding.statement, under, short).insert(under + short)
            edits.append(insertion)
        return tuple(edits), ""

    def _imported(self, new: str, local: str, binding: Binding) -> bool:
        """Whether `local` is imported already in the block of `binding`, or for the whole module."""
        blocks = {self._block(binding.statement), 0}
        for item in binding.scope.assignments:
            node = getattr(item, "node", None)
            if isinstance(node, cst.Import):
                hit = any(get_full_name_for_node(a.name) == new and bound_name(a) == local for a in node.names)
            elif isinstance(item, ImportAssignment):
                hit = item.name == local and self._names.target(item) == new
            else:
                continue
            if hit and node is not None and self._block(node) in blocks:
                return True
        return False

    def _block(self, statement: cst.CSTNode) -> int:
        """Return a number that statements of the same block share."""
        block = self._parents[self._parents[statement]]
        return 0 if isinstance(block, cst.Module) else self._spans[block].start + 1

    def _anchor(self, statement: cst.CSTNode, sorted_under: str = "", name: str = "") -> Anchor:
        """Return where an import after `statement` goes, kept in order in a run of `sorted_under` lines."""
        line = self._parents[statement]
        span = self._spans[statement]
        end = span.start + span.length
        block = self._parents.get(line)
        if not isinstance(line, cst.SimpleStatementLine) or len(line.body) > 1 or block is None:
            return Anchor(end, b"; ", b"", self._block(statement))
        body: Sequence[cst.CSTNode] = getattr(block, "body", ())
        if sorted_under:
            end = self._last_sorted(body, line, end, sorted_under, name)
        indent = self._text[self._text.rfind(b"\n", 0, span.start) + 1 : span.start]
        stop = self._text.find(b"\n", end)
        if stop < 0:
            return Anchor(len(self._text), self._newline + indent, b"", self._block(statement))
        newline = b"\r\n" if self._text[stop - 1 : stop] == b"\r" else b"\n"
        return Anchor(stop + 1, indent, newline, self._block(statement))

    def _last_sorted(self, body: Sequence[cst.CSTNode], line: cst.CSTNode, end: int, under: str, name: str) -> int:
        """Walk over following one-name imports of the same package that sort before `name`."""
        for follower in body[list(body).index(line) + 1 :]:
            span = self._spans[follower]
            code = self._text[span.start : span.start + span.length].decode()
            word = code.removeprefix(under)
            if not code.startswith(under) or not word.isidentifier() or word > name:
                break
            end = span.start + span.length
        return end

    def _module_span(self, node: cst.ImportFrom) -> tuple[int, int]:
        parts: list[cst.CSTNode] = [*node.relative, *([node.module] if node.module else [])]
        first, last = self._spans[parts[0]], self._spans[parts[-1]]
        return first.start, last.start + last.length

    def _at_module_level(self, node: cst.CSTNode) -> bool:
        return isinstance(self._scopes.get(node), _MODULE_LIKE)

    def _is_target(self, node: cst.Attribute) -> bool:
        return isinstance(self._parents.get(node), cst.AssignTarget | cst.AnnAssign | cst.AugAssign | cst.Del)

    def _inside_patch(self, node: cst.CSTNode) -> bool:
        parent = self._parents.get(self._parents[node])
        if not isinstance(parent, cst.Call):
            return False
        names = (get_full_name_for_node(parent.func) or "").split(".")
        return names[-1] in _PATCHES or "patch" in names

    def _at(self, node: cst.CSTNode) -> tuple[int, int]:
        start = self._spans[node].start
        line = bisect.bisect_right(self._lines, start)
        return line, start - self._lines[line - 1] + 1

    def _add(
        self,
        kind: str,
        path: str,
        node: cst.CSTNode,
        *,
        nested: bool = False,
        edits: tuple[Edit, ...] = (),
        problem: str = "",
        binding: Binding | None = None,
    ) -> None:
        line, column = self._at(node)
        parent = self._parents.get(node)
        called = isinstance(parent, cst.Call) and parent.func is node
        statement = -1
        if binding is not None and isinstance(binding.statement, cst.ImportFrom):
            statement = self._from_index.get(binding.statement, -1)
        looped = in_loop(node, self._parents)
        self.uses.append(Use(kind, path, line, column, looped, called, nested, edits, problem, statement))


def _plain(node: cst.SimpleString) -> str | None:
    """Return the value of a string literal that is written exactly as it reads, else None."""
    if node.prefix.lower() not in ("", "u", "r"):
        return None
    value = node.raw_value
    return None if "\\" in value else value
