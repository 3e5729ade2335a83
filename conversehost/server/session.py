"""A bound resource: one client that is logged in (RFC 6120 section 7)."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from conversehost.server.broadcast import Broadcast
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Link, StreamOpen
from conversehost.xmpp.xml import to_bytes

if TYPE_CHECKING:
    from conversehost.server.host import Host


DEFAULT_LANGUAGE = "en"
"""Of all streams from the server; stanzas in it don't say so."""

_LANGUAGE = re.compile("[A-Za-z0-9-]{1,35}")


class Session:
    """What routing needs to know of a client. Features keep what is theirs in dicts of their own, by session."""

    __slots__ = (
        "account",
        "bare",
        "full",
        "hold",
        "host",
        "interested",
        "jid",
        "lang",
        "link",
        "opened",
        "priority",
        "shown",
        "since",
    )

    def __init__(self, host: Host, jid: JID, link: Link, opened: StreamOpen, since: float) -> None:
        self.host = host
        self.jid = jid
        self.account = jid.to_bare()
        self.full = jid.full
        self.bare = jid.bare
        self.link = link
        self.opened = opened
        self.since = since  # seconds since 1970
        self.lang = opened.lang if _LANGUAGE.fullmatch(opened.lang) else DEFAULT_LANGUAGE
        self.interested = False  # has asked for its roster: gets roster pushes (RFC 6121 section 2.2)
        self.shown: Broadcast | None = None  # the last available presence; None while unavailable
        self.priority = 0
        self.hold: Callable[[str, bytes], bool] | None = None  # keeps a stanza back (True), or lets it pass

    @property
    def presence(self) -> Stanza | None:
        """The last available one; None while unavailable."""
        return None if self.shown is None else self.shown.stanza

    def send(self, stanza: Stanza) -> None:
        """To the client, at the end of this turn."""
        self.deliver(stanza.kind, to_bytes(stanza))

    def deliver(self, kind: str, data: bytes) -> None:
        """The same for a stanza of some kind that is serialised already."""
        if self.hold is None or not self.hold(kind, data):
            self.host.router.tally.sent[kind] += 1  # as `transmit` does: most of what is sent comes by here
            self.link.send(data)

    def transmit(self, kind: str, data: bytes) -> None:
        """The same, and nothing holds it back."""
        self.host.router.tally.sent[kind] += 1
        self.link.send(data)
