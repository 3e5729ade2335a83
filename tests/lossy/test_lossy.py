"""BOSH over a network that loses things; the long way is in tests/interop."""

from __future__ import annotations

import pytest

from tests.lossy.conversation import Conversation


@pytest.mark.parametrize("acks", [False, True])
@pytest.mark.parametrize("hold", [1, 3])
def test_nothing_is_lost_doubled_or_out_of_order(testbed, hold, acks):
    Conversation(messages=500, hold=hold, acks=acks, reloads=4, seed=hold).hold_on(testbed)
