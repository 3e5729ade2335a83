"""What people who put chat on a web site struggle with, as tests that they could have written: each reproduces one of
those things with what a test bed has for it, and says what a server does that is right. Standard library and `TestBed`.
"""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from conversehost.testing import TestBed


@pytest.fixture(scope="session")
def running() -> Iterator[TestBed]:
    with TestBed.start() as bed:
        yield bed


@pytest.fixture
def bed(running: TestBed) -> TestBed:
    """As right after its start."""
    running.reset()
    return running
