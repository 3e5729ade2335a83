"""SASL as a client sees it: SCRAM, PLAIN, ANONYMOUS (RFC 5802, 4616, 4505)."""

from __future__ import annotations

import base64
import binascii
from typing import Protocol

from conversehost.client.wire import RefusedError
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element

SCRAM = ("SCRAM-SHA-256", "SCRAM-SHA-1", "SCRAM-SHA-512")


class Mechanism(Protocol):
    """One login. What comes from the server is still in base64."""

    name: str

    def start(self) -> bytes:
        """The initial response."""

    def answer(self, challenge: str | None) -> bytes:
        """To a challenge. Raises RefusedError when the server makes no sense."""

    def check(self, success: str | None) -> None:
        """What came with success. Raises RefusedError when it isn't who it claims to be."""


class Simple:
    """A mechanism of one message."""

    def __init__(self, name: str, message: bytes) -> None:
        self.name = name
        self._message = message

    def start(self) -> bytes:
        return self._message

    def answer(self, challenge: str | None) -> bytes:
        raise RefusedError("malformed-request", f"{self.name} has no challenges")

    def check(self, success: str | None) -> None:
        return


class Scram:
    """Proves the password without sending it, and wants the same of the server."""

    def __init__(self, name: str, username: str, password: str) -> None:
        from scramp import ScramClient  # a library that few need

        self.name = name
        self._client = ScramClient([name], username, password)

    def start(self) -> bytes:
        return _bytes(self._client.get_client_first())

    def answer(self, challenge: str | None) -> bytes:
        from scramp import ScramException

        try:
            self._client.set_server_first(decode(challenge))
            return _bytes(self._client.get_client_final())
        except ScramException as error:
            raise RefusedError("malformed-request", str(error)) from None

    def check(self, success: str | None) -> None:
        from scramp import ScramException

        try:
            self._client.set_server_final(decode(success))
        except ScramException as error:
            raise RefusedError("not-authorized", f"the server doesn't know the password: {error}") from None


def choose(features: Element, username: str, password: str) -> Mechanism:
    """The best of those offered. Raises RefusedError(invalid-mechanism) when there is none."""
    offered = [each.text or "" for each in features.iter(f"{{{ns.SASL}}}mechanism")]
    if not username and "ANONYMOUS" in offered:
        return Simple("ANONYMOUS", b"")
    for name in SCRAM if username else ():
        if name in offered:
            return Scram(name, username, password)
    if username and "PLAIN" in offered:
        return Simple("PLAIN", f"\0{username}\0{password}".encode())
    raise RefusedError("invalid-mechanism", f"the server offers {', '.join(offered) or 'no mechanism'}")


def encode(data: bytes) -> str | None:
    """base64; nothing is nothing."""
    return base64.b64encode(data).decode() or None


def decode(text: str | None) -> str:
    """From base64; what isn't that becomes something that no mechanism takes."""
    try:
        return base64.b64decode((text or "").encode("ascii", "replace")).decode("utf-8", "replace")
    except binascii.Error:
        return ""


def _bytes(message: str) -> bytes:
    return message.encode()
