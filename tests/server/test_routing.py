"""Where a message, presence or iq goes: RFC 6121 section 8.5, RFC 6120 sections 8 and 10."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes
from tests.stage import Client, Stage, condition, conditions, xml

TYPES = ["normal", "chat", "groupchat", "headline"]
NOBODY, ABSENT, NEGATIVE, ONE, MORE = (), None, (-1, -5), (0,), (0, 5, 5)

# RFC 6121 table 1: for each kind of account and address, what happens to a message of each of `TYPES`. Of alternatives
# the one that was chosen: O offline, E error, S silence, D delivered to the one addressed (or the only one there is),
# M to the most available, A to all that aren't negative.
TABLE = [
    ("account does not exist", NOBODY, "bare", "EEES"),
    ("account does not exist", NOBODY, "other", "EEES"),
    ("no active resource", ABSENT, "bare", "OOES"),
    ("no active resource", ABSENT, "other", "EOES"),
    ("only negative ones", NEGATIVE, "bare", "OOES"),
    ("only negative ones", NEGATIVE, "match", "DDDD"),
    ("only negative ones", NEGATIVE, "other", "EOES"),
    ("one that is not negative", ONE, "bare", "DDED"),
    ("one that is not negative", ONE, "match", "DDDD"),
    ("one that is not negative", ONE, "other", "EDES"),
    ("more that are not negative", MORE, "bare", "MMEA"),
    ("more that are not negative", MORE, "match", "DDDD"),
    ("more that are not negative", MORE, "other", "EMES"),
]
ROWS = [
    pytest.param(priorities, address, type, expected, id=f"{condition}-{address}-{type}")
    for condition, priorities, address, row in TABLE
    for type, expected in zip(TYPES, row, strict=True)
]


@pytest.mark.parametrize(("priorities", "address", "type", "expected"), ROWS)
def test_the_summary_of_message_delivery(
    stage: Stage, mercutio: Client, priorities: tuple[int, ...] | None, address: str, type: str, expected: str
):
    if priorities != NOBODY:
        stage.account("juliet")
    clients = [stage.login("juliet", f"r{number}", priority) for number, priority in enumerate(priorities or ())]
    to = {"bare": "juliet@localhost", "match": "juliet@localhost/r0", "other": "juliet@localhost/gone"}[address]
    mercutio.say(to, type=type)
    got = "".join(str(number) for number, each in enumerate(clients) if each.heard())
    stored = len(stage.store.items("offline", "juliet@localhost"))
    errors = conditions(mercutio.take())
    assert (got, stored, errors) == {
        "E": ("", 0, ["service-unavailable"]),
        "S": ("", 0, []),
        "O": ("", 1, []),
        "D": ("0", 0, []),
        "M": ("12", 0, []),
        "A": ("012", 0, []),
    }[expected]


@pytest.mark.parametrize("address", ["juliet@localhost", "juliet@localhost/gone", "nobody@localhost", "localhost"])
def test_an_error_that_finds_nobody_is_not_answered(juliet: Client, mercutio: Client, address: str):
    mercutio.write(f"<message to='{address}' type='error'/>")
    assert mercutio.take() == []
    assert juliet.take() == []


def test_an_error_reaches_whom_it_is_for(juliet: Client, mercutio: Client):
    mercutio.write(f"<message to='{juliet.jid}' type='error'/>")
    assert juliet.only().type == "error"


@pytest.mark.parametrize("type", [None, "nonsense"])
def test_a_message_of_no_known_type_is_a_normal_one(juliet: Client, mercutio: Client, type: str | None):
    mercutio.say("juliet@localhost", type=type)
    assert juliet.heard() == ["hi"]
    mercutio.say("juliet@localhost/gone", type=type)
    assert conditions(mercutio.take()) == ["service-unavailable"]


def test_who_is_connected_gets_what_is_for_the_full_address(stage: Stage, mercutio: Client):
    juliet = stage.connect("juliet", "balcony")
    mercutio.say("juliet@localhost/balcony", type="normal")
    assert juliet.heard() == ["hi"]


def test_a_message_arrives_as_it_was_sent(juliet: Client, mercutio: Client):
    mercutio.write(
        "<message to='Juliet@localhost' id='&quot;1' type='chat' xml:lang='it'><body>&lt;b&gt;&amp;\"' \u00e9 \u6f22 "
        "\U0001f389</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    )
    arrived = juliet.only()
    assert arrived.get("from") == "mercutio@localhost/square"
    assert arrived.get("to") == "Juliet@localhost"
    assert arrived.id == '"1'
    assert arrived.get(f"{{{ns.XML}}}lang") == "it"
    assert arrived.text_of("body") == "<b>&\"' \u00e9 \u6f22 \U0001f389"
    assert arrived.has("http://jabber.org/protocol/chatstates", "active")


def test_a_message_to_nobody_in_particular_is_for_oneself(romeo: Client):
    romeo.write("<message type='chat'><body>a note</body></message>")
    assert romeo.heard() == ["a note"]


def test_the_server_itself_reads_no_messages(mercutio: Client):
    mercutio.say("localhost")
    assert conditions(mercutio.take()) == ["service-unavailable"]


@pytest.mark.parametrize("kind", ["message", "iq", "presence"])
def test_another_domain(mercutio: Client, kind: str):
    type = {"message": "chat", "iq": "get", "presence": "subscribe"}[kind]
    mercutio.write(f"<{kind} to='a@elsewhere.example' id='1' type='{type}'><x xmlns='urn:x'/></{kind}>")
    answer = mercutio.take()[-1]
    assert (condition(answer), answer.kind) == ("remote-server-not-found", kind)
    assert answer.get("from") == "a@elsewhere.example"


@pytest.mark.parametrize("kind", ["message", "iq", "presence"])
@pytest.mark.parametrize("address", ["@", "a b@localhost", "", "juliet@localhost/"])
def test_an_address_that_is_none(mercutio: Client, kind: str, address: str):
    type = {"message": "chat", "iq": "get", "presence": "subscribe"}[kind]
    mercutio.write(f"<{kind} to='{address}' id='7' type='{type}'><x xmlns='urn:x'/></{kind}>")
    answer = mercutio.only()
    assert (condition(answer), answer.kind, answer.id, answer.get("from")) == ("jid-malformed", kind, "7", None)


# from


@pytest.mark.parametrize(
    "said", ["mercutio@localhost/square", "mercutio@localhost", "Mercutio@LOCALHOST", "mercutio@localhost/other", None]
)
def test_from_is_what_the_server_knows(juliet: Client, mercutio: Client, said: str | None):
    claim = "" if said is None else f" from='{said}'"
    mercutio.write(f"<message to='juliet@localhost' type='chat'{claim}><body>hi</body></message>")
    assert juliet.only().get("from") == "mercutio@localhost/square"


@pytest.mark.parametrize("said", ["romeo@localhost", "romeo@localhost/square", "localhost", "@", ""])
def test_who_claims_to_be_somebody_else_is_thrown_out(juliet: Client, mercutio: Client, said: str):
    mercutio.write(f"<message to='juliet@localhost' type='chat' from='{said}'><body>hi</body></message>")
    assert mercutio.error is not None
    assert mercutio.error.condition == "invalid-from"
    assert juliet.take() == []


def test_clients_of_an_account_are_no_occupants(juliet: Client, mercutio: Client):
    mercutio.write(f"<message to='{juliet.jid}' type='chat' from='{juliet.bare}/else'><body>hi</body></message>")
    assert mercutio.error is not None
    assert mercutio.error.condition == "invalid-from"
    assert juliet.take() == []


def test_a_delay_in_the_servers_name_is_not_passed_on(juliet: Client, mercutio: Client):
    delays = "".join(
        f"<delay xmlns='{ns.DELAY}' from='{each}' stamp='2002-09-10T23:08:25Z'/>" for each in ("localhost", "room@x")
    )
    mercutio.write(f"<message to='juliet@localhost' type='chat'>{delays}<body>hi</body></message>")
    assert [each.get("from") for each in juliet.only().iter(f"{{{ns.DELAY}}}delay")] == ["room@x"]


# The language of a stream


@pytest.mark.parametrize(
    ("stream", "said", "arrives"),
    [
        ("de", "", "de"),
        ("de", " xml:lang='fr'", "fr"),
        ("en", "", None),
        ("no language", "", None),
        ("x" * 99, "", None),
    ],
)
def test_a_stanza_is_in_the_language_of_its_stream(
    stage: Stage, juliet: Client, stream: str, said: str, arrives: str | None
):
    tybalt = stage.connect("tybalt", "street", lang=stream)
    tybalt.write(f"<message to='juliet@localhost' type='chat'{said}><body>hi</body></message>")
    assert juliet.only().get(f"{{{ns.XML}}}lang") == arrives


# iq


@pytest.mark.parametrize(
    "sent",
    [
        "<iq type='get' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='get' id='1' to='localhost'/>",
        "<iq type='set' id='1' to='juliet@localhost'/>",
        "<iq type='get' id='1'><a xmlns='urn:a'/><b xmlns='urn:b'/></iq>",
        "<iq id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
        "<iq type='nonsense' id='1'><ping xmlns='urn:xmpp:ping'/></iq>",
    ],
)
def test_an_iq_that_breaks_the_rules(mercutio: Client, sent: str):
    mercutio.write(sent)
    answer = mercutio.only()
    assert condition(answer) == "bad-request"
    assert answer.id == xml(sent).get("id")


@pytest.mark.parametrize(
    "to", [None, "localhost", "localhost/x", "mercutio@localhost", "juliet@localhost", "nobody@localhost"]
)
@pytest.mark.parametrize("type", ["get", "set"])
def test_a_payload_that_nobody_understands(juliet: Client, mercutio: Client, to: str | None, type: str):
    answer = mercutio.ask(type, "<x xmlns='urn:x'/>", to)
    assert condition(answer) == "service-unavailable"
    assert answer.get("from") == to
    assert len(answer) == 1
    assert juliet.take() == []


@pytest.mark.parametrize(
    "to", [None, "localhost", "mercutio@localhost", "juliet@localhost", "juliet@localhost/gone", "nobody@localhost"]
)
@pytest.mark.parametrize("type", ["result", "error"])
def test_answers_are_not_answered(juliet: Client, mercutio: Client, to: str | None, type: str):
    where = "" if to is None else f" to='{to}'"
    mercutio.write(f"<iq type='{type}' id='1'{where}><x xmlns='urn:x'/></iq>")
    assert mercutio.take() == []
    assert juliet.take() == []


def test_two_clients_ask_one_another(juliet: Client, mercutio: Client):
    mercutio.write(f"<iq type='get' id='1' to='{juliet.jid}'><x xmlns='urn:x'/></iq>")
    asked = juliet.only()
    assert (asked.id, asked.get("from")) == ("1", mercutio.jid)
    juliet.write(f"<iq type='result' id='1' to='{asked.get('from')}'><x xmlns='urn:x'/></iq>")
    assert mercutio.only().get("from") == juliet.jid


def test_a_client_that_is_gone_cannot_be_asked(juliet: Client, mercutio: Client):
    answer = mercutio.ask("get", "<ping xmlns='urn:xmpp:ping'/>", "juliet@localhost/gone")
    assert condition(answer) == "service-unavailable"
    assert answer.get("from") == "juliet@localhost/gone"


def test_two_handlers_for_one_thing_are_refused(stage: Stage):
    with pytest.raises(ValueError, match="two handlers"):
        stage.host.on_iq("get", ns.PING, "ping", lambda iq: None, at="host")


def test_a_handler_that_fails(stage: Stage, mercutio: Client):
    def fail(iq: Stanza) -> None:
        raise RuntimeError("out of order")

    stage.host.on_iq("get", "urn:x", "x", fail, at="host")
    assert condition(mercutio.ask("get", "<x xmlns='urn:x'/>", "localhost")) == "internal-server-error"
    error, shown = stage.unexpected.pop()
    assert isinstance(error, RuntimeError)
    assert b"<x xmlns=" in shown
    assert mercutio.ask("get", f"<ping xmlns='{ns.PING}'/>", "localhost").type == "result"


# Presence


@pytest.mark.parametrize("type", ["nonsense", "available"])
def test_presence_of_a_type_that_does_not_exist(juliet: Client, mercutio: Client, type: str):
    mercutio.presence(type, "juliet@localhost")
    assert condition(mercutio.only()) == "bad-request"
    assert juliet.take() == []


@pytest.mark.parametrize("to", ["juliet@localhost/gone", "nobody@localhost", "nobody@localhost/x", "localhost"])
@pytest.mark.parametrize("type", ["", "unavailable", "subscribed", "unsubscribe", "unsubscribed", "probe", "error"])
def test_presence_that_finds_nobody_is_not_answered(juliet: Client, mercutio: Client, to: str, type: str):
    kind = f" type='{type}'" if type else ""
    mercutio.write(f"<presence to='{to}'{kind}/>")
    assert [each for each in mercutio.take() if each.type == "error"] == []


def test_a_presence_error_reaches_whom_it_is_for(juliet: Client, mercutio: Client):
    mercutio.presence("error", juliet.jid)
    assert juliet.seen() == [(mercutio.jid, "error")]


# Sessions that end with something unread


def test_what_one_session_did_not_read_another_gets(stage: Stage, juliet: Client, mercutio: Client):
    ghost = stage.login("juliet", "ghost", 5)
    ghost.hang()
    for number in range(3):
        mercutio.say("juliet@localhost", str(number))
        mercutio.say("juliet@localhost/ghost", f"full {number}")
    assert juliet.heard() == []
    ghost.drop()
    assert juliet.heard() == ["0", "full 0", "1", "full 1", "2", "full 2"]
    assert mercutio.take() == []


def test_or_it_waits_for_the_next_login_in_order(stage: Stage, mercutio: Client):
    ghost = stage.login("juliet", "ghost")
    ghost.hang()
    for number in range(3):
        mercutio.say("juliet@localhost/ghost", str(number))
    ghost.drop()
    assert stage.login("juliet", "balcony").inbox == []
    assert mercutio.take() == []


def test_and_is_handed_over_then(stage: Stage, mercutio: Client):
    ghost = stage.login("juliet", "ghost")
    ghost.hang()
    for number in range(3):
        mercutio.say("juliet@localhost/ghost", str(number))
    ghost.drop()
    juliet = stage.connect("juliet", "balcony")
    juliet.available()
    assert juliet.heard() == ["0", "1", "2"]


def test_what_cannot_be_stored_bounces(stage: Stage, mercutio: Client):
    ghost = stage.login("juliet", "ghost")
    ghost.hang()
    mercutio.say(ghost.jid, type="groupchat")
    mercutio.say(ghost.jid, type="normal")
    mercutio.say(ghost.jid, type="headline")
    mercutio.write(f"<message to='{ghost.jid}' type='error'/>")
    mercutio.write(f"<iq to='{ghost.jid}' type='get' id='1'><x xmlns='urn:x'/></iq>")
    mercutio.write(f"<iq to='{ghost.jid}' type='result' id='2'/>")
    mercutio.available(to=ghost.jid)
    address = ghost.jid
    ghost.drop()
    errors = mercutio.take()
    assert [(each.kind, each.get("from"), condition(each)) for each in errors if each.type == "error"] == [
        ("message", address, "service-unavailable"),
        ("message", address, "service-unavailable"),
        ("iq", address, "service-unavailable"),
    ]


def test_what_others_have_got_too_is_not_given_to_them_again(stage: Stage, juliet: Client, mercutio: Client):
    ghost = stage.login("juliet", "ghost")
    ghost.hang()
    mercutio.say("juliet@localhost", "once")
    ghost.drop()
    assert juliet.heard() == ["once"]
    assert len(stage.store.items("offline", "juliet@localhost")) == 0


def test_what_none_of_them_has_read_is_kept_once(stage: Stage, mercutio: Client):
    ghosts = [stage.login("juliet", f"ghost {number}") for number in range(3)]
    for ghost in ghosts:
        ghost.hang()
    mercutio.say("juliet@localhost", "once")
    for ghost in ghosts:
        ghost.drop()
    juliet = stage.connect("juliet")
    juliet.available()
    assert juliet.heard() == ["once"]


def test_who_came_later_has_not_got_it(stage: Stage, mercutio: Client):
    ghost = stage.login("juliet", "ghost")
    ghost.hang()
    mercutio.say("juliet@localhost", "once")
    juliet = stage.login("juliet", "balcony")
    assert juliet.heard() == []
    ghost.drop()
    assert juliet.heard() == ["once"]


def test_a_roster_push_that_was_not_read_is_not_needed_any_more(stage: Stage, mercutio: Client):
    mercutio.hang()
    mercutio.write(f"<iq type='set' id='1'><query xmlns='{ns.ROSTER}'><item jid='a@b'/></query></iq>")
    mercutio.drop()
    assert not stage.unexpected


def test_without_offline_storage_it_bounces(make_stage):
    stage = make_stage(disabled=["offline"])
    stage.account("juliet")
    mercutio = stage.login("mercutio", "square")
    mercutio.say("juliet@localhost")
    assert conditions(mercutio.take()) == ["service-unavailable"]


# Ends


def test_a_hook_that_fails_keeps_nobody_here(stage: Stage, romeo: Client, juliet: Client):
    def fail(session: object) -> None:
        raise RuntimeError("out of order")

    stage.host.hooks.session_closed.insert(0, fail)
    romeo.drop()
    assert juliet.seen() == [("romeo@localhost/orchard", "unavailable")]
    assert stage.host.sessions("romeo") == ()
    assert isinstance(stage.unexpected.pop()[0], RuntimeError)


def test_a_session_ends_once(stage: Stage, romeo: Client, juliet: Client):
    session = romeo.session
    stage.host.unbound(session)
    stage.host.unbound(session)
    romeo.drop()
    assert juliet.seen() == [("romeo@localhost/orchard", "unavailable")]


def test_an_account_that_is_deleted(stage: Stage, romeo: Client, juliet: Client):
    romeo.say("juliet@localhost/balcony", "bye")
    account = romeo.session.account
    assert stage.host.delete_account(account)
    stage.turn.end()
    assert romeo.error is not None
    assert romeo.error.condition == "not-authorized"
    assert ("romeo@localhost/orchard", "unavailable") in juliet.seen()
    juliet.say("romeo@localhost")
    assert conditions(juliet.take()) == ["service-unavailable"]
    assert not stage.host.delete_account(account)
    for collection in ("accounts", "roster", "offline", "vcard"):
        assert account.bare not in stage.store.owners(collection)


def test_what_a_bad_stanza_of_the_server_itself_causes_is_nobodys_error(stage: Stage):
    stage.router.refuse(xml("<message to='a@localhost'/>"), StanzaError("bad-request"))  # type: ignore[arg-type]
    stage.router.refuse(
        xml("<message from='gone@localhost/x' to='a@localhost'/>"),  # type: ignore[arg-type]
        StanzaError("bad-request"),
    )
    assert stage.unexpected == []


def test_stanzas_of_another_vocabulary_end_the_stream(mercutio: Client):
    mercutio.write("<enable xmlns='urn:xmpp:sm:2'/>")
    assert mercutio.error is not None
    assert mercutio.error.condition == "unsupported-stanza-type"


def test_the_same_bytes_go_to_everybody(stage: Stage, mercutio: Client):
    clients = [stage.login("juliet", str(number)) for number in range(3)]
    for each in clients:
        each.hang()
    mercutio.say("juliet@localhost")
    assert len({id(each.queue[0]) for each in clients}) == 1
    assert to_bytes(xml(clients[0].queue[0].decode())) == clients[0].queue[0]
