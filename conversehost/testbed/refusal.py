"""No, in JSON over HTTP."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus

from twisted.web.resource import Resource
from twisted.web.server import Request

from conversehost.web.resource import answer_json


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


class Refusal(Resource):
    """Says no to everything."""

    isLeaf = True

    def __init__(self, error: ApiError) -> None:
        super().__init__()
        self._error = error

    def render(self, request: Request) -> bytes | int:
        """Whatever the method."""
        return refuse(request, self._error)


def refuse(request: Request, error: ApiError) -> bytes | int:
    """Write the refusal."""
    if error.status == HTTPStatus.UNAUTHORIZED:
        request.setHeader(b"www-authenticate", b'Bearer realm="conversehost"')
    return write(request, error.status, error.to_json())


def write(request: Request, status: HTTPStatus, data: Mapping[str, object]) -> bytes:
    """An answer in JSON."""
    return write_body(request, answer_json(request, status, data))


def write_body(request: Request, body: bytes) -> bytes:
    if request.method != b"HEAD":
        return body
    request.setHeader(b"content-length", str(len(body)).encode())
    return b""
