"""Where a request begins and ends, and what is refused: RFC 9112, and the tricks of request smuggling."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from conversehost.net.exchange import path_of
from conversehost.net.http import HEADER_FIELDS, HEADERS, OVERHEAD, REQUEST_LINE, WEB_BODY
from tests.net.front import Front, pieces, post, request

HOST = b"Host: localhost\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"


def page(*fields: bytes, body: bytes = b"", line: bytes = b"POST /page HTTP/1.1") -> bytes:
    return b"%s\r\n%s%s\r\n%s" % (line, HOST, b"".join(fields), body)


REFUSED = {
    "a length and chunks": page(b"Content-Length: 3\r\n", CHUNKED, body=b"0\r\n\r\n"),
    "chunks and a length": page(CHUNKED, b"Content-Length: 3\r\n", body=b"0\r\n\r\n"),
    "two lengths": page(b"Content-Length: 3\r\n", b"Content-Length: 4\r\n", body=b"abcd"),
    "a length twice": page(b"Content-Length: 3\r\n", b"Content-Length: 3\r\n", body=b"abc"),
    "a list of lengths": page(b"Content-Length: 3, 3\r\n", body=b"abc"),
    "a signed length": page(b"Content-Length: +3\r\n", body=b"abc"),
    "a negative length": page(b"Content-Length: -3\r\n", body=b"abc"),
    "a hexadecimal length": page(b"Content-Length: 0x3\r\n", body=b"abc"),
    "an empty length": page(b"Content-Length: \r\n", body=b"abc"),
    "a length beyond all numbers": page(b"Content-Length: " + b"9" * 40 + b"\r\n"),
    "another transfer coding": page(b"Transfer-Encoding: xchunked\r\n", body=b"0\r\n\r\n"),
    "a transfer coding before chunked": page(b"Transfer-Encoding: gzip, chunked\r\n", body=b"0\r\n\r\n"),
    "a transfer coding in a field before chunked": page(b"Transfer-Encoding: gzip\r\n", CHUNKED, body=b"0\r\n\r\n"),
    "chunks from a client of old": page(CHUNKED, body=b"0\r\n\r\n", line=b"POST /page HTTP/1.0"),
    "a transfer coding after chunked": page(b"Transfer-Encoding: chunked, identity\r\n", body=b"0\r\n\r\n"),
    "a chunk size with a sign": page(CHUNKED, body=b"+1\r\na\r\n0\r\n\r\n"),
    "a chunk size with 0x": page(CHUNKED, body=b"0x1\r\na\r\n0\r\n\r\n"),
    "no chunk size": page(CHUNKED, body=b"\r\na\r\n0\r\n\r\n"),
    "a chunk longer than it says": page(CHUNKED, body=b"1\r\nab\r\n0\r\n\r\n"),
    "a chunk size beyond all numbers": page(CHUNKED, body=b"f" * 40 + b"\r\n"),
    "a folded field": page(b"X: a\r\n b\r\n"),
    "a folded host": b"GET /page HTTP/1.1\r\nHost:\r\n localhost\r\n\r\n",
    "NUL in a field": page(b"X: a\0b\r\n"),
    "a bare CR in a field": page(b"X: a\rb\r\n"),
    "a bare LF after a field": page(b"X: a\nY: b\r\n"),
    "only LFs": b"GET /page HTTP/1.1\nHost: localhost\n\n",
    "white space before the colon": page(b"Content-Length : 3\r\n", body=b"abc"),
    "a field without a name": page(b": a\r\n"),
    "a field without a colon": page(b"Nonsense\r\n"),
    "white space first in the header": b"GET /page HTTP/1.1\r\n Host: localhost\r\n\r\n",
    "no host": b"GET /page HTTP/1.1\r\n\r\n",
    "two hosts": b"GET /page HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
    "the same host twice": b"GET /page HTTP/1.1\r\nHost: a\r\nhOST: a\r\n\r\n",
    "an unknown method": page(line=b"FETCH /page HTTP/1.1"),
    "a method in lower case": page(line=b"get /page HTTP/1.1"),
    "no version": page(line=b"GET /page"),
    "another protocol": page(line=b"GET /page ICY/1.1"),
    "HTTP/2's preface": b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    "TLS": b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"\0" * 60,
    "XMPP": b"<?xml version='1.0'?><stream:stream xmlns='jabber:client'>",
    "spaces in the target": page(line=b"GET /page with spaces HTTP/1.1"),
}


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_refused(front, data):
    wire = front.wire()
    wire.send(data)
    (answer,) = wire.answers
    assert answer.code in (400, 501, 505)
    assert answer.closes
    assert wire.closed
    assert front.page.seen == []


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_what_is_refused_is_refused_byte_by_byte(front, data):
    wire = front.wire()
    for at in range(len(data)):
        wire.send(data[at : at + 1])
    assert len(wire.answers) == 1
    assert front.page.seen == []


@pytest.mark.parametrize("data", REFUSED.values(), ids=REFUSED)
def test_nothing_that_follows_is_a_request(front, data):
    wire = front.wire()
    wire.send(data + request("GET", "/page"))
    wire.send(request("GET", "/page"))
    assert len(wire.answers) == 1
    assert front.page.seen == []


@pytest.mark.parametrize("version", [b"0.9", b"2.0", b"1.2", b"9.9"])
def test_other_versions_are_refused(front, version):
    (answer,) = front.exchange(page(line=b"GET /page HTTP/" + version))
    assert answer.code in (400, 505)


ACCEPTED = {
    "a length": page(b"Content-Length: 3\r\n", body=b"abc"),
    "a length with spaces around": page(b"Content-Length:   3  \r\n", body=b"abc"),
    "chunks": page(CHUNKED, body=b"1\r\na\r\n2\r\nbc\r\n0\r\n\r\n"),
    "chunks with extensions": page(CHUNKED, body=b'3;x=y;z="1"\r\nabc\r\n0\r\n\r\n'),
    "a large hexadecimal chunk size": page(CHUNKED, body=b"0003\r\nabc\r\n00\r\n\r\n"),
    "chunks with spaces around": page(b"Transfer-Encoding:  chunked  \r\n", body=b"3\r\nabc\r\n0\r\n\r\n"),
    "trailers": page(CHUNKED, body=b"3\r\nabc\r\n0\r\nHost: evil\r\nCookie: a=b\r\nX: y\r\n\r\n"),
    "empty lines before": b"\r\n\r\n" + page(b"Content-Length: 3\r\n", body=b"abc"),
}


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_what_is_accepted(front, data):
    wire = front.wire()
    wire.send(data)
    (answer,) = wire.answers
    assert (answer.code, answer.body) == (200, b"POST /page abc")
    assert not wire.closed


def test_white_space_around_a_value_is_no_part_of_it(front):
    wire = front.wire()
    wire.send(b"GET /later HTTP/1.1\r\nHost: \t localhost \t\r\n\r\n")
    (request,) = front.later.open
    assert request.requestHeaders.getRawHeaders("host") == ["localhost"]


@pytest.mark.parametrize("data", ACCEPTED.values(), ids=ACCEPTED)
def test_packets_make_no_difference(front, data):
    whole = front.exchange(data)
    for at in range(1, len(data)):
        assert [answer.body for answer in front.exchange(data[:at], data[at:])] == [whole[0].body]
    assert len(front.exchange(*(data[at : at + 1] for at in range(len(data))))) == 1


@settings(max_examples=50, deadline=None)
@given(st.lists(st.integers(1, 60), max_size=30))
def test_several_requests_in_any_packets(sizes):
    data = b"".join(ACCEPTED.values()) * 2 + REFUSED["two hosts"]
    answers = Front().exchange(*pieces(data, sizes))
    assert [answer.code for answer in answers] == [200] * 2 * len(ACCEPTED) + [400]


def test_trailers_change_nothing(front):
    front.exchange(ACCEPTED["trailers"])
    (seen,) = front.page.seen
    assert seen.requestHeaders.getRawHeaders("host") == ["localhost"]
    assert seen.getCookie(b"a") is None
    assert not seen.requestHeaders.hasHeader("x")


# Versions, and how long a connection lasts


def test_http_1_0_needs_no_host_and_ends_the_connection(front):
    wire = front.wire()
    wire.send(b"GET /page HTTP/1.0\r\n\r\n")
    (answer,) = wire.answers
    assert answer.code == 200
    assert answer.closes
    assert wire.closed


def test_http_1_0_gets_no_chunks(front):
    wire = front.wire()
    wire.send(b"GET /later HTTP/1.0\r\nConnection: keep-alive\r\n\r\n")
    front.later.answer(b"whole")
    assert b"chunked" not in wire.raw
    assert wire.raw.endswith(b"\r\n\r\nwhole")
    assert wire.closed


def test_connection_close_is_honoured(front):
    wire = front.wire()
    wire.send(request("GET", "/page", Connection="close") + request("GET", "/page"))
    (answer,) = wire.answers
    assert answer.closes
    assert wire.closed
    assert len(front.page.seen) == 1


def test_what_follows_a_closing_request_is_not_answered(front):
    wire = front.wire()
    wire.send(request("GET", "/http-bind", Connection="close") + b"garbage")
    assert wire.codes == [200]


@pytest.mark.parametrize(
    "data",
    [
        request("GET", "/page", Connection="Upgrade", Upgrade="h2c"),
        request("GET", "/page", Connection="Upgrade, HTTP2-Settings", Upgrade="h2c", HTTP2_Settings="AAMAAABkAAQAAP__"),
    ],
)
def test_upgrades_that_are_not_known_are_declined(front, data):
    wire = front.wire()
    wire.send(data + b"PRI * HTTP/2.0\r\n\r\n")
    (answer,) = wire.answers
    assert answer.code == 200
    assert answer.closes


HTTP_2 = b"Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n"


@pytest.mark.parametrize(
    "data",
    [
        page(HTTP_2, b"Content-Length: 3\r\n", body=b"abc"),
        page(HTTP_2, CHUNKED, body=b"1\r\na\r\n2\r\nbc\r\n0\r\nX: y\r\n\r\n"),
    ],
)
def test_a_body_is_read_though_another_protocol_is_asked_for(front, data):
    """As Java's HttpClient and `curl --http2` do with each request."""
    whole = [data + page(b"Content-Length: 3\r\n", body=b"evil")]
    for packets in (whole, [data[at : at + 1] for at in range(len(data))]):
        wire = front.wire()
        for packet in packets:
            wire.send(packet)
        (answer,) = wire.answers
        assert (answer.code, answer.body) == (200, b"POST /page abc")
        assert answer.closes
        assert wire.closed
    assert len(front.page.seen) == 2


def test_a_body_with_an_upgrade_has_the_same_limits(front):
    wire = front.wire()
    wire.send(page(HTTP_2, CHUNKED, body=b"%x\r\n" % (WEB_BODY + 1) + b"x" * (WEB_BODY + 1)))
    assert wire.codes == [413]
    assert front.page.seen == []


def test_a_body_with_an_upgrade_that_is_no_body(front):
    wire = front.wire()
    wire.send(page(HTTP_2, CHUNKED, body=b"zz\r\n"))
    assert wire.codes == [400]
    assert front.page.seen == []


def test_nobody_is_connected_to_elsewhere(front):
    wire = front.wire()
    wire.send(b"CONNECT example.org:443 HTTP/1.1\r\nHost: example.org:443\r\n\r\n")
    (answer,) = wire.answers
    assert answer.code == 404
    assert wire.closed


@pytest.mark.parametrize(
    ("target", "path"),
    [
        (b"/a/b?c=/d", b"/a/b"),
        (b"/", b"/"),
        (b"http://host/a?b", b"/a"),
        (b"https://host:1/a", b"/a"),
        (b"http://host", b"/"),
        (b"http://host?/a", b"/"),
        (b"*", b"*"),
    ],
)
def test_the_path_of_a_target(target, path):
    assert path_of(target) == path


# 100-continue


def test_a_client_is_told_to_go_on(front):
    wire = front.wire()
    head, _, body = post("abc", "/page", Expect="100-continue").partition(b"\r\n\r\n")
    wire.send(head + b"\r\n\r\n")
    assert wire.raw == b"HTTP/1.1 100 Continue\r\n\r\n"
    wire.send(body)
    assert wire.answers[0].body == b"POST /page abc"


def test_other_expectations_fail(front):
    (answer,) = front.exchange(post("abc", "/page", Expect="the-unexpected"))
    assert answer.code == 417


def test_http_1_0_expects_nothing(front):
    wire = front.wire()
    wire.send(b"POST /page HTTP/1.0\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert wire.raw == b""


@pytest.mark.parametrize(
    ("field", "code"), [(b"X: " + b"y" * HEADERS, 431), (b"Host: b", 400), (b"Content-Length: 999999", 413)]
)
def test_nobody_is_told_to_go_on_and_refused(front, field, code):
    wire = front.wire()
    wire.send(b"POST /page HTTP/1.1\r\nExpect: 100-continue\r\nHost: a\r\n%s\r\n\r\n" % field)
    assert wire.codes == [code]
    assert b"100 Continue" not in wire.raw


def test_nobody_is_told_to_go_on_before_earlier_answers(front):
    wire = front.wire()
    wire.get("/later")
    wire.send(b"POST /page HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\nExpect: 100-continue\r\n\r\n")
    assert wire.raw == b""
    wire.send(b"abc")
    front.later.answer()
    assert [answer.body for answer in wire.answers] == [b"later", b"POST /page abc"]


# Limits


def test_a_target_that_is_too_long(front):
    target = "/page?" + "x" * (REQUEST_LINE - 6)
    assert [answer.code for answer in front.exchange(request("GET", target))] == [200]
    assert [answer.code for answer in front.exchange(request("GET", target + "x"))] == [414]


def test_too_many_fields(front):
    fields = {f"X{n}": "y" for n in range(HEADER_FIELDS - 1)}
    assert [answer.code for answer in front.exchange(request("GET", "/page", **fields))] == [200]
    assert [answer.code for answer in front.exchange(request("GET", "/page", Z="y", **fields))] == [431]


def test_too_large_a_header(front):
    (answer,) = front.exchange(request("GET", "/page", X="y" * HEADERS))
    assert answer.code == 431


@pytest.mark.parametrize("start", [b"", CHUNKED + b"\r\n3\r\nabc\r\n0\r\n"], ids=["header", "trailer"])
def test_a_field_that_never_ends(front, start):
    wire = front.wire()
    wire.send(b"POST /page HTTP/1.1\r\n" + HOST + start + b"X: ")
    sent = 0
    while not wire.closed and sent < 10 * OVERHEAD:
        wire.send(b"y" * 4096)
        sent += 4096
    assert wire.codes == [431]
    assert sent <= OVERHEAD + 8192


def test_chunks_that_are_all_overhead(front):
    wire = front.wire()
    wire.send(b"POST /page HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n")
    for _ in range(WEB_BODY // 100):
        wire.send(b"1\r\na\r\n" * 100)
        if wire.closed:
            break
    assert wire.codes == [431]


def test_a_body_of_many_packets_is_no_overhead(front):
    front.bosh.body_limit = 10 * OVERHEAD
    wire = front.wire()
    wire.send(b"POST /http-bind HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n" % (3 * OVERHEAD))
    for _ in range(3 * OVERHEAD // 4096):
        wire.send(b"x" * 4096)
    assert wire.codes == [200]


def test_a_body_that_says_that_it_is_too_large(front):
    head = b"POST /page HTTP/1.1\r\n" + HOST + b"Content-Length: %d\r\n\r\n"
    assert front.exchange(head % WEB_BODY) == []
    (answer,) = front.exchange(head % (WEB_BODY + 1))
    assert answer.code == 413
    assert answer.fields["access-control-allow-origin"] == "*"


def test_a_body_that_turns_out_to_be_too_large(front):
    chunk = b"1000\r\n" + b"x" * 4096 + b"\r\n"
    (answer,) = front.exchange(b"POST /page HTTP/1.1\r\n" + HOST + CHUNKED + b"\r\n", *[chunk] * 17)
    assert answer.code == 413


def test_a_refusal_waits_for_the_answers_before_it(front):
    wire = front.wire()
    wire.send(request("GET", "/later") + b"garbage\r\n\r\n")
    assert wire.raw == b""
    front.later.answer()
    assert wire.codes == [200, 400]
