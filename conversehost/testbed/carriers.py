"""What carried the stanzas, as `/traffic` finds and shows it at the levels "http" and "frame"."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from conversehost.testbed import redaction
from conversehost.testbed.fields import Choice, Fields, Flag, Text, Whole
from conversehost.testbed.noun import ApiError, World
from conversehost.testbed.requests import Exchange, HttpMessage
from conversehost.testbed.shapes import Shape, choice, listed, nullable, number, text, time, whole
from conversehost.testbed.wire import Frame
from conversehost.xmpp.times import stamp

COMMON = ("account", "session", "text", "transport", "after")
OF_LEVEL = {
    "stanza": ("kind", "direction", "account", "session", "type", "from", "to", "text", "xpath", "after"),
    "frame": (*COMMON, "kind", "direction"),
    "http": (*COMMON, "method", "path", "status"),
}
"""What each can be filtered by."""
WIRE_FIELDS = (
    Choice("level", "stanza unless given; or what carried them", words=tuple(OF_LEVEL), example="http"),
    Choice("transport", "of frames and requests", words=("bosh", "websocket", "site")),
    Text("method", "of requests", example="POST"),
    Text("path", "of requests, without the query", example="/prebind"),
    Whole("status", "of their answers", example=200),
    Flag("secrets", "leave in passwords, tokens and cookies"),
)
FRAME = Shape(
    "FrameRecord",
    "A frame of a WebSocket, or a body of BOSH.",
    {
        "level": choice("what it is", "frame"),
        "number": whole("of all records since the start"),
        "at": time("when"),
        "direction": choice("in: to the server; out: to the client", "in", "out"),
        "transport": text("bosh or websocket"),
        "session": nullable(text("the client's full JID, where it is known")),
        "kind": text("text, ping, pong, close; of BOSH, body"),
        "data": text("what was in it"),
    },
)
MESSAGE = Shape(
    "HttpMessage",
    "A request, or an answer.",
    {
        "headers": listed({"type": "array", "items": {"type": "string"}}, "name and value of each field"),
        "body": text("not compressed; of a page or a file, the first 64 KB"),
        "size": whole("bytes of the whole body"),
    },
)
EXCHANGE = Shape(
    "HttpRecord",
    "A request, and its answer once there is one.",
    {
        "level": choice("what it is", "http"),
        "number": whole("of all records since the start"),
        "at": time("when it came"),
        "transport": text("bosh, websocket or site"),
        "session": nullable(text("whose it is, where that is known: a JID")),
        "address": text("the client's"),
        "method": text("such as POST"),
        "url": text("that was asked for"),
        "status": nullable(whole("of the answer")),
        "duration": nullable(number("seconds until the answer")),
        "request": MESSAGE,
        "response": nullable(MESSAGE),
    },
)
Test = Callable[[Exchange | Frame], bool]


def read_level(query: Fields) -> str:
    """Raises ApiError(400), also for a filter that the level hasn't."""
    level = query.text("level") or "stanza"
    known = OF_LEVEL[level]
    for name in {name for fields in OF_LEVEL.values() for name in fields if name not in known}:
        if query.has(name):
            there = ", ".join(known)
            raise ApiError(HTTPStatus.BAD_REQUEST, f"at the level {level} there is no {name}; there are {there}")
    return level


def on_wire(world: World, level: str, query: Fields) -> list[Exchange | Frame]:
    """All that match, the oldest first. Raises ApiError(400)."""
    tests = [*owner_tests(world, query), *(http_tests(query) if level == "http" else frame_tests(query))]
    after = query.whole("after") or 0
    found: list[Exchange | Frame] = list(world.wire.exchanges if level == "http" else world.wire.frames())
    found.sort(key=lambda each: each.number)
    return [
        each for each in found if each.number > after and is_seen(world, each) and all(test(each) for test in tests)
    ]


def is_seen(world: World, each: Exchange | Frame) -> bool:
    """Whether it is known there: what others have carried isn't, nor what was forgotten."""
    domain = each.owner.partition("/")[0].rpartition("@")[2]
    own = domain in world.hosts or (not world.tenant and (not domain or world.is_elsewhere(domain)))
    return own and each.latest > world.traffic.cleared


def owner_tests(world: World, query: Fields) -> list[Test]:
    """By whose it is, and over what."""
    tests: list[Test] = []
    account, session, transport = (query.text(name) for name in ("account", "session", "transport"))
    if account is not None:
        bare = world.client(account, "account").bare
        tests.append(lambda each: each.owner.partition("/")[0] == bare)
    if session is not None:
        tests.append(lambda each: each.owner == session)
    if transport is not None:
        tests.append(lambda each: each.transport == transport)
    return tests


def http_tests(query: Fields) -> list[Test]:
    """By what is asked, and how it is answered."""
    method, path, status, said = query.text("method"), query.text("path"), query.whole("status"), query.text("text")
    return [
        lambda each: (
            isinstance(each, Exchange)
            and method in (None, each.method.decode("latin-1"))
            and path in (None, each.url[1].partition(b"?")[0].decode("latin-1"))
            and status in (None, each.status)
            and (said is None or said.encode() in each.request.text or said.encode() in answer_text(each))
        )
    ]


def frame_tests(query: Fields) -> list[Test]:
    """By what they are."""
    kind, direction, said = query.text("kind"), query.text("direction"), query.text("text")
    return [
        lambda each: (
            isinstance(each, Frame)
            and kind in (None, each.kind)
            and direction in (None, each.direction)
            and (said is None or said.encode() in each.data)
        )
    ]


def answer_text(exchange: Exchange) -> bytes:
    """The body of the answer, b"" where there is none."""
    return b"" if exchange.response is None else exchange.response.text


def shown(each: Exchange | Frame, *, secrets: bool = False) -> dict[str, object]:
    """As JSON; without passwords, tokens and cookies unless `secrets` are wanted."""
    return shown_exchange(each, secrets) if isinstance(each, Exchange) else shown_frame(each, secrets)


def shown_frame(frame: Frame, secrets: bool) -> dict[str, object]:
    """`kind`: text, ping, pong, close; of BOSH, body."""
    return {
        "level": "frame",
        "number": frame.number,
        "at": stamp(frame.at),
        "direction": frame.direction,
        "transport": frame.transport,
        "session": frame.owner or None,
        "kind": frame.kind,
        "data": (frame.data if secrets else redaction.body(frame.data)).decode("utf-8", "replace"),
    }


def shown_exchange(exchange: Exchange, secrets: bool) -> dict[str, object]:
    """`status` and `response` are null while it isn't answered; `duration` is in seconds."""
    target = exchange.url[1] if secrets else redaction.target(exchange.url[1])
    response = exchange.response
    return {
        "level": "http",
        "number": exchange.number,
        "at": stamp(exchange.at),
        "transport": exchange.transport,
        "session": exchange.owner or None,
        "address": exchange.address,
        "method": exchange.method.decode("latin-1"),
        "url": (exchange.url[0] + target).decode("latin-1"),
        "status": exchange.status or None,
        "duration": None if exchange.duration is None else round(exchange.duration, 6),
        "request": shown_message(exchange.request, secrets),
        "response": None if response is None else shown_message(response, secrets),
    }


def shown_message(message: HttpMessage, secrets: bool) -> dict[str, object]:
    """`size`: bytes of the body, of which not all may be kept."""
    headers = message.headers if secrets else [(name, redaction.header(name, value)) for name, value in message.headers]
    body = message.text if secrets else redaction.body(message.text)
    return {
        "headers": [[name.decode("latin-1"), value.decode("latin-1")] for name, value in headers],
        "body": body.decode("utf-8", "replace"),
        "size": message.size,
    }
