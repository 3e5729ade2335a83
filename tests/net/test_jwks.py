"""Keys from a URL: fetched when they are needed, and not at anybody's command."""

from __future__ import annotations

import json
from typing import Any

import jwt
import pytest
from twisted.internet.defer import Deferred
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.jwt import JwtTokens
from conversehost.auth.tokens import TokenLogins
from conversehost.clock import Clock
from conversehost.collected import LARGEST
from conversehost.net.jwks import FRESH, PATIENCE, PAUSE, FetchedKeys
from conversehost.xmpp.jid import parse

ALICE = parse("alice@chat.example")
SECRET = b"a-secret-that-the-site-and-the-chat-share"


class Issuer:
    """An `IAgent` for one URL, and the response to each request. `answers` are asked one after the other."""

    code = 200

    def __init__(self) -> None:
        self.asked: list[Deferred[Any]] = []
        self.body: Any = None
        self.aborted = 0

    def request(self, method: bytes, url: bytes, headers: object, body: object) -> Deferred[Any]:
        assert (method, url) == (b"GET", b"https://www.example/keys")
        self.asked.append(Deferred())
        return self.asked[-1]

    def deliverBody(self, protocol: Any) -> None:
        self.body = protocol
        protocol.transport = self

    def abortConnection(self) -> None:
        self.aborted += 1
        self.body.connectionLost(Failure(ResponseFailed([])))

    def answer(self, data: bytes, code: int = 200) -> None:
        self.code = code
        self.asked[-1].callback(self)
        self.body.dataReceived(data)
        if not self.aborted:
            self.body.connectionLost(Failure(ResponseDone()))

    def publish(self, *kids: str) -> None:
        keys = [{**jwt.get_algorithm_by_name("HS256").to_jwk(SECRET, as_dict=True), "kid": kid} for kid in kids]
        self.answer(json.dumps({"keys": keys}).encode())


class Scene:
    """A server that asks the issuer."""

    def __init__(self) -> None:
        self.clock, self.issuer, self.said = Clock(), Issuer(), list[str]()
        keys = FetchedKeys("https://www.example/keys", self.issuer, clock=self.clock, warn=self.said.append)
        self.logins = TokenLogins(
            [JwtTokens([keys])], admits=lambda account: True, now=self.clock.utc, tell=self.said.append
        )

    def show(self, kid: str = "a") -> list[Outcome]:
        """What came of it, once something has."""
        claims = {"jid": ALICE.bare, "exp": self.clock.utc() + 60}
        token = jwt.encode(claims, SECRET, "HS256", {"kid": kid})
        found: list[Outcome] = []
        self.logins.check(Attempt(ALICE, token), found.append)
        return found

    def settle(self) -> None:
        self.clock.advance(0)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_they_are_fetched_with_the_first_token(scene: Scene):
    assert scene.issuer.asked == []
    first, second = scene.show(), scene.show()
    assert (first, second, len(scene.issuer.asked)) == ([], [], 1)
    scene.issuer.publish("a")
    scene.settle()
    assert first == second == [Accepted(ALICE)]
    assert scene.show() == [Accepted(ALICE)]
    assert len(scene.issuer.asked) == 1


def test_a_new_key_is_asked_for_and_whoever_makes_up_names_does_no_harm(scene: Scene):
    scene.show()
    scene.issuer.publish("a")
    scene.settle()
    assert scene.show("b") == [Refused()]
    scene.clock.advance(PAUSE)
    found = scene.show("b")
    scene.issuer.publish("b")
    scene.settle()
    assert found == [Accepted(ALICE)]
    assert [scene.show(f"made-up-{each}") for each in range(50)] == [[Refused()]] * 50
    assert len(scene.issuer.asked) == 2


def test_old_ones_are_fetched_anew_and_stay_when_that_fails(scene: Scene):
    scene.show()
    scene.issuer.publish("a")
    scene.clock.advance(FRESH + 1)
    found = scene.show()
    scene.issuer.asked[-1].errback(Failure(OSError("no route")))
    scene.settle()
    assert found == [Accepted(ALICE)]
    assert scene.said == [
        "keys for tokens can't be had from https://www.example/keys: no route; what is signed with new ones isn't taken"
        " until then, so see that --jwt-keys-url names a JWK set"
    ]


def test_an_issuer_that_says_nothing(scene: Scene):
    found = scene.show()
    scene.clock.advance(PATIENCE)
    assert found == [Refused("temporary-auth-failure")]
    assert "from https://www.example/keys: nothing for 5 seconds; " in scene.said[0]


def test_an_issuer_that_stops_in_the_middle(scene: Scene):
    found = scene.show()
    scene.issuer.asked[-1].callback(scene.issuer)
    scene.issuer.body.dataReceived(b'{"keys"')
    scene.clock.advance(PATIENCE)
    assert found == [Refused("temporary-auth-failure")]
    assert scene.issuer.aborted == 1


def test_an_error_that_has_no_end(scene: Scene):
    found = scene.show()
    scene.issuer.code = 500
    scene.issuer.asked[-1].callback(scene.issuer)
    scene.clock.advance(PATIENCE)
    assert found == [Refused("temporary-auth-failure")]
    assert scene.issuer.aborted == 1


@pytest.mark.parametrize(
    ("data", "code", "says"),
    [
        (b"<html>", 200, "the answer is no JWK set"),
        (b"{}", 200, "a key for|no key for|no JWK set"),
        (b"no", 503, "HTTP 503"),
        (b"x" * (LARGEST + 1), 200, "more than 262144 bytes"),
    ],
)
def test_answers_that_are_none(scene: Scene, data: bytes, code: int, says: str):
    found = scene.show()
    scene.issuer.answer(data, code)
    scene.settle()
    assert found == [Refused("temporary-auth-failure")]
    assert any(each in scene.said[0] for each in says.split("|"))
