from __future__ import annotations

import hashlib
import hmac

import pytest
from scramp import ScramMechanism

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.auth.accounts import Accounts, derive
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.jid import parse

ROMEO = parse("romeo@localhost")
MECHANISMS = ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"]


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(MemoryStore())
    accounts.put(ROMEO, "secret")
    return accounts


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
    before = accounts.scram_keys(ROMEO, "SCRAM-SHA-256")
    accounts.put(ROMEO, "other")
    assert outcome(accounts, "romeo", "other") == Accepted(ROMEO)
    assert outcome(accounts, "romeo", "secret") == Refused()
    assert accounts.scram_keys(ROMEO, "SCRAM-SHA-256") != before


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
    salt, stored, server, iterations = accounts.scram_keys(ROMEO, mechanism)
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
    false, true = accounts.scram_keys(nobody, mechanism), accounts.scram_keys(ROMEO, mechanism)
    assert false == accounts.scram_keys(nobody, mechanism)
    assert [type(each) for each in false] == [type(each) for each in true]
    assert [len(each) for each in false[:3]] == [len(each) for each in true[:3]]
    assert false[3] == true[3]


def test_salts_differ_by_account_and_mechanism_and_stay_for_nobody_who_registers(accounts: Accounts):
    juliet = parse("juliet@localhost")
    salts = {accounts.scram_keys(jid, mechanism)[0] for jid in (ROMEO, juliet) for mechanism in MECHANISMS}
    assert len(salts) == 6
    before = accounts.scram_keys(juliet, "SCRAM-SHA-1")[0]
    accounts.put(juliet, "x")
    assert accounts.scram_keys(juliet, "SCRAM-SHA-1")[0] == before


def test_keys_are_derived_once(accounts: Accounts):
    for name in ("romeo", "nobody"):
        jid = parse(f"{name}@localhost")
        assert accounts.scram_keys(jid, "SCRAM-SHA-1") is accounts.scram_keys(jid, "SCRAM-SHA-1")
