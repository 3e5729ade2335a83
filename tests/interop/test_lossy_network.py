"""10,000 numbered messages over a network that kills connections before, during and after answers."""

from __future__ import annotations

import pytest

from tests.lossy.conversation import Conversation


@pytest.mark.parametrize(
    ("hold", "acks", "reloads"),
    [(1, False, 0), (3, True, 0), (1, False, 50), (3, True, 50)],
    ids=["plain", "acks", "plain-reloads", "acks-reloads"],
)
def test_none_of_ten_thousand_is_lost_doubled_or_out_of_order(testbed, hold, acks, reloads):
    """Half of them go each way."""
    Conversation(messages=5_000, hold=hold, acks=acks, reloads=reloads, seed=5).hold_on(testbed)
