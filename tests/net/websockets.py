"""A WebSocket client for the front in memory: bytes out, frames in."""

from __future__ import annotations

from typing import Any

from lxml import etree
from wsproto.extensions import Extension
from wsproto.frame_protocol import Frame, FrameProtocol, Opcode

from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element
from tests.net.front import Front, Wire

KEY = "dGhlIHNhbXBsZSBub25jZQ=="
ACCEPT = "s3pPLMBiTxaQ9kYGzzhZRbK+xOo="
"""Of RFC 6455 section 1.3."""
OPEN = f"<open xmlns='{ns.FRAMING}' to='localhost' version='1.0'/>"
CLOSE = f"<close xmlns='{ns.FRAMING}'/>"
FRAMING = f"{{{ns.FRAMING}}}"


def handshake(path: str = "/xmpp-websocket", **changes: str | None) -> bytes:
    """A request; fields named with underscores, None leaves one out."""
    fields = {
        "Host": "localhost",
        "Upgrade": "websocket",
        "Connection": "Upgrade",
        "Sec-WebSocket-Key": KEY,
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Protocol": "xmpp",
    } | {name.replace("_", "-"): value for name, value in changes.items()}
    lines = [f"{name}: {value}" for name, value in fields.items() if value is not None]
    return "\r\n".join([f"GET {path} HTTP/1.1", *lines, "", ""]).encode()


class Socket:
    """A connection after its handshake. `messages` and `codes` are what came over it."""

    def __init__(self, front: Front, extensions: list[Extension] | None = None, **changes: str | None) -> None:
        self.front = front
        self.wire: Wire = front.wire()
        self.wire.send(handshake(**changes))
        head, _, rest = self.wire.raw.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 "), head
        self.head = head
        self.frames = FrameProtocol(client=True, extensions=extensions or [])
        self.messages: list[str] = []
        self.codes: list[int] = []
        self.pings = 0
        self.pongs: list[bytes] = []
        self._parts = ""
        self._read = len(head) + 4
        assert not rest

    def send(self, data: bytes) -> Socket:
        """Raw bytes."""
        self.wire.send(data)
        return self.read()

    def say(self, *texts: str) -> Socket:
        """Messages, each in one frame."""
        return self.send(b"".join(bytes(self.frames.send_data(text)) for text in texts))

    def frame(self, opcode: int, payload: bytes = b"", *, fin: bool = True) -> Socket:
        """One masked frame, whatever its opcode."""
        return self.send(frame(opcode, payload, fin=fin))

    def read(self) -> Socket:
        """What came since."""
        data = self.wire.raw
        self.frames.receive_bytes(data[self._read :])
        self._read = len(data)
        for each in self.frames.received_frames():
            self._frame(each)
        return self

    def _frame(self, frame: Frame) -> None:
        payload: Any = frame.payload
        if frame.opcode is Opcode.TEXT:
            self._parts += payload
            if frame.message_finished:
                self.messages.append(self._parts)
                self._parts = ""
        elif frame.opcode is Opcode.CLOSE:
            self.codes.append(int(payload[0]))
        elif frame.opcode is Opcode.PING:
            self.pings += 1
        elif frame.opcode is Opcode.PONG:
            self.pongs.append(bytes(payload))

    @property
    def elements(self) -> list[Element]:
        return [etree.fromstring(each) for each in self.messages]

    @property
    def tags(self) -> list[str]:
        """Without namespaces."""
        return [etree.QName(each).localname for each in self.elements]

    @property
    def error(self) -> str:
        """The condition of the one stream error that came."""
        (found,) = (each for each in self.elements if each.tag == f"{{{ns.STREAM}}}error")
        return etree.QName(found[0]).localname

    def advance(self, seconds: float) -> Socket:
        self.front.advance(seconds)
        return self.read()


def frame(
    opcode: int, payload: bytes = b"", *, fin: bool = True, mask: bytes | None = b"\1\2\3\4", rsv: int = 0
) -> bytes:
    """Any frame, right or wrong."""
    head = bytes([(0x80 if fin else 0) | rsv << 4 | opcode])
    bit, size = 0x80 if mask else 0, len(payload)
    if size < 126:
        head += bytes([bit | size])
    elif size < 65_536:
        head += bytes([bit | 126]) + size.to_bytes(2, "big")
    else:
        head += bytes([bit | 127]) + size.to_bytes(8, "big")
    if mask is None:
        return head + payload
    return head + mask + bytes(byte ^ mask[index % 4] for index, byte in enumerate(payload))
