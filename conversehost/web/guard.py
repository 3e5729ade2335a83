"""Who may ask: against DNS rebinding, and against other sites' pages in our users' browsers."""

from __future__ import annotations

import ipaddress
import json
from contextlib import suppress
from http import HTTPStatus
from typing import Any

from twisted.web.server import Request

from conversehost.xmpp.jid import JIDError, prepare_domain

FORWARDING = (b"forwarded", b"x-forwarded-for", b"x-forwarded-host", b"x-forwarded-proto", b"x-real-ip", b"via")


class Hosts:
    """The names that this server answers to where it tells or changes something about people."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def allows(self, request: Request) -> bool:
        """Loopback names and addresses, `*.localhost`, and what the operator named; with any port."""
        host = host_name(request.getHeader(b"host") or b"")
        with suppress(JIDError):
            host = prepare_domain(host)  # browsers send xn--..., the names have what that stands for
        return host in self._names or host == "localhost" or host.endswith(".localhost") or is_loopback(host)


def host_name(field: bytes) -> str:
    """The name in a Host field or an authority: without port, brackets and final dot, in lower case."""
    text = field.decode("latin-1").strip().lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0].removesuffix(".")


def is_loopback(host: str) -> bool:
    """Whether it is the address of this machine for itself."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_cross_site(request: Request) -> bool:
    """A browser sent it on behalf of a page of another site."""
    site = request.getHeader(b"sec-fetch-site")
    if site is not None and site.lower() == b"cross-site":
        return True
    origin = request.getHeader(b"origin")
    return origin is not None and not _same_origin(origin, request.getHeader(b"host") or b"")


def _same_origin(origin: bytes, host: bytes) -> bool:
    return origin.lower().partition(b"://")[2] == host.lower().strip()


def is_direct_and_local(request: Request) -> bool:
    """It comes from this machine, and no proxy says that it passes on somebody else's."""
    peer = getattr(request.getClientAddress(), "host", "")
    return is_loopback(peer.removeprefix("::ffff:")) and not any(request.getHeader(name) for name in FORWARDING)


def answer_json(request: Request, code: int, value: Any) -> bytes:
    """A JSON answer that nobody keeps."""
    request.setResponseCode(code, HTTPStatus(code).phrase.encode())
    request.setHeader(b"content-type", b"application/json")
    request.setHeader(b"cache-control", b"no-store")
    request.setHeader(b"x-content-type-options", b"nosniff")
    return json.dumps(value, ensure_ascii=False).encode() + b"\n"
