"""XEP-0163: Personal Eventing Protocol: every account is a publish-subscribe service, which its contacts hear of."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from conversehost.features.pubsub import approval, requests
from conversehost.features.pubsub.access import may_read
from conversehost.features.pubsub.config import NodeConfig, from_texts
from conversehost.features.pubsub.disco import Shown
from conversehost.features.pubsub.items import Item
from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.service import FEATURES, Kind, PubSub
from conversehost.features.xep import Xep
from conversehost.server.discovery import DiscoNode
from conversehost.server.host import At, Host, Reply
from conversehost.server.roster import RosterItem
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.forms import X
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

XEP = Xep(163, "Personal Eventing Protocol", "1.2.2", "complete; events don't say which of the owner's clients it was")
DEFAULTS = NodeConfig(access_model="presence", max_items=1, send_last_published_item="on_sub_and_presence")
OWN_FEATURES = (
    "access-presence",
    "auto-create",
    "auto-subscribe",
    "filtered-notifications",
    "last-published",
    "presence-subscribe",
    "pubsub-on-a-jid",
)
NOTIFY = "+notify"
SHARERS = 100
"""Strangers who send an account presence, remembered of each."""


def install(host: Host) -> None:
    feature = PepFeature(host)
    host.personal = feature
    for at in ("host", "account"):
        host.identify("pubsub", "pep", "", at=at)
        host.advertise(f"{ns.PUBSUB}#publish-options", at=at)
    for name in (ns.PUBSUB, *(f"{ns.PUBSUB}#{each}" for each in OWN_FEATURES), *FEATURES, ns.RSM):
        host.advertise(name, at="account")
    for namespace in (ns.PUBSUB, ns.PUBSUB_OWNER):
        host.on_iq("get", namespace, "pubsub", feature.answer, at="account")
        host.on_iq("set", namespace, "pubsub", feature.answer, at="account")
    host.hooks.nodes.append(feature.disco_node)
    host.hooks.listings.append(feature.shown.listing)
    host.hooks.broadcast.append(feature.came)
    host.hooks.learned.append(feature.learned)
    host.hooks.became_unavailable.append(lambda session, presence: feature.left(session))
    host.hooks.session_closed.append(feature.left)
    host.hooks.incoming["message"].append(feature.answered)
    host.hooks.incoming["presence"].append(feature.heard)
    host.hooks.roster_changed.append(feature.roster_changed)
    host.hooks.account_deleted.append(feature.forget)


class PepFeature:
    """`PersonalNodes` of a host, and the `Audience` of them.

    `_here`: sessions that are known to be available. `_sharers`: by account, clients of whom it sees the presence only
    since they send it (XEP-0060 section 9.1.3); some of them may be gone.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._here: set[Session] = set()
        self._sharers: dict[str, dict[JID, None]] = {}
        kind = Kind(DEFAULTS, is_own, creates_itself=True, belongs_to_account=True)
        self.pubsub = PubSub(host, kind, self)
        self.shown = Shown(self.pubsub)

    def answer(self, iq: Stanza) -> Reply:
        """Any request. Raises StanzaError."""
        return requests.answer(self.pubsub, iq)

    def disco_node(self, at: At, name: str) -> DiscoNode | None:
        """Any other of an account might be one of these."""
        return self.shown.node(name) if at == "account" else None

    # Who hears of it (section 4.3 and XEP-0060 section 9)

    def implied(self, service: JID, node: Node) -> Iterator[Session]:
        """Clients that say so in their capabilities: the account's own, its contacts', and of who sends it presence."""
        found = dict.fromkeys(self._host.sessions(service.local))
        for item in self._host.rosters.of(service):
            if is_mutual(item):
                found |= dict.fromkeys(self._clients(service, parse(item.jid)))
        found |= dict.fromkeys(self._sharing(service))
        wanted = node.name + NOTIFY
        return (each for each in found if each.shown is not None and wanted in each.host.clients.features(each))

    def _clients(self, account: JID, contact: JID) -> Iterable[Session]:
        """The contact's sessions, unless the account hides from them."""
        host = self._host.router.hosts.get(contact.domain)
        if host is None or any(hide(account, contact) for hide in self._host.hooks.hides):
            return ()
        return host.sessions(contact.local)

    def _sharing(self, account: JID) -> Iterator[Session]:
        for jid in tuple(self._sharers.get(account.bare, ())):
            yield from (each for each in self._clients(account, jid) if each.jid == jid)

    # Clients that come and go

    def came(self, session: Session) -> None:
        """With its first presence a client is sent what it hasn't heard; what it wants may be known already."""
        if session not in self._here:
            self._here.add(session)
            self._greet(session, self._host.clients.features(session))

    def learned(self, session: Session, features: frozenset[str]) -> None:
        """Now it is known, or there is more of it."""
        if session in self._here:
            self._greet(session, features)

    def left(self, session: Session) -> None:
        self._here.discard(session)

    def _greet(self, session: Session, features: Iterable[str]) -> None:
        """What its own account and its contacts' published last (section 4.3.4)."""
        names = [each.removesuffix(NOTIFY) for each in features if each.endswith(NOTIFY)]
        if not names:
            return
        self.send_last(session.account, session, names)
        for item in self._host.rosters.of(session.account):
            contact = parse(item.jid)
            host = self._host.router.hosts.get(contact.domain) if is_mutual(item) else None
            if host is not None and host.personal is not None:
                host.personal.send_last(contact, session, names)

    def send_last(self, account: JID, session: Session, nodes: Iterable[str]) -> None:
        """`PersonalNodes`."""
        kept = {each.name: each for each in self.pubsub.nodes.of(account)}
        if not kept or not (account == session.account or session in self._clients(account, session.jid)):
            return
        for node in (kept[name] for name in nodes if name in kept):
            standing = self.pubsub.access.standing(account, node, session.jid)
            if node.config.send_last_published_item == "on_sub_and_presence" and may_read(node.config, standing):
                self.pubsub.send_last(account, node, session.jid)

    # What an account receives

    def answered(self, to: JID, message: Stanza) -> bool:
        """What an owner says to somebody's wish to subscribe is for the service."""
        if to.resource or message.find(X) is None:
            return False
        x = approval.answer_in(message)
        if x is None or message.sender is None:
            return False
        approval.answered(self.pubsub, to, message.sender, x)
        return True

    def heard(self, to: JID, presence: Stanza) -> bool:
        """Somebody's."""
        if presence.get("to") is not None:
            self._heard(to.to_bare(), presence)
        return False

    def _heard(self, account: JID, presence: Stanza) -> None:
        """From who isn't a contact: as long as that lasts, open nodes are open to them (XEP-0060 section 9.1.3)."""
        sender, type = presence.sender, presence.type
        host = None if sender is None else self._host.router.hosts.get(sender.domain)
        if sender is None or host is None or type not in (None, "unavailable"):
            return
        sharers = {each.jid: None for each in self._sharing(account)}
        known = sharers.pop(sender, sender) is None
        session = host.session(sender)
        comes = type is None and session is not None and not is_mutual(self._host.rosters.get(account, sender))
        if comes and len(sharers) < SHARERS:
            sharers[sender] = None
        if sharers:
            self._sharers[account.bare] = sharers
        else:
            self._sharers.pop(account.bare, None)
        if session is not None and sender in sharers and not known:
            features = host.clients.features(session)
            self.send_last(account, session, [each.removesuffix(NOTIFY) for each in features if each.endswith(NOTIFY)])

    # Contacts

    def roster_changed(self, account: JID, before: RosterItem, after: RosterItem) -> None:
        """Who may read more than before is sent it; who may no longer isn't subscribed any more (section 7.1)."""
        contact = parse(after.jid)
        for node in self.pubsub.nodes.of(account):
            standing = self.pubsub.access.standing(account, node, contact)
            could, can = (may_read(node.config, standing.met(item)) for item in (before, after))
            if can and is_mutual(after) and not (could and is_mutual(before)):
                for session in self._clients(account, contact):
                    if session.shown is not None and node.name + NOTIFY in session.host.clients.features(session):
                        self.send_last(account, session, [node.name])
            elif could and not can:
                for each in self.pubsub.nodes.subscriptions(account, node.name):
                    if each.holder == contact.bare:
                        self.pubsub.unsubscribe(account, node, each, notify=True)

    def forget(self, account: JID) -> None:
        """The account is gone."""
        self._sharers.pop(account.bare, None)
        self.pubsub.forget(account)

    # For other parts of the server

    def items(self, account: JID, node: str) -> Mapping[str, Element | None]:
        """`PersonalNodes`."""
        found = self.pubsub.nodes.get(account, node)
        kept = [] if found is None else self.pubsub.items.of(account, found)
        return {each.id: None if each.payload is None else parse_xml(each.payload) for each in kept}

    def access_model(self, account: JID, node: str) -> str | None:
        """`PersonalNodes`."""
        found = self.pubsub.nodes.get(account, node)
        return None if found is None else found.config.access_model

    def publish(self, account: JID, node: str, id: str, payload: Element, options: Mapping[str, str]) -> None:
        """`PersonalNodes`."""
        found = self.pubsub.nodes.get(account, node)
        if found is None:
            found = self.pubsub.create(account, node, account, from_texts(options, DEFAULTS))
        item = Item(id, to_bytes(payload), account.bare, self._host.clock.utc())
        self.pubsub.publish(account, found, [item])

    def retract(self, account: JID, node: str, ids: list[str]) -> None:
        """`PersonalNodes`."""
        found = self.pubsub.nodes.get(account, node)
        if found is not None:
            self.pubsub.retract(account, found, ids, notify=True)


def is_own(service: JID, creator: JID) -> bool:
    """Only the owner of an account makes nodes there."""
    return service.bare == creator.bare


def is_mutual(item: RosterItem) -> bool:
    """Each sees the other's presence: so a service knows of its readers' clients (section 3.3)."""
    return item.to and item.from_ and not item.removed
