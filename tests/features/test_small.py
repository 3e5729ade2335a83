"""XEP-0199, XEP-0092, XEP-0202 and XEP-0054: a question, an answer."""

from __future__ import annotations

import pytest

from conversehost import __version__
from conversehost.clock import Clock
from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.stage import Client, Stage, condition

PING = f"<ping xmlns='{ns.PING}'/>"
VERSION = f"<query xmlns='{ns.VERSION}'/>"
TIME = f"<time xmlns='{ns.TIME}'/>"
VCARD = f"<vCard xmlns='{ns.VCARD}'/>"


@pytest.mark.parametrize("to", [None, "localhost", "mercutio@localhost", "romeo@localhost"])
def test_a_ping(romeo: Client, mercutio: Client, to: str | None):
    answer = mercutio.ask("get", PING, to)
    assert (answer.type, answer.get("from"), answer.get("to"), len(answer)) == ("result", to, mercutio.jid, 0)


@pytest.mark.parametrize("to", ["nobody@localhost", "mercutio@localhost/gone"])
def test_a_ping_to_nobody(mercutio: Client, to: str):
    answer = mercutio.ask("get", PING, to)
    assert (condition(answer), answer.get("from")) == ("service-unavailable", to)


def test_a_ping_to_a_client(juliet: Client, mercutio: Client):
    mercutio.write(f"<iq type='get' id='1' to='{juliet.jid}'>{PING}</iq>")
    juliet.write(f"<iq type='result' id='1' to='{juliet.only().get('from')}'/>")
    assert mercutio.only().type == "result"


def test_the_version(mercutio: Client):
    query = mercutio.ask("get", VERSION, "localhost")[0]
    assert [(each.tag, each.text) for each in query] == [
        (f"{{{ns.VERSION}}}name", "conversehost"),
        (f"{{{ns.VERSION}}}version", __version__),
    ]


@pytest.mark.parametrize("question", [VERSION, TIME])
def test_an_account_has_no_version_and_no_time(juliet: Client, mercutio: Client, question: str):
    assert condition(mercutio.ask("get", question, juliet.bare)) == "service-unavailable"


@pytest.mark.parametrize("to", [None, "localhost"])
def test_the_time(clock: Clock, mercutio: Client, to: str | None):
    clock.advance(1.5)
    answer = mercutio.ask("get", TIME, to)[0]
    assert answer.findtext(f"{{{ns.TIME}}}utc") == "2023-11-14T22:13:21.500Z"
    assert answer.findtext(f"{{{ns.TIME}}}tzo") == "+00:00"


@pytest.mark.parametrize("question", [PING, VERSION, TIME])
def test_nothing_of_that_can_be_set(mercutio: Client, question: str):
    assert condition(mercutio.ask("set", question, "localhost")) == "service-unavailable"


# vCards


@pytest.mark.parametrize("to", [None, "mercutio@localhost"])
def test_ones_own_card_is_empty_at_first(mercutio: Client, to: str | None):
    assert to_bytes(mercutio.ask("get", VCARD, to)[0]) == b'<vCard xmlns="vcard-temp"/>'


@pytest.mark.parametrize("to", [None, "juliet@localhost"])
def test_a_card_is_kept_as_it_is_and_shown_to_anybody(juliet: Client, mercutio: Client, to: str | None):
    photo = "<PHOTO><TYPE>image/png</TYPE><BINVAL>AA\n==</BINVAL></PHOTO>"
    card = f'<vCard xmlns="vcard-temp"><FN>\u00c9 &lt;b&gt;</FN>{photo}</vCard>'
    answer = juliet.ask("set", card, to)
    assert (answer.type, len(answer)) == ("result", 0)
    for asked in (juliet.ask("get", VCARD), mercutio.ask("get", VCARD, "juliet@localhost")):
        assert to_bytes(asked[0]).decode() == card
    juliet.ask("set", VCARD)
    assert len(mercutio.ask("get", VCARD, "juliet@localhost")[0]) == 0


def test_somebody_without_a_card_looks_like_nobody(romeo: Client, mercutio: Client):
    answers = [mercutio.ask("get", VCARD, to) for to in ("romeo@localhost", "nobody@localhost")]
    assert [condition(each) for each in answers] == ["service-unavailable"] * 2


@pytest.mark.parametrize(
    ("to", "error"),
    [
        ("juliet@localhost", "forbidden"),
        ("nobody@localhost", "service-unavailable"),  # RFC 6121 section 8.5.1
        ("localhost", "service-unavailable"),
    ],
)
def test_only_ones_own_card_can_be_changed(juliet: Client, mercutio: Client, to: str, error: str):
    assert condition(mercutio.ask("set", VCARD, to)) == error


def test_a_card_goes_with_its_account(stage: Stage, juliet: Client, mercutio: Client):
    juliet.ask("set", "<vCard xmlns='vcard-temp'><FN>J</FN></vCard>")
    stage.host.delete_account(juliet.session.account)
    stage.account("juliet")
    assert len(stage.login("juliet").ask("get", VCARD)[0]) == 0
