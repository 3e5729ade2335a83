"""A page with chat on it, as far as the server sees one: a login to the site, prebind, and BOSH by hand."""

from __future__ import annotations

import base64
import http.client
import json
import xml.etree.ElementTree as ET
from typing import Any
from urllib.parse import urlencode, urlsplit

from conversehost.testing import TestBed

HTTPBIND = "http://jabber.org/protocol/httpbind"
PING = "<iq xmlns='jabber:client' type='get' id='{}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
PRESENCE = "<presence xmlns='jabber:client'/>"
ROSTER = "<iq xmlns='jabber:client' type='get' id='roster'><query xmlns='jabber:iq:roster'/></iq>"
PATIENCE = 30.0


class Page:
    """Somebody is logged in to the site there. `rid`: the next one that it may use; `got`: the stanzas that came."""

    def __init__(self, bed: TestBed, username: str = "alice") -> None:
        self.bed = bed
        self.cookie = ""
        self.got: list[ET.Element] = []
        form = urlencode({"username": username, "password": "secret"})
        answer = self.http("POST", "/login", form, {"Content-Type": "application/x-www-form-urlencoded"})
        self.cookie = (answer.getheader("set-cookie") or "").partition(";")[0]
        assert self.cookie

    def http(
        self, method: str, path: str, body: str = "", fields: dict[str, str] | None = None
    ) -> http.client.HTTPResponse:
        """One request on a connection of its own."""
        connection = http.client.HTTPConnection(urlsplit(self.bed.site).netloc, timeout=PATIENCE)
        cookie = {"Cookie": self.cookie} if self.cookie else {}
        connection.request(method, path, body.encode() or None, cookie | (fields or {}))
        return connection.getresponse()

    def attach(self) -> dict[str, Any]:
        """By prebind; what the site answers."""
        told: dict[str, Any] = json.load(self.http("GET", "/prebind"))
        self.jid, self.sid, self.rid = told["jid"], told["sid"], told["rid"]
        return told

    def enter(self) -> None:
        """As Converse.js does: attach, the roster, presence."""
        self.attach()
        self.post(ROSTER)
        self.post(PRESENCE)

    def post(
        self, payload: str = "", rid: int | None = None, attributes: str = "", kind: str = "text/xml"
    ) -> ET.Element:
        """A body, with the next rid unless it is given; the body that is answered."""
        if rid is None:
            rid, self.rid = self.rid, self.rid + 1
        body = f"<body xmlns='{HTTPBIND}' sid='{self.sid}' rid='{rid}' {attributes}>{payload}</body>"
        answer = self.http("POST", "/http-bind", body, {"Content-Type": f"{kind}; charset=utf-8"})
        self.reason = answer.getheader("x-bosh-reason") or ""
        told = ET.fromstring(answer.read())
        self.got += told
        return told

    def ping(self, id: str = "p", rid: int | None = None) -> ET.Element:
        """Something that is answered at once."""
        return self.post(PING.format(id), rid)


def end_of(body: ET.Element) -> str | None:
    """The condition of a body that ends the session; None for others."""
    return body.get("condition") if body.get("type") == "terminate" else None


def plain(username: str, password: str = "secret") -> str:
    """SASL PLAIN."""
    return base64.b64encode(f"\0{username}\0{password}".encode()).decode()
