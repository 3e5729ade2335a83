"""A server in a process of its own, for the tests of what talks to one."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from importlib.metadata import entry_points
from pathlib import Path

import pytest

from conversehost.testing import TestBed

ROOT = Path(__file__).parents[2]
PLUGIN = "conversehost.testing.pytest_plugin"
HEAVY = ("schemathesis", "hypothesispytest", "anyio", "cacheprovider")
LIGHT = [word for name in HEAVY for word in ("-p", f"no:{name}")]


@pytest.fixture(scope="module")
def running() -> Iterator[TestBed]:
    """One for a file of tests."""
    with TestBed.start() as bed:
        yield bed


@pytest.fixture
def bed(running: TestBed) -> TestBed:
    """The same, as right after its start."""
    running.reset()
    return running


@pytest.fixture
def run(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[..., pytest.RunResult]:
    """`run(program, *options)`: a test suite of one file, with this version of the package.

    Who wants it says `pytest_plugins = ["pytester"]`. Plugins that it needs not and that take seconds stay out.
    """
    pytester: pytest.Pytester = request.getfixturevalue("pytester")
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    installed = any(each.value == PLUGIN for each in entry_points(group="pytest11"))

    def run(program: str, *options: str) -> pytest.RunResult:
        pytester.makepyfile(program)
        loading = () if installed else ("-p", PLUGIN)
        return pytester.runpytest_subprocess(*loading, *LIGHT, "-v", *options)

    return run
