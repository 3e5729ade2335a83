"""The players around a BOSH session: the client, its requests, the server behind, and the clock."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Sequence
from types import SimpleNamespace
from xml.sax.saxutils import quoteattr

from lxml import etree

from conversehost.bosh.body import BodyError
from conversehost.bosh.manager import Manager
from conversehost.bosh.session import BoshSession
from conversehost.bosh.terms import Ceilings, Manner
from conversehost.clock import Clock
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.stream import Backend, Link, StreamOpen
from conversehost.xmpp.xml import Element, Limits

DOMAIN = "localhost"
HTTPBIND = f"xmlns='{ns.HTTPBIND}'"


def message(id: str, size: int = 0) -> str:
    """A stanza that can be told from others; `size` makes it larger."""
    return f"<message xmlns='{ns.CLIENT}' id='{id}'>{'x' * size}</message>"


class Request:
    """One HTTP request of a client; a second answer fails the test."""

    def __init__(self, stage: Stage) -> None:
        self.raw: bytes | None = None
        self.manner: Manner | None = None
        self.why: BodyError | None = None
        self.hung_up = False
        self.session: BoshSession | None = None
        self._stage = stage
        self.gone = False  # the server knows that its connection is

    def answer(self, body: bytes, manner: Manner, why: BodyError | None = None) -> None:
        assert not self.gone, "answered after its connection was lost"
        assert self.raw is None, f"answered twice: {self.raw!r}, then {body!r}"
        self.raw, self.manner, self.why = body, manner, why
        self._stage.last_answer = self._stage.clock.now()

    def hang_up(self) -> None:
        self.hung_up = self.gone = True

    @property
    def held(self) -> bool:
        """Waits for an answer."""
        return self.raw is None and not self.gone

    @property
    def body(self) -> Element:
        assert self.raw is not None, "not answered yet"
        return etree.fromstring(self.raw)

    def get(self, name: str) -> str | None:
        return self.body.get(name)

    @property
    def said(self) -> list[str]:
        """The ids of the stanzas in the answer."""
        return [each.get("id", each.tag) for each in self.body]

    @property
    def empty(self) -> bool:
        """An empty body without attributes."""
        return len(self.body) == 0 and not self.body.attrib

    @property
    def ends(self) -> str | None:
        """ "" or a condition where the session ended by this answer, else None."""
        return (self.get("condition") or "") if self.get("type") == "terminate" else None

    @property
    def recoverable(self) -> bool:
        return self.get("type") == "error"

    def lose(self) -> None:
        """The server learns that the connection is gone, and that the answer, if there was one, isn't out."""
        assert self.session is not None
        self.gone = True
        if self.raw is None:
            self._stage.last_answer = self._stage.clock.now()
        self.session.lost(self)
        self._stage.turn.end()


class Server:
    """What is behind a session: writes down what comes, says what it is told to."""

    def __init__(self, turn: Turn, clock: Clock) -> None:
        self.behind: Backend = self  # a client's session
        self.opening: StreamOpen | None = None
        self.received: list[Element] = []
        self.restarts = 0
        self.closed: list[list[bytes]] = []
        self.broken = False
        self.link: Link | None = None
        self.on_open: Callable[[], None] = lambda: None
        self.on_receive: Callable[[Element], None] = lambda stanza: None
        self._turn = turn

    def open(self, request: StreamOpen, link: Link) -> None:
        self.opening, self.link = request, link
        self.on_open()

    def receive(self, stanza: Element) -> None:
        assert not self.closed
        self.received.append(stanza)
        self.on_receive(stanza)

    def restart(self, request: StreamOpen) -> None:
        self.opening = request
        self.restarts += 1

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        self.closed.append(list(undelivered))

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        self.broken = True
        self.close(undelivered)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        assert self.closed
        self.closed[0] += stanzas

    @property
    def heard(self) -> list[str]:
        """The ids of the stanzas that came."""
        return [each.get("id", each.tag) for each in self.received]

    @property
    def given_back(self) -> list[str]:
        """The ids of what was undelivered when the session ended."""
        (undelivered,) = self.closed
        return [etree.fromstring(each).get("id", "") for each in undelivered]

    def says(self, *ids: str) -> None:
        """Stanzas to the client, all in one turn."""
        assert self.link is not None
        for id in ids:
            self.link.send(message(id).encode())
        self._turn.end()


class Client:
    """Sends bodies, with the next rid unless told otherwise."""

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.sid: str | None = None
        self.secure = False
        self.last = Request(stage)
        self._rids = itertools.count(1000)

    def create(self, *payload: str, **attributes: object) -> Request:
        """The session creation request."""
        asked: dict[str, object] = {"to": DOMAIN, "wait": 60, "hold": 1, "ver": "1.6", **attributes}
        request = self.body(payload, rid=asked.pop("rid", next(self._rids)), **asked)
        if not request.held and request.raw is not None:
            self.sid = request.get("sid")
        return request

    def send(self, *payload: str, **attributes: object) -> Request:
        """A request in the session."""
        rid = attributes.pop("rid", None)
        return self.body(payload, rid=next(self._rids) if rid is None else rid, sid=self.sid, **attributes)

    def hold(self) -> Request:
        """An empty request."""
        return self.send()

    def pause(self, seconds: object) -> Request:
        return self.send(pause=seconds)

    def terminate(self, *payload: str) -> Request:
        return self.send(*payload, type="terminate")

    def restart(self) -> Request:
        return self.raw(f"<body {HTTPBIND} rid='{next(self._rids)}' sid='{self.sid}' to='{DOMAIN}'"
                        f" xmlns:xmpp='{ns.XBOSH}' xmpp:restart='true'/>")  # fmt: skip

    def skip(self) -> int:
        """A rid that isn't sent now."""
        return next(self._rids)

    def body(self, payload: Sequence[str], **attributes: object) -> Request:
        text = "".join(f" {name}={quoteattr(str(value))}" for name, value in attributes.items() if value is not None)
        return self.raw(f"<body {HTTPBIND}{text}>{''.join(payload)}</body>")

    def raw(self, text: str | bytes) -> Request:
        """Whatever is sent; the turn ends after it."""
        try:
            return self.begin(text)
        finally:
            self.stage.turn.end()

    def begin(self, text: str | bytes) -> Request:
        """Without the end of the turn: more comes in the same segment."""
        request = self.last = Request(self.stage)
        data = text.encode() if isinstance(text, str) else text
        peer = SimpleNamespace(address="192.0.2.1", secure=self.secure, origin="")
        request.session = self.stage.manager.request(data, request, peer)
        return request


class Stage:
    """A connection manager for one domain."""

    kind: type[Server] = Server

    def __init__(self, ceilings: Ceilings | None = None, limits: Limits | None = None) -> None:
        self.clock = Clock()
        self.turn = Turn()
        self.servers: list[Server] = []
        self.last_answer = 0.0  # when one was given, or came to be impossible
        self.prepare: Callable[[Server], None] = lambda server: None
        self.manager = Manager(
            self._server_for,
            clock=self.clock,
            turn=self.turn,
            limits=limits or Limits(),
            ceilings=ceilings or Ceilings(),
        )

    @property
    def server(self) -> Server:
        """The one behind the newest session."""
        return self.servers[-1]

    def advance(self, seconds: float) -> None:
        """Let time pass; each deadline is a turn of its own."""
        self.clock.advance(seconds)
        self.turn.end()

    def client(self, **attributes: object) -> Client:
        """One whose session has been created."""
        client = Client(self)
        request = client.create(**attributes)
        if request.held:
            self.server.says("features")
            client.sid = request.get("sid")
        return client

    def _server_for(self, domain: str) -> Backend | None:
        if domain != DOMAIN:
            return None
        server = self.kind(self.turn, self.clock)
        self.prepare(server)
        self.servers.append(server)
        return server.behind
