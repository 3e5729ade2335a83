"""RFC 6121 section 4: who is available, told to those who may know. Directed presence too (section 4.6)."""

from __future__ import annotations

from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import parse as parse_xml


def install(host: Host) -> None:
    feature = PresenceFeature(host)
    host.on_presence_from("", feature.available)
    host.on_presence_from("unavailable", feature.unavailable)
    host.on_presence_to("probe", feature.probe)
    host.hooks.session_closed.append(feature.closed)


class PresenceFeature:
    """`directed`: whom a session has sent presence to by address, and who must hear when it leaves."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._directed: dict[Session, set[JID]] = {}

    def available(self, session: Session, presence: Stanza) -> None:
        """Initial presence, or an update (sections 4.2 and 4.4)."""
        if presence.get("to") is not None:
            self._direct(session, presence)
            return
        priority = read_priority(presence)
        initial = session.presence is None
        was_ready = not initial and session.priority >= 0
        session.presence, session.priority = presence, priority
        self._broadcast(session, presence)
        if initial:
            self._greet(session)
        if priority >= 0 and not was_ready:
            for hook in self._host.hooks.became_available:
                hook(session)

    def unavailable(self, session: Session, presence: Stanza) -> None:
        """Section 4.5."""
        if presence.get("to") is not None:
            self._direct(session, presence)
            return
        if session.presence is not None:
            self._broadcast(session, presence)
            session.presence = None
        self._leave_directed(session, presence)

    def closed(self, session: Session) -> None:
        """A session that ends without a word is unavailable all the same (section 4.5.2)."""
        self.unavailable(session, stanza("presence", {"type": "unavailable", "from": session.full}))

    def probe(self, account: JID, presence: Stanza) -> None:
        """What those who may know are told when they ask (section 4.3.2). A stranger is told nothing."""
        sender = presence.sender
        if sender is None or not (sender.to_bare() == account or self._host.rosters.get(account, sender).from_):
            return
        for session in self._host.sessions(account.local):
            if session.presence is not None:
                self._send_to(session.presence, sender)

    def _greet(self, session: Session) -> None:
        """A new session learns who is there (sections 4.2.2 and 4.3), and who asks to be (section 3.1.3)."""
        for other in self._host.sessions(session.jid.local):
            if other is not session and other.presence is not None:
                self._send_to(other.presence, session.jid)
        for item in self._host.rosters.of(session.account):
            if item.to:
                self._probe_contact(session, item.jid)
            if item.pending is not None:
                session.send(parse_xml(item.pending))  # type: ignore[arg-type]

    def _probe_contact(self, session: Session, contact: str) -> None:
        probe = stanza("presence", {"type": "probe", "from": session.full, "to": contact})
        try:
            self._host.router.route(probe, session)
        except StanzaError:
            return  # another domain; a probe that can't be delivered has no answer

    def _broadcast(self, session: Session, presence: Stanza) -> None:
        """To the account's own sessions (the sender's, too, while it is available) and all who are subscribed."""
        for other in self._host.sessions(session.jid.local):
            if other.presence is not None and (other is not session or presence.type is None):
                self._send_to(presence, other.jid)
        for item in self._host.rosters.of(session.account):
            if item.from_:
                self._send_to(presence, parse(item.jid))

    def _direct(self, session: Session, presence: Stanza) -> None:
        to = presence.to
        assert to is not None
        known = self._directed.setdefault(session, set())
        if presence.type is None:
            known.add(to)
        else:
            known.discard(to)
        self._host.router.route(presence, session)

    def _leave_directed(self, session: Session, presence: Stanza) -> None:
        for to in self._directed.pop(session, ()):
            if not self._host.rosters.get(session.account, to).from_:
                self._send_to(presence, to)

    def _send_to(self, presence: Stanza, to: JID) -> None:
        """A copy with that address; what can't be delivered is dropped (section 8.5.1)."""
        copy: Stanza = presence.__copy__()
        copy.set("to", to.full)
        try:
            self._host.router.route(copy)
        except StanzaError:
            return


def read_priority(presence: Stanza) -> int:
    """-128 to 127 (section 4.7.2.3). Raises StanzaError(bad-request)."""
    text = presence.findtext(f"{{{ns.CLIENT}}}priority")
    if text is None:
        return 0
    try:
        priority = int(text)
    except ValueError:
        raise StanzaError("bad-request", "priority is a number from -128 to 127") from None
    if not -128 <= priority <= 127:
        raise StanzaError("bad-request", "priority is a number from -128 to 127")
    return priority
