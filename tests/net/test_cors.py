"""CORS: which pages may use BOSH by script, and exactly what their browsers are told."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from twisted.logger import globalLogPublisher

from conversehost.net.cors import TOLD
from tests.bosh.stage import HTTPBIND, message
from tests.net.front import Answer, Front

SHOP, BLOG, EVIL = "https://shop.example", "http://blog.example:8000", "https://evil.example"
ALLOW = "access-control-allow-"


@pytest.fixture
def fronts(failures: list[str]) -> Iterator[Callable[..., Front]]:
    """Makes fronts for the origins given."""
    yield lambda *origins: Front(origins=origins)
    assert failures == []


@pytest.fixture
def warnings() -> Iterator[list[str]]:
    """What the log warned of."""
    seen: list[str] = []

    def observe(event: dict) -> None:
        if event["log_level"].name == "warn":
            seen.append(event["log_format"].format(**event))

    globalLogPublisher.addObserver(observe)
    yield seen
    globalLogPublisher.removeObserver(observe)


def create(front: Front, **fields: str) -> Answer:
    """Ask for a session; an answer at once."""
    wire = front.wire()
    before = len(front.servers)
    wire.post(f"<body {HTTPBIND} rid='1' to='localhost' wait='60' hold='1' ver='1.6'/>", **fields)
    if len(front.servers) > before:
        front.server.says("features")
    (answer,) = wire.answers
    return answer


def preflight(front: Front, **fields: str) -> Answer:
    wire = front.wire()
    wire.get("/http-bind", "OPTIONS", **{"Access_Control_Request_Method": "POST", **fields})
    (answer,) = wire.answers
    return answer


def told(answer: Answer) -> dict[str, str]:
    """The fields about origins; none is there twice."""
    names = [name.lower() for name in answer.fields if name.lower().startswith(ALLOW)]
    assert len(names) == len(set(names)), names
    return {name.removeprefix(ALLOW): answer.fields[name] for name in names}


# Any page, which is the default


@pytest.mark.parametrize("origin", [EVIL, "http://localhost:3000", "null", "capacitor://localhost"])
def test_by_default_any_page_may_and_none_with_cookies(front, origin):
    answer = create(front, Origin=origin)
    assert answer.code == 200
    assert told(answer) == {"origin": "*"}
    assert "vary" not in answer.fields


def test_a_client_that_is_no_page_gets_the_same(front):
    assert told(create(front)) == {"origin": "*"}


def test_the_preflight_allows_what_is_asked_for(front):
    answer = preflight(front, Origin=EVIL, Access_Control_Request_Headers="authorization, content-type,x-trace")
    assert (answer.code, answer.body) == (204, b"")
    assert told(answer) == {
        "origin": "*",
        "methods": "POST, OPTIONS",
        "headers": "authorization, content-type, x-trace",
    }
    assert answer.fields["access-control-max-age"] == "86400"


def test_the_preflight_without_fields_asked_for_allows_the_usual_one(front):
    assert told(preflight(front, Origin=EVIL))["headers"] == "Content-Type"


@pytest.mark.parametrize("name", ["X-Forwarded-For", "x-forwarded-host", "Forwarded", "X-Real-IP", "Via"])
def test_a_page_may_not_play_a_proxy(front, name):
    assert told(preflight(front, Origin=EVIL, Access_Control_Request_Headers=f"content-type, {name}"))["headers"] == (
        "content-type"
    )


@pytest.mark.parametrize("asked", ["a b", 'x"', "x:y", "\u00e9", "<script>", "x;y"])
def test_what_is_no_field_name_is_not_repeated(front, asked):
    assert told(preflight(front, Origin=EVIL, Access_Control_Request_Headers=f"good, {asked}"))["headers"] == "good"


def test_an_endless_list_of_names_is_cut(front):
    names = ",".join(f"x{number}" for number in range(1000))
    assert len(told(preflight(front, Origin=EVIL, Access_Control_Request_Headers=names))["headers"].split(",")) == 32


def test_a_page_from_the_internet_may_reach_a_private_network(front):
    answer = preflight(front, Origin=EVIL, Access_Control_Request_Private_Network="true")
    assert told(answer)["private-network"] == "true"
    assert "private-network" not in told(preflight(front, Origin=EVIL))


def test_pages_can_read_why_and_when(front):
    exposed = create(front, Origin=EVIL).fields["access-control-expose-headers"]
    assert exposed.split(", ") == ["Date", "Retry-After", "X-BOSH-Reason"]


# Named origins


@pytest.mark.parametrize("origin", [SHOP, BLOG])
def test_a_named_origin_is_told_so_and_may_send_cookies(fronts, origin):
    answer = create(fronts(SHOP, BLOG), Origin=origin)
    assert answer.code == 200
    assert told(answer) == {"origin": origin, "credentials": "true"}
    assert answer.fields["vary"] == "Origin"


def test_its_preflight_as_well(fronts):
    answer = preflight(fronts(SHOP), Origin=SHOP, Access_Control_Request_Headers="content-type")
    assert answer.code == 204
    assert told(answer) == {
        "origin": SHOP,
        "credentials": "true",
        "methods": "POST, OPTIONS",
        "headers": "content-type",
    }
    assert answer.fields["vary"] == "Origin"


@pytest.mark.parametrize(
    "origin",
    [
        EVIL,
        "null",
        "https://shop.example.evil.example",
        "http://shop.example",
        "https://shop.example:444",
        f"{SHOP}, x",
    ],
)
def test_another_origin_is_refused_before_anything_happens(fronts, origin):
    front = fronts(SHOP)
    answer = create(front, Origin=origin)
    assert answer.code == 403
    assert f"--allow-origin {origin}".encode() in answer.body
    assert told(answer) == {}
    assert answer.fields["vary"] == "Origin"
    assert front.servers == []


def test_and_reaches_no_session(fronts):
    front = fronts(SHOP)
    chat = front.session()
    wire = front.wire()
    wire.post(chat.body(message("a")), Origin=EVIL)
    assert wire.codes == [403]
    assert chat.server.heard == []
    wire.post(chat.body(message("b"), rid=1001), Origin=SHOP)
    assert chat.server.heard == ["b"]


def test_its_preflight_is_refused(fronts):
    answer = preflight(fronts(SHOP), Origin=EVIL)
    assert answer.code == 403
    assert told(answer) == {}


def test_two_origins_in_one_request_are_refused(fronts):
    front = fronts(SHOP)
    wire = front.wire()
    wire.send(
        f"POST /http-bind HTTP/1.1\r\nHost: a\r\nOrigin: {SHOP}\r\nOrigin: {EVIL}\r\nContent-Length: 0\r\n\r\n".encode()
    )
    assert wire.codes == [403]


def test_a_file_opened_from_disk_may_when_null_is_named_but_not_with_cookies(fronts):
    answer = create(fronts("null"), Origin="null")
    assert answer.code == 200
    assert told(answer) == {"origin": "null"}


def test_a_page_of_this_server_itself_always_may(fronts):
    front = fronts(SHOP)
    assert create(front, Origin="http://localhost:5280", Host="localhost:5280").code == 200
    assert create(front, Origin="http://localhost:5280", Host="localhost:5281").code == 403


def test_a_client_that_is_no_page_always_may(fronts):
    answer = create(fronts(SHOP))
    assert answer.code == 200
    assert answer.fields["vary"] == "Origin"  # a cache must not give this to a page
    assert told(answer) == {}


def test_any_origin_and_a_named_one(fronts):
    front = fronts("*", SHOP)
    assert told(create(front, Origin=SHOP)) == {"origin": SHOP, "credentials": "true"}
    other = create(front, Origin=EVIL)
    assert told(other) == {"origin": "*"}
    assert other.fields["vary"] == "Origin"


def test_nobody_else_at_all(fronts):
    front = fronts()
    assert create(front, Origin=SHOP).code == 403
    assert create(front, Origin="http://localhost:5280", Host="localhost:5280").code == 200


# Errors say it too, once


@pytest.mark.parametrize(("origins", "expected"), [(("*",), "*"), ((SHOP,), SHOP), (("*", BLOG), "*")])
def test_errors_can_be_read_by_who_may(fronts, origins, expected):
    front = fronts(*origins)
    wire = front.wire()
    wire.get("/http-bind", "PUT", Origin=SHOP)
    wire.post("x" * (front.bosh.body_limit + 1), Origin=SHOP)
    not_allowed, too_large = wire.answers
    assert (not_allowed.code, too_large.code) == (405, 413)
    assert told(not_allowed)["origin"] == told(too_large)["origin"] == expected


def test_errors_are_not_for_others(fronts):
    front = fronts(SHOP)
    wire = front.wire()
    wire.post("x" * (front.bosh.body_limit + 1), Origin=EVIL)
    (too_large,) = wire.answers
    assert too_large.code == 413
    assert told(too_large) == {}


# The log


def test_the_operator_hears_of_each_refused_origin_once(fronts, warnings):
    front = fronts(SHOP)
    for _ in range(3):
        create(front, Origin=EVIL)
    assert warnings == [f"a page of {EVIL} was refused; --allow-origin {EVIL} would let it in"]


def test_ever_new_names_do_not_fill_the_log(fronts, warnings):
    front = fronts(SHOP)
    for number in range(TOLD + 10):
        create(front, Origin=f"https://{number}.example")
    assert len(warnings) == TOLD
