"""Options and rules for all tests: which backend the tests of the package run on."""

from __future__ import annotations

import importlib
from types import ModuleType

import pytest

BACKENDS = {"python": "sky.utils.rust_twins", "rust": "sky_rs"}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--backend",
        choices=("both", "python", "rust"),
        default="both",
        help="backend that tests/sky runs on; without the native module only `python` can pass (default: both)",
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if "backend" in metafunc.fixturenames:
        chosen = metafunc.config.getoption("--backend")
        metafunc.parametrize("backend", list(BACKENDS) if chosen == "both" else [chosen])


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the tests of the native module where Python alone was asked for; otherwise they must run."""
    if config.getoption("--backend") == "python":
        config.hook.pytest_deselected(items=[item for item in items if item.get_closest_marker("native")])
        items[:] = [item for item in items if not item.get_closest_marker("native")]


@pytest.fixture
def functions(backend: str) -> ModuleType:
    """The module that has the twelve functions of one backend; a missing native module is a failure."""
    try:
        return importlib.import_module(BACKENDS[backend])
    except ModuleNotFoundError as error:
        pytest.fail(f"the {backend} backend is not installed ({error}); build it, or ask for --backend python")
