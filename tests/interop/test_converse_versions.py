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

__all__ = [
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
