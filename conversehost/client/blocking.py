"""`prebind` on the standard library's http.client: it blocks until the session is there."""

from __future__ import annotations

import contextlib
import http.client
import ssl
import time
import urllib.request
from base64 import b64encode
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, unquote, urlsplit

from conversehost.client.prebinding import HEADERS, LARGEST, Prebinding, Prebound, address_of, order
from conversehost.client.wire import ClientError, SilenceError, UnreachableError

TIMEOUT = 10.0
"""Seconds for all of it."""


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
) -> Prebound:
    """A BOSH session of any XMPP server's, authenticated and bound, for Converse.js to attach to.

    `service_url` is the server's BOSH service; `jid` an account, or with `anonymous` the domain for guests. One of
    `password`, `token`, `anonymous` and `external` says how to log in; without `resource` the server chooses one.
    `route` (XEP-0124 section 7.1) names the server behind a connection manager, such as xmpp:chat.example:5222.

    Certificates count: `ca` is a file with the authority (PEM) where that isn't one of the system's; `certificate` one
    with our own and its key, for `external`. `headers` go with each request. `timeout`: seconds for all of it. What
    can be read on the way goes over TLS or to this machine only, unless `allow_plain`. The environment's proxies
    (https_proxy, http_proxy, no_proxy) are used.

    Raises ValueError for arguments that make no sense, and ClientError: UnreachableError, SilenceError when time is up,
    RefusedError when one may not log in, StreamEndedError when the server ends the session.
    """
    url = address_of(service_url)
    wanted = order(
        url,
        jid,
        password=password,
        token=token,
        anonymous=anonymous,
        external=external,
        resource=resource,
        route=route,
        allow_plain=allow_plain,
    )
    context = _context(ca, certificate) if url.scheme == "https" else None
    with contextlib.closing(Service(url, context, headers or {}, time.monotonic() + timeout)) as service:
        return _carried_out(Prebinding(wanted), service)


def _carried_out(prebinding: Prebinding, service: Service) -> Prebound:
    """All that it wants asked, one request after the other. Raises ClientError."""
    try:
        while prebinding.result is None:
            prebinding.answered(*service.post(prebinding.request))
    except ClientError:
        if farewell := prebinding.farewell():
            with contextlib.suppress(ClientError):  # nobody waits for that session any more
                service.post(farewell)
        raise
    return prebinding.result


class Service:
    """A BOSH service over one connection, which may have to be made anew. `until`: by time.monotonic."""

    def __init__(
        self, url: SplitResult, context: ssl.SSLContext | None, headers: Mapping[str, str], until: float
    ) -> None:
        self._url = url
        self._context = context
        self._headers = HEADERS | dict(headers)
        self._until = until
        self._path = (url.path or "/") + (f"?{url.query}" if url.query else "")
        self._connection: http.client.HTTPConnection | None = None

    def post(self, body: bytes) -> tuple[int, bytes]:
        """Status and body of the answer. Raises UnreachableError, SilenceError."""
        is_used = self._connection is not None
        try:
            return self._post(body)
        except TimeoutError:
            raise SilenceError(f"{self._url.geturl()}: time is up") from None
        except (ConnectionError, http.client.HTTPException) as error:
            self.close()
            if is_used:  # it was idle, and the server has closed it; the same request twice is one (section 14.3)
                return self.post(body)
            raise UnreachableError(f"{self._url.geturl()}: {error or type(error).__name__}") from None
        except OSError as error:  # also what is wrong with a certificate
            raise UnreachableError(f"{self._url.geturl()}: {error.strerror or error}") from None

    def close(self) -> None:
        """For good, or until the next request."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _post(self, body: bytes) -> tuple[int, bytes]:
        left = self._until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if self._connection is None:
            self._connection = self._connect()
        connection = self._connection
        connection.timeout = left
        if connection.sock is not None:
            connection.sock.settimeout(left)
        connection.request("POST", self._path, body, self._headers)
        answer = connection.getresponse()
        data = answer.read(LARGEST + 1)
        if len(data) > LARGEST:
            raise UnreachableError(f"{self._url.geturl()}: an answer of more than {LARGEST} bytes")
        return answer.status, data

    def _connect(self) -> http.client.HTTPConnection:
        """Straight, or through the environment's proxy."""
        host, port = self._url.hostname or "", self._url.port
        proxy = self._proxy()
        if proxy is None:
            return self._make(host, port)
        via, fields = proxy
        if self._context is not None:
            made = self._make(via.hostname or "", via.port)
            made.set_tunnel(host, port, fields)
            return made
        self._path = self._url.geturl()
        self._headers |= fields
        return http.client.HTTPConnection(via.hostname or "", via.port)

    def _make(self, host: str, port: int | None) -> http.client.HTTPConnection:
        if self._context is None:
            return http.client.HTTPConnection(host, port)
        return http.client.HTTPSConnection(host, port, context=self._context)

    def _proxy(self) -> tuple[SplitResult, dict[str, str]] | None:
        """Where it is, and who we are there."""
        found = urllib.request.getproxies().get(self._url.scheme)
        if not found or urllib.request.proxy_bypass(self._url.netloc.rpartition("@")[2]):
            return None
        parts = urlsplit(found if "://" in found else f"http://{found}")
        if not parts.username:
            return parts, {}
        said = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        return parts, {"Proxy-Authorization": f"Basic {b64encode(said.encode()).decode()}"}


def _context(ca: str | Path | None, certificate: str | Path | None) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=ca)
        if certificate is not None:
            context.load_cert_chain(certificate)
    except OSError as error:
        raise ValueError(f"{certificate or ca}: {error.strerror or error}") from None
    return context
