"""XEP-0317: Hats: what people are in a room beside what every room knows, such as a teacher or a host."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from conversehost.features.rooms.crowd import Occupant
from conversehost.features.rooms.record import HATS, WEARERS
from conversehost.features.rooms.room import CHANGED, Room
from conversehost.features.rooms.service import RoomService
from conversehost.features.rooms.standing import Affiliation
from conversehost.server.commands import Command, Done, Run
from conversehost.server.discovery import item
from conversehost.server.execution import Execution, sender_of
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Answers, Field, Form, Table
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean

FORM_TYPE = "urn:xmpp:hats:commands"
TITLE, URI, HUE, WEARER = "hats#title", "hats#uri", "hats#hue", "hats#jid"
LABELS = {TITLE: "Hat Title", URI: "Hat URI", HUE: "Hat Hue"}
MANY = 100
"""Hats of one room, and people who wear some."""


@dataclass(frozen=True, slots=True)
class Hat:
    """`hue`: a colour, as an angle in degrees; "" for none."""

    uri: str
    title: str
    hue: str = ""

    @property
    def attributes(self) -> dict[str, str]:
        """Of `<hat/>`."""
        return {"title": clean(self.title), "uri": clean(self.uri)} | ({"hue": self.hue} if self.hue else {})


class Hats:
    """Those of all rooms are in the store: collections "room hat", by URI, and "room wearer", URIs by account."""

    def __init__(self, service: RoomService) -> None:
        self._execution = Execution(service.host.clock)
        service.hooks.dressing.append(self.dress)
        service.info.features += [ns.HATS, ns.COMMANDS]
        service.info.fields.append(self.told)
        service.info.lists[ns.COMMANDS] = self.listed
        service.on_room_iq("set", ns.COMMANDS, "command", self.execute)

    def dress(self, room: Room, occupant: Occupant, presence: Stanza) -> None:
        """Section 3.1."""
        worn = wearer(room, occupant.account)
        if worn:
            hats = child(presence, ns.HATS, "hats")
            for uri in worn:
                child(hats, ns.HATS, "hat", hats_of(room)[uri].attributes)

    def told(self, room: Room, client: JID) -> Sequence[Field]:
        """A hash of them all (section 2)."""
        hats = hats_of(room)
        if not hats:
            return ()
        text = "\n".join(f"{each.uri}\t{each.title}\t{each.hue}" for each in hats.values())
        return (Field("hats#hash", label="Hats hash", values=(hashlib.sha1(text.encode()).hexdigest(),)),)

    def listed(self, room: Room, iq: Stanza) -> Sequence[Element]:
        """The commands that the one who asks may give."""
        client = sender_of(iq)
        return [item(room.jid.bare, each.name, each.node) for each in commands(room).values() if each.allowed(client)]

    def execute(self, room: Room, iq: Stanza) -> Reply:
        """One of them."""
        return self._execution.execute(iq, commands(room))


def hats_of(room: Room) -> Mapping[str, Hat]:
    """By URI."""
    return room.host.store.items(HATS, room.jid.bare)


def wearer(room: Room, account: JID) -> tuple[str, ...]:
    """The URIs of the hats that an account wears."""
    worn: tuple[str, ...] | None = room.host.store.get(WEARERS, room.jid.bare, account.bare)
    return worn or ()


def commands(room: Room) -> dict[str, Command]:
    """Of a room, by node."""

    def administers(client: JID) -> bool:
        return room.record.affiliation(client) >= Affiliation.ADMIN

    def is_inside(client: JID) -> bool:
        return administers(client) or client in room.crowd.by_client

    def command(
        name: str, label: str, run: Callable[[Room, Answers], Done], form: Form | None, allowed: Callable[[JID], bool]
    ) -> Command:
        def act(started: Run) -> Done:
            return run(room, started.answers[-1] if started.answers else Answers({}))

        stages = () if form is None else (lambda started: form,)
        return Command(f"{FORM_TYPE}:{name}", label, allowed, act, stages)

    options = tuple((each.uri, each.title) for each in hats_of(room).values())
    chosen = Field(URI, "list-single", "The hat", required=True, options=options)
    whose = Field(WEARER, "jid-single", "User Address", required=True)
    made = tuple(Field(var, label=label, required=var != HUE) for var, label in LABELS.items())
    found = (
        command("create", "Create or change a hat", create, _form("Creating a Hat", *made), administers),
        command("destroy", "Destroy a hat", destroy, _form("Destroying a Hat", chosen), administers),
        command("assign", "Give somebody a hat", assign, _form("Assigning a Hat", whose, chosen), administers),
        command("unassign", "Take a hat from somebody", unassign, _form("Removing a Hat", whose, chosen), administers),
        command("list", "List hats", list_hats, None, is_inside),
        command("list-assigned", "List who wears which hat", list_assigned, None, administers),
    )
    return {each.node: each for each in found}


def _form(title: str, *fields: Field) -> Form:
    return Form(fields, FORM_TYPE, title)


def create(room: Room, answers: Answers) -> Done:
    """A new one, or another title or colour for one that there is (section 3.2). Raises StanzaError."""
    hat = Hat(answers.text(URI), answers.text(TITLE), answers.text(HUE))
    try:
        if hat.hue and not 0 <= float(hat.hue) <= 360:
            raise ValueError
    except ValueError:
        raise StanzaError("not-acceptable", "a hue is an angle from 0 to 360") from None
    if hat.uri not in hats_of(room) and len(hats_of(room)) >= MANY:
        raise StanzaError("resource-constraint", f"at most {MANY} hats in a room")
    room.host.store.put(HATS, room.jid.bare, hat.uri, hat)
    return _changed(room, hat.uri)


def destroy(room: Room, answers: Answers) -> Done:
    """Also for those who wear it (section 3.3)."""
    uri = answers.text(URI)
    wearers = [parse(each) for each, worn in room.host.store.items(WEARERS, room.jid.bare).items() if uri in worn]
    for each in wearers:
        _wear(room, each, tuple(other for other in wearer(room, each) if other != uri))
    room.host.store.delete(HATS, room.jid.bare, uri)
    for each in wearers:
        _show(room, each)
    room.notify((CHANGED,))
    return Done()


def assign(room: Room, answers: Answers) -> Done:
    """Section 3.5. Raises StanzaError(resource-constraint)."""
    account, uri = _account(answers), answers.text(URI)
    worn = wearer(room, account)
    if not worn and len(room.host.store.items(WEARERS, room.jid.bare)) >= MANY:
        raise StanzaError("resource-constraint", f"at most {MANY} people wear hats in a room")
    _wear(room, account, (*(each for each in worn if each != uri), uri))
    _show(room, account)
    return Done()


def unassign(room: Room, answers: Answers) -> Done:
    """Section 3.6."""
    account, uri = _account(answers), answers.text(URI)
    _wear(room, account, tuple(each for each in wearer(room, account) if each != uri))
    _show(room, account)
    return Done()


def list_hats(room: Room, answers: Answers) -> Done:
    """Section 3.4."""
    rows = [(each.title, each.uri, each.hue) for each in hats_of(room).values()]
    return Done(payload=Table(_columns(TITLE, URI, HUE), rows, title="Hats List").result())


def list_assigned(room: Room, answers: Answers) -> Done:
    """Section 3.7."""
    hats = hats_of(room)
    rows = [
        (address, uri, hats[uri].title, hats[uri].hue)
        for address, worn in room.host.store.items(WEARERS, room.jid.bare).items()
        for uri in worn
    ]
    return Done(payload=Table(_columns(WEARER, URI, TITLE, HUE), rows, title="Assigned Hats List").result())


def _columns(*names: str) -> tuple[Field, ...]:
    return tuple(map(Field, names))


def _account(answers: Answers) -> JID:
    jid = answers.jid(WEARER)
    assert jid is not None
    return jid.to_bare()


def _wear(room: Room, account: JID, worn: tuple[str, ...]) -> None:
    if worn:
        room.host.store.put(WEARERS, room.jid.bare, account.bare, worn)
    else:
        room.host.store.delete(WEARERS, room.jid.bare, account.bare)


def _show(room: Room, account: JID) -> None:
    for occupant in room.crowd.of_account(account):
        room.show(occupant)


def _changed(room: Room, uri: str) -> Done:
    """All see it on who wears it, and hear that there is something new."""
    for address, worn in tuple(room.host.store.items(WEARERS, room.jid.bare).items()):
        if uri in worn:
            _show(room, parse(address))
    room.notify((CHANGED,))
    return Done()
