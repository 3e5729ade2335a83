"""RFC 6121 section 8, clause by clause. For messages to accounts it has a table, by which `test_routing.py` goes."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.roster import RosterItem
from conversehost.xmpp.jid import parse
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition, conditions

CONTACT = "contact@elsewhere.example"
PING = "<ping xmlns='urn:xmpp:ping'/>"
UNKNOWN = "<x xmlns='urn:x'/>"
ROSTER = "<query xmlns='jabber:iq:roster'/>"


@pytest.fixture
def elsewhere(stage: Stage) -> Elsewhere:
    return Elsewhere(stage)


@pytest.fixture
def contact(stage: Stage, juliet: Client, elsewhere: Elsewhere) -> str:
    """Of juliet's, elsewhere: subscribed both ways."""
    stage.host.rosters.put(juliet.session.account, RosterItem(CONTACT, to=True, from_=True))
    return CONTACT


# 8.2 No 'to' Address


def test_without_to_a_message_is_for_the_own_account(stage: Stage, juliet: Client):
    chamber = stage.login("juliet", "chamber", 5)
    juliet.take()
    juliet.write("<message type='chat'><body>hi</body></message>")
    assert chamber.heard() == ["hi"]
    assert juliet.take() == []


@pytest.mark.parametrize(("payload", "answer"), [(ROSTER, "result"), (PING, "result"), (UNKNOWN, "error")])
def test_without_to_an_iq_is_for_the_own_account(juliet: Client, payload: str, answer: str):
    assert juliet.ask("get", payload).type == answer


# 8.3 Remote Domain


@pytest.mark.parametrize("to", ["elsewhere.example", CONTACT, f"{CONTACT}/x"])
def test_what_is_for_another_domain_goes_there(juliet: Client, elsewhere: Elsewhere, to: str):
    juliet.write(f"<message to='{to}' type='groupchat'/>")
    juliet.write(f"<iq to='{to}' type='get' id='1'>{ROSTER}</iq>")
    juliet.write(f"<presence to='{to}'/>")
    assert [(each.kind, each.get("from"), each.get("to")) for each in elsewhere.take()] == [
        (kind, juliet.jid, to) for kind in ("message", "iq", "presence")
    ]


# 8.4 Local Domain


@pytest.mark.parametrize("to", ["localhost", "localhost/x"])
@pytest.mark.parametrize(
    ("sent", "error"),
    [
        ("<message to='{}'><body>hi</body></message>", "service-unavailable"),
        ("<message to='{}' type='error'/>", None),
        ("<iq to='{}' type='get' id='1'><x xmlns='urn:x'/></iq>", "service-unavailable"),
        ("<iq to='{}' type='result' id='1'/>", None),
        ("<iq to='{}' type='error' id='1'/>", None),
        ("<presence to='{}'/>", None),
        ("<presence to='{}' type='error'/>", None),
    ],
)
def test_what_is_for_the_server_itself(juliet: Client, to: str, sent: str, error: str | None):
    juliet.write(sent.format(to))
    assert conditions(juliet.take()) == ([] if error is None else [error])


# 8.5.1 No Such User


@pytest.mark.parametrize("to", ["nobody@localhost", "nobody@localhost/x"])
@pytest.mark.parametrize("type", ["get", "set"])
@pytest.mark.parametrize("payload", [PING, ROSTER, UNKNOWN])
def test_no_such_user_for_an_iq(juliet: Client, to: str, type: str, payload: str):
    answer = juliet.ask(type, payload, to)
    assert (condition(answer), answer.get("from")) == ("service-unavailable", to)


@pytest.mark.parametrize("to", ["nobody@localhost", "nobody@localhost/x"])
@pytest.mark.parametrize("type", ["", "unavailable", "subscribe", "subscribed", "unsubscribe", "unsubscribed"])
def test_no_such_user_for_presence(elsewhere: Elsewhere, to: str, type: str):
    kind = f" type='{type}'" if type else ""
    elsewhere.send(f"<presence from='{CONTACT}' to='{to}'{kind}/>")
    assert elsewhere.take() == []


def test_no_such_user_for_a_probe(elsewhere: Elsewhere):
    elsewhere.send(f"<presence from='{CONTACT}' to='nobody@localhost' type='probe'/>")
    assert elsewhere.seen() == [("nobody@localhost", "unsubscribed")]


# 8.5.2 localpart@domainpart


@pytest.mark.parametrize("type", ["", "unavailable"])
def test_presence_for_an_account_goes_to_all_that_are_available(
    stage: Stage, juliet: Client, elsewhere: Elsewhere, type: str
):
    low, connected = stage.login("juliet", "low", -5), stage.connect("juliet", "connected")
    juliet.take()
    kind = f" type='{type}'" if type else ""
    elsewhere.send(f"<presence from='{CONTACT}' to='juliet@localhost'{kind}/>")
    for client in (juliet, low):
        assert client.only().get("to") == "juliet@localhost"
    assert connected.take() == []


@pytest.mark.parametrize("type", ["", "unavailable"])
def test_presence_for_an_account_that_is_away_is_not_kept(stage: Stage, elsewhere: Elsewhere, type: str):
    stage.account("juliet")
    kind = f" type='{type}'" if type else ""
    elsewhere.send(f"<presence from='{CONTACT}' to='juliet@localhost'{kind}/>")
    juliet = stage.connect("juliet", "balcony")
    juliet.available()
    assert juliet.seen() == [(juliet.jid, None)]
    assert elsewhere.take() == []


@pytest.mark.parametrize("there", [True, False])
@pytest.mark.parametrize(
    ("payload", "answer"), [(PING, "result"), ("<vCard xmlns='vcard-temp'/>", "error"), (UNKNOWN, "error")]
)
def test_an_iq_for_an_account_is_answered_on_its_behalf(
    stage: Stage, mercutio: Client, payload: str, answer: str, there: bool
):
    stage.account("juliet")
    clients = [stage.login("juliet", "balcony")] if there else []
    got = mercutio.ask("get", payload, "juliet@localhost")
    assert (got.type, got.get("from")) == (answer, "juliet@localhost")
    assert [each.take() for each in clients] == ([[]] if there else [])


@pytest.mark.parametrize("type", ["get", "set"])
def test_what_is_for_the_owner_alone_is_forbidden_to_others(juliet: Client, mercutio: Client, type: str):
    """RFC 6121 section 2.3.3."""
    assert condition(mercutio.ask(type, ROSTER, "juliet@localhost")) == "forbidden"


@pytest.mark.parametrize("type", ["result", "error"])
def test_an_answer_for_an_account_is_nobodys(juliet: Client, mercutio: Client, type: str):
    mercutio.write(f"<iq to='juliet@localhost' type='{type}' id='1'/>")
    assert mercutio.take() == juliet.take() == []


# 8.5.3.1 Resource Matches


@pytest.mark.parametrize("available", [True, False])
@pytest.mark.parametrize(
    "sent",
    [
        "<message from='{0}' to='{1}' type='{type}'/>".replace("{type}", type)
        for type in ("normal", "chat", "groupchat", "headline", "error")
    ]
    + [
        "<presence from='{0}' to='{1}'/>",
        "<presence from='{0}' to='{1}' type='unavailable'/>",
        "<iq from='{0}' to='{1}' type='result' id='1'/>",
        "<iq from='{0}' to='{1}' type='error' id='1'/>",
        "<iq from='{0}' to='{1}' type='get' id='1'><x xmlns='urn:x'/></iq>",
        "<iq from='{0}' to='{1}' type='set' id='1'><x xmlns='urn:x'/></iq>",
    ],
)
def test_what_is_for_a_resource_that_is_there(
    juliet: Client, elsewhere: Elsewhere, contact: str, sent: str, available: bool
):
    if not available:
        juliet.presence("unavailable")
        juliet.take()
    elsewhere.take()
    elsewhere.send(sent.format(contact, juliet.jid))
    got = juliet.only()
    assert (got.get("from"), got.get("to")) == (contact, juliet.jid)
    assert elsewhere.take() == []


# 8.5.3.2 No Resource Matches


@pytest.mark.parametrize("type", ["", "unavailable", "subscribed", "unsubscribe", "unsubscribed", "error"])
def test_presence_for_a_resource_that_is_not_there(
    stage: Stage, juliet: Client, elsewhere: Elsewhere, contact: str, type: str
):
    before = list(stage.host.rosters.of(juliet.session.account))
    kind = f" type='{type}'" if type else ""
    elsewhere.send(f"<presence from='{contact}' to='juliet@localhost/gone'{kind}/>")
    assert elsewhere.take() == juliet.take() == []
    assert list(stage.host.rosters.of(juliet.session.account)) == before


def test_a_request_for_a_resource_that_is_not_there_is_one_all_the_same(juliet: Client, elsewhere: Elsewhere):
    """Section 3.1.3."""
    elsewhere.send("<presence from='new@elsewhere.example' to='juliet@localhost/gone' type='subscribe'/>")
    assert juliet.seen() == [("new@elsewhere.example", "subscribe")]


@pytest.mark.parametrize("type", ["get", "set"])
def test_an_iq_for_a_resource_that_is_not_there(juliet: Client, elsewhere: Elsewhere, contact: str, type: str):
    answer = juliet.ask(type, PING, "juliet@localhost/gone")
    assert (condition(answer), answer.get("from")) == ("service-unavailable", "juliet@localhost/gone")


def test_answers_for_a_resource_that_is_not_there_end_there(juliet: Client, elsewhere: Elsewhere, contact: str):
    for sent in ("<iq type='result' id='1'", "<iq type='error' id='1'", "<message type='error'"):
        elsewhere.send(f"{sent} from='{contact}' to='juliet@localhost/gone'/>")
    assert elsewhere.take() == juliet.take() == []


# No loops: an error is never answered by one (RFC 6120 section 8.3.1)


def test_two_who_answer_errors_with_errors(juliet: Client, mercutio: Client):
    """Each sends one for the other's; the server adds none."""
    for _ in range(3):
        juliet.write(f"<message to='{mercutio.jid}' id='1' type='error'/>")
        mercutio.write(f"<message to='{juliet.jid}' id='1' type='error'/>")
    assert len(juliet.take()) == len(mercutio.take()) == 3


def test_an_error_that_cannot_be_delivered_to_another_domain_ends_there(juliet: Client):
    for kind in ("message", "presence", "iq"):
        juliet.write(f"<{kind} to='a@nowhere.example' id='1' type='error'/>")
    assert juliet.take() == []


# Two hosts in one server: each is a remote domain to the other


@pytest.fixture
def tybalt(make_stage: Callable[..., Stage]) -> Client:
    stage = make_stage("localhost", "capulet.example")
    stage.befriend("benvolio", "tybalt@capulet.example")
    return stage.login("tybalt@capulet.example", "street")


@pytest.fixture
def benvolio(tybalt: Client) -> Client:
    benvolio = tybalt.stage.login("benvolio", "square")
    tybalt.take()
    return benvolio


def test_messages_between_hosts(benvolio: Client, tybalt: Client):
    benvolio.say("tybalt@capulet.example", "peace")
    assert tybalt.only().get("from") == benvolio.jid
    tybalt.say(benvolio.jid, "what, drawn?")
    assert benvolio.heard() == ["what, drawn?"]
    benvolio.say("nobody@capulet.example")
    assert conditions(benvolio.take()) == ["service-unavailable"]


def test_the_same_name_at_another_host_is_somebody_else(benvolio: Client, tybalt: Client):
    tybalt.stage.account("tybalt@localhost")
    benvolio.say("tybalt@localhost")
    assert tybalt.take() == []
    assert condition(benvolio.ask("get", ROSTER, "benvolio@capulet.example")) == "service-unavailable"


def test_presence_between_hosts(benvolio: Client, tybalt: Client):
    benvolio.write("<presence><show>away</show></presence>")
    assert tybalt.only().text_of("show") == "away"
    tybalt.presence("probe", benvolio.jid)
    assert tybalt.seen() == [(benvolio.jid, None)]
    benvolio.take()
    tybalt.drop()
    assert benvolio.seen() == [(tybalt.jid, "unavailable")]


def test_directed_presence_between_hosts(benvolio: Client, tybalt: Client):
    stage = tybalt.stage
    stranger = stage.login("mercutio", "square")
    stranger.available(to=tybalt.jid)
    assert tybalt.seen() == [(stranger.jid, None)]
    stranger.drop()
    assert tybalt.seen() == [(stranger.jid, "unavailable")]


def test_subscriptions_between_hosts(benvolio: Client, tybalt: Client):
    mercutio = tybalt.stage.login("mercutio", "square")
    mercutio.presence("subscribe", "tybalt@capulet.example")
    assert tybalt.seen() == [("mercutio@localhost", "subscribe")]
    tybalt.presence("subscribed", "mercutio@localhost")
    assert (tybalt.jid, None) in mercutio.seen()
    assert mercutio.roster()["tybalt@capulet.example"]["subscription"] == "to"


def test_iqs_between_hosts(benvolio: Client, tybalt: Client):
    assert benvolio.ask("get", PING, "capulet.example").type == "result"
    assert benvolio.ask("get", PING, "tybalt@capulet.example").type == "result"
    benvolio.write(f"<iq to='{tybalt.jid}' type='get' id='1'>{UNKNOWN}</iq>")
    tybalt.write(f"<iq to='{tybalt.only().get('from')}' type='result' id='1'/>")
    assert benvolio.only().get("from") == tybalt.jid


def test_offline_messages_between_hosts(tybalt: Client):
    tybalt.stage.account("mercutio")
    tybalt.say("mercutio@localhost", "draw")
    mercutio = tybalt.stage.connect("mercutio")
    mercutio.available()
    assert mercutio.heard() == ["draw"]


def test_blocking_between_hosts(benvolio: Client, tybalt: Client):
    benvolio.ask("set", "<block xmlns='urn:xmpp:blocking'><item jid='capulet.example'/></block>")
    assert tybalt.seen() == [(benvolio.jid, "unavailable")]
    tybalt.say("benvolio@localhost")
    assert conditions(tybalt.take()) == ["service-unavailable"]
    assert benvolio.take() == []


def test_an_address_is_what_it_is_prepared_to(benvolio: Client, tybalt: Client):
    benvolio.say("Tybalt@CAPULET.example/street")
    assert tybalt.only().get("to") == "Tybalt@CAPULET.example/street"
    assert parse("Tybalt@CAPULET.example/street").full == tybalt.jid
