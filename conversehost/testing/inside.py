"""A server in the test's own reactor, under pytest-twisted."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import pytest_twisted
from twisted.internet import reactor

from conversehost.embedded import ConfigError, Embedded
from conversehost.testing.calls import Steps, T, TestBedError
from conversehost.testing.deferredbed import DeferredTestBed


@contextmanager
def server_inside(arguments: Sequence[str]) -> Iterator[DeferredTestBed]:
    """For as long as a test runs. Raises TestBedError."""
    try:
        server = Embedded(arguments, reactor)
    except ConfigError as error:
        raise TestBedError(f"conversehost can't start: {error}") from None
    try:
        yield DeferredTestBed(server.ready)
    finally:
        pytest_twisted.blockon(server.stop())


def take_inside(bed: DeferredTestBed, steps: Steps[T]) -> T:
    """What blocks the test, and lets the reactor go on, as a verb of `TestBed` would block both."""
    result: Any = pytest_twisted.blockon(bed._do(steps))
    taken: T = result
    return taken
