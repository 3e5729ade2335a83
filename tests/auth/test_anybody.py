"""`--auth any`."""

from __future__ import annotations

import pytest

from conversehost.auth import DISABLED, Accepted, Attempt, Outcome, Refused
from conversehost.auth.accounts import Accounts
from conversehost.auth.anybody import Anybody
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.jid import JID, parse

ROMEO = parse("romeo@localhost")


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(MemoryStore())
    accounts.put(ROMEO, "secret")
    return accounts


@pytest.fixture
def anybody(accounts: Accounts) -> Anybody:
    def create(account: JID, password: str) -> bool:
        if account.domain == "localhost":
            accounts.put(account, password)
        return account.domain == "localhost"

    return Anybody(accounts, create)


def outcome(anybody: Anybody, name: str, password: str = "x") -> Outcome:
    told: list[Outcome] = []
    anybody.check(Attempt(parse(name), password), told.append)
    return told[0]


def test_any_password_is_right(anybody, accounts):
    assert outcome(anybody, "romeo@localhost") == Accepted(ROMEO)
    assert list(accounts.of("localhost")) == [(ROMEO, "secret")]


def test_but_not_none(anybody):
    assert outcome(anybody, "romeo@localhost", "") == Refused()


def test_an_account_is_made_at_the_first_login(anybody, accounts):
    juliet = parse("juliet@localhost")
    assert outcome(anybody, "juliet@localhost", "mine") == Accepted(juliet)
    assert (juliet, "mine") in accounts.of("localhost")


def test_not_in_other_domains_nor_without_a_name(anybody):
    assert outcome(anybody, "romeo@elsewhere") == Refused()
    assert outcome(anybody, "localhost") == Refused()


def test_who_is_disabled_stays_out(anybody, accounts):
    accounts.disable(ROMEO)
    assert outcome(anybody, "romeo@localhost") == DISABLED
    assert not anybody.admit(ROMEO)


def test_a_certificate_makes_an_account_too(anybody, accounts):
    assert anybody.admit(ROMEO)
    assert anybody.admit(parse("juliet@localhost"))
    assert accounts.exists(parse("juliet@localhost"))


def test_scram_is_as_ever(anybody, accounts):
    assert anybody.scram_salt(ROMEO, "SCRAM-SHA-1") == accounts.scram_salt(ROMEO, "SCRAM-SHA-1")
    assert anybody.scram_check(ROMEO, "SCRAM-SHA-1", lambda stored: False) is None
