from __future__ import annotations

import pytest

from tests.bosh.elsewhere import Elsewhere
from tests.bosh.stage import Client, Server, Stage


@pytest.fixture(params=[Stage, Elsewhere], ids=["here", "elsewhere"])
def make_stage(request: pytest.FixtureRequest) -> type[Stage]:
    """The rules of BOSH are the same wherever the server is."""
    return request.param


@pytest.fixture
def stage(make_stage: type[Stage]) -> Stage:
    return make_stage()


@pytest.fixture
def romeo(stage: Stage) -> Client:
    """Has a session: wait 60, hold 1."""
    return stage.client()


@pytest.fixture
def server(stage: Stage, romeo: Client) -> Server:
    """Behind romeo's session."""
    return stage.server
