"""How sessions end, and what becomes of what was on its way: XEP-0124 sections 13 and 17, XEP-0206 section 6."""

from __future__ import annotations

import pytest

from conversehost.bosh.body import see_other_uri
from conversehost.bosh.stream import QUEUE
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.xml import Limits
from tests.bosh.elsewhere import HERE
from tests.bosh.stage import HTTPBIND, Client, Stage, message

# The client leaves


def test_a_client_leaves(stage, romeo, server):
    held = romeo.hold()
    last = romeo.terminate(f"<presence xmlns='{ns.CLIENT}' type='unavailable' id='bye'/>")
    assert held.ends == ""
    assert last.empty
    assert server.heard == ["bye"]
    assert server.given_back == []
    assert not server.broken
    assert romeo.hold().ends == "item-not-found"


def test_a_client_leaves_by_its_only_request(romeo, server):
    assert romeo.terminate().ends == ""
    assert server.given_back == []


def test_what_a_leaving_client_did_not_get_is_given_back(romeo, server):
    server.says("a")
    answer = romeo.terminate()
    assert answer.said == []
    assert server.given_back == ["a"]


@HERE
def test_what_its_last_words_caused_is_given_back_too(romeo, server):
    server.on_receive = lambda stanza: server.link.send(message("answer").encode())
    romeo.terminate(message("question"))
    assert server.given_back == ["answer"]


def test_a_leaving_client_may_overtake_its_own_request(romeo, server):
    last = romeo.send(rid=1002, type="terminate")
    assert last.held
    first = romeo.send(message("a"), rid=1001)
    assert server.heard == ["a"]
    assert first.ends == ""
    assert last.empty


def test_nothing_follows_the_end(stage, romeo, server):
    romeo.terminate()
    server.says("late")
    server.link.close()
    server.link.close(StreamError("conflict"))
    server.link.flush()
    stage.advance(1000)
    assert server.given_back == []


# The server ends it


def test_a_stream_error_is_told_whole(romeo, server):
    request = romeo.hold()
    server.link.send(message("a").encode())
    server.link.close(StreamError("conflict", "you came again"))
    assert request.ends == "remote-stream-error"
    assert request.said == ["a", f"{{{ns.STREAM}}}error"]
    error = request.body[1]
    assert error[0].tag == f"{{{ns.STREAM_ERROR}}}conflict"
    assert error.findtext(f"{{{ns.STREAM_ERROR}}}text") == "you came again"
    assert error.prefix == "stream"
    assert b"<body xmlns='http://jabber.org/protocol/httpbind' xmlns:stream=" in request.raw
    assert server.given_back == []


def test_the_others_hear_nothing_of_it(stage):
    juliet = stage.client(hold=2)
    first, second = juliet.send(message("a")), juliet.send(message("b"))
    stage.server.link.close(StreamError("conflict"))
    assert first.ends == "remote-stream-error"
    assert second.empty


@HERE
def test_an_end_without_a_request_open_is_told_to_the_next_one(stage, romeo, server):
    server.says("a")
    server.link.close(StreamError("conflict"))
    assert server.given_back == ["a"]
    stage.advance(30)
    request = romeo.hold()
    assert request.ends == "remote-stream-error"
    assert len(request.body) == 1
    assert romeo.hold().ends == "item-not-found"


def test_an_end_that_nobody_asks_for_is_forgotten(stage, romeo, server):
    server.link.close(StreamError("conflict"))
    stage.advance(60)
    assert romeo.hold().ends == "item-not-found"
    assert stage.clock.next() is None


def test_a_quiet_end(romeo, server):
    request = romeo.hold()
    server.link.close()
    assert request.ends == ""
    assert server.given_back == []


def test_early_requests_are_answered_at_the_end(romeo, server):
    held, early = romeo.send(rid=1001), romeo.send(message("x"), rid=1003)
    server.link.close()
    assert held.ends == ""
    assert early.empty


def test_everything_ends_when_the_system_goes_down(stage):
    held, away = stage.client(), stage.client()
    request = held.hold()
    stage.servers[1].says("a")
    stage.manager.close_all("system-shutdown")
    assert request.ends == "system-shutdown"
    assert away.hold().ends == "system-shutdown"
    assert [server.given_back for server in stage.servers] == [[], ["a"]]


# Requests that can't be served


def test_a_session_that_never_was(stage):
    client = Client(stage)
    for sid in ("", "x", "A" * 32, "' or 1=1"):
        client.sid = sid
        assert client.send(rid=1).ends == "item-not-found"


@pytest.mark.parametrize(
    "wrong",
    [
        "<body {0} sid='{1}' rid='1001'><message></body>",
        "<body {0} sid='{1}' rid='1001'><!-- --></body>",
        '<body {0} sid="{1}" rid="1001">&nbsp;</body>',
        "<!DOCTYPE body><body {0} sid='{1}' rid='1001'/>",
        "<body sid='{1}' rid='1001'/>",
    ],
)
def test_an_ill_formed_request_ends_its_session(romeo, server, wrong):
    held = romeo.hold()
    assert romeo.raw(wrong.format(HTTPBIND, romeo.sid)).ends == "bad-request"
    assert held.ends == "other-request"
    assert server.given_back == []


def test_an_ill_formed_request_of_nobody_ends_nothing(romeo, server):
    assert romeo.raw(f"<body {HTTPBIND} sid='{'A' * 32}'").ends == "bad-request"
    assert server.closed == []


def test_every_request_is_answered_when_one_is_refused(stage):
    juliet = stage.client(hold=2)
    requests = [juliet.send(message("a")), juliet.send(message("b")), juliet.send(message("d"), rid=1004)]
    assert juliet.send(rid=9999).ends == "item-not-found"
    assert [request.ends for request in requests] == ["other-request"] * 3


def test_what_a_refused_client_did_not_get_is_given_back(romeo, server):
    server.says("a")
    assert romeo.send(rid=9999).said == []
    assert server.given_back == ["a"]


def test_a_stanza_that_is_too_large(stage):
    stage = Stage(limits=Limits(unauthenticated=1000, stanza=5000))
    romeo = stage.client()
    server = stage.server
    request = romeo.send(message("a"), message("b", size=1000), message("c"))
    assert server.heard == ["a"]
    assert request.ends == "remote-stream-error"
    assert request.body[0][0].tag == f"{{{ns.STREAM_ERROR}}}policy-violation"
    assert request.body[0].find(f"{{{ns.STANZA_TOO_BIG}}}stanza-too-big") is not None


def test_after_login_stanzas_may_be_larger(stage):
    stage = Stage(limits=Limits(unauthenticated=1000, stanza=5000))
    romeo = stage.client()
    stage.server.link.restarting()
    request = romeo.send(message("a", size=4000), message("b", size=4000))
    assert stage.server.heard == ["a", "b"]
    romeo.send(message("c", size=5000))
    assert request.ends == "remote-stream-error"


def test_many_small_stanzas_are_not_one_large(stage):
    stage = Stage(limits=Limits(unauthenticated=1000, stanza=5000))
    romeo = stage.client()
    romeo.send(*[message(str(n), size=500) for n in range(20)])
    assert len(stage.server.heard) == 20


# A restart


def test_a_restart_reaches_the_server_and_a_stanza_in_it_does_not(romeo, server):
    server.restart = lambda request: server.link.send(message("features").encode())
    answer = romeo.raw(
        f"<body {HTTPBIND} rid='1001' sid='{romeo.sid}' xmlns:xmpp='{ns.XBOSH}' xmpp:restart='true'>"
        f"{message('x')}</body>"
    )
    assert answer.said == ["features"]
    assert server.heard == []


@HERE
def test_the_server_learns_what_a_restart_says(romeo, server):
    romeo.raw(f"<body {HTTPBIND} rid='1001' sid='{romeo.sid}' xmlns:xmpp='{ns.XBOSH}' xmpp:restart='true'"
              " to='elsewhere.example' from='romeo@localhost' xml:lang='it'/>")  # fmt: skip
    opening = server.opening
    assert (opening.to, opening.sender, opening.lang) == ("elsewhere.example", "romeo@localhost", "it")
    assert (opening.transport, opening.address, opening.secure) == ("bosh", "192.0.2.1", False)
    assert (opening.early_bytes, opening.max_bytes) == (10_000, 262_144)
    romeo.raw(f"<body {HTTPBIND} rid='1002' sid='{romeo.sid}' xmlns:xmpp='{ns.XBOSH}' xmpp:restart='true'/>")
    assert server.opening.to == ""


# Too much


@HERE
def test_what_waits_for_a_client_has_a_limit(romeo, server):
    server.says(*(str(n) for n in range(QUEUE)))
    assert server.closed == []
    server.says("one more")
    assert len(server.given_back) == QUEUE + 1
    request = romeo.hold()
    assert request.ends == "remote-stream-error"
    assert b"resource-constraint" in request.raw


@HERE
def test_the_limit_counts_bytes_too(romeo, server):
    for n in range(5):
        server.link.send(message(str(n), size=200_000).encode())
    assert server.closed == []
    server.link.send(message("5", size=200_000).encode())
    assert server.given_back == ["0", "1", "2", "3", "4", "5"]


@HERE
def test_what_leaves_is_not_counted(romeo, server):
    for _ in range(3):
        request = romeo.hold()
        server.says(*(str(n) for n in range(QUEUE - 1)))
        assert len(request.said) == QUEUE - 1
        server.says(*(str(n) for n in range(QUEUE - 1)))
        assert len(romeo.hold().said) == QUEUE - 1
    assert server.closed == []


@HERE
def test_more_than_that_in_one_turn_leaves_with_the_request_that_is_open(romeo, server):
    """An account with a full offline store logs in."""
    ids = [str(n) for n in range(QUEUE + 500)]
    request = romeo.hold()
    server.says(*ids)
    assert request.said + romeo.hold().said == ids
    assert server.closed == []


# Failures


class ServerFailsError(Exception):
    pass


def failing(*_):
    raise ServerFailsError


@HERE
def test_a_server_that_fails_ends_the_session_and_leaves_nobody_waiting(stage, romeo, server):
    server.on_receive = failing
    held = romeo.hold()
    with pytest.raises(ServerFailsError):
        romeo.send(message("a"))
    assert romeo.last.ends == "internal-server-error"
    assert held.ends == "other-request"
    assert server.given_back == []
    assert romeo.hold().ends == "item-not-found"


def test_a_server_that_cannot_even_begin(stage):
    stage.prepare = lambda server: setattr(server, "on_open", failing)
    romeo = Client(stage)
    with pytest.raises(ServerFailsError):
        romeo.create()
    assert romeo.last.ends == "internal-server-error"
    assert list(stage.manager.sessions()) == []


# Reasons, and clients of old


def test_every_error_says_why(romeo, server):
    held = romeo.hold()
    refused = romeo.send(rid=5000)
    assert refused.why.reason == "rid 5000 is outside the window: 1002 to 1003 may come"
    assert held.ends == "other-request"
    assert held.why.reason.endswith(refused.why.reason)


def test_a_stream_error_says_why(romeo, server):
    request = romeo.hold()
    server.link.close(StreamError("conflict", "you came again"))
    assert request.why.reason == "the server says conflict: you came again"


def test_a_repeat_on_another_connection_says_why(romeo, server):
    request = romeo.hold()
    romeo.send(rid=1001)
    assert request.recoverable
    assert "came again" in request.why.reason


@pytest.mark.parametrize("ver", [None, "1.6"])
def test_how_a_client_without_ver_is_answered(stage, ver):
    romeo = stage.client(ver=ver)
    assert romeo.send(rid=5000).manner.legacy is (ver is None)
    assert Client(stage).create(ver=ver, wait="x").manner.legacy is (ver is None)


def test_an_unknown_sid_belongs_to_no_client(stage):
    romeo = Client(stage)
    romeo.sid = "unknown"
    assert not romeo.hold().manner.legacy


@pytest.mark.parametrize(
    ("content", "expected"),
    [
        ("text/html", ("text/html", False)),
        ("text/html; charset=utf-8", ("text/html; charset=utf-8", False)),
        ("text/xml; charset=ISO-8859-1", ("text/xml; charset=ISO-8859-1", True)),
        ("text/xml; charset=utf-16", ("", False)),
        ("text/xml; charset=nonesuch", ("", False)),
        ("Text/XML; charset=UTF-8", ("", False)),
        ("text/html\r\nSet-Cookie: a=b", ("", False)),
        ("tëxt/xml", ("", False)),
        ("text", ("", False)),
        ("", ("", False)),
        ("a/" + "b" * 200, ("", False)),
    ],
)
def test_the_content_type_that_a_client_asks_for(stage, content, expected):
    request = stage.client(content=content).hold()
    stage.server.says("a")
    assert (request.manner.content, request.manner.ascii) == expected


# What was handed over with the end


@HERE
def test_an_end_that_does_not_get_out_gives_back_what_was_in_it(stage, romeo, server):
    request = romeo.hold()
    server.link.send(message("a").encode())
    stage.manager.close_all("system-shutdown")
    assert request.said == ["a"]
    assert server.given_back == []
    request.lose()
    assert server.given_back == ["a"]


@HERE
def test_an_answer_before_the_end_that_does_not_get_out_is_given_back_too(stage, romeo, server):
    request = romeo.hold()
    server.says("a")
    stage.manager.close_all("system-shutdown")
    request.lose()
    assert server.given_back == ["a"]


# Other ways


def test_a_session_over_tls_stays_there(stage):
    romeo = Client(stage)
    romeo.secure = True
    created = romeo.create()
    stage.server.says("features")
    romeo.sid = created.get("sid")
    assert created.get("secure") == "true"
    romeo.secure = False
    assert romeo.send(message("a"), rid=1001).hung_up
    romeo.secure = True
    assert romeo.send(message("b"), rid=1001).held
    assert stage.server.heard == ["b"]


@pytest.mark.parametrize("rest", ["rid='1001'><a></body>", "rid='x'/>", "/>"])
def test_a_session_over_tls_is_not_ended_by_nonsense_without(stage, rest):
    romeo = Client(stage)
    romeo.secure = True
    romeo.create(hold=0)
    romeo.sid = romeo.last.get("sid")
    romeo.secure = False
    assert romeo.raw(f"<body {HTTPBIND} sid='{romeo.sid}' {rest}").hung_up
    romeo.secure = True
    assert romeo.send(message("a"), rid=1001).empty
    assert romeo.raw(f"<body {HTTPBIND} sid='{romeo.sid}' {rest}").ends == "bad-request"


def test_a_connection_manager_that_is_elsewhere(stage):
    def moved(domain: str) -> None:
        raise see_other_uri("https://chat.example/http-bind?a&b")

    stage.manager._backend_for = moved
    request = Client(stage).create()
    assert request.ends == "see-other-uri"
    assert request.body.findtext(f"{{{ns.HTTPBIND}}}uri") == "https://chat.example/http-bind?a&b"


@HERE
def test_a_server_that_takes_no_more_is_no_reason_to_ask_more_than_agreed(romeo, server):
    server.link.stall()
    held = [romeo.send(message("a")), romeo.send(message("b"))]
    assert all(each.held for each in held)
    assert romeo.send(message("c")).ends == "policy-violation"
    assert server.heard == ["a", "b"]
    assert {each.ends for each in held} == {"other-request"}


@pytest.mark.parametrize(("extra", "ends"), [({}, True), ({"type": "terminate"}, False), ({"pause": 10}, False)])
def test_more_open_than_agreed(stage, extra, ends):
    romeo = stage.client(hold=2)
    romeo.send("<a/>", rid=1001)
    romeo.send("<a/>", rid=1002)
    romeo.send("<a/>", rid=1004)
    request = romeo.send("<a/>", rid=1005, **extra)
    if ends:
        assert request.ends == "policy-violation"
    else:
        assert request.held
