"""The server's time."""

from __future__ import annotations

from datetime import datetime

from conversehost.testing.calls import Call, Steps
from conversehost.testing.verbs import asked, verb


class ClockVerbs:
    """Turn the clock, so that no test needs to wait."""

    @asked
    def now(self) -> Steps[datetime]:
        """The server's time."""
        return datetime.fromisoformat((yield Call("GET", "clock"))["now"])

    @verb
    def advance(self, seconds: float) -> Steps[datetime]:
        """Turn the server's clock forward: all that falls due meanwhile has happened then. Returns its time."""
        return datetime.fromisoformat((yield Call("POST", "clock", {"advance": seconds}))["now"])

    @verb
    def freeze(self) -> Steps[None]:
        """Stop the server's clock: only `advance` moves it, until `thaw`."""
        yield Call("PATCH", "clock", {"frozen": True})

    @verb
    def thaw(self) -> Steps[None]:
        """Let the server's clock go on from where it stands."""
        yield Call("PATCH", "clock", {"frozen": False})
