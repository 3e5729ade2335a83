"""`--auth http`: services that answer, that are slow, and that are dead. No sockets, and a clock that is turned."""

from __future__ import annotations

import pytest
from OpenSSL import SSL
from twisted.internet.error import ConnectionRefusedError, DNSLookupError
from twisted.python.failure import Failure
from twisted.web.client import ResponseFailed, ResponseNeverReceived

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.guarded import NOT_NOW, SECONDS, Guarded
from conversehost.auth.http import manner
from conversehost.clock import Clock
from conversehost.net.http_logins import HttpSource
from conversehost.voice import Voice
from conversehost.xmpp.jid import parse
from tests.net.services import Service

ROMEO = parse("romeo@chat.example")


class Scene:
    """A server that asks a service."""

    def __init__(self, style: str = "query") -> None:
        self.clock, self.service, self.notes = Clock(), Service(), list[str]()
        source = HttpSource(manner(style, "https://www.example/auth", None), self.service, clock=self.clock)
        self.guarded = Guarded(
            source, "--auth http:", clock=self.clock, voice=Voice(self.notes.append, self.notes.append)
        )

    def check(self, password: str = "secret") -> list[Outcome]:
        """What came of it, once something has."""
        outcomes: list[Outcome] = []
        self.guarded.check(Attempt(ROMEO, password), outcomes.append)
        return outcomes

    def find(self) -> list[bool | None]:
        found: list[bool | None] = []
        self.guarded.find(ROMEO, found.append)
        return found

    def settle(self) -> None:
        self.clock.advance(0)


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize(("said", "outcome"), [(b"true", Accepted(ROMEO)), (b"false", Refused())])
def test_what_it_says_counts(scene: Scene, said: bytes, outcome: Outcome):
    outcomes = scene.check()
    assert scene.service.asked[0].url.endswith(b"/check_password?user=romeo&server=chat.example&pass=secret")
    scene.service.answer(said)
    assert outcomes == []
    scene.settle()
    assert outcomes == [outcome]
    assert scene.notes == []


def test_who_exists(scene: Scene):
    found = scene.find()
    assert scene.service.asked[0].url.endswith(b"/user_exists?user=romeo&server=chat.example")
    scene.service.answer(b"true")
    scene.settle()
    assert found == scene.find() == [True]
    assert len(scene.service.asked) == 1


def test_a_wrong_password_is_not_asked_for_twice(scene: Scene):
    scene.check("wrong")
    scene.service.answer(b"false")
    scene.settle()
    assert scene.check("wrong") == [Refused()]
    assert len(scene.service.asked) == 1


def test_a_body_is_sent():
    scene = Scene("json")
    outcomes = scene.check()
    asked = scene.service.asked[0]
    assert (asked.method, asked.body) == (b"POST", b'{"username": "romeo", "password": "secret"}')
    assert asked.headers.getRawHeaders("content-type") == ["application/json"]
    scene.service.answer(b"true")
    scene.settle()
    assert outcomes == [Accepted(ROMEO)]


def test_where_there_is_no_way_to_ask_who_exists_nobody_does():
    scene = Scene("basic")
    assert scene.find() == [False]
    assert scene.service.asked == []


def test_a_slow_one_is_given_up_and_its_late_answer_is_nobodys(scene: Scene):
    outcomes = scene.check()
    scene.clock.advance(SECONDS - 0.1)
    assert outcomes == []
    scene.clock.advance(0.1)
    assert outcomes == [NOT_NOW]
    assert scene.service.asked[0].cancelled
    assert scene.notes == ["--auth http: gives no answers: nothing for 5 seconds"]


def test_one_that_stops_in_the_middle_of_an_answer(scene: Scene):
    outcomes = scene.check()
    scene.service.begin(b"tr")
    scene.clock.advance(SECONDS)
    assert outcomes == [NOT_NOW]
    assert scene.service.aborted == 1


@pytest.mark.parametrize(
    ("failure", "says"),
    [
        (ConnectionRefusedError(111), "Connection was refused by other side: 111."),
        (DNSLookupError("no such name"), "DNS lookup failed: no such name."),
        (ResponseNeverReceived([Failure(SSL.Error("bad"))]), "its certificate isn't one for that name, "),
        (ResponseFailed([Failure(RuntimeError("https://www.example/auth?pass=secret"))]), "RuntimeError"),
        (ValueError("https://www.example/auth?pass=secret"), "ValueError"),
    ],
)
def test_one_that_is_dead(scene: Scene, failure: Exception, says: str):
    outcomes = scene.check()
    scene.service.asked[0].answer.errback(Failure(failure))
    scene.settle()
    assert outcomes == [NOT_NOW]
    assert scene.notes[0].startswith(f"--auth http: gives no answers: {says}")
    assert "secret" not in str(scene.notes)


@pytest.mark.parametrize("code", [302, 404, 500, 503])
def test_other_statuses_are_no_answers_and_nobody_is_followed(scene: Scene, code: int):
    outcomes = scene.check()
    scene.service.answer(b"true", code)
    scene.settle()
    assert outcomes == [NOT_NOW]
    assert scene.notes == [f"--auth http: gives no answers: HTTP {code}"]
    assert len(scene.service.asked) == 1


def test_one_that_never_ends_is_cut_off(scene: Scene):
    outcomes = scene.check()
    scene.service.begin(b"x" * 300_000)
    scene.settle()
    assert outcomes == [NOT_NOW]
    assert scene.service.aborted == 1
