"""Passwords for one login at a server elsewhere that shares a key with us: JSON Web Tokens (RFC 7519), HS256."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable

from conversehost.xmpp.jid import JID

SHORTEST = 32
"""Bytes of a key (RFC 7518 section 3.2)."""
LIFETIME = 60
"""Seconds."""


class TokenMint:
    """Makes them, each for an account, which is in the claim `jid`, as ejabberd reads it; `sub` has it too."""

    def __init__(self, key: bytes, utc: Callable[[], float]) -> None:
        """`utc`: seconds since 1970. Raises ValueError."""
        if len(key) < SHORTEST:
            raise ValueError(f"a key has at least {SHORTEST} bytes")
        self._key = key
        self._utc = utc

    def issue(self, account: JID) -> str:
        """Good for a minute."""
        now = int(self._utc())
        claims = {"jid": account.bare, "sub": account.bare, "iat": now, "exp": now + LIFETIME}
        said = b".".join(map(_part, (_json({"alg": "HS256", "typ": "JWT"}), _json(claims))))
        return b".".join((said, _part(hmac.digest(self._key, said, hashlib.sha256)))).decode()


def _json(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _part(data: bytes) -> bytes:
    return base64.urlsafe_b64encode(data).rstrip(b"=")
