"""XEP-0160 and XEP-0203."""

from __future__ import annotations

import pytest

from conversehost.clock import Clock
from conversehost.features import offline
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.stage import Client, Stage, conditions


@pytest.fixture
def away(stage: Stage) -> str:
    """The address of somebody who isn't there."""
    return stage.account("juliet").full


def back(stage: Stage, priority: int | None = None) -> Client:
    """She comes, and hasn't looked yet."""
    juliet = stage.connect("juliet", "balcony")
    juliet.available(priority)
    return juliet


def delays(message: Stanza) -> list[tuple[str | None, str | None]]:
    return [(each.get("from"), each.get("stamp")) for each in message.iter(f"{{{ns.DELAY}}}delay")]


def test_messages_wait_in_order_and_say_when_they_came(stage: Stage, clock: Clock, mercutio: Client, away: str):
    for number in range(3):
        mercutio.say(away, str(number), type=None if number else "chat")
        clock.advance(60)
    messages = back(stage).take("message")
    assert [each.text_of("body") for each in messages] == ["0", "1", "2"]
    assert [delays(each) for each in messages] == [
        [("localhost", f"2023-11-14T22:{minute}:20.000Z")] for minute in (13, 14, 15)
    ]
    assert all(each.get("to") == away and each.get("from") == mercutio.jid for each in messages)


def test_each_has_a_moment_of_its_own(stage: Stage, clock: Clock, mercutio: Client, away: str):
    """Clients sort by it."""
    foreign = f"<delay xmlns='{ns.DELAY}' from='elsewhere.example' stamp='{{}}'/>"
    for number, more in enumerate(("", "", foreign.format("2100-01-01T00:00:00Z"), foreign.format("never"), "")):
        mercutio.write(f"<message to='{away}' type='chat'><body>{number}</body>{more}</message>")
    clock.advance(60)
    mercutio.say(away, "later")
    stamps = [dict(delays(each))["localhost"] for each in back(stage).take("message")]
    assert stamps == [
        "2023-11-14T22:13:20.000Z",
        "2023-11-14T22:13:20.001Z",
        "2023-11-14T22:13:20.002Z",
        "2023-11-14T22:13:20.003Z",
        "2023-11-14T22:13:20.004Z",
        "2023-11-14T22:14:20.000Z",
    ]


def test_they_are_handed_over_once(stage: Stage, mercutio: Client, away: str):
    mercutio.say(away)
    assert back(stage).heard() == ["hi"]
    assert back(stage).heard() == []


def test_to_the_first_who_can_take_them(stage: Stage, mercutio: Client, away: str):
    mercutio.say(away)
    assert stage.login("juliet", "other", -1).heard() == []
    assert back(stage).heard() == ["hi"]


def test_what_was_not_read_waits_again_with_its_first_date(stage: Stage, clock: Clock, mercutio: Client, away: str):
    for number in range(3):
        mercutio.say(away, str(number))
    juliet = stage.connect("juliet", "balcony")
    juliet.hang()
    juliet.available()
    clock.advance(3600)
    juliet.drop()
    messages = back(stage).take("message")
    assert [each.text_of("body") for each in messages] == ["0", "1", "2"]
    assert [delays(each) for each in messages] == [[("localhost", f"2023-11-14T22:13:20.00{n}Z")] for n in range(3)]


def test_a_session_that_ends_under_the_load_loses_nothing(stage: Stage, mercutio: Client, away: str):
    for number in range(10):
        mercutio.say(away, str(number))
    juliet = stage.connect("juliet", "balcony")
    juliet.hang()
    send = juliet.send

    def overflow(stanza: bytes) -> None:
        send(stanza)
        if len(juliet.queue) == 5:
            juliet.drop()

    juliet.send = overflow  # type: ignore[method-assign]
    juliet.available()
    assert back(stage).heard() == [str(number) for number in range(10)]


def test_a_delay_that_somebody_else_noted_stays(stage: Stage, mercutio: Client, away: str):
    noted = f"<delay xmlns='{ns.DELAY}' from='room@x' stamp='2002-09-10T23:08:25Z'/>"
    mercutio.write(f"<message to='{away}' type='chat'><body>hi</body>{noted}</message>")
    assert [sender for sender, _ in delays(back(stage).only("message"))] == ["room@x", "localhost"]


@pytest.mark.parametrize(
    "content",
    [
        "<composing xmlns='http://jabber.org/protocol/chatstates'/>",
        "<active xmlns='http://jabber.org/protocol/chatstates'/><thread>1</thread>",
        "<paused xmlns='http://jabber.org/protocol/chatstates'/><no-store xmlns='urn:xmpp:hints'/>",
    ],
)
def test_chat_states_are_of_no_use_later(stage: Stage, mercutio: Client, away: str, content: str):
    mercutio.write(f"<message to='{away}' type='chat'>{content}</message>")
    assert mercutio.take() == []
    assert back(stage).take("message") == []


@pytest.mark.parametrize(
    "content",
    [
        "<body>hi</body><active xmlns='http://jabber.org/protocol/chatstates'/>",
        "<received xmlns='urn:xmpp:receipts' id='1'/>",
        "<x xmlns='urn:x'/>",
        "<subject>hi</subject>",
        "",
    ],
)
def test_everything_else_is(stage: Stage, mercutio: Client, away: str, content: str):
    mercutio.write(f"<message to='{away}' type='chat' id='1'>{content}</message>")
    assert [each.id for each in back(stage).take("message")] == ["1"]


# Hints (XEP-0334)

HINT = "<{} xmlns='urn:xmpp:hints'/>"
STATE = "<active xmlns='http://jabber.org/protocol/chatstates'/>"


@pytest.mark.parametrize(
    ("content", "hints", "waits"),
    [
        ("<body>hi</body>", ["no-permanent-store"], True),
        ("<body>hi</body>", ["store"], True),
        ("<body>hi</body>", ["no-copy"], True),
        (STATE, ["store"], True),
        (STATE, ["no-permanent-store"], False),
        ("<received xmlns='urn:xmpp:receipts' id='1'/>", ["no-store"], False),
        ("<received xmlns='urn:xmpp:receipts' id='1'/>", ["no-store", "store"], False),
        ("", ["no-store"], False),
    ],
)
def test_a_hint_says_what_is_worth_waiting_for(
    stage: Stage, mercutio: Client, away: str, content: str, hints: list[str], waits: bool
):
    content += "".join(map(HINT.format, hints))
    mercutio.write(f"<message to='{away}' type='chat'>{content}</message>")
    assert mercutio.take() == []
    messages = back(stage).take("message")
    assert [sum(each.has(ns.HINTS, hint) for hint in hints) for each in messages] == ([len(hints)] if waits else [])


def test_what_must_not_wait_and_says_something_comes_back(stage: Stage, mercutio: Client, away: str):
    mercutio.write(f"<message to='{away}' type='chat'><body>hi</body>{HINT.format('no-store')}</message>")
    assert conditions(mercutio.take()) == ["service-unavailable"]
    assert back(stage).heard() == []


# Which types (XEP-0160 section 3)


@pytest.mark.parametrize(
    ("type", "waits"),
    [("chat", True), ("normal", True), (None, True), ("groupchat", False), ("headline", False), ("error", False)],
)
@pytest.mark.parametrize("hint", ["", HINT.format("store")])
def test_types_that_wait(stage: Stage, mercutio: Client, away: str, type: str | None, waits: bool, hint: str):
    kind = "" if type is None else f" type='{type}'"
    mercutio.write(f"<message to='{away}'{kind}><body>hi</body>{hint}</message>")
    assert [each.type for each in back(stage).take("message")] == ([type] if waits else [])


# Limits


def test_a_full_store_refuses(stage: Stage, mercutio: Client, away: str):
    for number in range(offline.MESSAGES_PER_ACCOUNT):
        mercutio.say(away, str(number))
    assert mercutio.take() == []
    mercutio.say(away, "one too many")
    assert conditions(mercutio.take()) == ["service-unavailable"]
    assert back(stage).heard() == [str(number) for number in range(offline.MESSAGES_PER_ACCOUNT)]


def test_one_thousand_is_how_many():
    assert offline.MESSAGES_PER_ACCOUNT == 1000


def test_a_store_may_be_full_of_few(stage: Stage, mercutio: Client, away: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(offline, "BYTES_PER_ACCOUNT", 1_000)
    mercutio.say(away, "1")
    mercutio.say(away, "x" * 900)
    assert conditions(mercutio.take()) == ["service-unavailable"]
    mercutio.say(away, "2")
    assert back(stage).heard() == ["1", "2"]


def test_whoever_takes_a_name_next_gets_nothing_of_it(stage: Stage, mercutio: Client, away: str):
    mercutio.say(away)
    stage.host.delete_account(stage.account("juliet"))
    stage.account("juliet")
    assert back(stage).heard() == []
