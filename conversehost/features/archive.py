"""XEP-0313: Message Archive Management, with the ids of XEP-0359 and the search of XEP-0431."""

from __future__ import annotations

from dataclasses import dataclass

from conversehost.features.xep import Xep
from conversehost.server.archive import addresses, mark
from conversehost.server.archive_rules import is_wanted, is_worth_keeping, names_in
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.xmpp import mam, ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, to_bytes

XEP = Xep(313, "Message Archive Management", "1.1.3", "complete, with the fields and queries of `#extended`")
IDS = Xep(359, "Unique and Stable Stanza IDs", "0.7.0", "complete")
SEARCH = Xep(431, "Full Text Search in MAM", "0.2.0", "complete; bodies that have all the words")

_STANZA_ID = f"{{{ns.STANZA_ID}}}stanza-id"


def install(host: Host) -> None:
    feature = ArchiveFeature(host)
    for namespace in (ns.MAM, ns.MAM_EXTENDED, ns.MAM_GROUPCHAT, ns.STANZA_ID, ns.FULLTEXT, ns.RSM):
        host.advertise(namespace, at="account")
    host.on_own_iq("set", ns.MAM, "query", feature.query)
    host.on_own_iq("get", ns.MAM, "query", feature.form)
    host.on_own_iq("get", ns.MAM, "metadata", feature.metadata)
    host.hooks.outgoing.append(feature.outgoing)
    host.hooks.incoming["message"].append(feature.incoming)
    host.hooks.undeliverable.append(feature.undeliverable)
    host.hooks.delivered.append(feature.delivered)
    host.hooks.sent.append(feature.sent)
    host.hooks.bound.append(feature.bound)
    host.hooks.account_deleted.append(feature.forget)


@dataclass(eq=False, slots=True)
class Arriving:
    """A message on its way: what is archived of it, without any id; what is in it, by Clark name; and the id that it
    has got for its receiver's archive, "" once it is there.
    """

    message: Stanza
    data: bytes
    names: frozenset[str]
    id: str = ""


class ArchiveFeature:
    """Both sides of a conversation have it in their archives, as it was said, once.

    The receiver's id is in the message before anybody keeps it or gets it, be it later or as a carbon copy. One that
    is delivered again, because a client has ended before it read it, has its id already.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._archive = host.archive
        self._arriving: Arriving | None = None
        self._plain: Stanza | None = None  # what a client said last, as long as it has no id

    # Ids that are given here come from here (XEP-0359 section 4)

    def outgoing(self, session: Session, stanza: Stanza) -> None:
        if stanza.kind == "message":
            self._plain = stanza
            if next(stanza.iterchildren(_STANZA_ID), None) is not None:
                self._plain = None
                strip(stanza, session.bare)

    def incoming(self, to: JID, stanza: Stanza) -> bool:
        if stanza is not self._plain:
            strip(stanza, to.bare)
        return False

    # What is kept

    def undeliverable(self, message: Stanza, account: JID) -> bool:
        """Whoever stores it, stores it with its id; should nobody do so, it is in no archive either."""
        if not has_id(message, account.bare):
            self._announce(message, account.bare)
        return False

    def delivered(self, to: JID, message: Stanza, sessions: list[Session]) -> None:
        arriving = self._arriving
        if arriving is None or arriving.message is not message:
            if message is not self._plain and has_id(message, to.bare):
                return
            arriving = self._announce(message, to.bare)
        if arriving is not None and arriving.id:
            self._keep(to.bare, arriving, arriving.id)
            arriving.id = ""

    def sent(self, session: Session, message: Stanza) -> None:
        """Once the receiver has it: his id isn't the sender's business, and no other client's of his."""
        arriving, self._arriving = self._arriving, None
        to = message.to
        if to is None or to.bare == session.bare:
            return
        if arriving is not None and arriving.message is not message:
            arriving = None
        is_copied = len(self._host.sessions(session.jid.local)) > 1  # his other clients may get one
        if is_copied or (arriving is None and message is not self._plain):
            strip(message, to.bare)
        if arriving is None:
            names = names_in(message)
            if not is_worth_keeping(message, names):
                return
            arriving = Arriving(message, to_bytes(message), names)
        if is_wanted(self._host, session.bare, to):
            id = self._archive.new_id(session.bare, self._host.clock.utc())
            if is_copied:
                mark(message, session.bare, id)
            self._keep(session.bare, arriving, id)

    def _announce(self, message: Stanza, account: str) -> Arriving | None:
        """Give it an id for that account's archive, where it is to be in it."""
        sender, names, self._arriving = message.sender, names_in(message), None
        if sender is not None and is_worth_keeping(message, names) and is_wanted(self._host, account, sender):
            id = self._archive.new_id(account, self._host.clock.utc())
            self._arriving = Arriving(message, to_bytes(message), names, id)
            mark(message, account, id)
            self._plain = None
        return self._arriving

    def _keep(self, account: str, arriving: Arriving, id: str) -> None:
        message = arriving.message
        self._archive.add(account, id, arriving.data, addresses(account, message))
        archived = self._host.hooks.archived
        if not arriving.names.isdisjoint(archived):
            for name in arriving.names.intersection(archived):
                for hook in archived[name]:
                    hook(account, id, message)

    # What its owner asks

    def query(self, session: Session, iq: Stanza) -> Reply:
        """Section 4."""
        return self._archive.answer(session.bare, iq, self._host.router)

    def form(self, session: Session, iq: Stanza) -> Reply:
        """Section 4.1.5."""
        return mam.form()

    def metadata(self, session: Session, iq: Stanza) -> Reply:
        """Section 5."""
        return self._archive.metadata(session.bare)

    def bound(self, session: Session) -> Element:
        """The same, at the moment of binding (XEP-0386 section 4)."""
        return self._archive.metadata(session.bare)

    def forget(self, account: JID) -> None:
        self._archive.clear(account.bare)


def strip(message: Stanza, by: str) -> None:
    """Remove ids that somebody else gave in this name."""
    for each in list(message.iterchildren(_STANZA_ID)):
        if each.get("by") == by:
            message.remove(each)


def has_id(message: Stanza, by: str) -> bool:
    """Whether it has been given one in this name."""
    return any(each.get("by") == by for each in message.iterchildren(_STANZA_ID))
