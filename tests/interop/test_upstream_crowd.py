"""Half of many clients drop at once, in front of Prosody: what they never got comes back to whoever said it."""

from __future__ import annotations

from tests.bench.beyond import Outcome, crowd

SESSIONS, MORE = 500, 2_000
"""More is more than may wait for one client here: the rest waits on the way, and at the server."""


def test_no_stanza_is_lost():
    _, outcome = crowd(SESSIONS, MORE)
    assert outcome == Outcome(heard=SESSIONS // 2, returned=SESSIONS // 2 + MORE)
