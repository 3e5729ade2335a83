"""`/clock`: tests don't wait."""

from __future__ import annotations

from datetime import datetime

import pytest

from conversehost.testbed.clock import FARTHEST


def at(answer) -> datetime:
    return datetime.fromisoformat(answer.json["now"])


def test_it_tells_the_time(api):
    told = api("GET", "/clock").json
    assert abs(told["offset"]) < 1
    assert told["frozen"] is False
    assert abs((datetime.fromisoformat(told["now"]) - datetime.now().astimezone()).total_seconds()) < 5


def test_a_held_request_is_answered_when_its_time_has_come(house, api):
    held = house.poll(house.prebound("alice"))
    assert held.body is None
    before = at(api("GET", "/clock"))
    answer = api("POST", "/clock", {"advance": 120})
    assert held.body is not None
    assert 119 < (at(answer) - before).total_seconds() < 125
    assert 119 < answer.json["offset"] < 125


def test_a_session_dies_of_inactivity(house, api):
    house.poll(house.prebound("alice"))
    assert len(house.sessions()) == 1
    api("POST", "/clock", {"advance": 120 + 61})
    assert house.sessions() == []


def test_it_stands_still_and_goes_on(house, api):
    assert api("PATCH", "/clock", {"frozen": True}).json["frozen"] is True
    one, two = api("GET", "/clock"), api("GET", "/clock")
    assert at(one) == at(two)
    assert (at(api("POST", "/clock", {"advance": 60})) - at(one)).total_seconds() == 60
    assert api("PATCH", "/clock", {"frozen": False}).json["frozen"] is False


def test_a_reset_sets_it_right(api):
    api("POST", "/clock", {"advance": 3600})
    api("PATCH", "/clock", {"frozen": True})
    api("POST", "/reset")
    told = api("GET", "/clock").json
    assert abs(told["offset"]) < 1
    assert told["frozen"] is False


@pytest.mark.parametrize("advance", [None, -1, FARTHEST + 1, "60", True, [1]])
def test_what_it_can_not_be_turned_by(api, advance):
    fields = {} if advance is None else {"advance": advance}
    status, _, message = api("POST", "/clock", fields).error
    assert status == 400
    assert message.startswith(("advance must be ", "advance is missing"))


@pytest.mark.parametrize("frozen", [None, "true", 1])
def test_frozen_or_not(api, frozen):
    assert api("PATCH", "/clock", {} if frozen is None else {"frozen": frozen}).status == 400
