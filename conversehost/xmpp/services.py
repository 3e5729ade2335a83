"""Services outside XMPP that clients are told of (XEP-0215), as the operator writes them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

PORTS = {"stun": 3478, "turn": 3478, "stuns": 5349, "turns": 5349, "ftp": 21}
DAY = 86_400
_SHAPE = re.compile(r"([a-z][a-z0-9-]*):(\[[0-9a-f:.]+\]|[^:?/\[\]\s]+)(?::([0-9]{1,5}))?(?:\?(.*))?", re.IGNORECASE)
_WORDS = {"transport", "username", "password", "secret", "ttl", "name"}


@dataclass(frozen=True, slots=True)
class ExternalService:
    """Where it is, and how one logs in: by name and password, or by ones that are made of a `secret` that is shared
    with the service and good for `ttl` seconds.
    """

    type: str
    host: str
    port: int
    transport: str = ""
    name: str = ""
    username: str = ""
    password: str = ""
    secret: str = ""
    ttl: int = DAY

    def __repr__(self) -> str:
        return f"ExternalService({self.type}:{self.host}:{self.port})"

    @property
    def is_restricted(self) -> bool:
        """One needs credentials."""
        return bool(self.secret or self.password)


def read_service(text: str) -> ExternalService:
    """`turn:turn.example:3478?transport=udp&secret=...`. Raises ValueError; it doesn't tell the text, which may hold
    a password.
    """
    match = _SHAPE.fullmatch(text)
    if match is None:
        raise ValueError("wants TYPE:HOST[:PORT][?transport=udp&secret=SECRET], such as stun:stun.example:3478")
    type, host, port, query = match.groups()
    type = type.lower()
    words = dict(parse_qsl(query or "", keep_blank_values=True))
    if unknown := sorted(words.keys() - _WORDS):
        raise ValueError(f"{type}:{host}: knows no {unknown[0]!r}, only {', '.join(sorted(_WORDS))}")
    number = int(port) if port else PORTS.get(type, 0)
    if not 0 < number < 65_536:
        raise ValueError(f"{type}:{host}: wants a port, such as {type}:{host}:3478")
    ttl = words.pop("ttl", str(DAY))
    if not (ttl.isascii() and ttl.isdecimal() and int(ttl) > 0):
        raise ValueError(f"{type}:{host}: ttl is a number of seconds")
    if ("username" in words) != ("password" in words) or ("secret" in words and "password" in words):
        raise ValueError(f"{type}:{host}: wants username and password, or secret")
    return ExternalService(type, host.strip("[]"), number, ttl=int(ttl), **words)
