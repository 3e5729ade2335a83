"""Signed tokens: HMAC-SHA256 over an address, an audience, an expiry and a nonce (docs/tokens.md)."""

from __future__ import annotations

import hmac
import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from conversehost.auth import TokenError
from conversehost.auth.nonces import Nonces
from conversehost.xmpp.jid import JID, JIDError, parse_account
from conversehost.xmpp.token import AUDIENCE, LIFETIME, VERSION, decode, sign_token, signature

SKEW = 30
"""Seconds that the signer's clock may be behind or ahead."""
LONGEST = 3_600
"""Seconds that a token may live at most: a nonce is remembered for as long."""
LARGEST = 8_192
"""Characters of any token."""
LAST = 1e12
"""No clock goes there; JSON's NaN isn't below it either."""


@dataclass(frozen=True, slots=True)
class Claims:
    """What a token says of itself. `expiry`: seconds since 1970."""

    kid: str
    jid: str
    audience: str
    expiry: float
    nonce: str


class SignedTokens:
    """Makes them and takes them, each once."""

    name = "signed token"

    def __init__(
        self,
        keys: Mapping[str, str],
        *,
        audience: str = AUDIENCE,
        longest: float = LONGEST,
        nonces: Nonces | None = None,
    ) -> None:
        """`keys` by their `kid`: the first one signs, all of them count. `nonces` may be shared."""
        self._keys = dict(keys)
        self._audience = audience
        self._longest = longest
        self._nonces = nonces or Nonces()

    def recognises(self, token: str) -> bool:
        """By its looks."""
        return token.startswith(f"{VERSION}.")

    def issue(self, account: JID, now: float, lifetime: float = LIFETIME) -> str:
        """A new one."""
        kid, key = next(iter(self._keys.items()))
        return sign_token(account.bare, key, kid=kid, audience=self._audience, lifetime=lifetime, now=now)

    def prepare(self, token: str, then: Callable[[], None]) -> None:
        """Everything is here."""
        then()

    def read(self, token: str, said: JID, now: float) -> JID:
        """Whose it is, if it is taken; from then on it isn't any more. Raises TokenError."""
        claims = self._signed(token)
        if claims.audience != self._audience:
            raise TokenError(f"it is for the audience {claims.audience!r}, not for {self._audience!r}")
        self._check_time(claims, now)
        account = owner(claims.jid, said)
        self._nonces.use(claims.nonce, claims.expiry + SKEW, now)
        return account

    def _signed(self, token: str) -> Claims:
        if len(token) > LARGEST:
            raise TokenError(f"it is longer than {LARGEST} characters")
        parts = token.split(".")
        if len(parts) != 4 or parts[0] != VERSION:
            raise TokenError(f"it isn't of the form {VERSION}.KID.CLAIMS.SIGNATURE: perhaps a part of it is missing")
        key = self._keys.get(parts[1])
        if key is None:
            raise TokenError(f"there is no key by the name {parts[1][:64]!r} here")
        try:
            shown = decode(parts[3])
        except ValueError:
            shown = b""
        if not hmac.compare_digest(shown, signature(token.rpartition(".")[0], key)):
            raise TokenError("the signature is wrong: another key, or somebody has changed the token")
        return claims_of(token)

    def _check_time(self, claims: Claims, now: float) -> None:
        if now > claims.expiry + SKEW:
            raise TokenError(f"it expired {now - claims.expiry:.0f} seconds ago")
        if claims.expiry > now + self._longest + SKEW:
            ahead = claims.expiry - now
            raise TokenError(f"it would live for {ahead:.0f} seconds, more than the {self._longest:.0f} allowed here")


def owner(address: str, said: JID) -> JID:
    """Whom a token is for, if that is who shows it; a name alone is one of that domain. Raises TokenError."""
    try:
        account = parse_account(address, said.domain)
    except JIDError as error:
        raise TokenError(f"its jid {address[:255]!r} isn't the address of an account: {error}") from None
    if account.domain != said.domain:
        raise TokenError(f"it is for {account}, and was shown at {said.domain}")
    if said.local and account != said:
        raise TokenError(f"it is for {account}, not for {said}")
    return account


def claims_of(token: str) -> Claims:
    """What it says, true or not. Raises TokenError."""
    parts = token.split(".")
    try:
        said = json.loads(decode(parts[2]))
        claims = Claims(parts[1], said["jid"], said["aud"], said["exp"], said["nonce"])
    except (IndexError, KeyError, TypeError, ValueError, RecursionError):
        raise TokenError("its claims aren't a JSON object with jid, aud, exp and nonce, in base64url") from None
    texts = (claims.jid, claims.audience, claims.nonce)
    is_time = type(claims.expiry) in (int, float) and 0 <= claims.expiry < LAST
    if not all(isinstance(each, str) for each in texts) or not is_time:
        raise TokenError("in its claims jid, aud and nonce must be texts, and exp a number of seconds since 1970")
    if not 8 <= len(claims.nonce) <= 255:
        raise TokenError("its nonce must have 8 to 255 characters")
    return claims
