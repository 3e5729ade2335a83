"""`--auth`: who says who may log in, for each domain."""

from __future__ import annotations

import re

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import Settings
from conversehost.xmpp import ns
from conversehost.xmpp.stream import StreamOpen
from tests.stage import encoded, offered, xml
from tests.testbed.conftest import House


def settings(*arguments: str) -> Settings:
    return load(arguments, {})


def test_without_it_there_are_the_accounts():
    assert settings().back_ends("localhost") == ("accounts",)


def test_one_domain_may_have_others_than_the_rest():
    chosen = settings(
        "--domain", "a.example", "--domain", "b.example", "--auth", "any", "--auth", "b.example=accounts,any"
    )
    assert chosen.back_ends("a.example") == ("any",)
    assert chosen.back_ends("b.example") == ("accounts", "any")


def test_in_the_environment_domains_have_spaces_between_them():
    chosen = load((), {"CONVERSEHOST_AUTH": "accounts,any localhost=any"})
    assert chosen.auth == (("", ("accounts", "any")), ("localhost", ("any",)))


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--auth", "magic"], "--auth: wants some of accounts, any, "),
        (["--auth", "any,accounts"], "--auth: any lets everybody in, so nobody is asked after it: put it last"),
        (["--auth", "b.example=any"], "--auth b.example=...: no such domain here, add --domain b.example"),
        (["--auth", "a b=any"], "--auth: wants a name such as chat.example"),
    ],
)
def test_what_makes_no_sense(arguments: list[str], says: str):
    with pytest.raises(ConfigError, match=re.escape(says)):
        settings(*arguments)


class Door:
    """A stream to a domain of a server, from this machine."""

    def __init__(self, house: House, domain: str) -> None:
        self.said: list[bytes] = []
        self.stream = house.server.stream()
        self.stream.open(StreamOpen(domain, "tcp", "127.0.0.1"), self)  # type: ignore[arg-type]
        self.mechanisms = list(offered(xml(self.said.pop().decode())))

    def send(self, stanza: bytes) -> None:
        self.said.append(stanza)

    def __getattr__(self, name: str) -> object:
        return lambda *_: None

    def begin(self, name: str, password: str) -> None:
        """The answer may come later."""
        message = encoded(f"\0{name}\0{password}")
        self.stream.receive(xml(f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{message}</auth>"))

    def knock(self, name: str, password: str) -> str:
        """The name of the answer."""
        self.begin(name, password)
        return self.said.pop().decode().split()[0].strip("</>")


@pytest.fixture
def house():
    house = House("--domain", "localhost", "--domain", "open.example", "--auth", "open.example=accounts,any")
    yield house
    house.server.close_sessions("system-shutdown")


def test_each_domain_asks_its_own(house: House):
    assert Door(house, "localhost").knock("stranger", "x") == "failure"
    assert Door(house, "open.example").knock("stranger", "x") == "success"


def test_scram_is_offered_only_where_every_password_is_known(house: House):
    assert Door(house, "localhost").mechanisms == ["SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN"]
    assert Door(house, "open.example").mechanisms == ["PLAIN"]
