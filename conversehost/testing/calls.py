"""Calls of the control API as bytes: what is sent, and what an answer means. Knows no socket: any kind of program can
carry them.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Generator, Mapping
from dataclasses import dataclass
from http.client import HTTPException, HTTPResponse
from io import BytesIO
from typing import Any, TypeVar
from urllib.parse import SplitResult, urlsplit

API = "/_conversehost/api/v1"
ANSWER = 10.0
"""Seconds to wait at most."""

T = TypeVar("T")


class TestBedError(Exception):
    """The server didn't start, didn't answer or refused; the message says why.

    `code` is the control API's word for it, such as "not-found" or "conflict"; "" when it wasn't asked.
    """

    __test__ = False  # pytest: it only sounds like a test

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True, slots=True)
class Call:
    """One call: `path` is below the API, `fields` become a JSON object, `timeout` is in seconds.

    What comes back is the answer's JSON, its text where it is none, or None for nothing.
    """

    method: str
    path: str
    fields: Mapping[str, Any] | None = None
    timeout: float = ANSWER


Steps = Generator[Call, Any, T]
"""What a verb does: it yields calls, is sent the answer of each (or has a TestBedError thrown in), and returns."""


def run(steps: Steps[T], ask: Callable[[Call], Any]) -> T:
    """All steps, one call after the other."""
    try:
        call = next(steps)
        while True:
            try:
                answer = ask(call)
            except TestBedError as error:
                call = steps.throw(error)
            else:
                call = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


async def take(steps: Steps[T], ask: Callable[[Call], Awaitable[Any]]) -> T:
    """The same for coroutines, of whatever kind."""
    try:
        call = next(steps)
        while True:
            try:
                answer = await ask(call)
            except TestBedError as error:
                call = steps.throw(error)
            else:
                call = steps.send(answer)
    except StopIteration as end:
        result: T = end.value
        return result


@dataclass(frozen=True, slots=True)
class Door:
    """Where calls go: `api` is the URL of a control API; `token` is shown to it."""

    api: str
    token: str | None = None

    @property
    def host(self) -> str:
        return self._url.hostname or ""

    @property
    def port(self) -> int:
        return self._url.port or (443 if self.secure else 80)

    @property
    def secure(self) -> bool:
        """By TLS."""
        return self._url.scheme == "https"

    def request(self, call: Call) -> bytes:
        """What to send: a whole request. The connection ends with the answer. Raises TestBedError."""
        body = b"" if call.fields is None else json.dumps(call.fields).encode()
        lines = [f"{call.method} {self._target(call)} HTTP/1.1", f"Host: {self._url.netloc}", "Connection: close"]
        if call.fields is not None:
            lines.append("Content-Type: application/json")
        if body or call.method not in ("GET", "DELETE"):
            lines.append(f"Content-Length: {len(body)}")
        if self.token is not None:
            lines.append(f"Authorization: Bearer {self.token}")
        return "\r\n".join([*lines, "\r\n"]).encode() + body

    def answer(self, call: Call, data: bytes) -> Any:
        """What all that came back means. Raises TestBedError for a refusal, and for what is no answer."""
        response = HTTPResponse(_Received(data), method=call.method)  # type: ignore[arg-type]
        try:
            response.begin()
            body = response.read()
            told = _told(response, body)
        except (HTTPException, OSError, ValueError) as error:
            raise self.lost(call, error) from None
        if response.status < 400:
            return told
        try:
            raise TestBedError(told["error"]["message"], told["error"]["code"])
        except (KeyError, TypeError):
            raise TestBedError(f"{self._name(call)}: {response.status} {response.reason}") from None

    def lost(self, call: Call, error: Exception) -> TestBedError:
        """There was no answer, for that reason."""
        reason = str(error) or "the time is over" * isinstance(error, TimeoutError) or type(error).__name__
        return TestBedError(f"{self._name(call)}: no answer from a conversehost ({reason})")

    def _name(self, call: Call) -> str:
        return f"{call.method} {self._url.scheme}://{self._url.netloc}{self._target(call)}"

    def _target(self, call: Call) -> str:
        return f"{self._url.path}/{call.path}".rstrip("/")

    @property
    def _url(self) -> SplitResult:
        return urlsplit(self.api)


class _Received:
    """What HTTPResponse wants of a socket."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    def makefile(self, mode: str) -> BytesIO:
        return BytesIO(self._data)


def _told(response: HTTPResponse, body: bytes) -> Any:
    if not body:
        return None
    if response.headers.get_content_type().endswith("json"):
        return json.loads(body)
    return body.decode("utf-8", "replace")
