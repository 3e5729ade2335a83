"""XEP-0114: components, programs of their own that serve a domain beside ours, over TCP."""

from __future__ import annotations

import hashlib
import hmac
import secrets
from collections.abc import Callable, Mapping
from typing import Any

from lxml.etree import QName
from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol, connectionDone
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Clock, Deadline
from conversehost.net.outlet import Outlet
from conversehost.server.router import Destination, Router
from conversehost.server.session import Session
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JID, JIDError, parse, prepare_domain
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import (
    Element,
    Limits,
    StreamHeader,
    StreamParser,
    XMLError,
    adopt,
    attribute,
    to_bytes,
)
from conversehost.xmpp.xml import parse as parse_xml

log = Logger()

HANDSHAKE, CLOSING = 30.0, 5.0
"""Seconds until a component must have shown that it knows the secret, and until it must have closed."""

QUEUE = 16_777_216
"""Bytes that may wait for a component that doesn't read; more ends its connection."""

_OURS, _THEIRS = (f'xmlns="{name}"'.encode() for name in (ns.CLIENT, ns.COMPONENT))


class Absent:
    """A `Destination`: what stands behind a component's domain while it isn't connected."""

    def __init__(self, domain: str) -> None:
        self._domain = domain

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """Back to the sender, who may try again."""
        raise StanzaError("service-unavailable", f"the component {self._domain} isn't connected", type="wait")


class ComponentConnection(Protocol):
    """One component, and the `Destination` behind its domain once it has shown that it knows the secret."""

    transport: Any
    factory: ComponentFactory

    def connectionMade(self) -> None:
        self.domain = ""  # that it serves
        self._named = ""  # that it wants to serve
        self._id = secrets.token_hex(8)
        self._parser: StreamParser | None = StreamParser(self.factory.limits)  # None: the stream has ended
        self._outlet = Outlet(self.transport, lambda: None)
        self._out: list[bytes] = []
        self._opened = False
        self._deadline: Deadline | None = self.factory.clock.after(HANDSHAKE, self._too_slow)
        self.factory.connections.add(self)

    def dataReceived(self, data: bytes) -> None:
        parser = self._parser
        if parser is None:
            return
        try:
            for found in parser.feed(data):
                self._take(found)
                if self._parser is not parser:  # the stream has ended
                    break
        except XMLError as error:
            self.close(StreamError(error.condition, error.text))
        except StreamError as error:
            self.close(error)
        except Exception:
            log.failure("while reading from a component")
            self.close(StreamError("internal-server-error"))
        self.factory.turn.taken()

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        """What it didn't get goes back to where it came from."""
        self._parser = None
        self.factory.connections.discard(self)
        self._set_deadline(None)
        out, self._out = self._out, []
        undelivered: list[Any] = [*self._outlet.unsent(), *out]
        if self.domain:
            self.factory.left(self)
        for data in undelivered:
            self._bounce(data)
        self.factory.turn.taken()

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """`Destination`."""
        if not self._out:
            self.factory.turn.add(self)
        self._out.append(to_bytes(stanza))

    def flush(self) -> None:
        """The turn ends."""
        out, self._out = self._out, []
        if self._parser is None:
            for data in out:
                self._bounce(data)
        elif out:
            self._write(out)

    def _write(self, stanzas: list[bytes]) -> None:
        written = [as_component_reads_it(each) for each in stanzas]
        end = self._outlet.given
        if not self._outlet.write(b"".join(written)):
            for stanza, data in zip(stanzas, written, strict=True):
                end += len(data)
                self._outlet.keep(stanza, end)
            if self._outlet.waiting() > QUEUE:
                log.warn("the component {domain} doesn't read: its connection is cut", domain=self.domain)
                self.transport.abortConnection()

    def close(self, error: StreamError | None = None) -> None:
        """End the stream, and say why."""
        if self._parser is None:
            return
        if not self._opened:
            self._open_stream("")
        self.flush()
        self._parser = None
        self._outlet.write((b"" if error is None else to_bytes(stream_error(error))) + b"</stream:stream>")
        self._outlet.end()
        if error is not None:
            name = self._named or "a component"
            log.warn("{name}: {condition}: {text}", name=name, condition=error.condition, text=error.text)
        self._set_deadline(self.factory.clock.after(CLOSING, self.transport.abortConnection))

    def _take(self, found: StreamHeader | Element | None) -> None:
        if found is None:
            self.close()
        elif isinstance(found, StreamHeader):
            self._header(found)
        else:
            taken = adopt(found, ns.COMPONENT) if found.tag.startswith(f"{{{ns.COMPONENT}}}") else found
            if self.domain:
                self._stanza(taken)
            else:
                self._handshake(taken)

    def _header(self, header: StreamHeader) -> None:
        """Section 3, step 1. Raises StreamError."""
        named = header.attributes.get("to", "")
        self._open_stream(named)
        if header.tag != f"{{{ns.STREAM}}}stream" or header.default_namespace != ns.COMPONENT:
            raise StreamError("invalid-namespace", f"components open their stream in {ns.COMPONENT}")
        try:
            self._named = prepare_domain(named)
        except JIDError:
            raise StreamError("host-unknown", "to is the domain of the component") from None
        if self._named not in self.factory.secrets:
            raise StreamError("host-unknown", f"no component {self._named} here: name it with --component-secret")
        if self.factory.is_connected(self._named):
            raise StreamError("conflict", f"{self._named} is connected already")

    def _open_stream(self, domain: str) -> None:
        self._opened = True
        self._outlet.write(
            f"<?xml version='1.0'?><stream:stream xmlns='{ns.COMPONENT}' xmlns:stream='{ns.STREAM}' id='{self._id}'"
            f" from={attribute(domain)}>".encode()
        )

    def _handshake(self, found: Element) -> None:
        """Section 3, step 3. Raises StreamError."""
        if QName(found).localname != "handshake":
            raise StreamError("not-authorized", "a handshake comes first")
        wanted = digest(self._id, self.factory.secrets[self._named])
        if not hmac.compare_digest(wanted.encode(), (found.text or "").strip().lower().encode()):
            raise StreamError("not-authorized", f"the secret of {self._named} is another one")
        if self.factory.is_connected(self._named):
            raise StreamError("conflict", f"{self._named} is connected already")
        self._set_deadline(None)
        assert self._parser is not None
        self._parser.limit = self.factory.limits.stanza
        self.domain = self._named
        self._outlet.write(b"<handshake/>")
        self.factory.came(self)

    def _stanza(self, stanza: Element) -> None:
        """Anything from its domain, to anybody. Raises StreamError."""
        if not isinstance(stanza, Stanza):
            raise StreamError("unsupported-stanza-type", f"unexpected {QName(stanza).localname}")
        self._check_from(stanza)
        if stanza.get("to") is None:
            raise StreamError("improper-addressing", "stanzas of components say whom they are to")
        self.factory.router.take(stanza)

    def _check_from(self, stanza: Stanza) -> None:
        try:
            sender = parse(stanza.get("from", ""))
        except JIDError:
            sender = None
        if sender is None or sender.domain != self.domain:
            raise StreamError("invalid-from", f"from is an address of {self.domain}")

    def _bounce(self, data: bytes) -> None:
        stanza = parse_xml(data)
        assert isinstance(stanza, Stanza)
        if stanza.kind != "presence":
            error = StanzaError("service-unavailable", f"the component {self.domain} has left", type="wait")
            self.factory.router.refuse(stanza, error)

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline

    def _too_slow(self) -> None:
        self._deadline = None
        self.close(StreamError("connection-timeout", f"no handshake within {HANDSHAKE:.0f} seconds"))
        self.factory.turn.taken()


STRANGERS = 100
"""Connections that haven't proven to be a component; more are closed."""


class ComponentFactory(Factory):
    """Listens for components; `secrets` are those of the domains that they may serve."""

    noisy = False

    def __init__(
        self,
        secrets: Mapping[str, str],
        router: Router,
        *,
        clock: Clock,
        turn: Turn,
        limits: Limits,
        items_of: Callable[[str], dict[str, str]],
    ) -> None:
        """`clock` tells real time. `items_of` a domain is where service discovery lists it while it is there."""
        self.secrets = secrets
        self.router = router
        self.clock = clock
        self.turn = turn
        self.limits = limits
        self.connections: set[ComponentConnection] = set()
        self._items_of = items_of
        self._absent: dict[str, Destination] = {domain: Absent(domain) for domain in secrets}
        router.routes.update(self._absent)

    def buildProtocol(self, addr: IAddress | None) -> ComponentConnection | None:  # type: ignore[override]
        if sum(not each.domain for each in self.connections) >= STRANGERS:
            return None  # closed at once
        connection = ComponentConnection()
        connection.factory = self
        return connection

    def is_connected(self, domain: str) -> bool:
        """Whether it is there."""
        return self.router.routes[domain] is not self._absent[domain]

    def came(self, connection: ComponentConnection) -> None:
        """It serves its domain from now on."""
        self.router.routes[connection.domain] = connection
        self._items_of(connection.domain)[connection.domain] = ""
        log.info("the component {domain} is connected", domain=connection.domain)

    def left(self, connection: ComponentConnection) -> None:
        """It doesn't any more."""
        self.router.routes[connection.domain] = self._absent[connection.domain]
        self._items_of(connection.domain).pop(connection.domain, None)
        log.info("the component {domain} has left", domain=connection.domain)

    def close_all(self, error: StreamError) -> None:
        """End every stream."""
        for connection in tuple(self.connections):
            connection.close(error)


def digest(id: str, secret: str) -> str:
    """What shows that a component knows the secret (section 3)."""
    return hashlib.sha1((id + secret).encode()).hexdigest()


def as_component_reads_it(data: bytes) -> bytes:
    """A stanza in the namespace that components have for jabber:client. What it carries from elsewhere stays as it is:
    the serialised form names a namespace wherever it changes.
    """
    return data.replace(_OURS, _THEIRS, 1)
