"""XEP-0424: tombstones in archives."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.features import retraction
from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.features.archives import bodies, field, form, history, ids
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage

RETRACT = f"<retract xmlns='{ns.RETRACTION}' id='{{}}'/>"
OLD = f"<apply-to xmlns='{ns.FASTENING}' id='{{}}'><retract xmlns='{ns.RETRACTION_0}'/></apply-to>"
MUC = f"<x xmlns='{ns.MUC_USER}'/>"


def take_back(client: Client, to: str, id: str, how: str = RETRACT) -> None:
    client.write(f"<message to='{to}' type='chat' id='r1'>{how.format(id)}<store xmlns='{ns.HINTS}'/></message>")


def gone(client: Client) -> list[bool]:
    """Of the messages in an archive: whether each is a tombstone."""
    return [each.find("{*}retracted") is not None for each in history(client)]


def test_a_tombstone_says_nothing_of_what_was_said(clock: Clock, romeo: Client, juliet: Client):
    romeo.write(f"<message to='{juliet.jid}' type='chat' id='m1'><body>hi</body><x xmlns='urn:x'/></message>")
    before = {client: ids(client)[0] for client in (romeo, juliet)}
    clock.advance(60)
    take_back(romeo, juliet.jid, "m1")
    for client in (romeo, juliet):
        stone, took_back = history(client)
        assert to_bytes(stone) == (
            f'<message xmlns="jabber:client" to="{juliet.jid}" from="{romeo.jid}" type="chat" id="m1">'
            f'<retracted xmlns="{ns.RETRACTION}" stamp="2023-11-14T22:14:20.000Z" id="r1"/></message>'.encode()
        )
        assert took_back.has(ns.RETRACTION, "retract")
        assert ids(client)[0] == before[client]
        assert len(history(client, form(field("end", "2023-11-14T22:13:20Z")))) == 1


def test_in_the_way_of_version_0(romeo: Client, juliet: Client):
    origin = f"<origin-id xmlns='{ns.STANZA_ID}' id='o1'/>"
    romeo.write(f"<message to='{juliet.jid}' type='chat' id='m1'><body>hi</body>{origin}</message>")
    take_back(romeo, juliet.jid, "o1", OLD)
    for client in (romeo, juliet):
        stone, _ = history(client)
        assert [each.tag for each in stone] == [f"{{{ns.RETRACTION_0}}}retracted"]


def test_nobody_takes_back_what_others_said(romeo: Client, juliet: Client, mercutio: Client):
    romeo.say(juliet.jid, id="m1")
    take_back(juliet, romeo.jid, "m1")
    take_back(mercutio, juliet.jid, "m1")
    take_back(mercutio, romeo.jid, "m1")
    assert not any(gone(romeo) + gone(juliet))


def test_another_client_of_the_same_account_may(stage: Stage, romeo: Client, juliet: Client):
    romeo.say(juliet.jid, id="m1")
    take_back(stage.login("romeo", "other"), "juliet@localhost", "m1")
    assert gone(romeo) == gone(juliet) == [True, False]


def test_a_message_to_oneself(romeo: Client):
    romeo.say(romeo.bare, id="m1")
    take_back(romeo, romeo.bare, "m1")
    assert gone(romeo) == [True, False]


def test_only_what_was_said_to_the_same_contact(romeo: Client, juliet: Client, mercutio: Client):
    for client in (juliet, mercutio):
        romeo.say(client.jid, id="m1")
    take_back(romeo, mercutio.jid, "m1")
    assert gone(juliet) == [False]
    assert gone(mercutio) == [True, False]
    assert gone(romeo) == [False, True, False]


def test_of_two_with_one_id_the_latest(romeo: Client, juliet: Client):
    for body in ("one", "two"):
        romeo.say(juliet.jid, body, id="m1")
    take_back(romeo, juliet.jid, "m1")
    assert gone(juliet) == [False, True, False]


def test_ids_that_need_escaping_and_ids_that_are_part_of_others(romeo: Client, juliet: Client):
    for id in ("&lt;a&quot;&amp;", "m12", "m1"):
        romeo.say(juliet.jid, id=id)
    take_back(romeo, juliet.jid, "&lt;a&quot;&amp;")
    romeo.say(juliet.jid, "m1 and 'm12'", id="m3")
    take_back(romeo, juliet.jid, "m12")
    assert gone(juliet) == [True, True, False, False, False, False]


@pytest.mark.parametrize("how", ["<retract xmlns='urn:xmpp:message-retract:1'/>", OLD.format("nothing"), "<retract/>"])
def test_what_takes_nothing_back(romeo: Client, juliet: Client, how: str):
    romeo.say(juliet.jid, id="m1")
    take_back(romeo, juliet.jid, "m1", how)
    assert not any(gone(juliet))


def test_a_retraction_is_not_taken_back_itself(romeo: Client, juliet: Client):
    romeo.say(juliet.jid, id="m1")
    take_back(romeo, juliet.jid, "m1")
    take_back(romeo, juliet.jid, "r1")
    assert gone(juliet) == [True, False, False]


def test_what_is_long_ago_stays(romeo: Client, juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(retraction, "RECENT", 3)
    for number in range(4):
        romeo.say(juliet.jid, id=f"m{number}")
    take_back(romeo, juliet.jid, "m1")
    assert gone(juliet) == [False] * 5
    take_back(romeo, juliet.jid, "m3")
    assert gone(juliet) == [False, False, False, True, False, False]


def test_one_occupant_of_a_room_does_not_speak_for_another(stage: Stage, juliet: Client):
    room = Elsewhere(stage)
    for nick, content in (("a", "<body>hi</body>"), ("b", RETRACT.format("m1"))):
        sender = f"room@elsewhere.example/{nick}"
        room.send(f"<message from='{sender}' to='{juliet.jid}' type='chat' id='m1'>{content}{MUC}</message>")
    assert not any(gone(juliet))
    again = (
        f"<message from='room@elsewhere.example/a' to='{juliet.jid}' type='chat'>{RETRACT.format('m1')}{MUC}</message>"
    )
    room.send(again)
    assert gone(juliet) == [True, False, False]


def test_without_it_archives_keep_what_they_have(
    make_stage,
):
    stage = make_stage(disabled=["retraction"])
    romeo = stage.login("romeo")
    romeo.say(romeo.bare, id="m1")
    take_back(romeo, romeo.bare, "m1")
    assert bodies(romeo) == ["hi", ""]


def test_an_account_says_that_it_has_tombstones(juliet: Client):
    disco = juliet.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", "juliet@localhost")[0]
    features = {each.get("var") for each in disco}
    assert features >= {"urn:xmpp:message-retract:1", "urn:xmpp:message-retract:1#tombstone"}
