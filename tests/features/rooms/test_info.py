"""XEP-0045 section 6, and 7.12: what the service and a room say of themselves."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.features.rooms.visits import INFO, ITEMS, ROOM, SERVICE, administer, affiliate, configure, enter, found
from tests.stage import Client, condition


def features(client: Client, to: str = ROOM) -> set[str]:
    query = client.ask("get", INFO, to)[0]
    return {each.get("var", "") for each in query.iter(f"{{{ns.DISCO_INFO}}}feature")}


def facts(client: Client) -> dict[str, list[str]]:
    """The form `muc#roominfo`."""
    query = client.ask("get", INFO, ROOM)[0]
    return {
        field.get("var", ""): [each.text or "" for each in field.findall(f"{{{ns.DATA}}}value")]
        for field in query.iter(f"{{{ns.DATA}}}field")
    }


def test_the_host_lists_the_service(feste: Client):
    """Section 6.1."""
    assert SERVICE in [each.get("jid") for each in feste.ask("get", ITEMS, "localhost")[0]]


def test_what_the_service_is(feste: Client):
    """Section 6.2."""
    identity = feste.ask("get", INFO, SERVICE)[0][0]
    assert (identity.get("category"), identity.get("type")) == ("conference", "text")
    assert features(feste, SERVICE) >= {ns.MUC, f"{ns.MUC}#stable_id", ns.OCCUPANT_ID}


def test_what_a_room_is(owner: Client, feste: Client):
    """Section 6.4."""
    configure(owner, {"roomname": "The Garden"})
    identity = feste.ask("get", INFO, ROOM)[0][0]
    assert dict(identity.attrib) == {"category": "conference", "type": "text", "name": "The Garden"}


@pytest.mark.parametrize(
    ("setting", "before", "after"),
    [
        ({"membersonly": "1"}, "muc_open", "muc_membersonly"),
        ({"moderatedroom": "1"}, "muc_unmoderated", "muc_moderated"),
        ({"passwordprotectedroom": "1", "roomsecret": "x"}, "muc_unsecured", "muc_passwordprotected"),
        ({"persistentroom": "1"}, "muc_temporary", "muc_persistent"),
        ({"publicroom": "0"}, "muc_public", "muc_hidden"),
        ({"whois": "anyone"}, "muc_semianonymous", "muc_nonanonymous"),
        ({"whois": "none"}, "muc_semianonymous", "muc_fullyanonymous"),
    ],
)
def test_kinds_of_rooms(owner: Client, feste: Client, setting: dict[str, str], before: str, after: str):
    """Section 16.3."""
    found = features(feste)
    assert before in found
    assert after not in found
    configure(owner, setting)
    found = features(feste)
    assert after in found
    assert before not in found


def test_more_of_a_room(owner: Client, feste: Client):
    """Section 6.4, `muc#roominfo`."""
    configure(
        owner, {"roomdesc": "A garden", "lang": "en", "whois": "anyone", "slow_mode_duration": "5", "pubsub": "xmpp:x"}
    )
    owner.write(f"<message to='{ROOM}' type='groupchat'><subject>Love</subject></message>")
    told = facts(feste)
    assert told["FORM_TYPE"] == ["http://jabber.org/protocol/muc#roominfo"]
    assert told["muc#roominfo_description"] == ["A garden"]
    assert told["muc#roominfo_lang"] == ["en"]
    assert told["muc#roominfo_subject"] == ["Love"]
    assert told["muc#roominfo_occupants"] == ["1"]
    assert told["muc#roominfo_contactjid"] == ["olivia@localhost"]
    assert told["muc#roomconfig_slow_mode_duration"] == ["5"]
    assert told["muc#maxhistoryfetch"] == ["20"]


@pytest.mark.parametrize(
    "closed", [{"publicroom": "0"}, {"membersonly": "1"}, {"passwordprotectedroom": "1", "roomsecret": "x"}]
)
def test_a_closed_room_keeps_to_itself(owner: Client, feste: Client, closed: dict[str, str]):
    """Section 14.4: not what it is about, not how many are there, not who owns it."""
    configure(owner, closed)
    assert not {"muc#roominfo_subject", "muc#roominfo_occupants", "muc#roominfo_contactjid"} & set(facts(feste))
    assert "muc#roominfo_subject" in facts(owner)
    affiliate(owner, "feste", "member")
    feste.take()
    assert "muc#roominfo_subject" in facts(feste)


def test_who_is_in_a_room_is_for_those_in_it(owner: Client, viola: Client, feste: Client):
    """Section 6.5."""
    assert len(feste.ask("get", ITEMS, ROOM)[0]) == 0
    assert [each.get("jid") for each in viola.ask("get", ITEMS, ROOM)[0]] == [f"{ROOM}/Olivia", f"{ROOM}/Viola"]


def test_ones_reserved_nick(owner: Client, feste: Client, viola: Client):
    """Section 7.12."""
    administer(owner, "jid='feste@localhost' affiliation='member' nick='Fool'")
    feste.take()
    node = f"<query xmlns='{ns.DISCO_INFO}' node='x-roomuser-item'/>"
    answer = feste.ask("get", node, ROOM)[0]
    assert [dict(each.attrib) for each in answer] == [{"category": "conference", "type": "text", "name": "Fool"}]
    answer = viola.ask("get", node, ROOM)[0]
    assert (answer.get("node"), len(answer)) == ("x-roomuser-item", 0)


def test_everything_goes_through(owner: Client, feste: Client):
    """Section 18.1.1."""
    node = f"<query xmlns='{ns.DISCO_INFO}' node='{ns.MUC}#traffic'/>"
    assert condition(feste.ask("get", node, ROOM)) == "service-unavailable"


@pytest.mark.parametrize("namespace", [ns.DISCO_INFO, ns.DISCO_ITEMS])
def test_other_nodes(owner: Client, feste: Client, namespace: str):
    assert condition(feste.ask("get", f"<query xmlns='{namespace}' node='x'/>", ROOM)) == "item-not-found"


@pytest.mark.parametrize("payload", [INFO, ITEMS])
def test_no_such_room(feste: Client, payload: str):
    assert condition(feste.ask("get", payload, ROOM)) == "item-not-found"


def test_a_room_that_is_not_finished_is_not_there(feste: Client, viola: Client):
    """Section 7.2.10."""
    other = f"tavern@{SERVICE}"
    enter(feste, "Feste", room=other)
    assert condition(viola.ask("get", INFO, other)) == "item-not-found"
    assert feste.ask("get", INFO, other).type == "result"
    assert other not in [each.get("jid") for each in viola.ask("get", ITEMS, SERVICE)[0]]


def test_what_nobody_answers(owner: Client):
    assert condition(owner.ask("get", "<x xmlns='urn:x'/>", ROOM)) == "service-unavailable"


def test_rooms_are_those_of_their_host(make_stage):
    stage = make_stage("localhost", "other.example")
    found(stage.login("olivia"))
    stranger = stage.login("orsino@other.example")
    assert len(stranger.ask("get", ITEMS, "conference.other.example")[0]) == 0
    assert len(stranger.ask("get", ITEMS, SERVICE)[0]) == 1
