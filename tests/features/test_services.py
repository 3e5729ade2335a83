"""XEP-0215, and how the operator names services."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.server.policy import Policy
from conversehost.xmpp.services import ExternalService, read_service
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

ALL = "<services xmlns='urn:xmpp:extdisco:2'/>"
SERVICES = (
    "stun:stun.example",
    "turn:turn.example:9999?transport=udp&secret=s3cret&ttl=3600",
    "turn:turn.example:9998?transport=tcp&secret=s3cret",
    "ftp:files.example:20?username=guest&password=g%26t&name=Files",
)


@pytest.fixture
def house(make_stage: Callable[..., Stage]) -> Stage:
    return make_stage(policy=Policy(services=tuple(map(read_service, SERVICES))))


@pytest.fixture
def bard(house: Stage) -> Client:
    return house.login("bard")


def told(client: Client, question: str) -> list[dict[str, str]]:
    return [dict(each.attrib) for each in client.ask("get", question, "localhost")[0]]


def test_all_of_them(bard: Client):
    stun, udp, tcp, ftp = told(bard, ALL)
    assert stun == {"type": "stun", "host": "stun.example", "port": "3478"}
    assert ftp == {
        "type": "ftp",
        "host": "files.example",
        "port": "20",
        "name": "Files",
        "username": "guest",
        "password": "g&t",
        "restricted": "1",
    }
    assert udp == {
        "type": "turn",
        "host": "turn.example",
        "port": "9999",
        "transport": "udp",
        "restricted": "1",
        "username": "1700003600:bard",
        "password": "Pe45KEPRaTNpADNmp3cBVvXyBFY=",
        "expires": "2023-11-14T23:13:20.000Z",
    }
    assert tcp["expires"] == "2023-11-15T22:13:20.000Z"


def test_those_of_a_type(bard: Client):
    answer = bard.ask("get", ALL.replace("/>", " type='turn'/>"), "localhost")[0]
    assert answer.get("type") == "turn"
    assert [each.get("port") for each in answer] == ["9999", "9998"]


@pytest.mark.parametrize(("port", "found"), [("", ["9999", "9998"]), (" port='9998'", ["9998"])])
def test_credentials_for_one_that_is_known(bard: Client, port: str, found: list[str]):
    service = f"<service host='turn.example' type='turn'{port}/>"
    answers = told(bard, f"<credentials xmlns='urn:xmpp:extdisco:2'>{service}</credentials>")
    assert [each["port"] for each in answers] == found
    assert all(each["username"].endswith(":bard") for each in answers)


@pytest.mark.parametrize(
    ("service", "error"),
    [
        ("<service host='turn.example' type='stun'/>", "item-not-found"),
        ("<service host='turn.example' type='turn' port='1'/>", "item-not-found"),
        ("<service host='turn.example'/>", "bad-request"),
        ("", "bad-request"),
    ],
)
def test_credentials_for_one_that_is_not(bard: Client, service: str, error: str):
    answer = bard.ask("get", f"<credentials xmlns='urn:xmpp:extdisco:2'>{service}</credentials>", "localhost")
    assert condition(answer) == error


@pytest.mark.parametrize("question", [ALL, "<credentials xmlns='urn:xmpp:extdisco:2'/>"])
def test_strangers_are_told_nothing(house: Stage, question: str):
    elsewhere = Elsewhere(house)
    elsewhere.send(f"<iq type='get' id='1' from='a@elsewhere.example' to='localhost'>{question}</iq>")
    assert condition(elsewhere.take()[0]) == "forbidden"


@pytest.mark.parametrize(
    ("text", "service"),
    [
        ("stun:stun.example", ExternalService("stun", "stun.example", 3478)),
        ("TURNS:[::1]?transport=tcp", ExternalService("turns", "::1", 5349, "tcp")),
        ("sip:192.0.2.1:5060?name=Phone%20calls", ExternalService("sip", "192.0.2.1", 5060, name="Phone calls")),
    ],
)
def test_how_a_service_is_written(text: str, service: ExternalService):
    assert read_service(text) == service


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("turn.example", "wants TYPE:HOST"),
        ("sip:phone.example", "wants a port"),
        ("turn:turn.example:99999", "wants a port"),
        ("turn:turn.example?secrets=x", "knows no 'secrets'"),
        ("turn:turn.example?secret=x&ttl=soon", "ttl is a number"),
        ("turn:turn.example?secret=x&ttl=0", "ttl is a number"),
        ("turn:turn.example?username=x", "wants username and password"),
        ("turn:turn.example?username=x&password=hush&secret=hush", "wants username and password, or secret"),
    ],
)
def test_what_is_no_service(text: str, says: str):
    with pytest.raises(ValueError, match=says) as raised:
        read_service(text)
    assert "hush" not in str(raised.value)


def test_a_secret_is_not_shown():
    assert "hush" not in repr(read_service("turn:turn.example?secret=hush"))
