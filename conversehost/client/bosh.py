"""BOSH (XEP-0124 and 0206): one request is held; one more goes out when there is something to say."""

from __future__ import annotations

import http.client
import random
from collections import deque
from urllib.parse import urlsplit

from lxml.etree import QName

from conversehost.client import wire
from conversehost.client.wire import Manners, SilenceError, StreamEndedError, UnreachableError
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, XMLError, adopt, attribute, parse

WAIT = 60
"""Seconds that the server may hold a request."""

_XMPP = f"{{{ns.XBOSH}}}"


class BoshWire:
    """A `Wire`. The server answers requests in order, so the oldest is the one to wait for."""

    def __init__(self, url: str, manners: Manners) -> None:
        """Connects with the first `open`. Raises UnreachableError for what isn't an address of the web."""
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise UnreachableError(f"{url} is not an address such as http://localhost:5280/http-bind")
        self._parts = parts
        self._manners = manners
        self._idle = [self._connection(), self._connection()]
        self._asked: deque[http.client.HTTPConnection] = deque()
        self._came: deque[Element] = deque()
        self._rid = random.randrange(1, 1 << 40)
        self._sid = ""
        self._ended: StreamEndedError | None = None

    def open(self, domain: str) -> Element:
        to = f"to={attribute(domain)} xml:lang='en' xmlns:xmpp='{ns.XBOSH}'"
        if self._sid:
            self._ask(f"{to} xmpp:restart='true'")
        else:
            self._ask(f"{to} xmpp:version='1.0' ver='1.11' wait='{WAIT}' hold='1'")
        self._listen()
        return self.receive()

    def send(self, data: bytes) -> None:
        self._ask("", data)
        while len(self._asked) > 1:
            self._listen()

    def receive(self) -> Element:
        while not self._came:
            if self._ended is not None:
                raise self._ended
            if not self._asked:
                self._ask("")
            self._listen()
        return self._came.popleft()

    def close(self) -> None:
        if self._ended is None:
            self._ask("type='terminate'", b"<presence xmlns='jabber:client' type='unavailable'/>")
            while self._asked and self._ended is None:
                self._listen()
        self.drop()

    def drop(self) -> None:
        for each in (*self._idle, *self._asked):
            each.close()

    def _connection(self) -> http.client.HTTPConnection:
        host, port, seconds = self._parts.hostname or "", self._parts.port, self._manners.patience
        if self._parts.scheme == "http":
            return http.client.HTTPConnection(host, port, timeout=seconds)
        context = wire.tls_context(host, self._manners)
        return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)

    def _ask(self, attributes: str, payload: bytes = b"") -> None:
        if self._ended is not None:
            raise self._ended
        self._rid += 1
        sid = f"sid={attribute(self._sid)}" if self._sid else ""
        head = f"<body xmlns='{ns.HTTPBIND}' rid='{self._rid}' {sid} {attributes}>"
        connection = self._idle.pop()
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        try:
            connection.request("POST", path, head.encode() + payload + b"</body>", {"Content-Type": "text/xml"})
        except OSError as error:
            raise UnreachableError(f"{self._parts.geturl()}: {error.strerror or error}") from None
        self._asked.append(connection)

    def _listen(self) -> None:
        """The answer to the oldest request."""
        connection = self._asked[0]
        try:
            answer = connection.getresponse()
            data = answer.read()
        except TimeoutError:
            raise SilenceError from None
        except (OSError, http.client.HTTPException) as error:
            self._ended = StreamEndedError("", f"BOSH: {error}")
            return
        self._asked.popleft()
        self._idle.append(connection)
        if answer.status != 200:
            self._ended = StreamEndedError("", f"BOSH: HTTP {answer.status} {answer.reason}")
        else:
            self._take(data)

    def _take(self, data: bytes) -> None:
        try:
            body = parse(data)
        except XMLError:
            self._ended = StreamEndedError("", "BOSH: the answer isn't XML")
            return
        self._sid = self._sid or body.get("sid", "")
        error = next(body.iterchildren(f"{{{ns.STREAM}}}error"), None)
        if body.get("type") == "terminate":
            condition = body.get("condition", "")
            self._ended = StreamEndedError(condition if error is None else QName(error[0]).localname)
        self._came.extend(adopt(each, ns.HTTPBIND) for each in list(body) if each is not error)
