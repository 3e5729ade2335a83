"""BOSH (XEP-0124 and 0206): one request is held; one more goes out when there is something to say."""

from __future__ import annotations

import http.client
from collections import deque
from urllib.parse import urlsplit

from conversehost.client import wire
from conversehost.client.bodies import Bodies
from conversehost.client.wire import Manners, SilenceError, StreamEndedError, UnreachableError
from conversehost.xmpp.xml import Element


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
        self._bodies = Bodies()
        self._ended: StreamEndedError | None = None

    def open(self, domain: str) -> Element:
        self._ask(self._bodies.open(domain))
        self._listen()
        return self.receive()

    def send(self, data: bytes) -> None:
        self._ask(self._bodies.body("", data))
        while len(self._asked) > 1:
            self._listen()

    def receive(self) -> Element:
        while not self._came:
            if self._ended is not None:
                raise self._ended
            if not self._asked:
                self._ask(self._bodies.body())
            self._listen()
        return self._came.popleft()

    def close(self) -> None:
        if self._ended is None:
            self._ask(self._bodies.end())
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

    def _ask(self, body: bytes) -> None:
        if self._ended is not None:
            raise self._ended
        connection = self._idle.pop()
        path = (self._parts.path or "/") + (f"?{self._parts.query}" if self._parts.query else "")
        try:
            connection.request("POST", path, body, {"Content-Type": "text/xml"})
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
            came, self._ended = self._bodies.read(data)
        except StreamEndedError as error:
            self._ended = error
        else:
            self._came.extend(came)
