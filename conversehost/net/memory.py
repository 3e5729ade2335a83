"""A client without sockets: for bots, and for tests of all that isn't a transport."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable

from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.turn import Turn
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import Element, parse


class MemoryClient:
    """Logged in and bound from the start. `on_stanza` is called at the end of the turn, once for each stanza."""

    def __init__(
        self, router: Router, turn: Turn, account: JID, on_stanza: Callable[[Stanza], None], *, resource: str = ""
    ) -> None:
        """Raises StanzaError when the account has too many sessions, JIDError for the resource."""
        self._router = router
        self._turn = turn
        self._on_stanza = on_stanza
        self._inbox: deque[bytes] = deque()
        self._stream = ServerStream(router)
        self.error: StreamError | None = None
        self.closed = False
        opening = StreamOpen(account.domain, "memory", secure=True)
        self.jid = self._stream.open_as(account, opening, self, resource).jid

    @property
    def session(self) -> Session | None:
        """What the server knows of it; None once it has ended."""
        return None if self.closed else self._stream.session

    def say(self, stanza: Element) -> None:
        """A stanza to the server. What it causes leaves at the end of the turn."""
        self._stream.receive(stanza)

    def leave(self) -> None:
        """End the session. What hasn't been looked at yet is stored or bounced."""
        if self.closed:
            return
        self.closed = True
        inbox, self._inbox = self._inbox, deque()
        self._stream.close(tuple(inbox))

    def send(self, stanza: bytes) -> None:
        if self.closed:
            return
        if not self._inbox:
            self._turn.add(self)
        self._inbox.append(stanza)

    def flush(self) -> None:
        for _ in range(len(self._inbox)):  # what comes meanwhile is for the next round of this turn
            if self._inbox:
                self._look_at(parse(self._inbox.popleft()))
        if self._inbox:
            self._turn.add(self)

    def restarting(self) -> None:
        """Never: it is logged in from the start."""

    def trusted(self) -> None:
        """Nor this."""

    def close(self, error: StreamError | None = None) -> None:
        self.error = self.error or error
        self.leave()

    def _look_at(self, found: Element) -> None:
        """A client that fails at one stanza goes on with the next."""
        if not isinstance(found, Stanza):
            return
        try:
            self._on_stanza(found)
        except Exception as error:
            self._router.report(error, found)
