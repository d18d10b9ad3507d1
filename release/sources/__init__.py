"""Where the version is written, found without settings.

`discover` asks each kind of project in turn; each answers with the places it knows. Every place is an exact
span of a file, so that an edit can hit nothing else.
"""

from __future__ import annotations

from release.git import Tree
from release.settings import Settings
from release.sources import plain
from release.sources.found import Found, Place

__all__ = ["Found", "Place", "discover"]


def discover(tree: Tree, settings: Settings) -> Found:
    """Find every place where the version of the project in `tree` is written."""
    found = Found()
    files = set(tree.files(""))  # a module is imported only where there is work for it
    if files & {"pyproject.toml", "setup.cfg", "setup.py"}:
        from release.sources import python

        python.find(tree, found)
    if "Cargo.toml" in files:
        from release.sources import cargo

        cargo.find(tree, found)
    if "package.json" in files:
        from release.sources import node

        node.find(tree, found)
    if settings.version_files or files & plain.NAMES:
        plain.find(tree, settings, found)
    if settings.name:
        found.names.insert(0, settings.name)
    return found
