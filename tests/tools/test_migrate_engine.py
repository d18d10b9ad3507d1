"""Files, modules and tests together: re-exports, patches, reports of what stays."""

from __future__ import annotations

from pathlib import Path

from tests.tools.conftest import Write
from tools.dropin import DropIn
from tools.migrate import engine
from tools.migrate.resolve import FOLLOWS, MOVES, STAYS, WARNING


def fates(result: engine.Result, name: str) -> list[tuple[str, str, str]]:
    return [(f.use.kind, f.fate, f.reason) for f in result.findings if Path(f.file).name == name]


def test_a_reexport_moves_once_and_its_users_follow(settings: DropIn, tree: Write) -> None:
    root = tree(
        {
            "pkg/api.py": "from pkg.home import f as quick\n",
            "pkg/user.py": "from pkg.api import quick\nquick()\n",
        }
    )
    result = engine.run(settings, [root], jobs=1)
    assert [Path(change.file).name for change in result.changes] == ["api.py"]
    assert ("import", FOLLOWS, "through pkg.api, whose import moves") in fates(result, "user.py")


def test_a_name_through_a_star_reexport_stays(settings: DropIn, tree: Write) -> None:
    root = tree({"pkg/api.py": "from pkg.home import *\n", "pkg/user.py": "from pkg.api import f\nf()\n"})
    result = engine.run(settings, [root], jobs=1)
    assert result.changes == []
    assert fates(result, "user.py")[0][1] == STAYS


def test_callers_and_the_patches_aimed_at_them_move_together(settings: DropIn, tree: Write) -> None:
    root = tree(
        {
            "pkg/user.py": "from pkg import home\ndef a():\n    return home.f()\n",
            "tests/test_user.py": "from unittest import mock\n@mock.patch('pkg.home.f')\ndef test(m): ...\n"
            "def test_b(monkeypatch):\n    monkeypatch.setattr('pkg.user.home.f', 1)\n",
        }
    )
    result = engine.run(settings, [root], jobs=1)
    changed = {Path(c.file).name: c.after.decode() for c in result.changes}
    assert "mock.patch('fast.utils.f')" in changed["test_user.py"]
    assert "setattr('fast.utils.f', 1)" in changed["test_user.py"]
    assert "utils.f()" in changed["user.py"]


def test_a_caller_that_must_stay_keeps_the_patch_and_the_others(settings: DropIn, tree: Write) -> None:
    root = tree(
        {
            "pkg/user.py": "from pkg import home\ndef a():\n    return home.f()\n",
            "pkg/odd.py": "from pkg import home\nutils = 3\ndef a():\n    return home.f()\n",
            "tests/test_user.py": "def test_b(monkeypatch):\n    monkeypatch.setattr('pkg.home.f', 1)\n",
        }
    )
    result = engine.run(settings, [root], jobs=1)
    assert result.changes == []
    reasons = " ".join(f.reason for f in result.findings)
    assert "odd.py:4 stays, and needs this patch" in reasons
    assert "test_user.py:2 patches it" in reasons


def test_a_use_inside_the_defining_module_stays(settings: DropIn, tree: Write) -> None:
    root = tree({"pkg/home.py": "def f(): ...\ndef g():\n    return f()\n"})
    result = engine.run(settings, [root], jobs=1)
    assert fates(result, "home.py") == [("home", STAYS, "inside the module that defines it")]


def test_a_patch_that_native_code_does_not_see_is_a_warning(settings: DropIn, tree: Write) -> None:
    root = tree(
        {
            "tests/test_user.py": "import os\nfrom unittest import mock\nfrom pkg import home\n"
            "def test(monkeypatch):\n    monkeypatch.setattr(os, 'cpu_count', lambda: 1)\n"
            "    with mock.patch('pkg.home.os.cpu_count'), "
            "mock.patch('pkg.home._inner'):\n        home.f(home.g())\n",
        }
    )
    result = engine.run(settings, [root], jobs=1)
    found = fates(result, "test_user.py")
    warnings = [reason for _, fate, reason in found if fate == WARNING]
    assert len(warnings) == 3
    assert "native f does not see a patch of os.cpu_count; patch f itself, or run the test with FAST=0" in warnings
    assert ("attribute", STAYS, "line 5 patches what only the original looks up") in found
    assert ("attribute", MOVES, "") in found  # g looks nothing up


def test_a_patch_of_the_copied_name_needs_no_change(settings: DropIn, tree: Write) -> None:
    root = tree(
        {
            "pkg/user.py": "from pkg.home import f\ndef a():\n    return f()\n",
            "tests/test_user.py": "def test(monkeypatch):\n    monkeypatch.setattr('pkg.user.f', 1)\n",
        }
    )
    result = engine.run(settings, [root], jobs=1)
    assert [Path(c.file).name for c in result.changes] == ["user.py"]
    assert fates(result, "test_user.py") == [("binding", FOLLOWS, "patches the name in pkg.user, which is still there")]


def test_files_that_cannot_be_used_are_named_and_skipped(settings: DropIn, tree: Write) -> None:
    root = tree({"pkg/broken.py": "def f(:\n", "pkg/feed.py": "f = 1\n\x0cy = f\rz = 2\n"})
    (root / "pkg" / "latin.py").write_bytes(b"f = '\xe9'\n")
    (root / "pkg" / "user.py").write_bytes(b"from pkg.home import f\nf()\n")
    result = engine.run(settings, [root], jobs=1)
    problems = {Path(file).name: reason for file, reason in result.problems}
    assert sorted(problems) == ["broken.py", "feed.py", "latin.py"]
    assert problems["broken.py"].startswith("does not parse: line 1")
    assert problems["latin.py"].startswith("cannot be read")
    assert len(result.changes) == 1


def test_bytes_encodings_and_marks_survive(settings: DropIn, tree: Write) -> None:
    root = tree({})
    marked = b"\xef\xbb\xbffrom pkg.home import f  # \xc3\xa9\nf()\n"
    latin = b"# -*- coding: latin-1 -*-\nfrom pkg.home import f\nx = '\xe9'; f()\n"
    (root / "pkg" / "marked.py").write_bytes(marked)
    (root / "pkg" / "latin.py").write_bytes(latin)
    result = engine.run(settings, [root], jobs=1)
    after = {Path(c.file).name: c.after for c in result.changes}
    assert after["marked.py"] == marked.replace(b"pkg.home", b"fast.utils")
    assert after["latin.py"] == latin.replace(b"pkg.home", b"fast.utils")


def test_several_processes_find_the_same(settings: DropIn, tree: Write) -> None:
    root = tree({f"pkg/user{n}.py": "from pkg import home\nhome.f()\n" for n in range(40)})
    assert engine.run(settings, [root], jobs=2) == engine.run(settings, [root], jobs=1)


def test_loops_are_told_from_single_calls(settings: DropIn, tree: Write) -> None:
    text = (
        "from pkg.home import f\n"
        "for x in f():\n    f(1)\n"
        "y = [f(2) for x in range(3)]\n"
        "while f(3):\n    pass\n"
        "map(f, y)\n"
        "for x in y:\n    def later():\n        f(4)\n"
        "f(5)\n"
    )
    result = engine.run(settings, [tree({"pkg/user.py": text})], jobs=1)
    looped = [f.use.line for f in result.findings if f.use.kind == "name" and f.use.in_loop]
    assert looped == [3, 4, 5, 7]
