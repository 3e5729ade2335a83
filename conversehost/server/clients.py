"""What the rest of the server may ask about the clients' capabilities, whoever finds them out."""

from __future__ import annotations

from collections.abc import Collection
from typing import Protocol

from conversehost.server.session import Session


class ClientFeatures(Protocol):
    """What clients have said that they can do. That is known without asking them, or not yet."""

    def features(self, session: Session) -> Collection[str]:
        """All of it; nothing while it isn't known. `node+notify`: it wants to hear of what is published there."""


class NothingKnown:
    """Where nobody finds them out."""

    def features(self, session: Session) -> Collection[str]:
        return ()
