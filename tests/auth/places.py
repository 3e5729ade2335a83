"""Places where people are known, for tests."""

from __future__ import annotations

from collections.abc import Callable

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.guarded import Answer
from conversehost.xmpp.jid import JID, parse


class Place:
    """A `BackEnd` that knows some people, by address; all have the same password. `asked`: in order."""

    def __init__(self, *people: str, password: str = "secret", refuses: Refused | None = None) -> None:
        self._people = set(map(parse, people))
        self._password = password
        self._refuses = refuses
        self.asked: list[JID] = []

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        self.asked.append(attempt.account)
        is_right = attempt.account in self._people and attempt.password == self._password
        done(self._refuses or (Accepted(attempt.account) if is_right else Refused()))

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        self.asked.append(account)
        done(None if self._refuses else account in self._people)


class Slow:
    """A `BackEnd` or a `Source` that answers when the test says so: `done` are those who wait, in order."""

    def __init__(self) -> None:
        self.done: list[Callable[..., None]] = []

    def check(self, attempt: Attempt, done: Callable[..., None]) -> None:
        self.done.append(done)

    def find(self, account: JID, done: Callable[..., None]) -> None:
        self.done.append(done)


class Steady:
    """A `Source` that always answers the same, at once; None is an exception of its own."""

    def __init__(self, answer: Answer | None) -> None:
        self.answer = answer
        self.asked = 0

    def check(self, attempt: Attempt, done: Callable[[Answer], None]) -> None:
        self._tell(done)

    def find(self, account: JID, done: Callable[[Answer], None]) -> None:
        self._tell(done)

    def _tell(self, done: Callable[[Answer], None]) -> None:
        self.asked += 1
        if self.answer is None:
            raise RuntimeError("a secret that nobody may read")
        done(self.answer)
