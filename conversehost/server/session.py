"""A bound resource: one client that is logged in (RFC 6120 section 7)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Link, StreamOpen
from conversehost.xmpp.xml import to_bytes

if TYPE_CHECKING:
    from conversehost.server.host import Host


class Session:
    """What routing needs to know of a client. Features keep what is theirs in dicts of their own, by session."""

    __slots__ = ("account", "bare", "full", "host", "jid", "link", "opened", "presence", "priority", "since")

    def __init__(self, host: Host, jid: JID, link: Link, opened: StreamOpen, since: float) -> None:
        self.host = host
        self.jid = jid
        self.account = jid.to_bare()
        self.full = jid.full
        self.bare = jid.bare
        self.link = link
        self.opened = opened
        self.since = since  # seconds since 1970
        self.presence: Stanza | None = None  # the last available one; None while unavailable
        self.priority = 0

    def send(self, stanza: Stanza) -> None:
        """To the client, at the end of this turn."""
        self.link.send(to_bytes(stanza))
