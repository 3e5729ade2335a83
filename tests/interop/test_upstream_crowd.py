"""Half of many clients drop at once, in front of Prosody: what they never got comes back to whoever said it."""

from __future__ import annotations

from tests.bench.beyond import Outcome, crowd

SESSIONS = 500


def test_no_stanza_is_lost():
    _, outcome = crowd(SESSIONS)
    assert outcome == Outcome(heard=SESSIONS // 2, returned=SESSIONS // 2)
