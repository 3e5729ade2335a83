"""Signed tokens: each attack is refused, the log says why, and whoever tries it doesn't learn it."""

from __future__ import annotations

import json

import pytest

from conversehost.auth import Accepted, Attempt, Outcome, Refused, TokenError
from conversehost.auth.nonces import Nonces
from conversehost.auth.token import LONGEST, SKEW, SignedTokens
from conversehost.auth.tokens import TokenLogins
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.token import encode, sign_token, signature

NOW = 1_700_000_000.0
ALICE, BOB = parse("alice@chat.example"), parse("bob@chat.example")
NOBODY = JID("", "chat.example")
KEY = "a-secret-that-the-site-and-the-chat-share"


def tokens(**keys: str) -> SignedTokens:
    return SignedTokens(keys or {"1": KEY})


def why(token: str, said: JID = ALICE, *, now: float = NOW, by: SignedTokens | None = None) -> str:
    """The reason for which it isn't taken."""
    with pytest.raises(TokenError) as caught:
        (by or tokens()).read(token, said, now)
    return str(caught.value)


def token(jid: str = "alice@chat.example", **terms: object) -> str:
    return sign_token(jid, KEY, **({"now": NOW} | terms))  # type: ignore[arg-type]


def claiming(**claims: object) -> str:
    """Signed well, whatever it claims."""
    said = {"jid": "alice@chat.example", "aud": "xmpp", "exp": NOW + 60, "nonce": "0123456789"} | claims
    signed = f"ch1.1.{encode(json.dumps(said).encode())}"
    return f"{signed}.{encode(signature(signed, KEY))}"


@pytest.mark.parametrize("said", [ALICE, NOBODY])
def test_one_that_is_good(said: JID):
    assert tokens().read(token(), said, NOW) == ALICE


def test_the_vector_of_the_specification():
    assert token(nonce="n-0123456789abcdef") == (
        "ch1.1.eyJqaWQiOiJhbGljZUBjaGF0LmV4YW1wbGUiLCJhdWQiOiJ4bXBwIiwiZXhwIjoxNzAwMDAwMDYwLCJub25jZSI6Im4t"
        "MDEyMzQ1Njc4OWFiY2RlZiJ9.oRTdsuTuFgOta9cEEJ5aU-7Q9XSPC1zK9RGuphh8tEw"
    )


def test_a_site_may_write_names_as_it_likes():
    assert tokens().read(token("Alice@Chat.Example"), ALICE, NOW) == ALICE


def test_somebody_elses():
    assert why(token(), BOB) == "it is for alice@chat.example, not for bob@chat.example"


def test_one_for_another_domain():
    assert why(token("alice@other.example"), NOBODY) == "it is for alice@other.example, and was shown at chat.example"


def test_the_address_swapped_within_it():
    good = token().split(".")
    other = token("bob@chat.example").split(".")
    assert why(".".join([*good[:2], other[2], good[3]]), BOB).startswith("the signature is wrong")


@pytest.mark.parametrize("length", [1, 10, 22, 43])
def test_truncated(length: int):
    assert why(token()[:-length]).startswith("the signature is wrong")


@pytest.mark.parametrize("text", ["ch1.", "ch1.1", "ch1.1.abc", "ch1.1.a.b.c", "ch2.1.a.b"])
def test_parts_that_are_missing(text: str):
    assert why(text).startswith("it isn't of the form ch1.KID.CLAIMS.SIGNATURE")


def test_a_wrong_key():
    assert why(token(), by=tokens(**{"1": KEY + "!"})).startswith("the signature is wrong: another key")


def test_an_unknown_key():
    assert why(token(kid="old")) == "there is no key by the name 'old' here"


def test_the_name_of_another_key():
    assert why(token(kid="2"), by=tokens(**{"1": KEY, "2": "x" * 40})).startswith("the signature is wrong")


def test_a_wrong_audience():
    assert why(token(audience="mail")) == "it is for the audience 'mail', not for 'xmpp'"


def test_expired():
    assert why(token(), now=NOW + 60 + SKEW + 5) == "it expired 35 seconds ago"


@pytest.mark.parametrize("later", [-SKEW, 0, 60, 60 + SKEW])
def test_clocks_that_differ_a_little(later: int):
    assert tokens().read(token(), ALICE, NOW + later) == ALICE


def test_one_that_would_live_too_long():
    assert why(token(lifetime=LONGEST + SKEW + 1)).startswith("it would live for 3631 seconds")


def test_replayed():
    once = tokens()
    shown = token()
    once.read(shown, ALICE, NOW)
    assert why(shown, now=NOW + 5, by=once) == "it was used before: each one is for one login"


def test_one_that_was_shown_by_somebody_else_is_still_good():
    once, shown = tokens(), token()
    why(shown, BOB, by=once)
    assert once.read(shown, ALICE, NOW) == ALICE


@pytest.mark.parametrize(
    "claims",
    [
        {"jid": 7},
        {"aud": ["xmpp"]},
        {"exp": "soon"},
        {"exp": True},
        {"exp": float("nan")},
        {"exp": float("inf")},
        {"exp": 10**400},
        {"nonce": None},
    ],
)
def test_claims_of_a_wrong_kind(claims: dict[str, object]):
    assert why(claiming(**claims)).startswith("in its claims jid, aud and nonce must be texts")


@pytest.mark.parametrize("jid", ["", "a b@chat.example", "alice@chat.example/phone", "@chat.example", "\ud800"])
def test_addresses_that_are_none(jid: str):
    assert "isn't the address of an account" in why(claiming(jid=jid))


@pytest.mark.parametrize("payload", [b"", b"[]", b"{}", b"\xff", b"7", b"[" * 5_000])
def test_claims_that_are_none(payload: bytes):
    signed = f"ch1.1.{encode(payload)}"
    assert why(f"{signed}.{encode(signature(signed, KEY))}").startswith("its claims aren't a JSON object")


def test_a_nonce_that_repeats_easily():
    assert why(claiming(nonce="1")) == "its nonce must have 8 to 255 characters"


def test_text_that_is_nothing():
    assert why("ch1.\u00e9.\u00e9.\u00e9").startswith("there is no key")
    assert why("ch1." + "x" * 9_000).startswith("it is longer")


def test_keys_take_turns():
    """A new key signs, the old one counts until its last token has expired."""
    old, new = tokens(a=KEY), tokens(b="another-secret-of-more-than-32-characters", a=KEY)
    assert new.read(old.issue(ALICE, NOW), ALICE, NOW) == ALICE
    assert new.issue(ALICE, NOW).startswith("ch1.b.")
    assert why(new.issue(ALICE, NOW), by=old) == "there is no key by the name 'b' here"


def test_what_was_used_is_forgotten_when_it_has_expired():
    nonces = Nonces()
    nonces.use("a", NOW + 10, NOW)
    nonces.use("b", NOW + 20, NOW)
    nonces.use("c", NOW + 30, NOW + 15)
    assert len(nonces) == 2


def test_memory_for_them_has_an_end_and_nothing_is_forgotten_for_it():
    nonces = Nonces(room=2)
    nonces.use("a", NOW + 10, NOW)
    nonces.use("b", NOW + 10, NOW)
    with pytest.raises(TokenError) as caught:
        nonces.use("c", NOW + 10, NOW)
    assert caught.value.condition == "temporary-auth-failure"
    with pytest.raises(TokenError, match="used before"):
        nonces.use("a", NOW + 10, NOW)
    nonces.use("c", NOW + 20, NOW + 10)


@pytest.mark.parametrize("terms", [{"kid": ""}, {"kid": "a.b"}, {"jid": "alice"}, {"jid": "a@b/c"}, {"jid": "@b"}])
def test_what_can_not_be_signed(terms: dict[str, str]):
    with pytest.raises(ValueError, match=next(iter(terms))):
        sign_token(**({"jid": "alice@chat.example", "key": KEY} | terms))  # type: ignore[arg-type]


class Door:
    """An authenticator, and what it said."""

    def __init__(self, *there: JID) -> None:
        self.said: list[str] = []
        self.logins = TokenLogins([tokens()], admits=there.__contains__, now=lambda: NOW, tell=self.said.append)

    def check(self, password: str, account: JID = ALICE) -> Outcome:
        found: list[Outcome] = []
        self.logins.check(Attempt(account, password), found.append)
        [outcome] = found
        return outcome


def test_it_opens_the_door_once():
    door, shown = Door(ALICE), token()
    assert door.check(shown) == Accepted(ALICE)
    assert door.check(shown) == Refused()
    assert door.said == ["a token of alice@chat.example isn't taken: it was used before: each one is for one login"]


@pytest.mark.parametrize("password", [token(audience="mail"), token()[:-3], token("bob@chat.example")])
def test_who_is_refused_learns_nothing_and_the_log_nothing_secret(password: str):
    door = Door(ALICE, BOB)
    assert door.check(password) == Refused("not-authorized", "")
    assert len(door.said) == 1
    assert password not in door.said[0]


def test_an_account_that_may_not_come_in():
    door = Door(BOB)
    assert door.check(token(), NOBODY) == Refused()
    assert door.said == ["a token of somebody at chat.example isn't taken: there is no such account, or it is disabled"]


def test_a_password_is_none_of_its_business():
    door = Door(ALICE)
    assert door.check("orchard") == Refused()
    assert door.said == []
