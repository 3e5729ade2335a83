"""XEP-0313 for rooms, XEP-0424 and XEP-0425."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, to_bytes
from tests.features.rooms.visits import INFO, ROOM, administer, affiliate, clear, configure, enter
from tests.stage import Client, condition

ALL = f"<query xmlns='{ns.MAM}'/>"


def archive(client: Client, query: str = ALL) -> list[tuple[str, Stanza]]:
    """What the room's archive has: ids and messages."""
    answer = client.ask("set", query, ROOM)
    assert answer.type == "result", to_bytes(answer)
    found = []
    for message in client.take("message"):
        (result,) = message.iter(f"{{{ns.MAM}}}result")
        (said,) = result.iter(f"{{{ns.CLIENT}}}message")
        assert message.get("from") == ROOM
        assert said.get("to") is None
        found.append((result.get("id", ""), said))
    return found


def bodies(client: Client, query: str = ALL) -> list[str]:
    return [message.text_of("body") for _, message in archive(client, query)]


def with_(jid: str) -> str:
    return (
        f"<query xmlns='{ns.MAM}'><x xmlns='{ns.DATA}' type='submit'>"
        f"<field var='FORM_TYPE'><value>{ns.MAM}</value></field>"
        f"<field var='with'><value>{jid}</value></field></x></query>"
    )


def jids_in(message: Element) -> list[str | None]:
    return [each.get("jid") for each in message.iter(f"{{{ns.MUC_USER}}}item")]


def given_id(message: Stanza) -> str:
    (found,) = [each for each in message.iter(f"{{{ns.STANZA_ID}}}stanza-id") if each.get("by") == ROOM]
    return found.get("id", "")


def test_it_is_kept_by_the_id_that_all_got(owner: Client, viola: Client):
    """Section 5 of XEP-0313, section 4 of XEP-0359."""
    viola.say(ROOM, "conceal me", type="groupchat", id="m1")
    id = given_id(owner.only())
    clear(viola)
    ((kept, message),) = archive(viola)
    assert (kept, message.get("from"), message.id, message.type) == (id, f"{ROOM}/Viola", "m1", "groupchat")
    assert message.has(ns.OCCUPANT_ID, "occupant-id")


def test_what_comes_later_is_told_with_it(owner: Client, feste: Client):
    owner.say(ROOM, type="groupchat")
    id = given_id(owner.only())
    enter(feste, "Feste")
    assert given_id(feste.take("message")[0]) == id


def test_each_message_is_kept_once(owner: Client, viola: Client):
    for number in range(3):
        viola.say(ROOM, f"{number}", type="groupchat")
    clear(owner)
    assert bodies(owner) == ["0", "1", "2"]


@pytest.mark.parametrize(
    ("content", "kept"),
    [
        ("<body>x</body>", True),
        ("<subject>x</subject>", True),
        (f"<composing xmlns='{ns.CHAT_STATES}'/>", False),
        (f"<active xmlns='{ns.CHAT_STATES}'/><thread>t</thread>", False),
        (f"<body>x</body><no-store xmlns='{ns.HINTS}'/>", False),
        (f"<store xmlns='{ns.HINTS}'/>", True),
        (f"<no-copy xmlns='{ns.HINTS}'/>", False),
        (f"<reactions xmlns='{ns.REACTIONS}' id='1'/>", True),
        (f"<displayed xmlns='{ns.CHAT_MARKERS}' id='1'/>", True),
        ("<encrypted xmlns='urn:xmpp:omemo:2'/>", True),
    ],
)
def test_what_lasts_is_kept(owner: Client, content: str, kept: bool):
    """Section 6.1.2 of XEP-0313."""
    owner.write(f"<message to='{ROOM}' type='groupchat'>{content}</message>")
    message = owner.take("message")[-1]
    assert bool(list(message.iter(f"{{{ns.STANZA_ID}}}stanza-id"))) == kept
    assert len(archive(owner)) == kept


def test_private_messages_are_not_in_it(owner: Client, viola: Client):
    """Section 6.1.2 of XEP-0313."""
    viola.say(f"{ROOM}/Olivia", "in private")
    clear(owner)
    assert not archive(owner)


def test_what_was_refused_is_not_in_it(owner: Client, viola: Client):
    administer(owner, "nick='Viola' role='visitor'")
    viola.say(ROOM, type="groupchat")
    clear(owner)
    assert not archive(owner)


def test_who_said_it_is_for_who_may_know(owner: Client, viola: Client, feste: Client):
    """Section 6.1.2 of XEP-0313."""
    viola.say(ROOM, type="groupchat")
    clear(owner, viola)
    assert [jids_in(each) for _, each in archive(owner)] == [[viola.jid]]
    assert [jids_in(each) for _, each in archive(viola)] == [[]]
    assert [jids_in(each) for _, each in archive(feste)] == [[]]
    configure(owner, {"whois": "anyone"})
    assert [jids_in(each) for _, each in archive(feste)] == [[viola.jid]]


def test_history_keeps_it_secret(owner: Client, viola: Client, feste: Client):
    viola.say(ROOM, type="groupchat")
    enter(feste, "Feste")
    said = feste.take("message")[0]
    assert said.text_of("body") == "hi"
    assert viola.bare.encode() not in to_bytes(said)


def test_searching_by_who_said_it(owner: Client, viola: Client):
    """Section 4.1.1 of XEP-0313: by nick everybody, by real address those who see them."""
    viola.say(ROOM, "one", type="groupchat")
    owner.say(ROOM, "two", type="groupchat")
    clear(owner, viola)
    assert bodies(viola, with_(f"{ROOM}/Viola")) == ["one"]
    assert bodies(viola, with_(ROOM)) == []
    assert bodies(owner, with_("viola@localhost")) == ["one"]
    assert bodies(owner, with_(viola.jid)) == ["one"]
    assert condition(viola.ask("set", with_("olivia@localhost"), ROOM)) == "forbidden"


@pytest.mark.parametrize("closed", [{"membersonly": "1"}, {"passwordprotectedroom": "1", "roomsecret": "x"}])
def test_a_closed_room_has_a_closed_archive(owner: Client, feste: Client, closed: dict[str, str]):
    """Section 6.1.2 of XEP-0313."""
    owner.say(ROOM, type="groupchat")
    assert bodies(feste) == ["hi"]
    configure(owner, closed)
    for type, query in (("set", ALL), ("get", ALL), ("get", f"<metadata xmlns='{ns.MAM}'/>")):
        assert condition(feste.ask(type, query, ROOM)) == "forbidden"
    affiliate(owner, "feste", "member")
    clear(feste)
    assert bodies(feste) == ["hi"]


def test_who_is_banned_reads_nothing(owner: Client, feste: Client):
    affiliate(owner, "feste", "outcast")
    assert condition(feste.ask("set", ALL, ROOM)) == "forbidden"


def test_a_room_whose_archive_is_not_read(owner: Client, feste: Client):
    assert ns.MAM in features(feste)
    configure(owner, {"enablearchiving": "0"})
    assert ns.MAM not in features(feste)
    assert condition(feste.ask("set", ALL, ROOM)) == "service-unavailable"


def features(client: Client) -> list[str | None]:
    return [each.get("var") for each in client.ask("get", INFO, ROOM)[0].iter(f"{{{ns.DISCO_INFO}}}feature")]


def test_its_form_and_its_ends(owner: Client):
    owner.say(ROOM, type="groupchat")
    id = given_id(owner.only())
    assert owner.ask("get", ALL, ROOM)[0][0].tag == f"{{{ns.DATA}}}x"
    ends = owner.ask("get", f"<metadata xmlns='{ns.MAM}'/>", ROOM)[0]
    assert {each.get("id") for each in ends} == {id}


def test_it_ends_with_its_room(owner: Client):
    owner.say(ROOM, type="groupchat")
    owner.presence("unavailable", to=f"{ROOM}/Olivia")
    enter(owner, "Olivia")
    configure(owner, {})
    clear(owner)
    assert not archive(owner)


# Retraction


def retract(client: Client, id: str, version: int = 1) -> None:
    content = f"<retract xmlns='{ns.RETRACTION}' id='{id}'/>"
    if version == 0:
        content = f"<apply-to xmlns='{ns.FASTENING}' id='{id}'><retract xmlns='{ns.RETRACTION_0}'/></apply-to>"
    client.write(f"<message to='{ROOM}' type='groupchat' id='r1'>{content}</message>")


@pytest.mark.parametrize("version", [0, 1])
def test_taking_back_what_one_has_said(owner: Client, viola: Client, feste: Client, version: int):
    """XEP-0424 sections 5 and 6."""
    viola.say(ROOM, "I am a man", type="groupchat", id="m1")
    id = given_id(viola.only())
    retract(viola, id, version)
    clear(owner, viola)
    (_, stone), (_, retraction) = archive(owner)
    (marked,) = stone.iter(f"{{{ns.RETRACTION}}}retracted")
    assert (stone.text_of("body"), marked.get("id"), marked.get("stamp")) == ("", "r1", "2023-11-14T22:13:20.000Z")
    assert stone.has(ns.OCCUPANT_ID, "occupant-id")
    assert retraction.id == "r1"
    enter(feste, "Feste")
    assert feste.heard() == [""]


def test_nobody_takes_back_what_others_have_said(owner: Client, viola: Client):
    """XEP-0424 section 6."""
    owner.say(ROOM, "stay", type="groupchat")
    retract(viola, given_id(owner.only()))
    clear(owner, viola)
    assert bodies(owner)[0] == "stay"


def test_taking_back_nothing(owner: Client):
    retract(owner, "no-such-id")
    assert len(owner.take("message")) == 1


def moderate(client: Client, id: str, version: int = 1, reason: str = "<reason>spam</reason>") -> Stanza:
    asked = f"<moderate xmlns='{ns.MODERATION}' id='{id}'><retract xmlns='{ns.RETRACTION}'/>{reason}</moderate>"
    if version == 0:
        inner = f"<moderate xmlns='{ns.MODERATION_0}'><retract xmlns='{ns.RETRACTION_0}'/>{reason}</moderate>"
        asked = f"<apply-to xmlns='{ns.FASTENING}' id='{id}'>{inner}</apply-to>"
    return client.ask("set", asked, ROOM)


@pytest.mark.parametrize("version", [0, 1])
def test_a_moderator_takes_it_back(owner: Client, viola: Client, feste: Client, version: int):
    """XEP-0425 sections 3 and 4: all hear it in the words of both versions."""
    viola.say(ROOM, "buy", type="groupchat")
    id = given_id(owner.only())
    clear(viola)
    assert moderate(owner, id, version).type == "result"
    told = viola.only()
    retracted, applied = told.find(f"{{{ns.RETRACTION}}}retract"), told.find(f"{{{ns.FASTENING}}}apply-to")
    assert retracted is not None
    assert applied is not None
    assert (told.get("from"), told.type, retracted.get("id"), applied.get("id")) == (ROOM, "groupchat", id, id)
    assert retracted.findtext(f"{{{ns.RETRACTION}}}reason") == "spam"
    (moderated,) = retracted.iter(f"{{{ns.MODERATION}}}moderated")
    assert moderated.get("by") == f"{ROOM}/Olivia"
    (moderated_0,) = applied.iter(f"{{{ns.MODERATION_0}}}moderated")
    assert (moderated_0.get("by"), moderated_0.findtext(f"{{{ns.MODERATION_0}}}reason")) == (f"{ROOM}/Olivia", "spam")
    clear(owner)
    (_, stone), (_, announced) = archive(owner)
    (marked,) = stone.iter(f"{{{ns.RETRACTION}}}retracted")
    assert stone.text_of("body") == ""
    assert next(marked.iter(f"{{{ns.MODERATION}}}moderated")).get("by") == f"{ROOM}/Olivia"
    assert announced.get("from") == ROOM
    enter(feste, "Feste")
    assert feste.heard() == [""]


def test_only_moderators_do(owner: Client, viola: Client, feste: Client):
    """XEP-0425 section 3.2."""
    owner.say(ROOM, type="groupchat")
    id = given_id(owner.only())
    clear(viola)
    for client in (viola, feste):
        assert condition(moderate(client, id)) == "forbidden"
    assert not viola.take()


@pytest.mark.parametrize("version", [0, 1])
def test_what_is_not_there_stays_so(owner: Client, version: int):
    assert condition(moderate(owner, "no-such-id", version)) == "item-not-found"


def test_once_is_enough(owner: Client):
    owner.say(ROOM, type="groupchat")
    id = given_id(owner.only())
    assert moderate(owner, id, reason="").type == "result"
    assert condition(moderate(owner, id)) == "item-not-found"


def test_messages_are_retracted_and_no_more(owner: Client):
    assert condition(owner.ask("set", f"<moderate xmlns='{ns.MODERATION}' id='1'/>", ROOM)) == "feature-not-implemented"
    applied = f"<apply-to xmlns='{ns.FASTENING}' id='1'/>"
    assert condition(owner.ask("set", applied, ROOM)) == "feature-not-implemented"


def test_it_is_advertised(owner: Client):
    assert {ns.MODERATION, ns.MODERATION_0, ns.RETRACTION, f"{ns.RETRACTION}#tombstone"} <= set(features(owner))
