from __future__ import annotations

import pytest

from tests.features.rooms.visits import clear, enter, unlock
from tests.stage import Client, Stage


@pytest.fixture
def owner(stage: Stage) -> Client:
    """Has made the garden, in which she is Olivia."""
    client = stage.login("olivia", "hall")
    enter(client, "Olivia")
    unlock(client)
    clear(client)
    return client


@pytest.fixture
def viola(stage: Stage, owner: Client) -> Client:
    """Is in the garden, as nothing special."""
    client = stage.login("viola", "shore")
    enter(client, "Viola")
    clear(client, owner)
    return client


@pytest.fixture
def feste(stage: Stage) -> Client:
    """Isn't in the garden."""
    return stage.login("feste", "lute")
