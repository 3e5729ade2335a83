"""What a room keeps to itself: real addresses, who is in it, its lists. Whoever asks, and however (XEP-0045 sections
5.2.1, 7.2.4, 14.4 and 17.4).
"""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.features.rooms.visits import (
    INFO,
    ITEMS,
    ROOM,
    SERVICE,
    administer,
    affiliate,
    clear,
    codes_in,
    configure,
    enter,
)
from tests.stage import Client, Stage, condition

SECRET = ("olivia@localhost", "viola@localhost", "maria@localhost", "toby@localhost", "antonio@localhost")
SPIES = ("participant", "member", "visitor", "moderator", "stranger", "outcast")


@pytest.fixture
def house(stage: Stage, owner: Client, viola: Client) -> list[Client]:
    """Who lives there; an admin, a member and somebody who was banned aren't in the room."""
    for who, affiliation in (("maria", "admin"), ("toby", "member"), ("antonio", "outcast")):
        affiliate(owner, who, affiliation)
    owner.write(f"<message to='{ROOM}' type='groupchat'><subject>Music</subject></message>")
    viola.say(ROOM, "if music be the food of love", type="groupchat")
    owner.ask("set", f"<vCard xmlns='{ns.VCARD}'><FN>Olivia</FN></vCard>")
    clear(owner, viola)
    return [owner, viola]


def spy(stage: Stage, owner: Client, kind: str) -> Client:
    """Sebastian, who is that."""
    client = stage.login("sebastian", "sea")
    if kind in ("member", "outcast"):
        affiliate(owner, "sebastian", kind)
    if kind == "outcast":
        enter(client, "Sebastian")
    elif kind != "stranger":
        enter(client, "Sebastian")
        if kind != "member":
            administer(owner, f"nick='Sebastian' role='{kind}'")
    return client


def ask_everything(client: Client) -> None:
    """Whatever there is to ask, of the service, the room and those in it."""
    for to in (SERVICE, ROOM, f"{ROOM}/Olivia", f"{ROOM}/Viola", f"{ROOM}/Nobody"):
        for payload in (
            INFO,
            ITEMS,
            f"<vCard xmlns='{ns.VCARD}'/>",
            f"<query xmlns='{ns.MUC_OWNER}'/>",
            f"<query xmlns='{ns.REGISTER}'/>",
            f"<query xmlns='{ns.MAM}'/>",
            f"<metadata xmlns='{ns.MAM}'/>",
            f"<ping xmlns='{ns.PING}'/>",
            f"<query xmlns='{ns.LAST}'/>",
            f"<pubsub xmlns='{ns.PUBSUB}'><items node='urn:xmpp:avatar:metadata'/></pubsub>",
            *(f"<query xmlns='{ns.MUC_ADMIN}'><item affiliation='{each}'/></query>" for each in AFFILIATIONS),
            *(f"<query xmlns='{ns.MUC_ADMIN}'><item role='{each}'/></query>" for each in ROLES),
        ):
            client.write(f"<iq type='get' id='x' to='{to}'>{payload}</iq>")
        for payload in (
            f"<query xmlns='{ns.MAM}'/>",
            f"<query xmlns='{ns.MUC_ADMIN}'><item nick='Olivia' role='none'/></query>",
            f"<query xmlns='{ns.MUC_ADMIN}'><item nick='Viola' affiliation='none'/></query>",
            f"<command xmlns='{ns.COMMANDS}' node='urn:xmpp:hats:commands:list-assigned'/>",
        ):
            client.write(f"<iq type='set' id='x' to='{to}'>{payload}</iq>")
        client.say(to, "who are you?", type="chat")


AFFILIATIONS = ("owner", "admin", "member", "outcast", "none")
ROLES = ("moderator", "participant", "visitor", "none")


def see_everything(owner: Client, viola: Client) -> None:
    """Whatever there is to see."""
    viola.write(f"<presence to='{ROOM}/Viola'><show>away</show></presence>")
    for client in (owner, viola):
        for asked in client.take("iq"):
            error = (
                f"<error type='cancel' by='{client.jid}'><service-unavailable xmlns='{ns.STANZA_ERROR}'/></error>"
                if asked.type == "get"
                else ""
            )
            client.write(f"<iq type='error' id='{asked.id}' to='{asked.get('from')}'>{error}</iq>")
    error = f"<error type='wait' by='{viola.jid}'><recipient-unavailable xmlns='{ns.STANZA_ERROR}'/></error>"
    viola.available(to=f"{ROOM}/Cesario")
    owner.say(ROOM, "hello", type="groupchat")
    owner.say(f"{ROOM}/Sebastian", "psst", type="chat")
    for role in ("moderator", "participant"):
        administer(owner, f"nick='Cesario' role='{role}'")
    affiliate(owner, "viola", "member")
    affiliate(owner, "maria", "member")
    owner.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'><invite to='feste@localhost'/></x></message>")
    configure(owner, {"roomname": "Garden"})
    viola.write(f"<message type='error' to='{ROOM}/Sebastian'>{error}</message>")
    affiliate(owner, "viola", "outcast")


@pytest.mark.parametrize("whois", ["moderators", "none"])
@pytest.mark.parametrize("kind", SPIES)
def test_nobodys_address_is_told(stage: Stage, house: list[Client], kind: str, whois: str):
    """All that comes to somebody who may not know them, by whatever way, is searched for real addresses."""
    owner, viola = house
    configure(owner, {"whois": whois})
    client = spy(stage, owner, kind)
    ask_everything(client)
    see_everything(owner, viola)
    ask_everything(client)
    heard = b"".join(to_bytes(each) for each in client.take()).decode()
    told = [each for each in SECRET if each in heard]
    assert heard
    assert bool(told) == (kind == "moderator" and whois == "moderators"), told


def test_strangers_do_not_learn_who_is_there(owner: Client, viola: Client, feste: Client):
    """Section 6.5: the answer is the same for who is there and who isn't."""
    for nick in ("Viola", "Nobody"):
        assert condition(administer(feste, f"nick='{nick}' role='none'")) == "forbidden"
        assert condition(administer(feste, f"nick='{nick}' affiliation='outcast'")) == "forbidden"
        assert condition(feste.ask("get", f"<ping xmlns='{ns.PING}'/>", f"{ROOM}/{nick}")) == "not-acceptable"
        feste.say(f"{ROOM}/{nick}", "hello")
        assert condition(feste.only()) == "not-acceptable"


def test_who_is_banned_is_for_admins_to_know(owner: Client, viola: Client, feste: Client):
    """Section 9.2: an invitation is no way to find out."""
    affiliate(owner, "feste", "outcast")
    viola.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'><invite to='feste@localhost'/></x></message>")
    assert not viola.take()
    assert feste.only().get("from") == ROOM


def test_who_belongs_to_it_is_not_told_by_what_is_declined(owner: Client, viola: Client, feste: Client):
    for to in ("viola@localhost", "nobody@localhost", f"{ROOM}/Viola", f"{ROOM}/Nobody"):
        feste.write(f"<message to='{ROOM}'><x xmlns='{ns.MUC_USER}'><decline to='{to}'/></x></message>")
    assert not feste.take()
    assert len(viola.take()) == 2


def test_an_error_says_nothing_of_who_sends_it(owner: Client, viola: Client):
    """A private message that comes back tells why, not where it was, and carries nothing else."""
    configure(owner, {"allowpm": "none"})
    clear(viola, owner)
    why = f"<gone xmlns='{ns.STANZA_ERROR}'/><text xmlns='{ns.STANZA_ERROR}'>hi</text>"
    error = f"<body>hi</body><error type='cancel' by='{viola.jid}'>{why}</error>"
    viola.write(f"<message type='error' to='{ROOM}/Olivia' id='m1'>{error}</message>")
    told = owner.only("message")
    assert (condition(told), [dict(each.attrib) for each in told.iter(f"{{{ns.CLIENT}}}error")]) == (
        "gone",
        [{"type": "cancel"}],
    )
    assert b"hi" not in to_bytes(told).replace(b"Olivia", b"")


def test_what_is_refused_is_named(owner: Client, viola: Client, feste: Client):
    """Sections 8.4, 8.5 and 9.7: the offending items, and no others."""
    enter(feste, "Feste")
    administer(owner, "nick='Viola' role='moderator'")
    answer = administer(viola, "nick='Olivia' role='none'", "nick='Feste' role='visitor'")
    assert condition(answer) == "not-allowed"
    assert [dict(each.attrib) for each in answer.iter(f"{{{ns.MUC_ADMIN}}}item")] == [
        {"nick": "Olivia", "role": "none"}
    ]


def test_who_is_told_of_a_membership(owner: Client, viola: Client, feste: Client):
    """Status code 101 goes to whom it is about, and to nobody else."""
    affiliate(owner, "feste", "admin")
    (x,) = feste.only().iter(f"{{{ns.MUC_USER}}}x")
    assert codes_in(x) == (101,)
    assert not viola.take()
