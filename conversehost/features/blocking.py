"""XEP-0191: Blocking Command, and XEP-0377: Blocking Command Reports, kept for whoever looks after the server."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Iterator, Mapping
from copy import copy
from dataclasses import dataclass
from itertools import islice

from conversehost.features.xep import Xep
from conversehost.server.broadcast import Broadcast
from conversehost.server.host import Host, Reply
from conversehost.server.roster import RosterItem
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(191, "Blocking Command", "1.3", "complete; one of a contact's clients can be blocked, but sees presence")
REPORTS = Xep(377, "Blocking Command Reports", "0.4.1", "complete; reports are kept, and not passed on to anybody")
BLOCKED_PER_ACCOUNT = 1_000
REPORTS_PER_ACCOUNT = 100
TEXT = 2_000
MESSAGES_PER_REPORT, ID = 20, 256
_ITEM = f"{{{ns.BLOCKING}}}item"
_REPORT = f"{{{ns.REPORTING}}}report"
_MUC_USER = f"{{{ns.MUC_USER}}}x"


@dataclass(frozen=True, slots=True)
class Report:
    """What somebody said of an address that they blocked. In the store: collection "reports", by who reported.

    `reason` is a URN, `messages` are the ids of some that prove it, `at` is in seconds since 1970.
    """

    jid: str
    reason: str
    text: str
    messages: tuple[str, ...]
    at: float


def install(host: Host) -> None:
    feature = BlockingFeature(host)
    host.advertise(ns.BLOCKING)
    host.advertise(ns.REPORTING)
    host.on_own_iq("get", ns.BLOCKING, "blocklist", feature.read)
    host.on_own_iq("set", ns.BLOCKING, "block", feature.block)
    host.on_own_iq("set", ns.BLOCKING, "unblock", feature.unblock)
    host.hooks.outgoing.append(feature.outgoing)
    for takes in host.hooks.incoming.values():
        takes.append(feature.incoming)
    for keeps in host.hooks.announced.values():
        keeps.append(feature.announced)
    host.hooks.hides.append(feature.hides)
    host.hooks.session_closed.append(feature.closed)
    host.hooks.restored.append(feature.restored)
    host.hooks.account_deleted.append(feature.forget)


class BlockingFeature:
    """The list is in the store: collection "blocked", by account. `_interested` are those who get pushes of it."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._interested: set[Session] = set()
        self._push_ids = itertools.count(1)

    # The list (section 3)

    def read(self, session: Session, iq: Stanza) -> Reply:
        """Whoever has read it gets pushes from now on (section 3.2)."""
        self._interested.add(session)
        return listed("blocklist", self._host.store.items("blocked", session.bare))

    def block(self, session: Session, iq: Stanza) -> Reply:
        """Section 3.3: who could see the user's presence sees them leave."""
        asked = read_items(iq[0])
        if not asked:
            raise StanzaError("bad-request", "whom to block?")
        if len(asked.keys() | self._host.store.items("blocked", session.bare).keys()) > BLOCKED_PER_ACCOUNT:
            raise StanzaError("resource-constraint", f"at most {BLOCKED_PER_ACCOUNT} addresses can be blocked")
        for jid in asked.values():
            self._hide(session.account, jid)
            self._host.store.put("blocked", session.bare, jid.full, jid)
        self._keep_reports(session.bare, iq[0])
        self._push(session, listed("block", asked))
        return None

    def unblock(self, session: Session, iq: Stanza) -> Reply:
        """Sections 3.4 and 3.5: who may see the user's presence sees them again. Without items: all of them."""
        asked = read_items(iq[0])
        unblocked = asked or dict(self._host.store.items("blocked", session.bare))
        gone = [jid for jid in unblocked.values() if self._host.store.delete("blocked", session.bare, jid.full)]
        self._show(session.account, gone)
        self._push(session, listed("unblock", asked))
        return None

    def _push(self, session: Session, changed: Element) -> None:
        for each in self._host.sessions(session.jid.local):
            self._push_to(each, changed)

    def _push_to(self, session: Session, changed: Element) -> None:
        if session in self._interested:
            attributes = {"type": "set", "id": f"block{next(self._push_ids)}", "to": session.full}
            session.send(stanza("iq", attributes, copy(changed)))

    def closed(self, session: Session) -> None:
        self._interested.discard(session)

    def restored(self, session: Session) -> None:
        """Nothing is blocked any more, but for what is in the list."""
        blocked = self._host.store.items("blocked", session.bare)
        for changed in (listed("unblock", {}), *([listed("block", blocked)] if blocked else [])):
            self._push_to(session, changed)

    def forget(self, account: JID) -> None:
        self._host.store.clear("blocked", account.bare)
        self._host.store.clear("reports", account.bare)

    # What it does to stanzas (section 3.3)

    def outgoing(self, session: Session, stanza: Stanza) -> None:
        blocked = self._host.store.items("blocked", session.bare)
        if blocked and stanza.to is not None and stanza.to.bare != session.bare and is_in(stanza.to, blocked):
            application = (ns.BLOCKING_ERRORS, "blocked")
            raise StanzaError("not-acceptable", "you have blocked this address", type="cancel", application=application)

    def incoming(self, to: JID, stanza: Stanza) -> bool:
        """To the sender it looks as if the user were offline. A room must not take that for the user's leave."""
        blocked = self._host.store.items("blocked", to.bare)
        if not blocked:
            return False
        sender = stanza.sender
        if sender is None or sender.bare == to.bare or not is_in(sender, blocked):
            return False
        answered = stanza.kind == "iq" or (stanza.kind == "message" and not is_from_room(stanza))
        if answered and stanza.type not in ("error", "result"):
            raise StanzaError("service-unavailable")
        return True

    def announced(self, to: JID, sent: Broadcast) -> bool:
        """The same for what goes to many."""
        return bool(self._host.store.items("blocked", to.bare)) and self.incoming(to, sent.stanza)

    # What it does to presence

    def hides(self, account: JID, watcher: JID) -> bool:
        blocked = self._host.store.items("blocked", account.bare)
        return len(blocked) > 0 and is_in(watcher, blocked)

    def _hide(self, account: JID, blocked: JID) -> None:
        """Whom the account is hidden from already learns nothing new."""
        for withdraw in self._host.hooks.hidden:
            withdraw(account, blocked)
        now = self._host.clock.utc()
        for contact, item in self._contacts(account, blocked):
            for session in self._present(account) if item.from_ and not self.hides(account, contact) else ():
                gone = stanza("presence", {"type": "unavailable", "from": session.full})
                self._host.router.announce(contact, Broadcast(gone, now))

    def _show(self, account: JID, unblocked: Iterable[JID]) -> None:
        """And the other way round: what they have shown meanwhile didn't come through."""
        present, now = self._present(account), self._host.clock.utc()
        contacts = {contact: item for jid in unblocked for contact, item in self._contacts(account, jid)}
        for contact, item in contacts.items():
            if self.hides(account, contact) or not present:
                continue
            for session in present if item.from_ else ():
                assert session.shown is not None
                self._host.router.announce(contact, session.shown.recalled(self._host.domain, now))
            if item.to:
                self._host.router.send(stanza("presence", {"type": "probe", "from": account.full, "to": contact.full}))

    def _present(self, account: JID) -> list[Session]:
        return [each for each in self._host.sessions(account.local) if each.shown is not None]

    def _contacts(self, account: JID, address: JID) -> Iterator[tuple[JID, RosterItem]]:
        """The contacts at an address: itself, or all of a domain."""
        if address.local:
            yield address, self._host.rosters.get(account, address)
            return
        for item in self._host.rosters.of(account):
            contact = parse(item.jid)
            if address.covers(contact):
                yield contact, item

    # Reports (XEP-0377)

    def _keep_reports(self, account: str, block: Element) -> None:
        """The latest ones. One without a reason is none (section 4)."""
        for item in block.iterchildren(_ITEM):
            report = item.find(_REPORT)
            if report is not None and report.get("reason"):
                self._host.store.append("reports", account, self._read_report(item.get("jid", ""), report))
        kept = self._host.store.items("reports", account)
        for key in tuple(kept)[: max(0, len(kept) - REPORTS_PER_ACCOUNT)]:
            self._host.store.delete("reports", account, key)

    def _read_report(self, jid: str, report: Element) -> Report:
        proofs = islice(report.iterchildren(f"{{{ns.STANZA_ID}}}stanza-id"), MESSAGES_PER_REPORT)
        ids = tuple(each.get("id", "")[:ID] for each in proofs)
        text = (report.findtext(f"{{{ns.REPORTING}}}text") or "").strip()[:TEXT]
        return Report(parse(jid).full, report.get("reason", "")[:ID], text, ids, self._host.clock.utc())


def is_in(jid: JID, blocked: Mapping[str, object]) -> bool:
    """By its full address, its bare one or its domain (section 8)."""
    return jid.full in blocked or jid.bare in blocked or jid.domain in blocked


def is_from_room(message: Stanza) -> bool:
    """Said in a room, to all or in private: an error would look like the occupant's leave (XEP-0045 section 18.1.2)."""
    return message.type == "groupchat" or message.find(_MUC_USER) is not None


def read_items(command: Element) -> dict[str, JID]:
    """The addresses in a command, prepared. Raises StanzaError(bad-request, jid-malformed)."""
    found: dict[str, JID] = {}
    for item in command.iterchildren(_ITEM):
        if item.get("jid") is None:
            raise StanzaError("bad-request", "an item needs a jid")
        try:
            jid = parse(item.get("jid", ""))
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None
        found[jid.full] = jid
    return found


def listed(name: str, addresses: Mapping[str, object]) -> Element:
    """`<blocklist/>`, `<block/>` or `<unblock/>` with these items."""
    made = element(ns.BLOCKING, name)
    for address in addresses:
        child(made, ns.BLOCKING, "item", {"jid": address})
    return made
