"""JSON over HTTP: what all resources of the control API have in common."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from http import HTTPStatus
from typing import ClassVar
from urllib.parse import parse_qsl

from twisted.internet.defer import Deferred
from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource, Resource
from twisted.web.server import NOT_DONE_YET, Request

from conversehost.testbed.fields import Field, FieldError, Fields, kind_of
from conversehost.testbed.refusal import ApiError as ApiError
from conversehost.testbed.refusal import Refusal as Refusal
from conversehost.testbed.refusal import refuse, write, write_body
from conversehost.testbed.shapes import Shape
from conversehost.testbed.world import API as API
from conversehost.testbed.world import World as World
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JIDError

JSON = "application/json"

MISSING = (HTTPStatus.NOT_FOUND,)
"""For `Verb.errors`: the item may not be there."""

log = Logger()

CONDITIONS: Mapping[str, HTTPStatus] = {
    "item-not-found": HTTPStatus.NOT_FOUND,
    "bad-request": HTTPStatus.BAD_REQUEST,
    "jid-malformed": HTTPStatus.BAD_REQUEST,
    "not-acceptable": HTTPStatus.BAD_REQUEST,
}
"""What a stanza error is here; any other is 409."""


@contextmanager
def refusals() -> Iterator[None]:
    """What the server itself refuses is told as it says it. Raises ApiError."""
    try:
        yield
    except StanzaError as error:
        status = CONDITIONS.get(error.condition, HTTPStatus.CONFLICT)
        raise ApiError(status, error.text or error.condition) from None
    except JIDError as error:
        raise ApiError(HTTPStatus.BAD_REQUEST, f"not an address: {error}") from None


@dataclass(frozen=True, slots=True)
class Reply:
    """What a call is answered: `data`, or a `text`. Without either the answer has no body (204).

    `stream` answers by itself, for as long as it likes; it may raise ApiError before it has begun.
    """

    data: Mapping[str, object] | None = None
    location: str = ""
    text: str | None = None
    stream: Callable[[Request], None] | None = None


@dataclass(frozen=True, slots=True)
class Verb:
    """What a method does: its docstring tells people. Which fields it takes in the query and in the body; what it
    answers (nothing: 204), with which `status`, and how it may refuse, beside what any call may be refused for.
    """

    call: Callable[[Fields, Fields], Reply | Deferred[Reply]]
    query: Sequence[Field] = ()
    body: Sequence[Field] = ()
    answer: Shape | None = None
    status: HTTPStatus = HTTPStatus.OK
    errors: Sequence[HTTPStatus] = ()
    media: Sequence[str] = (JSON,)
    """In which the answer comes, the first unless Accept says otherwise; what isn't JSON is told as text."""
    document: Sequence[str] = ()
    """Media types of a body that isn't read as fields, but is a whole by itself."""


class Noun(Resource):
    """One resource; `verbs` says what can be done with it. What is below it under a fixed name is put there by
    `putChild`; where it consists of items, `key` tells them apart and `item` finds one.
    """

    key: ClassVar[Field | None] = None

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
        """What is at that `key`, there or not; nothing is looked up yet."""
        return None

    def render(self, request: Request) -> bytes | int:
        """Whatever goes wrong is told as JSON."""
        try:
            verb = self._verb(request)
            reply = self._call(verb, request)
            self.world.turn.end()  # so that what the caller is told has happened, has
            if isinstance(reply, Reply) and reply.stream is not None:
                reply.stream(request)
                return NOT_DONE_YET
        except Exception as error:
            return fail(request, error)
        if isinstance(reply, Deferred):
            answer_later(request, reply, verb.status)
            return NOT_DONE_YET
        return answer(request, reply, verb.status)

    def _verb(self, request: Request) -> Verb:
        """Raises ApiError(405)."""
        verbs = self.verbs()
        method = request.method.decode("ascii", "replace")
        verb = verbs.get("GET" if method == "HEAD" else method)
        if verb is None:
            allowed = ", ".join([*verbs, *(["HEAD"] if "GET" in verbs else [])])
            request.setHeader(b"allow", allowed.encode())
            raise ApiError(HTTPStatus.METHOD_NOT_ALLOWED, f"{method} makes no sense here; allowed: {allowed}")
        return verb

    def _call(self, verb: Verb, request: Request) -> Reply | Deferred[Reply]:
        body = read_body(request)
        try:
            return verb.call(Fields(read_query(request), verb.query, in_query=True), Fields(body, verb.body))
        except FieldError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


def _missing(request: Request) -> ApiError:
    path = (request.path or b"").decode("ascii", "replace")
    return ApiError(HTTPStatus.NOT_FOUND, f"there is nothing at {path} (a / within a name is written %2F)")


def read_query(request: Request) -> dict[str, str]:
    """The query's fields. Raises ApiError(400)."""
    text = request.uri.partition(b"?")[2].decode("ascii", "replace")
    values: dict[str, str] = {}
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
        raise ApiError(HTTPStatus.BAD_REQUEST, f"the body must be a JSON object, not {kind_of(value)}")
    return value


def answer(request: Request, reply: Reply, status: HTTPStatus = HTTPStatus.OK) -> bytes | int:
    """Write the reply."""
    if reply.location:
        request.setHeader(b"location", reply.location.replace(API, base_of(request), 1).encode())
    if reply.data is not None:
        return write(request, status, reply.data)
    if reply.text is not None:
        request.setResponseCode(status)
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"content-type", b"text/plain; charset=utf-8")
        return write_body(request, reply.text.encode())
    request.setResponseCode(HTTPStatus.NO_CONTENT)
    request.setHeader(b"cache-control", b"no-store")
    request.finish()  # no body, and no Content-Length either (RFC 9110 section 8.6)
    return NOT_DONE_YET


def base_of(request: Request) -> str:
    """The API that was asked: the server's own, or a tenant's."""
    found = re.match(rf"{API}(?:/tenants/[^/]+(?=/))?", (request.path or b"").decode("ascii", "replace"))
    return API if found is None else found[0]


def answer_later(request: Request, reply: Deferred[Reply], status: HTTPStatus) -> None:
    """Once it is there, unless the caller has gone."""

    def done(outcome: Reply | Failure) -> None:
        if gone:
            return
        written = fail(request, outcome.value) if isinstance(outcome, Failure) else answer(request, outcome, status)
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
