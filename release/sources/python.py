"""Python: pyproject.toml static and dynamic (maturin, hatch, setuptools, flit, pdm, poetry), setup.cfg, setup.py,
`__version__`, uv.lock, and projects whose version is the tag."""

from __future__ import annotations

import re
from typing import Any

from release import toml
from release.git import Tree
from release.sources.found import Found
from release.versions import parse

# What a project requires to build when its version comes from the tag.
TAG_TOOLS = ("setuptools-scm", "hatch-vcs", "versioningit", "versioneer", "poetry-dynamic-versioning", "setuptools-git")
_VERSION_MODULES = ("__init__.py", "_version.py", "__about__.py", "version.py", "__version__.py")
_LITERAL = re.compile(r"[rRuU]?(\"\"\"|'''|\"|')([^\"'\\\n]+)\1")


def find(tree: Tree, found: Found) -> None:
    """Add what a Python project says."""
    document = found.document(tree, "pyproject.toml")
    if document is not None:
        _pyproject(tree, found, document)
    if not found.places and not found.from_tags:
        _setup_files(tree, found)
    name = found.name
    if name and not found.from_tags and (document is None or "project" in document or "tool" in document):
        _package_attribute(tree, found, name)
    _uv_lock(tree, found)


def _pyproject(tree: Tree, found: Found, document: dict[str, Any]) -> None:
    project = _table(document, "project")
    poetry = _table(document, "tool", "poetry")
    name = project.get("name", poetry.get("name"))
    if isinstance(name, str):
        found.names.append(name)
    if isinstance(project.get("version"), str):
        found.add_path("pyproject.toml", ("project", "version"), "pep440")
        return
    requires = " ".join(str(item) for item in _table(document, "build-system").get("requires", ()))
    tags = [tool for tool in TAG_TOOLS if tool in requires.replace("_", "-")]
    backend = str(_table(document, "build-system").get("build-backend", ""))
    dynamic = _table(document, "tool", "setuptools", "dynamic").get("version")
    hatch = _table(document, "tool", "hatch", "version")
    pdm = _table(document, "tool", "pdm", "version")
    if "maturin" in backend or _table(document, "tool", "maturin"):
        _maturin(tree, found, document)
    elif isinstance(dynamic, dict):
        _setuptools(tree, found, dynamic)
    elif isinstance(hatch.get("path"), str):
        _attribute(tree, found, hatch["path"], ("__version__", "VERSION"), required=True)
    elif isinstance(pdm.get("path"), str):
        _attribute(tree, found, pdm["path"], ("__version__",), required=True)
    elif (
        tags
        or hatch.get("source") == "vcs"
        or pdm.get("source") == "scm"
        or "setuptools_scm" in document.get("tool", {})
    ):
        found.from_tags = tags[0] if tags else "the build backend"
    elif isinstance(poetry.get("version"), str):
        found.add_path("pyproject.toml", ("tool", "poetry", "version"), "pep440")


def _maturin(tree: Tree, found: Found, document: dict[str, Any]) -> None:
    from release.sources import cargo

    manifest = _table(document, "tool", "maturin").get("manifest-path")
    choices = [manifest] if isinstance(manifest, str) else ["Cargo.toml", "rust/Cargo.toml"]
    for choice in choices:
        if found.document(tree, choice) is not None:
            cargo.find(tree, found, choice)
            return
    found.complain("no-version", f"pyproject.toml: maturin's manifest {choices[0]} is not in the repository")


def _setuptools(tree: Tree, found: Found, dynamic: dict[str, Any]) -> None:
    attribute = dynamic.get("attr")
    file = dynamic.get("file")
    if isinstance(attribute, str):
        module, _, name = attribute.rpartition(".")
        folder = module.replace(".", "/")
        for path in (f"{folder}/__init__.py", f"src/{folder}/__init__.py", f"{folder}.py", f"src/{folder}.py"):
            if found.text(tree, path) is not None:
                _attribute(tree, found, path, (name,), required=True)
                return
        found.complain("no-version", f"pyproject.toml: no file for the attribute {attribute}")
    elif isinstance(file, str | list):
        path = file if isinstance(file, str) else str(file[0])
        text = found.text(tree, path)
        if text is None or parse(text) is None:
            found.complain("no-version", f"{path}: pyproject.toml says the version is here, and it is not")
            return
        start = len(text) - len(text.lstrip())
        found.add_span(path, start, start + len(text.strip()), "pep440", "version")


def _setup_files(tree: Tree, found: Found) -> None:
    text = found.text(tree, "setup.cfg")
    section = re.search(r"^\[metadata\][^\[]*", text, re.MULTILINE) if text else None
    if section:
        name = re.search(r"^name[ \t]*=[ \t]*(\S+)", section[0], re.MULTILINE)
        if name:
            found.names.append(name[1])
        version = re.search(r"^version[ \t]*=[ \t]*(\S+)[ \t]*(\S*)", section[0], re.MULTILINE)
        if version and version[1] in ("attr:", "file:"):
            _setuptools(tree, found, {version[1][:-1]: version[2]})
        elif version and parse(version[1]) is not None:
            start = section.start() + version.start(1)
            found.add_span("setup.cfg", start, start + len(version[1]), "pep440", "metadata.version")
    if found.text(tree, "setup.py") is not None and not found.places:
        _attribute(tree, found, "setup.py", ("version", "__version__", "VERSION"), keyword=True)


def _package_attribute(tree: Tree, found: Found, name: str) -> None:
    """Add `__version__` of the package itself, where it is written out beside another source."""
    package = re.sub(r"[-.]+", "_", name)
    taken = {place.path for place in found.places}
    for folder in (package, f"src/{package}", package.lower(), f"src/{package.lower()}"):
        if not tree.has(folder):
            continue
        for module in _VERSION_MODULES:
            path = f"{folder}/{module}"
            if path not in taken and found.text(tree, path) is not None:
                _attribute(tree, found, path, ("__version__",))
                taken.add(path)


def _attribute(
    tree: Tree, found: Found, path: str, names: tuple[str, ...], required: bool = False, keyword: bool = False
) -> None:
    """Add the string assigned to one of `names` in a Python file (or passed to `setup()` under that name)."""
    import ast

    text = found.text(tree, path)
    if text is None:
        found.complain("no-version", f"{path}: pyproject.toml says the version is here, and there is no such file")
        return
    if not any(name in text for name in names):
        hits = []
    else:
        try:
            module = ast.parse(text.encode("utf-8", "surrogateescape"))
        except (SyntaxError, ValueError, RecursionError) as error:
            line = getattr(error, "lineno", None) or 1
            found.complain("bad-python", f"{path}:{line}: {getattr(error, 'msg', None) or error}", f"correct {path}")
            return
        hits = [node for node in ast.walk(module) if _assigns(node, names, keyword)]
    values = [getattr(node, "value", None) for node in hits]
    constants = [value for value in values if isinstance(value, ast.Constant)]
    literals = [value for value in constants if isinstance(value.value, str) and parse(value.value) is not None]
    if len(literals) > 1:
        lines = ", ".join(str(value.lineno) for value in literals)
        found.complain("ambiguous-version", f"{path}: {names[0]} is written more than once (lines {lines})")
    elif literals:
        _add_literal(found, path, literals[0].lineno, str(literals[0].value), names[0])
    elif required:
        found.complain("no-version", f'{path}: no {names[0]} = "..." here, though pyproject.toml says so')


def _assigns(node: object, names: tuple[str, ...], keyword: bool) -> bool:
    import ast

    if isinstance(node, ast.Assign):
        return any(isinstance(target, ast.Name) and target.id in names for target in node.targets)
    if isinstance(node, ast.AnnAssign):
        return isinstance(node.target, ast.Name) and node.target.id in names
    return keyword and isinstance(node, ast.keyword) and node.arg in names


def _add_literal(found: Found, path: str, line: int, value: str, what: str) -> None:
    text = found.texts[path]
    start = 0
    for _ in range(line - 1):
        start = text.index("\n", start) + 1
    end = text.find("\n", start)
    hits = [hit for hit in _LITERAL.finditer(text, start, len(text) if end < 0 else end) if hit[2] == value]
    if len(hits) != 1:
        found.complain("ambiguous-version", f"{path}:{line}: the version stands more than once in this line")
        return
    found.add_span(path, hits[0].start(2), hits[0].end(2), "pep440", what)


def _uv_lock(tree: Tree, found: Found) -> None:
    """Add the project's own entry in uv.lock (it has a version only when the project's is static)."""
    text = found.text(tree, "uv.lock") if found.places else None
    if text is None:
        return
    from release.sources import cargo

    wanted = _normal(found.name)
    for package in cargo.lock_packages(text):
        own = any(
            key in package and toml.string_at(text, package[key]) == "."
            for key in ("source.editable", "source.virtual")
        )
        if own and "version" in package and _normal(toml.string_at(text, package["name"]) or "") == wanted:
            entry = package["version"]
            value = toml.string_at(text, entry) or ""
            if parse(value) != parse(found.places[0].text):
                found.complain(
                    "lock-behind",
                    f"uv.lock:{entry.line}: {found.name} is {value} here and {found.places[0].text} in pyproject.toml",
                    "run `uv lock` and commit uv.lock",
                )
            else:
                found.add("uv.lock", entry, "pep440", lock=True)


def _normal(name: str) -> str:
    return re.sub(r"[-_.]+", "-", name).lower()


def _table(document: Any, *keys: str) -> dict[str, Any]:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document if isinstance(document, dict) else {}
