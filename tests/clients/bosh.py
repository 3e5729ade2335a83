"""A BOSH client of a few lines, on the standard library: for the other end of a conversation."""

from __future__ import annotations

import base64
import http.client
import random
import time
import xml.etree.ElementTree as ET
from collections import deque
from urllib.parse import urlsplit

BODY = "http://jabber.org/protocol/httpbind"
CLIENT = "jabber:client"
PATIENCE = 30
"""Seconds to wait at most."""


class BoshClient:
    """Blocking: each request waits for its answer."""

    def __init__(self, url: str, domain: str) -> None:
        self._use(url, random.randrange(1, 2**32))
        self.domain = domain
        self.jid = ""  # for whoever wants to keep it
        opened = self._send(
            f"to='{domain}' wait='1' hold='1' ver='1.6' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'"
        )
        self.sid = opened.attrib["sid"]

    @classmethod
    def attach(cls, url: str, sid: str, rid: int) -> BoshClient:
        """To a session that is logged in; its first request has that rid."""
        made = cls.__new__(cls)
        made._use(url, rid - 1)
        made.sid = sid
        return made

    def log_in(self, username: str, password: str) -> str:
        """By PLAIN; the full JID."""
        secret = base64.b64encode(f"\0{username}\0{password}".encode()).decode()
        answer = self.send(f"<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{secret}</auth>")
        assert answer[0].tag.endswith("}success"), ET.tostring(answer)
        self._send(f"sid='{self.sid}' to='{self.domain}' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'")
        bind = "<iq xmlns='jabber:client' type='set' id='bind'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
        jid = self.send(bind).find(".//{urn:ietf:params:xml:ns:xmpp-bind}jid")
        assert jid is not None and jid.text
        return jid.text

    def log_out(self) -> None:
        """End the session."""
        body = f"<body xmlns='{BODY}' rid='{self._rid + 1}' sid='{self.sid}' type='terminate'/>"
        self._connection.request("POST", self._path, body.encode(), {"Content-Type": "text/xml; charset=utf-8"})
        assert self._connection.getresponse().status == 200

    def send(self, payload: str = "") -> ET.Element:
        """One body, and the answer to it."""
        return self._send(f"sid='{self.sid}'", payload)

    def wait_for(self, kind: str) -> ET.Element:
        """The next stanza of that kind; the others before it are forgotten. Polls until it comes, or gives up."""
        deadline = time.monotonic() + PATIENCE
        while time.monotonic() < deadline:
            while self._inbox:
                stanza = self._inbox.popleft()
                if stanza.tag == f"{{{CLIENT}}}{kind}":
                    return stanza
            self._inbox.extend(self.send())
        raise AssertionError(f"no {kind} came within {PATIENCE} seconds")

    def _use(self, url: str, rid: int) -> None:
        parts = urlsplit(url)
        self._path = parts.path
        self._connection = http.client.HTTPConnection(parts.netloc, timeout=PATIENCE)
        self._inbox: deque[ET.Element] = deque()
        self._rid = rid

    def _send(self, attributes: str, payload: str = "") -> ET.Element:
        self._rid += 1
        body = f"<body xmlns='{BODY}' rid='{self._rid}' {attributes}>{payload}</body>"
        self._connection.request("POST", self._path, body.encode(), {"Content-Type": "text/xml; charset=utf-8"})
        answer = self._connection.getresponse()
        assert answer.status == 200
        root = ET.fromstring(answer.read())
        assert root.get("type") != "terminate", ET.tostring(root)
        return root
