"""What a rewrite looks like, form by form."""

from __future__ import annotations

from collections.abc import Callable

import pytest

Migrated = Callable[[str], str]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("from pkg.home import f\nf()\n", "from fast.utils import f\nf()\n"),
        ("from pkg.home import f as h\nh()\n", "from fast.utils import f as h\nh()\n"),
        ("from .home import f\nf()\n", "from fast.utils import f\nf()\n"),
        ("from.home import f\nf()\n", "from fast.utils import f\nf()\n"),
        (
            "from pkg.home import f, other\nf(other())\n",
            "from pkg.home import other\nfrom fast.utils import f\nf(other())\n",
        ),
        (
            "from pkg.home import (\n    other,\n    f as h,\n    g,\n)\nh(g(other()))\n",
            "from pkg.home import (\n    other,\n)\nfrom fast.utils import f as h, g\nh(g(other()))\n",
        ),
        (
            "from pkg import home\nhome.f()  # here\n",
            "from pkg import home\nfrom fast import utils\nutils.f()  # here\n",
        ),
        (
            "import pkg.home as y\ny.f(y.other())\n",
            "import pkg.home as y\nfrom fast import utils\nutils.f(y.other())\n",
        ),
        ("import pkg.home\npkg.home.f()\n", "import pkg.home\nimport fast.utils\nfast.utils.f()\n"),
        ("from pkg.home import *\nf()\n", "from pkg.home import *\nfrom fast.utils import f\nf()\n"),
        (
            "def a():\n    from . import home\n    return home.f()\n",
            "def a():\n    from . import home\n    from fast import utils\n    return utils.f()\n",
        ),
        (
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pkg.home import f\nx: 'f'\n",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from fast.utils import f\nx: 'f'\n",
        ),
        ("from pkg import home; home.f()\n", "from pkg import home; from fast import utils; utils.f()\n"),
        ("from pkg import home\nx = home.f", "from pkg import home\nfrom fast import utils\nx = utils.f"),
        (
            "from pkg import home\ngetattr(home, 'f')()\n",
            "from pkg import home\nfrom fast import utils\ngetattr(utils, 'f')()\n",
        ),
        (
            "from pkg import home\nfrom fast import utils\nutils.f(home.g())\n",
            "from pkg import home\nfrom fast import utils\nutils.f(utils.g())\n",
        ),
    ],
)
def test_each_form_of_use_moves(migrated: Migrated, before: str, after: str) -> None:
    assert migrated(before) == after


@pytest.mark.parametrize(
    "text",
    [
        "from pkg import home\nutils = 1\nhome.f()\n",
        "try:\n    from pkg.home import f\nexcept ImportError:\n    f = None\nf()\n",
        "def f(): ...\nf()\n",
        "from elsewhere import f\nf()\n",
        "import pkg.home\nlog('pkg.home.f')\n",
        "from pkg.home import (\n    f,  # the fast one\n    other,\n)\nf(other())\n",
        "from .home import other\nother()\n",
        "from ....beyond import f\nf()\n",
        "def a(home):\n    return home.f()\n",
    ],
)
def test_what_is_not_safe_or_not_ours_stays(migrated: Migrated, text: str) -> None:
    assert migrated(text) == text


def test_a_second_run_changes_nothing(migrated: Migrated) -> None:
    once = migrated("from pkg import home\nimport pkg.home\nfrom pkg.home import g\nhome.f(g(pkg.home.f()))\n")
    assert migrated(once) == once


def test_new_imports_keep_a_sorted_run_sorted(migrated: Migrated) -> None:
    text = "from fast import aaa\nfrom pkg import home\nhome.f()\n"
    assert migrated(text).splitlines()[:3] == [
        "from fast import aaa",
        "from pkg import home",
        "from fast import utils",
    ]


def test_one_import_serves_all_uses_of_a_block(migrated: Migrated) -> None:
    assert migrated("from pkg import home\nhome.f()\nhome.g()\n").count("from fast import utils") == 1


def test_line_endings_and_everything_else_survive(migrated: Migrated) -> None:
    before = "from pkg import home\r\n\tx = 1 if 0 else 2  \r\n".replace("\tx", "x") + "home . f( )  ;  y = 'é'\r\n"
    after = migrated(before)
    assert after == before.replace("home . f", "utils . f").replace(
        "from pkg import home\r\n", "from pkg import home\r\nfrom fast import utils\r\n"
    )
