"""XEP-0045 sections 7.4, 7.5, 8.1 and 7.2.15: messages to all and to one, and the subject."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.features.rooms.visits import ROOM, SERVICE, administer, affiliate, clear, configure, enter
from tests.stage import Client, Stage, condition


def test_all_hear_it_with_the_clients_own_id(owner: Client, viola: Client):
    """Section 7.4."""
    viola.say(ROOM, "conceal me what I am", type="groupchat", id="said1")
    for client in (owner, viola):
        message = client.only()
        assert (message.get("from"), message.get("to"), message.id) == (f"{ROOM}/Viola", client.jid, "said1")
        assert (message.type, message.text_of("body")) == ("groupchat", "conceal me what I am")


def test_without_an_id_all_get_the_same(owner: Client, viola: Client):
    """Section 7.4."""
    viola.write(f"<message to='{ROOM}' type='groupchat'><body>hi</body></message>")
    ids = {client.only().id for client in (owner, viola)}
    assert len(ids) == 1
    assert None not in ids


def test_who_is_not_there_is_not_heard(owner: Client, feste: Client):
    """Section 7.4."""
    feste.say(ROOM, type="groupchat")
    assert condition(feste.only()) == "not-acceptable"
    assert not owner.take()


def test_a_room_that_is_not_there(feste: Client):
    """Section 17.2."""
    feste.say(f"nowhere@{SERVICE}", type="groupchat")
    assert condition(feste.only()) == "item-not-found"


@pytest.mark.parametrize("type", ["chat", "normal", None])
def test_messages_to_all_are_of_one_type(owner: Client, viola: Client, type: str | None):
    """Section 17.2."""
    viola.say(ROOM, type=type)
    assert condition(viola.only()) == "bad-request"
    assert not owner.take()


def test_visitors_are_not_heard(owner: Client, viola: Client):
    """Section 7.4."""
    administer(owner, "nick='Viola' role='visitor'")
    clear(owner, viola)
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "forbidden"
    assert not owner.take()


def test_extensions_go_through(owner: Client, viola: Client):
    """Section 17.2: chat states, markers, whatever it is."""
    viola.write(
        f"<message to='{ROOM}' type='groupchat'><composing xmlns='{ns.CHAT_STATES}'/><y xmlns='urn:y'/></message>"
    )
    message = owner.only()
    assert message.has(ns.CHAT_STATES, "composing")
    assert message.has("urn:y", "y")


def test_nobody_forges_what_the_room_says(owner: Client, viola: Client):
    viola.write(
        f"<message to='{ROOM}' type='groupchat'><body>hi</body>"
        f"<x xmlns='{ns.MUC_USER}'><status code='172'/></x><occupant-id xmlns='{ns.OCCUPANT_ID}' id='me'/>"
        f"<stanza-id xmlns='{ns.STANZA_ID}' by='{ROOM}' id='1'/><stanza-id xmlns='{ns.STANZA_ID}' by='else' id='2'/>"
        f"<delay xmlns='{ns.DELAY}' from='{ROOM}' stamp='2002-09-10T23:08:25Z'/></message>"
    )
    message = owner.only()
    assert not message.has(ns.MUC_USER, "x")
    assert not message.has(ns.DELAY, "delay")
    assert [each.get("id") for each in message.iter(f"{{{ns.OCCUPANT_ID}}}occupant-id")] != ["me"]
    assert ("1", ROOM) not in [(e.get("id"), e.get("by")) for e in message.iter(f"{{{ns.STANZA_ID}}}stanza-id")]


def test_nobody_forges_ids_of_those_who_hear_it(owner: Client, viola: Client):
    """XEP-0359 section 3: those of archives here are removed, those of strangers are left alone."""
    viola.write(
        f"<message to='{ROOM}' type='groupchat'><body>hi</body>"
        f"<stanza-id xmlns='{ns.STANZA_ID}' by='{owner.bare}' id='1'/>"
        f"<stanza-id xmlns='{ns.STANZA_ID}' by='else@where' id='2'/></message>"
    )
    ids = {each.get("by"): each.get("id") for each in owner.only().iter(f"{{{ns.STANZA_ID}}}stanza-id")}
    assert set(ids) == {ROOM, "else@where"}


def test_what_many_hear_is_theirs_alone_to_keep_back(stage: Stage, owner: Client, viola: Client):
    """Of the hooks for what comes, only those for what goes to many are asked for each who hears it."""
    host = stage.router.hosts["localhost"]
    asked: list[str] = []
    host.hooks.incoming["message"].append(lambda to, came: bool(asked.append(to.full)))
    host.hooks.announced["message"].append(lambda to, said: to.full == owner.jid)
    viola.say(ROOM, "hi", type="groupchat")
    assert viola.only().text_of("body") == "hi"
    assert not owner.take()
    assert not asked


def test_who_speaks_is_known_by_the_same_id_whatever_the_nick(owner: Client, viola: Client):
    """XEP-0421 section 3: in messages and presence alike."""
    ids = set()
    for nick in ("Viola", "Cesario"):
        viola.available(to=f"{ROOM}/{nick}")
        viola.say(ROOM, type="groupchat")
        for stanza in owner.take():
            (found,) = stanza.iterchildren(f"{{{ns.OCCUPANT_ID}}}occupant-id")
            ids.add(found.get("id"))
    assert len(ids) == 1
    assert viola.bare not in ids


def test_the_id_is_another_one_in_another_room(owner: Client, viola: Client):
    """XEP-0421 section 4.1."""
    enter(viola, "Viola", room=f"other@{SERVICE}")
    viola.say(ROOM, type="groupchat")
    viola.say(f"other@{SERVICE}", type="groupchat")
    ids = {e.get("id") for m in viola.take("message") for e in m.iter(f"{{{ns.OCCUPANT_ID}}}occupant-id")}
    assert len(ids) == 2


# Private messages


def test_a_private_message(stage: Stage, owner: Client, viola: Client):
    """Section 7.5: to all clients by that nick, marked as what it is."""
    second = stage.login("viola", "ship")
    enter(second, "Viola")
    clear(owner, viola, second)
    owner.say(f"{ROOM}/Viola", "in private")
    for client in (viola, second):
        message = client.only()
        assert (message.get("from"), message.get("to"), message.type) == (f"{ROOM}/Olivia", client.jid, "chat")
        assert message.has(ns.MUC_USER, "x")
        assert message.has(ns.OCCUPANT_ID, "occupant-id")
    assert not owner.take()


def test_it_is_marked_once(owner: Client, viola: Client):
    """Section 7.5."""
    owner.write(f"<message to='{ROOM}/Viola' type='chat'><body>hi</body><x xmlns='{ns.MUC_USER}'/></message>")
    assert len(list(viola.only().iter(f"{{{ns.MUC_USER}}}x"))) == 1


@pytest.mark.parametrize("nick", ["Olivia", "Viola"])
def test_a_private_message_from_an_occupants_address(owner: Client, viola: Client, nick: str):
    """As Converse.js sends it: `from` is overridden, whoever that is."""
    owner.write(f"<message to='{ROOM}/Viola' from='{ROOM}/{nick}' type='chat'><body>psst</body></message>")
    message = viola.only()
    assert (message.get("from"), message.text_of("body")) == (f"{ROOM}/Olivia", "psst")


@pytest.mark.parametrize(
    ("to", "said"), [(f"{ROOM}/Viola", ROOM), (ROOM, f"{ROOM}/Olivia"), (f"{ROOM}/Viola", f"other@{SERVICE}/Olivia")]
)
def test_other_addresses_of_rooms_are_nobodys(owner: Client, viola: Client, to: str, said: str):
    """RFC 6120 section 4.9.3.9."""
    owner.write(f"<message to='{to}' from='{said}' type='chat'><body>psst</body></message>")
    assert owner.error is not None
    assert owner.error.condition == "invalid-from"
    assert viola.heard() == []


def test_private_messages_to_nobody(owner: Client):
    """Section 7.5."""
    owner.say(f"{ROOM}/Nobody")
    assert condition(owner.only()) == "item-not-found"


def test_private_messages_from_outside(owner: Client, feste: Client):
    """Section 7.5."""
    feste.say(f"{ROOM}/Olivia")
    assert condition(feste.only()) == "not-acceptable"
    assert not owner.take()


def test_a_message_to_all_goes_to_no_single_one(owner: Client, viola: Client):
    """Section 7.5."""
    owner.say(f"{ROOM}/Viola", type="groupchat")
    assert condition(owner.only()) == "bad-request"
    assert not viola.take()


@pytest.mark.parametrize(
    ("allowed", "able"),
    [
        ("anyone", "visitor participant moderator"),
        ("participants", "participant moderator"),
        ("moderators", "moderator"),
        ("none", ""),
    ],
)
@pytest.mark.parametrize("role", ["visitor", "participant", "moderator"])
def test_who_may_send_private_messages(owner: Client, viola: Client, allowed: str, able: str, role: str):
    """Section 7.5, `allowpm`."""
    configure(owner, {"allowpm": allowed})
    administer(owner, f"nick='Viola' role='{role}'")
    clear(owner, viola)
    viola.say(f"{ROOM}/Olivia")
    if role in able.split():
        assert owner.heard() == ["hi"]
    else:
        assert condition(viola.only()) == "forbidden"
        assert not owner.take()


def test_a_private_message_that_comes_back(owner: Client, viola: Client):
    """The sender hears of it, from whom it was for."""
    owner.say(f"{ROOM}/Viola")
    clear(viola)
    error = f"<error type='cancel'><feature-not-implemented xmlns='{ns.STANZA_ERROR}'/></error>"
    viola.write(f"<message type='error' to='{ROOM}/Olivia' id='m1'>{error}</message>")
    told = owner.only()
    assert (told.get("from"), condition(told)) == (f"{ROOM}/Viola", "feature-not-implemented")


# The subject


def subject(client: Client, text: str, more: str = "") -> None:
    client.write(f"<message to='{ROOM}' type='groupchat'><subject>{text}</subject>{more}</message>")


def test_moderators_set_the_subject(owner: Client, viola: Client, feste: Client):
    """Sections 8.1 and 7.2.15."""
    subject(owner, "Love")
    told = viola.only()
    assert (told.get("from"), told.text_of("subject")) == (f"{ROOM}/Olivia", "Love")
    feste.stage.clock.advance(60)
    enter(feste, "Feste")
    recalled = feste.only()
    delay = recalled.find(f"{{{ns.DELAY}}}delay")
    assert delay is not None
    assert (recalled.text_of("subject"), recalled.get("from")) == ("Love", f"{ROOM}/Olivia")
    assert dict(delay.attrib) == {"from": ROOM, "stamp": "2023-11-14T22:13:20.000Z"}


def test_others_do_not(owner: Client, viola: Client):
    """Section 8.1."""
    subject(viola, "Love")
    assert condition(viola.only()) == "forbidden"
    assert not owner.take()


def test_participants_do_where_they_may_visitors_never(owner: Client, viola: Client):
    """Section 8.1, `changesubject`."""
    configure(owner, {"changesubject": "1"})
    clear(owner, viola)
    subject(viola, "Love")
    assert owner.only().text_of("subject") == "Love"
    administer(owner, "nick='Viola' role='visitor'")
    clear(owner, viola)
    subject(viola, "War")
    assert condition(viola.only()) == "forbidden"


def test_an_empty_subject(owner: Client, feste: Client):
    """Section 8.1: it was taken away, which isn't the same as that there never was one."""
    subject(owner, "Love")
    subject(owner, "")
    enter(feste, "Feste")
    recalled = feste.only()
    assert recalled.find(f"{{{ns.CLIENT}}}subject") is not None
    assert recalled.has(ns.DELAY, "delay")


@pytest.mark.parametrize("more", ["<body>and some text</body>", "<thread>t1</thread>"])
def test_a_message_with_a_subject_is_a_message(owner: Client, viola: Client, feste: Client, more: str):
    """Section 8.1."""
    subject(viola, "Love", more)
    assert owner.only().type == "groupchat"
    enter(feste, "Feste")
    assert feste.take("message")[-1].text_of("subject") == ""


def test_the_subject_is_no_history(owner: Client, feste: Client):
    """Section 7.2.13."""
    subject(owner, "Love")
    subject(owner, "War")
    enter(feste, "Feste")
    assert feste.only().text_of("subject") == "War"


def test_members_of_a_moderated_room_are_heard(owner: Client, viola: Client, feste: Client):
    """Section 5.1.2."""
    configure(owner, {"moderatedroom": "1"})
    affiliate(owner, "feste", "member")
    clear(feste)
    assert enter(feste, "Feste")[-1].role == "participant"
    assert enter(feste.stage.login("maria"), "Maria")[-1].role == "visitor"
