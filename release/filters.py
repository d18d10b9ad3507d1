"""Files that git stores through a filter, such as LFS: what is in the repository is not what is in the work tree.

A release writes blobs as they are and runs no filter, so it leaves such files alone.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterable, Mapping, Sequence

from release.git import Repository, Running, Tree
from release.problems import Problem

NO_FILTER = {"unspecified", "unset", "set"}


def ask(repository: Repository, paths: Sequence[str], env: Mapping[str, str] | None = None) -> Running:
    """Start asking for the filters of these files, by the attributes in the index."""
    return repository.start("check-attr", "--cached", "-z", "filter", "--", *paths, env=env)


def answer(asked: Running) -> list[Problem]:
    """Return the problem that the answer names, if any."""
    said = os.fsdecode(asked.result()[1]).split("\0")
    values = zip(said[:-1:3], said[2::3], strict=True)  # path, "filter", value, and so on, each ended by a NUL
    filtered = [f"{path} (filter={value})" for path, value in values if value not in NO_FILTER]
    if not filtered:
        return []
    message = (
        f"{', '.join(filtered)}: git stores this through a filter, and a release edits only plain files"
        " (an LFS pointer stays as it is)"
    )
    fix = "keep version and changelog in files without a filter attribute: see .gitattributes"
    return [Problem("filtered-path", message, fix)]


def _may_filter(repository: Repository, tree: Tree, paths: Sequence[str]) -> bool:
    """Tell whether git has to be asked: there are attributes in the repository, in a folder above one of the files."""
    folders = {folder for path in paths for folder in _above(path)}
    if any(tree.has(f"{folder}.gitattributes") for folder in folders):
        return True
    return bool(paths) and (repository.common_dir / "info" / "attributes").exists()


def _above(path: str) -> list[str]:
    """Return the folders a path lies in, each with its final slash; the top is empty."""
    parts = path.split("/")
    return ["".join(f"{part}/" for part in parts[:count]) for count in range(len(parts))]


class Watch:
    """The question for the files of a plan, asked while the plan is made."""

    def __init__(self, repository: Repository, tree: Tree, head: str | None, paths: Iterable[str]) -> None:
        names = sorted(set(paths))
        self._asked: Running | None = None
        self._folder: tempfile.TemporaryDirectory[str] | None = None
        if head is None or not _may_filter(repository, tree, names):
            return
        env = {}
        if repository.bare:  # it has no index to read attributes from
            self._folder = tempfile.TemporaryDirectory(prefix="release-index-")
            env["GIT_INDEX_FILE"] = os.path.join(self._folder.name, "index")  # noqa: PTH118
            repository.run("read-tree", "--end-of-options", head, env=env)
        self._asked = ask(repository, names, env)

    def problems(self) -> list[Problem]:
        """Wait for the answer."""
        found = answer(self._asked) if self._asked else []
        if self._folder:
            self._folder.cleanup()
        return found
