"""JSON over HTTP: what all resources of the control API have in common."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.net.clock import ReactorClock
from conversehost.server.host import Host
from conversehost.testbed.cast import Cast
from conversehost.testbed.expectations import Expectations
from conversehost.testbed.faults import Faults
from conversehost.testbed.mishaps import Mishaps
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.traffic import Traffic
from conversehost.turn import Turn
from conversehost.web.resource import answer_json
from conversehost.xmpp.jid import JID, JIDError, parse_account

if TYPE_CHECKING:
    from conversehost.testbed.state import State

API = "/_conversehost/api/v1"

UNFIT = re.compile("[\x00-\x1f\x7f-\x9f\ud800-\udfff\ufffe\uffff]")
"""Control characters, lone surrogates, non-characters: neither XML nor a login can carry them."""

log = Logger()


class ApiError(Exception):
    """Refuses a call; becomes `{"error": {"code": ..., "message": ...}}`, the code being the status' name."""

    def __init__(self, status: HTTPStatus, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message

    def to_json(self) -> Mapping[str, object]:
        """The body of the answer."""
        code = self.status.phrase.lower().replace(" ", "-")
        return {"error": {"code": code, "message": self.message}}


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call is answered. Without `data` the answer has no body (204)."""

    data: Mapping[str, object] | None = None
    status: HTTPStatus = HTTPStatus.OK
    location: str = ""


class Fields:
    """The fields of a JSON object or of a query: their names are known, their values still to be read.

    Each reader raises ApiError(400), which names the field.
    """

    def __init__(self, values: Mapping[str, object], known: Sequence[str]) -> None:
        for name in values:
            if name not in known:
                there = f"there are {', '.join(known)}" if known else "there are none here"
                raise ApiError(HTTPStatus.BAD_REQUEST, f"unknown field {name!r}; {there}")
        self._values = values

    def has(self, name: str) -> bool:
        """It was given."""
        return name in self._values

    def text(self, name: str) -> str | None:
        """Not empty and without control characters; None when it is missing."""
        value = self._values.get(name)
        return None if value is None else _text(name, value)

    def texts(self, name: str) -> list[str]:
        """A list of such texts; empty when it is missing."""
        values = self._values.get(name)
        if values is None:
            return []
        if not isinstance(values, list):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be a list, not {_kind(values)}")
        return [_text(name, value) for value in values]

    def number(self, name: str) -> float | None:
        """A JSON number; None when it is missing."""
        value = self._values.get(name)
        if value is None:
            return None
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be a number, not {_kind(value)}")
        return value

    def whole(self, name: str) -> int | None:
        """A whole number that isn't negative, in a query as text; None when it is missing."""
        value = self._values.get(name)
        if isinstance(value, str) and value.isascii() and value.isdecimal() and len(value) < 16:
            value = int(value)
        if value is not None and (not isinstance(value, int) or isinstance(value, bool) or value < 0):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be a whole number")
        return value

    def value(self, name: str) -> object:
        """Whatever it is; None when it is missing."""
        return self._values.get(name)

    def boolean(self, name: str) -> bool | None:
        """true or false; None when it is missing."""
        value = self._values.get(name)
        if value is not None and not isinstance(value, bool):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be true or false, not {_kind(value)}")
        return value

    def flag(self, name: str) -> bool:
        """1 or true, 0 or false; false when it is missing."""
        value = self._values.get(name, "0")
        if value not in ("1", "true", "0", "false"):
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be 1 or 0")
        return value in ("1", "true")


def _text(name: str, value: object) -> str:
    if not isinstance(value, str):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must be text, not {_kind(value)}")
    if not value:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} must not be empty")
    if UNFIT.search(value):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} has a character that neither XML nor a login can carry")
    return value


def _kind(value: object) -> str:
    """As JSON calls it."""
    names = {dict: "an object", list: "a list", str: "text", bool: "true or false", type(None): "null"}
    return names.get(type(value), "a number")


@dataclass(frozen=True, slots=True)
class Verb:
    """What a method does, and which fields it takes in the query and in the body."""

    call: Callable[[Fields, Fields], Reply | Deferred[Reply]]
    query: Sequence[str] = ()
    body: Sequence[str] = ()


@dataclass(frozen=True, slots=True)
class World:
    """What the control API sees of the server, and moves."""

    hosts: Mapping[str, Host]
    cast: Cast
    turn: Turn
    clock: ReactorClock
    wall: ReactorClock
    traffic: Traffic
    faults: Faults
    stubs: Stubs
    expectations: Expectations
    mishaps: Mishaps
    state: State
    reset: Callable[[], None]
    about: Callable[[], Mapping[str, object]]
    """The facts of the ready line."""

    def account(self, text: str, field: str) -> JID:
        """The address of an account; a name alone is one of the first domain.

        Raises ApiError(400), which names the field.
        """
        try:
            jid = parse_account(text, next(iter(self.hosts)))
        except JIDError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not an address ({error})") from None
        if jid.domain not in self.hosts:
            served = ", ".join(self.hosts)
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not the address of an account of {served}")
        return jid

    def existing(self, text: str, field: str) -> JID:
        """The same, of an account that is there. Raises ApiError(400), ApiError(404)."""
        jid = self.account(text, field)
        if not self.hosts[jid.domain].accounts.exists(jid):
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no account {jid}")
        return jid

    def is_bot(self, account: JID) -> bool:
        """Whether the test bed plays it."""
        return any(bot.jid == account for bot in self.cast.bots)


class Noun(Resource):
    """One resource; `verbs` says what can be done with it."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world

    def verbs(self) -> Mapping[str, Verb]:
        """By method. HEAD comes with GET."""
        return {}

    def getChild(self, path: bytes, request: Request) -> IResource:
        """A final slash makes no difference; the name of an item is text."""
        if not path:
            return self
        try:
            return self.item(path.decode()) or Refusal(_missing(request))
        except UnicodeDecodeError:
            return Refusal(_missing(request))

    def item(self, name: str) -> Noun | None:
        """What this consists of, where it consists of something."""
        return None

    def render(self, request: Request) -> bytes | int:
        """Whatever goes wrong is told as JSON."""
        try:
            reply = self._call(request)
            self.world.turn.end()  # so that what the caller is told has happened, has
        except Exception as error:
            return fail(request, error)
        if isinstance(reply, Deferred):
            answer_later(request, reply)
            return NOT_DONE_YET
        return answer(request, reply)

    def _call(self, request: Request) -> Reply | Deferred[Reply]:
        verbs = self.verbs()
        method = request.method.decode("ascii", "replace")
        verb = verbs.get("GET" if method == "HEAD" else method)
        if verb is None:
            allowed = ", ".join([*verbs, *(["HEAD"] if "GET" in verbs else [])])
            request.setHeader(b"allow", allowed.encode())
            raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} makes no sense here; allowed: {allowed}")
        body = read_body(request)
        return verb.call(Fields(read_query(request), verb.query), Fields(body, verb.body))


class Refusal(Resource):
    """Says no to everything."""

    isLeaf = True

    def __init__(self, error: ApiError) -> None:
        super().__init__()
        self._error = error

    def render(self, request: Request) -> bytes | int:
        """Whatever the method."""
        return refuse(request, self._error)


def _missing(request: Request) -> ApiError:
    path = (request.path or b"").decode("ascii", "replace")
    return ApiError(HTTPStatus.NOT_FOUND, f"there is nothing at {path} (a / within a name is written %2F)")


def read_query(request: Request) -> dict[str, object]:
    """The query's fields. Raises ApiError(400)."""
    text = request.uri.partition(b"?")[2].decode("ascii", "replace")
    values: dict[str, object] = {}
    for name, value in parse_qsl(text, keep_blank_values=True):
        if name in values:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{name} stands in the query twice")
        values[name] = value
    return values


def read_body(request: Request) -> dict[str, object]:
    """The JSON object in the body; empty without a body. Raises ApiError(400), ApiError(415)."""
    data: bytes = request.content.read()  # type: ignore[attr-defined]
    if not data:
        return {}
    kind = (request.getHeader(b"content-type") or b"").partition(b";")[0].strip().lower()
    if kind != b"application/json":
        raise ApiError(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "a body needs Content-Type: application/json")
    try:
        value = json.loads(data.decode())
    except (ValueError, RecursionError) as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"the body is not JSON: {error}") from None
    if not isinstance(value, dict):
        raise ApiError(HTTPStatus.BAD_REQUEST, f"the body must be a JSON object, not {_kind(value)}")
    return value


def answer(request: Request, reply: Reply) -> bytes | int:
    """Write the reply."""
    if reply.location:
        request.setHeader(b"location", reply.location.encode())
    if reply.data is not None:
        return _write(request, reply.status, reply.data)
    request.setResponseCode(HTTPStatus.NO_CONTENT)
    request.setHeader(b"cache-control", b"no-store")
    request.finish()  # no body, and no Content-Length either (RFC 9110 section 8.6)
    return NOT_DONE_YET


def answer_later(request: Request, reply: Deferred[Reply]) -> None:
    """Once it is there, unless the caller has gone."""

    def done(outcome: Reply | Failure) -> None:
        if gone:
            return
        written = fail(request, outcome.value) if isinstance(outcome, Failure) else answer(request, outcome)
        if isinstance(written, bytes):
            request.setHeader(b"content-length", str(len(written)).encode())
            request.write(written)
            request.finish()

    def leave(_: Failure) -> None:
        gone.append(True)
        reply.cancel()

    gone: list[bool] = []
    request.notifyFinish().addErrback(leave)
    reply.addBoth(done)


def fail(request: Request, error: BaseException) -> bytes | int:
    """An `ApiError` is told; anything else is ours, and logged."""
    if isinstance(error, ApiError):
        return refuse(request, error)
    log.failure("control API: {method} {path}", Failure(error), method=request.method, path=request.path)
    return refuse(request, ApiError(HTTPStatus.INTERNAL_SERVER_ERROR, "a fault of this server; see its log"))


def refuse(request: Request, error: ApiError) -> bytes | int:
    """Write the refusal."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        request.setHeader(b"www-authenticate", b'Bearer realm="conversehost"')
    return _write(request, error.status, error.to_json())


def _write(request: Request, status: HTTPStatus, data: Mapping[str, object]) -> bytes:
    body = answer_json(request, status, data)
    if request.method != b"HEAD":
        return body
    request.setHeader(b"content-length", str(len(body)).encode())
    return b""
