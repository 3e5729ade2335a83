"""OAuth tokens, judged by a function of the operator's own."""

from __future__ import annotations

import re
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.net import named
from conversehost.net.tokens import Tokens
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stream import StreamOpen
from tests.net.test_tcp import HEADER
from tests.stage import encoded, xml
from tests.testbed.conftest import House

ALICE = parse("alice@localhost")
NOBODY = JID("", "localhost")


def outcome(answer: object, said: JID = NOBODY, there: tuple[JID, ...] = (ALICE,)) -> list[Outcome]:
    """What came of it so far."""
    found: list[Outcome] = []
    tokens = Tokens(lambda token, name: answer, there.__contains__, clock=Clock())
    tokens.check(Attempt(said, "token"), found.append)
    return found


@pytest.mark.parametrize("answer", ["alice", "alice@localhost", "ALICE"])
@pytest.mark.parametrize("said", [NOBODY, ALICE])
def test_whose_it_is(answer: str, said: JID):
    assert outcome(answer, said) == [Accepted(ALICE)]


@pytest.mark.parametrize("answer", [None, "", False, 7, "a b", "bob", "alice@elsewhere.example"])
def test_nobodys(answer: object):
    assert outcome(answer) == [Refused()]


def test_somebody_elses():
    bob = parse("bob@localhost")
    assert outcome("alice", said=bob, there=(ALICE, bob)) == [Refused()]


@pytest.fixture
def later(monkeypatch: pytest.MonkeyPatch) -> Deferred[str]:
    """What the function `--oauth late:verify` answers."""
    answer: Deferred[str] = Deferred()
    monkeypatch.setitem(sys.modules, "late", SimpleNamespace(verify=lambda token, name: answer))
    return answer


def test_an_answer_that_comes_later_leaves_at_once(later: Deferred[str]):
    house = House("--oauth", "late:verify")
    peer = IPv4Address("TCP", "127.0.0.1", 50_000)
    connection: Any = house.server.c2s.buildProtocol(peer)
    transport = StringTransport(peerAddress=peer)
    connection.makeConnection(transport)
    connection.dataReceived(HEADER.encode())
    connection.dataReceived(f"<auth xmlns='{ns.SASL}' mechanism='OAUTHBEARER'>{bearer('token')}</auth>".encode())
    transport.clear()
    later.callback("alice")
    house.server.reactor.advance(0)
    assert transport.value().startswith(b"<success ")
    house.server.close_sessions("system-shutdown")


def test_a_coroutine():
    async def verify(token: str, name: str | None) -> str:
        return "alice" if (token, name) == ("token", "alice") else "nobody"

    found: list[Outcome] = []
    Tokens(verify, lambda account: True, clock=Clock()).check(Attempt(ALICE, "token"), found.append)
    assert found == [Accepted(ALICE)]


@pytest.mark.parametrize(
    ("spec", "says"),
    [
        ("nowhere:verify", "there is no module nowhere"),
        ("conversehost.errors:nothing", "conversehost.errors has no class or function nothing"),
    ],
)
def test_what_is_not_there(spec: str, says: str):
    with pytest.raises(ConfigError, match=re.escape(f"--oauth {spec}: {says}")):
        named.find(spec, f"--oauth {spec}")


@pytest.fixture
def example(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The one of the docs, in the folder where one is."""
    page = (Path(__file__).parents[2] / "docs" / "tokens.md").read_text()
    code = re.search(r"```python\n(# mine.*?)```", page, re.DOTALL)
    assert code is not None
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "login.py").write_text(code[1])
    monkeypatch.chdir(tmp_path)
    monkeypatch.syspath_prepend(str(tmp_path))


def bearer(token: str) -> str:
    return encoded(f"n,,\1auth=Bearer {token}\1\1")


@pytest.mark.usefixtures("example")
@pytest.mark.parametrize(("token", "answer"), [("4f9d0c", "success"), ("wrong", "challenge")])
def test_the_example_of_the_docs(token: str, answer: str):
    house = House("--oauth", "mine.login:verify")
    said: list[bytes] = []

    class Link:
        def send(self, stanza: bytes) -> None:
            said.append(stanza)

        def __getattr__(self, name: str) -> object:
            return lambda *_: None

    stream = house.server.stream()
    stream.open(StreamOpen("localhost", "tcp", "127.0.0.1"), Link())  # type: ignore[arg-type]
    assert b"<mechanism>OAUTHBEARER</mechanism>" in said.pop()
    stream.receive(xml(f"<auth xmlns='{ns.SASL}' mechanism='OAUTHBEARER'>{bearer(token)}</auth>"))
    assert said.pop().startswith(f"<{answer} ".encode())
    house.server.close_sessions("system-shutdown")


def test_a_function_that_fails_is_no_refusal():
    def verify(token: str, name: str | None) -> str:
        raise RuntimeError("no answer")

    found: list[Outcome] = []
    with capturedLogs() as logs:
        Tokens(verify, lambda account: True, clock=Clock()).check(Attempt(NOBODY, "token"), found.append)
    assert [each.condition for each in found if isinstance(each, Refused)] == ["temporary-auth-failure"]
    assert [str(each["log_failure"].value) for each in logs] == ["no answer"]
    assert "token'" not in str(logs)
