"""Everybody comes in, with any password: for tests that want names and no accounts."""

from __future__ import annotations

import secrets
from collections.abc import Callable

from conversehost.auth import DISABLED, Accepted, Attempt, Outcome, Refused
from conversehost.auth.accounts import Accounts
from conversehost.xmpp.jid import JID


class Anybody:
    """An authenticator that makes the accounts that there aren't yet; those that are disabled stay out."""

    def __init__(self, accounts: Accounts, create: Callable[[JID, str], bool]) -> None:
        """`create` makes one with a password; False for a domain that there isn't."""
        self._accounts = accounts
        self._create = create

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        account = attempt.account
        if attempt.password and self._accounts.is_disabled(account):
            done(DISABLED)
        else:
            done(Accepted(account) if attempt.password and self._is_in(account, attempt.password) else Refused())

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """Those who have come in once: before that, a name is only a name."""
        self._accounts.find(account, done)

    def admit(self, account: JID) -> bool:
        """By a certificate, say: whether they come in."""
        return self._is_in(account, secrets.token_hex(16))

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        """As for those who have a password: SCRAM proves one, so it can't take any."""
        return self._accounts.scram_salt(account, mechanism)

    def scram_check(self, account: JID, mechanism: str, proves: Callable[[bytes], bool]) -> bytes | None:
        """The same."""
        return self._accounts.scram_check(account, mechanism, proves)

    def _is_in(self, account: JID, password: str) -> bool:
        if self._accounts.exists(account):
            return not self._accounts.is_disabled(account)
        return bool(account.local) and self._create(account, password)
