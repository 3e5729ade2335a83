"""Prebind, credentials and EXTERNAL for a site's own users, with older versions of Converse.js."""

from __future__ import annotations

import pytest

from tests.browser.conftest import VERSIONS
from tests.interop.test_single_session import arrive, bed, houses

__all__ = ["bed", "houses"]


@pytest.fixture(params=VERSIONS[1:])
def version(request: pytest.FixtureRequest) -> str:
    """Of Converse.js."""
    return str(request.param)


@pytest.mark.parametrize("way", ["prebind", "bosh", "websocket", "external-websocket"])
def test_whoever_is_logged_in_to_the_site_is_in_chat(visitor, bed, way):
    alice = visitor("alice")
    arrive(alice, way)
    (session,) = bed.sessions("alice@localhost")
    assert session.transport == ("websocket" if "websocket" in way else "bosh")
