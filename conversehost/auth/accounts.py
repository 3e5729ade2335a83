"""Accounts with passwords, in the store: collection "accounts", by domain, then by local part."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace

from conversehost.auth import DISABLED, Accepted, Attempt, Outcome, Refused
from conversehost.store import Store
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError, ScramKeys, prepare_password
from conversehost.xmpp.scram import hash_of

SCRAM_ITERATIONS = 4096
CACHE = 10_000
"""Accounts whose SCRAM keys are kept."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """By which a password is recognised that nobody here knows (RFC 5802 section 3), for one mechanism."""

    mechanism: str
    iterations: int
    salt: bytes
    stored_key: bytes
    server_key: bytes


@dataclass(frozen=True, slots=True)
class Account:
    """What is kept of an account; a test bed shows passwords to its operator, so they are kept as they are.

    `password` is "" where there are only `credentials`, as another server had them.
    """

    password: str
    disabled: bool = False
    credentials: tuple[Credentials, ...] = ()

    def recognised(self, mechanism: str) -> Credentials | None:
        """What there is for the mechanism."""
        return next((each for each in self.credentials if each.mechanism == mechanism), None)


class Accounts:
    """Who exists, and an `Authenticator` by their passwords."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._elsewhere: dict[str, Store] = {}
        self._secret = secrets.token_bytes(32)
        self._keys: dict[tuple[str, str, str], ScramKeys] = {}

    def keep(self, domain: str, store: Store) -> None:
        """The accounts of that domain are in another store, from now on."""
        self._elsewhere[domain] = store

    def leave(self, domain: str) -> None:
        """That domain is gone, with its store."""
        del self._elsewhere[domain]
        self._keys = {known: keys for known, keys in self._keys.items() if not known[0].endswith(f"@{domain}")}

    def _put(self, account: JID, kept: Account) -> None:
        self._of(account.domain).put("accounts", account.domain, account.local, kept)

    def _of(self, domain: str) -> Store:
        return self._elsewhere.get(domain, self._store)

    def put(self, account: JID, password: str) -> None:
        """Create the account, or change its password."""
        self._put(account, Account(password, self.is_disabled(account)))

    def put_unknown(self, account: JID, credentials: tuple[Credentials, ...]) -> None:
        """An account whose password isn't known, but recognised: by SCRAM with a mechanism that is among them, and by
        PLAIN. A password that is `put` later replaces them.
        """
        self._put(account, Account("", self.is_disabled(account), tuple(credentials)))

    def get(self, account: JID) -> Account | None:
        """What is kept of it; None when there is no such account."""
        found: Account | None = self._of(account.domain).get("accounts", account.domain, account.local)
        return found

    def disable(self, account: JID) -> None:
        """Nobody logs in to it until it is enabled again. Nothing for an account that there isn't."""
        self._set_disabled(account, disabled=True)

    def enable(self, account: JID) -> None:
        """As if it had never been disabled."""
        self._set_disabled(account, disabled=False)

    def is_disabled(self, account: JID) -> bool:
        """False for an account that there isn't."""
        found = self.get(account)
        return found is not None and found.disabled

    def delete(self, account: JID) -> bool:
        """False when there was none."""
        return self._of(account.domain).delete("accounts", account.domain, account.local)

    def exists(self, account: JID) -> bool:
        """Whether there is such an account."""
        return self.get(account) is not None

    def of(self, domain: str) -> Iterator[tuple[JID, str]]:
        """Address and password of every account of a domain, in order of creation."""
        for local, account in list(self._of(domain).items("accounts", domain).items()):
            yield JID(local, domain), account.password

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`: compares in constant time; an unknown account looks like a wrong password. Who knows the
        right one of an account that is disabled hears that it is.
        """
        known = self.get(attempt.account)
        if known is not None and known.credentials:
            same = matches(known.credentials[0], attempt.password)
        else:
            same = hmac.compare_digest(_encoded(self._password(known)), _encoded(attempt.password))
        if not (same and attempt.password):
            done(Refused())
        else:
            done(DISABLED if known is not None and known.disabled else Accepted(attempt.account))

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        """`BackEnd`: at once."""
        done(self.exists(account))

    def admit(self, account: JID) -> bool:
        """Somebody proved by other means than a password that it is them: whether they come in."""
        return self.exists(account) and not self.is_disabled(account)

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        """Salt and iterations for SCRAM, for any account, known or not, in the same way."""
        known = self.get(account)
        recognised = known.recognised(mechanism) if known is not None else None
        if recognised is not None:
            return recognised.salt, recognised.iterations
        return hmac.digest(self._secret, f"{mechanism} {account.full}".encode(), "sha256")[:16], SCRAM_ITERATIONS

    def scram_check(self, account: JID, mechanism: str, proves: Callable[[bytes], bool]) -> bytes | None:
        """The server key, if the client `proves` to know the password by the stored key; else None.

        Keys are derived once per account, mechanism and password. A refusal takes one derivation always: how long it
        took tells nothing about the account. Raises SASLError(account-disabled), for a client that has proven it.
        """
        known = self.get(account)
        recognised = known.recognised(mechanism) if known is not None else None
        if recognised is not None:
            return self._enabled(account, recognised.server_key) if proves(recognised.stored_key) else None
        password = self._password(known)
        salt, _ = self.scram_salt(account, mechanism)
        key = (account.full, mechanism, password)
        kept = self._keys.get(key)
        _, stored_key, server_key, _ = keys = kept or derive(password, mechanism, salt)
        if not proves(stored_key):
            if kept:
                derive(password, mechanism, salt)
            return None
        if len(self._keys) >= CACHE:
            self._keys.clear()
        self._keys[key] = keys
        return self._enabled(account, server_key)

    def _enabled(self, account: JID, server_key: bytes) -> bytes:
        if self.is_disabled(account):
            raise SASLError(DISABLED.condition, DISABLED.text)
        return server_key

    def _set_disabled(self, account: JID, *, disabled: bool) -> None:
        found = self.get(account)
        if found is not None:
            self._put(account, replace(found, disabled=disabled))

    def _password(self, account: Account | None) -> str:
        """Of an unknown account a secret one: everything, time too, is as with a wrong password."""
        return self._secret.hex() if account is None or not account.password else account.password


def matches(credentials: Credentials, password: str) -> bool:
    """Whether they were made of that password."""
    _, stored_key, _, _ = derive(password, credentials.mechanism, credentials.salt, credentials.iterations)
    return hmac.compare_digest(stored_key, credentials.stored_key)


def derive(password: str, mechanism: str, salt: bytes, iterations: int = SCRAM_ITERATIONS) -> ScramKeys:
    """RFC 5802 section 3. Takes about a millisecond."""
    name = hash_of(mechanism)
    salted = hashlib.pbkdf2_hmac(name, _encoded(password), salt, iterations)
    client_key = hmac.digest(salted, b"Client Key", name)
    stored_key = hashlib.new(name, client_key).digest()
    return salt, stored_key, hmac.digest(salted, b"Server Key", name), iterations


def _encoded(password: str) -> bytes:
    return prepare_password(password).encode("utf-8", "surrogatepass")  # JSON can bring half a character
