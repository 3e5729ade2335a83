"""Tokens of Prosody's mod_auth_token: its example's keys, and what was computed from them elsewhere."""

from __future__ import annotations

import pytest

from conversehost.auth import TokenError
from conversehost.auth.totp import TimedTokens
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.token import sign_totp_token, totp

SECRET, SEED = "JYXEX4IQOEYFYQ2S3MC5P4ZT4SDHYEA7", "XVGR73KMZH2M4XMY"
NOW = 1_700_000_000.0
ALICE = parse("alice@chat.example")
NONCE = "01234567890123456789012345678901"


def tokens() -> TimedTokens:
    return TimedTokens(SECRET, SEED)


def token(jid: str = "alice@chat.example", now: float = NOW, nonce: str | None = None) -> str:
    return sign_totp_token(jid, SECRET, SEED, now=now, nonce=nonce)


def why(text: str, said: JID = ALICE, *, now: float = NOW, by: TimedTokens | None = None) -> str:
    with pytest.raises(TokenError) as caught:
        (by or tokens()).read(text, said, now)
    return str(caught.value)


@pytest.mark.parametrize(
    ("time", "password"),
    [(59, "94287082"), (1111111109, "07081804"), (1234567890, "89005924"), (20000000000, "65353130")],
)
def test_the_vectors_of_rfc_6238(time: int, password: str):
    seed = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # 12345678901234567890
    assert totp(seed, time // 30) == password


def test_the_vector_that_openssl_made():
    assert token(nonce=NONCE) == "8095230901234567890123456789012345678901 6i327B107sNLJ9Cs+ZZKpnpHt7IyuHzOt7NY2A2qaog="


def test_one_that_is_good():
    assert tokens().read(token(), ALICE, NOW) == ALICE
    assert tokens().read(tokens().issue(ALICE, NOW), ALICE, NOW) == ALICE


@pytest.mark.parametrize("later", [-30, 0, 30])
def test_clocks_that_differ_a_little(later: int):
    assert tokens().read(token(now=NOW + later), ALICE, NOW) == ALICE


@pytest.mark.parametrize("later", [-300, -61, 61, 300])
def test_expired(later: int):
    assert why(token(now=NOW + later)).startswith("its one-time password is of another time")


def test_replayed():
    once, shown = tokens(), token()
    once.read(shown, ALICE, NOW)
    assert why(shown, now=NOW + 30, by=once).startswith("it was used before")


def test_somebody_elses():
    assert why(token("bob@chat.example")).endswith("it isn't for alice@chat.example")


def test_digits_of_a_name_are_none_of_the_nonce():
    """Nothing stands between them in what is signed."""
    head, _, signature = token("23@chat.example", nonce=NONCE).partition(" ")
    assert why(f"{head}2 {signature}", parse("3@chat.example")).startswith("it isn't of the form")


def test_another_secret_and_another_seed():
    other = TimedTokens(SECRET + "A", SEED)
    assert why(other.issue(ALICE, NOW)).startswith("the signature is wrong")
    other = TimedTokens(SECRET, "GEZDGNBVGY3TQOJQ")
    assert why(other.issue(ALICE, NOW)) == "its one-time password is wrong: another otp_seed, or a token of long ago"


@pytest.mark.parametrize(
    "text",
    [token()[:-1], token()[:40], token()[1:], "123456789 ", "123456789 " + "!" * 44],
    ids=["last", "after-nonce", "first", "bare", "unreadable"],
)
def test_truncated(text: str):
    assert why(text).startswith("it isn't of the form")


def test_without_a_name():
    assert why(token(), JID("", "chat.example")).startswith("it doesn't say whose it is")


def test_a_seed_that_is_none():
    with pytest.raises(ValueError, match="base32"):
        TimedTokens(SECRET, "1!")


def test_its_looks():
    found = [tokens().recognises(each) for each in (token(), token()[:60], "1 2", "a secret", "correct horse")]
    assert found == [True, True, False, False, False]
