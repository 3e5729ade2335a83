"""Which sessions of an account get a message (RFC 6121 section 8.5)."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.server.session import Session
from conversehost.xmpp.stanza import Stanza


class Copies(bytes):
    """A message that several `sessions` are sent: one that ends before it got its copy leaves it to the others."""

    sessions: Sequence[Session] = ()


def choose(message: Stanza, sessions: Sequence[Session]) -> Sequence[Session]:
    """Of an account's sessions those for a message to its bare JID (sections 8.5.2.1.1 and 8.5.4).

    Never one with a negative priority. Headlines go to all others, everything else to the most available: those with
    the highest priority.
    """
    ready = [each for each in sessions if each.presence is not None and each.priority >= 0]
    if len(ready) < 2 or message.type == "headline":
        return ready
    highest = max(each.priority for each in ready)
    return [each for each in ready if each.priority == highest]


def send_to_all(data: bytes, sessions: Sequence[Session]) -> None:
    """The same message to all of them."""
    if len(sessions) > 1:
        copies = Copies(data)
        copies.sessions = sessions
        data = copies
    for session in sessions:
        session.deliver("message", data)
