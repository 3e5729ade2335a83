"""The same players, with the server at the other end of a connection: what holds here must hold there."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest
from twisted.internet.protocol import Protocol
from twisted.internet.testing import StringTransport

from conversehost.clock import Clock
from conversehost.net.upstream import UpstreamStream
from conversehost.net.wire import Terms
from conversehost.turn import Turn
from conversehost.upstream.initiator import GOODBYE
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.places import Place
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.xml import Limits, StreamHeader, StreamParser, to_bytes
from tests.bosh.stage import Server, Stage

LIMITS = Limits(unauthenticated=1 << 20)
SENDER = b" from='juliet@localhost/balcony'"
"""Servers stamp what they send."""


class FarServer(Server):
    """Hears what comes over the connection, and says over it what it is told to."""

    def __init__(self, turn: Turn, clock: Clock) -> None:
        super().__init__(turn, clock)
        self.link = Way(self)
        self._wire: Protocol
        self._said: list[bytes] = []
        self.refused: list[bytes] = []  # by the client's end, since it never reached the client
        self._parser = StreamParser(LIMITS)
        terms = Terms(self._reach, no_tls, clock, turn, clear=lambda address: True, login=1e9)
        self.stream = self.behind = UpstreamStream(Place("far.example"), terms)

    def say(self, data: bytes, *, now: bool = False) -> None:
        """At the end of the turn, or now."""
        self._said.append(data)
        if now:
            self.flush()
        else:
            self._turn.add(self)

    def flush(self) -> None:
        said, self._said = b"".join(self._said), []
        if said:
            self._wire.dataReceived(said)
            self.stream.logged_in = True  # how one logs in is another test's
        if self.closed:
            self._wire.connectionLost()

    def cancel(self) -> None:
        """Nobody looks for it any more."""

    def hear(self, data: bytes) -> None:
        """Over the connection."""
        if data.startswith(b"<?xml"):
            self._parser = StreamParser(LIMITS)
        for found in self._parser.feed(data):
            if isinstance(found, StreamHeader):
                self._opened()
            elif found is None:
                self.close(self.refused)
            elif found.get("id", "").startswith("parting-"):
                self.say(f"<iq type='result' id='{found.get('id')}'/>".encode())
            elif found.get("type") == "unavailable" and found.get("id") is None:
                continue  # the same parting
            elif found.get("type") == "error":
                self.refused.append(to_bytes(found))
            else:
                self.receive(found)

    def _opened(self) -> None:
        again, self.opening = self.opening is not None, self.stream.opened
        self._said.append(f"<stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0'>".encode())
        if again:
            self.restart(self.opening)
        else:
            self.on_open()

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        super().close(undelivered)
        self._turn.add(self)

    def _reach(
        self, domain: str, place: Place, connected: Callable[[Place], Protocol], *_: object, named: bool
    ) -> object:
        self._wire = connected(place)
        self._wire.makeConnection(Far(self))
        return self


class Far(StringTransport):
    """The connection: what is written is heard at once."""

    def __init__(self, server: FarServer) -> None:
        super().__init__()
        self._server = server

    def write(self, data: bytes) -> None:
        self._server.hear(data)

    def abortConnection(self) -> None:
        self.disconnecting = True


class Way:
    """`Link` of a `FarServer`."""

    def __init__(self, server: FarServer) -> None:
        self._server = server

    def send(self, stanza: bytes) -> None:
        self._server.say(stanza.replace(b"<message", b"<message" + SENDER, 1))

    def flush(self) -> None: ...
    def restarting(self) -> None: ...
    def trusted(self) -> None: ...

    def close(self, error: StreamError | None = None) -> None:
        self._server.say((to_bytes(stream_error(error)) if error else b"") + GOODBYE, now=True)


def no_tls(domain: str) -> Any:
    """The connection is in memory."""
    raise NotImplementedError


class Elsewhere(Stage):
    """A connection manager in front of another server."""

    kind = FarServer


HERE = pytest.mark.parametrize("make_stage", [Stage], indirect=True, ids=["here"])
"""Of what can't be so elsewhere: that the server answers within the same turn, fails, takes back what its own farewell
left behind, is heard whole however little the client takes, or is told more than that the client went.
"""
