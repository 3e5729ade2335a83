"""Tokens for servers elsewhere, read by a library that isn't ours."""

from __future__ import annotations

import jwt
import pytest

from conversehost.upstream.jwt import LIFETIME, TokenMint
from conversehost.xmpp.jid import parse

KEY = b"a key of more than thirty-two bytes"
NOW = 1_700_000_000


def test_a_token_says_for_whom_and_for_how_long():
    token = TokenMint(KEY, lambda: NOW + 0.5).issue(parse("romeo@localhost/orchard"))
    assert jwt.decode(token, KEY, algorithms=["HS256"], options={"verify_exp": False, "verify_iat": False}) == {
        "jid": "romeo@localhost",
        "sub": "romeo@localhost",
        "iat": NOW,
        "exp": NOW + LIFETIME,
    }


def test_a_short_key_is_none():
    with pytest.raises(ValueError, match="at least 32 bytes"):
        TokenMint(b"x" * 31, lambda: NOW)
