"""XEP-0280: all clients of an account see both sides of its conversations."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from conversehost.features import carbons
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition, conditions, xml

ENABLE = f"<enable xmlns='{ns.CARBONS}'/>"
DISABLE = f"<disable xmlns='{ns.CARBONS}'/>"
BODY = "<body>hi</body>"
PRIVATE = f"<private xmlns='{ns.CARBONS}'/>"
NO_COPY = f"<no-copy xmlns='{ns.HINTS}'/>"
ROOM = "room@elsewhere.example"


def enabled(stage: Stage, name: str, resource: str, priority: int | None = None) -> Client:
    """A client that wants copies."""
    client = stage.login(name, resource, priority)
    assert client.ask("set", ENABLE).type == "result"
    return client


@pytest.fixture
def chamber(stage: Stage, juliet: Client) -> Client:
    """Juliet's second client: wants copies, and isn't where messages to her go."""
    client = enabled(stage, "juliet", "chamber", -1)
    juliet.take()
    return client


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


def anywhere(message: Stanza) -> bytes:
    """The same message in anybody's archive: only the ids there differ (XEP-0359)."""
    return re.sub(b"<stanza-id [^>]*/>", b"", to_bytes(message))


def unwrapped(wrapping: Stanza, direction: str) -> Stanza:
    """The message in a copy."""
    (carried,) = wrapping
    assert carried.tag == f"{{{ns.CARBONS}}}{direction}"
    (forwarded,) = carried
    assert forwarded.tag == f"{{{ns.FORWARD}}}forwarded"
    (message,) = forwarded
    assert isinstance(message, Stanza)
    return message


def copies(client: Client) -> list[tuple[str, str]]:
    """Of the copies that have come: the direction and the body; of other messages, "itself"."""
    found = []
    for each in client.take("message"):
        direction = str(each[0].tag).removeprefix(f"{{{ns.CARBONS}}}") if len(each) else ""
        if direction in ("sent", "received"):
            found.append((direction, unwrapped(each, direction).text_of("body")))
        else:
            found.append(("itself", each.text_of("body")))
    return found


# Enabling and disabling (sections 4, 5 and 10.1)


def test_nobody_gets_copies_who_has_not_asked_for_them(stage: Stage, juliet: Client, mercutio: Client):
    other = stage.login("juliet", "chamber", -1)
    juliet.take()
    mercutio.say(juliet.jid)
    juliet.say("mercutio@localhost")
    assert other.take() == []


def test_asking_twice_is_asking_once(juliet: Client, chamber: Client, mercutio: Client):
    for _ in range(2):
        answer = chamber.ask("set", ENABLE)
        assert (answer.type, len(answer)) == ("result", 0)
    mercutio.say(juliet.jid)
    assert copies(chamber) == [("received", "hi")]


def test_it_ends_when_disabled_and_begins_again(juliet: Client, chamber: Client, mercutio: Client):
    for _ in range(2):
        answer = chamber.ask("set", DISABLE)
        assert (answer.type, len(answer)) == ("result", 0)
    mercutio.say(juliet.jid)
    assert copies(chamber) == []
    chamber.ask("set", ENABLE)
    mercutio.say(juliet.jid)
    assert copies(chamber) == [("received", "hi")]


def test_who_has_never_enabled_it_can_disable_it(juliet: Client):
    assert juliet.ask("set", DISABLE).type == "result"


@pytest.mark.parametrize("request_", [ENABLE, DISABLE])
def test_nobody_does_that_for_others(juliet: Client, mercutio: Client, request_: str):
    assert condition(mercutio.ask("set", request_, "juliet@localhost")) == "forbidden"


def test_a_new_session_at_the_same_resource_begins_without(stage: Stage, juliet: Client, chamber: Client):
    chamber.drop()
    again = stage.login("juliet", "chamber", -1)
    juliet.take()
    juliet.say("mercutio@localhost")
    assert again.take() == []


# Receiving (section 7)


def test_a_copy_of_what_another_client_gets(stage: Stage, juliet: Client, chamber: Client, mercutio: Client):
    mercutio.write(f"<message to='{juliet.jid}' type='chat' id='m1' xml:lang='it'>{BODY}<thread>t</thread></message>")
    original, wrapping = juliet.only(), chamber.only()
    assert dict(wrapping.attrib) == {"from": "juliet@localhost", "to": chamber.jid, "type": "chat"}
    message = unwrapped(wrapping, "received")
    assert to_bytes(message) == to_bytes(original)


def test_the_namespaces_of_a_copy(make_stage: Callable[..., Stage]):
    stage = make_stage(disabled=["archive"])
    juliet, mercutio = stage.login("juliet", "balcony"), stage.login("mercutio", "square")
    chamber = enabled(stage, "juliet", "chamber", -1)
    chamber.hang()
    mercutio.say(juliet.jid)
    assert chamber.queue == [
        b'<message xmlns="jabber:client" from="juliet@localhost" type="chat" to="juliet@localhost/chamber">'
        b'<received xmlns="urn:xmpp:carbons:2"><forwarded xmlns="urn:xmpp:forward:0">'
        b'<message xmlns="jabber:client" to="juliet@localhost/balcony" id="m1" type="chat" '
        b'from="mercutio@localhost/square"><body>hi</body></message></forwarded></received></message>'
    ]


def test_of_what_goes_to_the_account_who_has_it_gets_no_copy(stage: Stage, juliet: Client, mercutio: Client):
    high = enabled(stage, "juliet", "high", 5)
    also_high = enabled(stage, "juliet", "also high", 5)
    low = enabled(stage, "juliet", "low", 1)
    unavailable = stage.connect("juliet", "unavailable")
    unavailable.ask("set", ENABLE)
    for each in (high, also_high, low):
        each.take()
    mercutio.say("juliet@localhost")
    assert copies(high) == copies(also_high) == [("itself", "hi")]
    assert copies(low) == copies(unavailable) == [("received", "hi")]
    assert copies(juliet) == []


def test_a_copy_of_what_waits_for_the_next_login(stage: Stage, mercutio: Client):
    chamber = enabled(stage, "juliet", "chamber", -1)
    mercutio.say("juliet@localhost")
    message = unwrapped(chamber.only(), "received")
    assert message.text_of("body") == "hi"
    assert not message.has(ns.DELAY, "delay")
    assert stage.login("juliet", "balcony").inbox == []
    assert len(stage.store.items("offline", "juliet@localhost")) == 0


def test_what_is_from_nobody_is_no_conversation(stage: Stage, juliet: Client, chamber: Client):
    stage.router.send(xml(f"<message to='{juliet.jid}' type='chat'>{BODY}</message>"))  # type: ignore[arg-type]
    stage.turn.end()
    assert juliet.heard() == ["hi"]
    assert chamber.take() == []


# Sending (section 8)


@pytest.mark.parametrize("to", ["mercutio@localhost", "mercutio@localhost/square", "friend@elsewhere.example"])
def test_a_copy_of_what_another_client_sends(
    juliet: Client, chamber: Client, mercutio: Client, elsewhere: Elsewhere, to: str
):
    juliet.say(to)
    wrapping = chamber.only()
    assert dict(wrapping.attrib) == {"from": "juliet@localhost", "to": chamber.jid, "type": "chat"}
    message = unwrapped(wrapping, "sent")
    assert (message.get("from"), message.get("to"), message.text_of("body")) == (juliet.jid, to, "hi")
    assert juliet.take() == []


def test_the_sender_gets_no_copy(stage: Stage, chamber: Client, mercutio: Client):
    chamber.say("mercutio@localhost")
    assert chamber.take() == []


def test_both_sides_of_a_conversation(stage: Stage, juliet: Client, chamber: Client, mercutio: Client):
    street = enabled(stage, "mercutio", "street", -1)
    mercutio.take()
    juliet.say(mercutio.jid)
    assert copies(chamber) == [("sent", "hi")]
    assert copies(street) == [("received", "hi")]


def test_a_copy_does_not_say_that_it_waits_for_another(stage: Stage, juliet: Client, chamber: Client):
    juliet.say(stage.account("tybalt").full)
    assert not unwrapped(chamber.only(), "sent").has(ns.DELAY, "delay")


def test_what_is_refused_was_not_sent(juliet: Client, chamber: Client):
    juliet.say("nobody@localhost")
    juliet.say("nobody@nowhere.example")
    assert conditions(juliet.take()) == ["service-unavailable", "remote-server-not-found"]
    assert chamber.take() == []


@pytest.mark.parametrize("to", ["juliet@localhost", "juliet@localhost/balcony", None])
def test_a_message_to_oneself_comes_once(stage: Stage, juliet: Client, chamber: Client, to: str | None):
    third = enabled(stage, "juliet", "third", -1)
    juliet.take()
    chamber.take()
    address = "" if to is None else f" to='{to}'"
    chamber.write(f"<message type='chat'{address}>{BODY}</message>")
    assert copies(juliet) == [("itself", "hi")]
    assert copies(third) == [("sent", "hi")]
    assert copies(chamber) == []


# Which messages (section 6)

ELIGIBLE = {
    "chat": ("chat", BODY),
    "chat without a body": ("chat", "<x xmlns='urn:x'/>"),
    "normal with a body": ("normal", BODY),
    "no type is normal": (None, BODY),
    "nor is an unknown one": ("nonsense", BODY),
    "a receipt": ("normal", "<received xmlns='urn:xmpp:receipts' id='1'/>"),
    "a chat state": ("normal", "<composing xmlns='http://jabber.org/protocol/chatstates'/>"),
    "a marker": ("normal", "<displayed xmlns='urn:xmpp:chat-markers:0' id='1'/>"),
    "an invitation": ("normal", "<x xmlns='jabber:x:conference' jid='room@x'/>"),
    "a mediated invitation": ("normal", f"<x xmlns='{ns.MUC_USER}'><invite from='a@b'/></x>"),
    "an invitation from an occupant": (
        "normal",
        f"<x xmlns='{ns.MUC_USER}'/><x xmlns='jabber:x:conference' jid='r@x'/>",
    ),
}
NOT_ELIGIBLE = {
    "normal without a body": ("normal", "<x xmlns='urn:x'/>"),
    "only a subject": ("normal", "<subject>hi</subject>"),
    "groupchat": ("groupchat", BODY),
    "headline": ("headline", BODY),
    "an error out of the blue": ("error", BODY),
    "private": ("chat", BODY + PRIVATE),
    "not to be copied": ("chat", BODY + NO_COPY),
    "both": ("chat", BODY + PRIVATE + NO_COPY),
    "a private invitation": ("normal", f"<x xmlns='jabber:x:conference' jid='room@x'/>{PRIVATE}"),
}


def message_to(client: Client, type: str | None, content: str) -> str:
    kind = "" if type is None else f" type='{type}'"
    return f"<message to='{client.jid}'{kind}>{content}</message>"


@pytest.mark.parametrize(("type", "content"), ELIGIBLE.values(), ids=ELIGIBLE.keys())
def test_what_is_copied(juliet: Client, chamber: Client, mercutio: Client, type: str | None, content: str):
    mercutio.write(message_to(juliet, type, content))
    juliet.write(message_to(mercutio, type, content))
    received, sent = chamber.take("message")
    assert received.type == sent.type == type
    assert to_bytes(unwrapped(received, "received")) == to_bytes(juliet.only())
    assert anywhere(unwrapped(sent, "sent")) == anywhere(mercutio.only())


@pytest.mark.parametrize(("type", "content"), NOT_ELIGIBLE.values(), ids=NOT_ELIGIBLE.keys())
def test_what_is_not_copied(juliet: Client, chamber: Client, mercutio: Client, type: str, content: str):
    mercutio.write(message_to(juliet, type, content))
    juliet.write(message_to(mercutio, type, content))
    assert chamber.take() == []
    (received,), (sent,) = juliet.take(), mercutio.take()
    for each in (received, sent):  # as they are: nothing is removed from them (section 9)
        assert each.has(ns.CARBONS, "private") == ("<private" in content)
        assert each.has(ns.HINTS, "no-copy") == ("<no-copy" in content)


def test_what_an_occupant_of_a_room_says_in_private_the_room_copies(
    juliet: Client, chamber: Client, elsewhere: Elsewhere
):
    said = f"{BODY}<x xmlns='{ns.MUC_USER}'/>"
    elsewhere.send(f"<message from='{ROOM}/nick' to='{juliet.jid}' type='chat'>{said}</message>")
    assert copies(chamber) == []
    juliet.write(f"<message to='{ROOM}/nick' type='chat'>{said}</message>")
    assert copies(chamber) == [("sent", "hi")]
    elsewhere.send(f"<message from='{ROOM}' to='{juliet.jid}' type='normal'>{said}</message>")
    assert copies(chamber) == [("received", "hi")]


# Errors


def test_an_error_follows_the_message_that_it_answers(juliet: Client, chamber: Client, elsewhere: Elsewhere):
    juliet.say("friend@elsewhere.example", id="m7")
    chamber.take()
    error = "<error type='cancel'><gone xmlns='urn:ietf:params:xml:ns:xmpp-stanzas'/></error>"
    elsewhere.send(f"<message from='friend@elsewhere.example' to='{juliet.jid}' id='m7' type='error'>{error}</message>")
    elsewhere.send(f"<message from='friend@elsewhere.example' to='{juliet.jid}' id='m8' type='error'>{error}</message>")
    assert len(juliet.take()) == 2
    wrapping = chamber.only()
    message = unwrapped(wrapping, "received")
    assert (wrapping.type, condition(message), message.id) == ("error", "gone", "m7")


def test_an_error_that_a_client_answers_with_too(juliet: Client, chamber: Client, mercutio: Client):
    mercutio.say(juliet.jid, id="m7")
    juliet.write(f"<message to='{mercutio.jid}' id='m7' type='error'/>")
    received, sent = chamber.take("message")
    assert unwrapped(received, "received").type == "chat"
    assert unwrapped(sent, "sent").type == "error"


def test_an_answer_to_what_was_not_copied_is_not_either(juliet: Client, chamber: Client, mercutio: Client):
    mercutio.write(f"<message to='{juliet.jid}' id='m7' type='chat'>{BODY}{PRIVATE}</message>")
    juliet.write(f"<message to='{mercutio.jid}' id='m7' type='error'/>")
    assert chamber.take() == []


def test_only_the_latest_messages_are_remembered(juliet: Client, chamber: Client, mercutio: Client):
    for number in range(carbons.REMEMBERED + 1):
        mercutio.say(juliet.jid, id=f"m{number}")
    chamber.take()
    for number in (0, 1):
        juliet.write(f"<message to='{mercutio.jid}' id='m{number}' type='error'/>")
    assert unwrapped(chamber.only(), "sent").id == "m1"


def test_what_nobody_wants_copies_of_is_not_remembered(juliet: Client, chamber: Client, mercutio: Client):
    mercutio.say(juliet.jid, id="m7")
    chamber.ask("set", DISABLE)
    chamber.ask("set", ENABLE)
    chamber.take()
    juliet.write(f"<message to='{mercutio.jid}' id='m7' type='error'/>")
    assert chamber.take() == []


def test_who_answers_a_copy_with_an_error_is_not_heard(juliet: Client, chamber: Client, mercutio: Client):
    mercutio.say(juliet.jid)
    wrapping = chamber.only()
    juliet.take()
    chamber.write(f"<message to='{wrapping.get('from')}' type='error'><error type='cancel'/></message>")
    assert juliet.take() == mercutio.take() == chamber.take() == []


# Clients that end before they have read it


def test_a_message_that_a_copy_of_has_come_is_not_given_to_anybody_again(
    stage: Stage, juliet: Client, chamber: Client, mercutio: Client
):
    juliet.hang()
    mercutio.say(juliet.jid)
    juliet.drop()
    assert copies(chamber) == [("received", "hi")]
    assert len(stage.store.items("offline", "juliet@localhost")) == 0


@pytest.mark.parametrize("first", ["juliet", "chamber"])
def test_a_message_that_nobody_has_read_is_kept_itself(
    stage: Stage, juliet: Client, chamber: Client, mercutio: Client, first: str
):
    for each in (juliet, chamber):
        each.hang()
    mercutio.say(juliet.jid)
    for each in sorted((juliet, chamber), key=lambda each: each.session.jid.resource != first):
        each.drop()
    back = stage.connect("juliet", "back")
    back.available()
    message = back.take("message")
    assert [(each.get("from"), each.text_of("body")) for each in message] == [(mercutio.jid, "hi")]


def test_a_copy_of_what_was_sent_is_lost_with_its_client(stage: Stage, juliet: Client, chamber: Client):
    chamber.hang()
    juliet.say("mercutio@localhost")
    juliet.take()
    chamber.drop()
    assert juliet.take("message") == []
    assert len(stage.store.items("offline", "juliet@localhost")) == 0


def test_a_session_that_ends_under_a_copy(stage: Stage, juliet: Client, chamber: Client, mercutio: Client):
    """The message is for the other one alone then."""
    chamber.send = lambda stanza: chamber.drop()  # type: ignore[method-assign]
    mercutio.say(juliet.jid)
    assert juliet.heard() == ["hi"]
    assert chamber.closed


def test_a_message_with_a_very_long_id_is_not_remembered(juliet: Client, chamber: Client, mercutio: Client):
    id = "m" * (carbons.LONGEST_ID + 1)
    mercutio.say(juliet.jid, id=id)
    chamber.take()
    juliet.write(f"<message to='{mercutio.jid}' id='{id}' type='error'/>")
    assert chamber.take() == []
