"""Every cell of the tables of privileges in XEP-0045 section 5, in a room."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.rooms.visits import ROOM, administer, affiliate, clear, configure, enter, seen
from tests.stage import Client, Stage

FESTE = f"{ROOM}/Feste"


@dataclass
class Scene:
    """Olivia's garden. Viola is in it, Feste may be, Antonio isn't; everybody's inbox is empty."""

    stage: Stage
    owner: Client
    viola: Client
    feste: Client

    def hears(self, client: Client, kind: str = "message") -> bool:
        """Whether something has come which isn't an error."""
        return any(each.type != "error" for each in client.take(kind))

    def shows(self) -> bool:
        """Whether the owner has seen that Feste is there."""
        return any(each.nick in ("Feste", "Fool") and each.type is None for each in seen(self.owner))


def went_well(answer: Stanza) -> bool:
    return answer.type == "result"


def invites(scene: Scene) -> bool:
    antonio = scene.stage.login("antonio")
    invited = f"<x xmlns='{ns.MUC_USER}'><invite to='{antonio.bare}'/></x>"
    scene.feste.write(f"<message to='{ROOM}'>{invited}</message>")
    return scene.hears(antonio)


def to_all(scene: Scene, content: str) -> bool:
    scene.feste.write(f"<message type='groupchat' to='{ROOM}'>{content}</message>")
    return scene.hears(scene.viola)


def then(act: Callable[[], object], found: Callable[[], bool]) -> bool:
    act()
    return found()


def grants_voice(scene: Scene) -> bool:
    administer(scene.owner, "nick='Viola' role='visitor'")
    return went_well(administer(scene.feste, "nick='Viola' role='participant'"))


ROLES = ("none", "visitor", "participant", "moderator")
BY_ROLE: dict[str, tuple[str, Callable[[Scene], bool]]] = {
    "present in room": ("NYYY", lambda it: went_well(it.feste.ask("get", f"<ping xmlns='{ns.PING}'/>", FESTE))),
    "receive messages": (
        "NYYY",
        lambda it: then(lambda: it.owner.say(ROOM, type="groupchat"), lambda: it.hears(it.feste)),
    ),
    "receive occupant presence": (
        "NYYY",
        lambda it: then(lambda: it.viola.available(to=f"{ROOM}/Viola"), lambda: it.hears(it.feste, "presence")),
    ),
    "broadcast presence": ("NYYY", lambda it: then(lambda: it.feste.available(to=FESTE), it.shows)),
    "change availability": (
        "NYYY",
        lambda it: then(lambda: it.feste.write(f"<presence to='{FESTE}'><show>dnd</show></presence>"), it.shows),
    ),
    "change nickname": ("NYYY", lambda it: then(lambda: it.feste.available(to=f"{ROOM}/Fool"), it.shows)),
    "send private messages": (
        "NYYY",
        lambda it: then(lambda: it.feste.say(f"{ROOM}/Viola", type="chat"), lambda: it.hears(it.viola)),
    ),
    "invite": ("NYYY", invites),
    "send messages to all": ("NNYY", lambda it: to_all(it, "<body>hello</body>")),
    "modify subject": ("NNNY", lambda it: to_all(it, "<subject>Music</subject>")),  # as section 8.1 has it
    "modify subject, where the room lets them": (
        "NNYY",
        lambda it: then(
            lambda: [configure(it.owner, {"changesubject": "1"}), clear(it.viola)],
            lambda: to_all(it, "<subject>Music</subject>"),
        ),
    ),
    "kick": ("NNNY", lambda it: went_well(administer(it.feste, "nick='Viola' role='none'"))),
    "grant voice": ("NNNY", grants_voice),
    "revoke voice": ("NNNY", lambda it: went_well(administer(it.feste, "nick='Viola' role='visitor'"))),
    "revoke an owner's voice": ("NNNN", lambda it: went_well(administer(it.feste, "nick='Olivia' role='visitor'"))),
}
"""Section 5.1.1: who may, N or Y for each of the roles; and how one sees it."""


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("privilege", BY_ROLE)
def test_roles(stage: Stage, owner: Client, viola: Client, feste: Client, privilege: str, role: str):
    configure(owner, {"moderatedroom": "1"})
    administer(owner, "nick='Viola' role='participant'")
    if role != "none":
        enter(feste, "Feste")
        administer(owner, f"nick='Feste' role='{role}'")
    clear(owner, viola, feste)
    wanted, act = BY_ROLE[privilege]
    assert act(Scene(stage, owner, viola, feste)) == (wanted[ROLES.index(role)] == "Y")


def comes_in(scene: Scene, **settings: str) -> bool:
    if settings:
        affiliate(scene.owner, "viola", "member")
        configure(scene.owner, dict(settings))
    return bool([each for each in enter(scene.feste, "Feste") if each.nick == "Feste" and each.type is None])


def registers(scene: Scene) -> bool:
    form = f"<x xmlns='{ns.DATA}' type='submit'><field var='muc#register_roomnick'><value>Fool</value></field></x>"
    return went_well(scene.feste.ask("set", f"<query xmlns='{ns.REGISTER}'>{form}</query>", ROOM))


def reads_members(scene: Scene, whois: str) -> bool:
    configure(scene.owner, {"whois": whois})
    return went_well(administer(scene.feste, "affiliation='member'", type="get"))


def makes_moderators(scene: Scene) -> bool:
    made = administer(scene.feste, "nick='Viola' role='moderator'")
    unmade = administer(scene.feste, "nick='Viola' role='participant'")
    assert made.type == unmade.type
    return went_well(made)


def owner_query(scene: Scene, content: str) -> bool:
    return went_well(scene.feste.ask("set", f"<query xmlns='{ns.MUC_OWNER}'>{content}</query>", ROOM))


AFFILIATIONS = ("outcast", "none", "member", "admin", "owner")
BY_AFFILIATION: dict[str, tuple[str, Callable[[Scene], bool]]] = {
    "enter open room": ("NYYYY", comes_in),
    "register with open room": ("NYYYY", registers),  # or choose another nick
    "retrieve member list": ("NNYYY", lambda it: reads_members(it, "anyone")),
    "retrieve member list of a semi-anonymous room": ("NNNYY", lambda it: reads_members(it, "moderators")),
    "enter members-only room": ("NNYYY", lambda it: comes_in(it, membersonly="1")),
    "ban unaffiliated users": ("NNNYY", lambda it: went_well(affiliate(it.feste, "viola", "outcast"))),
    "ban members": (
        "NNNYY",
        lambda it: then(
            lambda: affiliate(it.owner, "toby", "member"),
            lambda: went_well(affiliate(it.feste, "toby", "outcast")),
        ),
    ),
    "edit member list": ("NNNYY", lambda it: went_well(affiliate(it.feste, "viola", "member"))),
    "assign and remove moderator role": ("NNNYY", makes_moderators),
    "edit admin list": ("NNNNY", lambda it: went_well(affiliate(it.feste, "viola", "admin"))),
    "edit owner list": ("NNNNY", lambda it: went_well(affiliate(it.feste, "viola", "owner"))),
    "change room configuration": ("NNNNY", lambda it: went_well(configure(it.feste, {"roomname": "Mine"}))),
    "destroy room": ("NNNNY", lambda it: owner_query(it, "<destroy/>")),
}
"""Section 5.2.1, in the same way."""


@pytest.mark.parametrize("affiliation", AFFILIATIONS)
@pytest.mark.parametrize("privilege", BY_AFFILIATION)
def test_affiliations(stage: Stage, owner: Client, viola: Client, feste: Client, privilege: str, affiliation: str):
    affiliate(owner, "feste", affiliation)
    clear(owner, viola, feste)
    wanted, act = BY_AFFILIATION[privilege]
    assert act(Scene(stage, owner, viola, feste)) == (wanted[AFFILIATIONS.index(affiliation)] == "Y")
