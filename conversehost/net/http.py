"""HTTP/1.1 on llhttp: the front that every request meets.

BOSH is answered from here in the same turn; every other path becomes an ordinary `twisted.web` request, or is passed on
while it still comes in (`Streaming`). Answers leave in the order of their requests, also when a held BOSH request is
among them.
"""

from __future__ import annotations

import math
from time import perf_counter
from typing import TYPE_CHECKING, Any

import httptools
from twisted.internet.interfaces import ISSLTransport
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Deadline
from conversehost.net.exchange import Answering, EnoughError, HttpExchange, Rest, Successor, path_of
from conversehost.net.forwarded import READ
from conversehost.net.heads import whole
from conversehost.net.outlet import Outlet
from conversehost.net.webchannel import WebChannel

if TYPE_CHECKING:
    from conversehost.net.front import HttpFactory

log = Logger()

REQUEST_LINE = 8_192
HEADERS = 16_384
HEADER_FIELDS = 100
OVERHEAD = 131_072
"""Bytes that may come without completing anything: an endless header field, trailers, chunks of one byte."""
WEB_BODY = 65_536
PIPELINE = 32
HEADERS_IN, BODY_IN, IDLE, LINGER = 10.0, 20.0, 75.0, 5.0
"""Seconds for the header fields, for the body, between requests, and for a refused client to read why."""

_CHECKED = READ | {b"host", b"content-length", b"transfer-encoding", b"expect"}


class HttpConnection(Protocol):
    """One connection: requests in; answers out, in order."""

    transport: Any
    factory: HttpFactory

    def connectionMade(self) -> None:
        self.secure = ISSLTransport.providedBy(self.transport)
        self.address: str = getattr(self.transport.getPeer(), "host", "")
        self.outlet = Outlet(self.transport, self._room)
        self.sender: Any = None  # the recorder's: what it knows of the last request's head
        self._parser: Any = None  # while a request comes in whose head isn't known
        self._exchange: HttpExchange | None = None  # the one that is coming in
        self.waiting: list[HttpExchange] = []  # for their answers; rarely two, and a deque takes 760 bytes
        self._web: Answering | None = None
        self._successor: Successor | None = None
        self._refusal: int | None = None
        self._learning: bytes | None = None  # the head that is being read, where the next may be the same
        self._overhead = 0
        self._fields: list[tuple[bytes, bytes]] = []
        self._last = False  # no request is read after this one
        self._ending = False
        self._lingers = False  # when it closes, the client may be sending still
        self._sending = False
        self._paused = False
        self._since = self.factory.clock.now()
        self._progress = 0
        self._deadline: Deadline | None = None
        self._watch()

    def dataReceived(self, data: bytes) -> None:
        if self._successor is not None:
            self._successor.dataReceived(data)
            return
        if self._last:
            return
        begun = perf_counter()
        self._overhead += len(data)
        try:
            self._read(data)
        except httptools.HttpParserError as error:
            self._not_understood(error)
        if self._overhead > OVERHEAD and not self._last:
            self._refuse(431)
        self.factory.taken()
        self.throttle()
        self._watch()
        self.factory.turns.add(perf_counter() - begun)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self.factory.left(self)
        if self._successor is not None:
            self._successor.connectionLost(reason)
            return
        self._last = True
        if self._deadline is not None:
            self._deadline.cancel()
        gone: list[Any] = [*self.outlet.unsent(), *self.waiting]
        self.waiting.clear()
        for exchange in gone:
            if exchange.direct is not None:
                exchange.direct.lost(exchange)
        if self._web is not None:
            self._web.lost(reason)
        self.factory.taken()

    def _read(self, data: bytes) -> None:
        request = whole(data) if self._exchange is None else None
        exchange = request and self.factory.heads.exchange(self, *request)
        if exchange:
            self._complete(exchange)
            return
        self._learning = request and request[0]
        self._feed(data)
        self._learning = None

    def _feed(self, data: bytes) -> None:
        if self._parser is None:
            self._parser = httptools.HttpRequestParser(self)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade as upgrade:
            self._upgraded(data[upgrade.args[0] :])
        if self._exchange is None:
            self._parser = None  # it takes a kilobyte, and is made in a moment

    # What the parser finds

    def on_message_begin(self) -> None:
        self._exchange = HttpExchange(self)
        self._fields = []
        self._since = self.factory.clock.now()

    def on_url(self, part: bytes) -> None:
        exchange = self._current()
        exchange.target += part
        if len(exchange.target) > REQUEST_LINE:
            self._give_up(414)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._fields.append((name, value))

    def on_headers_complete(self) -> None:
        exchange, parser = self._current(), self._parser
        exchange.headers = [(name.lower(), value.rstrip(b" \t")) for name, value in self._fields]
        self._fields = []  # nothing of the header may be changed by trailers
        exchange.method = parser.get_method()
        version = parser.get_http_version()
        if version != "1.1":
            exchange.version = version.encode()
            exchange.close = True
            if version != "1.0":
                self._give_up(505)
        elif not parser.should_keep_alive() or parser.should_upgrade():
            exchange.close = True
        exchange.path = path_of(exchange.target)
        exchange.direct = self.factory.direct.get(exchange.path)
        streaming = self.factory.streaming
        if exchange.direct is None and streaming is not None and streaming.takes(exchange):
            exchange.streaming = streaming
        self._check_header(exchange)
        if self._learning is not None:
            self.factory.heads.learn(self._learning, exchange)
            self._learning = None
        if exchange.streaming is not None:
            self.waiting.append(exchange)
            self.send_ready()

    def _check_header(self, exchange: HttpExchange) -> None:
        hosts = size = 0
        expected = b""
        for name, value in exchange.headers:
            size += len(name) + len(value) + 4
            if name not in _CHECKED:
                continue
            if name == b"host":
                hosts += 1
            elif name == b"content-length":
                if int(value) > self._limit(exchange):
                    self._give_up(413)
            elif name == b"transfer-encoding":  # RFC 9112 section 6.1
                if value.lower() != b"chunked":
                    self._give_up(501)
                if exchange.version != b"1.1":
                    self._give_up(400)
            elif name == b"expect":
                expected = value.lower()
            else:
                exchange.forwarded = True
        if size > HEADERS or len(exchange.headers) > HEADER_FIELDS:
            self._give_up(431)
        if hosts > 1 or (hosts == 0 and exchange.version == b"1.1"):
            self._give_up(400)
        if expected and exchange.version == b"1.1":  # RFC 9110 section 10.1.1
            if expected != b"100-continue":
                self._give_up(417)
            if not self.waiting:
                self.outlet.write(b"HTTP/1.1 100 Continue\r\n\r\n")

    def on_body(self, part: bytes) -> None:
        exchange = self._current()
        self._overhead -= len(part)
        exchange.size += len(part)
        if exchange.size > self._limit(exchange):
            self._give_up(413)
        exchange.body.append(part)
        if exchange.streaming is not None:
            self._overhead = 0  # in pieces as small as it likes: none is kept
            self._since = self.factory.clock.now()  # it may take as long as it goes on
            self._more(exchange)

    def on_message_complete(self) -> None:
        exchange = self._current()
        if exchange.close and self._parser.should_upgrade() and exchange.has_body:
            return  # it isn't: llhttp stops at the header of what asks for another protocol
        self._exchange = None
        if not self._last:
            self._complete(exchange)

    def _complete(self, exchange: HttpExchange) -> None:
        """All of it has come."""
        exchange.complete = True
        self._overhead = 0
        self._last = exchange.close
        if exchange.streaming is not None:
            self._more(exchange)
            return
        self.waiting.append(exchange)
        if exchange.direct is None or self.outlet.blocked:
            self.send_ready()
        else:
            self._handle(exchange)

    def _current(self) -> HttpExchange:
        if self._exchange is None:
            raise EnoughError
        return self._exchange

    def _more(self, exchange: HttpExchange) -> None:
        """A part of its body has come, or its end."""
        if self._web is not None and self._web.exchange is exchange:
            self._web.more()

    def _limit(self, exchange: HttpExchange) -> float:
        if exchange.streaming is not None:
            return math.inf
        return self.factory.room(exchange) if exchange.direct is None else exchange.direct.body_limit

    def _handle(self, exchange: HttpExchange) -> None:
        """Out of order: an answer that is held doesn't keep the next request from being processed."""
        assert exchange.direct is not None
        exchange.started = True
        try:
            exchange.direct.handle(exchange)
        except Exception:
            log.failure("while handling a request for {path!r}", path=exchange.path)
            if exchange.out is None:
                exchange.refuse(500)

    def _not_understood(self, error: httptools.HttpParserError) -> None:
        code = 400
        if isinstance(error, httptools.HttpParserCallbackError):
            if self._refusal is None and not isinstance(error.__context__, EnoughError):
                log.failure("while reading a request", Failure(error.__context__ or error))
            code = self._refusal or 500
        if not self._last:
            self._refuse(code)

    def _give_up(self, code: int) -> None:
        self._refusal = code
        raise ValueError(code)

    def _refuse(self, code: int) -> None:
        """Not to be understood, or too large: say so after the answers before, and read no more."""
        exchange = self._exchange or HttpExchange(self)
        self._exchange, self._last = None, True
        if exchange in self.waiting:  # a part of it was passed on, so it can only be broken off
            self.transport.abortConnection()
            return
        exchange.close = True
        self._lingers = True
        self.waiting.append(exchange)
        exchange.refuse(code)

    def _upgraded(self, early: bytes) -> None:
        """`early` came behind the request for another protocol. Unless it was granted, the answer closes."""
        if self._successor is not None:
            if early:
                self._successor.dataReceived(early)
        elif self._exchange is not None and not self._last:
            self._parser = httptools.HttpRequestParser(Rest(self.on_body, self.on_message_complete))
            self._feed(Rest.head(self._exchange) + early)

    def is_first(self, exchange: HttpExchange) -> bool:
        """Its answer is the next to go out, and can."""
        return self.waiting[0] is exchange and not self.outlet.waiting()

    # What goes out

    def send_ready(self) -> None:
        """All answers that are there and whose turn it is."""
        if self._sending:
            return
        self._sending = True
        try:
            while self.waiting and self._web is None and self._send_first(self.waiting[0]):
                pass
        finally:
            self._sending = False
        self._since = self.factory.clock.now()
        if self._paused:
            self.throttle()

    def _send_first(self, exchange: HttpExchange) -> bool:
        """Send the oldest answer, or have twisted.web make it; False while it isn't there."""
        if exchange.out is None:
            if exchange.started or self.outlet.blocked:
                return False
            self._start_web(exchange)
            return True
        del self.waiting[0]
        if not self.outlet.write(exchange.out) and exchange.direct is not None:
            self.outlet.keep(exchange, self.outlet.given)
        exchange.out = b""
        if exchange.successor is not None:
            self._hand_over(exchange.successor)
        elif exchange.close:
            self._close()
        return True

    def _hand_over(self, successor: Successor) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._successor = successor
        successor.start(self)

    def _start_web(self, exchange: HttpExchange) -> None:
        exchange.started = True
        streaming = exchange.streaming
        channel = self._web = WebChannel(self, exchange) if streaming is None else streaming.take(self, exchange)
        try:
            channel.start()
        except Exception:
            log.failure("while handling a request for {path!r}", path=exchange.path)
            if self._web is channel:
                self.web_failed(exchange, 500)

    def web_done(self, exchange: HttpExchange) -> None:
        """The answer is complete, by whoever was given the request."""
        self.web_left(exchange)
        if not self.waiting:
            return  # the connection is gone
        del self.waiting[0]
        if exchange.close:
            self._close()
        else:
            self.send_ready()

    def web_left(self, exchange: HttpExchange) -> None:
        """Who was given the request answers no more by itself, but perhaps by `exchange`."""
        self._web = None
        if not exchange.complete:  # the rest of it is of no use to anybody
            self._exchange, self._last = None, True
            self._lingers = exchange.close = True
            self.throttle()

    def web_failed(self, exchange: HttpExchange, code: int) -> None:
        """Who was given the request can't go on: a plain answer, if none has begun; then the end."""
        assert self._web is not None
        begun = self._web.answering
        self._web = None
        self._last = exchange.close = True
        if begun:
            self.outlet.close()
        else:
            exchange.refuse(code)

    def _close(self) -> None:
        """After the last answer. A client that was refused may be sending still: it is given time to read."""
        if self._lingers:
            self._ending = True
            self.outlet.end()
        else:
            self.outlet.close()
        self._since = self.factory.clock.now()
        self._watch()

    # Time, and clients that don't read

    def throttle(self) -> None:
        """Read no more while the client has many answers to come, or to read, or sends faster than that is taken."""
        incoming = self._exchange
        behind = incoming is not None and incoming.streaming is not None and incoming.size > WEB_BODY
        full = self.outlet.blocked or len(self.waiting) > PIPELINE or behind
        if full != self._paused and not self.transport.disconnecting:
            self._paused = full
            if full:
                self.transport.pauseProducing()
            else:
                self.transport.resumeProducing()

    def _room(self) -> None:
        """All is out: go on with what waited for that."""
        for exchange in tuple(self.waiting):
            if exchange.direct is not None and not exchange.started and not self.outlet.blocked:
                self._handle(exchange)
        self.send_ready()
        self.factory.taken()

    def _watch(self) -> None:
        """One deadline a connection; it is moved only when it would come too late."""
        due = self._due()
        if due is not None and (self._deadline is None or self._deadline.when > due):
            if self._deadline is not None:
                self._deadline.cancel()
            self._deadline = self.factory.clock.at(due, self._expired)

    def _due(self) -> float | None:
        if self._successor is not None:
            return None
        if self._ending:
            return self._since + LINGER
        if self._exchange is not None and not self._paused:
            return self._since + (BODY_IN if self._exchange.method else HEADERS_IN)
        return None if self.waiting else self._since + IDLE

    def _expired(self) -> None:
        self._deadline = None
        due, clock = self._due(), self.factory.clock
        if due is not None and due > clock.now():
            self._watch()
        elif self._ending or self._stalled():
            self.transport.abortConnection()
        elif due is None or self.outlet.waiting():
            self._deadline = clock.after(IDLE, self._expired)
        elif self._exchange is not None:
            self._refuse(408)
        else:
            self.outlet.close()

    def _stalled(self) -> bool:
        """Whether answers wait for the client, and it has taken nothing since this was asked last."""
        waiting = self.outlet.waiting()
        before, self._progress = self._progress, self.outlet.given - waiting
        return waiting > 0 and before == self._progress
