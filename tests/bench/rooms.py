"""Rooms: what is said is heard by all, again and again; and somebody comes and goes."""

from __future__ import annotations

from collections.abc import Callable

from .clients import CLIENTS, Client, Transport
from .load import Loop, Target

_MUC = "http://jabber.org/protocol/muc"
_TEXT = "Once upon a time there was a room in which nothing else was said, "
_SAID = _TEXT[:30].encode()


class Hall:
    """A room in which `count` people are, each by one session. The first has made it, and speaks: the next message once
    all have heard the last one.
    """

    def __init__(self, loop: Loop, target: Target, transport: Transport, count: int) -> None:
        self.heard = self.presences = 0
        self._loop = loop
        self._room = f"{transport}{count}@conference.{target.domain}"
        self._speaking = False
        self._due = 0
        self._seen = b""
        self._watched: Client | None = None
        self._clients: list[Client] = []
        for number in range(count):
            client = CLIENTS[transport](loop, target, number, "hall")
            self._clients.append(client)
            self._log_in(client)
            self.enter(client)
            if not number:
                form = "<x xmlns='jabber:x:data' type='submit'/>"
                self._ask(
                    f"<iq xmlns='jabber:client' type='set' id='made' to='{self._room}'>{_owner(form)}</iq>", b"made"
                )

    def enter(self, client: Client) -> None:
        """Until its own presence has come, and the subject behind it."""
        address = f"{self._room}/{client.name}"
        self._tell(
            client, f"<presence xmlns='jabber:client' to='{address}'><x xmlns='{_MUC}'/></presence>", b"<subject"
        )

    def leave(self, client: Client) -> None:
        """Until it is told so."""
        address = f"{self._room}/{client.name}"
        self._tell(client, f"<presence xmlns='jabber:client' type='unavailable' to='{address}'/>", b"unavailable")

    def visit(self, times: int) -> None:
        """The last one leaves and comes back."""
        for _ in range(times):
            self.leave(self._clients[-1])
            self.enter(self._clients[-1])

    def speak(self) -> None:
        """From now on."""
        self._speaking = True
        self._say()

    def end(self) -> None:
        """Nobody is in a room any more, so that nothing happens when the sessions end."""
        self._speaking = False
        self._loop.run(0.3)
        self._ask(
            f"<iq xmlns='jabber:client' type='set' id='over' to='{self._room}'>{_owner('<destroy/>')}</iq>", b"over"
        )
        self._loop.run(0.3)

    def _log_in(self, client: Client) -> None:
        ready: list[Client] = []
        client.log_in(ready.append)
        self._loop.run(until=lambda: bool(ready))
        client.received = self._listener(client)
        client.poll()

    def _ask(self, iq: str, answer: bytes) -> None:
        self._tell(self._clients[0], iq, answer)

    def _tell(self, client: Client, stanza: str, answer: bytes) -> None:
        """Until that has come, to this client."""
        self._loop.run(until=lambda: client.may_send)
        self._watched, self._seen = client, b""
        client.send(stanza.encode())
        self._loop.run(until=lambda: answer in self._seen)

    def _listener(self, client: Client) -> Callable[[bytes], None]:
        def heard(unit: bytes) -> None:
            if client is self._watched:
                self._seen += unit
            self.presences += unit.count(b"<presence")
            count = unit.count(_SAID)
            self.heard += count
            self._due -= count
            client.poll()
            if self._speaking:
                self._say()

        return heard

    def _say(self) -> None:
        if self._due <= 0 and self._clients[0].may_send:
            self._due = len(self._clients)
            start = f"<message to='{self._room}' type='groupchat' id='said' xmlns='jabber:client'><body>"
            text = f"{_TEXT}{'as has been said before, ' * 9}"[: 300 - len(start) - len("</body></message>")]
            self._clients[0].send(f"{start}{text}</body></message>".encode())


def _owner(content: str) -> str:
    return f"<query xmlns='{_MUC}#owner'>{content}</query>"
