"""The seam between a client and what carries it; and how conversations fail."""

from __future__ import annotations

import ipaddress
import socket
import ssl
from dataclasses import dataclass
from typing import Protocol

from lxml.etree import QName

from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element

PATIENCE = 5.0


class Wire(Protocol):
    """One connection, or what passes for one."""

    def open(self, domain: str) -> Element:
        """Open a stream to a domain, or open it again after login: the stream features."""

    def send(self, data: bytes) -> None:
        """One element."""

    def receive(self) -> Element:
        """The next element; waits for it. Raises SilenceError, StreamEndedError."""

    def close(self) -> None:
        """End the stream as one should, and wait until the server has done so too."""

    def drop(self) -> None:
        """Be gone without a word."""


class ClientError(Exception):
    """All that can go wrong with a server: nobody is there, nothing comes, or one isn't wanted."""


class SilenceError(ClientError):
    """Nothing came for as long as one is willing to wait."""


class StreamEndedError(ClientError):
    """The server ended the stream; `condition` is the stream error, "" for an end without one."""

    def __init__(self, condition: str = "", text: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition
        self.text = text


class RefusedError(ClientError):
    """No login, or no resource; `condition` is the server's word for why."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(f"{condition}: {text}" if text else condition)
        self.condition = condition


class UnreachableError(ClientError):
    """There is no such server, or none that speaks this."""


@dataclass(frozen=True, slots=True)
class Manners:
    """`patience`: seconds to wait at most for anything. `ca`: a file with the authority of the server's certificate."""

    patience: float = PATIENCE
    ca: str | None = None


def connect(host: str, port: int, manners: Manners) -> socket.socket:
    """A connected TCP socket. Raises UnreachableError."""
    try:
        return socket.create_connection((host, port), manners.patience)
    except OSError as error:
        raise UnreachableError(f"{host}:{port}: {error.strerror or error}") from None


def tls_context(host: str, manners: Manners) -> ssl.SSLContext:
    """Certificates count, save on this machine itself, where servers in development have any that they like."""
    context = ssl.create_default_context(cafile=manners.ca)
    if manners.ca is None and is_local(host):
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


def secured(plain: socket.socket, host: str, name: str, manners: Manners) -> ssl.SSLSocket:
    """TLS on a connection to `host`, whose certificate is to be of `name`. Raises UnreachableError."""
    try:
        return tls_context(host, manners).wrap_socket(plain, server_hostname=name)
    except OSError as error:  # also what is wrong with a certificate
        plain.close()
        raise UnreachableError(f"{host}: no TLS: {error}") from None


def is_local(host: str) -> bool:
    """Whether that is this machine by one of its usual names."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:  # 127.0.0.1.evil.example is a name like any other
        return False


def refusal(found: Element) -> RefusedError:
    """The first child of a failure says which one."""
    condition = QName(found[0]).localname if len(found) else QName(found).localname
    return RefusedError(condition, found.findtext("{*}text") or "")


def stream_error(found: Element) -> StreamEndedError | None:
    """`<stream:error/>` as an exception (RFC 6120 section 4.9); None for other elements."""
    if found.tag != f"{{{ns.STREAM}}}error":
        return None
    return StreamEndedError(QName(found[0]).localname if len(found) else "", found.findtext("{*}text") or "")
