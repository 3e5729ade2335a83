"""From the options to TLS: whose certificate, and what speaks with it. Loads what that needs when it is needed."""

from __future__ import annotations

import os
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from twisted.internet.interfaces import IAddress
from twisted.internet.protocol import Factory, Protocol
from twisted.logger import Logger

from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings
from conversehost.xmpp import ns
from conversehost.xmpp.stream import Channel

if TYPE_CHECKING:
    from cryptography import x509

    from conversehost.net.keypair import KeyPair
    from conversehost.net.tls import Certificate, TlsFactory

log = Logger()

XMPP = b"xmpp-client"
"""By ALPN (XEP-0368)."""

PLAIN_XMPP = (
    f"<?xml version='1.0'?><stream:stream xmlns='{ns.CLIENT}' xmlns:stream='{ns.STREAM}' version='1.0' xml:lang='en'>"
    f"<stream:error><policy-violation xmlns='{ns.STREAM_ERROR}'/><text xmlns='{ns.STREAM_ERROR}' xml:lang='en'>"
    "This port speaks TLS from the first byte; the other one has STARTTLS.</text></stream:error></stream:stream>"
).encode()
"""For a client that begins without TLS where there is nothing else."""


class Secured:
    """The server's certificate. `ca` is the file to trust it by, None when it is the operator's own."""

    def __init__(self, settings: Settings) -> None:
        """Only what must be there before anybody comes is made now: a first authority. Raises ConfigError."""
        self._settings = settings
        self._loaded: Certificate | None = None
        self._folder = None if settings.tls_cert else (settings.state_dir or state_folder()) / "tls"
        self.ca = None if self._folder is None else str(self._folder / "ca.pem")
        insists = settings.tls or settings.require_tls or settings.client_ca
        if insists or self.ca is None or not os.path.exists(self.ca):
            self.certificate  # noqa: B018

    @property
    def certificate(self) -> Certificate:
        """Loaded when it is needed for the first time. Raises ConfigError."""
        if self._loaded is None:
            from conversehost.net.tls import Certificate

            source = self._source()
            self._loaded = Certificate(source, self._authorities)
        return self._loaded

    def reload(self) -> datetime:
        """Read it anew; when it expires, in UTC. Raises ConfigError, and then the old one stays."""
        self.certificate.reload()
        return self.certificate.pair.expires

    def below(self, factory: Any, clock: Clock) -> Any:
        """A factory of HTTPS connections."""
        from conversehost.net.tls import PLAIN_HTTP, TlsFactory

        return TlsFactory(self.certificate.speaking(b"http/1.1"), factory, clock=clock, plain=PLAIN_HTTP)

    def for_xmpp(self, clock: Clock) -> XmppTls:
        """What clients of XMPP over TCP get."""
        return XmppTls(self, clock)

    def _source(self) -> Callable[[], KeyPair]:
        from conversehost.net import keypair
        from conversehost.net.authority import Authority

        settings = self._settings
        if certificate := settings.tls_cert:
            return lambda: keypair.read(certificate, settings.tls_key or certificate)
        assert self._folder is not None
        guests = [settings.guests] if settings.guests else []
        names = (*settings.domains, *guests, *settings.allowed_hosts, *settings.interfaces)
        return Authority(self._folder, names).certificate

    def _authorities(self) -> Sequence[x509.Certificate]:
        """Those who may say who a client is: the operator's, or the one of this machine."""
        from conversehost.net import keypair

        path = self._settings.client_ca or (Path(self.ca) if self.ca else None)
        return keypair.read_chain(path) if path else ()


class XmppTls:
    """TLS for the connections of one `ClientFactory`, begun within them or below them. A `net.tcp.Tls`."""

    def __init__(self, secured: Secured, clock: Clock) -> None:
        self._secured = secured
        self._clock = clock

    def load(self) -> None:
        """Raises ConfigError."""
        self._secured.certificate  # noqa: B018

    def begin(self, connection: Protocol) -> Any:
        """STARTTLS."""
        return self._below(connection.factory, b"").below(connection)

    def channel(self, transport: Any) -> Channel:
        from conversehost.net.channel import TlsChannel

        return TlsChannel(transport.getHandle(), self._secured.certificate.authorities)

    def direct(self, above: Any) -> Factory:
        """A factory of connections that have TLS from the first byte."""
        return Direct(lambda: self._below(above, PLAIN_XMPP))

    def _below(self, above: Any, plain: bytes) -> TlsFactory:
        from conversehost.net.tls import TlsFactory

        speaker = self._secured.certificate.speaking(XMPP, asking=True)
        return TlsFactory(speaker, above, clock=self._clock, plain=plain)


class Direct(Factory):
    """Has TLS loaded when the first client comes."""

    noisy = False

    def __init__(self, make: Callable[[], TlsFactory]) -> None:
        self._make = make
        self._made: TlsFactory | None = None

    def buildProtocol(self, addr: IAddress | None) -> Protocol | None:  # type: ignore[override]
        try:
            self._made = self._made or self._make()
        except ConfigError as error:
            log.error("TLS can't begin: {error}", error=str(error))
            return None
        return self._made.buildProtocol(addr)


def find(settings: Settings) -> Secured | None:
    """None where there is no TLS: nobody wants it, or nobody insists and there is no place for an authority.

    Raises ConfigError.
    """
    insists = settings.tls or settings.require_tls or settings.client_ca
    if settings.no_starttls and not insists:
        return None
    try:
        return Secured(settings)
    except ConfigError as error:
        if insists:
            raise
        log.warn("XMPP is without TLS: {error}", error=str(error))
        return None


def state_folder() -> Path:
    """Where programs keep what shall outlive them, and is nobody else's business (XDG base directories).

    Raises ConfigError.
    """
    base = os.environ.get("XDG_STATE_HOME", "")
    try:
        return (Path(base) if os.path.isabs(base) else Path.home() / ".local" / "state") / "conversehost"
    except RuntimeError:
        raise ConfigError("there is no home folder to keep a certificate in: choose one with --state-dir") from None
