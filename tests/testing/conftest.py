"""A server in a process of its own, for the tests of what talks to one."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversehost.testing import TestBed


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
