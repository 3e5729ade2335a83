"""SASL as a server sees it: failures, passwords, and the messages of mechanisms that have one (RFC 4422)."""

from __future__ import annotations

import re
from dataclasses import dataclass

ScramKeys = tuple[bytes, bytes, bytes, int]
"""Salt, stored key, server key, iterations (RFC 5802 section 3)."""

SCRAM = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1")
MECHANISMS = ("EXTERNAL", *(f"{each}-PLUS" for each in SCRAM), *SCRAM, "OAUTHBEARER", "X-OAUTH2", "X-TOKEN", "PLAIN")
"""All that accounts can log in by, the strongest first. ANONYMOUS is for those who have none."""

TRACE = 255
"""Characters that ANONYMOUS may carry (RFC 4505 section 2)."""

_BEARER = re.compile("bearer +(?P<token>[A-Za-z0-9._~+/-]+=*)", re.IGNORECASE)


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


@dataclass(frozen=True, slots=True)
class Bearer:
    """The message of OAUTHBEARER; a token that can't be one is "", which no verifier takes."""

    authzid: str
    token: str


def parse_bearer(message: bytes) -> Bearer:
    """RFC 7628 section 3.1. Raises SASLError(malformed-request)."""
    head, *pairs = utf8(message).split("\1")
    flag, _, rest = head.partition(",")
    authzid, comma, excess = rest.partition(",")
    if flag not in ("n", "y") or not comma or excess or authzid[:2] not in ("", "a=") or pairs[-2:] != ["", ""]:
        raise SASLError("malformed-request", "that is no message of OAUTHBEARER (RFC 7628 section 3.1)")
    fields = dict(each.partition("=")[::2] for each in pairs[:-2])
    found = _BEARER.fullmatch(fields.get("auth", ""))
    return Bearer(authzid[2:].replace("=2C", ",").replace("=3D", "="), found["token"] if found else "")


def check_trace(message: bytes) -> None:
    """The message of ANONYMOUS, which nobody needs (RFC 4505 section 2). Raises SASLError(malformed-request)."""
    if len(utf8(message)) > TRACE:
        raise SASLError("malformed-request", f"at most {TRACE} characters")


def utf8(message: bytes) -> str:
    """The text of a message. Raises SASLError(malformed-request)."""
    try:
        return message.decode()
    except UnicodeDecodeError:
        raise SASLError("malformed-request", "not UTF-8") from None
