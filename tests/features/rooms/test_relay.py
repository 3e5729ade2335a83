"""XEP-0045 section 17.4, XEP-0410: questions through a room."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.features.rooms.visits import INFO, ROOM, clear, enter
from tests.stage import Client, Stage, condition

PING = f"<ping xmlns='{ns.PING}'/>"


def test_am_i_still_there(owner: Client, viola: Client):
    """XEP-0410 section 3.3: the room answers."""
    answer = viola.ask("get", PING, f"{ROOM}/Viola")
    assert (answer.type, answer.get("from")) == ("result", f"{ROOM}/Viola")
    assert not viola.take()


def test_no_longer(owner: Client, feste: Client):
    """XEP-0410 section 3.3."""
    assert condition(feste.ask("get", PING, f"{ROOM}/Feste")) == "not-acceptable"
    assert condition(feste.ask("get", PING, f"{ROOM}/Olivia")) == "not-acceptable"


def test_by_another_nick(owner: Client, viola: Client):
    """XEP-0410 section 3.2: still there, but not so called."""
    assert condition(viola.ask("get", PING, f"{ROOM}/Cesario")) == "item-not-found"


def test_it_is_advertised(owner: Client, feste: Client):
    features = [each.get("var") for each in feste.ask("get", INFO, ROOM)[0].iter(f"{{{ns.DISCO_INFO}}}feature")]
    assert f"{ns.MUC}#self-ping-optimization" in features


def test_a_question_and_its_answer(owner: Client, viola: Client):
    """Section 17.4: neither learns where the other is."""
    viola.write(f"<iq type='get' id='q1' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")
    asked = owner.only("iq")
    assert (asked.get("from"), asked.get("to"), asked.type) == (f"{ROOM}/Viola", owner.jid, "get")
    assert asked.id != "q1"
    owner.write(
        f"<iq type='result' id='{asked.id}' to='{ROOM}/Viola'><query xmlns='{ns.VERSION}'><name>x</name></query></iq>"
    )
    answer = viola.only("iq")
    assert (answer.get("from"), answer.get("to"), answer.id, answer.type) == (
        f"{ROOM}/Olivia",
        viola.jid,
        "q1",
        "result",
    )
    assert viola.bare not in str(asked.attrib)


def test_a_refusal_is_an_answer(owner: Client, viola: Client):
    viola.write(f"<iq type='get' id='q1' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")
    asked = owner.only("iq")
    error = f"<error type='cancel'><service-unavailable xmlns='{ns.STANZA_ERROR}'/></error>"
    owner.write(f"<iq type='error' id='{asked.id}' to='{ROOM}/Viola'>{error}</iq>")
    assert condition(viola.only("iq")) == "service-unavailable"


def test_only_who_was_asked_answers_and_once(owner: Client, viola: Client, feste: Client):
    enter(feste, "Feste")
    clear(viola, owner)
    viola.write(f"<iq type='get' id='q1' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")
    asked = owner.only("iq")
    forged = f"<iq type='result' id='{asked.id}' to='{ROOM}/Viola'/>"
    feste.write(forged)
    assert not viola.take("iq")
    owner.write(forged)
    owner.write(forged)
    assert len(viola.take("iq")) == 1
    owner.write(f"<iq type='result' id='q1' to='{ROOM}/Viola'/>")
    assert not viola.take("iq")


def test_the_client_that_has_asked_gets_the_answer(stage: Stage, owner: Client, viola: Client):
    second = stage.login("viola", "ship")
    enter(second, "Viola")
    clear(owner, viola, second)
    second.write(f"<iq type='get' id='q1' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")
    owner.write(f"<iq type='result' id='{owner.only('iq').id}' to='{ROOM}/Viola'/>")
    assert (len(second.take("iq")), len(viola.take("iq"))) == (1, 0)


def test_a_vcard_is_the_accounts(owner: Client, viola: Client):
    """The server answers for the account, whichever client is in the room."""
    owner.ask("set", f"<vCard xmlns='{ns.VCARD}'><FN>Olivia</FN></vCard>")
    answer = viola.ask("get", f"<vCard xmlns='{ns.VCARD}'/>", f"{ROOM}/Olivia")
    assert (answer.get("from"), answer[0].findtext(f"{{{ns.VCARD}}}FN")) == (f"{ROOM}/Olivia", "Olivia")


def test_questions_from_outside(owner: Client, feste: Client):
    """Section 6.6."""
    assert condition(feste.ask("get", INFO, f"{ROOM}/Olivia")) == "bad-request"
    assert condition(feste.ask("get", f"<query xmlns='{ns.VERSION}'/>", f"{ROOM}/Olivia")) == "not-acceptable"
    assert not owner.take()


def test_questions_to_nobody(owner: Client):
    assert condition(owner.ask("get", INFO, f"{ROOM}/Nobody")) == "item-not-found"


def test_the_oldest_questions_lapse(owner: Client, viola: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.relay.WAITING", 1)
    for number in (1, 2):
        viola.write(f"<iq type='get' id='q{number}' to='{ROOM}/Olivia'><query xmlns='{ns.VERSION}'/></iq>")
    for asked in owner.take("iq"):
        owner.write(f"<iq type='result' id='{asked.id}' to='{ROOM}/Viola'/>")
    assert [each.id for each in viola.take("iq")] == ["q2"]


def test_the_room_itself_is_there(feste: Client, owner: Client):
    assert feste.ask("get", PING, ROOM).type == "result"
