"""RFC 6121 section 3 and appendix A: subscriptions to presence; XEP-0172: User Nickname, in requests for it."""

from __future__ import annotations

from collections.abc import Callable
from copy import copy
from dataclasses import replace

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.invitations import Invitations
from conversehost.server.roster import RosterItem, is_hidden
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, to_bytes

XEP = Xep(172, "User Nickname", "1.1", "in subscription requests, and kept with them; in nodes by XEP-0163")
TYPES = ("subscribe", "subscribed", "unsubscribe", "unsubscribed")
PENDING_PER_ACCOUNT = 1_000
PENDING_BYTES = 10_000
NICK_BYTES = 1_000
_NICK = f"{{{ns.NICK}}}nick"
_PREAUTH = f"{{{ns.PREAUTH}}}preauth"


def install(host: Host) -> None:
    feature = SubscriptionFeature(host)
    for type in TYPES:
        host.on_presence_from(type, feature.outbound)
        host.on_presence_to(type, feature.inbound)
    host.hooks.contact_removed.append(feature.end)
    host.hooks.stream_features.append(pre_approval)


def pre_approval(logged_in: bool) -> list[Element]:
    """Section 3.4."""
    return [element(ns.PRE_APPROVAL, "sub")] if logged_in else []


class SubscriptionFeature:
    """Both sides of a subscription, each on its own account's behalf."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._invitations = Invitations(host)

    def outbound(self, session: Session, presence: Stanza) -> None:
        """From one of our clients (appendix A.2). Raises StanzaError, also for other servers' (section 3.1.2)."""
        to = presence.to
        if to is None or to.to_bare() == session.account:
            raise StanzaError("bad-request", "a subscription needs somebody else's address")
        contact, account, type = to.to_bare(), session.account, presence.type or ""
        presence.set("from", account.full)
        presence.set("to", contact.full)
        before = self._host.rosters.get(account, contact)
        after, routed = OUTBOUND[type](before)
        if type == "subscribe" and not after.from_ and presence.find(_PREAUTH) is not None:
            after = replace(after, approved=True)  # who follows an invitation wants to be seen too (XEP-0379)
        if after.listed:
            self._host.rosters.check_room(account, before)
        self._change(account, before, after)
        if before.from_ and not after.from_:
            tell_gone(self._host, account, contact)
        if routed:
            self._host.router.route(presence, session)
        if after.from_ and not before.from_:
            tell_here(self._host, account, contact)

    def inbound(self, account: JID, presence: Stanza) -> None:
        """For one of our accounts (appendix A.3). What changes nothing isn't delivered; what does, before the push."""
        sender = presence.sender
        if sender is None or sender.to_bare() == account:
            return
        contact, type = sender.to_bare(), presence.type or ""
        before = self._host.rosters.get(account, contact)
        if type == "subscribe":
            self._inbound_subscribe(account, contact, before, presence)
            return
        after = INBOUND[type](before)
        if after == before:
            return
        for session in self._host.sessions(account.local):
            if session.interested or session.presence is not None:
                session.send(presence)
        self._change(account, before, after)
        if type == "unsubscribe":
            self._say("unsubscribed", account, contact)
        if before.from_ and not after.from_:
            tell_gone(self._host, account, contact)

    def end(self, account: JID, item: RosterItem) -> None:
        """A contact was removed: the subscriptions end in both directions (section 2.5.2), requests too."""
        contact = parse(item.jid)
        if item.to or item.ask:
            self._say("unsubscribe", account, contact)
        if item.from_:
            tell_gone(self._host, account, contact)
        if item.from_ or item.pending is not None:
            self._say("unsubscribed", account, contact)

    def _inbound_subscribe(self, account: JID, contact: JID, before: RosterItem, presence: Stanza) -> None:
        """Section 3.1.3: known already, approved in advance, or a request that waits for its answer."""
        if before.from_:
            self._say("subscribed", account, contact)
        elif before.approved:
            self._change(account, before, replace(before, from_=True, approved=False))
            self._say("subscribed", account, contact)
            tell_here(self._host, account, contact)
        elif self._was_invited(account, before, presence):
            self._change(account, before, replace(before, from_=True, ask=not before.to, pending=None, listed=True))
            self._say("subscribed", account, contact)
            if not before.to:
                self._say("subscribe", account, contact)
            tell_here(self._host, account, contact)
        elif before.pending is None and self._has_room(account):
            self._host.rosters.put(account, replace(before, pending=as_request(presence, account)))
            for session in self._host.sessions(account.local):
                if session.presence is not None:
                    session.send(presence)

    def _was_invited(self, account: JID, before: RosterItem, presence: Stanza) -> bool:
        """By this account, who wanted a contact (XEP-0379 section 3.5); nobody can follow that invitation again. Raises
        StanzaError where the roster is full.
        """
        preauth = presence.find(_PREAUTH)
        found = None if preauth is None else self._invitations.find(preauth.get("token", ""))
        if found is None or found.inviter != account or not found.contact or found.username:
            return False
        self._host.rosters.check_room(account, before)
        self._invitations.use(found)
        return True

    def _has_room(self, account: JID) -> bool:
        return sum(each.pending is not None for each in self._host.rosters.of(account)) < PENDING_PER_ACCOUNT

    def _change(self, account: JID, before: RosterItem, after: RosterItem) -> None:
        """Keep, and push what shows in the roster."""
        if after == before:
            return
        self._host.rosters.put(account, after)
        if not is_hidden(before, after):
            for hook in self._host.hooks.roster_changed:
                hook(account, before, after)

    def _say(self, type: str, account: JID, contact: JID) -> None:
        self._host.router.send(stanza("presence", {"type": type, "from": account.full, "to": contact.full}))


def tell_here(host: Host, account: JID, contact: JID) -> None:
    """Who may see us from now on learns that we are here (section 3.1.5)."""
    for session in host.sessions(account.local):
        if session.shown is not None:
            host.router.announce(contact, session.shown.recalled(host.domain, host.clock.utc()))


def tell_gone(host: Host, account: JID, contact: JID) -> None:
    """Who no longer may see us learns that we are gone (sections 3.2.2 and 3.3.3)."""
    for session in host.sessions(account.local):
        if session.presence is not None:
            attributes = {"type": "unavailable", "from": session.full, "to": contact.full}
            host.router.send(stanza("presence", attributes))


def as_request(presence: Stanza, account: JID) -> bytes:
    """The request as it is kept: whole, unless it is so large that somebody could fill our memory with such. Then only
    the name by which they go.
    """
    data = to_bytes(presence)
    if len(data) <= PENDING_BYTES:
        return data
    short = stanza("presence", {"type": "subscribe", "from": presence.get("from", ""), "to": account.full})
    nick = presence.find(_NICK)
    if nick is not None and len(to_bytes(nick)) <= NICK_BYTES:
        short.append(copy(nick))
    return to_bytes(short)


def out_subscribe(item: RosterItem) -> tuple[RosterItem, bool]:
    return (item if item.to else replace(item, ask=True, listed=True)), True


def out_unsubscribe(item: RosterItem) -> tuple[RosterItem, bool]:
    return replace(item, to=False, ask=False), True


def out_subscribed(item: RosterItem) -> tuple[RosterItem, bool]:
    if item.pending is not None:
        return replace(item, from_=True, pending=None, approved=False, listed=True), True
    return (item if item.from_ else replace(item, approved=True, listed=True)), False


def out_unsubscribed(item: RosterItem) -> tuple[RosterItem, bool]:
    return replace(item, from_=False, pending=None, approved=False), item.from_ or item.pending is not None


def in_unsubscribe(item: RosterItem) -> RosterItem:
    return replace(item, from_=False, pending=None)


def in_subscribed(item: RosterItem) -> RosterItem:
    return replace(item, to=True, ask=False) if item.ask else item


def in_unsubscribed(item: RosterItem) -> RosterItem:
    return replace(item, to=False, ask=False)


OUTBOUND: dict[str, Callable[[RosterItem], tuple[RosterItem, bool]]] = {
    "subscribe": out_subscribe,
    "unsubscribe": out_unsubscribe,
    "subscribed": out_subscribed,
    "unsubscribed": out_unsubscribed,
}
INBOUND: dict[str, Callable[[RosterItem], RosterItem]] = {
    "unsubscribe": in_unsubscribe,
    "subscribed": in_subscribed,
    "unsubscribed": in_unsubscribed,
}
