"""Every guess counts, however the client goes on after it."""

from __future__ import annotations

from collections.abc import Callable

from conversehost.auth import Attempt, Outcome, Refused
from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.server.authentication import Authentication, LoginRules
from conversehost.server.entrance import Entrance
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError
from conversehost.xmpp.stream import StreamOpen

GUESS = b"n,a=romeo@localhost,\1auth=Bearer wrong\1\1"


class Nobody:
    """Takes no token."""

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        done(Refused())


class Framing:
    """Notes what the client is told."""

    def __init__(self) -> None:
        self.said: list[str] = []

    def challenge(self, data: bytes) -> None:
        self.said.append("challenge")

    def success(self, account: JID, data: bytes) -> None:
        self.said.append("success")

    def failure(self, error: SASLError) -> None:
        self.said.append(error.condition)

    def give_up(self, error: StreamError) -> None:
        self.said.append(error.condition)


def guess(failures: int, after: Callable[[Authentication], None]) -> list[str]:
    """What somebody hears who guesses three times, and does that after each."""
    clock = Clock()
    rules = LoginRules(Accounts(MemoryStore()), ("OAUTHBEARER",), Nobody())
    authentication, framing = Authentication(rules, "localhost", Entrance(clock, failures=failures)), Framing()
    authentication.restart(StreamOpen("localhost", "tcp", "192.0.2.1", secure=True))
    authentication.speak(framing)
    for _ in range(3):
        authentication.begin("OAUTHBEARER", GUESS)
        after(authentication)
    return framing.said


def test_who_does_not_stay_to_hear_the_failure_has_failed():
    heard = ["challenge", "challenge", "temporary-auth-failure", "policy-violation"]
    assert guess(2, lambda authentication: None) == heard


def test_who_stays_has_failed_once():
    heard = guess(3, lambda authentication: authentication.respond(b"\1"))
    assert heard == ["challenge", "not-authorized"] * 3 + ["policy-violation"]


class HalfDown:
    """One of its back ends says no, the other can't be asked."""

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        done(Refused("temporary-auth-failure", guessed=True))


def test_a_guess_counts_though_another_back_end_is_down():
    entrance = Entrance(Clock(), failures=1)
    framing = Framing()
    authentication = Authentication(LoginRules(HalfDown()), "localhost", entrance)  # type: ignore[arg-type]
    authentication.restart(StreamOpen("localhost", "tcp", "192.0.2.1", secure=True))
    authentication.speak(framing)
    authentication.begin("PLAIN", b"\0romeo\0wrong")
    assert framing.said == ["temporary-auth-failure"]
    assert entrance.throttle.blocks("192.0.2.1")
