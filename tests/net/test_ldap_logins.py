"""`--auth ldap`: with a directory in memory, and a clock that is turned."""

from __future__ import annotations

from typing import Any

import pytest
from ldaptor.protocols import pureldap
from OpenSSL import SSL
from twisted.internet.defer import Deferred, fail, succeed
from twisted.internet.error import ConnectionRefusedError
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs
from twisted.python.failure import Failure

from conversehost.auth import Attempt
from conversehost.auth.guarded import SECONDS, Answer, Trouble
from conversehost.auth.ldap import Directory
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.net.ldap_logins import Client, LdapSource, start_tls
from conversehost.options.naming import read_namings
from conversehost.xmpp.jid import JID, parse
from tests.net.directories import Line, Tree

PEOPLE, OTHERS = "ou=people,dc=example", "ou=others,dc=example"
SEARCHED = Directory((PEOPLE,), namings=read_namings("uid,mail=%u@%d"))
DIRECT = Directory(user_dn=f"uid=%u,{PEOPLE}")


class Scene:
    """A server that asks the directory."""

    def __init__(self, directory: Directory, line: Any = None) -> None:
        self.clock = Clock()
        self.tree = Tree()
        self.line = line or Line(self.tree)
        self.source = LdapSource(directory, self.line.connect, clock=self.clock)

    def check(self, name: str, password: str = "secret") -> Answer:
        return self.answer(lambda done: self.source.check(Attempt(JID(name, "chat.example"), password), done))

    def find(self, name: str) -> Answer:
        return self.answer(lambda done: self.source.find(parse(f"{name}@chat.example"), done))

    def answer(self, ask: Any) -> Answer:
        answers: list[Answer] = []
        ask(answers.append)
        self.line.pump()
        assert len(answers) == 1
        return answers[0]


@pytest.mark.parametrize("directory", [SEARCHED, DIRECT])
def test_yes_and_no(directory: Directory):
    scene = Scene(directory)
    assert scene.check("romeo") is True
    assert scene.check("romeo", "guess") is False
    assert scene.check("stranger") is False
    assert all(client.transport.disconnecting or client.transport.disconnected for client in scene.line.clients)


def test_any_of_the_attributes_is_enough():
    assert Scene(SEARCHED).check("jc") is True
    assert Scene(Directory((PEOPLE,))).check("jc") is False


@pytest.mark.parametrize("directory", [SEARCHED, DIRECT])
@pytest.mark.parametrize("name", ["*", "r*", "romeo)(uid=*", "*)(|(uid=*", "romeo,ou=people", "romeo\\2a", "uid=romeo"])
def test_a_name_is_a_name_whatever_is_in_it(directory: Directory, name: str):
    assert Scene(directory).check(name) is False


@pytest.mark.parametrize("name", ["a*(b)", "a,ou=x"])
@pytest.mark.parametrize("directory", [SEARCHED, DIRECT])
def test_and_people_may_have_such_names(directory: Directory, name: str):
    scene = Scene(directory)
    assert scene.check(name) is True
    assert scene.check(name, "guess") is False


@pytest.mark.parametrize("directory", [SEARCHED, DIRECT])
def test_without_a_password_nobody_is_asked(directory: Directory):
    """RFC 4513 section 5.1.2: the directory would say yes."""
    scene = Scene(directory)
    assert scene.check("romeo", "") is False
    assert scene.line.clients == []


@pytest.mark.parametrize("password", ["*", "secret*", ")(uid=*", "\\73ecret"])
def test_a_password_is_a_password_whatever_is_in_it(password: str):
    assert Scene(SEARCHED).check("romeo", password) is False


def test_several_bases():
    scene = Scene(Directory((PEOPLE, OTHERS)))
    scene.tree.person(scene.tree.others, "nurse", {"uid": ["nurse"]})
    assert scene.check("nurse") is scene.check("romeo") is True


def test_who_is_several_is_nobody_and_the_log_says_so():
    scene = Scene(Directory((PEOPLE, OTHERS)))
    scene.tree.person(scene.tree.others, "romeo", {"uid": ["romeo"]})
    with capturedLogs() as logs:
        assert scene.check("romeo") is False
    assert [each["account"] for each in logs if "several entries" in each["log_format"]] == ["romeo@chat.example"]


def test_one_entry_that_is_below_two_bases_is_one():
    assert Scene(Directory((PEOPLE, "dc=example"))).check("romeo") is True


def test_what_else_must_match():
    scene = Scene(Directory((PEOPLE,), filter="(mail=romeo@chat.example)"))
    assert scene.check("romeo") is True
    assert scene.check("juliet") is False


def test_who_searches():
    assert Scene(Directory((PEOPLE,), root=("cn=reader,dc=example", "hunter2"))).check("romeo") is True
    refused = Scene(Directory((PEOPLE,), root=("cn=reader,dc=example", "wrong"))).check("romeo")
    assert refused == Trouble("the directory doesn't let --ldap-rootdn in (its result is 49)")


def test_who_exists():
    scene = Scene(SEARCHED)
    assert scene.find("romeo") is scene.find("jc") is True
    assert scene.find("stranger") is False
    assert Scene(DIRECT).find("romeo") is False


def test_a_base_that_is_not_there():
    found = Scene(Directory(("ou=nowhere,dc=example",))).find("romeo")
    assert isinstance(found, Trouble)
    assert found.reason.startswith("there is no ou=nowhere,dc=example in the directory")


def test_a_filter_that_is_none():
    with pytest.raises(ConfigError, match=r"--ldap-filter \(a=b: that is no filter"):
        Scene(Directory((PEOPLE,), filter="(a=b"))


class Dead:
    """A way that leads nowhere."""

    def __init__(self, answer: Deferred[Client]) -> None:
        self._answer = answer

    def connect(self) -> Deferred[Client]:
        return self._answer

    def pump(self) -> None:
        """There is nothing."""


@pytest.mark.parametrize(
    ("error", "says"),
    [
        (ConnectionRefusedError(111), "Connection was refused by other side: 111."),
        (SSL.Error("bad"), "its certificate isn't one for that name, of an authority that is known here"),
        (RuntimeError("a secret"), "RuntimeError"),
    ],
)
def test_a_directory_that_is_not_there(error: Exception, says: str):
    answer = Scene(SEARCHED, Dead(fail(error))).check("romeo")
    assert isinstance(answer, Trouble)
    assert answer.reason.startswith(says)


@pytest.mark.parametrize("is_connected", [False, True])
def test_a_directory_that_is_slow(is_connected: bool):
    client, transport = Client(), StringTransport()
    client.makeConnection(transport)
    scene = Scene(SEARCHED, Dead(succeed(client) if is_connected else Deferred()))
    answers: list[Answer] = []
    scene.source.check(Attempt(parse("romeo@chat.example"), "secret"), answers.append)
    scene.clock.advance(SECONDS)
    assert answers == [Trouble("nothing for 5 seconds")]
    assert transport.disconnecting is is_connected


class Starting:
    """A client that begins TLS, and what it is answered."""

    def __init__(self, code: int, more: bytes = b"") -> None:
        self.client, self.transport = Client(), StringTransport()
        self.started: list[object] = []
        self.transport.startTLS = self.started.append
        self.client.makeConnection(self.transport)
        self.result = start_tls(self.client, "the context")
        response = pureldap.LDAPExtendedResponse(code, responseName=pureldap.LDAPStartTLSResponse.oid)
        number = next(iter(self.client.onwire))
        self.client.dataReceived(pureldap.LDAPMessage(response, id=number).toWire() + more)

    @property
    def failure(self) -> str:
        failures: list[Failure] = []
        self.result.addErrback(failures.append)
        return failures[0].getErrorMessage()


def test_tls_is_started():
    starting = Starting(0)
    assert starting.started == ["the context"]


def test_tls_that_is_refused_is_not_gone_without():
    starting = Starting(52)
    assert "doesn't start TLS" in starting.failure
    assert starting.transport.disconnecting


def test_what_somebody_says_before_tls_is_not_taken_for_what_comes_in_it():
    forged = pureldap.LDAPMessage(pureldap.LDAPBindResponse(0), id=2).toWire()
    starting = Starting(0, forged)
    assert "said more before TLS began" in starting.failure
    assert starting.started == []
