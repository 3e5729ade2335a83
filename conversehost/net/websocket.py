"""XMPP over WebSocket (RFC 7395): one element a message."""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING, cast

from lxml.etree import QName
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.clock import Deadline
from conversehost.net.closing import FrameError, Reason
from conversehost.net.tcp import CLOSING, OPENING
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.replies import stream_error
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import Backend, StreamOpen, Visit, check_version, own_address
from conversehost.xmpp.xml import Element, XMLError, attribute, parse_stanza, to_bytes

if TYPE_CHECKING:
    from wsproto.frame_protocol import Frame

    from conversehost.net.deflate import Deflate
    from conversehost.net.forwarded import Client
    from conversehost.net.handshake import Shared
    from conversehost.net.http import HttpConnection

log = Logger()

CLOSE = f'<close xmlns="{ns.FRAMING}" />'.encode()
"""To the letter: Strophe.js doesn't parse it."""
_OPEN_TAG, _CLOSE_TAG = f"{{{ns.FRAMING}}}open", f"{{{ns.FRAMING}}}close"
_ENDS = re.compile("}(open|close)$")


class WebSocketConnection:
    """One client. A `Link` for the server behind, and the `Successor` of the HTTP connection that it began as."""

    def __init__(
        self, shared: Shared, client: Client, *, moved: str, deflate: Deflate | None, visit: Visit | None = None
    ):
        """`moved`: where the client is sent instead, if anywhere; `deflate`: agreed on with it; `visit`: what its
        handshake showed of a login to the site.
        """
        self._visit = visit
        self._shared = shared
        self._client = client
        self._moved = moved
        self.frames = shared.frames(deflate)
        self._set_limit(shared.limits.unauthenticated)
        self._message: list[str] = []  # of a message that isn't complete
        self._size = 0  # characters
        self._backend: Backend | None = None
        self._out: list[bytes] = []
        self._due = False
        self._said_open = self._said_close = False
        self._stalled = False  # nothing more is read for now
        self._silent = False  # nothing was heard for too long
        self._left = False  # the server behind knows that it is over
        self._ended = False  # no more elements either way
        self._closing = False  # our close frame is out
        self._deaf = False  # nothing that comes matters any more
        self._begun = self._heard = self._pinged = shared.clock.now()
        self._deadline: Deadline | None = None
        self.drained: Callable[[], None] | None = None

    # Successor

    def start(self, connection: HttpConnection) -> None:
        self._transport = connection.transport
        self._outlet = connection.outlet
        self._outlet.room = self._room
        self._shared.connections.add(self)
        self._watch()

    def dataReceived(self, data: bytes) -> None:
        self._heard = self._shared.clock.now()
        at, end = 0, len(data)
        while at < end and not self._deaf and (found := self.frames.whole(data, at)) is not None:
            text, at = found
            self._take(text)
        if at < end and not self._deaf:
            self._read(data[at:])
        self._shared.turn.taken()

    def connectionLost(self, reason: Failure) -> None:
        self._ended = self._closing = self._deaf = True
        self._shared.connections.discard(self)
        self._set_deadline(None)
        self._leave([each for each in self._outlet.unsent() if isinstance(each, bytes)])
        self._shared.turn.taken()

    # Link

    def send(self, stanza: bytes) -> None:
        self._out.append(stanza)
        if not self._due:
            self._due = True
            self._shared.turn.add(self)

    def flush(self) -> None:
        self._due = False
        if self._ended or not self._out:
            return
        out, self._out = self._out, []
        if len(out) == 1:  # as it mostly is
            frame = self.frames.text(out[0])
            if self._outlet.write(frame):
                return
            frames = [frame]
        else:
            frames = [self.frames.text(stanza) for stanza in out]
            if self._outlet.write(b"".join(frames)):
                return
        end = self._outlet.given - sum(map(len, frames))
        for stanza, frame in zip(out, frames, strict=True):
            end += len(frame)
            self._outlet.keep(stanza, end)
        self._check_queue()

    def restarting(self) -> None:
        self.trusted()

    def trusted(self) -> None:
        self._set_limit(self._shared.limits.stanza)
        self._watch()

    def close(self, error: StreamError | None = None) -> None:
        """The stream's end from our side: the client answers it, then the connection is closed (section 3.6)."""
        if self._ended:
            return
        self._say_last(error)
        if error is not None and error.condition == "system-shutdown":
            self._say_goodbye(Reason.GOING_AWAY)
        else:
            self._set_deadline(self._shared.clock.after(CLOSING, self._too_slow_to_close))

    def cut(self) -> None:
        """The connection breaks, without a word."""
        self._transport.abortConnection()

    @property
    def is_behind(self) -> bool:
        """Something waits for the client to take it."""
        return bool(self._out) or self._outlet.waiting() > 0

    @property
    def waiting(self) -> int:
        """Bytes that the client hasn't taken."""
        return self._outlet.waiting() + sum(map(len, self._out))

    def stall(self) -> None:
        """Read no more, as if the network were gone; who sends nothing meanwhile is found out as always."""
        self._stalled = True
        self._transport.pauseProducing()

    def go_on(self) -> None:
        """Read again."""
        self._stalled = False
        if not self._outlet.blocked:
            self._transport.resumeProducing()

    def close_with(self, code: int) -> None:
        """A close frame with that code, and no word about the stream, as a proxy or a server that is going does it."""
        self._ended = True
        self._say_goodbye(code)

    # What comes in

    def _read(self, data: bytes) -> None:
        try:
            for frame in self.frames.read(data):
                self._frame(frame)
                if self._deaf:
                    return
        except FrameError as error:
            if error.code == Reason.TOO_BIG:
                self._too_big()
            else:
                self._fail(StreamError("bad-format", str(error)), error.code)

    def _frame(self, frame: Frame) -> None:
        kind = frame.opcode.name
        if kind == "TEXT":
            self._text_frame(frame)
        elif kind == "PING":
            self._write(self.frames.pong(cast(bytes, frame.payload)))
        elif kind == "CLOSE":
            self._closed_by_client(cast(tuple[int, str], frame.payload)[0])
        elif kind == "BINARY":
            self._fail(StreamError("bad-format", "binary messages aren't taken"), Reason.UNSUPPORTED_DATA)

    def _text_frame(self, frame: Frame) -> None:
        part = cast(str, frame.payload)
        if part:
            self._message.append(part)
            self._size += len(part)
        if self._size > self._limit:
            self._too_big()
        elif frame.message_finished:
            message = "".join(self._message).encode()
            self._message, self._size = [], 0
            self._take(message)

    def _take(self, message: bytes) -> None:
        """A whole one. If it is wrong that ends the stream, but not the connection at once: `<close/>` may follow."""
        if len(message) > self._limit:
            self._too_big()
        elif not self._closing:
            try:
                self._element(message)
            except XMLError as error:
                self.close(StreamError(error.condition, error.text))
            except StreamError as error:
                self.close(error)
            except Exception:
                log.failure("while reading from a client")
                self.close(StreamError("internal-server-error"))

    def _set_limit(self, limit: int) -> None:
        self._limit = limit
        self.frames.allow(limit)

    def _too_big(self) -> None:
        error = StreamError("policy-violation", "stanza too big", application=(ns.STANZA_TOO_BIG, "stanza-too-big"))
        self._fail(error, Reason.TOO_BIG)

    def _element(self, data: bytes) -> None:
        if self._ended:  # the end that was said is answered, or nothing that matters any more
            with suppress(XMLError):
                if parse_stanza(data, self._shared.limits).tag == _CLOSE_TAG:
                    self._close_came()
            return
        if not data.startswith(b"<"):
            raise StreamError("not-well-formed", "a message begins with <")
        found = parse_stanza(data, self._shared.limits)
        if self._backend is not None and (isinstance(found, Stanza) or not _ENDS.search(found.tag)):
            self._backend.receive(found)
        else:
            self._framing(found)

    def _framing(self, found: Element) -> None:
        """Sections 3.3 to 3.7."""
        if found.tag == _OPEN_TAG:
            self._open(found)
        elif found.tag == _CLOSE_TAG:
            self._close_came()
        elif QName(found).localname in ("open", "close"):
            raise StreamError("invalid-namespace", f"<open/> and <close/> are in {ns.FRAMING}")
        else:
            raise StreamError("bad-format", f"a stream begins with <open/> in {ns.FRAMING}")

    def _open(self, found: Element) -> None:
        to, lang = found.get("to", ""), found.get(f"{{{ns.XML}}}lang") or "en"
        if self._moved:
            self._said_open = True
            self._end_with(f"<close xmlns='{ns.FRAMING}' see-other-uri={attribute(self._moved)}/>".encode())
            return
        self._say_open(to, found.get("from", ""))
        check_version(found.get("version", ""))
        request = StreamOpen(
            to,
            "websocket",
            self._client.address,
            found.get("from", ""),
            lang,
            secure=self._client.secure,
            early_bytes=self._shared.limits.unauthenticated,
            max_bytes=self._shared.limits.stanza,
            idle=int(self._shared.manners.timeout),
            origin=self._client.origin,
            visit=self._visit,
        )
        if self._backend is not None:
            self._backend.restart(request)
            return
        self._backend = self._shared.backend()
        self._backend.open(request, self)

    def _say_open(self, domain: str, sender: str) -> None:
        """Ours; comes before anything else, errors too (section 3.5). A new id at each restart (3.7)."""
        self._said_open = True
        names = f"from={attribute(self._shared.named(domain))} id='{secrets.token_hex(8)}'"
        if address := own_address(sender):
            names += f" to={attribute(address)}"
        self.send(f"<open xmlns='{ns.FRAMING}' {names} version='1.0' xml:lang='en'/>".encode())

    def _close_came(self) -> None:
        """Section 3.6: answered in kind; whoever said it first ends the connection."""
        if self._said_close:
            self._say_goodbye(Reason.NORMAL)
            return
        self._end_with(CLOSE)
        self._leave([])

    def _closed_by_client(self, code: int) -> None:
        """The closing handshake of RFC 6455 (section 5.5.1): echoed, then the connection is closed at once."""
        self._ended = self._deaf = True
        if not self._closing:
            self._closing = True
            self._write(self.frames.close(code))
        self._hang_up()

    # What goes out

    def _write(self, data: bytes) -> None:
        self._outlet.write(data)
        self._check_queue()

    def _check_queue(self) -> None:
        """Who doesn't read is cut off; what he didn't get goes back. Nor is he heard while much waits for him."""
        if self._outlet.waiting() > self._shared.manners.queue:
            self._transport.abortConnection()
        elif self._outlet.blocked:
            self._transport.pauseProducing()

    def _room(self) -> None:
        if not self._stalled:
            self._transport.resumeProducing()
        if self.drained is not None:
            self.drained()

    def _say_last(self, error: StreamError | None) -> None:
        if not self._said_open:
            self._say_open("", "")
        self._end_with(*([] if error is None else [to_bytes(stream_error(error))]), CLOSE)

    def _end_with(self, *last: bytes) -> None:
        """All that was sent, and these; nothing after."""
        self.flush()
        self._ended = self._said_close = True
        self._write(b"".join(map(self.frames.text, last)))
        self._set_deadline(self._shared.clock.after(CLOSING, self._too_slow_to_close))

    def _fail(self, error: StreamError, code: int) -> None:
        """Frames that break the rules: nothing that follows them is looked at (RFC 6455 section 7.1.7)."""
        if not self._ended:
            self._say_last(error)
        self._say_goodbye(code)
        self._deaf = True
        self._outlet.end()
        self._set_deadline(self._shared.clock.after(CLOSING, self._transport.abortConnection))

    def _say_goodbye(self, code: int) -> None:
        """Our close frame; the client has a while to answer it."""
        if self._closing:
            return
        self._closing = True
        self._write(self.frames.close(code))
        self._leave([])
        self._set_deadline(self._shared.clock.after(CLOSING, self._hang_up))

    def _hang_up(self) -> None:
        self._outlet.close()
        self._set_deadline(self._shared.clock.after(CLOSING, self._transport.abortConnection))

    def _leave(self, unsent: list[bytes]) -> None:
        """The server behind hears of the end; what the client didn't get is given back, also when that shows later."""
        if self._backend is None:
            return
        if not self._left:
            self._left = True
            out, self._out = self._out, []
            broken = self._silent or not self._said_close
            (self._backend.lost if broken else self._backend.close)([*unsent, *out])
        elif unsent:
            self._backend.undelivered(unsent)

    # Time

    def _watch(self) -> None:
        manners = self._shared.manners
        due = min(self._ping_due(), self._heard + manners.timeout)
        if self._backend is None:
            due = min(due, self._begun + OPENING)
        self._set_deadline(self._shared.clock.at(due, self._silence))

    def _silence(self) -> None:
        self._deadline = None
        now, manners = self._shared.clock.now(), self._shared.manners
        if self._backend is None and now >= self._begun + OPENING:
            self.close(StreamError("connection-timeout", f"no stream was opened within {OPENING:.0f} seconds"))
        elif now >= self._heard + manners.timeout:
            self._silent = True
            self.close(StreamError("connection-timeout", f"nothing heard for {manners.timeout:.0f} seconds"))
        else:
            if now >= self._ping_due():
                self._pinged = now
                self._write(self.frames.ping())
            self._watch()

    def _ping_due(self) -> float:
        return max(self._heard, self._pinged) + self._shared.manners.ping

    def _too_slow_to_close(self) -> None:
        self._deadline = None
        self._say_goodbye(Reason.NORMAL)

    def _set_deadline(self, deadline: Deadline | None) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
        self._deadline = deadline
