"""Which addresses a server may have that a client, or somebody else's DNS, has named."""

from __future__ import annotations

import ipaddress
from collections.abc import Sequence

Address = ipaddress.IPv4Address | ipaddress.IPv6Address
_TRANSLATED = ipaddress.ip_network("64:ff9b::/96")
"""NAT64: an IPv4 address is in the last 32 bits (RFC 6052)."""
_GLOBAL = ipaddress.ip_network("2000::/3")
"""All of IPv6 that is given out for everybody (RFC 4291 section 2.4): what is beside it is local, or means IPv4."""


class AddressRules:
    """Who may connect to anything that a client names could look around in the operator's own network.

    So what isn't public is refused, unless it is allowed by `private` or in one of the networks of `allowed`; what is
    in one of `denied` always is. Where there are networks that are allowed, nothing else is.
    """

    def __init__(self, allowed: Sequence[str] = (), denied: Sequence[str] = (), *, private: bool = False) -> None:
        self._allowed = [ipaddress.ip_network(each) for each in allowed]
        self._denied = [ipaddress.ip_network(each) for each in denied]
        self._private = private

    def permits(self, text: str) -> bool:
        """Whether one may connect there, to whatever name it was found by."""
        address = inner(ipaddress.ip_address(text.partition("%")[0]))
        if any(address in each for each in self._denied):
            return False
        if self._allowed:
            return any(address in each for each in self._allowed)
        return self._private or is_public(address)

    def is_denied(self, text: str) -> bool:
        """Whether it is refused even where the operator has named the server."""
        address = inner(ipaddress.ip_address(text.partition("%")[0]))
        return any(address in each for each in self._denied)


def is_public(address: Address) -> bool:
    """Whether it is anybody's on the Internet."""
    known = address.version == 4 or address in _GLOBAL
    return known and address.is_global and not address.is_multicast


def inner(address: Address) -> Address:
    """The IPv4 address within an IPv6 one, where there is one: that is where packets go."""
    if isinstance(address, ipaddress.IPv4Address):
        return address
    if address in _TRANSLATED:
        return ipaddress.IPv4Address(int(address) & 0xFFFFFFFF)
    return address.ipv4_mapped or address.sixtofour or address
