"""A proxy in front of the chat, set up by somebody: it says what it was told to say, and passes the rest on."""

from __future__ import annotations

import http.client
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from tests.pains.pages import PATIENCE

PASSED_ON = frozenset({"access-control-allow-origin", "content-type", "set-cookie"})


@contextmanager
def front(
    behind: str, pages: Mapping[str, str] | None = None, *, adds: Mapping[str, str] | None = None
) -> Iterator[str]:
    """Before the server with that name and port; its own. `pages`: what it answers to some paths, where "" is not
    found; `adds`: header fields that it puts into all answers; it tells that it was asked by https.
    """

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            page = (pages or {}).get(self.path)
            if page is not None:
                self.answer(200 if page else 404, {}, page.encode())
                return
            connection = http.client.HTTPConnection(behind, timeout=PATIENCE)
            told = {"X-Forwarded-Proto": "https", "X-Forwarded-Host": "chat.example"}
            length = int(self.headers["content-length"] or 0)
            connection.request(self.command, self.path, self.rfile.read(length) or None, dict(self.headers) | told)
            with connection.getresponse() as got:
                fields = {name: value for name, value in got.getheaders() if name.lower() in PASSED_ON}
                self.answer(got.status, fields, got.read())
            connection.close()

        do_POST = do_GET

        def answer(self, status: int, fields: Mapping[str, str], body: bytes) -> None:
            self.send_response(status)
            for name, value in [*fields.items(), *(adds or {}).items(), ("Content-Length", str(len(body)))]:
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *words: object) -> None:
            """Not on the terminal."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        try:
            yield f"127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()
