"""The way to a server: DNS, which addresses one may go to, connections with a time limit, TLS that is verified."""

from __future__ import annotations

import ipaddress
import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

import idna
from OpenSSL import SSL, crypto
from twisted.internet.defer import Deferred, gatherResults
from twisted.internet.endpoints import TCP4ClientEndpoint, TCP6ClientEndpoint, wrapClientTLS
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.protocol import Factory, Protocol
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.names import client, dns
from twisted.names.common import ResolverBase
from twisted.protocols.tls import TLSMemoryBIOProtocol
from zope.interface import implementer

from conversehost.errors import ConfigError
from conversehost.upstream.addresses import AddressRules
from conversehost.upstream.candidates import Record, places
from conversehost.xmpp.errors import StreamError, WayError
from conversehost.xmpp.places import PORT, Place

CONNECT = 10.0
"""Seconds for one address to take a connection."""

ASK = (1, 2, 4)
"""Seconds that DNS has to answer, and twice more when it doesn't."""

TRIED = 10
"""Places that are tried, and addresses of each: DNS could name a thousand, of people who have no part in it."""

ALPN = b"xmpp-client"
Failed = Callable[[StreamError], None]


class Resolver:
    """DNS: by a server of one's own, or as the machine does it, with its file of hosts."""

    def __init__(self, reactor: Any, server: tuple[str, int] | None = None, *, service: str = "client") -> None:
        """`service`: whom servers are looked for by, a client or a `server` (without TLS from the first byte)."""
        self._service = service
        own = client.Resolver(servers=[server], reactor=reactor) if server else client.createResolver()
        self._dns: ResolverBase = own

    def services(self, domain: str) -> Deferred[list[Record]]:
        """The SRV records of both kinds (XEP-0368 section 2); an answer that doesn't come counts as none."""
        kinds = (False, True) if self._service == "client" else (False,)
        found = gatherResults([self._services(domain, tls=tls) for tls in kinds])
        return found.addCallback(lambda several: [record for records in several for record in records])

    def addresses(self, host: str) -> Deferred[list[str]]:
        """IPv4 first: where IPv6 leads nowhere, it would cost a time-out each time."""
        found = self._dns
        both = [
            self._addresses(found.lookupAddress, dns.A, host),
            self._addresses(found.lookupIPV6Address, dns.AAAA, host),
        ]
        return gatherResults(both).addCallback(lambda found: [*found[0], *found[1]])

    def _services(self, domain: str, *, tls: bool) -> Deferred[list[Record]]:
        name = f"_xmpp{'s' if tls else ''}-{self._service}._tcp.{domain}"

        def read(found: tuple[Any, Any, Any]) -> list[Record]:
            answers = [each.payload for each in found[0] if each.type == dns.SRV]
            return [Record(each.priority, each.weight, each.port, name_of(each.target), tls) for each in answers]

        return self._dns.lookupService(name, timeout=ASK).addCallbacks(read, lambda _: [])

    def _addresses(self, look_up: Any, kind: int, host: str) -> Deferred[list[str]]:
        def read(found: tuple[Any, Any, Any]) -> list[str]:
            return [str(ipaddress.ip_address(each.payload.address)) for each in found[0] if each.type == kind]

        return look_up(host, timeout=ASK).addCallbacks(read, lambda _: [])


class ClientTls:
    """How we speak TLS to servers: each has to prove that it is the one for its domain."""

    def __init__(self, ca: Path | None = None, own: Path | None = None, *, insecure: bool = False) -> None:
        """`ca`: whose certificates count, in place of the machine's own; `own`: our own, with its key.

        Raises ConfigError.
        """
        self._own = None if own is None else read_own(own)
        self._trust = platformTrust()
        if ca is not None:
            self._trust = trustRootFromCertificates(read_certificates(ca))
        self._insecure = insecure
        self.speaking = lru_cache(maxsize=1_000)(self._speaking)

    def _speaking(self, domain: str) -> IOpenSSLClientConnectionCreator:
        if self._insecure:
            return Believing(domain, self._own)
        return optionsForClientTLS(domain, self._trust, self._own, acceptableProtocols=[ALPN])


@implementer(IOpenSSLClientConnectionCreator)
class Believing:
    """Takes any certificate."""

    def __init__(self, domain: str, own: PrivateCertificate | None, protocol: bytes = ALPN) -> None:
        self._name = domain.encode()
        self._context = SSL.Context(SSL.TLS_CLIENT_METHOD)
        self._context.set_min_proto_version(SSL.TLS1_2_VERSION)
        self._context.set_alpn_protos([protocol])
        if own is not None:
            self._context.use_certificate(own.original)
            self._context.use_privatekey(own.privateKey.original)

    def clientConnectionForTLS(self, tlsProtocol: TLSMemoryBIOProtocol) -> SSL.Connection:
        made = SSL.Connection(self._context, None)
        made.set_tlsext_host_name(self._name)
        return made


def read_own(path: Path) -> PrivateCertificate:
    """A certificate and its key, from one PEM file. Raises ConfigError."""
    try:
        return PrivateCertificate.loadPEM(path.read_bytes())
    except (OSError, ValueError, crypto.Error) as error:
        raise ConfigError(f"--upstream-cert {path}: wants a certificate and its key in PEM ({error})") from None


def read_certificates(path: Path, flag: str = "--upstream-ca") -> list[Certificate]:
    """All in a PEM file. Raises ConfigError, which names the option."""
    mark = "-----BEGIN CERTIFICATE-----"
    try:
        _, *found = path.read_text(encoding="ascii").split(mark)
        certificates = [Certificate.loadPEM((mark + each).encode()) for each in found]
    except (OSError, ValueError, SSL.Error) as error:
        raise ConfigError(f"{flag} {path}: can't be read as certificates in PEM ({error})") from None
    if not certificates:
        raise ConfigError(f"{flag} {path}: there is no certificate in it")
    return certificates


@dataclass(frozen=True, slots=True)
class Roads:
    """What all searches share. `rules`: for the addresses of servers that the operator hasn't named himself; `port`:
    where DNS names none.
    """

    reactor: Any
    resolver: Resolver
    tls: ClientTls
    rules: AddressRules
    port: int = PORT


class Search:
    """For the server of one domain: one place after the other, one address after the other, until one takes us."""

    def __init__(self, roads: Roads, domain: str, connected: Callable[[Place], Protocol], failed: Failed) -> None:
        """`connected` makes the protocol for a connection that is open; else `failed` is called, once."""
        self._roads = roads
        self._domain = ascii_name(domain)
        self._connected = connected
        self._failed: Failed | None = failed
        self._places: list[Place] = []
        self._addresses: list[str] = []
        self._place = Place()
        self._named = False
        self._found = self._refused = False  # any address; one that we may not go to
        self._waiting: Deferred[Any] | None = None

    def begin(self, place: Place, *, named: bool) -> None:
        """`named`: it is the operator who says where the server is."""
        self._named = named
        if not self._domain:
            self._fail(WayError("host-unknown", "the domain can't be looked up"))
        elif place.host:
            self._try([place])
        else:
            found = self._roads.resolver.services(self._domain)
            self._wait(
                found, lambda records: self._try(places(self._domain, records, random.randrange, self._roads.port))
            )

    def cancel(self) -> None:
        """Nobody needs it any more."""
        self._failed = None
        if self._waiting is not None:
            self._waiting.cancel()

    def _try(self, found: Sequence[Place]) -> None:
        self._places = list(found[:TRIED])
        self._next_place()

    def _next_place(self) -> None:
        if not self._places:
            self._fail(self._why())
            return
        self._place = self._places.pop(0)
        host = ascii_name(self._place.host)
        if is_address(host):
            self._knock([host])
        elif not host:
            self._next_place()
        else:
            self._wait(self._roads.resolver.addresses(host), self._knock)

    def _knock(self, addresses: Sequence[str]) -> None:
        self._found = self._found or bool(addresses)
        rules = self._roads.rules
        allowed = [each for each in addresses if (not rules.is_denied(each) if self._named else rules.permits(each))]
        self._addresses = allowed[:TRIED]
        self._refused = self._refused or len(allowed) < len(addresses)
        self._next_address()

    def _next_address(self) -> None:
        if not self._addresses:
            self._next_place()
            return
        address, place = self._addresses.pop(0), self._place
        kind = TCP6ClientEndpoint if ":" in address else TCP4ClientEndpoint
        endpoint: Any = kind(self._roads.reactor, address, place.port, timeout=CONNECT)
        if place.tls:
            endpoint = wrapClientTLS(self._roads.tls.speaking(self._domain), endpoint)
        self._wait(endpoint.connect(Once(lambda: self._connected(place))), self._arrived, self._next_address)

    def _arrived(self, protocol: Protocol) -> None:
        self._failed = None

    def _why(self) -> WayError:
        if self._refused:
            return WayError("host-unknown", f"{self._domain} isn't at an address that is allowed")
        if not self._found:
            return WayError("remote-connection-failed", f"DNS has no address for {self._domain}")
        return WayError("remote-connection-failed", f"the server of {self._domain} takes no connection")

    def _fail(self, error: StreamError) -> None:
        failed, self._failed = self._failed, None
        if failed is not None:
            failed(error)

    def _wait(
        self, found: Deferred[Any], then: Callable[[Any], None], otherwise: Callable[[], None] | None = None
    ) -> None:
        """Nothing happens once it was cancelled."""

        def went(result: Any) -> None:
            self._waiting = None
            if self._failed is not None:
                then(result)

        def broke(_: Any) -> None:
            self._waiting = None
            if self._failed is not None:
                (otherwise or self._next_place)()

        self._waiting = found
        found.addCallbacks(went, broke)


class Once(Factory):
    """For one connection."""

    noisy = False

    def __init__(self, make: Callable[[], Protocol]) -> None:
        self._make = make

    def buildProtocol(self, addr: object) -> Protocol:
        return self._make()


def name_of(target: dns.Name) -> str:
    """Of a server; what is no ASCII is none that can be found."""
    return target.name.decode("ascii", "replace")


def ascii_name(name: str) -> str:
    """A name as DNS has it (IDNA 2008), an address as it is; "" for what can be neither."""
    bare = name.strip("[]")
    if is_address(bare) or name.isascii():
        return bare if len(bare) < 254 else ""
    try:
        return idna.encode(name, uts46=True).decode()
    except idna.IDNAError:
        return ""


def is_address(text: str) -> bool:
    """Whether it is an IP address."""
    try:
        ipaddress.ip_address(text)
    except ValueError:
        return False
    return True
