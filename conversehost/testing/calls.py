"""The control API, called over HTTP with the standard library."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.error import HTTPError, URLError
from urllib.request import ProxyHandler, Request, build_opener

ANSWER = 10.0
"""Seconds to wait at most."""

_open = build_opener(ProxyHandler({})).open  # whatever the environment says of proxies: it is on this machine


class TestBedError(Exception):
    """The server didn't start, didn't answer or refused; the message says why.

    `code` is the control API's word for it, such as "not-found" or "conflict"; "" when it wasn't asked.
    """

    __test__ = False  # pytest: it only sounds like a test

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


@dataclass(frozen=True)
class User:
    """An account: `jid` is the whole address, `username` the part before the @, which the login form takes too."""

    jid: str
    username: str
    password: str


def name_of(user: Any) -> Any:
    """The address of a `User`; anything else is one already."""
    return user.jid if isinstance(user, User) else user


def call(
    method: str, url: str, fields: Mapping[str, Any] | None = None, timeout: float = ANSWER, token: str | None = None
) -> Any:
    """One call of the control API: the JSON that it answers, None for nothing. Raises TestBedError."""
    body = None if fields is None else json.dumps(fields).encode()
    headers = {} if body is None else {"Content-Type": "application/json"}
    if token is not None:
        headers["Authorization"] = f"Bearer {token}"
    try:
        with _open(Request(url, body, headers, method=method), timeout=timeout) as response:
            data = response.read()
            return json.loads(data) if data else None
    except HTTPError as error:
        raise _refused(error, f"{method} {url}") from None
    except (URLError, OSError, ValueError) as error:
        reason = error.reason if isinstance(error, URLError) else error
        raise TestBedError(f"{method} {url}: no answer from a conversehost ({reason})") from None


def _refused(error: HTTPError, what: str) -> TestBedError:
    try:
        with error:
            told = json.loads(error.read())["error"]
        return TestBedError(told["message"], told["code"])
    except (ValueError, KeyError, TypeError):
        return TestBedError(f"{what}: {error.code} {error.reason}")
