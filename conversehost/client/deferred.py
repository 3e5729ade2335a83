"""`prebind` for programs with a reactor: on Twisted's Agent, with a Deferred for the session."""

from __future__ import annotations

import re
from collections.abc import Generator, Mapping
from io import BytesIO
from pathlib import Path
from typing import Any

from OpenSSL.SSL import Error as OpenSSLError
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks, succeed
from twisted.internet.error import ConnectionDone, ConnectionLost
from twisted.internet.interfaces import IOpenSSLClientConnectionCreator
from twisted.internet.ssl import (
    Certificate,
    PrivateCertificate,
    optionsForClientTLS,
    platformTrust,
    trustRootFromCertificates,
)
from twisted.web.client import (
    Agent,
    FileBodyProducer,
    HTTPConnectionPool,
    RequestTransmissionFailed,
    ResponseNeverReceived,
)
from twisted.web.http_headers import Headers
from twisted.web.iweb import IPolicyForHTTPS
from zope.interface import implementer

from conversehost.client.blocking import TIMEOUT
from conversehost.client.prebinding import HEADERS, LARGEST, Order, Prebinding, Prebound, address_of, order
from conversehost.client.wire import ClientError, SilenceError, UnreachableError
from conversehost.collected import collected

_CERTIFICATE = re.compile(rb"-----BEGIN CERTIFICATE-----.*?-----END CERTIFICATE-----", re.DOTALL)


def prebind(
    service_url: str,
    jid: str,
    *,
    password: str | None = None,
    token: str | None = None,
    anonymous: bool = False,
    external: bool = False,
    resource: str | None = None,
    route: str | None = None,
    ca: str | Path | None = None,
    certificate: str | Path | None = None,
    headers: Mapping[str, str] | None = None,
    timeout: float = TIMEOUT,
    allow_plain: bool = False,
    reactor: Any = None,
) -> Deferred[Prebound]:
    """As `conversehost.client.prebind`, but that its result and its failures come by a Deferred.

    Proxies of the environment aren't used. Raises ValueError at once for arguments that make no sense.
    """
    wanted = order(
        address_of(service_url),
        jid,
        password=password,
        token=token,
        anonymous=anonymous,
        external=external,
        resource=resource,
        route=route,
        allow_plain=allow_plain,
    )
    policy = Policy(ca, certificate)
    if reactor is None:
        from twisted.internet import reactor
    made = Service(reactor, service_url, policy, headers or {}).prebind(wanted)
    made.addTimeout(timeout, reactor, lambda *_: _too_late(service_url))
    return made


class Service:
    """A BOSH service. Connections are kept from one request to the next."""

    def __init__(self, reactor: Any, url: str, policy: IPolicyForHTTPS, headers: Mapping[str, str]) -> None:
        self._url = url
        self._pool = HTTPConnectionPool(reactor)
        self._agent = Agent(reactor, policy, pool=self._pool)
        self._headers = Headers({name: [value] for name, value in (HEADERS | dict(headers)).items()})

    @inlineCallbacks
    def prebind(self, wanted: Order) -> Generator[Deferred[Any], Any, Prebound]:
        """The whole conversation. Fails with ClientError."""
        prebinding = Prebinding(wanted)
        try:
            while prebinding.result is None:
                status, data = yield self._post(prebinding.request)
                prebinding.answered(status, data)
        except (ClientError, CancelledError) as error:
            self._leave(prebinding)
            raise error
        self._pool.closeCachedConnections()
        return prebinding.result

    @inlineCallbacks
    def _post(self, body: bytes, *, again: bool = True) -> Generator[Deferred[Any], Any, tuple[int, bytes]]:
        try:
            response = yield self._agent.request(
                b"POST", self._url.encode(), self._headers, FileBodyProducer(BytesIO(body))
            )
            data = yield collected(response, LARGEST)
        except (ResponseNeverReceived, RequestTransmissionFailed) as error:
            if error.reasons[0].check(CancelledError):
                raise CancelledError from None
            if again and error.reasons[0].check(ConnectionLost, ConnectionDone):  # it was idle: the server closed it
                return (yield self._post(body, again=False))
            raise UnreachableError(f"{self._url}: {_reason(error)}") from None
        except CancelledError:
            raise
        except Exception as error:  # names, sockets, certificates and HTTP: each library has its own
            raise UnreachableError(f"{self._url}: {_reason(error)}") from None
        return response.code, data

    def _leave(self, prebinding: Prebinding) -> None:
        """Nobody waits for that session any more."""
        farewell = prebinding.farewell()
        sent = succeed(None) if farewell is None else self._post(farewell, again=False)
        sent.addBoth(lambda _: self._pool.closeCachedConnections())


@implementer(IPolicyForHTTPS)
class Policy:
    """Certificates count; `certificate` is our own."""

    def __init__(self, ca: str | Path | None, certificate: str | Path | None) -> None:
        """Raises ValueError."""
        try:
            self._trust = platformTrust() if ca is None else trustRootFromCertificates(_authorities(Path(ca)))
            self._own = None if certificate is None else PrivateCertificate.loadPEM(Path(certificate).read_bytes())
        except (OSError, OpenSSLError) as error:
            raise ValueError(f"{certificate or ca}: {error}") from None

    def creatorForNetloc(self, hostname: bytes, port: int) -> IOpenSSLClientConnectionCreator:
        """As `IPolicyForHTTPS` has it."""
        return optionsForClientTLS(hostname.decode("ascii"), self._trust, self._own)


def _authorities(path: Path) -> list[Certificate]:
    found = _CERTIFICATE.findall(path.read_bytes())
    if not found:
        raise ValueError(f"{path}: no certificate (PEM) in it")
    return [Certificate.loadPEM(each) for each in found]


def _too_late(url: str) -> None:
    raise SilenceError(f"{url}: time is up")


def _reason(error: Exception) -> str:
    """HTTP's failures have others in them."""
    reasons = getattr(error, "reasons", None)
    inner = reasons[0].value if reasons else error
    return str(inner) or type(inner).__name__
