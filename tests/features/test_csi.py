"""XEP-0352: what waits while nobody looks at a client, and what doesn't."""

from __future__ import annotations

import pytest

from conversehost.features import csi
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.elsewhere import Elsewhere
from tests.stage import PASSWORD, Client, Stage, encoded

ACTIVE = f"<active xmlns='{ns.CSI}'/>"
INACTIVE = f"<inactive xmlns='{ns.CSI}'/>"
COMPOSING = f"<composing xmlns='{ns.CHAT_STATES}'/>"
PAUSED = f"<paused xmlns='{ns.CHAT_STATES}'/>"
PING = "<ping xmlns='urn:xmpp:ping'/>"
ROOM = "room@elsewhere.example"


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


@pytest.fixture
def phone(juliet: Client) -> Client:
    """Juliet's, and nobody looks at it."""
    juliet.write(INACTIVE)
    assert juliet.take() == []
    return juliet


def order(client: Client) -> list[str]:
    """What has come: a message by its body or what else is in it, presence by its status."""
    came = [each for each in client.take() if isinstance(each, Stanza)]
    return [each.text_of("body") or each.text_of("status") or each[0].tag.partition("}")[2] for each in came]


def chat(content: str, to: str = "juliet@localhost", type: str = "chat") -> str:
    return f"<message to='{to}' type='{type}'>{content}</message>"


# States (section 4)


def test_it_is_offered_after_login(stage: Stage):
    client = stage.open()
    assert client.take()[-1].find(f"{{{ns.CSI}}}csi") is None
    stage.account("juliet")
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}juliet{chr(0)}{PASSWORD}')}</auth>")
    assert client.restart().find(f"{{{ns.CSI}}}csi") is not None


def test_a_stream_begins_as_active(romeo: Client, juliet: Client):
    romeo.available()
    assert juliet.seen() == [(romeo.jid, None)]


@pytest.mark.parametrize("said", [ACTIVE, INACTIVE])
def test_nothing_is_answered(juliet: Client, said: str):
    for _ in range(2):
        juliet.write(said)
    assert juliet.take() == []
    assert juliet.error is None


def test_who_says_it_twice_misses_nothing(romeo: Client, phone: Client):
    romeo.available()
    phone.write(INACTIVE)
    phone.write(ACTIVE)
    assert phone.seen() == [(romeo.jid, None)]


def test_before_binding_there_is_no_state(stage: Stage):
    client = stage.open()
    stage.account("juliet")
    client.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}juliet{chr(0)}{PASSWORD}')}</auth>")
    client.restart()
    client.write(INACTIVE)
    client.write(ACTIVE)
    assert client.error is None


def test_what_waits_goes_out_before_the_next_answer(romeo: Client, phone: Client):
    """Section 5.1."""
    romeo.available()
    phone.write(ACTIVE)
    assert phone.ask("get", PING).type == "result"
    assert phone.seen() == [(romeo.jid, None)]
    romeo.available()
    assert phone.seen() == [(romeo.jid, None)]


def test_an_answer_does_not_make_it_active(romeo: Client, phone: Client):
    phone.ask("get", PING)
    romeo.available()
    assert phone.take() == []


def test_others_do_not_learn_of_it(romeo: Client, phone: Client):
    phone.write(ACTIVE)
    assert romeo.take() == []


def test_it_is_not_presence(romeo: Client, phone: Client):
    romeo.say("juliet@localhost")
    assert phone.heard() == ["hi"]


# Presence


def test_of_presence_the_latest_of_each_address_waits(stage: Stage, romeo: Client, phone: Client):
    garden = stage.login("romeo", "garden")
    for client, status in ((romeo, "1"), (garden, "2"), (romeo, "3")):
        client.write(f"<presence><status>{status}</status></presence>")
    assert phone.take() == []
    phone.write(ACTIVE)
    assert order(phone) == ["2", "3"]


def test_who_has_gone_is_gone(romeo: Client, phone: Client):
    romeo.available()
    romeo.presence("unavailable")
    phone.write(ACTIVE)
    assert phone.seen() == [(romeo.jid, "unavailable")]


@pytest.mark.parametrize("type", ["subscribe", "error"])
def test_a_request_does_not_wait_nor_an_error(mercutio: Client, phone: Client, type: str):
    mercutio.presence(type, "juliet@localhost" if type == "subscribe" else phone.jid)
    assert [kind for _, kind in phone.seen()] == [type]


def test_the_answer_to_joining_a_room_does_not_wait(phone: Client, elsewhere: Elsewhere):
    phone.available(to=f"{ROOM}/me")
    for nick, status in (("other", ""), ("me", "<status code='110'/>")):
        content = f"<status>{nick}</status><x xmlns='{ns.MUC_USER}'><item affiliation='none' role='none'/>{status}</x>"
        elsewhere.send(f"<presence from='{ROOM}/{nick}' to='{phone.jid}'>{content}</presence>")
    assert order(phone) == ["other", "me"]


# Messages


@pytest.mark.parametrize(
    "content",
    [
        COMPOSING,
        f"{COMPOSING}<thread>1</thread>",
        f"{COMPOSING}<no-store xmlns='{ns.HINTS}'/><no-permanent-store xmlns='{ns.HINTS}'/>",
        f"<origin-id xmlns='{ns.STANZA_ID}' id='1'/>{COMPOSING}<private xmlns='{ns.CARBONS}'/>",
    ],
)
def test_chat_states_wait(romeo: Client, phone: Client, content: str):
    romeo.write(chat(content))
    assert phone.take() == []
    phone.write(ACTIVE)
    assert len(phone.take("message")) == 1


def test_of_chat_states_the_latest_waits(romeo: Client, mercutio: Client, phone: Client):
    for client, state in ((romeo, COMPOSING), (mercutio, COMPOSING), (romeo, PAUSED)):
        client.write(chat(state))
    phone.write(ACTIVE)
    assert order(phone) == ["composing", "paused"]


def test_events_wait_all_of_them(phone: Client, elsewhere: Elsewhere):
    for number in "12":
        event = f"<event xmlns='http://jabber.org/protocol/pubsub#event'><items node='{number}'/></event>"
        elsewhere.send(f"<message from='a@elsewhere.example' to='{phone.jid}' type='headline'>{event}</message>")
    assert phone.take() == []
    phone.write(ACTIVE)
    assert [each[0][0].get("node") for each in phone.take("message")] == ["1", "2"]


@pytest.mark.parametrize(
    ("type", "content"),
    [
        ("chat", "<body>hi</body>"),
        ("chat", f"<body>hi</body>{COMPOSING}"),
        ("normal", "<subject>hi</subject>"),
        ("groupchat", "<subject/>"),
        ("headline", "<body>hi</body>"),
        ("chat", f"{COMPOSING}<received xmlns='{ns.RECEIPTS}' id='1'/>"),
        ("chat", f"<displayed xmlns='{ns.CHAT_MARKERS}' id='1'/>"),
        ("chat", "<reactions xmlns='urn:xmpp:reactions:0' id='1'/>"),
        ("chat", "<encrypted xmlns='eu.siacs.conversations.axolotl'/>"),
        ("normal", f"<x xmlns='{ns.CONFERENCE}' jid='{ROOM}'/>"),
        ("normal", "<x xmlns='urn:something:unknown'/>"),
        ("chat", f"<store xmlns='{ns.HINTS}'/>"),
        ("chat", ""),
        ("error", COMPOSING),
    ],
)
def test_what_matters_or_might_does_not_wait(mercutio: Client, phone: Client, type: str, content: str):
    mercutio.write(chat(content, phone.jid, type))
    assert len(phone.take("message")) == 1


@pytest.mark.parametrize(("content", "waits"), [(COMPOSING, True), ("<body>hi</body>", False)])
def test_a_copy_is_what_is_in_it(stage: Stage, mercutio: Client, phone: Client, content: str, waits: bool):
    phone.ask("set", f"<enable xmlns='{ns.CARBONS}'/>")
    desk = stage.login("juliet", "desk", 5)
    phone.take()
    mercutio.write(chat(content))
    desk.write(chat(content, mercutio.jid))
    assert len(phone.take("message")) == (0 if waits else 2)
    phone.write(ACTIVE)
    assert len(phone.take("message")) == (2 if waits else 0)


def test_what_matters_lets_go_what_waits_first(romeo: Client, mercutio: Client, phone: Client):
    romeo.write("<presence><status>1</status></presence>")
    mercutio.write(chat(COMPOSING))
    romeo.say("juliet@localhost", "2")
    romeo.write("<presence><status>3</status></presence>")
    assert order(phone) == ["1", "composing", "2"]
    phone.write(ACTIVE)
    assert order(phone) == ["3"]


# Bounds and ends


def test_only_so_many_wait(phone: Client, elsewhere: Elsewhere):
    for number in range(csi.STANZAS + 2):
        presence = f"<status>{number}</status>"
        elsewhere.send(f"<presence from='{ROOM}/{number}' to='{phone.jid}'>{presence}</presence>")
    assert order(phone) == [str(number) for number in range(csi.STANZAS + 1)]
    phone.write(ACTIVE)
    assert order(phone) == [str(csi.STANZAS + 1)]


def test_only_so_much_waits(phone: Client, elsewhere: Elsewhere):
    for size in (csi.BYTES // 2, csi.BYTES // 2 - 1_000, csi.BYTES // 2):
        elsewhere.send(f"<presence from='{ROOM}/a' to='{phone.jid}'><status>{'x' * size}</status></presence>")
    assert phone.take() == []
    elsewhere.send(f"<presence from='{ROOM}/b' to='{phone.jid}'><status>{'x' * (csi.BYTES // 2)}</status></presence>")
    assert len(phone.take("presence")) == 2


def test_what_waits_ends_with_the_session(stage: Stage, romeo: Client, phone: Client):
    romeo.available()
    romeo.write(chat(COMPOSING))
    phone.drop()
    assert len(stage.store.items("offline", "juliet@localhost")) == 0
    again = stage.login("juliet", "balcony")
    romeo.available()
    assert (romeo.jid, None) in again.seen()


def test_a_session_that_is_resumed_is_active(stage: Stage, romeo: Client, phone: Client):
    """Section 5.2; what waited comes after what was missed."""
    phone.write(f"<enable xmlns='{ns.SM}' resume='true'/>")
    (enabled,) = phone.take()
    phone.hang()
    romeo.say("juliet@localhost", "1")
    phone.drop()
    romeo.write("<presence><status>2</status></presence>")
    back = stage.open()
    back.write(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}juliet{chr(0)}{PASSWORD}')}</auth>")
    back.restart()
    back.write(f"<resume xmlns='{ns.SM}' h='0' previd='{enabled.get('id')}'/>")
    assert order(back) == ["1", "2"]
    romeo.write("<presence><status>3</status></presence>")
    assert order(back) == ["3"]
