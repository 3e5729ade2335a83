"""Nothing that is done again and again leaves anything behind."""

from __future__ import annotations

import functools
import gc
import sys
import time
from collections.abc import Callable

import pytest

from conversehost.xmpp.replies import stanza
from tests.testbed.conftest import House
from tests.testbed.test_reset import live

ROUNDS, SNAPSHOTS = 200, 20
LEFT = 6_000
"""Blocks of memory that may have come in all rounds: half of what it takes to keep one session a round."""


@pytest.fixture
def grown() -> Callable[[], int]:
    """How many blocks of memory have come since the first time it was asked."""
    first: list[int] = []

    def grown() -> int:
        for cache in (each for each in gc.get_objects() if isinstance(each, functools._lru_cache_wrapper)):
            cache.cache_clear()
        gc.collect()
        now = sys.getallocatedblocks()
        first.append(now)
        return now - first[0]

    return grown


def lived_in(house: House) -> None:
    live(house)
    for name in ("alice", "romeo", "juliet"):
        house.person(name).says(stanza("presence", {}))


def pass_time(house: House) -> None:
    """What is remembered for a while is forgotten."""
    for clock in (house.server.clock, house.server.wall):
        clock.advance(600)


def test_resets_and_snapshots_leave_memory_where_it_was(house: House, grown: Callable[[], int]):
    def go_round(number: int) -> None:
        lived_in(house)
        if number % (ROUNDS // SNAPSHOTS) == 0:
            house.api("POST", "/snapshots", {"name": "then"})
            lived_in(house)
            house.api("POST", "/snapshots/then", {"sessions": "keep"} if number % 20 else {})
        house.api("POST", "/reset")
        pass_time(house)

    for number in range(20):
        go_round(number)
    grown()
    for number in range(ROUNDS):
        go_round(number)
    assert grown() < LEFT


def test_tenants_leave_memory_where_it_was(house: House, grown: Callable[[], int]):
    def go_round() -> None:
        for fields in ({}, {"fork": "localhost"}):
            name = house.api("POST", "/tenants", fields).json["name"]
            alice = house.person(f"alice@{name}.localhost")
            alice.says(stanza("presence", {}))
            house.api("POST", f"/tenants/{name}/faults", {"fault": "drop", "kind": "iq"})
            house.api("POST", f"/tenants/{name}/reset")
            house.api("DELETE", f"/tenants/{name}")
        pass_time(house)

    for _ in range(10):
        go_round()
    grown()
    for _ in range(50):
        go_round()
    assert grown() < LEFT


def test_a_reset_takes_milliseconds_with_a_hundred_accounts_and_five_sessions():
    house = House(*(word for number in range(100) for word in ("--user", f"u{number}:pw")))
    taken = []
    for _ in range(10):
        for number in range(5):
            house.person(f"u{number}").says(stanza("presence", {}))
        start = time.process_time()
        house.server.reset()
        taken.append(time.process_time() - start)
    assert min(taken) < 0.005, taken
