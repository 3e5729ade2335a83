"""Where to knock, in which order: SRV records of RFC 6120 and XEP-0368 as one set, ordered as RFC 2782 says."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass

from conversehost.xmpp.places import PORT, Place


@dataclass(frozen=True, slots=True)
class Record:
    """An SRV record; `tls`: of _xmpps-client."""

    priority: int
    weight: int
    port: int
    target: str
    tls: bool = False


def places(domain: str, records: Iterable[Record], below: Callable[[int], int], port: int = PORT) -> list[Place]:
    """Where a domain's server may be, the best first; `below(n)` is a random number from 0 to n - 1.

    Without records it is at the domain itself, at `port` (RFC 6120 section 3.2.2). Nowhere, if a target of "." is all
    there is.
    """
    told = list(records)
    if not told:
        return [Place(domain, port)]
    offered = [each for each in told if each.target.rstrip(".")]
    found: list[Place] = []
    for priority in sorted({each.priority for each in offered}):
        group = [each for each in offered if each.priority == priority]
        found += [Place(each.target.rstrip("."), each.port, each.tls) for each in by_weight(group, below)]
    return found


def by_weight(group: Iterable[Record], below: Callable[[int], int]) -> list[Record]:
    """RFC 2782: those without weight come first in the running sum, so that they have a small chance."""
    left, chosen = sorted(group, key=lambda each: each.weight > 0), []
    while left:
        mark, total = below(sum(each.weight for each in left) + 1), 0
        for each in left:
            total += each.weight
            if total >= mark:
                break
        left.remove(each)
        chosen.append(each)
    return chosen
