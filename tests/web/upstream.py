"""A site under development, with every trick that a proxy meets. Each path is a trick."""

from __future__ import annotations

import base64
import hashlib
import json
import socket
import socketserver
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler

GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11"


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Upstream

    def do_GET(self) -> None:
        getattr(self, "at_" + self.path.partition("?")[0].strip("/").replace("-", "_"), self.at_echo)()

    do_POST = do_PUT = do_DELETE = do_OPTIONS = do_HEAD = do_GET

    def log_message(self, format: str, *args: object) -> None:
        """Not into the test's output."""

    def answer(self, code: int, body: bytes = b"", **fields: str) -> None:
        self.send_response(code)
        for name, value in fields.items():
            self.send_header(name.replace("_", "-"), value)
        if code not in (204, 304):
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def chunk(self, data: bytes) -> None:
        self.wfile.write(b"%x\r\n%b\r\n" % (len(data), data))
        self.wfile.flush()

    def begin_chunks(self, kind: str = "text/plain") -> None:
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def body(self) -> bytes:
        if self.headers["transfer-encoding"] != "chunked":
            return self.rfile.read(int(self.headers["content-length"] or 0))
        parts = []
        while size := int(self.rfile.readline(), 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()
        return b"".join(parts)

    # Tricks

    def at_echo(self) -> None:
        body = self.body()
        told = {
            "method": self.command,
            "target": self.path,
            "fields": [[name.lower(), value] for name, value in self.headers.items()],
            "size": len(body),
            "digest": hashlib.sha256(body).hexdigest(),
            "port": self.client_address[1],
        }
        self.answer(200, json.dumps(told).encode(), Content_Type="application/json", X_Site="yes")

    def at_empty(self) -> None:
        self.answer(204, X_Site="yes")

    def at_unchanged(self) -> None:
        self.answer(304, ETag='"a"')

    def at_moved(self) -> None:
        self.send_response(302)
        self.send_header("Location", "/elsewhere?a=b")
        self.send_header("Set-Cookie", "a=1; Path=/")
        self.send_header("Set-Cookie", "b=2; HttpOnly")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def at_hops(self) -> None:
        self.answer(200, b"hops", Keep_Alive="timeout=5", Proxy_Authenticate="Basic", Upgrade="h2c", X_Kept="yes")

    def at_chunks(self) -> None:
        self.begin_chunks()
        for part in (b"one ", b"two ", b"three"):
            self.chunk(part)
        self.chunk(b"")

    def at_events(self) -> None:
        """The second event comes when the client has said that it has the first."""
        self.begin_chunks("text/event-stream")
        self.chunk(b"data: first\n\n")
        self.server.told.wait(20)
        self.chunk(b"data: second\n\n")
        self.chunk(b"")

    def at_told(self) -> None:
        self.server.told.set()
        self.answer(204)

    def at_until_close(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nConnection: close\r\n\r\nall of it")

    def at_dies_early(self) -> None:
        self.close_connection = True

    def at_dies_in_length(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\nhalf")

    def at_dies_in_chunks(self) -> None:
        self.begin_chunks()
        self.chunk(b"half")
        self.close_connection = True

    def at_nonsense(self) -> None:
        self.close_connection = True
        self.wfile.write(b"what is this?\r\n\r\n")

    def at_too_large(self) -> None:
        """Answers without reading."""
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 413 Content Too Large\r\nContent-Length: 9\r\n\r\ntoo large")
        self.connection.shutdown(socket.SHUT_WR)
        while self.connection.recv(65_536):
            pass

    def at_never(self) -> None:
        """Until whoever asked is gone."""
        self.server.asked.set()
        self.close_connection = True
        self.connection.settimeout(20)
        with suppress(ConnectionResetError):
            self.connection.recv(1)
        self.server.left.set()

    def at_unread(self) -> None:
        """Takes nothing of a body until told."""
        self.server.told.wait(20)
        self.close_connection = True

    def at_endless(self) -> None:
        self.begin_chunks()
        self.close_connection = True
        try:
            while True:
                self.chunk(b"x" * 65_536)
                self.server.sent += 65_536
        except OSError:
            self.server.left.set()

    def at_socket(self) -> None:
        """WebSocket to the letter of the handshake, then an echo of bytes."""
        key = self.headers["sec-websocket-key"] + GUID
        accept = base64.b64encode(hashlib.sha1(key.encode()).digest()).decode()
        self.wfile.write(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: %s\r\nSec-WebSocket-Protocol: %s\r\n\r\nearly"
            % (accept.encode(), self.headers["sec-websocket-protocol"].encode())
        )
        self.close_connection = True
        while data := self.connection.recv(65_536):
            if data == b"bye":
                self.wfile.write(b"goodbye")
                return
            self.wfile.write(data)
        self.server.left.set()

    def at_no_socket(self) -> None:
        self.answer(426, b"not here", Upgrade="h2c", X_Site="yes")

    def at_no_socket_until_close(self) -> None:
        self.close_connection = True
        self.wfile.write(b"HTTP/1.1 403 Forbidden\r\n\r\nno socket")


class Upstream(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.told, self.asked, self.left = threading.Event(), threading.Event(), threading.Event()
        self.sent = 0
        self.scheme = "http"

    def secure(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True, do_handshake_on_connect=False)
        self.scheme = "https"

    def handle_error(self, request: object, client_address: object) -> None:
        """Clients leave in the middle here, or don't like a certificate: not into the test's output."""

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.server_address[1]}"


@contextmanager
def running(context: ssl.SSLContext | None = None) -> Iterator[Upstream]:
    """One that serves; with a context over TLS."""
    with Upstream() as upstream:
        if context is not None:
            upstream.secure(context)
        thread = threading.Thread(target=upstream.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        try:
            yield upstream
        finally:
            upstream.shutdown()
            thread.join()
