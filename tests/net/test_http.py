"""The HTTP front: which answer, in which order, and when a connection ends."""

from __future__ import annotations

import gc
import weakref

import pytest
from twisted.web.server import NOT_DONE_YET

from conversehost.net.http import BODY_IN, HEADERS_IN, IDLE, PIPELINE
from tests.bosh.stage import message
from tests.net.front import BrokenPageError, Page, post, request, said

# BOSH, and what else is at its address


@pytest.mark.parametrize(
    "path", ["/http-bind", "/http-bind/", "/bosh", "/bosh/", "/http-bind?x=y", "http://a/http-bind"]
)
def test_where_bosh_is(front, chat, path):
    wire = front.wire()
    wire.post(chat.body(message("a")), path)
    chat.server.says("b")
    (answer,) = wire.answers
    assert chat.server.heard == ["a"]
    assert said(answer) == ["b"]


def test_a_bosh_answer(front, chat):
    wire = front.wire()
    wire.post(chat.body(), Content_Type="text/plain", Origin="https://elsewhere.example")
    chat.server.says("a")
    (answer,) = wire.answers
    assert answer.code == 200
    assert answer.fields["content-type"] == "text/xml; charset=utf-8"
    assert answer.fields["cache-control"] == "no-store"
    assert answer.fields["access-control-allow-origin"] == "*"
    assert "access-control-allow-credentials" not in answer.fields
    assert "transfer-encoding" not in answer.fields
    assert answer.fields["date"].endswith("GMT")
    assert answer.fields["content-length"] == str(len(answer.body))


def test_the_preflight_of_a_browser(front, wire):
    wire.get("/http-bind", "OPTIONS", Origin="https://x.example", Access_Control_Request_Method="POST")
    (answer,) = wire.answers
    assert (answer.code, answer.body) == (204, b"")
    assert answer.fields["access-control-allow-origin"] == "*"
    assert "POST" in answer.fields["access-control-allow-methods"]
    assert "content-type" in answer.fields["access-control-allow-headers"].lower()
    assert "content-length" not in answer.fields  # RFC 9110 section 8.6


def test_a_page_for_people(wire):
    wire.get("/http-bind")
    wire.get("/http-bind", "HEAD")
    page, head = wire.answers
    assert (page.code, head.code) == (200, 200)
    assert b"BOSH" in page.body
    assert page.fields["content-type"].startswith("text/html")
    assert page.fields["x-content-type-options"] == "nosniff"
    assert head.body == b""
    assert head.fields["content-length"] == page.fields["content-length"]


@pytest.mark.parametrize("method", ["PUT", "DELETE", "PATCH", "TRACE", "PROPFIND"])
def test_other_methods_are_not_allowed(wire, method):
    wire.get("/http-bind", method)
    (answer,) = wire.answers
    assert answer.code == 405
    assert answer.fields["allow"] == "POST, GET, HEAD, OPTIONS"
    assert answer.fields["access-control-allow-origin"] == "*"


def test_a_body_that_is_too_large_leaves_the_session_as_it_is(front, chat):
    wire = front.wire()
    wire.post(chat.body(message("a", size=front.bosh.body_limit), rid=1001))
    assert wire.codes == [413]
    assert front.manager._sessions[chat.sid].ended is False
    other = front.wire()
    other.post(chat.body(message("a")))
    assert chat.server.heard == ["a"]


def test_a_body_in_chunks(front, chat):
    body = chat.body(message("a")).encode()
    chunks = b"".join(b"1\r\n%c\r\n" % byte for byte in body) + b"0\r\n\r\n"
    wire = front.wire()
    wire.send(b"POST /http-bind HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n" + chunks)
    assert chat.server.heard == ["a"]


def test_requests_over_http_1_0(front, chat):
    body = chat.body(message("a")).encode()
    wire = front.wire()
    wire.send(b"POST /http-bind HTTP/1.0\r\nContent-Length: %d\r\n\r\n" % len(body) + body)
    chat.server.says("b")
    (answer,) = wire.answers
    assert answer.closes
    assert wire.closed


# Order


def test_pipelined_answers_leave_in_order(front, chat):
    wire = front.wire()
    wire.send(request("GET", "/page") + post(chat.body()) + request("GET", "/page?2") + request("GET", "/http-bind"))
    assert wire.codes == [200]
    chat.server.says("a")
    first, held, second, third = wire.answers
    assert first.body == b"GET /page "
    assert said(held) == ["a"]
    assert second.body == b"GET /page?2 "
    assert b"BOSH" in third.body


def test_a_held_request_does_not_keep_the_next_from_being_processed(front, chat):
    wire = front.wire()
    wire.post(chat.body())
    assert wire.codes == []
    wire.post(chat.body(message("a")))
    assert chat.server.heard == ["a"]
    assert wire.codes == [200]
    chat.server.says("b")
    assert [said(answer) for answer in wire.answers] == [[], ["b"]]


def test_requests_of_one_segment_are_one_turn(front, chat):
    chat.server.on_receive = lambda stanza: chat.server.link.send(message(f"re-{stanza.get('id')}").encode())
    wire = front.wire()
    wire.send(post(chat.body(message("a"))) + post(chat.body(message("b"))))
    assert [said(answer) for answer in wire.answers] == [["re-a", "re-b"]]


def test_a_page_that_takes_its_time_holds_up_what_follows(front, chat):
    wire = front.wire()
    wire.send(request("GET", "/later") + post(chat.body(message("a"))) + request("GET", "/page"))
    chat.server.says("b")
    assert chat.server.heard == ["a"]
    assert wire.raw == b""
    front.later.answer()
    later, bosh, page = wire.answers
    assert (later.body, said(bosh), page.body) == (b"later", ["b"], b"GET /page ")


def test_thousands_of_small_requests_in_one_segment(front):
    wire = front.wire()
    count = 2500
    wire.methods = ["GET"] * count
    wire.send(b"GET /http-bind HTTP/1.1\r\nHost:a\r\n\r\n" * count)
    assert wire.codes == [200] * count


def test_thousands_of_small_requests_for_pages(front):
    wire = front.wire()
    wire.send(b"GET /page HTTP/1.1\r\nHost:a\r\n\r\n" * 2000)
    assert wire.codes == [200] * 2000


def test_reading_stops_while_many_answers_are_to_come(front):
    wire = front.wire()
    for _ in range(PIPELINE + 1):
        assert wire.transport.producerState == "producing"
        wire.get("/later")
    assert wire.transport.producerState == "paused"
    front.later.answer()
    assert wire.transport.producerState == "producing"
    for _ in range(PIPELINE):
        front.later.answer()
    assert wire.codes == [200] * (PIPELINE + 1)


# Pages


def test_a_page_gets_the_request(front, wire):
    wire.post("a=1", "/page?q=2", Content_Type="application/x-www-form-urlencoded", Cookie="c=3; d=4", X="y")
    (seen,) = front.page.seen
    assert (seen.method, seen.path, seen.args) == (b"POST", b"/page", {b"q": [b"2"], b"a": [b"1"]})
    assert (seen.getCookie(b"c"), seen.getCookie(b"d")) == (b"3", b"4")
    assert seen.getHeader(b"x") == b"y"
    assert seen.getClientAddress().host == "192.168.1.1"
    assert not seen.isSecure()
    assert wire.answers[0].fields["content-type"] == "text/plain"


def test_a_page_by_its_whole_address(wire):
    """RFC 9112 section 3.2.2: any server takes it."""
    wire.send(b"GET http://localhost/page?a=b HTTP/1.1\r\nHost: localhost\r\n\r\n")
    (answer,) = wire.answers
    assert (answer.code, answer.body) == (200, b"GET /page?a=b ")


def test_a_page_leaves_in_one_piece(front, wire):
    """Header and body: each piece is a call of the system, and perhaps a packet."""
    wrote: list[bytes] = []
    write, wire.transport.write = wire.transport.write, lambda data: (wrote.append(data), write(data))[1]
    wire.send(b"GET /page HTTP/1.1\r\nHost: localhost\r\n\r\n")
    assert len(wrote) == 1
    assert wrote[0].endswith(b"GET /page ")


def test_a_page_that_takes_its_time_leaves_as_it_comes(front, wire):
    wire.send(b"GET /later HTTP/1.1\r\nHost: localhost\r\n\r\n")
    (request,) = front.later.open
    request.write(b"early")
    assert b"early" in wire.transport.value()


def test_head(front, wire):
    wire.get("/page", "HEAD")
    wire.get("/page")
    head, page = wire.answers
    assert (head.code, head.body) == (200, b"")
    assert page.body == b"GET /page "


@pytest.mark.parametrize("code", [204, 304])
def test_answers_without_a_body_have_none(wire, code):
    wire.get(f"/{code}")
    wire.get("/page")
    empty, page = wire.answers
    assert (empty.code, empty.body) == (code, b"")
    assert "transfer-encoding" not in empty.fields
    assert page.body == b"GET /page "


def test_a_page_without_a_length_comes_in_chunks(front, wire):
    wire.get("/later")
    request = front.later.open[0]
    request.write(b"one ")
    assert b"4\r\none \r\n" in wire.raw
    request.write(b"two")
    request.finish()
    (answer,) = wire.answers
    assert answer.body == b"one two"


def test_a_form_that_makes_no_sense(front, wire):
    wire.post("nonsense", "/page", Content_Type="multipart/form-data; boundary=x")
    (answer,) = wire.answers
    assert answer.code == 400
    assert answer.closes
    assert wire.closed
    assert front.page.seen == []


def test_a_page_may_end_the_connection(front, wire):
    wire.get("/later")
    front.later.open[0].loseConnection()
    assert wire.closed


def test_a_page_hears_that_its_reader_has_gone(front, wire):
    wire.get("/later")
    wire.lose()
    assert len(front.later.lost) == 1


def test_no_header_field_is_made_of_two(front, wire):
    class Split(Page):
        def render(self, request):
            request.setHeader(b"x", b"a\r\nSet-Cookie: b=c")
            return b""

    front.root.putChild(b"split", Split())
    wire.get("/split")
    assert "set-cookie" not in wire.answers[0].fields


class Pushes:
    """A producer that writes when it is resumed, and can be paused."""

    def __init__(self, request) -> None:
        self.request, self.state = request, "ready"
        request.registerProducer(self, True)

    def resumeProducing(self) -> None:
        self.state = "resumed"

    def pauseProducing(self) -> None:
        self.state = "paused"

    def stopProducing(self) -> None:
        self.state = "stopped"


def test_a_producer_is_known_to_the_transport(front, wire):
    wire.get("/later")
    request = front.later.open[0]
    producer = Pushes(request)
    assert wire.transport.producer is producer
    request.write(b"x")
    request.unregisterProducer()
    assert wire.transport.producer is None
    request.finish()
    assert wire.answers[0].body == b"x"


# Failures


def test_a_page_that_fails(front, wire, failures):
    wire.get("/broken")
    wire.get("/page")
    assert wire.codes == [500, 200]
    assert failures == [BrokenPageError.__name__]
    failures.clear()


def test_a_page_that_cannot_even_begin(front, wire, failures, monkeypatch):
    monkeypatch.setattr(front.factory.site.requestFactory, "parseCookies", fails)
    wire.get("/page")
    assert wire.codes == [500]
    assert wire.closed
    assert failures == ["BrokenPageError"]
    failures.clear()


def test_a_handler_that_fails(front, wire, failures):
    front.bosh._manager.request = fails
    wire.post("<body/>")
    wire.get("/page")
    assert wire.codes == [500, 200]
    assert failures == ["BrokenPageError"]
    failures.clear()


def test_a_server_that_fails_behind_bosh(front, chat, failures):
    chat.server.on_receive = fails
    held, wire = front.wire(), front.wire()
    held.post(chat.body())
    wire.post(chat.body(message("a")))
    assert b"other-request" in held.answers[0].body
    assert b"internal-server-error" in wire.answers[0].body
    assert failures == ["BrokenPageError"]
    failures.clear()


def fails(*_, **__) -> None:
    raise BrokenPageError


# Time


def test_a_connection_that_says_nothing(front, wire):
    front.advance(IDLE - 1)
    assert not wire.closed
    front.advance(1.1)
    assert wire.closed
    assert wire.raw == b""


def test_a_connection_that_has_said_all(front, wire):
    front.advance(IDLE - 5)
    wire.get("/page")
    front.advance(IDLE - 1)
    assert not wire.closed
    front.advance(2)
    assert wire.closed


def test_a_header_that_does_not_come_to_an_end(front, wire):
    wire.send(b"GET /page HTTP/1.1\r\n")
    for _ in range(int(HEADERS_IN) - 1):
        front.advance(1)
        wire.send(b"X: y\r\n")
    assert not wire.closed
    front.advance(1.1)
    assert wire.codes == [408]
    assert wire.closed


def test_a_method_that_does_not_come_to_an_end(front, wire):
    wire.send(b"GE")
    front.advance(HEADERS_IN + 0.1)
    assert wire.closed


def test_a_body_that_does_not_come_to_an_end(front, wire):
    wire.send(b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n")
    for _ in range(int(BODY_IN) - 1):
        front.advance(1)
        wire.send(b"x")
    assert not wire.closed
    front.advance(1.1)
    assert wire.codes == [408]
    assert wire.closed


def test_each_request_has_its_time(front, wire):
    for _ in range(5):
        wire.send(b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 2\r\n\r\nx")
        front.advance(BODY_IN - 1)
        wire.send(b"y")
        front.advance(IDLE - 1)
    assert wire.codes == [200] * 5
    assert not wire.closed


def test_a_held_request_is_not_idle(front, chat):
    wire = front.wire()
    for _ in range(4):
        wire.post(chat.body())
        front.advance(59)
        wire.post(chat.body())
        front.advance(59)
    assert not wire.closed
    front.advance(2 + IDLE)
    assert wire.closed


def test_a_page_may_take_as_long_as_it_likes(front, wire):
    wire.get("/later")
    front.advance(10 * IDLE)
    assert not wire.closed
    front.later.answer()
    assert wire.codes == [200]
    front.advance(IDLE - 1)
    assert not wire.closed
    front.advance(1.1)
    assert wire.closed


def test_a_late_request_behind_a_held_one_is_told_when_that_is_answered(front, chat):
    wire = front.wire()
    wire.send(post(chat.body()) + b"GET /page HTTP/1.1\r\n")
    front.advance(HEADERS_IN + 0.1)
    assert wire.codes == []
    chat.server.says("a")
    assert wire.codes == [200, 408]
    assert wire.closed


def test_a_finished_connection_leaves_nothing_behind(front, chat):
    wire = front.wire()
    wire.get("/page")
    wire.lose()
    front.advance(1)
    assert front.factory.connections == set()
    assert all(call.getTime() > front.reactor.seconds() for call in front.reactor.getDelayedCalls())
    front.advance(200)
    assert front.reactor.getDelayedCalls() == []


# Shutting down


def test_at_the_end_answers_leave_first(front, chat):
    held, idle = front.wire(), front.wire()
    held.post(chat.body())
    front.manager.close_all("system-shutdown")
    front.factory.close_idle()
    assert b"system-shutdown" in held.answers[0].body
    assert held.closed
    assert idle.closed


# Connections that break


def test_a_held_request_whose_connection_breaks_is_no_longer_answered(front, chat):
    wire = front.wire()
    wire.post(chat.body())
    wire.lose()
    chat.server.says("a")
    assert wire.raw == b""
    again = front.wire()
    again.post(chat.body())
    assert said(again.answers[0]) == ["a"]


def test_an_answer_that_waited_behind_a_page_is_lost_with_the_connection(front, chat):
    wire = front.wire()
    wire.get("/later")
    wire.post(chat.body())
    chat.server.says("a")
    assert wire.raw == b""
    wire.lose()
    again = front.wire()
    again.post(chat.body())
    assert said(again.answers[0]) == ["a"]


def test_an_answer_that_waited_behind_a_held_one_is_lost_with_the_connection(front, chat):
    """Two sessions over one connection: a proxy, or a shared worker."""
    other = front.session()
    wire = front.wire()
    wire.send(post(other.body()) + post(chat.body()))
    chat.server.says("a")
    wire.lose()
    again = front.wire()
    again.post(chat.body())
    assert said(again.answers[0]) == ["a"]


def test_an_answer_that_is_out_is_not_lost(front, chat):
    wire = front.wire()
    wire.post(chat.body())
    chat.server.says("a")
    wire.lose()
    again = front.wire()
    again.post(chat.body())
    chat.server.says("b")
    assert said(again.answers[0]) == ["b"]


def test_a_session_keeps_no_connection_alive(front, chat):
    wire = front.wire()
    for _ in range(3):
        wire.post(chat.body())
        chat.server.says("a")
    wire.lose()
    connection = weakref.ref(wire.connection)
    del wire
    gc.collect()
    assert connection() is None


def test_the_request_after_a_reload_may_come_before_the_old_connection_is_found_broken(front, chat):
    old, new = front.wire(), front.wire()
    old.post(chat.body())
    new.post(chat.body())
    old.lose()
    chat.server.says("a")
    assert said(new.answers[0]) == ["a"]


def test_a_page_that_answers_after_its_reader_has_gone_does_no_harm(front, wire):
    class Late(Page):
        def render(self, request):
            self.seen.append(request)
            return NOT_DONE_YET

    page = Late()
    front.root.putChild(b"late", page)
    wire.get("/late")
    wire.get("/page")
    wire.lose()
    page.seen[0].write(b"too late")
    assert wire.raw == b""
    assert front.page.seen == []
