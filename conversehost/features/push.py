"""XEP-0357: Push Notifications: who is away is told by the push services that his clients have named."""

from __future__ import annotations

import secrets
from collections import OrderedDict
from dataclasses import dataclass

from conversehost.features.xep import Xep
from conversehost.server.host import Host, Reply
from conversehost.server.resume import is_waiting
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, form_in
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, element, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

XEP = Xep(357, "Push Notifications", "0.4.1", "complete; for messages that nobody reads now")
SUMMARY, OPTIONS = "urn:xmpp:push:summary", f"{ns.PUBSUB}#publish-options"
SERVICES_PER_ACCOUNT = 20
UNANSWERED = 10_000
"""How many notifications are remembered until they are answered; the oldest are taken for delivered."""


@dataclass(frozen=True, slots=True)
class Service:
    """Where an account is told: an address and a node there, and the publish options as they came, if any."""

    jid: str
    node: str
    options: bytes | None = None

    @property
    def key(self) -> str:
        """Of its place in the store: an address has no space in it."""
        return f"{self.jid} {self.node}"


def install(host: Host) -> None:
    feature = PushFeature(host)
    host.advertise(ns.PUSH)
    host.advertise(ns.PUSH, at="account")
    host.on_own_iq("set", ns.PUSH, "enable", feature.enable)
    host.on_own_iq("set", ns.PUSH, "disable", feature.disable)
    host.hooks.undeliverable.append(feature.undeliverable)
    host.hooks.delivered.append(feature.delivered)
    host.hooks.incoming["message"].append(feature.incoming)
    host.hooks.answered.append(feature.answered)
    host.hooks.account_deleted.append(feature.forget)


class PushFeature:
    """`_published`: whose notifications haven't been answered yet, and by which service, by their id."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._published: OrderedDict[str, tuple[str, str]] = OrderedDict()

    # What clients ask for

    def enable(self, session: Session, iq: Stanza) -> Reply:
        """Section 5: the same address and node again has other options from then on."""
        form = form_in(iq[0], OPTIONS)
        made = Service(address_in(iq[0]), iq[0].get("node", ""), None if form is None else to_bytes(form))
        known = self._host.store.items("push", session.bare)
        if len(known) >= SERVICES_PER_ACCOUNT and made.key not in known:
            raise StanzaError("resource-constraint", f"at most {SERVICES_PER_ACCOUNT} push services per account")
        self._host.store.put("push", session.bare, made.key, made)
        return None

    def disable(self, session: Session, iq: Stanza) -> Reply:
        """Section 6: one node, or all of the address."""
        jid, node = address_in(iq[0]), iq[0].get("node")
        for service in self._services(session.bare):
            if service.jid == jid and node in (None, service.node):
                self._host.store.delete("push", session.bare, service.key)
        return None

    # What there is to tell

    def undeliverable(self, message: Stanza, account: JID) -> bool:
        """Nobody is there; it is for others to keep the message."""
        if self._host.accounts.exists(account):
            self._tell(account, message)
        return False

    def delivered(self, to: JID, message: Stanza, sessions: list[Session]) -> None:
        """Everybody whom it goes to has lost the connection, and may come back for it (XEP-0198)."""
        for each in sessions:
            if not is_waiting(each.link):
                return
        if sessions:
            self._tell(to.to_bare(), message)

    def _tell(self, account: JID, message: Stanza) -> None:
        if message.type in ("error", "groupchat", "headline") or not is_news(message):
            return
        for service in self._services(account.bare):
            id = secrets.token_hex(8)
            self._published[id] = account.bare, service.key
            if len(self._published) > UNANSWERED:
                self._published.popitem(last=False)
            attributes = {"type": "set", "id": id, "from": self._host.domain, "to": service.jid}
            self._host.router.send(stanza("iq", attributes, self._notification(account, service, message)))

    def _notification(self, account: JID, service: Service, message: Stanza) -> Element:
        """Section 7."""
        count = len(self._host.store.items("offline", account.bare)) + 1
        sender = message.sender
        fields = (
            Field("message-count", values=(str(count),)),
            Field("last-message-sender", "jid-single", values=(sender.full if sender else "",)),
            Field("last-message-body", values=(message.text_of("body"),)),
        )
        pubsub = element(ns.PUBSUB, "pubsub")
        publish = child(pubsub, ns.PUBSUB, "publish", {"node": service.node})
        notification = child(child(publish, ns.PUBSUB, "item"), ns.PUSH, "notification")
        notification.append(Form(fields, SUMMARY).result())
        if service.options is not None:
            child(pubsub, ns.PUBSUB, "publish-options").append(parse_xml(service.options))
        return pubsub

    # What services answer

    def answered(self, iq: Stanza) -> None:
        """Section 7.1: a service that refuses isn't asked again."""
        account, key = self._published.get(iq.id or "", ("", ""))
        if not account or key.partition(" ")[0] != iq.get("from"):
            return
        del self._published[iq.id or ""]
        if iq.type == "error":
            self._host.store.delete("push", account, key)

    def incoming(self, to: JID, message: Stanza) -> bool:
        """Section 8: a service says that it doesn't take notifications from here any more."""
        if not self._host.store.items("push", to.bare):  # all messages come by here
            return False
        found = message.find(f"{{{ns.PUBSUB}}}pubsub")
        if found is None:
            return False
        affiliation = found.find(f"{{{ns.PUBSUB}}}affiliation")
        key = Service(message.get("from", ""), found.get("node", "")).key
        if affiliation is None or affiliation.get("affiliation") != "none":
            return False
        return self._host.store.delete("push", to.bare, key)

    def forget(self, account: JID) -> None:
        self._host.store.clear("push", account.bare)

    def _services(self, account: str) -> tuple[Service, ...]:
        return tuple(self._host.store.items("push", account).values())


def is_news(message: Stanza) -> bool:
    """Somebody wrote something: not only that he is typing, or has read."""
    return bool(message.text_of("body")) or message.has(ns.ENCRYPTION, "encryption")


def address_in(asked: Element) -> str:
    """Raises StanzaError(bad-request, jid-malformed)."""
    text = asked.get("jid")
    if not text:
        raise StanzaError("bad-request", "jid must be the address of a push service")
    try:
        return parse(text).full
    except JIDError as error:
        raise StanzaError("jid-malformed", f"jid: {error}") from None
