"""RFC 6121 section 4: who is available, told to those who may know. Directed presence too (section 4.6)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from copy import copy

from conversehost.server.broadcast import Broadcast, absence
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
    host.hooks.incoming["presence"].append(feature.heard)
    host.hooks.announced["presence"].append(feature.announced)
    host.hooks.hidden.append(feature.withdraw)
    host.hooks.session_closed.append(feature.closed)
    host.hooks.account_deleted.append(feature.forget)


class PresenceFeature:
    """`directed`: whom a session has sent presence to by address, in order, and who must hear when it leaves."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._directed: dict[Session, dict[JID, None]] = {}

    # From our clients

    def available(self, session: Session, presence: Stanza) -> None:
        """Initial presence, or an update (sections 4.2 and 4.4)."""
        priority = read_priority(presence)
        for add in self._host.hooks.available:
            add(session, presence)
        if presence.get("to") is not None:
            self._direct(session, presence)
            return
        initial = session.shown is None
        was_ready = not initial and session.priority >= 0
        shown = Broadcast(presence, self._host.clock.utc())
        update = shown if initial else self._update(session, shown)
        session.shown, session.priority = shown, priority
        self._broadcast(session, shown, update)
        if initial:
            self._greet(session)
        for hook in self._host.hooks.broadcast:
            hook(session)
        if priority >= 0 and not was_ready:
            for ready in self._host.hooks.became_available:
                ready(session)

    def unavailable(self, session: Session, presence: Stanza) -> None:
        """Section 4.5."""
        if presence.get("to") is not None:
            self._direct(session, presence)
            return
        gone = Broadcast(presence, self._host.clock.utc())
        was_available = session.shown is not None
        if was_available:
            self._broadcast(session, gone, gone)
            self._host.store.put("left", session.bare, "", gone.when)
        self._leave(session, self._directed.pop(session, ()), gone)
        session.shown = None
        if was_available:
            for hook in self._host.hooks.became_unavailable:
                hook(session, presence)

    def closed(self, session: Session) -> None:
        """A session that ends without a word is unavailable all the same (section 4.5.2)."""
        if session.shown is not None or session in self._directed:
            self.unavailable(session, stanza("presence", {"type": "unavailable", "from": session.full}))

    def ask(self, session: Session, probe: Stanza) -> None:
        """A client probes by itself, which it need not; there is no error for it (section 4.3)."""
        if probe.get("to") is not None:
            self._route(probe)

    def forget(self, account: JID) -> None:
        """The account is gone."""
        self._host.store.clear("left", account.bare)

    # Probes (section 4.3.2)

    def probe(self, account: JID, probe: Stanza) -> None:
        """Those who may know are told who is there; others, that they may not know."""
        sender, to = probe.sender, probe.to
        if sender is None or to is None:
            return
        if to.resource:
            self._probe_session(to, sender, probe)
        elif not self._host.may_see(account, sender):
            self._answer(probe, account, "unsubscribed")
        else:
            for broadcast in present(self._host, account, sender.to_bare()):
                answer = broadcast.addressed(sender.full)
                if answer.type is not None and probe.id is not None:  # section 4.3.2.1
                    answer.set("id", probe.id)
                self._route(answer)

    def _probe_session(self, to: JID, sender: JID, probe: Stanza) -> None:
        """Of one session, only whether it is there. Whom it has sent presence to may know, too (section 4.6.6)."""
        session = self._host.session(to)
        told = session is not None and sender in self._directed.get(session, ())
        if not told and not self._host.may_see(to.to_bare(), sender):
            self._answer(probe, to.to_bare(), "unsubscribed")
        else:
            hidden = is_hidden(self._host, to.to_bare(), sender.to_bare())
            here = told or (session is not None and session.shown is not None and not hidden)
            self._answer(probe, to, "" if here else "unavailable")

    def _answer(self, probe: Stanza, sender: JID, type: str) -> None:
        """To whom the probe is from, with its id; "" is available."""
        attributes = {"from": sender.full, "to": probe.get("from", "")}
        if type:
            attributes["type"] = type
        if probe.id is not None:
            attributes["id"] = probe.id
        self._route(stanza("presence", attributes))

    # Who is there

    def _greet(self, session: Session) -> None:
        """A new session learns who is there (sections 4.2.2 and 4.3), and who asks to be (section 3.1.3)."""
        now = self._host.clock.utc()
        for other in self._host.sessions(session.jid.local):
            if other is not session and other.shown is not None:
                session.deliver("presence", other.shown.recalled(self._host.domain, now).to(session.full))
        for item in self._host.rosters.of(session.account):
            contact = parse(item.jid)
            if item.to and not is_hidden(self._host, session.account, contact):
                self._look_for(session, contact)
            if item.pending is not None:
                session.deliver("presence", item.pending)

    def _look_for(self, session: Session, contact: JID) -> None:
        """A probe; for those of this server the answer is at hand (section 4.3.1)."""
        host = self._host.router.hosts.get(contact.domain)
        if host is not None and host.may_see(contact, session.account):
            for broadcast in present(host, contact, session.account):
                self._host.router.announce(session.jid, broadcast)
        else:
            self._route(stanza("presence", {"type": "probe", "from": session.bare, "to": contact.full}))

    def _update(self, session: Session, shown: Broadcast) -> Broadcast:
        """The same without what those know who have had all presence since the first."""
        presence = shown.stanza
        known = [presence.index(each) for say in self._host.hooks.redundant for each in say(session, presence)]
        if not known:
            return shown
        shorter = copy(presence)
        for index in sorted(known, reverse=True):
            del shorter[index]
        return Broadcast(shorter, shown.when)

    def _broadcast(self, session: Session, broadcast: Broadcast, update: Broadcast) -> None:
        """To all available sessions of the account, the sender's too, and to all who are subscribed. `update` is for
        this server's own: what others have had we can't know.
        """
        hosts = self._host.router.hosts
        for other in self._host.sessions(session.jid.local):
            if other.shown is not None:
                other.deliver("presence", update.to(other.full))
        for item in self._host.rosters.of(session.account):
            if item.from_:
                contact = parse(item.jid)
                if not is_hidden(self._host, session.account, contact):
                    self._host.router.announce(contact, update if contact.domain in hosts else broadcast)

    # Directed presence (section 4.6)

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

    def heard(self, to: JID, received: Stanza) -> bool:
        """Who leaves needn't hear any more when we do (section 4.6.1)."""
        if self._directed and to.resource and received.type == "unavailable":
            session = self._host.session(to)
            if session in self._directed and received.sender is not None:
                self._directed[session].pop(received.sender, None)
        return False

    def announced(self, to: JID, sent: Broadcast) -> bool:
        """The same, of who tells many."""
        return self.heard(to, sent.stanza)

    def withdraw(self, account: JID, address: JID) -> None:
        """The account hides from an address: whoever there was told of a session isn't any more."""
        for session in self._host.sessions(account.local):
            known = self._directed.get(session, {})
            told = [each for each in known if address.covers(each)]
            for each in told:
                del known[each]
            if told:
                gone = stanza("presence", {"type": "unavailable", "from": session.full})
                self._leave(session, told, Broadcast(gone, self._host.clock.utc()))

    def _leave(self, session: Session, told: Iterable[JID], gone: Broadcast) -> None:
        """Those of them who don't hear it by broadcast."""
        for to in told:
            if session.shown is None or not self._host.rosters.get(session.account, to).from_:
                self._host.router.announce(to, gone)

    def _route(self, presence: Stanza) -> None:
        """What can't be delivered is dropped (section 8.5.1)."""
        try:
            self._host.router.route(presence)
        except StanzaError:
            return


def is_hidden(host: Host, account: JID, watcher: JID) -> bool:
    """Whether the account, to which the watcher is subscribed, is never there for it."""
    return any(hide(account, watcher) for hide in host.hooks.hides)


def present(host: Host, account: JID, watcher: JID) -> Iterator[Broadcast]:
    """Of an account of the host, what its sessions have shown last; or that none is there (section 4.3.2)."""
    if is_hidden(host, account, watcher):
        yield absence(account.bare, host.domain, None)
        return
    now = host.clock.utc()
    nobody = True
    for session in host.sessions(account.local):
        if session.shown is not None:
            nobody = False
            yield session.shown.recalled(host.domain, now)
    if nobody:
        yield absence(account.bare, host.domain, host.store.get("left", account.bare, ""))


def read_priority(presence: Stanza) -> int:
    """-128 to 127 (section 4.7.2.3). Raises StanzaError(bad-request)."""
    text = presence.findtext(f"{{{ns.CLIENT}}}priority")
    if text is None:
        return 0
    priority = int(text) if _PRIORITY.fullmatch(text) else 128
    if not -128 <= priority <= 127:
        raise StanzaError("bad-request", "priority is a number from -128 to 127")
    return priority
