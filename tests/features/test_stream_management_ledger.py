"""Whatever happens to its connections: a client with stream management gets each message once, in order."""

from __future__ import annotations

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import Element, parse
from tests.stage import DOMAIN, PASSWORD, Stage, encoded

PLAIN = f"<auth xmlns='{ns.SASL}' mechanism='PLAIN'>{encoded(f'{chr(0)}romeo{chr(0)}{PASSWORD}')}</auth>"


class Phone:
    """A client as XEP-0198 wants it. `wire` is what the server sent and the phone hasn't read yet."""

    def __init__(self) -> None:
        self.wire: list[bytes] = []
        self.got: list[str] = []
        self.unacked: list[str] = []
        self.h = self.sent = 0
        self.enabled = False
        self.id = ""

    def read(self, data: bytes) -> Element:
        found = parse(data)
        name = found.tag.rpartition("}")[2]
        if name in ("message", "presence", "iq"):
            self.h += self.enabled
            if name == "message" and found.get("type") == "chat":
                self.got.append(found.findtext(f"{{{ns.CLIENT}}}body") or "")
        elif name in ("enabled", "resumed"):
            self.enabled = True
            self.id = found.get("id", self.id)
        if name in ("a", "resumed"):
            self.acknowledged(int(found.get("h", "")))
        return found

    def acknowledged(self, h: int) -> None:
        self.unacked = self.unacked[len(self.unacked) - (self.sent - h) :]


class Line:
    """A connection of the phone, which may break at any moment: a `Link`."""

    def __init__(self, phone: Phone) -> None:
        self.phone = phone
        phone.wire = []

    def send(self, stanza: bytes) -> None:
        self.phone.wire.append(stanza)

    def flush(self) -> None: ...

    def restarting(self) -> None: ...

    def trusted(self) -> None: ...

    def close(self, error: object = None) -> None:
        raise AssertionError(error)


class Ledger(RuleBasedStateMachine):
    """Romeo's phone loses its connection at any moment, with any part of what was said on the way either way."""

    @initialize()
    def begin(self) -> None:
        self.stage = Stage()
        self.stage.account("romeo")
        self.juliet = self.stage.login("juliet", "balcony")
        self.phone = Phone()
        self.said: list[str] = []
        self.heard: list[str] = []
        self.wanted: list[str] = []
        self.connected = False
        self.dial()
        self.tell(f"<iq type='set' id='b'><bind xmlns='{ns.BIND}'><resource>phone</resource></bind></iq>")
        self.tell(f"<enable xmlns='{ns.SM}' resume='true'/>")
        self.listen(99)
        self.say_counted("<presence/>")

    def dial(self) -> None:
        self.line = Line(self.phone)
        self.stream = ServerStream(self.stage.router)
        opening = StreamOpen(DOMAIN, "stage")
        self.stream.open(opening, self.line)
        self.tell(PLAIN)
        self.stream.restart(opening)
        self.listen(99)
        self.connected = True

    def tell(self, text: str) -> None:
        self.stream.receive(
            parse(text.replace(" ", " xmlns='jabber:client' ", 1).encode() if text[1:3] == "iq" else text.encode())
        )
        self.stage.turn.end()

    def say_counted(self, text: str) -> None:
        """A stanza of the phone's; kept until the server says that it has it."""
        self.phone.unacked.append(text)
        self.phone.sent += 1
        if self.connected:
            self.transmit(text)

    def transmit(self, text: str) -> None:
        kind, _, rest = text[1:].partition(" ") if " " in text else (text[1:-2], "", "/>")
        self.stream.receive(parse(f"<{kind} xmlns='{ns.CLIENT}' {rest}".encode()))
        self.stage.turn.end()

    def listen(self, most: int) -> None:
        """The phone reads that much of what has come, and answers questions."""
        taken, self.phone.wire = self.phone.wire[:most], self.phone.wire[most:]
        for data in taken:
            found = self.phone.read(data)
            if found.tag == f"{{{ns.SM}}}r" and self.connected:
                self.tell(f"<a xmlns='{ns.SM}' h='{self.phone.h}'/>")

    @rule(lost=st.booleans())
    def romeo_writes(self, lost: bool) -> None:
        """Perhaps the connection breaks before it gets there."""
        body = f"r{len(self.wanted)}"
        self.wanted.append(body)
        if lost:
            self.hang_up()
        self.say_counted(f"<message to='juliet@localhost/balcony' type='chat'><body>{body}</body></message>")

    @rule()
    def juliet_writes(self) -> None:
        body = f"j{len(self.said)}"
        self.said.append(body)
        self.juliet.say("romeo@localhost/phone", body)

    @rule(most=st.integers(0, 5))
    def romeo_reads(self, most: int) -> None:
        if self.connected:
            self.listen(most)

    @rule()
    def romeo_asks(self) -> None:
        if self.connected:
            self.tell(f"<r xmlns='{ns.SM}'/>")

    @rule()
    def hang_up(self) -> None:
        """What hasn't been read is lost."""
        if self.connected:
            self.connected = False
            self.phone.wire = []
            self.stream.lost(())
            self.stage.turn.end()

    @rule()
    def come_back(self) -> None:
        """Perhaps before the server knows that the old connection is dead."""
        old = self.line if self.connected else None
        if old is not None:
            old.close = lambda error=None: None  # type: ignore[method-assign]
        former = self.stream
        self.connected = False
        self.dial()
        self.tell(f"<resume xmlns='{ns.SM}' previd='{self.phone.id}' h='{self.phone.h}'/>")
        (resumed,) = [data for data in self.phone.wire if b"<resumed" in data]
        self.phone.wire.remove(resumed)
        self.phone.read(resumed)
        for text in self.phone.unacked:
            self.transmit(text)
        if old is not None:
            former.lost(())

    @invariant()
    def nothing_doubled_and_order_kept(self) -> None:
        self.heard += self.juliet.heard()
        assert self.phone.got == self.said[: len(self.phone.got)]
        assert self.heard == self.wanted[: len(self.heard)]

    def teardown(self) -> None:
        """In the end everything is there."""
        if not hasattr(self, "stage"):
            return
        self.come_back()
        self.listen(999)
        self.nothing_doubled_and_order_kept()
        assert self.phone.got == self.said
        assert self.heard == self.wanted
        for error, _ in self.stage.unexpected:
            raise error


Ledger.TestCase.settings = settings(max_examples=60, stateful_step_count=30, deadline=None)
TestLedger = Ledger.TestCase
