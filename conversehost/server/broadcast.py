"""One stanza for many: serialised once, and addressed to each of them (RFC 6121 section 4)."""

from __future__ import annotations

from copy import copy
from functools import lru_cache

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import attribute, child, to_bytes

_NAMESPACE = f' xmlns="{ns.CLIENT}"'.encode()


class Broadcast:
    """A presence or a message without `to`, which nobody changes any more, and the time it was sent at (seconds since
    1970).
    """

    __slots__ = ("_after", "_before", "_recalled", "kind", "stanza", "when")

    def __init__(self, sent: Stanza, when: float) -> None:
        self.stanza = sent
        self.kind = sent.kind
        self.when = when
        self._recalled: Broadcast | None = None
        data = to_bytes(sent)
        cut = data.index(_NAMESPACE) + len(_NAMESPACE)  # what comes before are other namespaces, never text
        self._before, self._after = data[:cut], data[cut:]

    def to(self, address: str) -> bytes:
        """For that address, as it goes over the wire."""
        return self._before + written(address) + self._after

    def addressed(self, address: str) -> Stanza:
        """The same as a stanza."""
        sent = copy(self.stanza)
        sent.set("to", address)
        return sent

    def recalled(self, domain: str, now: float) -> Broadcast:
        """For who hears of it only now: with the time it was sent at, in the server's name, unless that is now too
        (XEP-0203).
        """
        if now <= self.when:
            return self
        if self._recalled is None:
            later = copy(self.stanza)
            child(later, ns.DELAY, "delay", {"from": domain, "stamp": stamp(self.when)})
            self._recalled = Broadcast(later, self.when)
            self._recalled._recalled = self._recalled
        return self._recalled


@lru_cache(maxsize=16_384)
def written(address: str) -> bytes:
    """The attribute."""
    return f" to={attribute(address)}".encode()


@lru_cache(maxsize=4_096)
def absence(account: str, domain: str, since: float | None) -> Broadcast:
    """Nobody of the account is here, since then where that is known (RFC 6121 section 4.3.2, the third rule)."""
    presence = stanza("presence", {"type": "unavailable", "from": account})
    if since is not None:
        child(presence, ns.DELAY, "delay", {"from": domain, "stamp": stamp(since)})
    return Broadcast(presence, since or 0.0)
