"""A server in this process, without sockets: plays at once, and its clock can be turned."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from twisted.internet.task import Clock

from conversehost.client.client import Client
from conversehost.client.wire import SilenceError, StreamEndedError
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import Settings
from conversehost.server.router import Router
from conversehost.server.stream import ServerStream
from conversehost.service import Server
from conversehost.testbed.cast import DEMO
from conversehost.testbed.dialogue import Dialogue, Role
from conversehost.turn import Turn
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import Element, Limits, parse, parse_stanza

NOBODY = DEMO.with_name("nobody.toml")


class InMemory:
    """A `Place` for one dialogue: a server as its text asks for, with its people's accounts and no others."""

    def __init__(self, dialogue: Dialogue) -> None:
        """Raises ConfigError for options that there aren't."""
        self._server = Server(_settings(dialogue), Clock())
        for account, password in dialogue.accounts.items():
            self._server.domains.hosts[account.domain].create_account(account, password)

    def client(self, role: Role) -> Client:
        return Client(MemoryWire(self._server.router, self._server.turn, self._server.limits), role.jid, role.password)

    def pass_time(self, seconds: int) -> None:
        self._server.clock.advance(seconds)


def _settings(dialogue: Dialogue) -> Settings:
    """The people's domains are served, unless the text says which ones are."""
    options = ["--scenario", str(NOBODY), *dialogue.options]
    for role in dialogue.roles.values():
        flag = "--domain" if role.jid.local else "--anonymous-domain"
        if flag not in dialogue.options:
            options += [flag, role.jid.domain]
    try:
        return load(options, {})
    except ConfigError as error:
        raise ConfigError(f"{dialogue.path}: {error}") from None


class MemoryWire:
    """A `Wire`. All that something causes has come before `send` returns."""

    def __init__(self, router: Router, turn: Turn, limits: Limits) -> None:
        self._stream = ServerStream(router)
        self._turn = turn
        self._limits = limits
        self._end = _End(turn)
        self._opened = self._left = False

    def open(self, domain: str) -> Element:
        request = StreamOpen(domain, "memory", secure=True)
        if self._opened:
            self._stream.restart(request)
        else:
            self._opened = True
            self._stream.open(request, self._end)
        self._turn.end()
        return self.receive()

    def send(self, data: bytes) -> None:
        self._stream.receive(parse_stanza(data, self._limits))
        self._turn.end()

    def receive(self) -> Element:
        if self._end.came:
            return parse(self._end.came.popleft())
        if not self._end.closed:
            raise SilenceError
        error = self._end.error
        raise StreamEndedError("", "") if error is None else StreamEndedError(error.condition, error.text)

    def close(self) -> None:
        self._leave(self._stream.close)

    def drop(self) -> None:
        self._leave(self._stream.lost)

    def _leave(self, how: Callable[[Sequence[bytes]], None]) -> None:
        if self._opened and not self._left:
            self._left = self._end.closed = True
            how(())
            self._turn.end()


class _End:
    """The `Link`: where the server's stanzas arrive."""

    def __init__(self, turn: Turn) -> None:
        self._turn = turn
        self._queue: list[bytes] = []
        self.came: deque[bytes] = deque()
        self.closed = False
        self.error: StreamError | None = None

    def send(self, stanza: bytes) -> None:
        if not self._queue:
            self._turn.add(self)
        self._queue.append(stanza)

    def flush(self) -> None:
        if not self.closed:
            self.came.extend(self._queue)
        self._queue.clear()

    def restarting(self) -> None:
        """The next thing is `open`, as it is."""

    def trusted(self) -> None:
        """It is from the start."""

    def close(self, error: StreamError | None = None) -> None:
        self.flush()
        self.closed = True
        self.error = error
