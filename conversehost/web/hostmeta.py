"""XEP-0156: where BOSH and WebSocket are, for clients that know no more than this host's name (RFC 6415)."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import NamedTuple

from lxml import etree
from twisted.web.resource import Resource
from twisted.web.server import Request

from conversehost.net.cors import DAY
from conversehost.web.resource import Missing, Problem, SiteResource, base_of
from conversehost.xmpp.xml import child, element

XRD = "http://docs.oasis-open.org/ns/xri/xrd-1.0"
_REL = "urn:xmpp:alt-connections:"


class Link(NamedTuple):
    """A way to connect: the relation's name as registered, and the URL."""

    rel: str
    href: str


def well_known(bosh_path: str, websocket_path: str | None, problem: Problem) -> Resource:
    """What hangs in the site's tree as `.well-known`."""
    place = Missing(problem)
    place.isLeaf = False
    for name in (b"host-meta", b"host-meta.json"):
        place.putChild(name, HostMeta(bosh_path, websocket_path, problem, as_json=name.endswith(b".json")))
    return place


class HostMeta(SiteResource):
    """`/.well-known/host-meta`, or the same as JSON. Pages of any origin may read it: it tells nobody's secrets."""

    def __init__(self, bosh_path: str, websocket_path: str | None, problem: Problem, *, as_json: bool) -> None:
        super().__init__(problem)
        self._bosh_path = bosh_path
        self._websocket_path = websocket_path
        self._as_json = as_json

    def answer(self, request: Request) -> bytes | int:
        """All answers, errors too, are for any page."""
        request.setHeader(b"access-control-allow-origin", b"*")
        return super().answer(request)

    def render_OPTIONS(self, request: Request) -> bytes:
        """A browser asks before a page sends fields of its own."""
        request.setHeader(b"access-control-allow-methods", b"GET, HEAD, OPTIONS")
        request.setHeader(b"access-control-allow-headers", b"Accept, Content-Type, X-Requested-With")
        request.setHeader(b"access-control-max-age", b"%d" % DAY)
        request.setResponseCode(204)
        return b""

    def render_GET(self, request: Request) -> bytes:
        """The links, with the scheme and the name that this request came by; so no cache may give it to others."""
        links = self._links(base_of(request))
        kind = b"application/json" if self._as_json else b"application/xrd+xml; charset=utf-8"
        request.setHeader(b"content-type", kind)
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        return jrd(links) if self._as_json else xrd(links)

    def _links(self, base: str) -> list[Link]:
        links = [Link(_REL + "xbosh", base + self._bosh_path)]
        if self._websocket_path is not None:
            links.append(Link(_REL + "websocket", "ws" + base.removeprefix("http") + self._websocket_path))
        return links


def xrd(links: Sequence[Link]) -> bytes:
    """As XML, which is what Converse.js reads."""
    root = element(XRD, "XRD")
    for link in links:
        child(root, XRD, "Link", link._asdict())
    return etree.tostring(root, xml_declaration=True, encoding="utf-8", pretty_print=True)


def jrd(links: Sequence[Link]) -> bytes:
    """As JSON (RFC 6415 appendix A)."""
    return json.dumps({"links": [link._asdict() for link in links]}, indent=2).encode() + b"\n"
