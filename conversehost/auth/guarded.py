"""Back ends beyond the network, or in another process: slow, dead, or asked too often. Nothing of that stops us."""

from __future__ import annotations

import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Generic, Protocol, TypeVar

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.rest import Rest
from conversehost.clock import Clock
from conversehost.voice import Voice
from conversehost.xmpp.jid import JID

SECONDS = 5
"""How long anybody waits for an answer."""
REMEMBERED = 10
"""Seconds that it is remembered who isn't there, and which password was wrong."""
KEPT = 1_000
"""Of each of the two, at most."""
WAITING = 500
"""The most questions that wait for an answer."""
NOT_NOW = Refused("temporary-auth-failure", "logins can't be checked now: try again later")


@dataclass(frozen=True, slots=True)
class Trouble:
    """There is no answer; `reason` is for the log, never for the client."""

    reason: str


LATE = Trouble(f"nothing for {SECONDS} seconds")
RESTS = Trouble("it isn't asked: its answers were too late")
Answer = bool | Trouble


class Source(Protocol):
    """What really asks. It calls `done` exactly once, perhaps late, perhaps never."""

    def check(self, attempt: Attempt, done: Callable[[Answer], None]) -> None:
        """Whether it is them."""

    def find(self, account: JID, done: Callable[[Answer], None]) -> None:
        """Whether there is such an account."""


K = TypeVar("K")


class Memory(Generic[K]):
    """Things of the last seconds, and not too many."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._known: dict[K, tuple[float, bool]] = {}

    def get(self, key: K) -> bool | None:
        """What it was; None once it is forgotten."""
        until, value = self._known.get(key, (0.0, False))
        return value if until > self._clock.now() else None

    def put(self, key: K, value: bool) -> None:
        """The oldest gives way."""
        self._known.pop(key, None)
        if len(self._known) >= KEPT:
            del self._known[next(iter(self._known))]
        self._known[key] = self._clock.now() + REMEMBERED, value

    def __len__(self) -> int:
        return len(self._known)


class Guarded:
    """A `BackEnd` of a source.

    Each answer is waited for a few seconds, no longer; a late one is nobody's any more. A password that was wrong is
    wrong for some seconds without asking, and so it is known who is there. A source whose answers are too late again
    and again isn't asked for some seconds.
    """

    def __init__(
        self,
        source: Source,
        name: str,
        *,
        clock: Clock,
        voice: Voice,
        advice: str = "",
    ) -> None:
        """`clock` tells real time: its deadlines end a turn. `voice` says when the source stops giving answers, with
        the `advice`, and when it does again.
        """
        self._source = source
        self._name = name
        self._clock = clock
        self._voice = voice
        self._advice = advice
        self._rest = Rest()
        self._works = True
        self._waiting = 0
        self._secret = secrets.token_bytes(32)
        self.wrong: Memory[bytes] = Memory(clock)
        self.found: Memory[JID] = Memory(clock)

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`."""
        if not is_password(attempt.password):
            done(Refused())
            return
        guess = self._guess(attempt)
        if self.wrong.get(guess) is not None:
            done(Refused())
            return

        def answered(answer: Answer) -> None:
            if answer is True:
                self.found.put(attempt.account, True)
                done(Accepted(attempt.account))
            elif answer is False:
                self.wrong.put(guess, True)
                done(Refused())
            else:
                done(NOT_NOW)

        self._ask(lambda told: self._source.check(attempt, told), answered)

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """`BackEnd`."""
        known = self.found.get(account)
        if known is not None:
            done(known)
            return

        def answered(answer: Answer) -> None:
            if isinstance(answer, bool):
                self.found.put(account, answer)
            done(answer if isinstance(answer, bool) else None)

        self._ask(lambda told: self._source.find(account, told), answered)

    def _ask(self, question: Callable[[Callable[[Answer], None]], None], answered: Callable[[Answer], None]) -> None:
        if self._waiting >= WAITING:
            answered(self._judged(Trouble(f"{WAITING} logins wait for an answer already")))
        elif not self._rest.asks(self._clock.now()):
            answered(RESTS)
        else:
            Question(self, answered, self._clock).ask(question)

    def began(self) -> None:
        """One more question waits."""
        self._waiting += 1

    def ended(self, answer: Answer) -> None:
        """One less."""
        self._waiting -= 1
        if answer is LATE:
            self._rest.late(self._clock.now())
        else:
            self._rest.answered()
        self._judged(answer)

    def _judged(self, answer: Answer) -> Answer:
        works = not isinstance(answer, Trouble)
        if works != self._works:
            self._works = works
            if isinstance(answer, Trouble):
                self._voice.warn(f"{self._name} gives no answers: {answer.reason}{self._advice}")
            else:
                self._voice.note(f"{self._name} gives answers again")
        return answer

    def _guess(self, attempt: Attempt) -> bytes:
        """Of a guess only this is kept, not the password."""
        guess = f"{attempt.account.full}\0{attempt.password}".encode()
        return hmac.digest(self._secret, guess, "sha256")


def is_password(text: str) -> bool:
    """Whether a source can be asked for it: JSON can bring half a character, and NUL ends texts elsewhere."""
    return "\0" not in text and not any("\ud800" <= each <= "\udfff" for each in text)


class Question:
    """One that waits. What comes late is told in a turn of its own, at the end of which it leaves for the client."""

    def __init__(self, guarded: Guarded, answered: Callable[[Answer], None], clock: Clock) -> None:
        self._guarded = guarded
        self._answered: Callable[[Answer], None] | None = answered
        self._clock = clock
        self._asking = True

    def ask(self, question: Callable[[Callable[[Answer], None]], None]) -> None:
        """It is the source's turn. One that fails has no answer."""
        self._guarded.began()
        self._deadline = self._clock.after(SECONDS, lambda: self._end(LATE))
        try:
            question(self._told)
        except Exception as error:
            self._told(Trouble(type(error).__name__))
        self._asking = False

    def _told(self, answer: Answer) -> None:
        if self._asking:
            self._end(answer)
        else:
            self._deadline.cancel()
            self._clock.after(0, lambda: self._end(answer))

    def _end(self, answer: Answer) -> None:
        answered, self._answered = self._answered, None
        if answered is not None:
            self._deadline.cancel()
            self._guarded.ended(answer)
            answered(answer)
