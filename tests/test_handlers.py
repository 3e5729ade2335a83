"""What features register: one handler for each thing, so that no answer depends on an order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.host import Host


def nothing(*_: object) -> None:
    """A handler."""


@pytest.mark.parametrize(
    "register",
    [
        lambda host: host.on_iq("get", "urn:example", "query", nothing, at="host"),
        lambda host: host.on_iq("get", "urn:example", "query", nothing, at="account"),
        lambda host: host.on_own_iq("get", "urn:example", "query", nothing),
        lambda host: host.on_nonza("urn:example", "nonza", nothing),
        lambda host: host.on_stream_iq("get", "urn:example", "query", nothing),
        lambda host: host.on_presence_from("example", nothing),
        lambda host: host.on_presence_to("example", nothing),
    ],
)
def test_a_second_handler_for_the_same_thing_is_refused(stage, register: Callable[[Host], None]):
    register(stage.host)
    with pytest.raises(ValueError, match="two handlers"):
        register(stage.host)
