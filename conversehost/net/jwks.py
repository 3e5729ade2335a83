"""Keys of JSON Web Tokens from where their issuer publishes them: a JWK set at a URL."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from conversehost.auth.jwt import JwtKey, read_keys
from conversehost.clock import Clock
from conversehost.collected import collected

PATIENCE = 5
"""Seconds for an answer."""
FRESH = 3_600
"""Seconds after which keys are fetched anew, when the next token comes."""
PAUSE = 30
"""Seconds between two attempts, whatever names of keys are asked for."""


def fetched(url: str, *, clock: Clock, warn: Callable[[str], None]) -> FetchedKeys:
    """Over the network; certificates count."""
    from twisted.internet import reactor
    from twisted.web.client import Agent

    return FetchedKeys(url, Agent(reactor, connectTimeout=PATIENCE), clock=clock, warn=warn)


class FetchedKeys:
    """A `auth.jwt.KeySource`. Keys stay when a new set can't be had; `warn` hears why."""

    def __init__(self, url: str, agent: IAgent, *, clock: Clock, warn: Callable[[str], None]) -> None:
        """Nothing is fetched before the first token. `clock` tells real time."""
        self._url = url
        self._agent = agent
        self._clock = clock
        self._warn = warn
        self._keys: tuple[JwtKey, ...] = ()
        self._fetched: float | None = None
        self._tried: float | None = None
        self._waiting: list[Callable[[], None]] = []

    def known(self) -> Sequence[JwtKey]:
        return self._keys

    def refresh(self, kid: str, then: Callable[[], None]) -> None:
        """Fetch, where the key isn't known or the set is old; those who ask meanwhile wait for the same answer."""
        if self._waiting:
            self._waiting.append(then)
        elif not self._is_wanted(kid):
            then()
        else:
            self._waiting.append(then)
            self._fetch()

    def _is_wanted(self, kid: str) -> bool:
        now = self._clock.now()
        if self._tried is not None and now < self._tried + PAUSE:
            return False
        is_old = self._fetched is None or now > self._fetched + FRESH
        return is_old or not any(not kid or key.kid in ("", kid) for key in self._keys)

    def _fetch(self) -> None:
        self._tried = self._clock.now()
        asked = self._agent.request(b"GET", self._url.encode(), Headers({"Accept": ["application/json"]}), None)
        got: Deferred[bytes] = asked.addCallback(_read)
        deadline = self._clock.after(PATIENCE, got.cancel)
        got.addCallback(self._take)
        got.addErrback(self._failed)
        got.addBoth(lambda _: deadline.cancel())
        got.addBoth(lambda _: self._clock.after(0, self._answer))  # in a turn of its own, at whose end answers leave

    def _take(self, data: bytes) -> None:
        self._keys = read_keys(data) if data.lstrip().startswith(b"{") else _no_set()
        self._fetched = self._clock.now()

    def _failed(self, failure: Failure) -> None:
        self._warn(
            f"keys for tokens can't be had from {self._url}: {_reason(failure)}; what is signed with new ones isn't"
            " taken until then, so see that --jwt-keys-url names a JWK set"
        )

    def _answer(self) -> None:
        waiting, self._waiting = self._waiting, []
        for then in waiting:
            then()


def _read(response: IResponse) -> Deferred[bytes]:
    """All of it, also of an error: else its connection would stay open until the other side ends it."""
    return collected(response).addCallback(_good, response.code)


def _good(data: bytes, code: int) -> bytes:
    if code != 200:
        raise ValueError(f"HTTP {code}")
    return data


def _no_set() -> tuple[JwtKey, ...]:
    raise ValueError("the answer is no JWK set")


def _reason(failure: Failure) -> str:
    if failure.check(CancelledError):
        return f"nothing for {PATIENCE} seconds"
    return failure.getErrorMessage() or type(failure.value).__name__
