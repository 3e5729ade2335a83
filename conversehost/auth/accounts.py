"""Accounts with passwords, in the store: collection "accounts", by domain, then by local part."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from scramp import ScramMechanism

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.store import Store
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import ScramKeys

SCRAM_ITERATIONS = 4096


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of an account; a test bed shows passwords to its operator, so they are kept as they are."""

    password: str


class Accounts:
    """Who exists, and an `Authenticator` by their passwords."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._secret = secrets.token_bytes(32)
        self._keys: dict[tuple[str, str, str], ScramKeys] = {}

    def put(self, account: JID, password: str) -> None:
        """Create the account, or change its password."""
        self._store.put("accounts", account.domain, account.local, Account(password))

    def delete(self, account: JID) -> bool:
        """False when there was none."""
        return self._store.delete("accounts", account.domain, account.local)

    def exists(self, account: JID) -> bool:
        """Whether there is such an account."""
        return self._store.get("accounts", account.domain, account.local) is not None

    def of(self, domain: str) -> Iterator[tuple[JID, str]]:
        """Address and password of every account of a domain, in order of creation."""
        for local, account in list(self._store.items("accounts", domain).items()):
            yield JID(local, domain), account.password

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`: compares in constant time; an unknown account looks like a wrong password."""
        found: Account | None = self._store.get("accounts", attempt.account.domain, attempt.account.local)
        expected = found.password if found else self._secret.hex()
        same = hmac.compare_digest(expected.encode(), attempt.password.encode())
        done(Accepted(attempt.account) if found and same and attempt.password else Refused())

    def scram_keys(self, account: JID, mechanism: str) -> ScramKeys:
        """For SCRAM; derived once per account, mechanism and password. Unknown accounts get a stable false salt."""
        found: Account | None = self._store.get("accounts", account.domain, account.local)
        if found is None:
            return self._false_keys(account, mechanism)
        key = (account.full, mechanism, found.password)
        if key not in self._keys:
            if len(self._keys) >= 10_000:
                self._keys.clear()
            self._keys[key] = ScramMechanism(mechanism).make_auth_info(
                found.password, iteration_count=SCRAM_ITERATIONS, salt=self._salt(account, mechanism)
            )
        return self._keys[key]

    def _salt(self, account: JID, mechanism: str) -> bytes:
        return hmac.digest(self._secret, f"{mechanism} {account.full}".encode(), "sha256")[:16]

    def _false_keys(self, account: JID, mechanism: str) -> ScramKeys:
        size = hashlib.new(mechanism.removeprefix("SCRAM-").replace("-", "").lower()).digest_size
        return self._salt(account, mechanism), secrets.token_bytes(size), secrets.token_bytes(size), SCRAM_ITERATIONS
