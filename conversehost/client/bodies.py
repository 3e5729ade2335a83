"""The bodies of one BOSH session (XEP-0124), from the client's side: requests out, answers in. Knows no socket."""

from __future__ import annotations

import secrets

from lxml.etree import QName

from conversehost.client.wire import StreamEndedError
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, XMLError, adopt, attribute, parse

WAIT, HOLD = 60, 1
"""Seconds that the server may hold a request, and how many of them."""


class Bodies:
    """`sid` is "" until the session is there, `rid` the one of the last request. They are numbered as they are made."""

    def __init__(self) -> None:
        self.sid = ""
        self.rid = secrets.randbelow(1 << 40) + 1

    def open(self, domain: str, *, wait: int = WAIT, hold: int = HOLD, route: str = "") -> bytes:
        """Ask for a session, or open its stream again after login."""
        to = f"to={attribute(domain)} xml:lang='en' xmlns:xmpp='{ns.XBOSH}'"
        if self.sid:
            return self.body(f"{to} xmpp:restart='true'")
        terms = f"xmpp:version='1.0' ver='1.11' wait='{wait}' hold='{hold}'"
        return self.body(f"{to} {terms}" + (f" route={attribute(route)}" if route else ""))

    def body(self, attributes: str = "", payload: bytes = b"") -> bytes:
        """The next request."""
        self.rid += 1
        sid = f"sid={attribute(self.sid)} " if self.sid else ""
        return f"<body xmlns='{ns.HTTPBIND}' rid='{self.rid}' {sid}{attributes}>".encode() + payload + b"</body>"

    def end(self) -> bytes:
        """The last request."""
        return self.body("type='terminate'", b"<presence xmlns='jabber:client' type='unavailable'/>")

    def read(self, data: bytes) -> tuple[list[Element], StreamEndedError | None]:
        """What an answer brings, and how it ends the session, if it does. Raises StreamEndedError for what is none."""
        try:
            body = parse(data)
        except XMLError:
            raise StreamEndedError("", "BOSH: the answer isn't XML") from None
        self.sid = self.sid or body.get("sid", "")
        error = next(body.iterchildren(f"{{{ns.STREAM}}}error"), None)
        ended = None
        if body.get("type") == "terminate":
            condition = body.get("condition", "")
            ended = StreamEndedError(QName(error[0]).localname if error is not None and len(error) else condition)
        return [adopt(each, ns.HTTPBIND) for each in list(body) if each is not error], ended
