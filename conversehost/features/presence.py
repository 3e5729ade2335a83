"""RFC 6121 section 4: who is available, told to those who may know. Directed presence too (section 4.6)."""

from __future__ import annotations

import re
from copy import copy

from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza

DIRECTED_PER_SESSION = 1_000
_PRIORITY = re.compile(r"\s*[+-]?[0-9]{1,3}\s*")


def install(host: Host) -> None:
    feature = PresenceFeature(host)
    host.on_presence_from("", feature.available)
    host.on_presence_from("unavailable", feature.unavailable)
    host.on_presence_from("probe", feature.ask)
    host.on_presence_to("probe", feature.probe)
    host.hooks.session_closed.append(feature.closed)


class PresenceFeature:
    """`directed`: whom a session has sent presence to by address, in order, and who must hear when it leaves."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._directed: dict[Session, dict[JID, None]] = {}

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
        self._leave_directed(session, presence)
        session.presence = None

    def closed(self, session: Session) -> None:
        """A session that ends without a word is unavailable all the same (section 4.5.2)."""
        self.unavailable(session, stanza("presence", {"type": "unavailable", "from": session.full}))

    def ask(self, session: Session, probe: Stanza) -> None:
        """A client probes by itself, which it need not; there is no error for it (section 4.3)."""
        if probe.get("to") is not None:
            self._route(probe)

    def probe(self, account: JID, probe: Stanza) -> None:
        """Those who may know are told who is there; others, that they may not know (section 4.3.2)."""
        sender, to = probe.sender, probe.to
        if sender is None or to is None:
            return
        if to.resource:
            self._probe_session(to, sender, probe)
        elif not self._may_see(account, sender):
            self._answer(probe, account, "unsubscribed")
        else:
            present = [each.presence for each in self._host.sessions(account.local) if each.presence is not None]
            for presence in present:
                self._send_to(presence, sender)
            if not present:
                self._answer(probe, account, "unavailable")

    def _probe_session(self, to: JID, sender: JID, probe: Stanza) -> None:
        """Of one session, only whether it is there. Whom it has sent presence to may know, too (section 4.6.6)."""
        session = self._host.session(to)
        told = session is not None and sender in self._directed.get(session, ())
        if not told and not self._may_see(to.to_bare(), sender):
            self._answer(probe, to.to_bare(), "unsubscribed")
        else:
            here = told or (session is not None and session.presence is not None)
            self._answer(probe, to, "" if here else "unavailable")

    def _answer(self, probe: Stanza, sender: JID, type: str) -> None:
        """To whom the probe is from, with its id (section 4.3.2.1); "" is available."""
        attributes = {"from": sender.full, "to": probe.get("from", "")}
        if type:
            attributes["type"] = type
        if probe.id is not None:
            attributes["id"] = probe.id
        self._route(stanza("presence", attributes))

    def _may_see(self, account: JID, other: JID) -> bool:
        return other.to_bare() == account or self._host.rosters.get(account, other).from_

    def _greet(self, session: Session) -> None:
        """A new session learns who is there (sections 4.2.2 and 4.3), and who asks to be (section 3.1.3)."""
        for other in self._host.sessions(session.jid.local):
            if other is not session and other.presence is not None:
                self._send_to(other.presence, session.jid)
        for item in self._host.rosters.of(session.account):
            if item.to:
                self._route(stanza("presence", {"type": "probe", "from": session.full, "to": item.jid}))
            if item.pending is not None:
                session.deliver("presence", item.pending)

    def _broadcast(self, session: Session, presence: Stanza) -> None:
        """To all available sessions of the account, the sender's too, and to all who are subscribed."""
        for other in self._host.sessions(session.jid.local):
            if other.presence is not None:
                self._send_to(presence, other.jid)
        for item in self._host.rosters.of(session.account):
            if item.from_:
                self._send_to(presence, parse(item.jid))

    def _direct(self, session: Session, presence: Stanza) -> None:
        """Section 4.6.3. Raises StanzaError when it can't be delivered."""
        to = presence.to
        assert to is not None
        known = self._directed.setdefault(session, {})
        if len(known) >= DIRECTED_PER_SESSION and to not in known:
            raise StanzaError("resource-constraint", "presence sent to too many addresses")
        self._host.router.route(presence, session)
        if presence.type is None:
            known[to] = None
        else:
            known.pop(to, None)

    def _leave_directed(self, session: Session, presence: Stanza) -> None:
        """Those who haven't been told by broadcast."""
        for to in self._directed.pop(session, ()):
            if session.presence is None or not self._host.rosters.get(session.account, to).from_:
                self._send_to(presence, to)

    def _send_to(self, presence: Stanza, to: JID) -> None:
        """A copy with that address."""
        sent = copy(presence)
        sent.set("to", to.full)
        self._route(sent)

    def _route(self, presence: Stanza) -> None:
        """What can't be delivered is dropped (section 8.5.1)."""
        try:
            self._host.router.route(presence)
        except StanzaError:
            return


def read_priority(presence: Stanza) -> int:
    """-128 to 127 (section 4.7.2.3). Raises StanzaError(bad-request)."""
    text = presence.findtext(f"{{{ns.CLIENT}}}priority")
    if text is None:
        return 0
    priority = int(text) if _PRIORITY.fullmatch(text) else 128
    if not -128 <= priority <= 127:
        raise StanzaError("bad-request", "priority is a number from -128 to 127")
    return priority
