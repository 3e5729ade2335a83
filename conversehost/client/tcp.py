"""RFC 6120 over a TCP socket; with STARTTLS where the server has it."""

from __future__ import annotations

import contextlib
import socket
import struct
from collections import deque

from conversehost.client import wire
from conversehost.client.wire import Manners, SilenceError, StreamEndedError, UnreachableError, stream_error
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, Limits, StreamHeader, StreamParser, XMLError, attribute

_STARTTLS = "urn:ietf:params:xml:ns:xmpp-tls"
LIMITS = Limits(unauthenticated=1 << 26, stanza=1 << 26, depth=250, attributes=10_000, children=1_000_000)
"""It is for the server to mind its limits; a client in a test reads all that comes."""


class TcpWire:
    """A `Wire`."""

    def __init__(self, host: str, port: int, manners: Manners, *, direct_tls: bool = False) -> None:
        """Connects with the first `open`."""
        self._address = host, port
        self._manners = manners
        self._direct = direct_tls
        self._socket: socket.socket | None = None
        self._parser = StreamParser(LIMITS)
        self._came: deque[Element | StreamHeader | None] = deque()
        self._tls = False

    def open(self, domain: str) -> Element:
        if self._socket is None:
            self._socket = wire.connect(*self._address, self._manners)
            if self._direct:
                self._secure(domain)
        features = self._open(domain)
        if not self._tls and features.find(f"{{{_STARTTLS}}}starttls") is not None:
            self.send(f"<starttls xmlns='{_STARTTLS}'/>".encode())
            if self.receive().tag != f"{{{_STARTTLS}}}proceed":
                raise UnreachableError("the server offers TLS and then refuses it")
            self._secure(domain)
            features = self._open(domain)
        return features

    def send(self, data: bytes) -> None:
        assert self._socket is not None
        try:
            self._socket.sendall(data)
        except OSError:
            raise StreamEndedError from None

    def receive(self) -> Element:
        while (found := self._next()) is not None:
            if isinstance(found, StreamHeader):
                continue
            if error := stream_error(found):
                raise error
            return found
        raise StreamEndedError

    def close(self) -> None:
        if self._socket is None:  # it never came about
            return
        with contextlib.suppress(StreamEndedError, SilenceError):
            self.send(b"</stream:stream>")
            while True:
                self.receive()
        self._socket.close()

    def drop(self) -> None:
        if self._socket is not None:
            with contextlib.suppress(OSError):  # it may be closed already
                self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self._socket.close()

    def _open(self, domain: str) -> Element:
        self._parser = StreamParser(LIMITS)
        self._came.clear()
        start = f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}'"
        self.send(f"{start} version='1.0' to={attribute(domain)} xml:lang='en'>".encode())
        return self.receive()

    def _secure(self, domain: str) -> None:
        assert self._socket is not None
        self._socket = wire.secured(self._socket, self._address[0], domain, self._manners)
        self._tls = True

    def _next(self) -> Element | StreamHeader | None:
        """None is the end, whether or not it was said."""
        assert self._socket is not None
        while not self._came:
            try:
                data = self._socket.recv(65_536)
                self._came.extend(self._parser.feed(data))
            except TimeoutError:
                raise SilenceError from None
            except (OSError, XMLError):
                data = b""
            if not data:
                self._came.append(None)
        return self._came.popleft()
