"""Where HTTP connections come from, and what they share."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping
from email.utils import formatdate

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory
from twisted.web.resource import IResource
from twisted.web.server import Site

from conversehost.clock import Clock
from conversehost.net.cors import Cors
from conversehost.net.durations import Durations
from conversehost.net.exchange import REASONS, Direct, HttpExchange, Streaming
from conversehost.net.forwarded import Proxies
from conversehost.net.gate import Gate, TurnedAway
from conversehost.net.heads import Heads
from conversehost.net.http import WEB_BODY, HttpConnection
from conversehost.net.instance import Instance


class HttpFactory(Factory):
    """All connections of one listener. `direct`: paths that are answered straight; of the rest, `streaming` has what it
    takes, and `root` all others.
    """

    noisy = False

    def __init__(
        self,
        root: IResource,
        direct: Mapping[bytes, Direct],
        *,
        clock: Clock,
        taken: Callable[[], None],
        cors: Cors | None = None,
        proxies: Proxies | None = None,
        gate: Gate | None = None,
        streaming: Streaming | None = None,
        room: Callable[[HttpExchange], int] = lambda exchange: WEB_BODY,
        instance: Instance | None = None,
    ) -> None:
        """`clock` tells real time, for sockets; `taken` is called once an input has been handed in; `room` says
        how many bytes the body of a request to `root` may have; `instance`: which of several processes this is.
        """
        self.instance = instance
        self.gate = gate
        self.streaming = streaming
        self.room = room
        self.site = Site(root)
        self.site.displayTracebacks = False
        self.direct = direct
        self.clock = clock
        self.taken = taken
        self.cors = cors or Cors()
        self.proxies = proxies or Proxies()
        self.connections: set[HttpConnection] = set()
        self.answers: dict[int, int] = defaultdict(int)  # by status code
        self.turns = Durations()
        self.heads = Heads()
        self._second = 0
        self._made: dict[tuple[int, bytes], bytes] = {}  # heads of answers of this second

    def buildProtocol(self, addr: IAddress | None) -> HttpConnection | TurnedAway:  # type: ignore[override]
        if self.gate is not None and not self.gate.admits(getattr(addr, "host", "")):
            return TurnedAway()
        connection = HttpConnection()
        connection.factory = self
        self.connections.add(connection)
        return connection

    def left(self, connection: HttpConnection) -> None:
        """It is gone."""
        self.connections.discard(connection)
        if self.gate is not None:
            self.gate.left(connection.address)

    def head(self, code: int, fields: bytes) -> bytes:
        """Status line, `fields` and Date of an answer; made once a second."""
        second = int(self.clock.utc())
        if self._second != second:
            self._second = second
            self._made.clear()
        head = self._made.get((code, fields))
        if head is None:
            date = formatdate(second, usegmt=True).encode()
            head = b"HTTP/1.1 %d %s\r\n%sDate: %s\r\n" % (code, REASONS.get(code, b""), fields, date)
            self._made[code, fields] = head
        return head

    def close_idle(self) -> None:
        """At shutdown, when all answers that can be given have been."""
        for connection in tuple(self.connections):
            connection.outlet.close()
