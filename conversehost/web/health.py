"""`/health` and `/ready`: for whoever has to know whether to start, to wait, or to send requests here."""

from __future__ import annotations

from collections.abc import Callable

from twisted.web.server import Request

from conversehost.draining import RETRY
from conversehost.web.resource import Problem, SiteResource


class Health(SiteResource):
    """200 as long as the process answers at all."""

    def render_GET(self, request: Request) -> bytes:
        """One word, as text."""
        return say(request, b"ok")


class Ready(SiteResource):
    """200 while sessions can begin here, 503 while the server stops, or drains before it does."""

    def __init__(self, problem: Problem, is_ready: Callable[[], bool]) -> None:
        super().__init__(problem)
        self._is_ready = is_ready

    def render_GET(self, request: Request) -> bytes:
        """One word, as text."""
        if self._is_ready():
            return say(request, b"ready")
        request.setResponseCode(503)
        request.setHeader(b"retry-after", b"%d" % RETRY)
        return say(request, b"stopping")


def say(request: Request, word: bytes) -> bytes:
    """Nobody keeps it."""
    request.setHeader(b"content-type", b"text/plain; charset=utf-8")
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    return word + b"\n"
