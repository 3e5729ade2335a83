"""Another domain, of which one sees only what comes there and what it sends."""

from __future__ import annotations

from conversehost.server.session import Session
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes
from tests.stage import Stage, xml


class Elsewhere:
    """Stands among the router's routes, for elsewhere.example."""

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._came: list[Stanza] = []
        stage.router.routes["elsewhere.example"] = self

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """A `Destination`."""
        self._came.append(xml(to_bytes(stanza).decode()))  # type: ignore[arg-type]

    def send(self, text: str) -> None:
        """A stanza from there."""
        self._stage.router.send(xml(text))  # type: ignore[arg-type]
        self._stage.turn.end()

    def take(self) -> list[Stanza]:
        """What has come, once."""
        came, self._came = self._came, []
        return came

    def seen(self) -> list[tuple[str | None, str | None]]:
        """Of the presence that has come: from whom, and its type."""
        return [(each.get("from"), each.type) for each in self.take() if each.kind == "presence"]
