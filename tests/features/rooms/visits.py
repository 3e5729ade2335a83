"""People in a room, and what they see of one another."""

from __future__ import annotations

from dataclasses import dataclass

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from tests.stage import Client

SERVICE = "conference.localhost"
ROOM = f"garden@{SERVICE}"
INFO, ITEMS = f"<query xmlns='{ns.DISCO_INFO}'/>", f"<query xmlns='{ns.DISCO_ITEMS}'/>"


@dataclass(frozen=True)
class Seen:
    """What a presence in a room says. `codes` in the order of numbers."""

    nick: str
    type: str | None
    affiliation: str = ""
    role: str = ""
    jid: str | None = None
    codes: tuple[int, ...] = ()
    new_nick: str | None = None
    reason: str = ""
    actor: str | None = None


def read(presence: Stanza) -> Seen:
    """A presence from a room."""
    nick = presence.get("from", "").partition("/")[2]
    x = presence.find(f"{{{ns.MUC_USER}}}x")
    if x is None:
        return Seen(nick, presence.type)
    item = x.find(f"{{{ns.MUC_USER}}}item")
    assert item is not None
    actor = item.find(f"{{{ns.MUC_USER}}}actor")
    return Seen(
        nick,
        presence.type,
        item.get("affiliation", ""),
        item.get("role", ""),
        item.get("jid"),
        codes_in(x),
        item.get("nick"),
        item.findtext(f"{{{ns.MUC_USER}}}reason") or "",
        None if actor is None else actor.get("nick"),
    )


def codes_in(x: Element) -> tuple[int, ...]:
    """The status codes."""
    return tuple(sorted(int(each.get("code", "")) for each in x.iterchildren(f"{{{ns.MUC_USER}}}status")))


def enter(client: Client, nick: str, more: str = "", room: str = ROOM, presence: str = "") -> list[Seen]:
    """Come in; what is seen then. Messages stay in the inbox."""
    client.write(f"<presence to='{room}/{nick}'>{presence}<x xmlns='{ns.MUC}'>{more}</x></presence>")
    return seen(client)


def seen(client: Client) -> list[Seen]:
    """The presence that has come."""
    return [read(each) for each in client.take("presence")]


def found(client: Client, room: str = ROOM) -> None:
    """Make a room of one's own."""
    enter(client, client.bare.partition("@")[0].capitalize(), room=room)
    unlock(client, room=room)
    clear(client)


def unlock(client: Client, room: str = ROOM, **settings: str | list[str]) -> Stanza:
    """Fill in the room's form; without anything, take it as it is."""
    return configure(client, settings, room)


def configure(client: Client, settings: dict[str, str | list[str]], room: str = ROOM) -> Stanza:
    """Fill in the room's form, fields without the prefix `muc#roomconfig_`; the answer."""
    fields = "".join(
        f"<field var='{var if '#' in var else f'muc#roomconfig_{var}'}'>{_values(value)}</field>"
        for var, value in settings.items()
    )
    return client.ask(
        "set", f"<query xmlns='{ns.MUC_OWNER}'><x xmlns='{ns.DATA}' type='submit'>{fields}</x></query>", room
    )


def _values(value: str | list[str]) -> str:
    return "".join(f"<value>{each}</value>" for each in ([value] if isinstance(value, str) else value))


def administer(client: Client, *items: str, type: str = "set", room: str = ROOM) -> Stanza:
    """An iq about some items, each given by its attributes; the answer."""
    content = "".join(f"<item {each}/>" if "<" not in each else each for each in items)
    return client.ask(type, f"<query xmlns='{ns.MUC_ADMIN}'>{content}</query>", room)


def affiliate(owner: Client, who: str, affiliation: str, room: str = ROOM) -> Stanza:
    """The account is that to the room."""
    jid = who if "@" in who else f"{who}@localhost"
    return administer(owner, f"jid='{jid}' affiliation='{affiliation}'", room=room)


def listed(client: Client, which: str, room: str = ROOM) -> list[dict[str, str]]:
    """A list of the room's, such as affiliation='member'."""
    answer = administer(client, which, type="get", room=room)
    assert answer.type == "result", answer
    return [dict(each.attrib) for each in answer[0]]


def clear(*clients: Client) -> None:
    """Nothing waits in their inboxes."""
    for client in clients:
        client.take()
