"""Tokens that a site signs and a chat server takes for a password; made with the standard library alone.

docs/tokens.md specifies both formats, with test vectors.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import json
import re
import secrets
import time

VERSION = "ch1"
AUDIENCE = "xmpp"
LIFETIME = 60
"""Seconds: it is used at once."""

DIGITS, INTERVAL = 8, 30
"""Of the one-time password in Prosody's tokens, which is new every 30 seconds."""

_KID = re.compile("[A-Za-z0-9_-]{1,64}")
_BASE64URL = re.compile("[A-Za-z0-9_-]+")


def sign_token(
    jid: str,
    key: str | bytes,
    *,
    kid: str = "1",
    audience: str = AUDIENCE,
    lifetime: float = LIFETIME,
    now: float | None = None,
    nonce: str | None = None,
) -> str:
    """A password for one login of an account, `jid`, good for `lifetime` seconds.

    `key` is the secret that the chat server knows by the name `kid`; `now` is in seconds since 1970. Raises ValueError
    for a `kid` that isn't made of letters, digits, - and _, and for a `jid` that isn't of the form name@domain.
    """
    if not _KID.fullmatch(kid):
        raise ValueError("kid: 1 to 64 letters, digits, - and _")
    local, _, domain = jid.partition("@")
    if not local or not domain or "/" in jid:
        raise ValueError("jid: the address of an account, such as alice@chat.example")
    claims = {
        "jid": jid,
        "aud": audience,
        "exp": int((time.time() if now is None else now) + lifetime),
        "nonce": nonce or secrets.token_urlsafe(16),
    }
    payload = encode(json.dumps(claims, separators=(",", ":"), ensure_ascii=False).encode())
    signed = f"{VERSION}.{kid}.{payload}"
    return f"{signed}.{encode(signature(signed, key))}"


def sign_totp_token(
    jid: str, secret: str | bytes, seed: str, *, now: float | None = None, nonce: str | None = None
) -> str:
    """The same in the format of Prosody's mod_auth_token; `secret` and `seed` are its token_secret and otp_seed.

    `nonce` is of 32 digits. Raises ValueError for a seed that isn't base32.
    """
    password = totp(seed, int((time.time() if now is None else now) // INTERVAL))
    head = password + (nonce or "".join(secrets.choice("0123456789") for _ in range(32)))
    return f"{head} {base64.b64encode(signature(head + jid, secret)).decode()}"


def signature(text: str, key: str | bytes) -> bytes:
    """HMAC-SHA256."""
    return hmac.digest(key.encode() if isinstance(key, str) else key, text.encode(), "sha256")


def totp(seed: str, step: int) -> str:
    """The one-time password of a step of time (RFC 6238 with SHA-1). Raises ValueError for a seed that isn't base32."""
    padded = seed.strip().upper().rstrip("=")
    try:
        key = base64.b32decode(padded + "=" * (-len(padded) % 8))
    except binascii.Error:
        raise ValueError("the seed isn't base32") from None
    digest = hmac.new(key, step.to_bytes(8, "big"), hashlib.sha1).digest()
    start = digest[-1] & 15
    number = int.from_bytes(digest[start : start + 4], "big") & 0x7FFFFFFF
    return str(number % 10**DIGITS).zfill(DIGITS)


def encode(data: bytes) -> str:
    """base64url without padding."""
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


def decode(text: str) -> bytes:
    """From that. Raises ValueError."""
    if not _BASE64URL.fullmatch(text):
        raise ValueError("not base64url")
    return base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
