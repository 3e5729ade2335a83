"""Bots in rooms."""

from __future__ import annotations

from dataclasses import replace

import pytest

from conversehost.features.rooms import rooms_of
from conversehost.testbed.bots import BOTS, ContactBot
from conversehost.testbed.guests import check_room
from conversehost.testbed.scripts import Script, read_script
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.features.rooms.visits import ROOM, SERVICE, enter, found
from tests.stage import Client, Stage

ECHO = replace(BOTS["echo"], rooms=("garden",))


def bot(stage: Stage, script: Script, name: str = "echo") -> ContactBot:
    made = ContactBot(stage.router, stage.turn, stage.clock, stage.account(name), script)
    stage.turn.end()
    return made


@pytest.fixture
def romeo(stage: Stage) -> Client:
    """In the garden, where Echo is, too."""
    romeo = stage.login("romeo", "orchard")
    found(romeo)
    bot(stage, ECHO)
    return romeo


def said(client: Client, text: str, room: str = ROOM) -> list[tuple[str | None, str]]:
    """Say something to all, and what is heard then but oneself."""
    client.take()
    client.say(room, text, type="groupchat")
    return [(each.get("from"), each.text_of("body")) for each in client.take("message")][1:]


def test_it_comes_in(romeo: Client):
    assert "Echo" in [each.get("from", "").partition("/")[2] for each in romeo.take("presence")]


@pytest.mark.parametrize("text", ["Echo: hello", "Echo, hello", "@Echo hello", "Echo hello"])
def test_it_answers_to_its_nick(romeo: Client, text: str):
    assert said(romeo, text) == [(f"{ROOM}/Echo", "hello")]


@pytest.mark.parametrize("text", ["hello", "Echoes: hello", "hello, Echo", "echo: hello", ":", "@"])
def test_it_leaves_others_alone(romeo: Client, text: str):
    assert said(romeo, text) == []


def test_it_does_not_answer_itself(romeo: Client):
    assert said(romeo, "Echo: Echo: hello") == [(f"{ROOM}/Echo", "Echo: hello")]


def test_it_answers_no_history(stage: Stage, romeo: Client):
    romeo.say(ROOM, "Parrot: hello", type="groupchat")
    romeo.take()
    bot(stage, ECHO, "parrot")
    assert not romeo.take("message")


def test_in_private(romeo: Client):
    romeo.take()
    romeo.say(f"{ROOM}/Echo", "hello")
    assert [(each.type, each.text_of("body")) for each in romeo.take("message")] == [("chat", "hello")]


def test_a_script_knows_nicks(stage: Stage, romeo: Client):
    script = read_script({"on": [{"message": "who am I?", "do": [{"say": "You are {name}"}]}]})
    bot(stage, replace(script, rooms=(ROOM,)), "nurse")
    assert said(romeo, "Nurse: who am I?") == [(f"{ROOM}/Nurse", "You are Romeo")]


def test_presence_in_rooms_is_no_concern_of_a_script(stage: Stage, romeo: Client):
    script = read_script({"on": [{"presence": "unavailable", "do": [{"send": "<message to='romeo@localhost'/>"}]}]})
    bot(stage, replace(script, rooms=("garden",)), "nurse")
    juliet = stage.login("juliet")
    enter(juliet, "Juliet")
    romeo.take()
    juliet.leave()
    assert not romeo.take("message")


def test_it_makes_a_room_that_is_not_there(stage: Stage):
    bot(stage, replace(ECHO, rooms=("tavern",)))
    romeo = stage.login("romeo", "orchard")
    assert enter(romeo, "Romeo", room=f"tavern@{SERVICE}")[-1].codes == (110,)
    assert said(romeo, "Echo: hello", f"tavern@{SERVICE}") == [(f"tavern@{SERVICE}/Echo", "hello")]


def test_it_leaves_with_its_account(stage: Stage, romeo: Client):
    stage.host.delete_account(stage.account("echo"))
    service = rooms_of(stage.host)
    assert service is not None
    room = service.find("garden")
    assert room is not None
    assert [each.nick for each in room.crowd] == ["Romeo"]


def test_it_is_there_after_a_reset(house):
    for _ in range(2):
        house.api("POST", "/reset")
        ann = house.person("alice")
        ann.says(stanza("presence", {"to": f"lobby@{SERVICE}/Alice"}, element(ns.MUC, "x")))
        assert f"lobby@{SERVICE}/Echo" in [each.get("from") for each in ann.got]


def test_without_rooms_it_is_none_the_worse(make_stage):
    stage = make_stage(disabled=["rooms"])
    bot(stage, ECHO)
    romeo = stage.login("romeo")
    romeo.say("echo@localhost", "hello")
    assert romeo.heard() == ["hello"]


@pytest.mark.parametrize("name", ["", "@", "two words"])
def test_what_is_no_room(name: str):
    with pytest.raises(ValueError, match="rooms: "):
        check_room(name)
