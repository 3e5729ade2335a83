from __future__ import annotations

import pytest

from tests.bosh.stage import Client, Server, Stage


@pytest.fixture
def stage() -> Stage:
    return Stage()


@pytest.fixture
def romeo(stage: Stage) -> Client:
    """Has a session: wait 60, hold 1."""
    return stage.client()


@pytest.fixture
def server(stage: Stage, romeo: Client) -> Server:
    """Behind romeo's session."""
    return stage.server
