"""A service on HTTP, in place of an agent that would ask one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from twisted.internet.defer import Deferred
from twisted.internet.testing import StringTransport
from twisted.python.failure import Failure
from twisted.web.client import ResponseDone, ResponseFailed
from twisted.web.http_headers import Headers


@dataclass
class Asked:
    """A request, and the answer that is waited for."""

    method: bytes
    url: bytes
    headers: Headers
    body: bytes
    answer: Deferred[Any]
    cancelled: bool = False


class Service:
    """An `IAgent`, and the response to each request."""

    code = 200

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.aborted = 0
        self._reader: Any = None

    def request(self, method: bytes, url: bytes, headers: Headers | None = None, body: Any = None) -> Deferred[Any]:
        sent = StringTransport()
        if body is not None:
            body.startProducing(sent)
        asked = Asked(method, url, headers or Headers(), sent.value(), Deferred(lambda _: cancel()))

        def cancel() -> None:
            asked.cancelled = True

        self.asked.append(asked)
        return asked.answer

    def deliverBody(self, reader: Any) -> None:
        self._reader = reader
        reader.transport = self

    def abortConnection(self) -> None:
        self.aborted += 1
        self._reader.connectionLost(Failure(ResponseFailed([])))

    def begin(self, data: bytes, code: int = 200) -> None:
        """The last one asked gets a part of its answer."""
        self.code = code
        self.asked[-1].answer.callback(self)
        self._reader.dataReceived(data)

    def answer(self, data: bytes, code: int = 200) -> None:
        """All of it."""
        self.begin(data, code)
        self._reader.connectionLost(Failure(ResponseDone()))
