"""The table of domains that are served elsewhere, from the options, and what is behind their clients."""

from __future__ import annotations

import ipaddress
from collections.abc import Callable, Sequence
from functools import cached_property
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings
from conversehost.turn import Turn
from conversehost.upstream.jwt import TokenMint
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JIDError, prepare_domain
from conversehost.xmpp.places import ANY, Place
from conversehost.xmpp.stream import Backend, Link, StreamOpen
from conversehost.xmpp.xml import Element

if TYPE_CHECKING:
    from conversehost.net.reaching import Search
    from conversehost.net.upstream import UpstreamStream
    from conversehost.net.wire import Terms

Watch = Callable[["UpstreamStream"], Backend]


class Upstreams:
    """None unless there are some; then they are made when the first client comes."""

    def __init__(self, settings: Settings, *, reactor: Any, clock: Clock, turn: Turn, watch: Watch) -> None:
        """`clock` tells real time; `watch` puts what looks on between a client and its server. Raises ConfigError."""
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._turn = turn
        self._watch = watch
        self._places = dict(settings.upstreams)
        if self._places:
            _ = self.terms  # a mistake is told now

    def backend(self, domain: str) -> Backend | None:
        """What is behind a client of that domain; None where it isn't served elsewhere."""
        made = self.stream(domain)
        return None if made is None else self._watch(made)

    def stream(self, domain: str) -> UpstreamStream | None:
        """The same, with nobody who looks on."""
        if not self.serves(domain):
            return None
        place = self._places.get(domain) or self._places[ANY]
        from conversehost.net.upstream import UpstreamStream  # few need it

        return UpstreamStream(place, self.terms, named=domain in self._places or bool(place.host))

    def serves(self, domain: str) -> bool:
        """Whether clients of that domain find their server through us."""
        return (domain in self._places or ANY in self._places) and self._settings.is_open(domain)

    def names(self, domain: str) -> bool:
        """Whether the operator has said where that domain's server is."""
        return domain in self._places and self._settings.is_open(domain)

    def streams(self) -> list[UpstreamStream]:
        """Those that are open, the oldest first."""
        return list(self.terms.streams) if self._places else []

    def beside(self, local: Callable[[], Backend], is_local: Callable[[str], bool]) -> Callable[[], Backend]:
        """What makes back ends where the domain isn't known before the stream opens."""
        return (lambda: Chosen(local, is_local, self.backend)) if self._places else local

    @cached_property
    def terms(self) -> Terms:
        """What all their streams share. Raises ConfigError."""
        from conversehost.net.reaching import ClientTls, Resolver, Roads, Search
        from conversehost.net.wire import Terms
        from conversehost.upstream.addresses import AddressRules

        settings = self._settings
        tls = ClientTls(settings.upstream_ca, settings.upstream_cert, insecure=settings.upstream_insecure)
        rules = AddressRules(settings.upstream_allow, settings.upstream_deny, private=settings.upstream_allow_private)
        roads = Roads(self._reactor, Resolver(self._reactor, server_of(settings.resolver)), tls, rules)

        def reach(domain: str, place: Place, connected: Any, failed: Any, *, named: bool) -> Search:
            search = Search(roads, domain, connected, failed)
            search.begin(place, named=named)
            return search

        return Terms(
            reach,
            tls.speaking,
            self._clock,
            self._turn,
            clear=lambda address: settings.upstream_insecure or is_loopback(address),
            route=settings.upstream_route,
            keep_alive=settings.upstream_keep_alive,
            login=settings.login_timeout,
        )


def mint(settings: Settings, utc: Callable[[], float]) -> TokenMint | None:
    """Of tokens that servers elsewhere take, where they share a key with us. Raises ConfigError."""
    path = settings.upstream_jwt_key
    if path is None:
        return None
    try:
        return TokenMint(path.read_bytes().strip(), utc)
    except (OSError, ValueError) as error:
        raise ConfigError(f"--upstream-jwt-key {path}: {error}") from None


class Chosen:
    """`Backend` of a client that says only when it opens the stream which domain it wants."""

    def __init__(
        self,
        local: Callable[[], Backend],
        is_local: Callable[[str], bool],
        elsewhere: Callable[[str], Backend | None],
    ) -> None:
        self._local = local
        self._is_local = is_local
        self._elsewhere = elsewhere
        self.chosen: Backend

    def open(self, request: StreamOpen, link: Link) -> None:
        """By its domain; the local server says what it thinks of one that nobody serves."""
        try:
            domain = prepare_domain(request.to)
        except JIDError:
            domain = ""
        found = None if self._is_local(domain) else self._elsewhere(domain)
        self.chosen = found or self._local()
        self.receive = self.chosen.receive  # type: ignore[method-assign]  # a message costs nothing more
        self.chosen.open(request, link)

    def receive(self, stanza: Element) -> None:
        """Before it is open nothing comes."""
        raise StreamError("internal-server-error")

    def restart(self, request: StreamOpen) -> None:
        self.chosen.restart(request)

    def close(self, undelivered: Sequence[bytes] = ()) -> None:
        self.chosen.close(undelivered)

    def lost(self, undelivered: Sequence[bytes] = ()) -> None:
        self.chosen.lost(undelivered)

    def undelivered(self, stanzas: Sequence[bytes]) -> None:
        self.chosen.undelivered(stanzas)


def is_loopback(address: str) -> bool:
    """Whether nobody can listen on the way there."""
    try:
        return ipaddress.ip_address(address.partition("%")[0]).is_loopback
    except ValueError:
        return False


def server_of(text: str) -> tuple[str, int] | None:
    """Host and port."""
    parts = urlsplit(f"//{text}")
    return (parts.hostname, parts.port) if parts.hostname and parts.port else None
