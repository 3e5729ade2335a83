"""The end of all sessions at once."""

from __future__ import annotations

from collections.abc import Collection, Iterable

from conversehost.bosh.stream import BoshStream
from conversehost.server.host import Host
from conversehost.server.session import Session
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.stream import lowest

BOSH_CONDITIONS = frozenset(
    (
        "bad-request",
        "host-gone",
        "host-unknown",
        "improper-addressing",
        "internal-server-error",
        "item-not-found",
        "other-request",
        "policy-violation",
        "remote-connection-failed",
        "system-shutdown",
        "undefined-condition",
    )
)
"""XEP-0124 section 17.2, without those that would have to say more."""


def end_sessions(hosts: Iterable[Host], error: StreamError, spared: Collection[Session] = ()) -> None:
    """All but those, each in the way that its transport has: to BOSH the condition is one of its own."""
    hosts = tuple(hosts)
    for host in hosts:
        for closing in host.hooks.closing:
            closing()
    for session in [each for host in hosts for each in host.all_sessions()]:
        if session not in spared:
            link = lowest(session.link)
            if isinstance(link, BoshStream) and error.condition in BOSH_CONDITIONS:
                link.session.expire(error.condition, error.text)
            else:
                session.link.close(error)
            session.host.unbound(session)  # a TCP connection may take its time to close
