"""Whoever shows a good token comes in: an authenticator, over all kinds of tokens that one takes."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Protocol

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome, Refused, TokenError
from conversehost.xmpp.jid import JID


class Reader(Protocol):
    """One kind of token."""

    name: str

    def recognises(self, token: str) -> bool:
        """By its looks."""

    def prepare(self, token: str, then: Callable[[], None]) -> None:
        """Get what is needed to judge it, then call `then`; perhaps before this returns."""

    def read(self, token: str, said: JID, now: float) -> JID:
        """Whose it is. `said`: who shows it, a nameless account where that is left to the token. Raises TokenError."""


class TokenLogins:
    """An `Authenticator`, for PLAIN as well as for mechanisms that are made for tokens."""

    def __init__(
        self,
        readers: Sequence[Reader],
        *,
        admits: Callable[[JID], bool],
        now: Callable[[], float],
        tell: Callable[[str], None],
        otherwise: Authenticator | None = None,
    ) -> None:
        """`admits`: whether an account may come in. `now`: seconds since 1970. `tell` hears why a token isn't taken.
        `otherwise` judges what none of the readers knows.
        """
        self._readers = tuple(readers)
        self._admits = admits
        self._now = now
        self._tell = tell
        self._otherwise = otherwise

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """`BackEnd`: a token tells who somebody is once it is shown, not before."""
        done(False)

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        reader = self._reader(attempt.password)
        if reader is not None:
            reader.prepare(attempt.password, lambda: done(self._judge(reader, attempt)))
        elif self._otherwise is not None:
            self._otherwise.check(attempt, done)
        else:
            done(Refused())  # a password, for somebody else to judge: nothing to tell

    def _reader(self, token: str) -> Reader | None:
        return next((each for each in self._readers if each.recognises(token)), None)

    def _judge(self, reader: Reader, attempt: Attempt) -> Outcome:
        try:
            account = reader.read(attempt.password, attempt.account, self._now())
            if not self._admits(account):
                raise TokenError("there is no such account, or it is disabled")
        except TokenError as error:
            return self._refuse(attempt, error)
        return Accepted(account)

    def _refuse(self, attempt: Attempt, error: TokenError) -> Refused:
        """The client learns nothing but that."""
        who = attempt.account.full if attempt.account.local else f"somebody at {attempt.account.domain}"
        self._tell(f"a token of {who} isn't taken: {error}")
        return Refused(error.condition)
