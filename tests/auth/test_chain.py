"""Several back ends in order."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.auth import DISABLED, Accepted, Attempt, BackEnd, Outcome, Refused
from conversehost.auth.accounts import Accounts
from conversehost.auth.chain import Chain
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.jid import JID, parse
from tests.auth.places import Place, Slow

ROMEO, JULIET = parse("romeo@localhost"), parse("juliet@localhost")
DOWN = Refused("temporary-auth-failure", "try again later")


@pytest.fixture
def accounts() -> Accounts:
    accounts = Accounts(MemoryStore())
    accounts.put(ROMEO, "mine")
    return accounts


@pytest.fixture
def chain(accounts: Accounts) -> Callable[..., Chain]:
    def make(*back_ends: BackEnd) -> Chain:
        def create(account: JID) -> bool:
            if account.domain == "localhost":
                accounts.put(account, "nobody knows it")
            return account.domain == "localhost"

        return Chain(accounts, back_ends, create)

    return make


def outcome(chain: Chain, account: JID, password: str = "secret") -> Outcome:
    told: list[Outcome] = []
    chain.check(Attempt(account, password), told.append)
    assert len(told) == 1
    return told[0]


def found(chain: Chain, account: JID) -> bool | None:
    told: list[bool | None] = []
    chain.find(account, told.append)
    assert len(told) == 1
    return told[0]


def test_the_first_that_lets_somebody_in_decides(chain):
    first, second, third = Place(), Place(JULIET.full), Place(JULIET.full)
    assert outcome(chain(first, second, third), JULIET) == Accepted(JULIET)
    assert (first.asked, second.asked, third.asked) == ([JULIET], [JULIET], [])


def test_all_refuse(chain, accounts):
    assert outcome(chain(Place(), Place()), JULIET) == Refused(guessed=True)
    assert not accounts.exists(JULIET)


def test_the_accounts_are_one_of_them(chain, accounts):
    assert outcome(chain(Place(), accounts), ROMEO, "mine") == Accepted(ROMEO)
    assert outcome(chain(accounts, Place(ROMEO.full)), ROMEO) == Accepted(ROMEO)
    assert outcome(chain(Place(ROMEO.full)), ROMEO, "mine") == Refused(guessed=True)


def test_an_account_is_made_at_the_first_login(chain, accounts):
    there = chain(Place(JULIET.full), accounts)
    assert outcome(there, JULIET) == Accepted(JULIET)
    assert accounts.exists(JULIET)
    assert there.admit(JULIET)
    assert outcome(chain(accounts), JULIET, "") == Refused()


def test_but_not_in_a_domain_that_there_is_not(chain):
    assert outcome(chain(Place("juliet@elsewhere")), parse("juliet@elsewhere")) == Refused()


@pytest.mark.parametrize(("account", "password"), [(JULIET, ""), (parse("localhost"), "secret")])
def test_without_a_name_or_a_password_nobody_is_asked(chain, account, password):
    place = Place(JULIET.full, password=password)
    assert outcome(chain(place), account, password) == Refused()
    assert place.asked == []


def test_who_is_disabled_here_stays_out(chain, accounts):
    accounts.disable(ROMEO)
    assert outcome(chain(Place(ROMEO.full)), ROMEO) == DISABLED
    assert outcome(chain(accounts, Place()), ROMEO, "mine") == DISABLED
    assert outcome(chain(accounts, Place()), ROMEO, "guess") == Refused(guessed=True)
    assert not chain(Place(ROMEO.full)).admit(ROMEO)


def test_one_that_is_down_is_no_refusal(chain, accounts):
    assert outcome(chain(Place(refuses=DOWN), Place(JULIET.full)), JULIET) == Accepted(JULIET)
    assert outcome(chain(Place(refuses=DOWN), Place()), JULIET) == Refused(DOWN.condition, DOWN.text, guessed=True)
    assert outcome(chain(Place(), Place(refuses=DOWN)), JULIET) == Refused(DOWN.condition, DOWN.text, guessed=True)
    assert outcome(chain(Place(refuses=DOWN)), JULIET) == DOWN


def test_an_answer_that_comes_later(chain):
    slow, told = Slow(), list[Outcome]()
    chain(slow, Place(JULIET.full)).check(Attempt(JULIET, "secret"), told.append)
    assert told == []
    slow.done[0](Refused())
    assert told == [Accepted(JULIET)]


def test_somebody_of_another_domain_is_nobody(chain):
    class Confused:
        def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
            done(Accepted(parse("juliet@elsewhere")))

    assert outcome(chain(Confused()), JULIET) == Refused(guessed=True)


def test_who_exists(chain, accounts):
    assert found(chain(), ROMEO) is True
    assert found(chain(Place(), Place(JULIET.full)), JULIET) is True
    assert found(chain(Place(), Place()), JULIET) is False
    assert found(chain(Place(refuses=DOWN), Place()), JULIET) is None
    assert found(chain(Place(refuses=DOWN), Place(JULIET.full)), JULIET) is True


def test_nobody_proves_a_password_that_is_known_elsewhere(chain, accounts):
    assert chain(accounts).scram_salt(ROMEO, "SCRAM-SHA-1") == accounts.scram_salt(ROMEO, "SCRAM-SHA-1")
    assert chain(accounts).scram_check(ROMEO, "SCRAM-SHA-1", lambda stored: True) is None
