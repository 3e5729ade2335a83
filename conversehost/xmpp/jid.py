"""Addresses: RFC 7622."""

from __future__ import annotations

import ipaddress
import re
from functools import lru_cache

from precis_i18n import get_profile

_LOCAL = get_profile("UsernameCaseMapped")
_RESOURCE = get_profile("OpaqueString")
_LOCAL_FORBIDDEN = re.compile("[\"&'/:<>@\\s]")
_PLAIN_LOCAL = re.compile("[a-z0-9._-]{1,1023}")
_PLAIN_DOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?(\.[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?)*")
_PLAIN_RESOURCE = re.compile("[!-~]{1,1023}")
_MAX_BYTES = 1023
_MAX_TEXT = 3 * (3 * _MAX_BYTES) + 2  # longer than anything that preparation could shorten to an address


class JIDError(ValueError):
    """Not an address; the argument says why."""


class JID:
    """`local@domain/resource`, prepared, so that equal addresses compare equal. Made by `parse`, never changed.

    `full` is the whole text, `bare` the text without the resource.
    """

    __slots__ = ("bare", "domain", "full", "local", "resource")

    def __init__(self, local: str, domain: str, resource: str = "") -> None:
        """From parts that are prepared already; "" for a part that isn't there."""
        self.local = local
        self.domain = domain
        self.resource = resource
        self.bare = f"{local}@{domain}" if local else domain
        self.full = f"{self.bare}/{resource}" if resource else self.bare

    def to_bare(self) -> JID:
        """The address without the resource."""
        return JID(self.local, self.domain) if self.resource else self

    def with_resource(self, resource: str) -> JID:
        """The same account at a resource, which is prepared here. Raises JIDError."""
        return JID(self.local, self.domain, prepare_resource(resource))

    def covers(self, other: JID) -> bool:
        """Whether a rule for this address is one for the other, too: a bare address stands for all its resources, a
        domain for all that is in it, a full one for itself (XEP-0191 section 8).
        """
        if self.resource:
            return self == other
        return self.domain == other.domain and self.local in ("", other.local)

    def __str__(self) -> str:
        return self.full

    def __repr__(self) -> str:
        return f"JID({self.full!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, JID) and self.full == other.full

    def __hash__(self) -> int:
        return hash(self.full)


@lru_cache(maxsize=16_384)
def parse(text: str) -> JID:
    """The address that `text` spells, prepared (RFC 7622 section 3). Raises JIDError."""
    if len(text) > _MAX_TEXT:
        raise JIDError("too long")
    rest, slash, resource = text.partition("/")
    local, at, domain = rest.partition("@") if "@" in rest else ("", "", rest)
    if at and not local:
        raise JIDError("empty local part")
    if slash and not resource:
        raise JIDError("empty resource")
    return JID(
        prepare_local(local) if at else "",
        prepare_domain(domain),
        prepare_resource(resource) if slash else "",
    )


def parse_account(text: str, domain: str) -> JID:
    """The address of an account, as people write it: a name alone is one of `domain`. Raises JIDError."""
    jid = parse(text) if "@" in text else JID(prepare_local(text), domain)
    if jid.resource:
        raise JIDError("that is the address of one client, not of an account")
    return jid


def prepare_local(text: str) -> str:
    """Case folded, width mapped, NFC (section 3.3). Raises JIDError."""
    if _PLAIN_LOCAL.fullmatch(text):
        return text
    prepared = _enforce(_LOCAL, text, "local part")
    if _LOCAL_FORBIDDEN.search(prepared):
        raise JIDError("a character that a local part must not have")
    return prepared


@lru_cache
def prepare_domain(text: str) -> str:
    """Lower case, no final dot, U-labels in place of A-labels; IP literals too (section 3.2). Raises JIDError."""
    if _is_plain(text):
        return text
    if text.startswith("[") and text.endswith("]"):
        return _prepare_address(text)
    domain = text.removesuffix(".").lower()
    if _is_plain(domain):
        return domain
    if domain.endswith("."):
        raise JIDError("not a domain: empty label")
    import idna  # tables of 300 kB, for the few who need them

    try:
        return idna.decode(idna.encode(domain, uts46=True)).removesuffix(".")  # a final U+3002 became a dot
    except (idna.IDNAError, UnicodeError) as error:
        raise JIDError(f"not a domain: {error}") from None


def prepare_resource(text: str) -> str:
    """NFC, spaces mapped, no control characters (section 3.4), no space in front (section 3.5). Raises JIDError."""
    if _PLAIN_RESOURCE.fullmatch(text):
        return text
    prepared = _enforce(_RESOURCE, text, "resource")
    if prepared.startswith(" "):
        raise JIDError("a resource must not begin with a space")
    return prepared


def _is_plain(domain: str) -> bool:
    return len(domain) < 254 and "xn--" not in domain and _PLAIN_DOMAIN.fullmatch(domain) is not None


def _prepare_address(text: str) -> str:
    try:
        return f"[{ipaddress.IPv6Address(text[1:-1])}]"
    except ValueError:
        raise JIDError("not an IPv6 address") from None


def _enforce(profile: object, text: str, part: str) -> str:
    try:
        prepared: str = profile.enforce(text)  # type: ignore[attr-defined]
    except UnicodeEncodeError as error:
        raise JIDError(f"not a {part}: {error.reason}") from None
    if len(prepared.encode()) > _MAX_BYTES:
        raise JIDError(f"{part} longer than {_MAX_BYTES} bytes")
    return prepared
