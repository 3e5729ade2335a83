"""Who is this? One small interface, and the back ends that answer it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from conversehost.xmpp.jid import JID


@dataclass(frozen=True, slots=True)
class Attempt:
    """Somebody claims to be `account` (a bare JID) and offers `password` as proof. Never log it."""

    account: JID
    password: str

    def __repr__(self) -> str:
        return f"Attempt(account={self.account!s})"


@dataclass(frozen=True, slots=True)
class Accepted:
    """It is them; `account` is who they are from now on (a bare JID)."""

    account: JID


@dataclass(frozen=True, slots=True)
class Refused:
    """It isn't, or can't be known now. `condition` is a SASL failure of RFC 6120 section 6.5."""

    condition: str = "not-authorized"
    text: str = ""
    guessed: bool = False
    """Whatever the condition: somebody who was asked said no, so it counts as a wrong password."""


Outcome = Accepted | Refused
DISABLED = Refused("account-disabled", "this account is disabled")
"""For who has shown the right password, and for nobody else."""


class Authenticator(Protocol):
    """Answers at once or later; never blocks."""

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """Call `done` exactly once; perhaps before this returns."""


class TokenError(Exception):
    """A token isn't taken. The text says why, for the log and its maker; whoever shows it learns only `condition`."""

    def __init__(self, why: str, condition: str = "not-authorized") -> None:
        super().__init__(why)
        self.condition = condition


class BackEnd(Authenticator, Protocol):
    """A place where people are known."""

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """Whether there is such an account: calls `done` exactly once, as above; None where that can't be known now."""
