"""pytest fixtures: a server for the whole run, in a process of its own, so that every kind of test can use it.

Plain tests, coroutines under pytest-twisted or pytest-asyncio, and browser tests may share it. Under pytest-xdist each
worker has its own. Nothing here may import Twisted: that would choose a reactor before pytest-twisted can.
"""

from __future__ import annotations

import shlex
from collections.abc import Generator, Iterator
from typing import Any

import pytest

from conversehost.testing.calls import TestBedError
from conversehost.testing.leftovers import LEFTOVERS, left_behind
from conversehost.testing.testbed import TestBed

LINES, WIDTH = 200, 1_000
"""Of what was said, in the report of a test that failed."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for the server, on the command line and in the ini file."""
    text = "options for the conversehost server of the fixtures, as on its command line"
    parser.getgroup("conversehost").addoption("--conversehost-args", metavar="ARGS", default="", help=text)
    parser.addini("conversehost_args", text, type="args", default=[])
    parser.addini("conversehost_allow", f"what tests may leave behind: {', '.join(LEFTOVERS)}", type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """The markers."""
    text = f"conversehost_allow(name, ...): what the test may leave behind: {', '.join(LEFTOVERS)}"
    config.addinivalue_line("markers", text)


@pytest.hookimpl(hookwrapper=True)
def pytest_runtest_makereport(item: pytest.Item, call: pytest.CallInfo[None]) -> Generator[None, Any, None]:
    """A test that fails shows what its clients and the server said to each other, and what the server logged."""
    outcome = yield
    report: pytest.TestReport = outcome.get_result()
    bed = getattr(item, "funcargs", {}).get("testbed")
    if not report.failed or call.when != "call" or not isinstance(bed, TestBed):
        return
    try:
        said = bed.transcript().splitlines()
    except TestBedError as error:
        said = [f"(not to be had: {error})"]
    left_out = [f"({len(said) - LINES} lines before)"] if len(said) > LINES else []
    shown = [line if len(line) <= WIDTH else f"{line[:WIDTH]}..." for line in said[-LINES:]]
    report.sections.append(("conversehost: what was said", "\n".join([*left_out, *shown]) or "(nothing)"))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that went well fails at its end over what it left behind."""
    result = yield
    bed = getattr(item, "funcargs", {}).get("testbed")
    complaints = left_behind(bed, allowed_for(item)) if isinstance(bed, TestBed) else []
    if complaints:
        pytest.fail("\n".join(complaints), pytrace=False)
    return result


def allowed_for(item: pytest.Item) -> set[str]:
    """What a test may leave behind. Raises pytest.UsageError."""
    marked = [name for mark in item.iter_markers("conversehost_allow") for name in mark.args]
    allowed = {*item.config.getini("conversehost_allow"), *marked}
    if unknown := allowed.difference(LEFTOVERS):
        known = ", ".join(LEFTOVERS)
        raise pytest.UsageError(f"conversehost_allow: there is no {', '.join(sorted(unknown))}; there are {known}")
    return allowed


@pytest.fixture(scope="session")
def conversehost(pytestconfig: pytest.Config) -> Iterator[TestBed]:
    """A server that runs until the last test is done; what a test does to it, the next one sees."""
    arguments = [*pytestconfig.getini("conversehost_args"), *shlex.split(pytestconfig.getoption("conversehost_args"))]
    with TestBed.start(*arguments) as bed:
        yield bed


@pytest.fixture
def testbed(conversehost: TestBed) -> TestBed:
    """The same server, as right after its start."""
    conversehost.reset()
    return conversehost
