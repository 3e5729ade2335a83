"""SASL as a client sees it: SCRAM, PLAIN, ANONYMOUS (RFC 5802, 4616, 4505)."""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
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


class Bearer(Simple):
    """RFC 7628: why a token isn't taken comes as a challenge, which is answered by one byte; then it fails."""

    def __init__(self, message: bytes) -> None:
        super().__init__("OAUTHBEARER", message)

    def answer(self, challenge: str | None) -> bytes:
        return b"\1"


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


@dataclass(frozen=True, slots=True)
class Proof:
    """Who one is, and by what that is shown: a password or a token; `anonymous` and `external` need none of them.

    EXTERNAL leaves it to the connection: a certificate, or a cookie of the site's.
    """

    username: str = ""
    password: str = ""
    token: str = ""
    anonymous: bool = False
    external: bool = False
    authzid: str = ""

    def __repr__(self) -> str:
        return f"Proof({self.username!r})"


STRONGEST = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")


def select(features: Element, proof: Proof, *, is_private: bool) -> Mechanism:
    """The best that is offered for it. What can be read on the way is sent only where it `is_private`.

    Raises RefusedError(invalid-mechanism, or encryption-required).
    """
    offered = [each.text or "" for each in features.iter(f"{{{ns.SASL}}}mechanism")]
    usable = [name for name in _names(proof) if name in offered]
    safe = [name for name in usable if is_private or name in (*STRONGEST, "ANONYMOUS")]
    if safe:
        return _make(safe[0], proof)
    if usable:
        raise RefusedError("encryption-required", f"{usable[0]} without TLS: use https, or allow_plain=True")
    raise RefusedError("invalid-mechanism", f"the server offers {', '.join(offered) or 'no mechanism'}")


def _names(proof: Proof) -> tuple[str, ...]:
    """The mechanisms for it, the best first."""
    if proof.anonymous:
        return ("ANONYMOUS",)
    if proof.external:
        return ("EXTERNAL",)
    if " " in proof.token:  # as Prosody's mod_auth_token has them; no bearer token has a space
        return ("X-TOKEN", "PLAIN")
    return ("OAUTHBEARER", "PLAIN") if proof.token else (*STRONGEST, "PLAIN")


def _make(name: str, proof: Proof) -> Mechanism:
    if name in STRONGEST:
        return Scram(name, proof.username, proof.password)
    if name == "ANONYMOUS":
        return Simple(name, b"")
    if name == "EXTERNAL":
        return Simple(name, proof.authzid.encode())
    if name == "OAUTHBEARER":
        authzid = proof.authzid.replace("=", "=3D").replace(",", "=2C")
        return Bearer(f"n,a={authzid},\1auth=Bearer {proof.token}\1\1".encode())
    return Simple(name, f"\0{proof.username}\0{proof.token or proof.password}".encode())


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
