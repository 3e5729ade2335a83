"""Several back ends, asked one after the other: whom one of them lets in is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from conversehost.auth import DISABLED, Accepted, Attempt, Authenticator, BackEnd, Outcome, Refused
from conversehost.auth.accounts import Accounts
from conversehost.xmpp.jid import JID

NOT_NOW = "temporary-auth-failure"


class Chain:
    """A domain's back ends, in order, before its accounts.

    An account of a back end is made here at the first login, with a password that nobody knows; from then on it has
    what accounts have. One that is disabled here stays out, whatever they say.
    """

    def __init__(self, accounts: Accounts, back_ends: Sequence[BackEnd], create: Callable[[JID], bool]) -> None:
        """`create` makes an account; False for a domain that there isn't. `back_ends` may have the accounts too."""
        self._accounts = accounts
        self._back_ends = tuple(back_ends)
        self._create = create

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`. No password is never right: directories take that for somebody who wants no login."""
        if attempt.password and attempt.account.local:
            self._check(attempt, done, 0, Refused())
        else:
            done(Refused())

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """`BackEnd`: whether one of them knows the account, or it is here already."""
        if self._accounts.exists(account):
            done(True)
        else:
            self._find(account, done, 0, found=False)

    def admit(self, account: JID) -> bool:
        """Somebody proved by other means that it is them: accounts that are here come in."""
        return self._accounts.admit(account)

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        """SCRAM isn't offered: nobody here knows what the back ends know."""
        return self._accounts.scram_salt(account, mechanism)

    def scram_check(self, account: JID, mechanism: str, proves: Callable[[bytes], bool]) -> bytes | None:
        """So nobody proves anything."""
        return None

    def _check(self, attempt: Attempt, done: Callable[[Outcome], None], position: int, so_far: Refused) -> None:
        def decided(outcome: Outcome) -> None:
            if isinstance(outcome, Accepted):
                done(self._let_in(attempt.account, outcome))
            elif outcome == DISABLED:
                done(outcome)
            else:
                self._check(attempt, done, position + 1, _both(so_far, outcome))

        if position == len(self._back_ends):
            done(so_far)
        else:
            self._back_ends[position].check(attempt, decided)

    def _let_in(self, said: JID, accepted: Accepted) -> Outcome:
        account = accepted.account
        if account.domain != said.domain:
            return Refused(guessed=True)
        if self._accounts.is_disabled(account):
            return DISABLED
        return accepted if self._accounts.exists(account) or self._create(account) else Refused()

    def _find(self, account: JID, done: Callable[[bool | None], None], position: int, *, found: bool | None) -> None:
        def told(answer: bool | None) -> None:
            if answer:
                done(True)
            else:
                self._find(account, done, position + 1, found=None if answer is None else found)

        if position == len(self._back_ends):
            done(found)
        else:
            self._back_ends[position].find(account, told)


def _both(one: Refused, other: Refused) -> Refused:
    """Where one of them can't tell now, it may be right later; and it was a guess where one of them said no."""
    guessed = one.guessed or other.guessed or other.condition != NOT_NOW
    condition = NOT_NOW if NOT_NOW in (one.condition, other.condition) else other.condition
    return Refused(condition, one.text or other.text, guessed)


class ByDomain:
    """An `Authenticator`: the one of whichever domain an account is of. Of others nobody is asked, nor told."""

    def __init__(self, of: Callable[[str], Authenticator | None]) -> None:
        """`of`: None for a domain where nobody has a password."""
        self._of = of

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        who = self._of(attempt.account.domain)
        if who is None:
            done(Refused())
        else:
            who.check(attempt, done)
