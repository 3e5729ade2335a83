"""From the options to other servers: where they are, and what listens for them."""

from __future__ import annotations

import secrets
from typing import Any

from conversehost.clock import Clock
from conversehost.federation.dialback import Keys
from conversehost.net.federation import Federation
from conversehost.net.reaching import Believing, ClientTls, Resolver, Roads, Search
from conversehost.net.server_streams import ServerFactory
from conversehost.net.tcp import Tls
from conversehost.options import Settings
from conversehost.server.router import Router
from conversehost.turn import Turn
from conversehost.upstream.addresses import AddressRules
from conversehost.upstreams import server_of
from conversehost.xmpp.places import S2S_PORT, Place
from conversehost.xmpp.xml import Limits


class Federated:
    """`factory` is for the sockets that other servers come to."""

    def __init__(
        self,
        settings: Settings,
        router: Router,
        *,
        reactor: Any,
        clock: Clock,
        turn: Turn,
        limits: Limits,
        tls: Tls | None,
    ) -> None:
        """`clock` tells real time; `tls`: what others are offered."""
        rules = AddressRules(settings.upstream_allow, settings.upstream_deny, private=settings.upstream_allow_private)
        resolver = Resolver(reactor, server_of(settings.resolver), service="server")
        roads = Roads(reactor, resolver, ClientTls(insecure=True), rules, S2S_PORT)

        def reach(domain: str, place: Place, connected: Any, failed: Any, *, named: bool) -> Search:
            search = Search(roads, domain, connected, failed)
            search.begin(place, named=named)
            return search

        keys = Keys(secrets.token_hex(32))
        self._federation = Federation(
            dict(settings.s2s),
            router,
            keys,
            reach,
            lambda domain: Believing(domain, None, b"xmpp-server"),
            clock=clock,
            turn=turn,
        )
        self.factory = ServerFactory(self._federation, keys, clock=clock, turn=turn, limits=limits, tls=tls)

    def close_all(self) -> None:
        """Say goodbye, both ways."""
        self._federation.close_all()
        for connection in tuple(self.factory.connections):
            connection.close()
