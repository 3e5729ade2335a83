"""What was recorded as an HTTP archive (HAR 1.2), with WebSocket messages as Chrome writes them."""

from __future__ import annotations

from collections.abc import Iterable
from http import HTTPStatus
from urllib.parse import parse_qsl, urlsplit

import conversehost
from conversehost.testbed import redaction
from conversehost.testbed.carriers import shown_message
from conversehost.testbed.requests import Exchange, HttpMessage
from conversehost.testbed.wire import Frame
from conversehost.xmpp.times import stamp

_OPCODES = {"text": 1, "binary": 2, "close": 8, "ping": 9, "pong": 10}


def archive(exchanges: Iterable[Exchange], *, secrets: bool = False) -> dict[str, object]:
    """All of them, the oldest first; without passwords, tokens and cookies unless `secrets` are wanted."""
    creator = {"name": "conversehost", "version": conversehost.__version__}
    entries = [entry(each, secrets) for each in exchanges]
    return {"log": {"version": "1.2", "creator": creator, "pages": [], "entries": entries}}


def entry(exchange: Exchange, secrets: bool) -> dict[str, object]:
    """One request and its answer; with status 0 while there is none, as browsers do it."""
    milliseconds = round((exchange.duration or 0) * 1000, 3)
    made: dict[str, object] = {
        "startedDateTime": stamp(exchange.at),
        "time": milliseconds,
        "request": request(exchange, secrets),
        "response": response(exchange, secrets),
        "cache": {},
        "timings": {"send": 0, "wait": milliseconds, "receive": 0},
        "comment": exchange.owner,
    }
    if exchange.frames is not None:
        made["_resourceType"] = "websocket"
        made["_webSocketMessages"] = [message(each, secrets) for each in exchange.frames]
    return made


def request(exchange: Exchange, secrets: bool) -> dict[str, object]:
    """What was asked."""
    target = exchange.url[1] if secrets else redaction.target(exchange.url[1])
    url = (exchange.url[0] + target).decode("latin-1")
    shown = shown_message(exchange.request, secrets)
    made: dict[str, object] = {
        "method": exchange.method.decode("latin-1"),
        "url": url,
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(shown["headers"]),
        "queryString": named(parse_qsl(urlsplit(url).query, keep_blank_values=True)),
        "headersSize": -1,
        "bodySize": exchange.request.size,
    }
    if exchange.request.size:
        made["postData"] = {"mimeType": kind_of(exchange.request), "text": shown["body"]}
    return made


def response(exchange: Exchange, secrets: bool) -> dict[str, object]:
    """What was answered."""
    found = exchange.response or HttpMessage([], b"", 0)
    shown = shown_message(found, secrets)
    return {
        "status": exchange.status,
        "statusText": HTTPStatus(exchange.status).phrase if exchange.status else "",
        "httpVersion": "HTTP/1.1",
        "cookies": [],
        "headers": headers(shown["headers"]),
        "content": {"size": found.size, "mimeType": kind_of(found), "text": shown["body"]},
        "redirectURL": found.field(b"location").decode("latin-1"),
        "headersSize": -1,
        "bodySize": found.size if exchange.status else -1,
    }


def message(frame: Frame, secrets: bool) -> dict[str, object]:
    """One of a WebSocket; `send` is what the client sends."""
    data = frame.data if secrets else redaction.body(frame.data)
    return {
        "type": "send" if frame.direction == "in" else "receive",
        "time": frame.at,
        "opcode": _OPCODES.get(frame.kind, 1),
        "data": data.decode("utf-8", "replace"),
    }


def headers(pairs: object) -> list[dict[str, str]]:
    """As HAR has them."""
    return named([(name, value) for name, value in pairs])  # type: ignore[attr-defined]


def named(pairs: Iterable[tuple[str, str]]) -> list[dict[str, str]]:
    """Names and values."""
    return [{"name": name, "value": value} for name, value in pairs]


def kind_of(message: HttpMessage) -> str:
    """Its Content-Type."""
    return message.field(b"content-type").decode("latin-1")
