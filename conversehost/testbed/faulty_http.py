"""Requests that faults strike: a `Direct` in front of each that is answered without twisted.web."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from conversehost.bosh.manager import Manager
from conversehost.clock import Deadline
from conversehost.net.bosh import BoshFront
from conversehost.net.exchange import Direct, HttpExchange, Successor
from conversehost.net.handshake import WebSocketFront
from conversehost.net.http import HttpConnection
from conversehost.server.stream import ServerStream
from conversehost.testbed.beyond import WatchedStream
from conversehost.testbed.faults import MILD, Fault, Faults, HttpRequest
from conversehost.testbed.holding import Hold
from conversehost.testbed.requests import SID
from conversehost.testbed.wire import Kept
from conversehost.web.login import COOKIE, SiteSessions
from conversehost.web.site import Parts

_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n"
    "<center><h1>{title}</h1></center>\r\n<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


class People:
    """Whose requests they are."""

    def __init__(self, manager: Manager, parts: Parts) -> None:
        self._manager = manager
        self._sessions = SiteSessions(parts.store, parts.clock, parts.chat, parts.domains)

    def of_bosh(self, exchange: HttpExchange) -> str:
        """By its sid; a body that is compressed says nothing."""
        found = SID.search(b"".join(exchange.body))
        sid = b"" if found is None else found[1]
        session = next((each for each in self._manager.sessions() if each.sid.encode() == sid), None)
        stream = None if session is None else session.streams.first.backend
        if isinstance(stream, WatchedStream):
            return stream.stream.jid
        if not isinstance(stream, ServerStream):
            return ""
        return stream.session.full if stream.session is not None else str(stream.account or "")

    def of_site(self, exchange: HttpExchange) -> str:
        """By its cookie."""
        session = self._sessions.named(exchange.cookie(COOKIE))
        return "" if session is None else str(session.account)


def faulty(fronts: Mapping[bytes, Direct], faults: Faults, people: People) -> dict[bytes, FaultyFront]:
    """The same, each behind a `FaultyFront`; one that has several paths stays one."""
    made: dict[Direct, FaultyFront] = {}
    for front in fronts.values():
        if isinstance(front, BoshFront):
            made[front] = FaultyFront(front, faults, "bosh", people.of_bosh)
        elif isinstance(front, WebSocketFront):
            made[front] = FaultyFront(front, faults, "websocket", lambda exchange: "")
        else:
            made[front] = FaultyFront(front, faults, "site", people.of_site)
    return {path: made[front] for path, front in fronts.items()}


class FaultyFront:
    """`Direct`: hands on, unless a fault strikes. Preflights are spared: a browser asks again for each request."""

    page = False

    def __init__(self, below: Direct, faults: Faults, transport: str, who: Callable[[HttpExchange], str]) -> None:
        self.below = below
        self.body_limit, self.reason = below.body_limit, below.reason
        self.faults = faults
        self.transport = transport
        self.who = who

    def handle(self, exchange: HttpExchange) -> None:
        if self.faults.held and self._holds(exchange):
            return
        if not self.faults.watching or self.spares(exchange):
            self.hand_on(exchange)
            return
        request = self._request(exchange)
        faults = self.faults.of(self.domain(exchange, request.jid))
        late = faults.overtaken(request)
        struck = [] if late else faults.of_request(request)
        if struck:
            self.strike(exchange, struck, faults)
        else:
            self.hand_on(exchange)
        for go_on in late:
            go_on()

    def spares(self, exchange: HttpExchange) -> bool:
        """Whatever faults there are."""
        return exchange.method == b"OPTIONS"

    def hand_on(self, exchange: HttpExchange) -> None:
        """Nothing strikes it."""
        self.below.handle(exchange)

    def strike(self, exchange: HttpExchange, struck: list[Fault], faults: Faults) -> None:
        """It goes on as they say, who are among those."""
        FaultyExchange(exchange, self.below, faults, struck).begin()

    def domain(self, exchange: HttpExchange, jid: str) -> str:
        """Whose faults strike it."""
        return jid.partition("/")[0].rpartition("@")[2]

    def lost(self, exchange: HttpExchange) -> None:
        if isinstance(exchange.context, Hold):
            exchange.context.requests.remove((self.below, exchange))
        elif isinstance(exchange.context, FaultyExchange):
            exchange.context.lost()
        else:
            self.below.lost(exchange)

    def _holds(self, exchange: HttpExchange) -> bool:
        """It is of a session that is held, and waits with it."""
        hold = self.faults.held.get(self.who(exchange)) if exchange.method == b"POST" else None
        if hold is None:
            return False
        exchange.context = hold
        hold.requests.append((self.below, exchange))
        return True

    def _request(self, exchange: HttpExchange) -> HttpRequest:
        body = b"".join(exchange.body)
        return HttpRequest(self.transport, exchange.path.decode("latin-1"), self.who(exchange), body, self.page)


class Copy(HttpExchange):
    """The same request, with an answer of its own."""

    __slots__ = ("original",)

    def __init__(self, original: HttpExchange) -> None:
        for name in HttpExchange.__slots__:
            setattr(self, name, getattr(original, name))
        self.body = list(original.body)
        self.original = original

    @property
    def alone(self) -> bool:
        return self.original.alone

    def unsay(self) -> None:
        """The answer that who records was told of doesn't go out."""
        if isinstance(self.told, Kept):
            self.told.unsay()

    def whole(self, answer: bytes, connection: HttpConnection) -> None:
        """Another way to respond: by all bytes that go out there."""
        original = self.original
        if isinstance(original, Copy):
            original.whole(answer, connection)
        else:
            original.out = answer
            connection.send_ready()


class Shadow(Copy):
    """One more of it, whose answer nobody gets."""

    def respond(self, code: int, fields: bytes, body: bytes | None = b"") -> None:
        """To nobody."""

    def whole(self, answer: bytes, connection: HttpConnection) -> None:
        """Neither."""
        self.unsay()

    def switch(self, fields: bytes, successor: Successor) -> None:
        """Neither."""

    def hang_up(self) -> None:
        """The other one will."""


class FaultyExchange(Copy):
    """What the server sees of a request that was struck."""

    __slots__ = ("_below", "_deadline", "_fault", "_faults", "_mild", "_shadow", "_with_server")

    def __init__(self, exchange: HttpExchange, below: Direct, faults: Faults, struck: list[Fault]) -> None:
        super().__init__(exchange)
        exchange.context = self
        self._below = below
        self._faults = faults
        self._fault = next((each for each in struck if each.fault not in MILD), None)
        self._mild = [each for each in struck if each.fault in MILD]
        self._deadline: Deadline | None = None
        self._shadow: Shadow | None = None
        self._with_server = False  # which has to hear when the connection is lost

    def begin(self) -> None:
        """At once, or later."""
        fault = self._fault
        if fault is not None and fault.fault == "reorder-requests":
            self._faults.late[self] = fault, self._overtaken
            self._deadline = self._faults.after(fault.seconds, self._overtaken)
            return
        wait = sum(each.wait for each in self._mild if each.fault == "latency")
        if wait:
            self._deadline = self._faults.after(wait, self._arrive)
        else:
            self._arrive()

    def lost(self) -> None:
        """The connection is gone."""
        if self.original.out is None:
            self.unsay()
        self._faults.late.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        if self._shadow is not None:
            self._below.lost(self._shadow)
        if self._with_server:
            self._below.lost(self)

    def respond(self, code: int, fields: bytes, body: bytes | None = b"") -> None:
        """What the server answers: it may get lost, or take its time."""
        self._give(len(body or b""), lambda: self._respond(code, fields, body))

    def _respond(self, code: int, fields: bytes, body: bytes | None) -> None:
        original = self.original
        original.told = original.told or self.told  # who records a page was told of this copy
        original.respond(code, fields, body)

    def whole(self, answer: bytes, connection: HttpConnection) -> None:
        """The same with all that goes out."""
        self._give(len(answer), lambda: super(FaultyExchange, self).whole(answer, connection))

    def _give(self, size: int, answer: Callable[[], None]) -> None:
        if self._is("lost-response"):
            self._with_server = False  # it takes the answer for given
            self.unsay()
            self._break()
            return
        wait = sum(size / each.bytes_per_second for each in self._mild if each.fault == "bandwidth")
        if wait:
            self._deadline = self._faults.after(wait, answer)
        else:
            answer()

    def switch(self, fields: bytes, successor: Successor) -> None:
        """To WebSocket."""
        if self._is("lost-response"):
            self._break()
        else:
            self.original.switch(fields, successor)

    def _overtaken(self) -> None:
        """Another one was before it, or none has come."""
        self._faults.late.pop(self, None)
        if self._deadline is not None:
            self._deadline.cancel()
        self._arrive()

    def _arrive(self) -> None:
        fault = self._fault
        if self._is("hang"):
            return
        if self._is("lost-request"):
            self._break()
        elif fault is not None and fault.fault == "status":
            self._answer(fault)
        else:
            if self._is("duplicate-request"):
                self._shadow = Shadow(self)
                self._below.handle(self._shadow)
            self._with_server = True
            self._below.handle(self)

    def _answer(self, fault: Fault) -> None:
        """As a proxy does that can't reach the server."""
        title = f"{fault.status} {HTTPStatus(fault.status).phrase}"
        fields = b"Server: nginx\r\nContent-Type: text/html\r\n"
        if fault.retry_after is not None:
            fields += b"Retry-After: %d\r\n" % fault.retry_after
        self.original.respond(fault.status, fields, _PAGE.format(title=title).encode())

    def _is(self, name: str) -> bool:
        return self._fault is not None and self._fault.fault == name

    def _break(self) -> None:
        self.connection.transport.abortConnection()
