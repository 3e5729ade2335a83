"""Who is logged in at a server elsewhere, through us: what the control API sees of them, and does to them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace
from typing import Any

import pytest

from conversehost.net.prebind import WISH, Prebound
from conversehost.web.wanted import Wanted
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.places import Place
from tests.net.test_upstream import BOUND, FEATURES, HEADER, SUCCESS, Far
from tests.testbed.conftest import Caller, House, quoted

BINDING = f"{HEADER}<stream:features><bind xmlns='{ns.BIND}'/></stream:features>"
JID = "romeo@localhost/r"
HI = "<message xmlns='jabber:client' type='chat' to='juliet@localhost'><body>hi</body></message>"


class Gate(House):
    """In front of a server in memory, to which `far` is the way."""

    def __init__(self) -> None:
        options = ("--domain", "here.example", "--upstream", "localhost=xmpp://far.example", "--upstream-insecure")
        super().__init__(*options)
        upstreams = self.server.upstreams
        upstreams.__dict__["terms"] = replace(upstreams.terms, reach=self._reach)
        self.answers: list[Any] = []

    def _reach(self, domain: str, place: Place, connected: Any, failed: Any, *, named: bool) -> Any:
        self.far, self.wire = Far(), connected(place)
        self.wire.makeConnection(self.far)
        return SimpleNamespace(cancel=lambda: None)

    def says(self, *texts: str) -> None:
        for text in texts:
            self.wire.dataReceived(text.encode())

    def heard(self) -> str:
        """What was said to the server since it was last asked."""
        said = self.far.value().decode()
        self.far.clear()
        return said

    def arrives(self) -> None:
        """Romeo's login begins."""
        wanted = Wanted("", WISH, "p")
        self.server.elsewhere.prebind(parse("romeo@localhost"), wanted, "", self.answers.append)
        self.says(HEADER + FEATURES)

    def logs_in(self) -> Prebound:
        self.arrives()
        self.says(SUCCESS, BINDING, BOUND.replace("id='1'", "id='bind'"))
        self.heard()
        return self.answers[-1]  # type: ignore[no-any-return]


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.server.close_sessions("system-shutdown")


@pytest.fixture
def romeo(gate: Gate) -> Prebound:
    return gate.logs_in()


@pytest.fixture
def api(gate: Gate) -> Caller:
    return gate.api


def test_who_is_logged_in_there_is_listed(gate, api, romeo):
    gate.poll(romeo, payload="<presence xmlns='jabber:client'><priority>3</priority></presence>")
    (told,) = gate.sessions()
    shown = {name: told[name] for name in ("jid", "account", "transport", "available", "priority", "resumable")}
    assert shown == {
        "jid": JID,
        "account": "romeo@localhost",
        "transport": "bosh",
        "available": True,
        "priority": 3,
        "resumable": None,
    }
    assert told["bosh"] == {"rid": romeo.rid, "answered": romeo.rid - 1, "queued": 0}
    assert gate.sessions("?account=romeo@localhost") == [told]
    assert api("GET", f"/sessions/{quoted(JID)}").json == told


def test_nobody_is_listed_before_and_after(gate, romeo):
    gate.arrives()
    assert [each["jid"] for each in gate.sessions()] == [JID]
    gate.wire.connectionLost()
    assert [each["jid"] for each in gate.sessions()] == [JID]
    gate.server.elsewhere.end_all(parse(JID).to_bare())
    gate.wire.connectionLost()
    assert gate.sessions() == []


def test_a_session_is_ended_with_an_error(gate, api, romeo):
    held = gate.poll(romeo)
    assert api("DELETE", f"/sessions/{quoted(JID)}", {"condition": "policy-violation"}).status == 204
    assert held.end == ("remote-stream-error", "policy-violation")
    assert gate.heard().endswith("</stream:stream>")
    assert gate.sessions() == []


def test_all_sessions_of_an_account_end(gate, api, romeo):
    assert len(api("DELETE", "/sessions?account=romeo@localhost").json["sessions"]) == 1
    assert gate.sessions() == []


def test_a_session_is_held_and_goes_on_with_what_waited(gate, api, romeo):
    held = gate.poll(romeo)
    assert api("POST", f"/sessions/{quoted(JID)}/hold").status == 204
    gate.says("<message id='m'/>")
    assert held.body is None
    assert api("POST", f"/sessions/{quoted(JID)}/release").status == 204
    assert [each.get("id") for each in held.body] == ["m"]


def test_what_waited_when_a_held_session_ended_is_told_to_its_sender(gate, api, romeo):
    api("POST", f"/sessions/{quoted(JID)}/hold")
    gate.says("<message id='m' from='juliet@localhost/j' type='chat'><body>hi</body></message>")
    api("DELETE", f"/sessions/{quoted(JID)}")
    assert "recipient-unavailable" in gate.heard()


def test_faults_strike_by_account(gate, api, romeo):
    assert api("POST", "/faults", {"fault": "drop", "account": "romeo@localhost"}).status == 201
    gate.poll(romeo, payload=HI)
    assert gate.heard() == ""
    assert api("GET", "/faults/1").json["strikes"] == 1


def test_faults_strike_requests_by_account(gate, api, romeo):
    assert api("POST", "/faults", {"fault": "status", "status": 503, "account": "romeo@localhost"}).status == 201
    body = f"<body xmlns='{ns.HTTPBIND}' sid='{romeo.sid}' rid='{romeo.rid}'/>".encode()
    assert api.send("POST", "/http-bind", body, {}).status == 503


def test_a_login_is_struck(gate, api):
    assert api("POST", "/faults", {"fault": "fail-login", "account": "romeo@localhost"}).status == 201
    gate.arrives()
    gate.server.reactor.advance(0)
    (told,) = gate.answers
    assert "temporary-auth-failure" in told.text
    assert "<auth" not in gate.heard()


def test_what_is_said_is_recorded(gate, api, romeo):
    gate.poll(romeo, payload=HI)
    (record,) = api("GET", "/traffic?kind=message").json["records"]
    assert (record["session"], record["direction"]) == (JID, "in")
    assert api("GET", "/traffic?kind=message&account=romeo@localhost").json["records"] == [record]
