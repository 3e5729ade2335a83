"""A presence storm: people who all know one another come at once, and go again."""

from __future__ import annotations

from .clients import Client
from .load import Loop

_HERE = b"here</status>"
_COME = b"<presence xmlns='jabber:client'><status>here</status></presence>"
_GO = b"<presence xmlns='jabber:client' type='unavailable'/>"


class Friend:
    """One of them: sees each of the others come, and asks for a sign that its own going was taken notice of."""

    def __init__(self, client: Client) -> None:
        self.seen = 0
        self.gone = True
        self._client = client
        self._id = f"gone-{client.name}".encode()
        client.received = self._heard

    def come(self) -> None:
        self.seen = 0
        self._client.send(_COME)

    def go(self) -> None:
        self.gone = False
        self._client.send(_GO + b"<iq xmlns='jabber:client' type='get' id='%b'>" % self._id)
        self._client.send(b"<ping xmlns='urn:xmpp:ping'/></iq>")

    def _heard(self, unit: bytes) -> None:
        self.seen += unit.count(_HERE)
        self.gone = self.gone or self._id in unit


def storm(loop: Loop, friends: list[Friend]) -> None:
    """All of them come, and once everybody has seen everybody they go."""
    for friend in friends:
        friend.come()
    loop.run(until=lambda: all(friend.seen >= len(friends) for friend in friends))
    for friend in friends:
        friend.go()
    loop.run(until=lambda: all(friend.gone for friend in friends))
    loop.run(0.2)  # what is on its way still
