from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from conversehost.clock import Clock
from tests.stage import Client, Stage

SLOW = ("browser", "testing", "test_packaging.py", "test_tls.py", "bench", "test_launch.py", "test_components.py")


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """What takes longest comes first: so no process waits at the end for another that has just begun with it."""
    here = Path(__file__).parent
    items.sort(key=lambda item: item.path.relative_to(here).parts[0] not in SLOW)


@pytest.fixture(scope="session", autouse=True)
def _state(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Servers that tests start keep their authority together, and not in anybody's home."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("XDG_STATE_HOME", str(tmp_path_factory.mktemp("state")))
        yield


@pytest.fixture
def make_stage() -> Iterator[Callable[..., Stage]]:
    """Servers to one's taste. An exception that nobody expected fails the test in which it happened."""
    made: list[Stage] = []

    def make(*domains: str, **parts: object) -> Stage:
        made.append(Stage(*domains, **parts))  # type: ignore[arg-type]
        return made[-1]

    yield make
    for stage in made:
        for error, _ in stage.unexpected:
            raise error


@pytest.fixture
def stage(make_stage: Callable[..., Stage]) -> Stage:
    """One domain, localhost."""
    return make_stage()


@pytest.fixture
def clock(stage: Stage) -> Clock:
    return stage.clock


@pytest.fixture
def romeo(stage: Stage) -> Client:
    """Has read his roster and is available; subscribed both ways with juliet."""
    stage.befriend("romeo", "juliet")
    return stage.login("romeo", "orchard")


@pytest.fixture
def juliet(stage: Stage, romeo: Client) -> Client:
    """The same, the other way round."""
    juliet = stage.login("juliet", "balcony")
    romeo.take()
    return juliet


@pytest.fixture
def mercutio(stage: Stage) -> Client:
    """A stranger to them."""
    return stage.login("mercutio", "square")
