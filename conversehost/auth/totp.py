"""Tokens of Prosody's mod_auth_token: a one-time password and a nonce, signed together with the address."""

from __future__ import annotations

import base64
import binascii
import hmac
import re
from collections.abc import Callable

from conversehost.auth import TokenError
from conversehost.auth.nonces import Nonces
from conversehost.xmpp.jid import JID
from conversehost.xmpp.token import DIGITS, INTERVAL, sign_totp_token, signature, totp

NONCE = 32
"""Digits."""
DEVIATION = 1
"""How many one-time passwords before and after the current one count, too."""
EXPLAINED = 20
"""And how many are recognised as too old, or too new."""

# Password, nonce and address are signed without anything between them: were the nonce of any length, a token of
# 23@chat.example would do for 3@chat.example.
_FORM = re.compile(rf"(?P<password>[0-9]{{{DIGITS}}})(?P<nonce>[0-9]{{{NONCE}}}) (?P<signature>[A-Za-z0-9+/]{{43}}=)")


class TimedTokens:
    """Makes them and takes them, each once. The address isn't in the token: who shows it must say it."""

    name = "mod_auth_token"

    def __init__(self, secret: str, seed: str, *, nonces: Nonces | None = None) -> None:
        """Prosody's token_secret and otp_seed. Raises ValueError for a seed that isn't base32."""
        totp(seed, 0)
        self._secret = secret
        self._seed = seed
        self._nonces = nonces or Nonces()

    def recognises(self, token: str) -> bool:
        """By its looks."""
        head, space, _ = token.partition(" ")
        return bool(space) and head.isascii() and head.isdecimal() and len(head) > DIGITS

    def issue(self, account: JID, now: float) -> str:
        """A new one."""
        return sign_totp_token(account.bare, self._secret, self._seed, now=now)

    def prepare(self, token: str, then: Callable[[], None]) -> None:
        """Everything is here."""
        then()

    def read(self, token: str, said: JID, now: float) -> JID:
        """Whose it is, if it is taken; from then on it isn't any more. Raises TokenError."""
        found = _FORM.fullmatch(token)
        if found is None:
            raise TokenError("it isn't of the form DIGITS, space, base64: perhaps a part of it is missing")
        if not said.local:
            raise TokenError("it doesn't say whose it is, and neither does who shows it")
        password, nonce = found["password"], found["nonce"]
        step = self._step(password, now)
        try:
            shown = base64.b64decode(found["signature"])
        except binascii.Error:
            shown = b""
        if not hmac.compare_digest(shown, signature(f"{password}{nonce}{said.bare}", self._secret)):
            raise TokenError(f"the signature is wrong: another token_secret, or it isn't for {said}")
        self._nonces.use(f"{said.bare} {password}{nonce}", (step + DEVIATION + 1) * INTERVAL, now)
        return said

    def _step(self, password: str, now: float) -> int:
        """When the one-time password is the right one, of those that count."""
        current = int(now // INTERVAL)
        for step in range(current - DEVIATION, current + DEVIATION + 1):
            if hmac.compare_digest(totp(self._seed, max(step, 0)), password):
                return step
        if any(totp(self._seed, max(step, 0)) == password for step in range(current - EXPLAINED, current + EXPLAINED)):
            raise TokenError("its one-time password is of another time, minutes from now: expired, or clocks differ")
        raise TokenError("its one-time password is wrong: another otp_seed, or a token of long ago")
