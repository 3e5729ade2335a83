"""What the site's resources have in common: refusals in the site's own form, HEAD, and who may ask."""

from __future__ import annotations

import json
from collections.abc import Callable
from http import HTTPStatus
from typing import Any

from twisted.web.error import UnsupportedMethod
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.net.forwarded import is_authority
from conversehost.net.webchannel import host_of
from conversehost.web.guard import Hosts, is_cross_site

Problem = Callable[[Request, int], bytes]
"""Refuses a request with a status: sets it, and gives the body."""


class SiteResource(Resource):
    """One URL, with nothing below it."""

    def __init__(self, problem: Problem) -> None:
        super().__init__()
        self.problem = problem

    def getChild(self, path: bytes, request: Request) -> IResource:
        """There is none."""
        return Missing(self.problem)

    def render(self, request: Request) -> bytes | int:
        """Answer: to HEAD only how long the body would be, and of 204 and 304 not even that (RFC 9110 section 8.6)."""
        body = self.answer(request)
        if not isinstance(body, bytes):
            return body
        if request.code in (204, 304):
            request.finish()
            return NOT_DONE_YET
        if request.method == b"HEAD":
            if not request.responseHeaders.hasHeader(b"content-length"):
                request.setHeader(b"content-length", b"%d" % len(body))
            return b""
        return body

    def answer(self, request: Request) -> bytes | int:
        """By the method named `render_` and the request's; 405 when there is none."""
        try:
            return super().render(request)
        except UnsupportedMethod as error:
            request.setHeader(b"allow", b", ".join(sorted(error.allowedMethods)))
            return self.problem(request, 405)


class OwnResource(SiteResource):
    """Tells or changes something about people: only under the names that are ours, and not for other sites' pages."""

    open_methods: frozenset[bytes] = frozenset((b"GET", b"HEAD"))
    """What other sites may have a browser do: follow a link to here."""

    def __init__(self, problem: Problem, hosts: Hosts) -> None:
        super().__init__(problem)
        self._hosts = hosts

    def answer(self, request: Request) -> bytes | int:
        """421 against DNS rebinding, 403 against request forgery."""
        if not self._hosts.allows(request):
            return self.problem(request, 421)
        if request.method not in self.open_methods and is_cross_site(request):
            return self.problem(request, 403)
        return super().answer(request)


class Missing(SiteResource):
    """404, whatever the method."""

    isLeaf = True

    def answer(self, request: Request) -> bytes | int:
        """404."""
        return self.problem(request, 404)


def answer_json(request: Request, code: int, value: Any) -> bytes:
    """A JSON answer that nobody keeps."""
    request.setResponseCode(code, HTTPStatus(code).phrase.encode())
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"


def base_of(request: Request) -> str:
    """Scheme and authority of the URLs that the client can reach us by, as in `https://chat.example:8443`."""
    host = host_of(request)
    authority = host.decode() if is_authority(host) else f"localhost:{request.getHost().port}"
    return f"{'https' if request.isSecure() else 'http'}://{authority}"
