"""`/traffic?level=http` and `level=frame`: what carried the stanzas."""

from __future__ import annotations

import gzip
import json
from types import SimpleNamespace

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.error import ConnectionDone
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure

from conversehost.net.exchange import HttpExchange
from conversehost.testbed import redaction
from conversehost.testbed import wire as wire_module
from conversehost.testbed.traffic import Traffic
from conversehost.testbed.wire import Tapped, Wire
from conversehost.xmpp import ns
from tests.testbed.conftest import House

CREATION = (
    f"<body xmlns='{ns.HTTPBIND}' to='localhost' rid='7' wait='60' hold='1' ver='1.6' xmpp:version='1.0' "
    "xmlns:xmpp='urn:xmpp:xbosh'/>"
)


def post(api, body: str, **headers: str):
    return api.send("POST", "/http-bind", body.encode(), {"Content_Type": "text/xml", **headers})


def seen(api, level: str, query: str = "") -> list[dict]:
    return api("GET", f"/traffic?level={level}{query}").json["records"]


def sid_of(answer) -> str:
    return answer.body.decode().partition('sid="')[2].partition('"')[0]


def test_a_request_over_bosh_and_its_answer(api):
    sid = sid_of(post(api, CREATION))
    (exchange,) = seen(api, "http")
    assert (exchange["method"], exchange["url"], exchange["status"]) == ("POST", "http://localhost:5280/http-bind", 200)
    assert (exchange["transport"], exchange["address"], exchange["session"]) == ("bosh", "127.0.0.1", None)
    assert exchange["request"]["body"] == CREATION
    assert exchange["request"]["size"] == len(CREATION)
    assert ["content-type", "text/xml"] in exchange["request"]["headers"]
    assert f'sid="{sid}"' in exchange["response"]["body"]
    assert ["Content-Type", "text/xml; charset=utf-8"] in exchange["response"]["headers"]
    assert exchange["duration"] >= 0


def test_a_request_that_is_held_has_no_answer_yet(house, api):
    bound = house.prebound("alice")
    poll = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid + 1}'/>"
    house.poll(bound, 0)
    house.server.reactor.advance(60)
    held = Held(house, poll)
    (exchange,) = seen(api, "http")
    assert (exchange["status"], exchange["response"], exchange["duration"]) == (None, None, None)
    assert exchange["session"] == bound.jid
    house.server.reactor.advance(60)
    (exchange,) = seen(api, "http", "&account=alice")
    assert (exchange["status"], exchange["duration"]) == (200, 60)
    assert held.transport.value()


@pytest.mark.parametrize("tenants", [0, 1])
def test_a_request_that_is_held_when_all_is_forgotten_is_told_with_its_answer(house, api, tenants):
    for _ in range(tenants):
        api("POST", "/tenants")
    bound = house.prebound("alice")
    house.poll(bound, 0)
    house.server.reactor.advance(60)
    held = Held(house, f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid + 1}'/>")
    api("DELETE", "/traffic")
    assert seen(api, "http") == seen(api, "frame") == []
    house.server.reactor.advance(60)
    assert held.transport.value()
    assert [each["status"] for each in seen(api, "http")] == [200]
    assert [each["direction"] for each in seen(api, "frame")] == ["out"]


def test_a_request_whose_connection_goes_before_its_answer(house, api):
    bound = house.prebound("alice")
    house.poll(bound, 0)
    house.server.reactor.advance(60)
    held = Held(house, f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid + 1}'/>")
    api("DELETE", "/traffic")
    house.server.reactor.advance(60)
    other = Held(house, f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid + 2}'/>")
    assert held.transport.value()
    other.connection.connectionLost(Failure(ConnectionDone()))
    one, two = seen(api, "http")
    assert (one["status"], two["status"], two["session"]) == (200, None, bound.jid)
    assert other.connection not in house.server.http.connections  # of which nothing is left


class Held:
    """A BOSH request on a connection of its own."""

    def __init__(self, house: House, body: str) -> None:
        peer = IPv4Address("TCP", "127.0.0.1", 50_001)
        self.connection = house.server.http.buildProtocol(peer)
        self.transport = StringTransport(peerAddress=peer)
        self.connection.makeConnection(self.transport)
        head = f"POST /http-bind HTTP/1.1\r\nHost: localhost\r\nContent-Length: {len(body)}\r\n\r\n"
        self.connection.dataReceived((head + body).encode())


def test_several_who_share_a_connection_keep_their_headers(house, api):
    """As behind a proxy."""
    shared = Held(house, CREATION)
    for name in ("one", "other", "one", "other"):
        head = f"POST /bosh HTTP/1.1\r\nHost: localhost\r\nX-Name: {name}\r\nContent-Length: {len(CREATION)}\r\n\r\n"
        shared.connection.dataReceived((head + CREATION).encode())
    named = [dict(each["request"]["headers"]).get("x-name") for each in seen(api, "http")]
    assert named == [None, "one", "other", "one", "other"]


def test_bodies_of_bosh_are_frames(house, api):
    post(api, CREATION)
    one, two = seen(api, "frame")
    assert (one["direction"], one["kind"], one["data"]) == ("in", "body", CREATION)
    assert (two["direction"], two["transport"]) == ("out", "bosh")
    assert two["number"] > one["number"]
    assert seen(api, "frame", "&direction=in") == [one]
    assert seen(api, "frame", f"&after={one['number']}") == [two]
    assert seen(api, "frame", "&text=features") == [two]
    assert seen(api, "frame", "&kind=ping") == seen(api, "frame", "&transport=websocket") == []


def test_the_site_and_whose_requests_they_are(api):
    api.send("GET", "/login?next=x&token=hush", b"", {})
    form = b"username=alice&password=secret"
    login = api.send("POST", "/login", form, {"Content_Type": "application/x-www-form-urlencoded"})
    cookie = login.head.partition("Set-Cookie: ")[2].partition(";")[0]
    api.send("GET", "/prebind", b"", {"Cookie": cookie})
    api.send("GET", "/nowhere", b"", {"Cookie": cookie})
    page, form_sent, prebind, nowhere = seen(api, "http")
    assert page["url"].endswith("/login?next=x&token=...")
    assert form_sent["request"]["body"] == "username=alice&password=..."
    assert (prebind["session"], prebind["status"]) == ("alice@localhost", 200)
    assert json.loads(prebind["response"]["body"])["jid"].startswith("alice@localhost/")
    assert (nowhere["session"], nowhere["status"]) == ("alice@localhost", 404)
    assert seen(api, "http", "&path=/prebind") == [prebind]
    assert seen(api, "http", "&status=404") == [nowhere]
    assert seen(api, "http", "&method=POST") == [form_sent]
    assert seen(api, "http", "&transport=site&account=alice") == [prebind, nowhere]


def test_what_is_secret_is_shown_only_to_who_asks_for_it(api):
    post(api, CREATION, Cookie="a=hush; b=hush", Authorization="Bearer hush")
    form = b"username=alice&password=hush"
    api.send("POST", "/login", form, {"Content_Type": "application/x-www-form-urlencoded"})
    assert "hush" not in json.dumps(seen(api, "http"))
    bosh, _ = seen(api, "http")
    assert ["cookie", "a=...; b=..."] in bosh["request"]["headers"]
    assert ["authorization", "Bearer ..."] in bosh["request"]["headers"]
    assert json.dumps(seen(api, "http", "&secrets=1")).count("hush") == 4


def test_secrets_in_stanzas_are_shown_to_who_asks_for_them(house, api):
    stream = house.server.traffic.stream("tcp", "")
    house.server.traffic.add("in", stream, b"<auth xmlns='x'>aHVzaA==</auth>")
    assert seen(api, "stanza")[0]["xml"] == "<auth xmlns='x'>...</auth>"
    assert seen(api, "stanza", "&secrets=1")[0]["xml"] == "<auth xmlns='x'>aHVzaA==</auth>"


def test_the_control_api_itself_is_no_traffic(api):
    api("GET", "/sessions")
    api("POST", "/messages", {"from": "alice", "to": "bob", "body": "hi"})
    assert seen(api, "http") == []


def test_a_body_that_was_compressed_can_be_read(api):
    api.send("POST", "/http-bind", gzip.compress(CREATION.encode()), {"Content_Encoding": "gzip"})
    (exchange,) = seen(api, "http")
    assert (exchange["request"]["body"], exchange["status"]) == (CREATION, 200)


def test_what_was_answered_by_a_fault_and_what_was_not(api):
    api("POST", "/faults", {"fault": "status", "status": 503, "count": 1})
    post(api, CREATION)
    api("POST", "/faults", {"fault": "hang", "count": 1})
    with pytest.raises(IndexError):  # nothing comes back
        post(api, CREATION)
    assert [each["status"] for each in seen(api, "http")] == [503, None]


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("level=tcp", "level must be one of stanza, frame, http"),
        ("level=http&xpath=iq", "at the level http there is no xpath; there are account, session, text, "),
        ("level=frame&path=/x", "at the level frame there is no path; there are account, session, text, "),
        ("path=/x", "at the level stanza there is no path; there are kind, direction, account, "),
        ("level=frame&direction=up", "direction must be one of in, out"),
        ("secrets=yes", "secrets must be 1 or 0"),
    ],
)
def test_mistakes(api, query, message):
    status, _, text = api("GET", f"/traffic?{query}").error
    assert status == 400
    assert text.startswith(message)


@pytest.mark.parametrize(("method", "path"), [("DELETE", "/traffic"), ("POST", "/reset")])
def test_it_is_forgotten(api, method, path):
    post(api, CREATION)
    api(method, path)
    assert seen(api, "http") == seen(api, "frame") == []


def test_without_recording_nothing_stands_before_the_server():
    house = House("--no-traffic")
    post(house.api, CREATION)
    assert seen(house.api, "http") == seen(house.api, "frame") == []
    assert all(type(front).__name__ == "FaultyFront" for front in house.server.http.direct.values())
    assert house.server.http.site.requestFactory.__module__ == "twisted.web.server"
    house.server.close_sessions("system-shutdown")


@pytest.fixture
def small(monkeypatch) -> Wire:
    monkeypatch.setattr(wire_module, "EXCHANGES", 3)
    monkeypatch.setattr(wire_module, "FRAMES", 2)
    monkeypatch.setattr(wire_module, "BYTES", 5_000)
    monkeypatch.setattr(wire_module, "LARGE", 1_000)
    return Wire(Traffic(lambda: 0.0), lambda: 0.0, lambda: 0.0)


def asked(size: int, address: str = "", *, secure: bool = False) -> HttpExchange:
    made = HttpExchange(SimpleNamespace(address=address, secure=secure, waiting=[]))
    made.connection.waiting.append(made)
    made.size = size
    return made


def begin(wire: Wire, transport: str, exchange: HttpExchange, jid: str = "") -> HttpExchange:
    wire.watch([exchange.connection])
    wire.begin(transport, exchange, (b"x" * exchange.size,), jid, kept=transport == "site")
    return exchange


def answered(exchange: HttpExchange, code: int = 200, body: bytes = b"") -> None:
    exchange.told.answered(exchange, code, b"", body)


@pytest.mark.parametrize("transport", ["site", "bosh"])
def test_the_oldest_goes_first(small, transport):
    for _ in range(5):
        answered(begin(small, transport, asked(10)), body=b"y" * 10)
        small.frame("in", "text", b"z" * 10, Tapped(small))
    assert [each.number for each in small.exchanges] == [7, 10, 13]
    assert [each.request.body + each.response.body for each in small.exchanges] == [b"x" * 10 + b"y" * 10] * 3
    assert [each.kind for each in small.frames()][-2:] == ["text", "text"]
    for _ in range(3):
        answered(begin(small, transport, asked(2_000)))
    assert [each.request.size for each in small.exchanges] == [2_000, 2_000]


def test_of_those_that_are_not_answered_the_oldest_goes_first(small):
    begun = [begin(small, "bosh", asked(2_000)) for _ in range(4)]
    assert [each.number for each in small.exchanges] == [3, 4]
    for each in reversed(begun):
        answered(each, body=b"y")
    assert [each.number for each in small.exchanges] == [1, 2]  # as they were answered last
    begin(small, "site", asked(0)).told.begun(asked(0), 200, b"")
    held = begin(small, "site", asked(0))
    held.told.begun(held, 200, b"A: b\r\n")
    for part in b"one ", b"two":
        held.told.passed(held, part)
    assert (small.exchanges[-1].response.body, small.exchanges[-1].response.headers) == (b"one two", [(b"A", b"b")])
    for _ in range(5):
        begin(small, "site", asked(0))
    assert len(small.exchanges) == 2 + 3


def test_of_those_whose_connection_is_gone_the_oldest_goes_first(small):
    requests = [begin(small, "bosh", asked(10)) for _ in range(5)]
    assert [each.number for each in small.exchanges] == [1, 2, 3, 4, 5]  # they may be answered yet
    for each in requests:
        small.lost(each)
        small.lost(each)
    assert [(each.number, each.status, each.request.size) for each in small.exchanges] == [
        (3, 0, 10),
        (4, 0, 10),
        (5, 0, 10),
    ]
    answered(requests[4])
    small.lost(requests[4])
    assert [(each.number, each.status) for each in small.exchanges] == [(3, 0), (4, 0), (5, 200)]


@pytest.mark.parametrize("transport", ["site", "bosh"])
def test_of_two_answers_the_first_is_kept(small, transport):
    """As after a failure."""
    exchange = begin(small, transport, asked(10))
    answered(exchange, body=b"first")
    assert exchange.told is None
    assert [each.response.body for each in small.exchanges] == [b"first"]


def test_what_waits_for_its_answer_when_all_is_forgotten_is_shown_with_it(small):
    waiting = begin(small, "bosh", asked(10))
    small.clear()
    assert small.exchanges == []
    answered(waiting)
    assert [each.status for each in small.exchanges] == [200]


def test_an_answer_that_was_lost_takes_no_room(small):
    for _ in range(3):
        lost = begin(small, "site", asked(0))
        lost.told.begun(lost, 200, b"")
        lost.told.passed(lost, b"x" * 4_000)
        lost.told.unsay()
    assert [each.response for each in small.exchanges] == [None] * 3


def test_what_is_lost_after_all_was_forgotten_is_forgotten_too(small):
    lost = begin(small, "bosh", asked(10))
    small.clear()
    small.lost(lost)
    assert small.exchanges == []


def test_bosh_may_be_answered_in_parts_too(small):
    exchange = begin(small, "bosh", asked(10))
    exchange.told.begun(exchange, 200, b"")
    exchange.told.passed(exchange, b"one ")
    exchange.told.passed(exchange, b"two")
    (told,) = small.exchanges
    assert (told.status, told.response.body, told.request.size, told.transport) == (200, b"one two", 10, "bosh")


def test_an_answer_that_goes_on_after_all_was_forgotten_takes_no_room(small):
    held = begin(small, "site", asked(0))
    held.told.begun(held, 200, b"")
    small.clear()
    held.told.passed(held, b"x" * 6_000)
    begin(small, "bosh", asked(10))
    assert [each.request.size for each in small.exchanges] == [10]


def test_the_same_headers_over_tls_are_another_url(small):
    plain, encrypted = asked(0), asked(0, secure=True)
    plain.headers = encrypted.headers = [(b"host", b"localhost")]
    for each in (plain, encrypted):
        answered(begin(small, "bosh", each))
    assert [each.url[0] for each in small.exchanges] == [b"http://localhost", b"https://localhost"]


def test_whose_a_request_is_is_not_remembered_by_its_headers(small):
    """Somebody logs out of the site, and asks the same again."""
    known, unknown = asked(0), asked(0)
    known.headers = unknown.headers = [(b"host", b"localhost")]
    answered(begin(small, "site", known, "alice@localhost"))
    answered(begin(small, "site", unknown), 401)
    assert [each.jid for each in small.exchanges] == ["alice@localhost", ""]


def test_the_same_headers_of_others_are_still_theirs(small):
    one, other, again = asked(0), asked(0, "::1"), asked(0)
    one.headers = other.headers = again.headers = [(b"host", b"localhost")]
    for each in (one, other, again):
        answered(begin(small, "bosh", each))
    assert [each.address for each in small.exchanges] == ["", "::1", ""]


@pytest.mark.parametrize(
    ("data", "shown"),
    [
        (b'{"jid": "a", "password": "x\\"y", "sid": "s"}', b'{"jid": "a", "password": "...", "sid": "s"}'),
        (b"password=x&user=a", b"password=...&user=a"),
        (b"user=a&Token=x%20y", b"user=a&Token=..."),
        (b"<body><auth m='P'>xx</auth></body>", b"<body><auth m='P'>...</auth></body>"),
        (b"<r:password>xx</r:password>", b"<r:password>...</r:password>"),
        (b"<password>x<![CDATA[<x]]>x</password>", b"<password>...</password>"),
        (b"<token\n token = 'xx'/>", b"<token\n token = '...'/>"),
        (b"the password=x is in a text\n", b"the password=x is in a text\n"),
        (b"", b""),
    ],
)
def test_what_is_left_out_of_a_body(data, shown):
    assert redaction.body(data) == shown


@pytest.mark.parametrize(
    ("name", "value", "shown"),
    [
        (b"Authorization", b"Basic eDp5", b"Basic ..."),
        (b"set-cookie", b"sid=x; Path=/; HttpOnly", b"sid=...; Path=/; HttpOnly"),
        (b"cookie", b"sid=x; other=y", b"sid=...; other=..."),
        (b"host", b"localhost", b"localhost"),
    ],
)
def test_what_is_left_out_of_header_fields(name, value, shown):
    assert redaction.header(name, value) == shown
