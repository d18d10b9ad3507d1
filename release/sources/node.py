"""npm: package.json, package-lock.json, npm-shrinkwrap.json."""

from __future__ import annotations

import re
from collections.abc import Iterator

from release.git import Tree
from release.sources.found import Found
from release.versions import parse

_TOKEN = re.compile(r'"((?:[^"\\]|\\.)*)"|[{}\[\],:]')


def find(tree: Tree, found: Found) -> None:
    """Add what package.json says and the lock files beside it."""
    document = _load(tree, found, "package.json")
    if not isinstance(document, dict) or not isinstance(document.get("version"), str):
        return
    if isinstance(document.get("name"), str) and not found.names:
        found.names.append(document["name"])
    version = document["version"]
    _add(found, "package.json", [("version",)], version, lock=False)
    for path in ("package-lock.json", "npm-shrinkwrap.json"):
        lock = _load(tree, found, path)
        if isinstance(lock, dict):
            inner = lock.get("packages")
            wanted: list[tuple[str, ...]] = [("version",)] if "version" in lock else []
            if isinstance(inner, dict) and isinstance(inner.get(""), dict) and "version" in inner[""]:
                wanted.append(("packages", "", "version"))
            _add(found, path, wanted, version, lock=True)


def _load(tree: Tree, found: Found, path: str) -> object:
    import json

    text = found.text(tree, path)
    if text is None:
        return None
    try:
        return json.loads(text.removeprefix("\ufeff"))
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        found.complain("bad-json", f"{path}:{line}: {getattr(error, 'msg', error)}", f"correct {path}")
        return None


def _add(found: Found, path: str, wanted: list[tuple[str, ...]], version: str, lock: bool) -> None:
    text = found.texts[path]
    seen: set[tuple[str, ...]] = set()
    for keys, start, end in _strings(text, frozenset(wanted)):
        if keys in seen:
            found.complain("ambiguous-version", f"{path}: {'.'.join(keys)} is written more than once")
            continue
        seen.add(keys)
        if lock and parse(text[start:end]) != parse(version):
            line = text.count("\n", 0, start) + 1
            found.complain(
                "lock-behind", f"{path}:{line}: the version is {text[start:end]} here and {version} in package.json",
                f"run `npm install --package-lock-only` and commit {path}",
            )  # fmt: skip
        else:
            found.add_span(path, start, end, "semver", ".".join(key or '""' for key in keys), lock)


def _strings(text: str, wanted: frozenset[tuple[str, ...]]) -> Iterator[tuple[tuple[str, ...], int, int]]:
    """Yield where the string values at the wanted paths stand, in text that `json` accepts."""
    import json

    path: list[str] = []
    arrays: list[bool] = []
    key = ""
    is_key = False
    for token in _TOKEN.finditer(text):
        first = token[0][0]
        if first == '"':
            if is_key:
                key = json.loads(token[0]) if "\\" in token[0] else token[1]
            elif not any(arrays) and (*path, key) in wanted:
                yield (*path, key), token.start(1), token.end(1)
        elif first in "{[":
            if arrays:
                path.append(key)
            arrays.append(first == "[")
            is_key = first == "{"
        elif first in "}]":
            arrays.pop()
            if path:
                path.pop()
            is_key = False
        elif first == ",":
            is_key = bool(arrays) and not arrays[-1]
        else:
            is_key = False
