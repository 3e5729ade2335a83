"""One HTTP request, and its answer."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Protocol

from twisted.python.failure import Failure

from conversehost.net.forwarded import Client
from conversehost.xmpp.stream import Visit

if TYPE_CHECKING:
    from conversehost.net.http import HttpConnection

FRAMING = (b"content-length", b"transfer-encoding")
"""The fields that say how long a body is."""
REASONS = {status.value: status.phrase.encode() for status in HTTPStatus}
_REFUSAL = b"Content-Type: text/plain; charset=utf-8\r\n"


class Direct(Protocol):
    """What is answered without twisted.web: BOSH, prebind. `reason`: the header field in which its clients look for why
    a request is refused, also one that isn't handed to it; b"" for none.
    """

    body_limit: int
    reason: bytes

    def handle(self, exchange: HttpExchange) -> None:
        """Answer it, now or later, by `exchange.respond`."""

    def lost(self, exchange: HttpExchange) -> None:
        """Its connection is gone: before it was answered, or before the answer was out."""


class Streaming(Protocol):
    """What takes requests while they come in, and answers as it goes: a reverse proxy, uploads."""

    def takes(self, exchange: HttpExchange) -> bool:
        """Whether this request, of which the header is there, is its own."""

    def take(self, connection: HttpConnection, exchange: HttpExchange) -> Answering:
        """One whose header is complete, and whose turn it is to be answered."""


class FirstOf:
    """Several `Streaming`, as one: the first that takes a request has it."""

    def __init__(self, *several: Streaming) -> None:
        self._several = several

    def takes(self, exchange: HttpExchange) -> bool:
        """Of `Streaming`."""
        return any(each.takes(exchange) for each in self._several)

    def take(self, connection: HttpConnection, exchange: HttpExchange) -> Answering:
        """Of `Streaming`."""
        return next(each for each in self._several if each.takes(exchange)).take(connection, exchange)


class Answering(Protocol):
    """Who answers one request: it ends by `web_done`, `web_left` or `web_failed` of the connection."""

    exchange: HttpExchange
    answering: bool
    """Whether an answer has begun to go out."""

    def start(self) -> None: ...

    def more(self) -> None:
        """More of the request has come, in `exchange.body`; or its end, when `exchange.complete`."""

    def lost(self, reason: Failure) -> None:
        """The connection is gone."""


class Successor(Protocol):
    """Who has a connection after HTTP (RFC 9110 section 7.8)."""

    def start(self, connection: HttpConnection) -> None:
        """From here on it is his, time limits included."""

    def dataReceived(self, data: bytes) -> None: ...

    def connectionLost(self, reason: Failure) -> None: ...


class Told(Protocol):
    """Who wants to know how a request is answered."""

    def answered(self, exchange: HttpExchange, code: int, fields: bytes, body: bytes | None) -> None:
        """As `HttpExchange.respond` has it."""

    def begun(self, exchange: HttpExchange, code: int, fields: bytes) -> None:
        """An answer begins, whose body is told by `passed`."""

    def passed(self, exchange: HttpExchange, data: bytes) -> None:
        """More of an answer's body, whose header was told."""

    def switched(self, exchange: HttpExchange, fields: bytes, successor: Successor) -> None:
        """To another protocol."""


class HttpExchange:
    """One request, and its answer."""

    __slots__ = (
        "body",
        "close",
        "complete",
        "connection",
        "context",
        "direct",
        "forwarded",
        "headers",
        "method",
        "noted",
        "out",
        "path",
        "size",
        "started",
        "streaming",
        "successor",
        "target",
        "told",
        "version",
    )

    def __init__(self, connection: HttpConnection) -> None:
        self.connection = connection
        self.method = b""  # empty until the header is complete
        self.target = b""
        self.path = b""
        self.version = b"1.1"
        self.headers: list[tuple[bytes, bytes]] = []  # names in lower case
        self.body: list[bytes] = []
        self.size = 0  # of the body; where it is passed on at once, of what wasn't yet
        self.complete = False  # all of it has come
        self.close = False
        self.forwarded = False  # a field says that a proxy passes it on
        self.direct: Direct | None = None
        self.streaming: Streaming | None = None
        self.out: bytes | None = None
        self.started = False  # handed to `direct` or to twisted.web
        self.successor: Successor | None = None
        self.context: Any = None  # the handler's own
        self.told: Told | None = None
        self.noted: Any = None  # what `told` keeps of it

    def respond(self, code: int, fields: bytes, body: bytes | None = b"") -> None:
        """The whole answer. `fields` are complete lines. Date is added, and Content-Length; not where `body` is None,
        as it may be to HEAD when nobody knows how long it would be.
        """
        factory = self.connection.factory
        factory.answers[code] += 1
        if factory.instance is not None:
            fields += factory.instance.fields(self, code)
        if self.told is not None:
            self.told.answered(self, code, fields, body)
        head = factory.head(code, fields)
        if self.close:
            head += b"Connection: close\r\n"
        if code == 204 or body is None:
            self.out = head + b"\r\n"
        else:
            self.out = b"%sContent-Length: %d\r\n\r\n%s" % (head, len(body), b"" if self.method == b"HEAD" else body)
        self.connection.send_ready()

    @property
    def alone(self) -> bool:
        """It can take the connection to another protocol: of HTTP/1.1, and no answer has to go out before."""
        return self.version == b"1.1" and self.connection.is_first(self)

    def switch(self, fields: bytes, successor: Successor) -> None:
        """101: the connection goes on in another protocol."""
        self.connection.factory.answers[101] += 1
        self.successor = successor
        if self.told is not None:
            self.told.switched(self, fields, successor)
        self.out = b"HTTP/1.1 101 Switching Protocols\r\n%s\r\n" % fields
        self.connection.send_ready()

    def refuse(self, code: int) -> None:
        """An answer that says no more than its code, and why in the field that there may be for it. `direct` has no
        more to do with it.
        """
        fields = _REFUSAL + (self.connection.factory.cors.fields(self) or b"")
        if self.direct is not None and self.direct.reason:
            why = b"a body has %d bytes at most" % self.direct.body_limit if code == 413 else REASONS[code]
            fields += b"%s: %s\r\n" % (self.direct.reason, why)
        self.direct = None
        self.respond(code, fields, b"%d %s\n" % (code, REASONS[code]))

    def hang_up(self) -> None:
        """No answer, and no more requests: the connection is closed."""
        self.connection.outlet.close()

    def field(self, name: bytes) -> bytes | None:
        """The value of a header field (in lower case); the last one where there are several."""
        return next((value for each, value in reversed(self.headers) if each == name), None)

    def cookie(self, name: bytes) -> bytes | None:
        """The value of a cookie, the last of that name (RFC 6265 section 5.4)."""
        found = None
        for field, cookies in self.headers:
            if field == b"cookie":
                for each in cookies.split(b";"):
                    key, equals, value = each.lstrip().partition(b"=")
                    if equals and key == name:
                        found = value
        return found

    @property
    def has_body(self) -> bool:
        """By its header (RFC 9112 section 6.3). What follows CONNECT would be for somebody else."""
        framing = (value for name, value in self.headers if name in FRAMING)
        return self.method != b"CONNECT" and any(value.strip(b"0") for value in framing)

    def listed(self, name: bytes) -> set[bytes]:
        """The tokens in a list, in lower case, however many fields it came in."""
        values = b",".join(value for each, value in self.headers if each == name)
        return {token.strip().lower() for token in values.split(b",")}

    @property
    def local_target(self) -> bytes:
        """What is asked for, without an authority: path and query."""
        question, query = self.target.partition(b"?")[1:]
        return self.path + question + query

    @property
    def client(self) -> Client:
        """Who sent it: the one that is connected, or whom a proxy speaks for, if that is trusted."""
        connection = self.connection
        host = next((value for name, value in self.headers if name == b"host"), b"")
        direct = Client(connection.address, connection.secure, host)
        return connection.factory.proxies.client(direct, self.headers) if self.forwarded else direct

    @property
    def address(self) -> str:
        """The client's."""
        return self.client.address if self.forwarded else self.connection.address

    @property
    def secure(self) -> bool:
        """Whether the client came over TLS."""
        return self.client.secure if self.forwarded else self.connection.secure

    @property
    def origin(self) -> str:
        """Scheme and authority that the client reaches us by; "" where that isn't known."""
        return self.client.origin

    @property
    def host(self) -> bytes:
        """What the client called us by."""
        return self.client.host


VisitOf = Callable[[HttpExchange], Visit | None]
"""What a request shows of a login to the site; None for nothing."""


class EnoughError(Exception):
    """The last request has been answered, and the parser has more of it."""


class Rest:
    """What a parser finds that takes up a request at its body. Java's clients and `curl --http2` ask for another
    protocol with each request, and don't mind when that is ignored (RFC 9110 section 7.8).
    """

    def __init__(self, on_body: Callable[[bytes], None], on_message_complete: Callable[[], None]) -> None:
        self.on_body = on_body
        self.on_message_complete = on_message_complete

    @staticmethod
    def head(exchange: HttpExchange) -> bytes:
        """As much of the request as says how long its body is, and that nothing follows."""
        framing = [b"%s: %s\r\n" % each for each in exchange.headers if each[0] in FRAMING]
        return b"POST / HTTP/1.1\r\nConnection: close\r\n%s\r\n" % b"".join(framing)


def path_of(target: bytes) -> bytes:
    """The path alone: without query, and without the authority of an absolute target."""
    path = target.partition(b"?")[0]
    if path.startswith((b"http://", b"https://")):
        return b"/" + path.partition(b"//")[2].partition(b"/")[2]
    return path
