from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.net.memory import MemoryClient
from conversehost.testbed.bots import BOTS, WELCOME, ContactBot
from conversehost.testbed.scenario import Bot, add_bot
from conversehost.testbed.scripts import Rule, Script
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element
from tests.stage import Client, Stage, condition, conditions


def body(text: str) -> Element:
    return element(ns.CLIENT, "body", text=text)


def bot(stage: Stage, name: str, kind: str | Script = "echo") -> ContactBot:
    """With everybody who exists as its contacts."""
    jid = parse(f"{name}@localhost")
    add_bot(stage.host, Bot(jid, name.capitalize()))
    made = ContactBot(stage.router, stage.turn, stage.clock, jid, kind if isinstance(kind, Script) else BOTS[kind])
    stage.turn.end()
    return made


@pytest.fixture
def echo(stage: Stage) -> ContactBot:
    stage.account("romeo")
    return bot(stage, "echo")


@pytest.fixture
def user(stage: Stage, echo: ContactBot) -> Client:
    """romeo, alone with the bot."""
    return stage.login("romeo", "orchard")


@pytest.mark.parametrize("to", ["echo@localhost", "echo@localhost/bot"])
@pytest.mark.parametrize("type", ["chat", "normal", None])
def test_echo_says_the_same_once(user: Client, to: str, type: str | None):
    user.say(to, "&lt;b&gt;&amp;\"' \u00e9 \u6f22 \U0001f389\n", type=type)
    answer = user.only()
    assert answer.text_of("body") == "<b>&\"' \u00e9 \u6f22 \U0001f389\n"
    assert (answer.get("from"), answer.get("to"), answer.type) == ("echo@localhost/bot", user.jid, "chat")
    assert answer.id


def test_every_message_gets_its_answer_in_order(user: Client):
    for number in range(20):
        user.say("echo@localhost", str(number))
    assert user.heard() == [str(number) for number in range(20)]


def test_welcome_says_what_this_is(stage: Stage, user: Client):
    bot(stage, "welcome", "welcome")
    user.take()
    user.say("welcome@localhost", "?")
    assert user.heard() == [WELCOME]


@pytest.mark.parametrize(
    "message",
    [
        "<message to='echo@localhost' type='chat'><composing xmlns='http://jabber.org/protocol/chatstates'/></message>",
        "<message to='echo@localhost' type='chat'><body/></message>",
        "<message to='echo@localhost/bot' type='error'><body>hi</body></message>",
        "<message to='echo@localhost/bot' type='headline'><body>hi</body></message>",
        "<message to='echo@localhost/bot' type='groupchat'><body>hi</body></message>",
    ],
)
def test_what_nobody_has_said_is_not_answered(user: Client, message: str):
    user.write(message)
    assert user.take() == []


def test_bots_do_not_talk_to_one_another(stage: Stage, user: Client):
    bot(stage, "parrot")
    user.take()
    first = stage.host.sessions("echo")[0]
    stage.router.submit(first, stanza("message", {"to": "parrot@localhost", "type": "chat"}, body("hi")))
    stage.turn.end()
    assert user.take() == []


def test_a_person_may_call_a_client_bot(stage: Stage, echo: ContactBot):
    romeo = stage.login("romeo", "bot")
    romeo.say("echo@localhost")
    assert romeo.heard() == ["hi"]


def test_a_stranger_is_answered_too(stage: Stage, echo: ContactBot, mercutio: Client):
    mercutio.say("echo@localhost")
    assert mercutio.heard() == ["hi"]


# A contact


def test_it_is_there_and_says_what_it_does(stage: Stage, echo: ContactBot):
    romeo = stage.connect("romeo", "orchard")
    assert romeo.roster()["echo@localhost"]["subscription"] == "both"
    romeo.available()
    (seen,) = [each for each in romeo.take("presence") if each.get("from") == "echo@localhost/bot"]
    assert seen.text_of("status") == BOTS["echo"].status


def test_whoever_asks_becomes_its_friend(echo: ContactBot, mercutio: Client):
    mercutio.presence("subscribe", "echo@localhost")
    assert mercutio.seen() == [
        ("echo@localhost", "subscribed"),
        ("echo@localhost/bot", None),
        ("echo@localhost", "subscribe"),
    ]
    mercutio.presence("subscribed", "echo@localhost")
    assert mercutio.roster()["echo@localhost"]["subscription"] == "both"


def test_who_has_asked_before_it_came(stage: Stage, mercutio: Client):
    stage.account("echo")
    mercutio.presence("subscribe", "echo@localhost")
    assert mercutio.seen() == []
    ContactBot(stage.router, stage.turn, stage.clock, parse("echo@localhost"), BOTS["echo"])
    stage.turn.end()
    assert ("echo@localhost", "subscribed") in mercutio.seen()


def test_what_was_said_before_it_came(stage: Stage, mercutio: Client):
    stage.account("echo")
    mercutio.say("echo@localhost")
    ContactBot(stage.router, stage.turn, stage.clock, parse("echo@localhost"), BOTS["echo"])
    stage.turn.end()
    assert mercutio.heard() == ["hi"]


def test_a_friend_who_leaves_and_comes_back(user: Client):
    user.ask("set", f"<query xmlns='{ns.ROSTER}'><item jid='echo@localhost' subscription='remove'/></query>")
    user.take()
    user.presence("subscribe", "echo@localhost")
    assert ("echo@localhost", "subscribed") in user.seen()


# A client like any other


def test_it_can_be_asked_what_it_is(user: Client):
    info = user.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>", "echo@localhost/bot")[0]
    assert dict(info[0].attrib) == {"category": "client", "type": "bot", "name": "conversehost"}


def test_it_can_be_pinged(user: Client):
    assert user.ask("get", f"<ping xmlns='{ns.PING}'/>", "echo@localhost/bot").type == "result"


@pytest.mark.parametrize("type", ["get", "set"])
def test_everything_else_it_refuses(user: Client, type: str):
    assert condition(user.ask(type, "<x xmlns='urn:x'/>", "echo@localhost/bot")) == "service-unavailable"


@pytest.mark.parametrize("type", ["result", "error"])
def test_answers_are_not_answered(user: Client, type: str):
    user.write(f"<iq type='{type}' id='1' to='echo@localhost/bot'/>")
    assert user.take() == []


def test_it_survives_what_it_cannot_handle(stage: Stage):
    def fussy(message: Stanza) -> str:
        if message.text_of("body") == "boom":
            raise RuntimeError("out of order")
        return message.text_of("body")

    bot(stage, "echo", Script("", (Rule("message", "*", handler=fussy),)))
    juliet = stage.login("juliet", "balcony")
    juliet.say("echo@localhost", "before")
    juliet.say("echo@localhost", "boom")
    juliet.say("echo@localhost", "after")
    assert juliet.heard() == ["before", "after"]
    error, shown = stage.unexpected.pop()
    assert isinstance(error, RuntimeError)
    assert b"boom" in shown


def test_it_leaves_as_often_as_it_is_told(stage: Stage, user: Client, echo: ContactBot):
    echo.leave()
    echo.leave()
    stage.turn.end()
    assert user.seen() == [("echo@localhost/bot", "unavailable")]
    user.say("echo@localhost/bot", type="normal")
    assert conditions(user.take()) == ["service-unavailable"]


def test_it_goes_with_its_account(stage: Stage, user: Client, echo: ContactBot):
    stage.host.delete_account(parse("echo@localhost"))
    stage.turn.end()
    assert ("echo@localhost/bot", "unavailable") in user.seen()
    echo.leave()


# The client in memory


@pytest.fixture
def memory(stage: Stage) -> Callable[..., tuple[MemoryClient, list[Stanza]]]:
    def make(name: str, resource: str = "") -> tuple[MemoryClient, list[Stanza]]:
        got: list[Stanza] = []
        return MemoryClient(stage.router, stage.turn, stage.account(name), got.append, resource=resource), got

    return make


def test_what_comes_is_looked_at_when_the_turn_ends(stage: Stage, mercutio: Client, memory):
    client, got = memory("juliet", "balcony")
    assert str(client.jid) == "juliet@localhost/balcony"
    client.say(stanza("presence", {}))
    assert got == []
    stage.turn.end()
    assert [each.kind for each in got] == ["presence"]
    mercutio.say("juliet@localhost")
    assert got[1].text_of("body") == "hi"


def test_who_leaves_leaves_the_rest_to_others(stage: Stage, mercutio: Client):
    got: list[Stanza] = []

    def look(stanza: Stanza) -> None:
        got.append(stanza)
        if len(got) == 2:
            client.leave()

    client = MemoryClient(stage.router, stage.turn, stage.account("juliet"), look)
    for number in range(4):
        stage.router.submit(
            mercutio.session, stanza("message", {"to": client.jid.full, "type": "chat"}, body(str(number)))
        )
    stage.turn.end()
    assert [each.text_of("body") for each in got] == ["0", "1"]
    juliet = stage.connect("juliet")
    juliet.available()
    assert juliet.heard() == ["2", "3"]


def test_the_server_may_end_it(stage: Stage, memory):
    client, _ = memory("juliet", "balcony")
    stage.connect("juliet", "balcony")
    assert client.closed
    assert client.error is not None
    assert client.error.condition == "conflict"
    client.send(b"<presence xmlns='jabber:client'/>")
    client.say(stanza("presence", {}))
    stage.turn.end()


def test_too_many_and_impossible_ones(stage: Stage, memory):
    for _ in range(10):
        memory("juliet")
    with pytest.raises(StanzaError):
        memory("juliet")
    with pytest.raises(JIDError):
        memory("romeo", " x")
