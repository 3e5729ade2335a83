"""Prebind at a server elsewhere: the login from here, and a page that attaches to it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.net.prebind import Prebound, Wish
from conversehost.net.upstream import UpstreamStream
from conversehost.upstream.jwt import TokenMint
from conversehost.upstream_sessions import PATIENCE, UpstreamSessions
from conversehost.upstreams import mint
from conversehost.web.prebind import Refusal
from conversehost.web.wanted import Wanted
from conversehost.xmpp import ns
from conversehost.xmpp.errors import WayError
from conversehost.xmpp.jid import parse
from conversehost.xmpp.places import Place
from tests.bosh.stage import Client
from tests.net.test_upstream import BOUND, HEADER, SUCCESS, Beyond

ROMEO = parse("romeo@localhost")
OFFER = "<stream:features><mechanisms xmlns='{}'>{}</mechanisms></stream:features>"
BINDING = f"<stream:features><bind xmlns='{ns.BIND}'/><session xmlns='{ns.SESSION}'/></stream:features>"


def offer(*mechanisms: str) -> str:
    return HEADER + OFFER.format(ns.SASL, "".join(f"<mechanism>{each}</mechanism>" for each in mechanisms))


class Desk(Beyond):
    """Where somebody asks for a session at a server elsewhere; `told` is what they are answered."""

    def __init__(self) -> None:
        super().__init__()
        upstreams: Any = SimpleNamespace(
            backend=lambda domain: UpstreamStream(Place("far.example"), self.terms),
            streams=lambda: list(self.terms.streams),
        )
        self.told: list[Prebound | Refusal] = []
        self._parts = upstreams, self.manager, self.turn, self.clock

    def ask(
        self,
        *,
        certified: bool = False,
        mint: TokenMint | None = None,
        presence: bool = False,
        reached: bool = True,
        **secret: str,
    ) -> None:
        self.sessions = UpstreamSessions(*self._parts, certified=certified, mint=mint)
        self.sessions.prebind(ROMEO, Wanted("romeo", Wish(presence=presence), **secret), "", self.told.append)
        if reached and not self.told:
            self.arrives()

    def lets_in(self) -> None:
        self.says(SUCCESS, HEADER + BINDING, BOUND.replace("id='1'", "id='bind'"))
        self.says("<iq type='result' id='session'/>")

    @property
    def answer(self) -> Any:
        (told,) = self.told
        return told


@pytest.fixture
def desk() -> Desk:
    return Desk()


@pytest.mark.parametrize(
    ("secret", "offered", "said"),
    [
        ({"password": "p"}, "PLAIN", "AHJvbWVvAHA="),
        ({"token": "t"}, "PLAIN", "AHJvbWVvAHQ="),
        ({"token": "t"}, "OAUTHBEARER", "bixhPXJvbWVvQGxvY2FsaG9zdCwBYXV0aD1CZWFyZXIgdAEB"),
        ({}, "EXTERNAL", "cm9tZW9AbG9jYWxob3N0"),
    ],
)
def test_a_page_attaches_to_what_was_made_for_it(desk, secret, offered, said):
    desk.ask(certified=not secret, **secret)
    desk.says(offer(offered))
    assert f'mechanism="{offered}">{said}<' in desk.heard()
    desk.lets_in()
    bound = desk.answer
    assert bound.jid == "romeo@localhost/r"
    client = Client(desk)
    client.sid = bound.sid
    held = client.send(rid=bound.rid)
    assert held.held
    desk.says("<message id='m'/>")
    assert held.said == ["m"]


def test_a_session_may_be_present_at_once(desk):
    desk.ask(password="p", presence=True)
    desk.says(offer("PLAIN"))
    desk.lets_in()
    assert "<presence" in desk.heard()


def test_a_login_that_is_refused(desk):
    desk.ask(password="p")
    desk.says(offer("PLAIN"), f"<failure xmlns='{ns.SASL}'><not-authorized/></failure>")
    assert desk.answer.status == 403
    assert "not-authorized" in desk.answer.text
    assert list(desk.manager.sessions()) == []
    assert desk.far.disconnecting


def test_a_server_that_takes_nothing_of_it(desk):
    desk.ask(token="t")
    desk.says(offer("SCRAM-SHA-1"))
    assert desk.answer == Refusal(403, "localhost says: invalid-mechanism: the server offers SCRAM-SHA-1")


def test_a_server_that_cannot_be_reached(desk):
    desk.ask(password="p", reached=False)
    desk.failed(WayError("remote-connection-failed", "nobody is there"))
    assert desk.answer == Refusal(502, "localhost: nobody is there")


def test_a_server_that_says_nothing(desk):
    desk.ask(password="p")
    desk.advance(PATIENCE)
    assert desk.answer.status == 504
    assert list(desk.manager.sessions()) == []


def test_without_anything_to_show_nobody_is_asked(desk):
    desk.ask()
    assert desk.answer.status == 501
    assert desk.asked == []


def test_a_server_that_is_going_to_stop_begins_none(desk):
    desk.manager.draining.on = True
    desk.ask(password="secret")
    assert desk.answer.status == 503


def test_a_key_that_a_server_shares_with_us_logs_everybody_in(desk):
    desk.ask(mint=TokenMint(b"a key of more than thirty-two bytes", lambda: 1.0))
    desk.says(offer("PLAIN"))
    desk.lets_in()
    assert desk.answer.jid == "romeo@localhost/r"


def test_a_key_that_is_too_short_is_told(tmp_path):
    (tmp_path / "key").write_text("short")
    options = load(["--upstream", "localhost=srv", "--upstream-jwt-key", str(tmp_path / "key")], {})
    with pytest.raises(ConfigError, match=r"--upstream-jwt-key .*key: a key has at least 32 bytes"):
        mint(options, lambda: 0.0)


def test_all_sessions_of_somebody_end(desk):
    desk.ask(password="p")
    desk.says(offer("PLAIN"))
    desk.lets_in()
    assert desk.sessions.end_all(parse("juliet@localhost")) == 0
    assert desk.sessions.end_all(ROMEO) == 1
    assert desk.heard().endswith("</stream:stream>")
    assert list(desk.manager.sessions()) == []
