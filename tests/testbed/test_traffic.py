"""`/traffic`: what was said, and waiting for it."""

from __future__ import annotations

import pytest

from conversehost.net.prebind import Prebound
from conversehost.testbed import traffic as traffic_module
from conversehost.testbed.traffic import Filter, FilterError, Traffic, matching, near_misses
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.xml import parse
from tests.testbed.conftest import Waiter

WAIT = "POST", "/traffic/wait"
HI = f"<message xmlns='{ns.CLIENT}' to='bob@localhost' type='chat' id='m1'><body>hi</body></message>"
AVAILABLE = f"<presence xmlns='{ns.CLIENT}'/>"


@pytest.fixture
def alice(house) -> Prebound:
    bound = house.prebound("alice")
    house.poll(bound, 0, AVAILABLE)
    return bound


def said(api, query: str = "") -> list[dict]:
    return api("GET", f"/traffic{query}").json["records"]


def test_what_comes_and_goes(house, api, alice):
    bob = house.prebound("bob")
    house.poll(bob, 0, AVAILABLE)
    house.poll(alice, 1, HI)
    one, two = said(api, "?kind=message")
    assert (one["direction"], one["session"], one["transport"], one["kind"]) == ("in", alice.jid, "bosh", "message")
    assert "<body>hi</body>" in one["xml"]
    assert (two["direction"], two["session"]) == ("out", bob.jid)
    assert two["number"] > one["number"]


def test_it_is_kept_as_it_was_said(house, api, alice):
    house.poll(alice, 1, HI)
    assert said(api, "?kind=message&direction=in")[0]["xml"] == HI


@pytest.mark.parametrize(
    ("start", "text", "kept"),
    [
        (f"<message xmlns='{ns.CLIENT}'", "you &amp; me", True),
        (f"<message  id='1'\nxmlns = '{ns.CLIENT}'", "hi", True),
        (f"<message id='&amp;' xmlns='{ns.CLIENT}'", "hi", False),
        ("<message xmlns='jabber:&#99;lient'", "hi", False),
        (f"<c:message xmlns:c='{ns.CLIENT}'", "hi", False),
    ],
)
def test_in_whatever_form_it_was_said_it_can_be_found(house, api, alice, start, text, kept):
    end = "</c:message>" if start.startswith("<c:") else "</message>"
    body = "c:body" if start.startswith("<c:") else "body"
    xml = f"{start} to='bob@localhost'><{body}>{text}</{body}>{end}"
    house.poll(alice, 1, xml)
    (found,) = said(api, f"?direction=in&kind=message&to=bob&xpath=message[contains(body,'{text[-1]}')]")
    assert (found["xml"] == xml) is kept


@pytest.mark.parametrize("decoy", [f" xmlns='{ns.CLIENT}'", f" xmlns='{ns.CLIENT}'>", f"> xmlns='{ns.CLIENT}'"])
def test_what_looks_like_a_namespace_hides_nothing(house, api, alice, decoy):
    house.poll(alice, 1, f'<message id="{decoy}" xmlns="{ns.CLIENT}" to="bob@localhost"><body>hi</body></message>')
    (found,) = said(api, "?direction=in&xpath=message[body='hi']")
    assert parse(found["xml"].encode()).get("id") == decoy


@pytest.mark.parametrize(
    ("query", "count"),
    [
        ("kind=message", 1),
        ("kind=iq", 0),
        ("kind=message&direction=out", 0),
        ("account=alice&kind=message", 1),
        ("account=bob", 0),
        ("to=bob", 1),
        ("to=bob@localhost", 1),
        ("to=bob@localhost/x", 0),
        ("type=chat", 1),
        ("text=%3Cbody%3Ehi", 1),
        ("text=%3Cbody%3Eho", 0),
        ("xpath=message[body='hi']", 1),
        ("xpath=//body[.='hi']", 1),
        ("xpath=message[body='ho']", 0),
        ("xpath=message/@id='m1'", 1),
        ("xpath=message/chat-states:active", 0),
    ],
)
def test_looking_for_something(house, api, alice, query, count):
    house.poll(alice, 1, HI)
    assert len(said(api, "?" + query.replace(" ", "%20"))) == count


def test_only_what_came_later_and_no_more_than_wanted(house, api, alice):
    before = api("GET", "/traffic?limit=0").json
    assert before["records"] == []
    for number in range(1, 4):
        house.poll(alice, number, HI)
    assert len(said(api, f"?after={before['last']}&direction=in")) == 3
    assert [each["number"] for each in said(api, "?direction=in&limit=1")] == [said(api, "?direction=in")[-1]["number"]]


@pytest.mark.parametrize(("query", "count"), [("", 600), ("&limit=599", 599), ("&limit=601", 600), ("&limit=0", 0)])
def test_all_are_told_where_there_are_fewer_than_wanted(house, api, query, count):
    traffic = house.server.traffic
    stream = traffic.stream("tcp", "127.0.0.1")
    for _ in range(600):
        traffic.add("in", stream, HI.encode())
    assert len(said(api, f"?kind=message{query}")) == count


def test_more_than_usual_are_told_where_they_are_wanted(house, api):
    traffic = house.server.traffic
    stream = traffic.stream("tcp", "127.0.0.1")
    for _ in range(1100):
        traffic.add("in", stream, HI.encode())
    assert len(said(api)) == 1000
    assert len(said(api, "?limit=2000")) == 1100


def test_passwords_and_tokens_are_not_told(house, api):
    traffic = house.server.traffic
    stream = traffic.stream("tcp", "127.0.0.1")
    secrets = (
        f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>c2VjcmV0</auth>",
        f"<response xmlns='{ns.SASL2}'>c2VjcmV0</response>",
        f"<authenticate xmlns='{ns.SASL2}'><initial-response>c2VjcmV0</initial-response></authenticate>",
        f"<success xmlns='{ns.SASL2}'><token xmlns='{ns.FAST}' expiry='x' token='c2VjcmV0'/></success>",
        f"<iq xmlns='{ns.CLIENT}'><query xmlns='{ns.REGISTER}'><password>c2VjcmV0</password></query></iq>",
    )
    for each in secrets:
        traffic.add("in", stream, each.encode())
    for record in said(api):
        assert "c2VjcmV0" not in record["xml"]
        assert "..." in record["xml"]


def test_a_reset_forgets_and_so_does_delete(house, api, alice):
    assert said(api)
    api("POST", "/reset")
    assert said(api) == []
    house.poll(house.prebound("alice"), 0, HI)
    assert api("DELETE", "/traffic").status == 204
    assert said(api) == []


def test_the_oldest_goes_first(monkeypatch):
    monkeypatch.setattr(traffic_module, "RECORDS", 3)
    traffic = Traffic(lambda: 0.0)
    stream = traffic.stream("tcp", "")
    for number in range(5):
        traffic.add("in", stream, f"<a n='{number}'/>".encode())
    assert [each.number for each in traffic.since()] == [3, 4, 5]
    assert (traffic.forgotten, traffic.last) == (2, 5)
    monkeypatch.setattr(traffic_module, "BYTES", 5_000)
    traffic = Traffic(lambda: 0.0)
    for _ in range(5):
        traffic.add("in", stream, b"<a>%b</a>" % (b"x" * 2_000))
    assert [each.number for each in traffic.since()] == [4, 5]


def test_what_is_said_in_one_turn_is_said_at_once():
    times, turn = iter((5.0, 6.0)), Turn()
    traffic = Traffic(lambda: next(times), turn)
    stream = traffic.stream("tcp", "")
    traffic.add("in", stream, b"<a/>")
    turn.when = 7.0
    traffic.add("in", stream, b"<a/>")
    traffic.another().add("in", stream, b"<a/>")
    turn.when = 0.0
    traffic.add("in", stream, b"<a/>")
    assert [each.at for each in traffic.since()] == [5, 7, 6]


def test_whose_it_was_at_the_time():
    traffic = Traffic(lambda: 0.0)
    stream = traffic.stream("tcp", "")
    traffic.add("in", stream, b"<auth/>")
    traffic.name(stream, "alice@localhost/a")
    traffic.add("out", stream, b"<success/>")
    assert [(each.jid, each.direction) for each in traffic.since()] == [("", "in"), ("alice@localhost/a", "out")]


# Waiting


def test_it_has_come_already(house, api, alice):
    house.poll(alice, 1, HI)
    answer = api("POST", "/traffic/wait", {"xpath": "message[body='hi']", "account": "alice"})
    assert (answer.status, answer.json["direction"]) == (200, "in")


def test_it_comes(house, alice):
    waiter = Waiter(house, *WAIT, {"xpath": "message[body='hi']", "direction": "in"})
    house.poll(alice, 1, HI.replace("hi", "ho"))
    assert waiter.answer is None
    house.poll(alice, 2, HI)
    assert waiter.answer is not None
    status, record = waiter.answer
    assert (status, record["kind"]) == (200, "message")
    assert house.server.traffic.listeners == []


def test_it_does_not_come_and_one_is_told_what_came_nearest(house, alice):
    waiter = Waiter(house, *WAIT, {"xpath": "message[body='hi']", "direction": "in", "timeout": 3})
    house.poll(alice, 1, HI.replace("hi", "ho"))
    house.server.reactor.advance(3)
    assert waiter.answer is not None
    status, told = waiter.answer
    assert (status, told["error"]["code"]) == (408, "request-timeout")
    message = told["error"]["message"]
    assert message.startswith("nothing matched within 3 seconds; ")
    assert "<body>ho</body>" in message
    assert "(xpath differs)" in message
    assert house.server.traffic.listeners == []


def test_who_goes_does_not_wait(house):
    from twisted.python.failure import Failure

    waiter = Waiter(house, *WAIT, {"kind": "message"})
    assert len(house.server.traffic.listeners) == 1
    waiter.connection.connectionLost(Failure(ConnectionResetError()))
    assert house.server.traffic.listeners == []


def test_the_clock_that_is_turned_by_hand_ends_no_wait(house, api):
    waiter = Waiter(house, *WAIT, {"kind": "message", "timeout": 3})
    api("POST", "/clock", {"advance": 60})
    assert waiter.answer is None


def test_what_came_nearest():
    traffic = Traffic(lambda: 0.0)
    stream = traffic.stream("tcp", "")
    for text in ("<message type='chat'><body>x</body></message>", "<iq type='get'/>", "<message type='normal'/>"):
        traffic.add("in", stream, text.encode())
    wanted = Filter(kind="message", type="chat", text="zz")
    assert list(matching(wanted, traffic.since())) == []
    misses = near_misses(wanted, traffic.since())
    assert [(record.number, failed) for record, failed in misses] == [(1, ["text"]), (3, ["text", "type"])]


def test_the_element_that_an_xpath_begins_with_is_near():
    traffic = Traffic(lambda: 0.0)
    stream = traffic.stream("tcp", "")
    for text in ("<message><body>ho</body></message>", "<iq type='get'/>"):
        traffic.add("in", stream, text.encode())
    assert [record.number for record, _ in near_misses(Filter(xpath="message[body='hi']"), traffic.since())] == [1]
    assert near_misses(Filter(xpath="//hi"), traffic.since()) == []


@pytest.mark.parametrize("expression", ["message[", "x:y", "nosuch()", "'"])
def test_an_xpath_that_is_none(api, expression):
    with pytest.raises(FilterError, match="xpath"):
        Filter(xpath=expression).tests()
    assert api("POST", "/traffic/wait", {"xpath": expression}).status == 400


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"timeout": -1}, "timeout must be from 0 to 600"),
        ({"timeout": "5"}, "timeout must be a number, not text"),
        ({"direction": "up"}, "direction must be one of in, out"),
        ({"after": -1}, "after must be a whole number"),
        ({"account": "a b"}, "account: 'a b' is not an address"),
    ],
)
def test_mistakes(api, fields, message):
    answer = api("POST", "/traffic/wait", fields)
    assert answer.status == 400
    assert answer.error[2].startswith(message)


def test_nothing_comes_at_all_and_one_is_told_so(house):
    waiter = Waiter(house, *WAIT, {"xpath": "message[body='hi']", "timeout": 1})
    house.server.reactor.advance(1)
    assert waiter.answer is not None
    status, told = waiter.answer
    assert (status, told["error"]["message"]) == (408, "nothing matched within 1 second; nothing came at all")
