"""Cargo: `[package] version`, `[workspace.package] version`, members that inherit it, Cargo.lock.

Requirements among the workspace's own crates (`path` beside `version`) move along, or the build would break.
"""

from __future__ import annotations

import fnmatch
import posixpath
from collections.abc import Iterator
from typing import Any

from release import toml
from release.git import Tree
from release.sources.found import Found
from release.versions import parse

_OPERATORS = "=^~ "
_TABLES = ("dependencies", "dev-dependencies", "build-dependencies")


def find(tree: Tree, found: Found, manifest: str = "Cargo.toml") -> None:
    """Add what the manifest at the top of the repository says; nothing when there is none."""
    if any(place.path.endswith("Cargo.toml") for place in found.places):
        return  # pyproject.toml already led to the workspace
    document = found.document(tree, manifest)
    if document is None:
        return
    root, root_document = _workspace(tree, found, manifest, document)
    own: list[str] = []
    inherits: list[str] = []
    members = [(root, root_document), *_members(tree, found, root, root_document)]
    shared = _get(root_document, "workspace", "package", "version")
    if isinstance(shared, str):
        found.add_path(root, ("workspace", "package", "version"), "semver")
    literal: list[str] = []
    for path, member in members:
        version = _get(member, "package", "version")
        name = _get(member, "package", "name")
        if not isinstance(name, str):
            continue
        if isinstance(version, dict) and version.get("workspace") is True:
            own.append(name)
            inherits.append(path)
        elif isinstance(version, str) and (path in (root, manifest) or not isinstance(shared, str)):
            own.append(name)
            literal.append(path)
    # A literal version beside a shared one is that crate's own affair, unless it is the crate asked about.
    literal = [path for path in literal if path == manifest or root not in literal]
    for path in literal:
        found.add_path(path, ("package", "version"), "semver")
    asked = _get(document, "package", "name")
    if not found.names:
        found.names.extend([asked] if isinstance(asked, str) else own[:1])
    current = next((place.text for place in found.places if place.path in (root, manifest, *literal)), "")
    for path, _ in members:
        if path == root or path in inherits or path in literal:
            _requirements(found, path, own, current)
    _lock(tree, found, posixpath.join(posixpath.dirname(root), "Cargo.lock"), own, current)


def _workspace(tree: Tree, found: Found, manifest: str, document: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """Return the workspace root a manifest belongs to: itself, the one it names, or the next one above."""
    if "workspace" in document:
        return manifest, document
    named = _get(document, "package", "workspace")
    folder = posixpath.dirname(manifest)
    if isinstance(named, str):
        above = [posixpath.normpath(posixpath.join(folder, named, "Cargo.toml"))]
    else:
        above = []
        while folder:
            folder = posixpath.dirname(folder)
            above.append(posixpath.join(folder, "Cargo.toml"))
    for path in above:
        other = None if path.startswith("..") else found.document(tree, path)
        if other is not None and "workspace" in other:
            return path, other
    return manifest, document


def _members(tree: Tree, found: Found, root: str, document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    patterns = _get(document, "workspace", "members")
    excluded = _get(document, "workspace", "exclude") or []
    folder = posixpath.dirname(root)
    for pattern in patterns if isinstance(patterns, list) else []:
        for member in _expand(tree, folder, str(pattern)):
            path = posixpath.normpath(posixpath.join(folder, member, "Cargo.toml"))
            if member in excluded or path == root or path.startswith(".."):
                continue
            inner = found.document(tree, path)
            if inner is not None:
                yield path, inner


def _expand(tree: Tree, folder: str, pattern: str) -> list[str]:
    """Expand `crates/*` below `folder`; each part of the pattern may hold wildcards."""
    matched = [""]
    for part in posixpath.normpath(pattern).split("/"):
        if any(character in part for character in "*?["):
            matched = [
                posixpath.join(base, name)
                for base in matched
                for name in tree.folders(posixpath.join(folder, base))
                if fnmatch.fnmatchcase(name, part)
            ]
        else:
            matched = [posixpath.join(base, part) for base in matched]
    return matched


def _requirements(found: Found, path: str, own: list[str], current: str) -> None:
    """Add the version requirements on the workspace's own crates that name the current version."""
    for base, table in _dependency_tables(found.documents[path]):
        for key, value in table.items():
            if not isinstance(value, dict) or "path" not in value or not isinstance(value.get("version"), str):
                continue
            if value.get("package", key) in own and value["version"].lstrip(_OPERATORS) == current:
                entry = toml.find(found.texts[path], (*base, key, "version"))
                if entry is not None:
                    found.add(path, entry, "semver", operators=_OPERATORS)


def _dependency_tables(document: dict[str, Any]) -> Iterator[tuple[toml.Path, dict[str, Any]]]:
    owners: list[tuple[toml.Path, Any]] = [((), document), (("workspace",), document.get("workspace"))]
    targets = document.get("target")
    if isinstance(targets, dict):
        owners += [(("target", name), table) for name, table in targets.items()]
    for base, owner in owners:
        for name in _TABLES:
            table = owner.get(name) if isinstance(owner, dict) else None
            if isinstance(table, dict):
                yield (*base, name), table


def _lock(tree: Tree, found: Found, path: str, own: list[str], current: str) -> None:
    """Add the entries of our own crates in Cargo.lock."""
    text = found.text(tree, path)
    if text is None or not own:
        return
    missing = set(own)
    for package in lock_packages(text):
        name = toml.string_at(text, package["name"]) if "name" in package else None
        if name not in missing or "source" in package or "version" not in package:
            continue
        missing.discard(name)
        entry = package["version"]
        value = toml.string_at(text, entry) or ""
        if parse(value) != parse(current):
            found.complain(
                "lock-behind", f"{path}:{entry.line}: {name} is {value} here and {current} in Cargo.toml",
                "run `cargo update --workspace` and commit Cargo.lock",
            )  # fmt: skip
        else:
            found.add(path, entry, "semver", lock=True)
    for name in sorted(missing):
        found.complain(
            "lock-behind", f"{path}: no entry for our own crate {name}",
            "run `cargo update --workspace` and commit Cargo.lock",
        )  # fmt: skip


def lock_packages(text: str) -> Iterator[dict[str, toml.Entry]]:
    """Yield the `[[package]]` tables of a lock file, each as key to entry (keys of sub-tables are dotted)."""
    current: dict[str, toml.Entry] = {}
    number = -1
    try:
        for entry in toml.entries(text):
            if len(entry.path) < 3 or entry.path[0] != "package" or not isinstance(entry.path[1], int):
                continue
            if entry.path[1] != number:
                if current:
                    yield current
                current, number = {}, entry.path[1]
            current[".".join(str(part) for part in entry.path[2:])] = entry
    except ValueError:
        return  # not TOML: the caller finds its package missing
    if current:
        yield current


def _get(document: object, *keys: str) -> Any:
    for key in keys:
        document = document.get(key) if isinstance(document, dict) else None
    return document
