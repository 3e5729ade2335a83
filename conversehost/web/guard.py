"""Who may ask: against DNS rebinding, and against other sites' pages in our users' browsers."""

from __future__ import annotations

import ipaddress
from contextlib import suppress

from twisted.web.server import Request

from conversehost.net.forwarded import is_forwarding
from conversehost.net.webchannel import host_of
from conversehost.xmpp.jid import JIDError, prepare_domain


class Hosts:
    """The names that this server answers to where it tells or changes something about people."""

    def __init__(self, names: frozenset[str]) -> None:
        self._names = names

    def allows(self, request: Request) -> bool:
        """Loopback names and addresses, `*.localhost`, and what the operator named; with any port.

        By the Host field alone: what a proxy says beside it, a page that plays DNS could say as well.
        """
        return self.has(request.getHeader(b"host") or b"")

    def has(self, field: bytes) -> bool:
        """The same of the value of a Host field."""
        host = host_name(field)
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
    return is_elsewhere(request.getHeader(b"sec-fetch-site"), request.getHeader(b"origin"), host_of(request))


def is_elsewhere(site: bytes | None, origin: bytes | None, host: bytes) -> bool:
    """What the fields Sec-Fetch-Site and Origin say of the page that asks, where the client calls us `host`."""
    if site is not None and site.lower() == b"cross-site":
        return True
    return origin is not None and not _same_origin(origin, host)


def _same_origin(origin: bytes, host: bytes) -> bool:
    return origin.lower().partition(b"://")[2] == host.lower().strip()


def is_direct_and_local(request: Request) -> bool:
    """It comes from this machine, and no proxy says that it passes on somebody else's."""
    peer = getattr(request.getClientAddress(), "host", "")
    fields = request.requestHeaders.getAllRawHeaders()
    return is_loopback(peer.removeprefix("::ffff:")) and not any(is_forwarding(name.lower()) for name, _ in fields)
