"""A service on HTTP that knows people: what it is asked, and what its answers mean.

There are three ways to ask, as modules of Prosody's have them. They say nothing of how the question gets there.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol
from urllib.parse import quote, urlencode

from conversehost.auth import Attempt
from conversehost.auth.guarded import Answer, Trouble
from conversehost.xmpp.jid import JID

REFUSING = (401, 403)
SHOWN = 40
"""Characters of an answer that the log tells."""


@dataclass(frozen=True, slots=True)
class HttpQuestion:
    """A request. It may have a password anywhere: never log it."""

    method: bytes
    url: str = field(repr=False)
    headers: Mapping[str, str] = field(repr=False)
    body: bytes = field(default=b"", repr=False)


class Manner(Protocol):
    """One of the three ways."""

    def check(self, attempt: Attempt) -> HttpQuestion:
        """Whether it is them."""

    def find(self, account: JID) -> HttpQuestion | None:
        """Whether there is such an account; None where there is no way to ask that."""

    def read(self, status: int, body: bytes) -> Answer:
        """The answer to either."""


class ByQuery:
    """mod_auth_http, and MongooseIM: `GET URL/check_password?user=romeo&server=chat.example&pass=...`, and
    `user_exists` likewise without `pass`. The answer is 200 and `true` or `false`.
    """

    def __init__(self, url: str, credentials: tuple[str, str] | None = None) -> None:
        """`credentials`: name and password of ours, where the service wants to know who asks."""
        self._url = url
        self._headers = {} if credentials is None else {"Authorization": _basic(*credentials)}

    def check(self, attempt: Attempt) -> HttpQuestion:
        return self._ask("check_password", attempt.account, {"pass": attempt.password})

    def find(self, account: JID) -> HttpQuestion:
        return self._ask("user_exists", account, {})

    def read(self, status: int, body: bytes) -> Answer:
        if status in REFUSING and "Authorization" not in self._headers:
            return Trouble(f"HTTP {status}: it may want to know who asks, by --http-auth-credentials")
        return _verdict(body) if status == 200 else Trouble(f"HTTP {status}")

    def _ask(self, method: str, account: JID, more: dict[str, str]) -> HttpQuestion:
        query = urlencode({"user": account.local, "server": account.domain, **more}, quote_via=quote)
        url = f"{_of(self._url, account).removesuffix('/')}/{method}?{query}"
        return HttpQuestion(b"GET", url, self._headers)


class ByBasic:
    """mod_auth_http_async: a GET with name and password as of a browser (RFC 7617). 200 to 299 is yes, 401 and 403
    are no.
    """

    def __init__(self, url: str) -> None:
        self._url = url

    def check(self, attempt: Attempt) -> HttpQuestion:
        account = attempt.account
        headers = {"Authorization": _basic(account.local, attempt.password)}  # no colon is in a name (RFC 7622)
        return HttpQuestion(b"GET", _of(self._url, account), headers)

    def find(self, account: JID) -> None:
        return None

    def read(self, status: int, body: bytes) -> Answer:
        if 200 <= status < 300:
            return True
        return False if status in REFUSING else Trouble(f"HTTP {status}")


class ByJson:
    """mod_auth_custom_http: a POST of `{"username": "romeo", "password": "..."}`. The answer is 200 and `true` or
    `false`, or 401 or 403.
    """

    def __init__(self, url: str, credentials: tuple[str, str] | None = None) -> None:
        self._url = url
        self._headers = {"Content-Type": "application/json"}
        if credentials is not None:
            self._headers["Authorization"] = _basic(*credentials)

    def check(self, attempt: Attempt) -> HttpQuestion:
        asked = {"username": attempt.account.local, "password": attempt.password}
        return HttpQuestion(b"POST", _of(self._url, attempt.account), self._headers, json.dumps(asked).encode())

    def find(self, account: JID) -> None:
        return None

    def read(self, status: int, body: bytes) -> Answer:
        if status == 200:
            return _verdict(body)
        return False if status in REFUSING else Trouble(f"HTTP {status}")


def manner(style: str, url: str, credentials: tuple[str, str] | None) -> Manner:
    """By the name of its style; `$host` in the URL stands for the domain of the account."""
    if style == "basic":
        return ByBasic(url)
    return ByJson(url, credentials) if style == "json" else ByQuery(url, credentials)


def _of(url: str, account: JID) -> str:
    return url.replace("$host", quote(account.domain))


def _basic(name: str, password: str) -> str:
    return "Basic " + base64.b64encode(f"{name}:{password}".encode()).decode()


def _verdict(body: bytes) -> Answer:
    said = body.decode("utf-8", "replace").strip()
    if said.lower() in ("true", "false"):
        return said.lower() == "true"
    return Trouble(f"neither true nor false, but {said[:SHOWN]!r}")
