"""Any running server, over its transports."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conversehost.client.bosh import BoshWire
from conversehost.client.client import Client
from conversehost.client.tcp import TcpWire
from conversehost.client.websocket import WebSocketWire
from conversehost.client.wire import Manners, UnreachableError, Wire
from conversehost.testbed.dialogue import Role


class Network:
    """A `Place`. `addresses`: by transport, HOST:PORT for tcp and tls, URLs for bosh and websocket; the first is used
    by whoever doesn't care.
    """

    def __init__(
        self,
        addresses: Mapping[str, str],
        manners: Manners | None = None,
        *,
        turn_clock: Callable[[float], object] | None = None,
    ) -> None:
        """`turn_clock` lets so many seconds pass on the server, where it can do that (`TestBed.advance`)."""
        self._addresses = addresses
        self._manners = manners or Manners()
        self._turn_clock = turn_clock

    def client(self, role: Role) -> Client:
        return Client(self._wire(role.transport or next(iter(self._addresses))), role.jid, role.password)

    def pass_time(self, seconds: int) -> None:
        if self._turn_clock is None:
            raise UnreachableError("the clock of another server can't be turned: this dialogue is for memory only")
        self._turn_clock(seconds)

    def _wire(self, transport: str) -> Wire:
        if transport not in self._addresses:
            raise UnreachableError(f"somebody wants {transport}: give its address with --{transport}")
        address = self._addresses[transport]
        if transport == "bosh":
            return BoshWire(address, self._manners)
        if transport == "websocket":
            return WebSocketWire(address, self._manners)
        host, port = split(address)
        return TcpWire(host, port, self._manners, direct_tls=transport == "tls")


def split(address: str) -> tuple[str, int]:
    """HOST:PORT, [IPv6]:PORT. Raises UnreachableError."""
    host, _, port = address.rpartition(":")
    if not host or not port.isdecimal() or int(port) > 65_535:
        raise UnreachableError(f"{address} is not an address such as localhost:5222")
    return host.strip("[]"), int(port)
