"""Handlers of wokkel's kind (`XMPPHandler`) in this process, as a component or as a user. Only this file knows wokkel.

wokkel 18.0.0 was written for a Twisted that had more in it: what is missing is put back before it is imported.
"""

from __future__ import annotations

import importlib
import importlib.util
import sys
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, cast

import constantly
from twisted.logger import Logger
from twisted.python import compat

from conversehost.errors import ConfigError
from conversehost.net import named
from conversehost.net.memory import MemoryClient
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, XMLError, adopt, parse, to_bytes

log = Logger()

RESOURCE = "handler"
Maker = Callable[[], Sequence[Any]]
"""Makes the handlers, new ones each time."""


def prepare() -> None:
    """wokkel can be imported from now on."""
    vars(compat).setdefault("_PY3", True)
    vars(compat).setdefault("unicode", str)
    vars(compat).setdefault("StringType", str)
    vars(compat).setdefault("iteritems", lambda mapping: iter(mapping.items()))
    vars(compat).setdefault("itervalues", lambda mapping: iter(mapping.values()))
    if importlib.util.find_spec("twisted.python.constants") is None:
        sys.modules.setdefault("twisted.python.constants", constantly)


def find(spec: str, flag: str) -> Maker:
    """Of `package.module:Name`, a class or a function that takes nothing, what makes handlers. Raises ConfigError."""
    prepare()
    name = spec.rpartition(":")[2]
    found = named.find(spec, f"{flag}{spec}")

    def make() -> Sequence[Any]:
        try:
            made = found()
        except Exception as error:
            raise ConfigError(f"{flag}{spec}: {name}() failed: {type(error).__name__}: {error}") from None
        handlers = made if isinstance(made, list | tuple) else [made]
        if not handlers or not all(callable(getattr(each, "setHandlerParent", None)) for each in handlers):
            raise ConfigError(f"{flag}{spec}: {name} makes no wokkel.subprotocols.XMPPHandler")
        return handlers

    return make


class Manager:
    """Some handlers and what they take for their stream. `say` gets what they send."""

    def __init__(self, handlers: Sequence[Any], address: JID, turn: Turn, reactor: Any, say: Callable[[Stanza], None]):
        from twisted.words.protocols.jabber import jid
        from twisted.words.xish.utility import EventDispatcher
        from wokkel.disco import DiscoHandler
        from wokkel.generic import FallbackHandler
        from wokkel.subprotocols import StreamManager

        self._turn = turn
        self._reactor = reactor
        self._say = say
        self._inbox: list[bytes] = []
        self._address = address
        self._busy = False
        self._calls: dict[str, Callable[[Any], None]] = {}
        self._stream = dispatcher = cast(Any, EventDispatcher())
        dispatcher.send = self._send
        dispatcher.thisEntity, dispatcher.otherEntity = jid.JID(address.full), jid.JID(address.domain)
        manager = StreamManager(self, reactor)
        ours = [FallbackHandler()]
        if not any(isinstance(each, DiscoHandler) for each in handlers):
            ours.append(DiscoHandler())
        for each in (*handlers, *ours):
            each.setHandlerParent(manager)

    def addBootstrap(self, event: str, call: Callable[[Any], None]) -> None:
        """As of the factory of connections that wokkel expects."""
        self._calls[event] = call

    def connect(self) -> None:
        """The handlers can begin."""
        from twisted.words.protocols.jabber import xmlstream

        self._call(lambda: self._calls[xmlstream.STREAM_CONNECTED_EVENT](self._stream))
        self._call(lambda: self._calls[xmlstream.STREAM_AUTHD_EVENT](self._stream))

    def disconnect(self) -> None:
        """It is over for them; what they wait for fails."""
        from twisted.internet.error import ConnectionDone
        from twisted.python.failure import Failure
        from twisted.words.protocols.jabber import xmlstream

        self._inbox.clear()
        self._call(lambda: self._calls[xmlstream.STREAM_END_EVENT](Failure(ConnectionDone())))

    def received(self, stanza: Stanza) -> None:
        """For them, as soon as what goes on has ended: two that answer each other for ever leave room for others."""
        if not self._inbox:
            self._reactor.callLater(0, self._work)
        self._inbox.append(to_bytes(stanza))

    def _work(self) -> None:
        from wokkel.generic import parseXml

        inbox, self._inbox = self._inbox, []
        for data in inbox:
            self._call(partial(self._stream.dispatch, parseXml(data)))
        self._turn.end()

    def _call(self, call: Callable[[], object]) -> None:
        """What they send meanwhile leaves at the end of the turn. What goes wrong is theirs, and stays so."""
        self._busy = True
        try:
            call()
        except Exception:
            log.failure("a handler of {address} failed", address=str(self._address))
        finally:
            self._busy = False

    def _send(self, sent: Any) -> None:
        """An element of theirs, or text; `from` is theirs unless they say so themselves."""
        stanza = read(sent)
        if stanza.get("from") is None:
            stanza.set("from", self._address.full)
        self._say(stanza)
        if not self._busy:  # a timer of theirs
            self._turn.end()


class HandlerComponent:
    """A domain that handlers serve: the `Destination` behind it."""

    def __init__(self, router: Router, turn: Turn, domain: str, handlers: Sequence[Any], reactor: Any) -> None:
        self._router = router
        self.domain = domain
        self._manager = Manager(handlers, JID("", domain), turn, reactor, self._say)

    def connect(self) -> None:
        """Serve."""
        self._router.routes[self.domain] = self
        self._manager.connect()

    def leave(self) -> None:
        """Serve no more."""
        self._router.routes.pop(self.domain, None)
        self._manager.disconnect()

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """`Destination`."""
        self._manager.received(stanza)

    def _say(self, stanza: Stanza) -> None:
        """Anything from its domain, to anybody; a mistake of the handler's is an error in its own code."""
        sender = stanza.sender
        if sender is None or sender.domain != self.domain:
            raise ValueError(f"from is an address of {self.domain}, not {stanza.get('from')!r}")
        if stanza.get("to") is None:
            raise ValueError("a component says whom a stanza is to")
        self._router.take(stanza)


class HandlerBot:
    """A user that handlers are: to the server a client like any other."""

    def __init__(self, router: Router, turn: Turn, account: JID, handlers: Sequence[Any], reactor: Any) -> None:
        self._router = router
        self._turn = turn
        self.account = account
        self._client: MemoryClient | None = None
        self._manager = Manager(handlers, JID(account.local, account.domain, RESOURCE), turn, reactor, self._say)

    def connect(self) -> None:
        """Log in. The handlers say who is available, as they would to any server."""
        self._client = MemoryClient(self._router, self._turn, self.account, self._manager.received, resource=RESOURCE)
        self._manager.connect()

    def leave(self) -> None:
        """Log out."""
        if self._client is not None:
            self._client.leave()
            self._manager.disconnect()

    def _say(self, stanza: Stanza) -> None:
        if self._client is not None and not self._client.closed:
            self._client.say(stanza)


def read(sent: Any) -> Stanza:
    """What wokkel sends, in our form: an element, or its text. Raises ValueError for anything but a stanza."""
    text = sent.toXml() if hasattr(sent, "toXml") else sent
    data = text if isinstance(text, bytes) else text.encode()
    try:
        found: Element = parse(b"<stream xmlns='" + ns.CLIENT.encode() + b"'>" + data + b"</stream>")[0]
    except (XMLError, IndexError) as error:
        raise ValueError(f"not a stanza: {text!r} ({error})") from None
    taken = adopt(found, ns.COMPONENT)
    if not isinstance(taken, Stanza):
        raise ValueError(f"not a stanza: {text!r}")
    return taken
