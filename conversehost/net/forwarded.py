"""Who is beyond a proxy of ours: X-Forwarded-For, -Proto and -Host, or Forwarded (RFC 7239).

Anybody can write such fields, so they count only when the connection comes from an address that the operator trusts.
And of the addresses in them, the last one that isn't trusted counts: what stands before it may be made up.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from conversehost.options import LOCAL

Headers = Sequence[tuple[bytes, bytes]]
"""Names in lower case."""

UNKNOWN = "unknown"
"""In the place of an address that a proxy didn't tell, or not so that it could be understood; equals no real one."""
READ = frozenset((b"forwarded", b"x-forwarded-for", b"x-forwarded-proto", b"x-forwarded-host"))
_TELLING = (b"x-real-ip", b"via", b"forwarded")

_AUTHORITY = re.compile(rb"(?:[\w.-]{1,253}|\[[0-9a-fA-F:.]{2,45}\])(?::\d{1,5})?", re.ASCII)
_TOKEN = rb"[!#$%&'*+.^`|~\w-]+"
_PAIR = re.compile(rb'\s*(%s)=(?:(%s)|"((?:[^"\\]|\\.)*)")\s*(?:[;,]|$)' % (_TOKEN, _TOKEN), re.ASCII)
_SCHEMES = {b"https": True, b"wss": True, b"http": False, b"ws": False}


class Client(NamedTuple):
    """Who sends a request. `secure`: over TLS as far as the client's own connection; `host`: what it called us by."""

    address: str
    secure: bool
    host: bytes

    @property
    def origin(self) -> str:
        """Scheme and authority that it reaches us by, as in https://chat.example:8443; "" where that can't be one."""
        scheme = "https" if self.secure else "http"
        return f"{scheme}://{self.host.decode()}" if is_authority(self.host) else ""


class _Hop(NamedTuple):
    """What one proxy says about who came to it: texts as they are; empty for what it doesn't say."""

    address: bytes = b""
    scheme: bytes = b""
    host: bytes = b""


class Proxies:
    """`trusted`: addresses and networks, as text."""

    def __init__(self, trusted: Iterable[str] = LOCAL) -> None:
        self._networks = [ipaddress.ip_network(each) for each in trusted]

    def client(self, direct: Client, headers: Headers) -> Client:
        """Who sent the request, where `direct` is who connected. Never raises, whatever is in `headers`."""
        if not self.trusts(direct.address):
            return direct
        hop, address = self._first_untrusted(_hops(headers))
        return Client(
            address or direct.address,
            _SCHEMES.get(hop.scheme.lower(), direct.secure),
            hop.host if is_authority(hop.host) else direct.host,
        )

    def _first_untrusted(self, hops: Sequence[_Hop]) -> tuple[_Hop, str]:
        """From our end; the farthest one when all are trusted."""
        hop, address = _Hop(), ""
        for hop in reversed(hops):
            if not hop.address:
                break
            address = _address(hop.address)
            if not self.trusts(address):
                break
        return hop, address

    def trusts(self, text: str) -> bool:
        """Whether the word of whoever connects from this address counts."""
        try:
            address = ipaddress.ip_address(text.removeprefix("::ffff:"))
        except ValueError:
            return False
        return any(address in network for network in self._networks)


def is_forwarding(name: bytes) -> bool:
    """Whether a header field of this name (in lower case) shows that a proxy passes on a request."""
    return name in _TELLING or name.startswith(b"x-forwarded-")


def is_authority(text: bytes) -> bool:
    """Whether it is a name or an address, perhaps with a port, and nothing besides: safe wherever a URL is."""
    return _AUTHORITY.fullmatch(text) is not None


def _hops(headers: Headers) -> list[_Hop]:
    """The nearest proxy last. A field that it doesn't write itself is the client's, so the two kinds never mix."""
    forwarded = _joined(headers, b"forwarded")
    return _rfc7239(forwarded) if forwarded and not _joined(headers, b"x-forwarded-for") else _legacy(headers)


def _legacy(headers: Headers) -> list[_Hop]:
    """X-Forwarded-*: three lists. Of one that has another length only what the nearest proxy says counts, for all."""
    addresses, schemes, hosts = (
        [part for each in _joined(headers, b"x-forwarded-" + name).split(b",") if (part := each.strip())] or [b""]
        for name in (b"for", b"proto", b"host")
    )
    count = len(addresses)
    schemes = schemes if len(schemes) == count else schemes[-1:] * count
    hosts = hosts if len(hosts) == count else hosts[-1:] * count
    return [_Hop(*each) for each in zip(addresses, schemes, hosts, strict=True)]


def _rfc7239(field: bytes) -> list[_Hop]:
    """Forwarded, RFC 7239 section 4. What isn't so written tells of nobody that is known."""
    hops, pairs, at = [], dict[bytes, bytes](), 0
    while at < len(field):
        found = _PAIR.match(field, at)
        if found is None:
            return [_Hop(UNKNOWN.encode())]
        name, token, quoted = found.groups()
        pairs[name.lower()] = token if quoted is None else re.sub(rb"\\(.)", rb"\1", quoted)
        at = found.end()
        if at == len(field) or field[at - 1 : at] == b",":
            hops.append(_Hop(*(pairs.get(name, b"") for name in (b"for", b"proto", b"host"))))
            pairs = {}
    return hops


def _address(text: bytes) -> str:
    """Without port and brackets, in one spelling."""
    bare = text.partition(b"]")[0].removeprefix(b"[") if text.startswith(b"[") else text
    if bare.count(b":") == 1:
        bare = bare.partition(b":")[0]
    try:
        address = ipaddress.ip_address(bare.decode("ascii"))
    except ValueError:
        return UNKNOWN
    if isinstance(address, ipaddress.IPv6Address):
        return UNKNOWN if address.scope_id else str(address.ipv4_mapped or address)
    return str(address)


def _joined(headers: Headers, name: bytes) -> bytes:
    """One list, however many fields it came in (RFC 9110 section 5.3)."""
    return b",".join(value for each, value in headers if each == name)
