"""What the test bed does in the server's place: stanzas of clients that are answered, refused, sent elsewhere or kept
waiting, and never get to where they would have gone.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Collection
from dataclasses import dataclass, field

from conversehost.clock import Clock
from conversehost.server.entrance import Entrance
from conversehost.server.router import Router, stamp
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.testbed.scripts import filled
from conversehost.testbed.tenancy import Shared
from conversehost.testbed.traffic import Filter, Record, Stream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.replies import refusal, result
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, adopt, to_bytes
from conversehost.xmpp.xml import parse as parse_xml


@dataclass(slots=True, eq=False)
class Stub:
    """One rule, for what fits `wanted`, after `skip` have passed and `count` times at most. One of three is given:

    `answer`, the XML that comes back: the payload of an iq's result, or whole stanzas, which are from whom the stanza
    was for unless they say otherwise; with the places of `scripts.filled`. `refuse`: the condition of a stanza error,
    with a `text`. `forward`: the address that it goes to instead. Or none: it goes its way, after `seconds`.

    Raises FilterError.
    """

    name: str
    wanted: Filter = field(default_factory=Filter)
    answer: str | None = None
    refuse: str = ""
    text: str = ""
    forward: str = ""
    seconds: float = 0.0
    count: int | None = None
    skip: int = 0
    matches: int = 0
    strikes: int = 0
    _tests: tuple[Callable[[Record], bool], ...] = field(init=False)

    def __post_init__(self) -> None:
        self._tests = tuple(self.wanted.tests().values())

    def takes(self, record: Record) -> bool:
        """It fits, and its turn has come."""
        if not all(test(record) for test in self._tests):
            return False
        self.matches += 1
        if self.matches <= self.skip or self.strikes == self.count:
            return False
        self.strikes += 1
        return True


class Stubs(Shared):
    """All rules, the oldest first. `active` is empty where there are none: asking costs nothing."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self.clock = clock
        self.by_name: dict[str, Stub] = {}
        self.active: tuple[Stub, ...] = ()
        self.pending = 0
        """How many stanzas wait for their time."""

    def another(self) -> Stubs:
        """Of other streams."""
        return Stubs(self.clock)

    def add(self, stub: Stub) -> None:
        """From now on."""
        self.by_name[stub.name] = stub
        self.active = tuple(self.by_name.values())

    def remove(self, name: str) -> None:
        """No more. What it has kept waiting still comes."""
        del self.by_name[name]
        self.active = tuple(self.by_name.values())

    def clear(self) -> None:
        """None any more."""
        self.by_name.clear()
        self.active = ()


class StubbedStream(ServerStream):
    """A `ServerStream` of which some stanzas go no further than here."""

    def __init__(
        self, stubs: Stubs, router: Router, domains: Collection[str] | None = None, entrance: Entrance | None = None
    ) -> None:
        super().__init__(router, domains, entrance)
        self._stubs = stubs

    def receive(self, stanza: Element) -> None:
        if self._stubs.active and self.session is not None and isinstance(stanza, Stanza):
            stub = self._taken_by(self.session, stanza)
            if stub is not None:
                self._play(stub, self.session, stanza)
                return
        ServerStream.receive(self, stanza)  # as super() would, in half the time

    def _taken_by(self, session: Session, stanza: Stanza) -> Stub | None:
        opened = self.opened
        record = Record(0, 0, "in", Stream(0, opened.transport, opened.address), session.full, to_bytes(stanza))
        return next((each for each in self._stubs.active if each.takes(record)), None)

    def _play(self, stub: Stub, session: Session, stanza: Stanza) -> None:
        if not stub.seconds:
            self._do(stub, session, stanza)
            return

        def due() -> None:
            self._stubs.pending -= 1
            if session.host.is_bound(session):
                self._do(stub, session, stanza)

        self._stubs.pending += 1
        self._stubs.clock.after(stub.seconds, due)

    def _do(self, stub: Stub, session: Session, stanza: Stanza) -> None:
        if stub.answer is None and not stub.refuse:
            if stub.forward:
                stanza.set("to", stub.forward)
            super().receive(stanza)
            return
        stamp(stanza, session)
        if stub.refuse:
            session.send(refusal(stanza, StanzaError(stub.refuse, stub.text)))
            return
        for each in answers(stub.answer or "", stanza):
            session.send(each)


def answers(template: str, heard: Stanza) -> list[Stanza]:
    """What comes back; to an iq without whole stanzas in it, one result. Raises XMLError."""
    carrier = parse_xml(f"<r xmlns='{ns.CLIENT}'>{filled(template, heard, as_xml=True)}</r>".encode())
    found = [adopt(each, "nothing") for each in list(carrier)]
    whole = [each for each in found if isinstance(each, Stanza)]
    if heard.kind == "iq" and not whole:
        return [result(heard, found[0] if found else None)]
    for each in whole:
        defaults = {"from": heard.get("to"), "to": heard.get("from"), "id": secrets.token_hex(8)}
        if heard.kind == "iq" and each.kind == "iq":
            defaults["id"] = heard.id
        for name, value in defaults.items():
            if each.get(name) is None and value is not None:
                each.set(name, value)
    return whole
