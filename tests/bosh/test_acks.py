"""Acknowledgements, both ways: XEP-0124 section 9."""

from __future__ import annotations

import pytest

from conversehost.bosh.window import UNACKNOWLEDGED
from tests.bosh.stage import Client, Stage


@pytest.fixture
def romeo(stage: Stage) -> Client:
    """Uses acknowledgements; his session began with rid 1000."""
    return stage.client(ack=1)


def test_the_first_answer_says_that_they_are_used(stage):
    request = Client(stage).create(ack=1)
    stage.server.says("features")
    assert request.get("ack") == "1000"


def test_without_a_client_that_uses_them_there_are_none(stage):
    request = Client(stage).create()
    stage.server.says("features")
    assert request.get("ack") is None


def test_an_answer_names_the_newest_request_unless_it_is_its_own(romeo, server):
    first, second = romeo.hold(), romeo.send("<a/>")
    assert first.get("ack") == "1002"
    server.says("a")
    assert second.get("ack") is None
    assert second.said == ["a"]


def test_what_the_client_misses_is_reported_at_once(stage, romeo, server):
    lost = romeo.hold()
    server.says("a")
    stage.advance(2.5)
    answer = romeo.send(ack=1000)
    assert (answer.get("report"), answer.get("time")) == ("1001", "2500")
    again = romeo.send(rid=1001)
    assert again.raw == lost.raw
    assert romeo.send(ack=1002).held


def test_a_report_waits_for_no_more_than_one_answer(stage, romeo, server):
    romeo.hold()
    server.says("a")
    romeo.send(ack=1000)
    later = romeo.send(ack=1002)
    server.says("b")
    assert (later.get("report"), later.get("time")) == (None, None)


def test_the_time_of_a_report_is_what_the_schema_has_room_for(stage, romeo, server):
    romeo.hold()
    server.says("a")
    stage.advance(50)
    assert romeo.send(ack=1000).get("time") == "50000"
    stage.advance(50)
    assert romeo.send(ack=1000).get("time") == "65535"


def test_no_ack_acknowledges_everything(romeo, server):
    romeo.hold()
    server.says("a")
    assert romeo.hold().held


@pytest.mark.parametrize("ack", ["-1", "x", ""])
def test_an_ack_is_a_number(romeo, server, ack):
    assert romeo.send(ack=ack).ends == "bad-request"


def test_an_ack_of_the_future_acknowledges_what_there_is(romeo, server):
    romeo.hold()
    server.says("a")
    assert romeo.send(ack=10**15).held


def test_what_is_not_acknowledged_can_be_had_again(romeo, server):
    answers = []
    for number in range(UNACKNOWLEDGED - 2):
        request = romeo.send(ack=1000)
        server.says(f"s{number}")
        answers.append(request)
    assert romeo.send(rid=1001).raw == answers[0].raw


def test_what_is_acknowledged_can_not_for_long(romeo, server):
    for number in range(8):
        romeo.hold()
        server.says(f"s{number}")
    assert romeo.send(rid=1001).ends == "item-not-found"


def test_nobody_has_the_server_keep_everything(romeo, server):
    for number in range(UNACKNOWLEDGED + 5):
        romeo.send(ack=1000)
        server.says(f"s{number}")
    assert romeo.send(rid=1002).ends == "item-not-found"


def test_an_answer_that_got_lost_is_not_acknowledged_by_silence(romeo, server):
    request = romeo.hold()
    server.says("a")
    request.lose()
    assert romeo.hold().said == ["a"]


def test_an_answer_that_is_acknowledged_did_not_get_lost(romeo, server):
    request = romeo.hold()
    server.says("a")
    request.lose()
    assert romeo.send(ack=1001).held


def test_acks_of_a_client_that_did_not_announce_them_mean_nothing(stage):
    romeo = stage.client()
    romeo.hold()
    stage.server.says("a")
    assert romeo.send(ack=1000).held
