"""XMPP over WebSocket (RFC 7395)."""

from __future__ import annotations

import contextlib
import socket
from collections import deque
from urllib.parse import urlsplit

from wsproto import ConnectionType, WSConnection
from wsproto.events import AcceptConnection, CloseConnection, Ping, RejectConnection, Request, TextMessage
from wsproto.utilities import RemoteProtocolError

from conversehost.client import wire
from conversehost.client.wire import Manners, SilenceError, StreamEndedError, UnreachableError, stream_error
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, XMLError, attribute, parse, unprefixed

_FRAMING = f"{{{ns.FRAMING}}}"


class WebSocketWire:
    """A `Wire`."""

    def __init__(self, url: str, manners: Manners) -> None:
        """Connects with the first `open`. Raises UnreachableError for what isn't an address of a WebSocket."""
        parts = urlsplit(url)
        if parts.scheme not in ("ws", "wss") or not parts.hostname:
            raise UnreachableError(f"{url} is not an address such as ws://localhost:5280/xmpp-websocket")
        self._parts = parts
        self._manners = manners
        self._socket: socket.socket | None = None
        self._frames = WSConnection(ConnectionType.CLIENT)
        self._came: deque[Element] = deque()
        self._text = ""
        self._accepted = self._ended = False

    def open(self, domain: str) -> Element:
        if self._socket is None:
            self._connect()
        self._say(f"<open xmlns='{ns.FRAMING}' to={attribute(domain)} version='1.0' xml:lang='en'/>")
        return self.receive()

    def send(self, data: bytes) -> None:
        self._say(data.decode())

    def receive(self) -> Element:
        while True:
            found = self._next()
            if error := stream_error(found):
                raise error
            if found.tag == f"{_FRAMING}close":
                raise StreamEndedError
            if found.tag != f"{_FRAMING}open":
                return found

    def close(self) -> None:
        with contextlib.suppress(StreamEndedError, SilenceError):
            self._say(f"<close xmlns='{ns.FRAMING}'/>")
            with contextlib.suppress(StreamEndedError):
                while True:
                    self.receive()
            self._write(self._frames.send(CloseConnection(1000)))
            while not self._ended:
                self._read()
        self.drop()

    def drop(self) -> None:
        if self._socket is not None:
            self._socket.close()

    def _connect(self) -> None:
        parts = self._parts
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "wss" else 80)
        self._socket = wire.connect(host, port, self._manners)
        if parts.scheme == "wss":
            self._socket = wire.secured(self._socket, host, host, self._manners)
        target = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        self._write(self._frames.send(Request(host=parts.netloc, target=target, subprotocols=["xmpp"])))
        try:
            while not self._accepted:
                self._read()
        except StreamEndedError as error:
            raise UnreachableError(f"{parts.geturl()}: {error.text or 'no WebSocket'}") from None

    def _say(self, text: str) -> None:
        if self._ended:
            raise StreamEndedError
        self._write(self._frames.send(TextMessage(text)))

    def _write(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(data)
        except OSError:
            raise StreamEndedError from None

    def _next(self) -> Element:
        while not self._came:
            if self._ended:
                raise StreamEndedError
            self._read()
        return self._came.popleft()

    def _read(self) -> None:
        assert self._socket is not None
        try:
            data = self._socket.recv(65_536)
            self._frames.receive_data(data or None)
        except TimeoutError:
            raise SilenceError from None
        except (OSError, RemoteProtocolError) as error:
            self._ended = True
            raise StreamEndedError("", str(error)) from None
        for event in self._frames.events():
            self._event(event)
        self._ended = self._ended or not data

    def _event(self, event: object) -> None:
        match event:
            case AcceptConnection():
                self._accepted = True
            case RejectConnection():
                raise StreamEndedError("", f"HTTP {event.status_code}, and no WebSocket")
            case TextMessage():
                self._text += event.data
                if event.message_finished:
                    self._take()
            case Ping():
                self._write(self._frames.send(event.response()))
            case CloseConnection():
                self._ended = True

    def _take(self) -> None:
        text, self._text = self._text, ""
        try:
            self._came.append(unprefixed(parse(text.encode())))
        except XMLError as error:
            raise StreamEndedError("", f"not XML: {error}") from None
