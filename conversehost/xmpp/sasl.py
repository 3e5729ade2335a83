"""SASL as a server sees it: failures, passwords and PLAIN (RFC 4422 and 4616)."""

from __future__ import annotations

from dataclasses import dataclass

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
    from scramp.utils import ScramException, saslprep  # for the few who need it

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


def utf8(message: bytes) -> str:
    """The text of a message. Raises SASLError(malformed-request)."""
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise SASLError("malformed-request", "not UTF-8") from None
