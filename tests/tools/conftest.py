"""A small package to migrate, and the table that says how."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tools.dropin import DropIn, load
from tools.migrate import engine

PYPROJECT = """
[tool.drop-in]
replacement = "fast.utils"
flag = "FAST"
[tool.drop-in.functions]
f = { home = "pkg.home", unseen = ["os.cpu_count", "pkg.home._inner"] }
g = { home = "pkg.home" }
"""
HOME = "import os\n\ndef _inner():\n    return 1\n\n"
HOME += "def f(x=0):\n    return x\n\ndef g(x=0):\n    return x\n\ndef other():\n    return 2\n"

Write = Callable[[dict[str, str]], Path]


@pytest.fixture
def settings(tmp_path: Path) -> DropIn:
    path = tmp_path / "pyproject.toml"
    path.write_text(PYPROJECT)
    return load(path)


@pytest.fixture
def tree(tmp_path: Path) -> Write:
    """Write files below a folder that holds the package `pkg`, and return the folder."""

    def write(contents: dict[str, str]) -> Path:
        root = tmp_path / "tree"
        for name, text in {"pkg/__init__.py": "", "pkg/home.py": HOME, **contents}.items():
            path = root / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(text.encode())
        return root

    return write


@pytest.fixture
def migrated(settings: DropIn, tree: Write) -> Callable[[str], str]:
    """Return the text of one module after migration."""

    def run(text: str) -> str:
        root = tree({"pkg/user.py": text})
        result = engine.run(settings, [root], jobs=1)
        assert result.problems == []
        changed = {Path(change.file).name: change.after.decode() for change in result.changes}
        return changed.get("user.py", text)

    return run
