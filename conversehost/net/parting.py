"""A client is gone whose server has more to say: that goes back to whoever said it."""

from __future__ import annotations

import secrets

from conversehost.clock import Clock
from conversehost.net.wire import CLOSING, Above, Wire
from conversehost.upstream.initiator import GOODBYE, Hear, Over
from conversehost.upstream.returned import bounced
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element, to_bytes


class Parting:
    """`Above` a connection, until the server answers a question that it was asked after it heard that the client is
    unavailable: what it had said before has come then.
    """

    is_slow = False

    def __init__(self, stream: Above, wire: Wire, clock: Clock) -> None:
        self.domain, self.opened = stream.domain, stream.opened
        self._wire = wire
        self._id = f"parting-{secrets.token_hex(4)}"
        self._deadline = clock.after(CLOSING, self._finish)

    def begin(self, last: bytes) -> None:
        """`last`: what is to be said before."""
        gone = stanza("presence", {"type": "unavailable"})
        question = stanza("iq", {"type": "get", "id": self._id}, element(ns.PING, "ping"))
        self._wire.write(last + to_bytes(gone) + to_bytes(question))
        self._wire.hand_over(self)

    def made(self, wire: Wire) -> None:
        """It is there already."""

    def room(self) -> None:
        """Nobody waits for it."""

    def heard(self, event: Hear) -> None:
        """The answer, or something for the client."""
        if event.stanza.get("id") == self._id:
            self._finish()
            return
        for each in bounced([to_bytes(event.stanza)]):
            self._wire.write(each)

    def ended(self, over: Over) -> None:
        """By the server."""
        self._finish()

    def gone(self, why: str) -> None:
        """The connection broke."""
        self._deadline.cancel()

    def _finish(self) -> None:
        self._deadline.cancel()
        self._wire.finish(GOODBYE)
