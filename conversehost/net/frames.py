"""WebSocket frames (RFC 6455 section 5): wsproto reads all but the usual ones; ours are written here."""

from __future__ import annotations

import struct
import sys
from collections.abc import Iterator
from typing import Protocol, cast

from wsproto.extensions import Extension
from wsproto.frame_protocol import CloseReason, Frame, FrameDecoder, FrameProtocol, Opcode, ParseFailed, RsvBits

from conversehost.net.closing import FrameError
from conversehost.net.deflate import Deflate

_TEXT = 0x81
"""The first byte of a message in one frame."""
_MASKED = 0x80
_TWO_BYTES, _EIGHT_BYTES = 126, 127
"""Lengths that say how long the length is."""
_PIECE = 1_024
"""Bytes that are decompressed at once: at most a thousand times as many come out."""


class Meter(Extension):
    """Knows how far the frames go whose headers wsproto has read, and refuses those that go too far at once."""

    name = "meter"  # agreed on with nobody

    def __init__(self) -> None:
        self.end = 0
        self.limit = sys.maxsize

    def enabled(self) -> bool:
        return True

    def offer(self) -> bool:
        return False

    def frame_inbound_header(
        self, proto: FrameDecoder | FrameProtocol, opcode: Opcode, rsv: RsvBits, payload_length: int
    ) -> CloseReason | RsvBits:
        if payload_length > self.limit:
            return CloseReason.MESSAGE_TOO_BIG
        self.end += payload_length + (6 if payload_length < _TWO_BYTES else 8 if payload_length < 65_536 else 14)
        return RsvBits(False, False, False)


class Tap(Protocol):
    """Who wants to know of all frames. Kinds are the names of opcodes, in lower case."""

    def came(self, message: bytes, kind: str = "text") -> None:
        """A message is complete."""

    def controlled(self, kind: str, data: bytes) -> None:
        """A ping, a pong, or a close frame with its code and reason."""

    def goes(self, kind: str, data: bytes) -> None:
        """One of ours, of any kind."""


class Frames:
    """One connection's, both ways. `tap`: who is told of all."""

    def __init__(self, deflate: Deflate | None, tap: Tap | None = None) -> None:
        self.tap = tap
        self._parts: list[bytes] = []  # of a message that isn't complete, for the tap
        self._deflates = deflate is not None
        self._meter = Meter()
        self._protocol = FrameProtocol(client=False, extensions=[deflate or self._meter])
        self._fed = 0  # bytes that wsproto was given
        self._is_whole = True  # the message whose frame was read last
        self._is_between = not self._deflates  # no frame and no message has begun

    def allow(self, limit: int) -> None:
        """Bytes that a frame may have from now on; of compressed ones it is known when they are read."""
        self._meter.limit = limit

    def whole(self, data: bytes, at: int) -> tuple[bytes, int] | None:
        """The message that begins at `at`, and where it ends, if it is UTF-8 and a single frame that is all there.

        wsproto would take four times as long. None leaves the rest of `data` to `read`.
        """
        if not self._is_between or len(data) < at + 6 or data[at] != _TEXT:
            return None
        size, start = data[at + 1] - _MASKED, at + 6
        if size == _TWO_BYTES:
            size, start = int.from_bytes(data[at + 2 : at + 4], "big"), at + 8
            if size < _TWO_BYTES:
                return None
        elif not 0 <= size < _TWO_BYTES:
            return None
        end = start + size
        if end > len(data):
            return None
        text = unmasked(data[start:end], data[start - 4 : start])
        if not text.isascii():
            try:
                text.decode()
            except UnicodeDecodeError:
                return None
        if self.tap is not None:
            self.tap.came(text)
        return text, end

    def read(self, data: bytes) -> Iterator[Frame]:
        """All frames, or parts of them, that `data` brings. Raises FrameError; then there is nothing more to read."""
        size = _PIECE if self._deflates else len(data) or 1
        try:
            for start in range(0, len(data), size):
                yield from self._piece(data[start : start + size])
        except ParseFailed as error:
            raise FrameError(str(error), error.code) from None
        self._is_between = not self._deflates and self._is_whole and self._fed == self._meter.end

    def _piece(self, piece: bytes) -> Iterator[Frame]:
        self._fed += len(piece)
        self._protocol.receive_bytes(piece)
        for frame in self._protocol.received_frames():
            if not frame.opcode.iscontrol():
                self._is_whole = frame.message_finished
            if self.tap is not None:
                self._tell(frame, self.tap)
            yield frame

    def text(self, message: bytes) -> bytes:
        """A message in one frame."""
        if self.tap is not None:
            self.tap.goes("text", message)
        if self._deflates:
            return bytes(self._protocol.send_data(message.decode()))
        size = len(message)
        if size < _TWO_BYTES:
            return b"\x81%c%b" % (size, message)
        if size < 65_536:
            return struct.pack("!BBH", _TEXT, _TWO_BYTES, size) + message
        return struct.pack("!BBQ", _TEXT, _EIGHT_BYTES, size) + message

    def ping(self) -> bytes:
        if self.tap is not None:
            self.tap.goes("ping", b"")
        return bytes(self._protocol.ping())

    def pong(self, payload: bytes) -> bytes:
        """The answer to a ping: its payload comes back."""
        if self.tap is not None:
            self.tap.goes("pong", payload)
        return bytes(self._protocol.pong(payload))

    def close(self, code: int) -> bytes:
        """A close frame; CloseReason.NO_STATUS_RCVD leaves the code out."""
        if self.tap is not None:
            self.tap.goes("close", str(int(code)).encode())
        return bytes(self._protocol.close(code))

    def _tell(self, frame: Frame, tap: Tap) -> None:
        """What wsproto has read; a message may come in several parts."""
        kind, payload = frame.opcode.name.lower(), frame.payload
        if kind == "close":
            code, reason = cast(tuple[int, str | None], payload)
            tap.controlled(kind, f"{int(code)} {reason or ''}".strip().encode())
            return
        data = payload.encode() if isinstance(payload, str) else bytes(payload)  # type: ignore[arg-type]
        if frame.opcode.iscontrol():
            tap.controlled(kind, data)
            return
        self._parts.append(data)
        if frame.message_finished:
            parts, self._parts = self._parts, []
            tap.came(b"".join(parts), "text" if kind == "continuation" else kind)


def unmasked(payload: bytes, key: bytes) -> bytes:
    """Section 5.3; the same both ways. As one long number each, which is quicker than byte by byte."""
    size = len(payload)
    mask = (key * (size // 4 + 1))[:size]
    return (int.from_bytes(payload, "little") ^ int.from_bytes(mask, "little")).to_bytes(size, "little")
