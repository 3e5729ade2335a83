"""The cookie by which a proxy keeps a BOSH session on its process."""

from __future__ import annotations

import pytest

from conversehost.net.forwarded import Proxies
from conversehost.net.instance import Instance
from tests.net.front import Answer, Front, request

SET = "conversehost_instance=a.1; Path=/; HttpOnly; SameSite=Lax"


@pytest.fixture
def several(front: Front) -> Front:
    front.factory.instance = Instance("a.1")
    return front


def asked(front: Front, **fields: str) -> Answer:
    (answer,) = front.exchange(request("GET", "/http-bind", **fields))
    return answer


def test_alone_it_sets_none(front):
    assert asked(front).fields["set-cookie"] is None


def test_whoever_has_none_or_anothers_gets_it(several):
    assert asked(several).fields["set-cookie"] == SET
    assert asked(several, Cookie="conversehost_instance=b").fields["set-cookie"] == SET


def test_whoever_has_it_isnt_told_again(several):
    assert asked(several, Cookie="x=1; conversehost_instance=a.1").fields["set-cookie"] is None


def test_it_goes_with_the_messages_of_a_session(several):
    chat, wire = several.session(), several.wire()
    wire.post(chat.body())
    chat.server.says("a")
    assert wire.answers[0].fields["set-cookie"] == SET


def test_over_tls_it_stays_there(several):
    several.factory.proxies = Proxies(["0.0.0.0/0", "::/0"])
    wire = several.wire()
    wire.connection.address = "127.0.0.1"
    wire.get("/http-bind", X_Forwarded_For="192.0.2.1", X_Forwarded_Proto="https")
    assert wire.answers[0].fields["set-cookie"] == f"{SET}; Secure"


def test_whoever_is_turned_away_is_let_go(several):
    several.manager.draining.on = True
    body = b"<body xmlns='http://jabber.org/protocol/httpbind' rid='1' to='localhost' ver='1.6'/>"
    (refused,) = several.exchange(request("POST", "/http-bind", body, Cookie="conversehost_instance=a.1"))
    assert refused.code == 503
    assert refused.fields["set-cookie"] == SET.replace("a.1", "") + "; Max-Age=0"
    (refused,) = several.exchange(request("POST", "/http-bind", body))
    assert refused.fields["set-cookie"] is None
