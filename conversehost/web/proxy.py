"""`--proxy`: the site under development, behind this server, so that it shares one origin with BOSH and prebind.

The target is fixed, and everything is framed anew both ways, so there is nothing to smuggle and no open proxy. What is
on its way is never kept as a whole: who is slow at one end slows down the other. One limit is twisted.web's: an answer
that begins before its request has ended is passed on once one of the two is complete.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, cast
from urllib.parse import urlsplit

from twisted.internet import error
from twisted.internet.defer import Deferred
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.interfaces import IConsumer
from twisted.internet.protocol import Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool, ResponseDone
from twisted.web.http import PotentialDataLoss
from twisted.web.http_headers import Headers
from twisted.web.iweb import UNKNOWN_LENGTH, IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from conversehost.clock import Deadline
from conversehost.net.exchange import Answering, HttpExchange
from conversehost.net.http import HttpConnection
from conversehost.web.tunnel import Upgrade, wants_websocket

log = Logger()

OURS = frozenset(
    (
        b"prebind",
        b"credentials",
        b"dist",
        b"health",
        b"ready",
        b"metrics",
        b"_conversehost",
        b"_login",
        b"_logout",
        b"_form",
        b"_invite",
        b"_register",
        b"_static",
        b"_upload",
    )
)
"""The first parts of paths that don't reach the site."""
HOST_META = frozenset((b"/.well-known/host-meta", b"/.well-known/host-meta.json"))

CONNECT = 10.0
ANSWER = 300.0
"""Seconds for the site to take a connection; and between any part of a request and the next, or the answer."""
KEPT, KEPT_FOR = 32, 4
"""Idle connections to the site, and seconds: less than Node's 5, which is the shortest that is usual."""

_HOP_BY_HOP = frozenset(
    b"connection keep-alive proxy-authenticate proxy-authorization proxy-connection te trailer transfer-encoding "
    b"upgrade http2-settings".split()
)
"""RFC 9110 section 7.6.1."""
_NOT_PASSED_ON = _HOP_BY_HOP | {b"content-length", b"expect", b"forwarded", b"proxy", b"x-real-ip"}
"""`proxy`: to programs that see fields as environment variables it would be HTTP_PROXY."""
_HTML = (
    b"Content-Type: text/html; charset=utf-8\r\n"
    b"Content-Security-Policy: default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'\r\n"
)
_UNTRUSTED = ("OpenSSL.SSL.Error", "service_identity.exceptions.VerificationError")
"""By name: only who has https:// needs them."""
_REPEATABLE = frozenset((b"GET", b"HEAD", b"OPTIONS"))
_WITHOUT_BODY = frozenset((204, 304))

ErrorPage = Callable[[int, str, str], bytes]
"""From a status, a title and a text."""


class Proxy:
    """`Streaming`: all paths that aren't ours."""

    def __init__(self, site: str, reactor: Any, page: ErrorPage) -> None:
        """`site`: its origin, such as http://localhost:8000."""
        self.site = site.encode()
        self.page = page
        self._reactor = reactor
        pool = HTTPConnectionPool(reactor)
        pool.maxPersistentPerHost = KEPT
        pool.cachedConnectionTimeout = KEPT_FOR
        self._keeping: IAgent = Agent(reactor, connectTimeout=CONNECT, pool=pool)
        self._fresh: IAgent = Agent(reactor, connectTimeout=CONNECT)

    def takes(self, exchange: HttpExchange) -> bool:
        """Whatever isn't ours."""
        path = exchange.path
        return path[:1] == b"/" and path not in HOST_META and path[1:].partition(b"/")[0] not in OURS

    def take(self, connection: HttpConnection, exchange: HttpExchange) -> Answering:
        """One request."""
        return (Upgrade if wants_websocket(exchange) else Passage)(self, connection, exchange)

    def request(self, exchange: HttpExchange, body: Upload | None) -> Deferred[IResponse]:
        """Ask the site. A kept connection may be closed just then, and only some requests can be repeated."""
        agent = self._keeping if exchange.method in _REPEATABLE and body is None else self._fresh
        headers = Headers()
        for name, value in self.fields(exchange):
            headers.addRawHeader(name, value)
        return agent.request(exchange.method, self.site + exchange.local_target, headers, cast(IBodyProducer, body))

    def endpoint(self) -> Any:
        """For a connection of one's own."""
        parts = urlsplit(self.site.decode())
        secure, host = parts.scheme == "https", cast(str, parts.hostname)
        endpoint = HostnameEndpoint(self._reactor, host, parts.port or (443 if secure else 80), timeout=CONNECT)
        if not secure:
            return endpoint
        return wrapClientTLS(BrowserLikePolicyForHTTPS().creatorForNetloc(host.encode(), parts.port or 443), endpoint)

    def fields(self, exchange: HttpExchange) -> list[tuple[bytes, bytes]]:
        """What the site is told. Host stays: it is compared with Origin, and is where redirects lead to."""
        named = exchange.listed(b"connection") - {b"host"}
        client = exchange.client
        return [(name, value) for name, value in exchange.headers if name not in named and _is_passed_on(name)] + [
            (b"x-forwarded-for", client.address.encode()),
            (b"x-forwarded-proto", b"https" if client.secure else b"http"),
            (b"x-forwarded-host", client.host),
        ]

    def failed(self, connection: HttpConnection, exchange: HttpExchange, reason: Failure) -> None:
        """The site gave no answer that could be passed on: say why."""
        connection.web_left(exchange)
        code, title, text = self._explain(reason)
        log.warn("{path}: {text}", path=exchange.path.decode("latin-1"), text=text)
        fields, body = b"Content-Type: text/plain; charset=utf-8\r\n", f"{code} {title}: {text}\n".encode()
        if any(name == b"accept" and b"text/html" in value for name, value in exchange.headers):
            fields, body = _HTML, self.page(code, title, text)
        exchange.respond(code, b"Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n" + fields, body)

    def _explain(self, reason: Failure) -> tuple[int, str, str]:
        site = self.site.decode()
        if reason.check(ValueError):
            return 400, "No address", "there is something in it that no URL has."
        if reason.check(error.TimeoutError, error.TCPTimedOutError):
            return 504, "The site takes too long", f"{site} was asked, and has not answered."
        if reason.check(error.DNSLookupError):
            return 502, "The site isn't known", f"{site} has a name that stands for no address."
        if reason.check(error.ConnectError):
            return 502, "The site isn't there", f"nothing answers at {site}: is it running?"
        if any(each.check(*_UNTRUSTED) for each in getattr(reason.value, "reasons", [reason])):
            text = f"{site} has a certificate that isn't trusted here: SSL_CERT_FILE can name who made it."
            return 502, "The site can't be trusted", text
        return 502, "The site gave up", f"{site} closed the connection instead of answering, or gave no HTTP."


class Passage:
    """`Answering`: one request to the site, and its answer."""

    def __init__(self, proxy: Proxy, connection: HttpConnection, exchange: HttpExchange) -> None:
        self.exchange = exchange
        self.answering = False
        self._proxy = proxy
        self._connection = connection
        self._upload = Upload(connection, exchange) if exchange.has_body else None
        self._asked: Deferred[IResponse] | None = None
        self._download: Download | None = None
        self._deadline: Deadline | None = None
        self._since = connection.factory.clock.now()
        self._gone = False

    def start(self) -> None:
        """Ask."""
        self._deadline = self._connection.factory.clock.after(ANSWER, self._too_slow)
        try:
            self._asked = self._proxy.request(self.exchange, self._upload)
        except ValueError:
            self._failed(Failure())
            return
        self._asked.addCallbacks(self._answer, self._failed)
        self.more()

    def more(self) -> None:
        """There is a part to pass on. One that the site doesn't take keeps the next from being read."""
        self._since = self._connection.factory.clock.now()
        if self._upload is not None:
            self._upload.more()

    def lost(self, reason: Failure) -> None:
        """Nobody is there any more to answer."""
        self._gone = True
        self._stop_waiting()
        if self._download is not None:
            self._download.abort()
        elif self._asked is not None:
            self._asked.cancel()

    def _answer(self, response: Any) -> None:
        self._stop_waiting()
        self._download = Download(self._connection, self.exchange)
        if self._gone:
            self._download.discard(response)
            return
        self.answering = True
        self._download.begin(response)
        response.deliverBody(self._download)

    def _failed(self, reason: Failure) -> None:
        self._stop_waiting()
        if not self._gone:
            self._gone = True
            self._proxy.failed(self._connection, self.exchange, reason)

    def _too_slow(self) -> None:
        """Unless a part has come since the deadline was set: it isn't moved for each."""
        clock, due = self._connection.factory.clock, self._since + ANSWER
        if due > clock.now():
            self._deadline = clock.at(due, self._too_slow)
            return
        self._deadline = None
        self._failed(Failure(error.TimeoutError()))
        if self._asked is not None:
            self._asked.cancel()

    def _stop_waiting(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = None


@implementer(IBodyProducer)
class Upload:
    """A request's body, as it comes in and as the site takes it."""

    def __init__(self, connection: HttpConnection, exchange: HttpExchange) -> None:
        lengths = [int(value) for name, value in exchange.headers if name == b"content-length"]
        self.length: Any = lengths[0] if lengths else UNKNOWN_LENGTH
        self._connection = connection
        self._exchange = exchange
        self._site: IConsumer | None = None
        self._done: Deferred[None] = Deferred()
        self._paused = False

    def more(self) -> None:
        """Pass on what is there."""
        if self._site is None or self._paused:
            return
        exchange = self._exchange
        parts, exchange.body = exchange.body, []
        exchange.size = 0
        if parts:
            self._site.write(b"".join(parts))
        if exchange.complete:
            self._site = None
            self._done.callback(None)
        else:
            self._connection.throttle()

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        self._site = consumer
        self._connection.factory.clock.after(0, self.more)  # the caller hasn't got the Deferred yet
        return self._done

    def pauseProducing(self) -> None:
        self._paused = True

    def resumeProducing(self) -> None:
        self._paused = False
        self.more()

    def stopProducing(self) -> None:
        self._site = None


class Download(Protocol):
    """An answer's body, on its way to the client."""

    def __init__(self, connection: HttpConnection, exchange: HttpExchange) -> None:
        self._connection = connection
        self._exchange = exchange
        self._chunked = False
        self._wanted = True
        self._over = False

    def begin(self, response: Any) -> None:
        """Say the header."""
        exchange, connection = self._exchange, self._connection
        parts = [b"HTTP/1.1 %d %s\r\n" % (response.code, response.phrase)]
        for name, values in response.headers.getAllRawHeaders():
            if name.lower() not in _HOP_BY_HOP:
                parts.extend(b"%s: %s\r\n" % (name, value) for value in values)
        if exchange.told is not None:
            exchange.told.begun(exchange, response.code, b"".join(parts[1:]))
        if exchange.method != b"HEAD" and response.code not in _WITHOUT_BODY:
            if response.length is not UNKNOWN_LENGTH:
                parts.append(b"Content-Length: %d\r\n" % response.length)
            elif exchange.version == b"1.1":
                self._chunked = True
                parts.append(b"Transfer-Encoding: chunked\r\n")
            else:
                exchange.close = True
        if exchange.close or not exchange.complete:
            parts.append(b"Connection: close\r\n")
        parts.append(b"\r\n")
        connection.factory.answers[response.code] += 1
        connection.outlet.write(b"".join(parts))

    def discard(self, response: Any) -> None:
        """Nobody is there to have it."""
        self._wanted = False
        response.deliverBody(self)

    def abort(self) -> None:
        """Nobody is there to have the rest."""
        self._wanted = False
        if not self._over and self.transport is not None:
            self.transport.stopProducing()  # type: ignore[attr-defined]

    def connectionMade(self) -> None:
        if self._wanted:
            self._connection.outlet.feed_from(self.transport, True)
        else:
            self.abort()

    def dataReceived(self, data: bytes) -> None:
        if self._wanted and data:
            if self._exchange.told is not None:
                self._exchange.told.passed(self._exchange, data)
            self._connection.outlet.write(b"%x\r\n%b\r\n" % (len(data), data) if self._chunked else data)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """If not all of it came, the client must not take it for all: its connection breaks off too."""
        self._over = True
        if not self._wanted:
            return
        connection = self._connection
        connection.transport.unregisterProducer()
        if reason.check(ResponseDone, PotentialDataLoss):
            if self._chunked:
                connection.outlet.write(b"0\r\n\r\n")
            connection.web_done(self._exchange)
        else:
            log.warn("{path}: the site broke off in the middle of it", path=self._exchange.path.decode("latin-1"))
            connection.transport.abortConnection()


def _is_passed_on(name: bytes) -> bool:
    """To WSGI, `_` in a field's name is the same as `-`."""
    plain = name.replace(b"_", b"-")
    return plain not in _NOT_PASSED_ON and not plain.startswith(b"x-forwarded-")
