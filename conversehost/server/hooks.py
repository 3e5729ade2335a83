"""Every point where a feature can take part. The order is that of installation (`features.FEATURES`)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from conversehost.server.roster import RosterItem
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

if TYPE_CHECKING:
    from conversehost.server.broadcast import Broadcast
    from conversehost.server.discovery import DiscoNode
    from conversehost.server.host import At
    from conversehost.server.session import Session
    from conversehost.server.stream import ServerStream


@dataclass(eq=False)
class Hooks:
    """Lists of callables; a feature appends to them when it is installed."""

    stream_features: list[Callable[[bool], Sequence[Element]]] = field(default_factory=list)
    """What else a stream offers; the argument says whether the client has logged in."""

    outgoing: list[Callable[[Session, Stanza], None]] = field(default_factory=list)
    """A stanza from one of our clients, stamped, before it goes anywhere. StanzaError refuses it."""

    incoming: dict[str, list[Callable[[JID, Stanza], bool]]] = field(
        default_factory=lambda: {"message": [], "presence": [], "iq": []}
    )
    """A stanza of a kind, from anybody, for an account of ours or one of its sessions, before it gets there: True from
    one that takes it away in silence; StanzaError refuses it.
    """

    announced: dict[str, list[Callable[[JID, Broadcast], bool]]] = field(
        default_factory=lambda: {"message": [], "presence": []}
    )
    """The same for what goes to many, a presence or what is said in a room: it has no `to`, and must not be changed.
    Each of them is asked for each who hears it, so only those are here whom such stanzas concern.
    """

    hides: list[Callable[[JID, JID], bool]] = field(default_factory=list)
    """An account has presence for a contact who is subscribed (bare JIDs): True from one that keeps it back."""

    hidden: list[Callable[[JID, JID], None]] = field(default_factory=list)
    """An account (a bare JID) hides from now on from an address, and from all that are covered by that."""

    available: list[Callable[[Session, Stanza], None]] = field(default_factory=list)
    """An available presence from a client of ours, with `to` or without, before it goes out: it may be added to."""

    redundant: list[Callable[[Session, Stanza], Sequence[Element]]] = field(default_factory=list)
    """An update of presence goes to those who have had the one before, `session.shown`: children of it that say
    nothing new to them.
    """

    broadcast: list[Callable[[Session], None]] = field(default_factory=list)
    """An available presence went out to all who may see it: `session.shown`. In it everything was added."""

    learned: list[Callable[[Session, frozenset[str]], None]] = field(default_factory=list)
    """A session's client turned out to have features (XEP-0115): those that it wasn't known to have before.
    `host.clients` knows of them now.
    """

    sent: list[Callable[[Session, Stanza], None]] = field(default_factory=list)
    """A message from one of our clients went its way: nobody refused it."""

    delivered: list[Callable[[JID, Stanza, list[Session]], None]] = field(default_factory=list)
    """A message to that address is about to go to these sessions; to none when it was stored. Who gives it to
    another session of the account adds that to them.
    """

    archived: dict[str, list[Callable[[str, str, Stanza], None]]] = field(default_factory=dict)
    """A message went into the archive of an account: the account's bare address, and the message's id there. For those
    messages that have a child of that Clark name.
    """

    nodes: list[Callable[[At, str], DiscoNode | None]] = field(default_factory=list)
    """Nodes of service discovery, beside those that the host knows by name, of the host or of its accounts."""

    listings: list[Callable[[Stanza], Sequence[Element]]] = field(default_factory=list)
    """What there is at an account, for service discovery, for whoever asks in that iq."""

    session_opened: list[Callable[[Session], None]] = field(default_factory=list)
    """A client has bound its resource; nothing was said on it yet."""

    bound: list[Callable[[Session], Element]] = field(default_factory=list)
    """A client has bound its resource by XEP-0386: what else it is told then."""

    session_closed: list[Callable[[Session], None]] = field(default_factory=list)
    """A session ends; it is still among its account's sessions, and its `presence` is the last it sent."""

    resuming: list[Callable[[ServerStream], bool]] = field(default_factory=list)
    """Somebody who has logged in wants a session back (XEP-0198): True where it shall not be found."""

    session_resumed: list[Callable[[Session], None]] = field(default_factory=list)
    """A session goes on over another connection, and its client was sent again what it had missed."""

    became_available: list[Callable[[Session], None]] = field(default_factory=list)
    """A session can receive messages from now on: available, with a priority that isn't negative."""

    became_unavailable: list[Callable[[Session, Stanza], None]] = field(default_factory=list)
    """A session that was available no longer is; the presence, perhaps one that the server made, says so."""

    closing: list[Callable[[], None]] = field(default_factory=list)
    """The server ends, or begins anew: all sessions are about to be closed."""

    restored: list[Callable[[Session], None]] = field(default_factory=list)
    """All data is another, and this session goes on: its client is to hear what it knows otherwise. Its roster, and
    presence, are told already.
    """

    undeliverable: list[Callable[[Stanza, JID], bool]] = field(default_factory=list)
    """A message for an account of ours whom no session can receive it for; True from the one that took it."""

    answered: list[Callable[[Stanza], None]] = field(default_factory=list)
    """An iq of type result or error for the host itself: the answer to one that it sent."""

    roster_changed: list[Callable[[JID, RosterItem, RosterItem], None]] = field(default_factory=list)
    """An item in the roster of an account (a bare JID) was added, changed or removed: as it was, and as it is."""

    contact_removed: list[Callable[[JID, RosterItem], None]] = field(default_factory=list)
    """The item has just left the roster of an account (a bare JID), by its owner's wish or with the account."""

    published: list[Callable[[JID, str], None]] = field(default_factory=list)
    """What an account (a bare JID) keeps at one of its personal nodes (XEP-0163), by name, is other than it was."""

    stored_privately: list[Callable[[JID, str], None]] = field(default_factory=list)
    """An account (a bare JID) has written to its private storage, in the store: collection "private", by that key."""

    vcard_changed: list[Callable[[JID], None]] = field(default_factory=list)
    """An account (a bare JID) has another vCard, in the store: collection "vcard"."""

    account_created: list[Callable[[JID], None]] = field(default_factory=list)
    """There is a new account (a bare JID)."""

    password_changed: list[Callable[[JID], None]] = field(default_factory=list)
    """An account (a bare JID) has another password."""

    account_deleted: list[Callable[[JID], None]] = field(default_factory=list)
    """An account is gone: drop what is kept for it."""
