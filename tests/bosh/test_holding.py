"""Requests that wait, and how long: XEP-0124 sections 8, 10, 11 and 12."""

from __future__ import annotations

import pytest

from conversehost.bosh.terms import Ceilings
from tests.bosh.elsewhere import HERE
from tests.bosh.stage import message

# Requests are held, and answered from the oldest on


def test_a_held_request_is_answered_by_what_comes(romeo, server):
    request = romeo.hold()
    assert request.held
    server.says("a")
    assert request.said == ["a"]


def test_what_came_before_leaves_with_the_next_request(romeo, server):
    server.says("a", "b")
    assert romeo.hold().said == ["a", "b"]


def test_all_of_a_turn_leaves_in_one_answer(romeo, server):
    request = romeo.hold()
    server.says("a", "b", "c")
    assert request.said == ["a", "b", "c"]
    server.says("d")
    assert romeo.hold().said == ["d"]


def test_what_the_client_says_reaches_the_server_at_once(romeo, server):
    romeo.send(message("a"), message("b"))
    assert server.heard == ["a", "b"]


def test_one_more_request_than_agreed_releases_the_oldest(romeo, stage):
    first = romeo.hold()
    stage.advance(10)
    second = romeo.send(message("a"))
    assert first.empty
    assert second.held


@HERE
def test_the_answer_to_a_question_leaves_with_the_older_request(romeo, server):
    older = romeo.hold()
    server.on_receive = lambda stanza: server.link.send(message("answer").encode())
    newer = romeo.send(message("question"))
    assert older.said == ["answer"]
    assert newer.held


def test_a_question_alone_is_answered_in_its_own_request(romeo, server):
    server.on_receive = lambda stanza: server.link.send(message("answer").encode())
    assert romeo.send(message("question")).said == ["answer"]


def test_more_may_be_held_where_that_was_agreed(stage):
    juliet = stage.client(hold=3)
    requests = [juliet.send(message(id)) for id in "abcd"]
    assert [request.held for request in requests] == [False, True, True, True]
    stage.server.says("x")
    stage.server.says("y")
    assert [request.held for request in requests] == [False, False, False, True]
    assert (requests[1].said, requests[2].said) == (["x"], ["y"])


# Time


def test_nobody_waits_longer_than_agreed(stage):
    romeo = stage.client(wait=20)
    request = romeo.hold()
    stage.advance(19.9)
    assert request.held
    stage.advance(0.1)
    assert request.empty


def test_each_held_request_has_its_own_time(stage):
    romeo = stage.client(wait=20, hold=2)
    first = romeo.hold()
    stage.advance(8)
    second = romeo.hold()
    stage.advance(12)
    assert first.empty
    assert second.held
    stage.advance(8)
    assert second.empty


def test_a_client_without_a_request_open_is_gone_after_a_while(stage, romeo, server):
    server.says("a")
    stage.advance(59.9)
    assert server.closed == []
    stage.advance(0.1)
    assert server.given_back == ["a"]
    assert romeo.hold().ends == "item-not-found"


def test_inactivity_begins_with_the_last_answer(stage, romeo, server):
    request = romeo.hold()
    stage.advance(60)
    assert request.empty
    stage.advance(59.9)
    assert romeo.hold().held
    assert server.closed == []


@HERE
def test_inactivity_begins_when_the_last_connection_breaks(stage, romeo, server):
    request = romeo.hold()
    stage.advance(30)
    request.lose()
    stage.advance(59.9)
    assert server.closed == []
    stage.advance(0.1)
    assert server.given_back == []
    assert server.broken


def test_an_ended_session_leaves_no_trace(stage, romeo):
    stage.advance(60)
    assert list(stage.manager.sessions()) == []
    assert stage.manager._sessions == {}
    assert stage.clock.next() is None


# Pauses


def test_a_pause_answers_everything_at_once(stage, romeo, server):
    held = romeo.hold()
    pause = romeo.pause(100)
    assert held.empty
    assert pause.empty
    stage.advance(99.9)
    assert server.closed == []
    stage.advance(0.1)
    assert server.given_back == []


def test_the_answer_to_a_pause_carries_nothing(romeo, server):
    server.says("a")
    held = romeo.hold()
    assert held.said == ["a"]
    server.says("b")
    assert romeo.pause(100).empty
    assert romeo.hold().said == ["b"]


@HERE
def test_what_is_due_leaves_with_an_older_request_than_the_pause(stage, romeo, server):
    held = romeo.hold()
    server.on_receive = lambda stanza: server.link.send(message("answer").encode())
    pause = romeo.send(message("question"), pause="100")
    assert held.said == ["answer"]
    assert pause.empty


def test_a_pause_that_comes_late_carries_nothing_either(romeo, server):
    server.says("a")
    after = romeo.send(message("x"), rid=1002)
    pause = romeo.send(rid=1001, pause=60)
    assert pause.empty
    assert after.said == ["a"]


def test_a_pause_ends_with_the_next_request(stage, romeo, server):
    romeo.pause(120)
    stage.advance(100)
    request = romeo.hold()
    assert request.held
    server.says("a")
    assert request.said == ["a"]
    stage.advance(60)
    assert server.given_back == []


def test_a_pause_may_be_shorter_than_usual(stage, romeo, server):
    romeo.pause(5)
    stage.advance(5)
    assert server.given_back == []


@pytest.mark.parametrize(
    ("seconds", "condition"), [("121", "policy-violation"), ("soon", "bad-request"), ("", "bad-request")]
)
def test_pauses_that_cannot_be(romeo, server, seconds, condition):
    assert romeo.pause(seconds).ends == condition
    assert server.given_back == []


def test_a_pause_may_come_as_one_request_too_many(stage):
    romeo = stage.client(hold=1)
    first = romeo.hold()
    second = romeo.send(message("a"))
    pause = romeo.pause(100)
    assert (first.empty, second.empty, pause.empty) == (True, True, True)


# Too often


def test_empty_requests_one_after_the_other_are_too_many(stage, romeo, server):
    held = romeo.hold()
    stage.advance(4.9)
    assert romeo.hold().ends == "policy-violation"
    assert held.ends == "other-request"
    assert server.given_back == []


def test_after_a_while_they_are_not(stage, romeo):
    romeo.hold()
    stage.advance(5)
    assert romeo.hold().held


def test_requests_that_say_something_may_come_as_fast_as_they_like(romeo, server):
    for n in range(50):
        romeo.send(message(str(n)))
    assert server.heard == [str(n) for n in range(50)]


def test_a_request_after_an_answer_is_never_too_fast(romeo, server):
    for n in range(50):
        request = romeo.hold()
        server.says(str(n))
        assert request.said == [str(n)]


def test_a_page_that_loads_again_is_not_too_fast(romeo):
    romeo.hold().lose()
    assert romeo.hold().held


def test_with_more_held_the_last_one_counts(stage):
    juliet = stage.client(hold=2)
    assert juliet.hold().held
    assert juliet.hold().held
    assert juliet.hold().ends == "policy-violation"


def test_terminating_is_never_too_fast(romeo):
    romeo.hold()
    assert romeo.terminate().empty


# Polling


@pytest.fixture(params=[{"hold": 0}, {"wait": 0}], ids=["hold 0", "wait 0"])
def poller(request, stage):
    return stage.client(**request.param)


def test_a_polling_client_never_waits(stage, poller):
    stage.server.says("a", "b")
    assert poller.hold().said == ["a", "b"]
    stage.advance(5)
    assert poller.hold().empty


def test_polling_too_often_ends_the_session(stage, poller):
    assert poller.hold().empty
    stage.advance(4.9)
    assert poller.hold().ends == "policy-violation"


def test_polling_again_is_fine_after_an_answer_with_something_in_it(stage, poller):
    for n in range(10):
        stage.server.says(str(n))
        assert poller.hold().said == [str(n)]


def test_polling_again_is_fine_after_having_said_something(stage, poller):
    assert poller.send(message("a")).empty
    assert poller.hold().empty


def test_a_restart_is_no_poll(stage, poller):
    assert poller.hold().empty
    assert poller.restart().empty


@HERE
def test_a_polling_client_may_be_away_for_longer(stage, poller):
    stage.advance(69.9)
    assert stage.server.closed == []
    stage.advance(0.1)
    assert stage.server.given_back == []


def test_intervals_are_what_the_operator_says(make_stage):
    stage = make_stage(Ceilings(polling=1, inactivity=10))
    poller = stage.client(hold=0)
    poller.hold()
    stage.advance(1)
    assert poller.hold().empty
    stage.advance(12)
    assert stage.server.given_back == []
