"""A tenant's page in Chromium: who logs in there is in chat with people of that tenant, and hears of nobody else."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from playwright.sync_api import expect

from conversehost.testing import TestBed
from tests.browser.conftest import Visitor

People = Callable[[TestBed, str], Visitor]


@pytest.fixture
def tenants(bed: TestBed) -> Iterator[tuple[TestBed, TestBed]]:
    with bed.tenant() as one, bed.tenant() as other:
        yield one, other


@pytest.fixture
def at(visitor: Callable[[str], Visitor]) -> People:
    """Somebody who has logged in at the page of that bed."""

    def make(bed: TestBed, name: str) -> Visitor:
        made = visitor(name)
        made.bed = bed
        made.log_in()
        return made

    return make


def test_who_is_at_the_page_of_a_tenant_is_among_its_people(bed: TestBed, tenants: tuple[TestBed, TestBed], at: People):
    one, other = tenants
    alice, bob, namesake = at(one, "alice"), at(one, "bob"), at(other, "bob")
    assert {each.page.url for each in (alice, bob)} == {one.page} != {namesake.page.url}
    assert alice.prebinds() == bob.prebinds() == 1
    bob.open_chat("Alice")
    alice.open_chat("Bob")
    namesake.open_chat("Alice")

    for each in (bed, other):
        each.message("alice", "bob", "of another world")
    namesake.sees("of another world")
    alice.say("of ours")
    bob.sees("of ours")
    bob.say("and back")
    alice.sees("and back")
    assert bob.texts() == alice.texts() == ["of ours", "and back"]
    assert namesake.texts() == ["of another world"]
    assert {each.account for each in one.sessions()} == {"alice@t1.localhost", "bob@t1.localhost"}
    assert bed.sessions() == []

    one.reset()
    other.message("alice", "bob", "as if nothing had been")
    namesake.sees("as if nothing had been")
    namesake.say("indeed")
    assert [each.account for each in other.sessions()] == ["bob@t2.localhost"]
    for each in (alice, bob):
        each.page.goto(one.page)
        expect(each.page.locator("input[name=username]")).to_be_visible()
        each.complaints.clear()  # its session had ended, and its login with it
