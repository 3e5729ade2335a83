"""pytest fixtures: a server for the whole run, in a process of its own, so that every kind of test can use it.

Plain tests, coroutines under pytest-twisted or pytest-asyncio, and browser tests may share it. Under pytest-xdist each
worker has its own. Nothing here may import Twisted: that would choose a reactor before pytest-twisted can.
"""

from __future__ import annotations

import shlex
from collections.abc import Iterator

import pytest

from conversehost.testing.testbed import TestBed


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for the server, on the command line and in the ini file."""
    text = "options for the conversehost server of the fixtures, as on its command line"
    parser.getgroup("conversehost").addoption("--conversehost-args", metavar="ARGS", default="", help=text)
    parser.addini("conversehost_args", text, type="args", default=[])


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
