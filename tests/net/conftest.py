from __future__ import annotations

from collections.abc import Iterator

import pytest
from twisted.logger import LogLevel, globalLogPublisher

from tests.bosh.stage import Server
from tests.net.front import Chat, Front, Wire


@pytest.fixture
def failures() -> Iterator[list[str]]:
    """What was logged as a failure. A test that expects some empties it."""
    seen: list[str] = []

    def observe(event: dict) -> None:
        if event["log_level"] >= LogLevel.error:
            seen.append(type(event["log_failure"].value).__name__ if "log_failure" in event else str(event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


@pytest.fixture
def behind() -> type[Server]:
    """What kind of server is behind."""
    return Server


@pytest.fixture
def front(failures: list[str], behind: type[Server]) -> Iterator[Front]:
    made = Front()
    made.kind = behind
    yield made
    assert failures == [], "a failure that nobody expected was logged"


@pytest.fixture
def wire(front: Front) -> Wire:
    return front.wire()


@pytest.fixture
def chat(front: Front) -> Chat:
    """A BOSH session."""
    return front.session()
