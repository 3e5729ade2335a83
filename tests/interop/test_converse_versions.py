"""What the current Converse.js is tested with, in the older versions that sites still use."""

from __future__ import annotations

import pytest

from tests.browser.conftest import VERSIONS
from tests.browser.test_demo_site import (
    test_a_login_by_the_form_of_the_chat,
    test_a_login_to_the_site_is_a_login_to_chat,
    test_a_reload_keeps_the_session,
    test_logging_out_ends_both_and_the_next_one_is_somebody_else,
    test_two_people_exchange_messages_both_ways,
)

from .test_rooms_in_chromium import guest, together

__all__ = [
    "guest",
    "test_a_login_by_the_form_of_the_chat",
    "test_a_login_to_the_site_is_a_login_to_chat",
    "test_a_reload_keeps_the_session",
    "test_logging_out_ends_both_and_the_next_one_is_somebody_else",
    "test_two_people_exchange_messages_both_ways",
]


@pytest.fixture(params=VERSIONS[1:])
def version(request: pytest.FixtureRequest) -> str:
    """Of Converse.js."""
    return request.param


REFUSALS = ("there is no such room", "search.jabber.network isn't served here")
"""What older versions ask for, and log as an error: a room that they make next; and, in version 10, rooms elsewhere."""


def test_people_talk_in_a_room(guest):
    alice, bob = together(guest, "tavern", "alice", "bob")
    alice.say("hello")
    bob.hears("hello")
    bob.say("<b>&\"' é 漢 🎉")
    for each in (alice, bob):
        each.hears("hello", "<b>&\"' é 漢 🎉")
        each.visitor.complaints[:] = [
            complaint for complaint in each.visitor.complaints if not any(known in complaint for known in REFUSALS)
        ]
