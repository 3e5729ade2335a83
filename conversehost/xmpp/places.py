"""Where the server of a domain is, as the operator writes it."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import urlsplit

from conversehost.xmpp.jid import JIDError, prepare_domain

PORT, TLS_PORT, S2S_PORT = 5222, 5223, 5269
ANY = "*"
"""Stands for all domains that aren't named."""


@dataclass(frozen=True, slots=True)
class Place:
    """A host and a port; `tls`: from the first byte (XEP-0368). Without a host DNS says where it is."""

    host: str = ""
    port: int = PORT
    tls: bool = False

    def __str__(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{'xmpps' if self.tls else 'xmpp'}://{host}:{self.port}" if host else "srv"


def read_place(text: str) -> Place:
    """`xmpp://host:5222`, `xmpps://host:5223` or `srv`; the port may be left out. Raises ValueError."""
    if text == "srv":
        return Place()
    try:
        parts = urlsplit(text)
        scheme, host, port = parts.scheme, parts.hostname or "", parts.port
    except ValueError:
        scheme, host, port = "", "", None
    is_one = scheme in ("xmpp", "xmpps") and bool(host) and not host.isdecimal() and port != 0
    if not is_one or parts.path.strip("/") or parts.query or "@" in parts.netloc:
        raise ValueError(f"wants xmpp://HOST:PORT, xmpps://HOST:PORT or srv, not {text!r}")
    tls = scheme == "xmpps"
    return Place(host, port or (TLS_PORT if tls else PORT), tls)


def read_upstream(text: str) -> tuple[str, Place]:
    """`DOMAIN=PLACE`; a domain alone is looked up. Raises ValueError."""
    name, _, place = text.partition("=")
    if not place and not _is_known_to_dns(name):
        raise ValueError(f"wants to know where {name} is: {name}=xmpp://HOST:PORT, or {name}=srv if DNS says so")
    try:
        domain = ANY if name == ANY else prepare_domain(name)
    except JIDError:
        raise ValueError(f"wants DOMAIN=xmpp://HOST:PORT, such as chat.example=srv, not {text!r}") from None
    return domain, read_place(place or "srv")


def read_federated(text: str) -> tuple[str, Place]:
    """`DOMAIN=HOST:PORT` for a server that other servers talk to; a domain alone is looked up. Raises ValueError."""
    name, _, where = text.partition("=")
    try:
        domain = ANY if name == ANY else prepare_domain(name)
        parts = urlsplit(f"//{where}")
        host, port = parts.hostname or "", S2S_PORT if parts.port is None else parts.port
        is_one = bool(host) and not host.isdecimal() and port > 0 and not (parts.path or parts.query or "@" in where)
        if not (is_one if where else _is_known_to_dns(name)):
            raise ValueError
    except (JIDError, ValueError):
        raise ValueError(f"wants DOMAIN=HOST:PORT, such as far.example=127.0.0.1:5269, not {text!r}") from None
    return domain, Place(host, port)


def _is_known_to_dns(name: str) -> bool:
    """As far as its looks go: somebody who writes `localhost`, or forgets what is after it, means no name of DNS."""
    return name == ANY or "." in name.strip(".") or ":" in name


def read_route(text: str) -> Place | None:
    """`route` of a BOSH client, such as `xmpp:chat.example:5222` (XEP-0124 section 7.1); None for nonsense."""
    scheme, _, rest = text.partition(":")
    try:
        return read_place(f"{scheme}://{rest.removeprefix('//')}")
    except ValueError:
        return None
