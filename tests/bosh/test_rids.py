"""Requests that come twice, late, early or never, and answers that get lost: XEP-0124 section 14."""

from __future__ import annotations

import pytest

from conversehost.bosh.session import REPEATS
from tests.bosh.stage import message

# Repeats


def test_a_repeat_gets_the_identical_answer(romeo, server):
    first = romeo.send(message("question"), rid=1001)
    server.says("a")
    again = romeo.send(message("question"), rid=1001)
    assert again.raw == first.raw
    assert again.said == ["a"]
    assert server.heard == ["question"]


def test_the_creation_answer_cannot_be_told_twice(stage, romeo):
    """Its client doesn't know the session's name yet; one that does has had the answer."""
    assert romeo.send(rid=1000).get("sid") == romeo.sid


def test_a_repeat_of_a_held_request_takes_its_place(romeo, server):
    first = romeo.send(rid=1001)
    again = romeo.send(rid=1001)
    assert first.recoverable
    assert again.held
    server.says("a")
    assert again.said == ["a"]


def test_a_repeat_does_not_wait_longer_than_the_first_would_have(stage, romeo):
    romeo.send(rid=1001)
    stage.advance(40)
    again = romeo.send(rid=1001)
    stage.advance(20)
    assert again.empty


def test_repeats_are_not_too_fast(romeo):
    for _ in range(20):
        request = romeo.send(rid=1001)
    assert request.held


def test_the_last_answers_are_kept(romeo, server):
    for rid, id in ((1001, "a"), (1002, "b"), (1003, "c")):
        romeo.send(rid=rid)
        server.says(id)
    assert romeo.send(rid=1002).said == ["b"]
    assert romeo.send(rid=1003).said == ["c"]
    assert romeo.send(rid=1001).said == ["a"]
    assert romeo.send(rid=1000).ends == "item-not-found"


def test_a_pause_does_not_push_an_answer_out(romeo, server):
    romeo.send(rid=1001)
    server.says("a")
    romeo.send(rid=1002)
    romeo.send(rid=1003, pause=60)
    assert romeo.send(rid=1001).said == ["a"]


def test_a_repeat_of_a_processed_request_keeps_the_session_alive(stage, romeo, server):
    romeo.send(rid=1001)
    server.says("a")
    for _ in range(5):
        stage.advance(50)
        assert romeo.send(rid=1001).said == ["a"]


# Order


def test_a_request_that_comes_early_waits_for_the_one_before(romeo, server):
    later = romeo.send(message("b"), rid=1002)
    assert later.held
    assert server.heard == []
    earlier = romeo.send(message("a"), rid=1001)
    assert server.heard == ["a", "b"]
    assert earlier.empty
    assert later.held
    server.says("x")
    assert later.said == ["x"]


def test_several_requests_in_any_order(stage):
    juliet = stage.client(hold=3)
    requests = {rid: juliet.send(message(str(rid)), rid=rid) for rid in (1004, 1002, 1003, 1001)}
    assert stage.server.heard == ["1001", "1002", "1003", "1004"]
    stage.server.says("x")
    assert requests[1001].empty
    assert requests[1002].said == ["x"]


def test_an_early_request_does_not_wait_longer_than_agreed(stage, romeo, server):
    early = romeo.send(message("b"), rid=1002)
    stage.advance(59.9)
    assert early.held
    stage.advance(0.1)
    assert early.recoverable
    assert server.heard == []
    assert romeo.send(message("a"), rid=1001).held
    assert romeo.send(message("b"), rid=1002).held
    assert server.heard == ["a", "b"]


def test_after_a_recoverable_error_there_is_time_to_repeat(stage, romeo, server):
    stage.advance(50)
    romeo.send(rid=1002)
    stage.advance(60 + 59.9)
    assert server.closed == []
    stage.advance(0.1)
    assert server.given_back == []


def test_the_time_that_a_request_waited_for_the_gap_counts(stage, romeo):
    early = romeo.send(message("b"), rid=1002)
    stage.advance(50)
    romeo.send(message("a"), rid=1001)
    stage.advance(10)
    assert early.empty


def test_a_held_request_does_not_hide_an_early_one(stage):
    juliet = stage.client(hold=2, wait=60)
    early = juliet.send(rid=1003)
    stage.advance(30)
    held = juliet.send(rid=1001)
    stage.advance(30)
    assert early.recoverable
    assert held.held


def test_an_early_request_may_come_again(romeo, server):
    first = romeo.send(message("b"), rid=1002)
    again = romeo.send(message("b"), rid=1002)
    assert first.recoverable
    assert again.held
    romeo.send(message("a"), rid=1001)
    assert server.heard == ["a", "b"]


def test_requests_that_changed_places_on_the_way_are_not_too_fast(stage, romeo):
    early = romeo.send(rid=1002)
    stage.advance(6)
    first = romeo.send(message("a"), rid=1001)
    assert first.empty
    assert early.held


def test_an_empty_request_that_comes_first_and_too_soon_is_too_fast_all_the_same(stage, romeo):
    romeo.send(rid=1002)
    first = romeo.send(message("a"), rid=1001)
    assert first.ends == "other-request"


@pytest.mark.parametrize("rid", [1003, 2000, 2**53 - 1])
def test_a_rid_outside_the_window_ends_the_session(romeo, server, rid):
    held = romeo.send(rid=1001)
    assert romeo.send(rid=rid + 1 if rid == 1003 else rid).ends == "item-not-found"
    assert held.ends == "other-request"
    assert server.given_back == []


def test_a_rid_in_front_of_everything_ends_the_session(romeo, server):
    assert romeo.send(rid=999).ends == "item-not-found"
    assert server.given_back == []


@pytest.mark.parametrize("rid", ["", "abc", "-1", "0", "1.5"])
def test_a_rid_that_is_none_ends_the_session(romeo, server, rid):
    assert romeo.send(rid=rid).ends == "bad-request"
    assert server.given_back == []


def test_every_refusal_is_counted(stage):
    """One that is refused at once, and one that is when its turn comes."""
    for client in (stage.client(), stage.client()):
        client.send(rid=2000)
    romeo = stage.client()
    romeo.send(rid=1001)
    assert romeo.send(rid=1002).ends == "policy-violation"
    assert stage.manager.refused == {"item-not-found": 2, "policy-violation": 1}


# Connections that break


def test_a_request_that_lost_its_connection_may_be_repeated(romeo, server):
    romeo.send(rid=1001).lose()
    assert romeo.send(rid=1001).empty
    server.says("a")
    assert romeo.send(rid=1002).said == ["a"]


def test_what_a_lost_request_said_is_not_processed_again(romeo, server):
    romeo.send(message("a"), rid=1001).lose()
    romeo.send(message("a"), rid=1001)
    assert server.heard == ["a"]


def test_after_a_reload_the_client_goes_on_with_the_next_rid(romeo, server):
    romeo.send(rid=1001).lose()
    server.says("a")
    assert romeo.send(rid=1002).said == ["a"]


def test_an_answer_that_did_not_get_out_is_given_again(romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    request.lose()
    assert romeo.send(rid=1001).raw == request.raw


def test_an_answer_that_nobody_asks_for_again_leaves_with_the_next_request(romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    request.lose()
    server.says("b")
    assert romeo.send(rid=1002).said == ["a", "b"]
    assert romeo.send(rid=1001).empty  # what was in it went out once


def test_an_answer_that_was_repeated_is_not_lost(romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    request.lose()
    assert romeo.send(rid=1001).said == ["a"]
    server.says("b")
    assert romeo.send(rid=1002).said == ["b"]


def test_an_answer_of_which_one_copy_got_out_is_not_lost(romeo, server):
    romeo.send(rid=1001)
    server.says("a")
    romeo.send(rid=1001).lose()
    server.says("b")
    assert romeo.send(rid=1002).said == ["b"]


def test_repeats_have_an_end(stage, romeo, server):
    romeo.send(rid=1001)
    server.says("a")
    for _ in range(REPEATS - 1):
        assert romeo.send(rid=1001).said == ["a"]
    assert romeo.send(rid=1001).ends == "policy-violation"


def test_the_old_connection_may_be_found_dead_after_the_repeat(romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    assert romeo.send(rid=1001).said == ["a"]
    request.lose()
    server.says("b")
    assert romeo.send(rid=1002).said == ["b"]


def test_a_lost_answer_is_kept_for_its_repeat_while_others_go_out(romeo, server):
    """A client reads answers in the order of its requests, so this is in order."""
    first = romeo.send(rid=1001)
    server.says("a")
    second = romeo.send(rid=1002)
    first.lose()
    server.says("b")
    assert second.said == ["b"]
    assert romeo.send(rid=1001).said == ["a"]


def test_several_lost_answers_go_out_again_in_order(stage):
    juliet = stage.client(hold=2)
    first, second = juliet.send(rid=1001), juliet.send(rid=1002)
    stage.server.says("a")
    stage.server.says("b")
    second.lose()
    first.lose()
    stage.server.says("c")
    assert juliet.send(rid=1003).said == ["a", "b", "c"]


def test_a_lost_answer_may_get_lost_again(romeo, server):
    first = romeo.send(rid=1001)
    server.says("a")
    first.lose()
    second = romeo.send(rid=1002)
    assert second.said == ["a"]
    second.lose()
    assert romeo.send(rid=1003).said == ["a"]


def test_a_repeat_may_get_lost_too(romeo, server):
    first = romeo.send(rid=1001)
    server.says("a")
    first.lose()
    again = romeo.send(rid=1001)
    again.lose()
    assert romeo.send(rid=1002).said == ["a"]


def test_an_early_request_that_lost_its_connection_is_taken_in_its_turn(romeo, server):
    romeo.send(message("b"), rid=1002).lose()
    assert server.heard == []
    romeo.send(message("a"), rid=1001)
    assert server.heard == ["a", "b"]


def test_an_early_request_that_lost_its_connection_may_be_repeated(romeo, server):
    romeo.send(message("b"), rid=1002).lose()
    again = romeo.send(message("b"), rid=1002)
    romeo.send(message("a"), rid=1001)
    assert server.heard == ["a", "b"]
    server.says("x")
    assert again.said == ["x"]


def test_also_once_the_gap_is_filled(romeo, server):
    romeo.send(message("b"), rid=1002).lose()
    romeo.send(message("a"), rid=1001)
    assert romeo.send(message("b"), rid=1002).empty
    assert server.heard == ["a", "b"]


def test_after_a_reload_the_client_goes_on_even_where_its_requests_changed_places_on_the_way(stage):
    """The server hears of the end of early ones before the one that they follow comes, and ends too."""
    juliet = stage.client(hold=3)
    for rid in (1002, 1003):
        juliet.send(rid=rid).lose()
    juliet.send(rid=1001).lose()
    later = [juliet.send(rid=rid) for rid in (1005, 1006, 1004)]
    stage.server.says("x")
    assert later[-1].said == ["x"]


def test_nothing_is_said_to_an_early_request_that_lost_its_connection(romeo, server):
    romeo.send(rid=1002).lose()
    earlier = romeo.send(message("a"), rid=1001)
    server.says("x", "y")
    assert earlier.said == ["x", "y"]
    server.says("z")
    assert romeo.send(rid=1003).said == ["z"]


def test_an_early_request_that_lost_its_connection_is_not_too_fast(romeo, server):
    romeo.send(rid=1002).lose()
    assert romeo.send(message("a"), rid=1001).held


def test_an_early_request_that_lost_its_connection_does_not_keep_the_session_alive(stage, romeo, server):
    romeo.send(rid=1002).lose()
    stage.advance(60)
    assert server.given_back == []


def test_what_got_lost_is_given_back_when_the_session_ends(stage, romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    request.lose()
    server.says("b")
    stage.advance(60)
    assert server.given_back == ["a", "b"]


def test_losing_a_request_that_is_over_and_done_with_changes_nothing(stage, romeo, server):
    request = romeo.send(rid=1001)
    server.says("a")
    for rid in range(1002, 1010):
        romeo.send(message("x"), rid=rid)
    request.lose()
    server.says("b")
    romeo.terminate()
    request.lose()
    assert server.given_back == []


def test_the_answers_kept_are_those_to_the_newest_requests_in_whatever_order_connections_break(stage):
    romeo = stage.client(hold=3)
    requests = [romeo.send("<a/>") for _ in range(3)]
    for each in reversed(requests):
        each.lose()
    for _ in range(3):
        romeo.send("<a/>")
        stage.server.says("x")
    assert [romeo.send(rid=rid).ends for rid in (1002, 1003)] == [None, None]
