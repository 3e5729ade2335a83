from __future__ import annotations

import hashlib
import hmac

import pytest
from scramp import ScramMechanism

from conversehost.auth import DISABLED, Accepted, Attempt, Outcome, Refused
from conversehost.auth.accounts import Accounts, Credentials, derive
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.sasl import SASLError, ScramKeys

ROMEO = parse("romeo@localhost")
MECHANISMS = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(MemoryStore())
    accounts.put(ROMEO, "secret")
    return accounts


def keys(accounts: Accounts, account: JID, mechanism: str) -> tuple[bytes, bytes]:
    """Stored key and server key."""
    seen: list[bytes] = []
    server_key = accounts.scram_check(account, mechanism, lambda stored: seen.append(stored) or True)
    assert server_key is not None
    return seen[0], server_key


def outcome(accounts: Accounts, name: str, password: str) -> Outcome:
    told: list[Outcome] = []
    accounts.check(Attempt(parse(f"{name}@localhost"), password), told.append)
    assert len(told) == 1
    return told[0]


def test_the_right_password(accounts: Accounts):
    assert outcome(accounts, "romeo", "secret") == Accepted(ROMEO)


@pytest.mark.parametrize(
    ("name", "password"),
    [
        ("romeo", "wrong"),
        ("romeo", ""),
        ("romeo", "secret "),
        ("romeo", "SECRET"),
        ("nobody", "secret"),
        ("nobody", ""),
    ],
)
def test_a_wrong_password_and_an_unknown_name_look_the_same(accounts: Accounts, name: str, password: str):
    assert outcome(accounts, name, password) == Refused("not-authorized", "")


def test_who_exists(accounts: Accounts):
    accounts.put(parse("juliet@localhost"), "x")
    accounts.put(parse("juliet@elsewhere"), "y")
    assert accounts.exists(ROMEO)
    assert not accounts.exists(parse("nobody@localhost"))
    assert [(str(jid), password) for jid, password in accounts.of("localhost")] == [
        ("romeo@localhost", "secret"),
        ("juliet@localhost", "x"),
    ]
    assert list(accounts.of("nowhere")) == []


def test_an_account_that_was_deleted_is_unknown(accounts: Accounts):
    assert accounts.delete(ROMEO)
    assert not accounts.delete(ROMEO)
    assert outcome(accounts, "romeo", "secret") == Refused()


def test_a_new_password_counts_at_once(accounts: Accounts):
    before = keys(accounts, ROMEO, "SCRAM-SHA-256")
    accounts.put(ROMEO, "other")
    assert outcome(accounts, "romeo", "other") == Accepted(ROMEO)
    assert outcome(accounts, "romeo", "secret") == Refused()
    assert keys(accounts, ROMEO, "SCRAM-SHA-256") != before


@pytest.mark.parametrize(
    ("kept", "typed"),
    [
        ("p\u00e4ss", "pa\u0308ss"),  # composed or not
        ("a\u00a0b", "a b"),
        ("\u2168", "IX"),
        ("pass\u00adword", "password"),
        ("\U0001f389", "\U0001f389"),  # not in the Unicode that SASLprep knows
        ("\ud800", "\ud800"),  # half a character
        ("\u00ad", "\u00ad"),  # nothing, once prepared
    ],
)
def test_passwords_are_compared_as_prepared(accounts: Accounts, kept: str, typed: str):
    accounts.put(ROMEO, kept)
    assert outcome(accounts, "romeo", typed) == Accepted(ROMEO)
    assert outcome(accounts, "romeo", "") == Refused()


def test_an_attempt_is_not_shown_with_its_password():
    assert "secret" not in repr(Attempt(ROMEO, "secret"))


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_keys_are_those_of_rfc_5802(accounts: Accounts, mechanism: str):
    (salt, iterations), (stored, server) = accounts.scram_salt(ROMEO, mechanism), keys(accounts, ROMEO, mechanism)
    expected = ScramMechanism(mechanism).make_auth_info("secret", iteration_count=iterations, salt=salt)
    assert (salt, stored, server, iterations) == expected
    assert iterations >= 4096


def test_keys_for_a_password_that_cannot_be_prepared():
    salt, stored, *_ = derive("\U0001f389", "SCRAM-SHA-256", b"s" * 16)
    salted = hashlib.pbkdf2_hmac("sha256", "\U0001f389".encode(), salt, 4096)
    assert stored == hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_the_keys_of_nobody_look_like_somebodys(accounts: Accounts, mechanism: str):
    nobody = parse("nobody@localhost")
    false, true = accounts.scram_salt(nobody, mechanism), accounts.scram_salt(ROMEO, mechanism)
    assert false == accounts.scram_salt(nobody, mechanism)
    assert false != true
    assert (len(false[0]), false[1]) == (len(true[0]), true[1])
    assert len(keys(accounts, nobody, mechanism)[0]) == len(keys(accounts, ROMEO, mechanism)[0])


def test_salts_differ_by_account_and_mechanism_and_stay_for_nobody_who_registers(accounts: Accounts):
    juliet = parse("juliet@localhost")
    salts = {accounts.scram_salt(jid, mechanism)[0] for jid in (ROMEO, juliet) for mechanism in MECHANISMS}
    assert len(salts) == 6
    before = accounts.scram_salt(juliet, "SCRAM-SHA-1")
    accounts.put(juliet, "x")
    assert accounts.scram_salt(juliet, "SCRAM-SHA-1") == before


@pytest.fixture
def derivations(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Of whose password."""
    made = []

    def counted(password: str, mechanism: str, salt: bytes, real=derive) -> ScramKeys:
        made.append(password)
        return real(password, mechanism, salt)

    monkeypatch.setattr("conversehost.auth.accounts.derive", counted)
    return made


def test_keys_are_derived_once_for_whoever_has_the_password(accounts: Accounts, derivations: list[str]):
    for _ in range(3):
        assert accounts.scram_check(ROMEO, "SCRAM-SHA-1", lambda stored: True)
    assert derivations == ["secret"]


def test_a_refusal_takes_one_derivation_whoever_it_is(accounts: Accounts, derivations: list[str]):
    known, nobody = ROMEO, parse("nobody@localhost")
    for jid in (known, known, nobody, nobody):
        assert accounts.scram_check(jid, "SCRAM-SHA-1", lambda stored: False) is None
    assert len(derivations) == 4
    accounts.scram_check(known, "SCRAM-SHA-1", lambda stored: True)
    derivations.clear()
    for jid in (known, nobody):
        accounts.scram_check(jid, "SCRAM-SHA-1", lambda stored: False)
    assert len(derivations) == 2


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_nobody_logs_in_to_a_disabled_account_until_it_is_enabled_again(accounts: Accounts, mechanism: str):
    keys(accounts, ROMEO, mechanism)
    stored = derive("secret", mechanism, accounts.scram_salt(ROMEO, mechanism)[0])[1]
    accounts.disable(ROMEO)
    accounts.put(ROMEO, "secret")
    assert outcome(accounts, "romeo", "secret") == DISABLED
    with pytest.raises(SASLError, match="account-disabled"):
        accounts.scram_check(ROMEO, mechanism, lambda key: key == stored)
    assert not accounts.admit(ROMEO)
    assert accounts.exists(ROMEO)
    accounts.enable(ROMEO)
    assert outcome(accounts, "romeo", "secret") == Accepted(ROMEO)
    assert accounts.scram_check(ROMEO, mechanism, lambda key: key == stored) is not None
    assert accounts.admit(ROMEO)


@pytest.mark.parametrize("mechanism", MECHANISMS)
def test_a_stranger_does_not_hear_that_an_account_is_disabled(accounts: Accounts, mechanism: str):
    accounts.disable(ROMEO)
    assert outcome(accounts, "romeo", "guess") == outcome(accounts, "romeo", "") == Refused()
    assert accounts.scram_check(ROMEO, mechanism, lambda key: False) is None


def test_an_account_that_is_not_there_is_not_made_by_disabling_it(accounts: Accounts):
    accounts.disable(parse("nobody@localhost"))
    assert not accounts.exists(parse("nobody@localhost"))
    assert not accounts.is_disabled(parse("nobody@localhost"))


def known_by_keys(accounts: Accounts, jid: JID) -> bytes:
    salt, stored, server, iterations = derive("her own", "SCRAM-SHA-1", b"salt", 12)
    accounts.put_unknown(jid, (Credentials("SCRAM-SHA-1", iterations, salt, stored, server),))
    return stored


def test_who_is_known_by_keys_comes_in_by_them(accounts: Accounts):
    juliet = parse("juliet@localhost")
    stored = known_by_keys(accounts, juliet)
    assert accounts.scram_salt(juliet, "SCRAM-SHA-1") == (b"salt", 12)
    assert keys(accounts, juliet, "SCRAM-SHA-1")[0] == stored
    assert accounts.scram_check(juliet, "SCRAM-SHA-1", lambda stored: False) is None
    assert outcome(accounts, "juliet", "her own") == Accepted(juliet)
    assert outcome(accounts, "juliet", "wrong") == outcome(accounts, "juliet", "") == Refused()
    assert list(accounts.of("localhost"))[-1] == (juliet, "")


def test_who_is_known_by_keys_and_disabled_stays_out(accounts: Accounts):
    juliet = parse("juliet@localhost")
    stored = known_by_keys(accounts, juliet)
    accounts.disable(juliet)
    with pytest.raises(SASLError, match="account-disabled"):
        accounts.scram_check(juliet, "SCRAM-SHA-1", lambda shown: shown == stored)
    assert accounts.scram_check(juliet, "SCRAM-SHA-1", lambda shown: False) is None
    assert outcome(accounts, "juliet", "her own") == DISABLED
    assert outcome(accounts, "juliet", "guess") == Refused()


def test_a_new_password_replaces_the_keys(accounts: Accounts):
    juliet = parse("juliet@localhost")
    known_by_keys(accounts, juliet)
    accounts.put(juliet, "new")
    assert outcome(accounts, "juliet", "new") == Accepted(juliet)
    assert outcome(accounts, "juliet", "her own") == Refused()
