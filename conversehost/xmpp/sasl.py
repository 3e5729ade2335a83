"""SASL mechanisms as a server sees them: bytes in, bytes out (RFC 4422, 4616, 5802)."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from scramp import ScramException, ScramMechanism
from scramp.utils import saslprep

ScramKeys = tuple[bytes, bytes, bytes, int]
"""Salt, stored key, server key, iterations (RFC 5802 section 3)."""


class SASLError(Exception):
    """A failure of RFC 6120 section 6.5; `condition` is its element's name."""

    def __init__(self, condition: str, text: str = "") -> None:
        super().__init__(condition, text)
        self.condition = condition
        self.text = text


@dataclass(frozen=True, slots=True)
class Plain:
    """The one message of PLAIN."""

    authzid: str
    authcid: str
    password: str


def prepare_password(text: str) -> str:
    """SASLprep (RFC 4013), as RFC 4616 and 5802 want it. What it can't prepare, such as an emoji, stays as it is."""
    if text.isascii() and text.isprintable():
        return text
    try:
        prepared: str = saslprep(text)
    except ScramException:
        return text
    return prepared or text


def parse_plain(message: bytes) -> Plain:
    """RFC 4616 section 2. Raises SASLError(malformed-request)."""
    try:
        authzid, authcid, password = message.decode().split("\0")
    except ValueError:
        raise SASLError("malformed-request", "PLAIN wants authzid NUL authcid NUL password, in UTF-8") from None
    if not authcid or not password:
        raise SASLError("not-authorized")
    return Plain(authzid, authcid, password)


class Scram:
    """A SCRAM exchange (RFC 5802): `first`, then `final`. `keys(username, mechanism)` looks the account up."""

    def __init__(self, mechanism: str, keys: Callable[[str, str], ScramKeys]) -> None:
        self.username = ""

        def look_up(username: str) -> ScramKeys:
            self.username = username
            return keys(username, mechanism)

        self._server = ScramMechanism(mechanism).make_server(look_up)

    def first(self, message: bytes) -> bytes:
        """client-first -> server-first. Raises SASLError, and whatever `keys` raises."""
        text = _text(message)
        if text.startswith(("n,a=", "y,a=")):
            raise SASLError("invalid-authzid", "SCRAM with an authorization identity isn't supported")
        try:
            self._server.set_client_first(text)
            answer: str = self._server.get_server_first()
        except ScramException as error:
            if _meaning(error) == "no-resources" and error.__cause__ is not None:
                raise error.__cause__ from None
            raise SASLError("malformed-request", str(error)) from None
        return answer.encode()

    def final(self, message: bytes) -> bytes:
        """client-final -> server-final; they are `username` then. Raises SASLError."""
        try:
            self._server.set_client_final(_text(message))
            answer: str = self._server.get_server_final()
        except ScramException as error:
            wrong = _meaning(error) == "invalid-proof"
            raise SASLError("not-authorized" if wrong else "malformed-request") from None
        return answer.encode()


def _meaning(error: ScramException) -> str:
    """The server-error-value of RFC 5802 section 7; "" when the error is none of these."""
    return "" if error.server_error is None else str(error.server_error.value)


def _text(message: bytes) -> str:
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise SASLError("malformed-request", "not UTF-8") from None
