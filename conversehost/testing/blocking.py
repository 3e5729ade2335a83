"""Calls by a program that waits for each: plain tests."""

from __future__ import annotations

import socket
import ssl
import time
from typing import Any

from conversehost.testing.calls import Call, Door, Steps, T, run


class Blocking:
    """What has verbs, each of which returns its result."""

    _door: Door

    def _do(self, steps: Steps[T]) -> T:
        return run(steps, lambda call: ask(self._door, call))


def ask(door: Door, call: Call) -> Any:
    """Make that call. Raises TestBedError."""
    request = door.request(call)
    try:
        return door.answer(call, _exchange(door, request, time.monotonic() + call.timeout))
    except OSError as error:
        raise door.lost(call, error) from None


def _exchange(door: Door, request: bytes, deadline: float) -> bytes:
    """Straight to the server, whatever the environment says of proxies: mostly it is on this machine."""
    data = bytearray()
    with socket.create_connection((door.host, door.port), deadline - time.monotonic()) as plain:
        wire = ssl.create_default_context().wrap_socket(plain, server_hostname=door.host) if door.secure else plain
        with wire:
            wire.sendall(request)
            while True:
                wire.settimeout(max(0.001, deadline - time.monotonic()))
                part = wire.recv(65_536)
                if not part:
                    return bytes(data)
                data += part
