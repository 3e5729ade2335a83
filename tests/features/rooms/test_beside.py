"""What rooms can do beside XEP-0045: XEP-0433, XEP-0437, XEP-0452, XEP-0486, XEP-0500."""

from __future__ import annotations

import hashlib

import pytest

from conversehost.features.rooms.search import CURRENT, DRAFT, Words
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element
from tests.features.rooms.test_info import facts, features
from tests.features.rooms.visits import ROOM, SERVICE, administer, affiliate, clear, codes_in, configure, enter, found
from tests.stage import Client, Stage, condition

# Slow mode and length


def test_slow_mode(owner: Client, viola: Client):
    """XEP-0500: participants wait, moderators don't."""
    configure(owner, {"slow_mode_duration": "10"})
    clear(owner, viola)
    viola.say(ROOM, "one", type="groupchat")
    viola.stage.clock.advance(4)
    viola.say(ROOM, "two", type="groupchat")
    error = viola.take("message")[-1]
    assert condition(error) == "policy-violation"
    assert error[0].get("type") == "wait"
    assert "6 more" in (error[0].findtext(f"{{{ns.STANZA_ERROR}}}text") or "")
    viola.write(f"<message to='{ROOM}' type='groupchat'><composing xmlns='{ns.CHAT_STATES}'/></message>")
    viola.stage.clock.advance(6)
    viola.say(ROOM, "three", type="groupchat")
    assert [each for each in owner.heard() if each] == ["one", "three"]
    for number in range(3):
        owner.say(ROOM, f"{number}", type="groupchat")
    assert owner.heard() == ["0", "1", "2"]


def test_leaving_does_not_shorten_the_wait(owner: Client, viola: Client):
    configure(owner, {"slow_mode_duration": "10"})
    viola.say(ROOM, type="groupchat")
    viola.presence("unavailable", to=f"{ROOM}/Viola")
    enter(viola, "Cesario")
    clear(viola)
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "policy-violation"


def test_long_messages(owner: Client, viola: Client):
    configure(owner, {"x-muc#roomconfig_longestmessage": "5"})
    clear(owner, viola)
    viola.say(ROOM, "short", type="groupchat")
    viola.say(ROOM, "longer", type="groupchat")
    assert condition(viola.take("message")[-1]) == "policy-violation"
    owner.say(ROOM, "longer", type="groupchat")
    assert owner.heard() == ["short", "longer"]


# The picture

PICTURE = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>aGk=</BINVAL></PHOTO></vCard>"
EMPTY = "<vCard xmlns='vcard-temp'/>"


def test_a_room_has_a_picture(owner: Client, viola: Client, feste: Client):
    """XEP-0486 section 3."""
    assert ns.VCARD in features(feste)
    assert ns.VCARD in features(feste, SERVICE)
    assert "muc#roominfo_avatarhash" not in facts(feste)
    assert owner.ask("set", PICTURE, ROOM).type == "result"
    assert [codes_in(each[0]) for each in viola.take("message")] == [(104,)]
    assert facts(feste)["muc#roominfo_avatarhash"] == ["c22b5f9178342609428d6f51b2c5af4c0bde6a42"]
    assert feste.ask("get", EMPTY, ROOM)[0].findtext(f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}BINVAL") == "aGk="
    owner.ask("set", EMPTY, ROOM)
    assert "muc#roominfo_avatarhash" not in facts(feste)
    assert len(feste.ask("get", EMPTY, ROOM)[0]) == 0


def test_its_owners_choose_it(owner: Client, viola: Client):
    """XEP-0486 section 3.2."""
    affiliate(owner, "viola", "admin")
    assert condition(viola.ask("set", PICTURE, ROOM)) == "forbidden"


def test_a_picture_in_several_forms(owner: Client):
    """XEP-0486 section 5.1."""
    photos = "".join(f"<PHOTO><TYPE>image/png</TYPE><BINVAL>{each}</BINVAL></PHOTO>" for each in ("aGk=", "aG8="))
    owner.ask("set", f"<vCard xmlns='{ns.VCARD}'>{photos}</vCard>", ROOM)
    hashes = [hashlib.sha1(each).hexdigest() for each in (b"hi", b"ho")]
    assert facts(owner)["muc#roominfo_avatarhash"] == hashes


def test_a_picture_that_nobody_can_read(owner: Client):
    owner.ask("set", PICTURE.replace("aGk=", "!"), ROOM)
    assert "muc#roominfo_avatarhash" not in facts(owner)


# Activity


def rooms_in(messages: list[Stanza]) -> list[list[str]]:
    return [[each.text or "" for each in rai] for message in messages for rai in message.iter(f"{{{ns.RAI}}}rai")]


def subscribe(client: Client) -> None:
    client.write(f"<presence to='{SERVICE}'><rai xmlns='{ns.RAI}'/></presence>")


def test_that_something_was_said(owner: Client, feste: Client):
    """XEP-0437 section 4: once a room, until one has been there."""
    affiliate(owner, "feste", "member")
    clear(feste)
    assert ns.RAI in features(feste, SERVICE)
    subscribe(feste)
    assert not feste.take()
    for _ in range(2):
        owner.say(ROOM, type="groupchat")
    message = feste.only()
    assert (message.get("from"), rooms_in([message])) == (SERVICE, [[ROOM]])
    enter(feste, "Feste")
    clear(feste)
    owner.say(ROOM, type="groupchat")
    assert rooms_in(feste.take()) == []
    feste.presence("unavailable", to=f"{ROOM}/Feste")
    feste.stage.clock.advance(1)
    owner.say(ROOM, type="groupchat")
    assert rooms_in(feste.take()) == [[ROOM]]


def test_what_was_said_meanwhile(owner: Client, feste: Client):
    """XEP-0437 section 4: all rooms in one notification."""
    affiliate(owner, "feste", "member")
    other = f"tavern@{SERVICE}"
    found(owner, other)
    affiliate(owner, "feste", "member", other)
    found(owner, f"quiet@{SERVICE}")
    affiliate(owner, "feste", "member", f"quiet@{SERVICE}")
    for room in (ROOM, other):
        owner.say(room, type="groupchat")
    clear(feste)
    subscribe(feste)
    assert rooms_in(feste.take()) == [[ROOM, other]]


def test_strangers_hear_nothing(owner: Client, feste: Client):
    """XEP-0437 section 4."""
    owner.say(ROOM, type="groupchat")
    subscribe(feste)
    owner.say(ROOM, type="groupchat")
    assert not feste.take()


def test_states_are_no_activity(owner: Client, feste: Client):
    affiliate(owner, "feste", "member")
    clear(feste)
    subscribe(feste)
    owner.write(f"<message to='{ROOM}' type='groupchat'><composing xmlns='{ns.CHAT_STATES}'/></message>")
    assert not feste.take()


@pytest.mark.parametrize("end", [lambda client: client.presence("unavailable", to=SERVICE), Client.drop])
def test_no_more(owner: Client, feste: Client, end):
    """XEP-0437 section 3.2."""
    affiliate(owner, "feste", "member")
    subscribe(feste)
    clear(feste)
    end(feste)
    owner.say(ROOM, type="groupchat")
    assert not feste.take()


def test_subscribers_have_a_limit(feste: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.activity.SUBSCRIBERS", 0)
    subscribe(feste)
    assert condition(feste.only()) == "resource-constraint"


# Mentions


def mention(client: Client, *uris: str) -> None:
    references = "".join(f"<reference xmlns='{ns.REFERENCE}' type='mention' uri='{uri}'/>" for uri in uris)
    client.write(f"<message to='{ROOM}' type='groupchat' id='m1'><body>Fool!</body>{references}</message>")


@pytest.mark.parametrize("uri", [f"xmpp:{ROOM}/Fool", "xmpp:feste@localhost", f"xmpp:{ROOM}/Fo%6Fl?join"])
def test_who_is_mentioned_hears_of_it(owner: Client, feste: Client, uri: str):
    """XEP-0452."""
    administer(owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
    clear(feste)
    mention(owner, uri, uri)
    message = feste.only()
    (said,) = [each for each in message.iter(f"{{{ns.CLIENT}}}message") if each is not message]
    assert (message.get("from"), said.get("from"), said.get("type")) == (ROOM, f"{ROOM}/Olivia", "groupchat")
    assert [each.tag for each in message] == [f"{{{ns.MENTIONS}}}mentions"]


def test_who_is_there_hears_it_anyway(owner: Client, feste: Client):
    administer(owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
    enter(feste, "Feste")
    clear(feste)
    mention(owner, f"xmpp:{ROOM}/Fool")
    assert feste.only().type == "groupchat"


@pytest.mark.parametrize("uri", ["xmpp:feste@localhost", f"xmpp:{ROOM}/Feste", "xmpp:@", "https://example.org"])
def test_nobody_else_hears_of_it(owner: Client, feste: Client, uri: str):
    mention(owner, uri)
    assert not feste.take()


def test_where_mentions_are_not_passed_on(owner: Client, feste: Client):
    """XEP-0452 section 3.1: it is for the room's owner to say."""
    affiliate(owner, "feste", "member")
    clear(feste)
    assert ns.MENTIONS in features(owner)
    configure(owner, {"forwardmentions": "0"})
    assert ns.MENTIONS not in features(owner)
    mention(owner, "xmpp:feste@localhost")
    assert not feste.take()


# Search


@pytest.fixture
def town(owner: Client, viola: Client) -> Client:
    """Three rooms more; one of them is hidden."""
    rooms = {"tavern": "The Elephant", "ship": "The Tiger", "cellar": "Hidden"}
    for local, name in rooms.items():
        found(owner, f"{local}@{SERVICE}")
        configure(owner, {"roomname": name, "roomdesc": f"in {local}"}, f"{local}@{SERVICE}")
    configure(owner, {"publicroom": "0"}, f"cellar@{SERVICE}")
    configure(owner, {"membersonly": "1", "whois": "anyone", "lang": "en"}, f"ship@{SERVICE}")
    clear(owner, viola)
    return viola


def ask(client: Client, words: Words, more: str = "", **values: str) -> Stanza:
    fields = f"<field var='FORM_TYPE'><value>{words.form}</value></field>"
    fields += "".join(f"<field var='{var}'><value>{value}</value></field>" for var, value in values.items())
    x = f"<x xmlns='{ns.DATA}' type='submit'>{fields}</x>"
    return client.ask("get", f"<search xmlns='{words.search}'>{more}{x}</search>", SERVICE)


def names(answer: Stanza) -> list[str]:
    return [each.get("address", "").partition("@")[0] for each in answer[0] if each.tag.endswith("}item")]


def texts(item: Element) -> dict[str, str | None]:
    return {each.tag.rpartition("}")[2]: each.text for each in item}


@pytest.mark.parametrize("words", [CURRENT, DRAFT])
def test_searching_for_rooms(town: Client, words: Words):
    """XEP-0433 section 4.2. The ship is closed: how many are on it is its secret."""
    assert words.search in features(town, SERVICE)
    assert names(ask(town, words, q="elephant")) == ["tavern"]
    assert names(ask(town, words, q="the")) == ["ship", "tavern"]
    assert names(ask(town, words, q="the tiger")) == ["ship"]
    assert names(ask(town, words, q="hidden")) == []
    assert names(ask(town, words, all="true")) == ["garden", "ship", "tavern"]
    assert names(ask(town, words, all="true", key=words.by_users)) == [
        "garden",
        "tavern",
        "ship",
    ]
    assert names(ask(town, words, all="true", min_users="2")) == ["garden"]
    assert names(ask(town, words, q="tavern", sinaddr="false", sinaddress="false")) == ["tavern"]
    assert names(ask(town, words, q="tavern", sinaddr="0", sinaddress="0", sindescription="0")) == []
    assert names(ask(town, words, all="true", types="xep-0369")) == []


def test_what_is_told_of_them(town: Client):
    """XEP-0433 section 6.2."""
    garden, ship, _ = ask(town, CURRENT, all="true")[0][:3]
    assert texts(garden) == {
        "name": "garden",
        "nusers": "2",
        "service-type": "xep-0045",
        "anonymity-mode": "muc_semianonymous",
        "is-open": None,
    }
    assert texts(ship)["anonymity-mode"] == "{urn:xmpp:channel-search:0:anonymity}none"
    assert texts(ship)["language"] == "en"
    assert "is-open" not in texts(ship)


def test_a_page_of_them(town: Client):
    """XEP-0433 section 4.2.2."""
    first = ask(town, CURRENT, f"<set xmlns='{ns.RSM}'><max>2</max></set>", all="true")
    assert names(first) == ["garden", "ship"]
    last = first[0].findtext(f"{{{ns.RSM}}}set/{{{ns.RSM}}}last")
    after = f"<set xmlns='{ns.RSM}'><max>2</max><after>{last}</after></set>"
    assert names(ask(town, CURRENT, after, all="true")) == ["tavern"]


@pytest.mark.parametrize(
    ("values", "refusal", "application"),
    [
        ({"q": "x", "all": "1"}, "bad-request", "conflicting-fields"),
        ({}, "bad-request", "no-search-conditions"),
        ({"q": " "}, "bad-request", "invalid-search-terms"),
        ({"q": "x", "key": "size"}, "feature-not-implemented", "invalid-sort-key"),
    ],
)
def test_what_cannot_be_searched(town: Client, values: dict[str, str], refusal: str, application: str):
    """XEP-0433 section 4.2.2."""
    answer = ask(town, CURRENT, **values)
    assert condition(answer) == refusal
    assert answer.find(f".//{{{CURRENT.error}}}{application}") is not None
    assert answer[0].get("type") == ("cancel" if application == "no-search-conditions" else "modify")


def test_the_form(town: Client):
    """XEP-0433 section 4.2.1."""
    answer = town.ask("get", f"<search xmlns='{CURRENT.search}'/>", SERVICE)
    assert {"q", "all", "sinname", "sindescription", "sinaddress", "types", "key"} <= {
        each.get("var") for each in answer.iter(f"{{{ns.DATA}}}field")
    }


def test_nothing_is_kept_of_a_room_that_is_gone(stage: Stage, owner: Client, viola: Client):
    affiliate(owner, "viola", "member")
    owner.ask("set", PICTURE, ROOM)
    owner.say(ROOM, type="groupchat")
    owner.ask("set", f"<query xmlns='{ns.MUC_OWNER}'><destroy/></query>", ROOM)
    assert not [name for name in stage.store._collections if name.startswith("room") and list(stage.store.owners(name))]
