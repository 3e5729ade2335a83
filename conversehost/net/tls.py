"""TLS for our listeners: one certificate, which can change while connections live, and a layer that nobody can hold up.

`Certificate` is what any server of ours speaks TLS with: under a listener of its own by `TlsFactory`, or within a
connection by `transport.startTLS(certificate.speaking(...))`.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cryptography import x509
from OpenSSL import SSL
from twisted.internet.interfaces import IAddress, IOpenSSLServerConnectionCreator, IProtocolFactory
from twisted.internet.protocol import Protocol, connectionDone
from twisted.protocols.tls import TLSMemoryBIOFactory, TLSMemoryBIOProtocol
from twisted.python.failure import Failure
from zope.interface import directlyProvides, implementer, providedBy

from conversehost.clock import Clock, Deadline
from conversehost.errors import ConfigError
from conversehost.net.gate import TurnedAway
from conversehost.net.keypair import KeyPair
from conversehost.net.outlet import pending

CIPHERS = b"ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL"
"""For TLS 1.2: forward secrecy and authenticated encryption. TLS 1.3 has no others."""

HANDSHAKE, CLOSING = 10.0, 5.0
"""Seconds for a client to shake hands, and to say goodbye after we did."""

PLAIN_TEXT = b"This port speaks HTTPS: put https:// before the address.\n"
PLAIN_HTTP = (
    b"HTTP/1.1 400 Bad Request\r\nContent-Type: text/plain; charset=utf-8\r\nX-Content-Type-Options: nosniff\r\n"
    b"Connection: close\r\nContent-Length: %d\r\n\r\n%s" % (len(PLAIN_TEXT), PLAIN_TEXT)
)
"""For a client that doesn't speak TLS, but HTTP."""


class Certificate:
    """A certificate with its key, as it is now."""

    def __init__(
        self, source: Callable[[], KeyPair], authorities: Callable[[], Sequence[x509.Certificate]] = lambda: ()
    ) -> None:
        """Both are called now and at each reload; `authorities` say who a client is. Raises ConfigError."""
        self._source = source
        self._read_authorities = authorities
        self.reload()

    def reload(self) -> None:
        """New connections get what `source` gives now. When that raises ConfigError all stays as it was."""
        pair, authorities = self._source(), self._read_authorities()
        context(pair, ())  # OpenSSL may have objections of its own
        self.pair, self.authorities = pair, authorities
        self._contexts: dict[tuple[tuple[bytes, ...], bool], SSL.Context] = {}

    def speaking(self, *protocols: bytes, asking: bool = False) -> Speaker:
        """For a server of these protocols, by their ALPN names (RFC 7301); `asking` clients for a certificate."""
        return Speaker(self, protocols, asking=asking)

    def context(self, protocols: tuple[bytes, ...], *, asking: bool = False) -> SSL.Context:
        """Shared by all connections until the next reload."""
        found = self._contexts.get((protocols, asking))
        if found is None:
            found = self._contexts[protocols, asking] = context(self.pair, protocols)
            if asking:
                ask(found, self.authorities)
        return found


@implementer(IOpenSSLServerConnectionCreator)
class Speaker:
    """What Twisted wants to know of a server that speaks TLS."""

    def __init__(self, certificate: Certificate, protocols: tuple[bytes, ...], *, asking: bool) -> None:
        self._certificate = certificate
        self._protocols = protocols
        self._asking = asking

    def serverConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        return SSL.Connection(self._certificate.context(self._protocols, asking=self._asking), None)


def context(pair: KeyPair, protocols: tuple[bytes, ...]) -> SSL.Context:
    """TLS 1.2 or newer, good ciphers, no renegotiation. Raises ConfigError when OpenSSL doesn't take the pair."""
    made = SSL.Context(SSL.TLS_SERVER_METHOD)
    made.set_min_proto_version(SSL.TLS1_2_VERSION)
    made.set_options(SSL.OP_NO_COMPRESSION | SSL.OP_CIPHER_SERVER_PREFERENCE | SSL.OP_NO_RENEGOTIATION)
    made.set_mode(SSL.MODE_RELEASE_BUFFERS)
    made.set_cipher_list(CIPHERS)
    made.set_session_id(b"conversehost")
    try:
        made.use_certificate(pair.chain[0])
        for issuer in pair.chain[1:]:
            made.add_extra_chain_cert(issuer)
        made.use_privatekey(pair.key)
        made.check_privatekey()
    except SSL.Error as error:
        reason = error.args[0][-1][-1] if error.args and error.args[0] else "no reason given"
        raise ConfigError(f"{pair.path}: OpenSSL doesn't take it ({reason})") from None
    if protocols:

        def select(connection: SSL.Connection, offered: list[bytes]) -> Any:
            return next((each for each in protocols if each in offered), SSL.NO_OVERLAPPING_PROTOCOLS)

        made.set_alpn_select_callback(select)
    return made


def ask(context: SSL.Context, authorities: Sequence[x509.Certificate]) -> None:
    """Have clients asked for a certificate. Which one they have, if any, is judged later: by whoever wants to know.

    Each handshake is a whole one: what it proves is proven for this connection.
    """
    context.set_session_cache_mode(SSL.SESS_CACHE_OFF)
    context.set_options(SSL.OP_NO_TICKET)
    context.set_verify(SSL.VERIFY_PEER, lambda *_: True)
    for each in authorities:
        context.add_client_ca(each)


class Counted:
    """A transport that counts what it is given; all else is the transport's own."""

    def __init__(self, transport: Any) -> None:
        self.given = 0  # bytes, from the beginning
        self._transport = transport
        directlyProvides(self, providedBy(transport))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)

    def write(self, data: bytes) -> None:
        self.given += len(data)
        self._transport.write(data)


class TlsProtocol(TLSMemoryBIOProtocol):
    """Under one connection. Neither a handshake nor a goodbye that doesn't come keeps it open.

    While data waits for the client it isn't cut off: how long that may take is for the protocol above to say.
    """

    factory: TlsFactory
    transport: Any

    def makeConnection(self, transport: Any) -> None:
        self._silent = True
        self._deadline: Deadline | None = self.factory.clock.after(HANDSHAKE, self._unshaken)
        super().makeConnection(Counted(transport))

    def dataReceived(self, data: bytes) -> None:
        if self._silent:
            self._silent = False
            if self.factory.plain and (data[:1].isalpha() or data[:1] == b"<"):
                self.transport.write(self.factory.plain)
                self.transport.loseConnection()
                self._aborted = True
        if not self._aborted:
            super().dataReceived(data)

    def loseConnection(self) -> None:
        super().loseConnection()
        self._wait(self._unanswered)

    def connectionLost(self, reason: Failure = connectionDone) -> None:
        self._set_deadline(None)
        super().connectionLost(reason)

    def _unshaken(self) -> None:
        self._deadline = None
        if self.connected and self.getHandle().get_peer_finished() is None:
            self.abortConnection()

    def _unanswered(self) -> None:
        self._deadline = None
        if pending(self.transport):
            self._wait(self._unanswered)
        else:
            self.abortConnection()

    def _wait(self, call: Callable[[], None]) -> None:
        if self.connected:
            self._set_deadline(self.factory.clock.after(CLOSING, call))

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline


class TlsFactory(TLSMemoryBIOFactory):
    """Puts TLS under the connections of another factory."""

    protocol = TlsProtocol

    def __init__(self, speaker: Speaker, above: IProtocolFactory, *, clock: Clock, plain: bytes = b"") -> None:
        """`clock` tells real time. `plain` answers a client that starts with a letter or <, so without TLS."""
        super().__init__(speaker, False, above)
        self.clock = clock
        self.plain = plain

    def below(self, connection: Protocol) -> TlsProtocol:
        """TLS begins on a connection that is open: what `connection` writes to from now on (RFC 6120 section 5.4.3)."""
        transport: Any = connection.transport
        begun = self.protocol(self, connection, False)
        transport.protocol = begun
        begun.makeConnection(transport)
        return begun

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # type: ignore[override]
        """None for whom the factory above turns away: telling it would cost a handshake."""
        inner = self.wrappedFactory.buildProtocol(addr)
        return None if inner is None or isinstance(inner, TurnedAway) else self.protocol(self, inner)
