"""One room: what is kept of it, who is in it, and what goes out to them (XEP-0045)."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from copy import copy
from dataclasses import dataclass, field
from functools import partial

from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.crowd import Crowd, Occupant
from conversehost.features.rooms.nicks import visible
from conversehost.features.rooms.record import Record
from conversehost.features.rooms.standing import Affiliation, Role, Standing, default_role, role_after
from conversehost.features.rooms.views import Codes, Item, View
from conversehost.server.broadcast import Broadcast
from conversehost.server.host import Host
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import child, clean

SELF, KICKED, CHANGED = 110, 307, 104


@dataclass(eq=False)
class RoomHooks:
    """Where the parts of the service take part in what rooms do; the same for all of its rooms."""

    dressing: list[Callable[[Room, Occupant, Stanza], None]] = field(default_factory=list)
    """Presence of an occupant is about to be shown: it may be added to."""

    entered: list[Callable[[Room, Occupant, JID], None]] = field(default_factory=list)
    """A client has entered, and had everything that it gets then."""

    left: list[Callable[[Room, Occupant, JID], None]] = field(default_factory=list)
    """A client isn't in the room any more."""

    speaking: list[Callable[[Room, Occupant, Stanza], None]] = field(default_factory=list)
    """An occupant who has voice speaks to all: StanzaError refuses it."""

    publishing: list[Callable[[Room, Occupant | None, Stanza], None]] = field(default_factory=list)
    """A message is about to go out to all: it may be added to. From the room itself where there is no occupant."""

    spoken: list[Callable[[Room, Occupant | None, Stanza], None]] = field(default_factory=list)
    """It went out, as it is now."""

    affiliated: list[Callable[[Room, JID, Affiliation], None]] = field(default_factory=list)
    """An account (a bare JID) that isn't in the room has another affiliation than that from now on."""

    emptied: list[Callable[[Room], None]] = field(default_factory=list)
    """The last one has left."""


class Room:
    """`jid` is its address; `record` is what the store keeps; `crowd` is who is there."""

    def __init__(self, jid: JID, host: Host, hooks: RoomHooks) -> None:
        self.jid = jid
        self.host = host
        self.hooks = hooks
        self.record = Record(host.store, jid.bare)
        self.crowd = Crowd()

    @property
    def config(self) -> RoomConfig:
        """How it is set up now."""
        return self.record.config

    def at(self, nick: str) -> str:
        """The address of an occupant."""
        return f"{self.jid.bare}/{nick}"

    def standing(self, person: JID) -> Standing:
        """Of a client, or of an account: what it is to the room, and its role, where it is in it."""
        occupant = self.crowd.by_client.get(person)
        return Standing(self.record.affiliation(person)) if occupant is None else occupant.standing

    def nick_for(self, account: JID, wanted: str) -> str:
        """Where nicks are locked, who has a reserved one is called so; else it is the wanted one, as all see it.

        Raises StanzaError(jid-malformed) (sections 7.2.2 and 7.10).
        """
        member = self.record.member(account) if self.config.lock_nicks else None
        if member is not None and member.nick:
            return member.nick
        try:
            return visible(wanted)
        except JIDError as error:
            raise StanzaError("jid-malformed", str(error)) from None

    def sees_jids(self, standing: Standing) -> bool:
        """Whether real addresses are shown to who has it (sections 4.2, 7.2.3 and 7.2.4)."""
        whois = self.config.whois
        return whois == "anyone" or (whois == "moderators" and standing.role == Role.MODERATOR)

    # Out

    def send(self, to: JID, sent: Broadcast) -> None:
        """To one client. Who can't be reached is a ghost (XEP-0045, "Ghost Users"), and removed once this is done."""
        host = self.host.router.hosts.get(to.domain)
        try:
            if host is not None:
                host.delivery.announce(to, sent)
            else:
                self.host.router.route(sent.addressed(to.full))
        except StanzaError:
            if host is None:
                self.host.clock.after(0, partial(self.lose, to))

    def send_all(self, sent: Broadcast) -> None:
        """To all clients: as `send` does for each of them, in half the time."""
        find = self.host.router.hosts.get
        for client in self.crowd.clients():
            host = find(client.domain)
            if host is None:
                self.send(client, sent)
                continue
            try:
                host.delivery.announce(client, sent)
            except StanzaError:
                continue

    def say(self, message: Stanza, speaker: Occupant | None = None) -> None:
        """A message without `to`, which the caller doesn't change any more, to all clients: serialised once."""
        for publish in self.hooks.publishing:
            publish(self, speaker, message)
        self.send_all(Broadcast(message, 0.0))
        for hook in self.hooks.spoken:
            hook(self, speaker, message)

    def notify(self, codes: Codes) -> None:
        """All hear that something about the room has changed (section 10.2.1)."""
        message = stanza("message", {"from": self.jid.full, "type": "groupchat"})
        x = child(message, ns.MUC_USER, "x")
        for code in codes:
            child(x, ns.MUC_USER, "status", {"code": str(code)})
        self.send_all(Broadcast(message, 0.0))

    def show(
        self, occupant: Occupant, *, own: Codes = (), newcomer: JID | None = None, reason: str = "", actor: str = ""
    ) -> None:
        """The occupant's presence as it is now, to all others and then to himself. `own` are codes for the newcomer
        among his clients.
        """
        said = occupant.view = self.view(occupant)
        if reason or actor:
            said = self.view(occupant, reason=reason, actor=actor)
        visible = self.config.shows(occupant.role)
        if visible:
            self.show_others(occupant, said)
        elif occupant.visible:
            self.show_others(occupant, self.farewell(occupant))
        occupant.visible = visible
        for client in tuple(occupant.clients):
            self.send_own(client, said, own if client == newcomer else ())

    def view(self, occupant: Occupant, *, reason: str = "", actor: str = "") -> View:
        """His presence as it is now."""
        assert occupant.shown is not None
        presence = self.dressed(occupant, copy(occupant.clients[occupant.shown]))
        who = occupant.affiliation.text, occupant.role.text, occupant.shown.full
        return View(presence, Item(*who, reason=reason, actor=actor))

    def dressed(self, occupant: Occupant, presence: Stanza) -> Stanza:
        """It is from him, and says all that the room has to say of him beside what he is (XEP-0421 and more)."""
        presence.set("from", self.at(occupant.nick))
        child(presence, ns.OCCUPANT_ID, "occupant-id", {"id": occupant.id})
        for dress in self.hooks.dressing:
            dress(self, occupant, presence)
        return presence

    def send_view(self, client: JID, viewer: Occupant, view: View, codes: Codes = ()) -> None:
        """As the viewer may see it."""
        self.send(client, view.seen(with_jid=self.sees_jids(viewer.standing), codes=codes))

    def send_own(self, client: JID, view: View, codes: Codes = ()) -> None:
        """To one of those whose presence it is: their own address is no secret to them, and Converse.js knows itself by
        it.
        """
        self.send(client, view.seen(with_jid=True, codes=(SELF, *codes)))

    def introduce(self, viewer: Occupant, clients: Iterable[JID]) -> None:
        """All others, to some of the viewer's clients (section 7.2.2)."""
        with_jid = self.sees_jids(viewer.standing)
        for other in self.crowd:
            if other is not viewer and other.visible and other.view is not None:
                seen = other.view.seen(with_jid=with_jid)
                for client in clients:
                    self.send(client, seen)

    def show_others(self, occupant: Occupant, view: View, codes: Codes = ()) -> None:
        """A presence of his to all but himself."""
        for viewer in self.crowd:
            if viewer is not occupant:
                for client in tuple(viewer.clients):
                    self.send_view(client, viewer, view, codes)

    # Leaving

    def farewell(self, occupant: Occupant, said: Stanza | None = None, **more: str) -> View:
        """Unavailable presence of his, with what he has said in it; `more` is for the item."""
        presence = self.dressed(occupant, stanza("presence", {"type": "unavailable"}) if said is None else copy(said))
        jid = "" if occupant.shown is None else occupant.shown.full
        return View(presence, Item(occupant.affiliation.text, Role.NONE.text, jid, **more))

    def leave(self, client: JID, said: Stanza | None = None, codes: Codes = ()) -> None:
        """One client leaves (section 7.14); others of the occupant's may stay."""
        occupant = self.crowd.by_client.get(client)
        if occupant is None:
            return
        if self.record.locked and len(self.crowd.by_client) == 1:
            self.destroy()  # before it was set up (section 10.1.3)
            return
        view = self.farewell(occupant, said)
        was_shown = occupant.shown == client
        self.crowd.remove(client)
        self.send_own(client, view, codes)
        if occupant.clients:
            if was_shown:
                self.show(occupant)
        elif occupant.visible:
            self.show_others(occupant, view, codes)
        self._after_leaving(occupant, (client,))

    def dismiss(self, occupant: Occupant, codes: Codes, *, reason: str = "", actor: str = "") -> Callable[[], None]:
        """All clients of an occupant are put out of the room, and told so; calling what this answers tells the others
        (section 8.2: the moderator hears in between).
        """
        view = self.farewell(occupant, reason=reason, actor=actor)
        clients = tuple(occupant.clients)
        for client in clients:
            self.crowd.remove(client)
        for client in clients:
            self.send_own(client, view, codes)

        def tell() -> None:
            if occupant.visible:
                self.show_others(occupant, view, codes)
            self._after_leaving(occupant, clients)

        return tell

    def lose(self, client: JID) -> None:
        """It can't be reached (section 11.1)."""
        self.leave(client, codes=(333,))

    def _after_leaving(self, occupant: Occupant, clients: Iterable[JID]) -> None:
        for client in clients:
            for hook in self.hooks.left:
                hook(self, occupant, client)
        if not self.crowd:
            for emptied in self.hooks.emptied:
                emptied(self)

    # What somebody is

    def affiliate(
        self, account: JID, affiliation: Affiliation, *, nick: str | None = None, reason: str = "", actor: str = ""
    ) -> Callable[[], None]:
        """An account, or a domain, is something else to the room from now on (section 9). Who must go is put out at
        once; calling what this answers tells everybody.
        """
        before = self.record.affiliation(account)
        self.record.affiliate(account, affiliation, nick, reason)
        told: list[Callable[[], None]] = []
        for occupant in self.crowd.covered_by(account):
            told.append(self._reaffiliate(occupant, reason, actor))
        if not told and account.local:
            told += [partial(tell, self, account, before) for tell in self.hooks.affiliated]
        return partial(_call_all, told)

    def _reaffiliate(self, occupant: Occupant, reason: str, actor: str) -> Callable[[], None]:
        config = self.config
        before, after = occupant.affiliation, self.record.affiliation(occupant.account)
        occupant.affiliation = after
        if after == Affiliation.OUTCAST:
            return self.dismiss(occupant, (301,), reason=reason, actor=actor)
        if config.members_only and after == Affiliation.NONE:
            return self.dismiss(occupant, (321,), reason=reason, actor=actor)
        saw = self.sees_jids(occupant.standing)
        if before == after:
            return _nothing
        occupant.role = role_after(occupant.role, before, after, moderated=config.moderated)
        return partial(self._changed, occupant, saw, reason, actor)

    def set_role(self, occupant: Occupant, role: Role, *, reason: str = "", actor: str = "") -> Callable[[], None]:
        """For this visit, and in a moderated room for the next ones (section 5.1); NONE kicks. Calling what this
        answers tells the others.
        """
        if role == Role.NONE:
            return self.dismiss(occupant, (KICKED,), reason=reason, actor=actor)
        saw = self.sees_jids(occupant.standing)
        occupant.role = role
        if self.config.moderated and role < Role.MODERATOR:
            usual = default_role(occupant.affiliation, moderated=True)
            self.record.remember_role(occupant.account, None if role == usual else role)
        return partial(self._changed, occupant, saw, reason, actor)

    def _changed(self, occupant: Occupant, saw: bool, reason: str, actor: str) -> None:
        """Who sees real addresses from now on, sees them."""
        if not occupant.clients:
            return  # gone meanwhile
        self.show(occupant, reason=reason, actor=actor)
        if not saw and self.sees_jids(occupant.standing):
            self.introduce(occupant, tuple(occupant.clients))

    def destroy(self, *, reason: str = "", venue: str = "", password: str = "") -> None:
        """For good; each client gets one presence that says so (section 10.9)."""
        for occupant in self.crowd:
            for client in tuple(occupant.clients):
                self.crowd.remove(client)
                self.send(client, Broadcast(self._end(occupant, reason, venue, password), 0.0))
                for hook in self.hooks.left:
                    hook(self, occupant, client)
        self.record.destroy()

    def _end(self, occupant: Occupant, reason: str, venue: str, password: str) -> Stanza:
        presence = stanza("presence", {"type": "unavailable", "from": self.at(occupant.nick)})
        child(presence, ns.OCCUPANT_ID, "occupant-id", {"id": occupant.id})
        x = child(presence, ns.MUC_USER, "x")
        child(x, ns.MUC_USER, "item", {"affiliation": Affiliation.NONE.text, "role": Role.NONE.text})
        destroyed = child(x, ns.MUC_USER, "destroy", {"jid": clean(venue)} if venue else {})
        for name, text in (("password", password), ("reason", reason)):
            if text:
                child(destroyed, ns.MUC_USER, name).text = clean(text)
        child(x, ns.MUC_USER, "status", {"code": str(SELF)})
        return presence


def _nothing() -> None:
    """Has changed."""


def _call_all(calls: Iterable[Callable[[], None]]) -> None:
    for call in calls:
        call()
