"""Several streams in one session: XEP-0124 section 16."""

from __future__ import annotations

import pytest

from conversehost.bosh.terms import Ceilings
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from tests.bosh.elsewhere import HERE
from tests.bosh.stage import DOMAIN, Client, Stage, message


class Pair:
    """A session with two streams, both of which have said `features`."""

    def __init__(self, stage: Stage, hold: int = 2) -> None:
        self.romeo = Client(stage)
        created = self.romeo.create(hold=hold)
        stage.server.says("features")
        self.romeo.sid, self.first = created.get("sid"), created.get("stream")
        self.one = stage.server
        self.opened = self.romeo.send(to=DOMAIN)
        stage.server.says("features")
        self.two = stage.server
        self.second = self.opened.get("stream")
        assert self.romeo.hold().said == ["features"]


@pytest.fixture
def pair(stage: Stage) -> Pair:
    return Pair(stage)


def test_the_first_answer_names_the_first_stream(stage):
    names = set()
    for _ in range(20):
        request = Client(stage).create(hold=0)
        names.add(request.get("stream"))
    assert len(names) == 20
    assert all(len(name) == 32 for name in names)


def test_one_more_is_opened_by_naming_a_domain(stage):
    romeo = stage.client()
    request = romeo.send(**{"to": DOMAIN, "from": "juliet@localhost", "xml:lang": "it"})
    stage.server.says("features")
    assert len(request.get("stream")) == 32
    assert request.get("from") == DOMAIN
    assert request.get(f"{{{ns.XBOSH}}}version") == "1.0"
    assert [request.get(name) for name in ("sid", "wait", "hold", "requests", "ver", "accept")] == [None] * 6
    opening = stage.server.opening
    assert (opening.to, opening.sender, opening.lang, opening.address) == (
        DOMAIN,
        "juliet@localhost",
        "it",
        "192.0.2.1",
    )
    assert len(stage.servers) == 2


def test_the_name_comes_at_once_and_the_features_when_they_are_there(stage):
    romeo = stage.client()
    request = romeo.send(to=DOMAIN)
    assert request.get("stream")
    later = romeo.hold()
    stage.server.says("features")
    assert later.said == ["features"]
    assert later.get("stream") == request.get("stream")


def test_each_stream_hears_what_is_said_to_it(pair):
    pair.romeo.send(message("a"), stream=pair.first)
    pair.romeo.send(message("b"), stream=pair.second)
    assert (pair.one.heard, pair.two.heard) == (["a"], ["b"])


def test_what_is_said_to_nobody_is_said_to_all(pair):
    pair.romeo.send(message("a"), message("b"))
    assert (pair.one.heard, pair.two.heard) == (["a", "b"], ["a", "b"])
    assert pair.one.received[0] is not pair.two.received[0]


def test_an_answer_has_what_one_stream_says_and_its_name(pair):
    first, second = pair.romeo.hold(), pair.romeo.send("<a/>", stream=pair.first)
    pair.one.link.send(message("1").encode())
    pair.two.link.send(message("2").encode())
    pair.one.says("3")
    assert (first.get("stream"), first.said) == (pair.first, ["1", "3"])
    assert (second.get("stream"), second.said) == (pair.second, ["2"])


def test_an_empty_answer_names_none(stage, pair):
    request = pair.romeo.hold()
    stage.advance(60)
    assert request.empty


def test_an_unknown_name_ends_the_session(pair):
    assert pair.romeo.send(message("a"), stream="nobody").ends == "item-not-found"
    assert pair.one.heard == pair.two.heard == []


def test_the_name_in_an_empty_request_is_not_looked_at(pair):
    assert pair.romeo.send(stream="nobody").held


def test_a_stream_is_closed_by_its_client(pair):
    last = pair.romeo.send(message("bye"), stream=pair.second, type="terminate")
    assert pair.two.heard == ["bye"]
    assert pair.one.heard == []
    assert pair.two.given_back == []
    assert (last.ends, last.get("stream")) == ("", pair.second)
    held = pair.romeo.hold()
    pair.one.says("still here")
    assert (held.said, held.get("stream")) == (["still here"], pair.first)


def test_what_a_closed_stream_did_not_say_is_given_back(pair):
    pair.two.says("late")
    assert pair.romeo.send(stream=pair.second, type="terminate").said == []
    assert pair.two.given_back == ["late"]


def test_what_is_said_to_a_stream_just_closed_is_ignored(pair):
    pair.romeo.send(stream=pair.second, type="terminate")
    assert pair.romeo.send(message("a"), stream=pair.second).held
    assert pair.one.heard == pair.two.heard == []


def test_with_the_last_stream_the_session_ends(pair):
    pair.romeo.send(stream=pair.first, type="terminate")
    assert pair.romeo.send(stream=pair.second, type="terminate").ends == ""
    assert pair.two.closed == [[]]
    assert pair.romeo.hold().ends == "item-not-found"


def test_without_a_name_all_streams_end(pair):
    assert pair.romeo.terminate(message("bye")).ends == ""
    assert (pair.one.heard, pair.two.heard) == (["bye"], ["bye"])
    assert pair.one.closed == pair.two.closed == [[]]


def test_a_stream_that_fails_leaves_the_others(pair):
    held = pair.romeo.hold()
    pair.two.link.send(message("last").encode())
    pair.two.link.close(StreamError("conflict"))
    pair.romeo.stage.turn.end()
    assert (held.ends, held.get("stream")) == ("remote-stream-error", pair.second)
    assert held.said == ["last", f"{{{ns.STREAM}}}error"]
    assert pair.two.closed == [[]]
    later = pair.romeo.hold()
    pair.one.says("a")
    assert later.said == ["a"]


@HERE
def test_what_a_failed_stream_could_not_say_is_given_back(stage, pair):
    pair.two.link.send(message("last").encode())
    pair.two.link.close(StreamError("conflict"))
    stage.advance(100)
    assert pair.two.given_back == ["last"]
    assert pair.one.closed == [[]]


@pytest.mark.parametrize(("to", "condition"), [("elsewhere.example", "host-unknown"), ("a b", "improper-addressing")])
def test_a_stream_that_can_not_be_opened_leaves_the_others(stage, to, condition):
    romeo = stage.client()
    request = romeo.send(to=to)
    assert request.ends == condition
    assert request.get("stream")
    assert to in request.why.reason or "domain" in request.why.reason
    held = romeo.hold()
    stage.server.says("a")
    assert held.said == ["a"]


@HERE
def test_a_stream_that_ends_alone_says_why(stage, pair):
    held = pair.romeo.hold()
    pair.two.link.close(StreamError("conflict", "you came again"))
    stage.turn.end()
    assert (held.get("stream"), held.ends) == (pair.second, "remote-stream-error")
    assert held.why.reason == "the server says conflict: you came again"


def test_a_client_of_old_is_not_told_by_a_code_which_would_end_all(make_stage):
    romeo = make_stage(Ceilings(streams=2)).client(ver=None)
    romeo.send(to=DOMAIN)
    refused = romeo.send(to=DOMAIN)
    assert refused.ends == "policy-violation"
    assert refused.why.condition == ""


def test_there_can_be_too_many(make_stage):
    stage = make_stage(Ceilings(streams=2))
    pair = Pair(stage)
    request = pair.romeo.send(to=DOMAIN)
    assert request.ends == "policy-violation"
    assert request.get("stream") not in (None, pair.first, pair.second)
    assert len(stage.servers) == 2


def test_where_there_is_one_nothing_is_said_of_streams(make_stage):
    stage = make_stage(Ceilings(streams=1))
    romeo = Client(stage)
    created = romeo.create()
    stage.server.says("features")
    romeo.sid = created.get("sid")
    assert created.get("stream") is None
    assert romeo.send(to=DOMAIN).held
    romeo.send(message("a"), stream="whatever")
    assert stage.server.heard == ["a"]
    assert len(stage.servers) == 1


def test_a_restart_names_a_domain_too(stage):
    romeo = stage.client()
    romeo.restart()
    assert stage.server.restarts == 1
    assert len(stage.servers) == 1


def test_what_got_lost_goes_out_again_under_its_name(pair):
    held = pair.romeo.hold()
    pair.two.says("a")
    held.lose()
    again = pair.romeo.hold()
    assert (again.said, again.get("stream")) == (["a"], pair.second)


@HERE
def test_when_all_ends_what_waits_goes_out_with_what_is_open(stage, pair):
    first, second = pair.romeo.hold(), pair.romeo.send("<a/>", stream=pair.first)
    pair.one.link.send(message("1").encode())
    pair.two.link.send(message("2").encode())
    stage.manager.close_all("system-shutdown")
    assert (first.get("stream"), first.said) == (pair.first, ["1"])
    assert second.ends == "system-shutdown"
    assert second.said == []
    assert pair.one.given_back == []
    assert pair.two.given_back == ["2"]
