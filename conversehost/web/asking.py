"""`--prebind-ask`: the user's own site says whose a browser's cookies are, as nginx's auth_request asks."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from twisted.internet.defer import CancelledError, Deferred
from twisted.python.failure import Failure
from twisted.web.client import Agent, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IResponse

from conversehost.auth.rest import Rest
from conversehost.clock import Clock
from conversehost.collected import collected
from conversehost.net.exchange import HttpExchange
from conversehost.voice import Voice
from conversehost.web.visitors import Directory, Found, Unsure

PATIENCE = 5
"""Seconds for an answer."""
FRESH = 5.0
"""Seconds that an answer counts for the same cookies."""
REMEMBERED, AT_ONCE = 10_000, 100
"""Answers that are kept, and questions that wait, at most."""
NOBODY = frozenset((301, 302, 303, 307, 401, 403))
"""Redirects are those to a login form."""
NAMES = ("X-Remote-User", "Remote-User")
"""Header fields that name the account, where the body doesn't."""
BUSY = Unsure("the site can't say now who is logged in; try again in a while")


def asking(
    url: str,
    reactor: Any,
    directory: Directory,
    *,
    clock: Clock,
    voice: Voice,
) -> AskSite:
    """Over the network; certificates count."""
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost, pool.cachedConnectionTimeout = 16, 4
    agent = Agent(reactor, connectTimeout=PATIENCE, pool=pool)
    return AskSite(url, agent, directory, clock=clock, voice=voice)


class AskSite:
    """`Finder`. It fails closed: where the site doesn't say, nobody is let in. One whose answers are too late again and
    again isn't asked for some seconds.
    """

    def __init__(
        self,
        url: str,
        agent: IAgent,
        directory: Directory,
        *,
        clock: Clock,
        voice: Voice,
    ) -> None:
        """`clock` tells real time; `voice` says once why the site can't be asked, and when it can be again."""
        self._url = url.encode()
        self._agent = agent
        self._directory = directory
        self._clock = clock
        self._voice = voice
        self._works = True
        self._rest = Rest()
        self._known: dict[bytes, tuple[float, str]] = {}  # names, "" for nobody; the oldest first
        self._waiting: dict[bytes, list[Callable[[Found], None]]] = {}

    def identify(self, exchange: HttpExchange, done: Callable[[Found], None]) -> None:
        cookies = b"; ".join(value for name, value in exchange.headers if name == b"cookie")
        if not cookies:
            done(None)
            return
        key = hashlib.sha256(exchange.host + b"\0" + cookies).digest()
        until, name = self._known.get(key, (0.0, ""))
        if self._clock.now() < until:
            self._tell(name, done)
        elif key in self._waiting:
            self._waiting[key].append(done)
        elif len(self._waiting) >= AT_ONCE or not self._rest.asks(self._clock.now()):
            done(BUSY)
        else:
            self._waiting[key] = [done]
            self._ask(key, self._headers(exchange, cookies))

    def _headers(self, exchange: HttpExchange, cookies: bytes) -> Headers:
        return Headers(
            {
                b"Host": [exchange.host],
                b"Cookie": [cookies],
                b"Accept": [b"application/json"],
                b"User-Agent": [exchange.field(b"user-agent") or b"conversehost"],
                b"X-Forwarded-For": [exchange.address.encode()],
                b"X-Forwarded-Proto": [b"https" if exchange.secure else b"http"],
            }
        )

    def _ask(self, key: bytes, headers: Headers) -> None:
        asked: Deferred[Any] = self._agent.request(b"GET", self._url, headers, None)
        asked.addCallback(lambda response: collected(response).addCallback(lambda body: self._read(response, body)))
        in_time = True

        def give_up() -> None:
            nonlocal in_time
            in_time = False
            self._rest.late(self._clock.now())
            asked.cancel()

        deadline = self._clock.after(PATIENCE, give_up)
        asked.addErrback(self._failed)

        def settle(said: str | Unsure) -> None:
            deadline.cancel()
            if in_time:
                self._rest.answered()
            self._clock.after(0, lambda: self._settle(key, said))  # in a turn of its own, at whose end answers leave

        asked.addCallback(settle)

    def _read(self, response: IResponse, body: bytes) -> str:
        """What the site calls the visitor, "" for nobody. Raises ValueError for what is no answer to the question."""
        if response.code in NOBODY:
            return ""
        if response.code not in (200, 204):
            raise ValueError(f"HTTP {response.code}")
        if body.lstrip().startswith(b"{"):
            return _name_in(body)
        fields = [value for each in NAMES for value in response.headers.getRawHeaders(each, [])]
        if not fields:
            raise ValueError(f'neither a field {NAMES[0]} nor JSON such as {{"user": "alice"}}')
        return fields[0]

    def _failed(self, failure: Failure) -> Unsure:
        late = f"nothing for {PATIENCE} seconds"
        reason = late if failure.check(CancelledError) else failure.getErrorMessage() or failure.type.__name__
        if self._works:
            self._works = False
            self._voice.warn(
                f"--prebind-ask: {self._url.decode()} doesn't say who is logged in: {reason}; until it does it lets"
                " nobody in, so see that your site runs and that this is the page"
            )
        return BUSY

    def _settle(self, key: bytes, said: str | Unsure) -> None:
        if isinstance(said, str):
            if not self._works:
                self._works = True
                self._voice.note(f"--prebind-ask: {self._url.decode()} says again who is logged in")
            self._known.pop(key, None)
            while len(self._known) >= REMEMBERED:
                del self._known[next(iter(self._known))]
            self._known[key] = (self._clock.now() + FRESH, said)
        for done in self._waiting.pop(key):
            if isinstance(said, Unsure):
                done(said)
            else:
                self._tell(said, done)

    def _tell(self, name: str, done: Callable[[Found], None]) -> None:
        if name:
            self._directory.visitor(name, done)
        else:
            done(None)


def _name_in(body: bytes) -> str:
    """`jid` or `user` of a JSON object. Raises ValueError."""
    try:
        said = json.loads(body)
    except RecursionError:
        raise ValueError("JSON that is too deep") from None
    name = said.get("jid") or said.get("user") or ""
    if not isinstance(name, str):
        raise ValueError("jid and user must be texts")
    return name
