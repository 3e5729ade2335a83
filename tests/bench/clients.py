"""XMPP clients for the load: what they say is written beforehand, what they hear is searched for a token."""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Generator
from typing import Literal

from .load import Connection, HttpConnection, Loop, Target

Transport = Literal["bosh", "websocket", "tcp"]
Script = Generator[None, bytes, None]

_BODY = b"http://jabber.org/protocol/httpbind"
_SID = re.compile(rb"""\bsid=['"]([^'"]+)""")
_STREAM = "xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0'"
_SASL, _BIND = "urn:ietf:params:xml:ns:xmpp-sasl", "urn:ietf:params:xml:ns:xmpp-bind"


class Client:
    """One session. `received` hears of what comes once it is logged in."""

    def __init__(self, loop: Loop, target: Target, number: int, resource: str = "bench") -> None:
        self.loop = loop
        self.target = target
        self.name = f"u{number}"
        self.resource = resource
        self.jid = f"{self.name}@{target.domain}/{resource}"
        self.received: Callable[[bytes], None] = self._nothing
        self._script: Script | None = None

    def log_in(self, done: Callable[[Client], None], *, presence: bool = False) -> None:
        """Connect, authenticate by PLAIN, restart, bind, and be available if asked for."""
        self._script = self._login(done, presence)
        next(self._script)

    def log_out(self, done: Callable[[Client], None]) -> None:
        """End the session, and hear the server's answer to that."""
        self._script = self._logout(done)
        next(self._script)

    def send(self, stanza: bytes) -> None:
        raise NotImplementedError

    def poll(self) -> None:
        """BOSH: have a request held, if there is none."""

    @property
    def may_send(self) -> bool:
        """BOSH: no more requests are open than may be."""
        return True

    def close(self) -> None:
        raise NotImplementedError

    def _login(self, done: Callable[[Client], None], presence: bool) -> Script:
        self._open()
        yield from self._until(b"PLAIN</", b"features>")
        secret = base64.b64encode(f"\0{self.name}\0pw".encode()).decode()
        self.send(f"<auth xmlns='{_SASL}' mechanism='PLAIN'>{secret}</auth>".encode())
        yield from self._until(b"<success")
        self._restart()
        yield from self._until(b"xmpp-bind", b"features>")
        resource = f"<resource>{self.resource}</resource>"
        bind = f"<iq type='set' id='b1' xmlns='jabber:client'><bind xmlns='{_BIND}'>{resource}</bind></iq>"
        self.send(bind.encode())
        yield from self._until(b"</jid>", b"iq>")
        if presence:
            self.send(b"<presence xmlns='jabber:client'/>")
            yield from self._until(b"<presence")
        self._script = None
        done(self)
        yield

    def _logout(self, done: Callable[[Client], None]) -> Script:
        self._end()
        yield from self._until_closed()
        self.close()
        self._script = None
        done(self)
        yield

    def _until(self, *tokens: bytes) -> Script:
        """Some servers answer at once, and send what matters later."""
        seen = b""
        while not all(token in seen for token in tokens):
            self.poll()
            seen += yield
            if b"<failure" in seen or b"type='error'" in seen or b'type="error"' in seen:
                raise RuntimeError(f"{self.jid} was refused: {seen!r}")

    def _hear(self, unit: bytes) -> None:
        if self._script is not None:
            self._script.send(unit)
        else:
            self.received(unit)

    def _nothing(self, unit: bytes) -> None:
        self.poll()

    def _open(self) -> None:
        raise NotImplementedError

    def _restart(self) -> None:
        raise NotImplementedError

    def _end(self) -> None:
        raise NotImplementedError

    def _until_closed(self) -> Script:
        raise NotImplementedError


class BoshClient(Client):
    """XEP-0124 on two connections, as a browser has: one request is held, the other sends; the second when needed."""

    def _open(self) -> None:
        self._rid = random.randrange(1, 2**30)
        self._start = b""
        self._connections = [HttpConnection(self.loop, self.target.http, self._hear)]
        self._post(
            f"to='{self.target.domain}' wait='60' hold='1' ver='1.6' content='text/xml; charset=utf-8' xml:lang='en' "
            "xmlns:xmpp='urn:xmpp:xbosh' xmpp:version='1.0'"
        )

    def send(self, stanza: bytes) -> None:
        self._post("", stanza)

    def poll(self) -> None:
        if self._open_requests == 0:
            self._post("")

    @property
    def may_send(self) -> bool:
        return self._open_requests < 2

    def close(self) -> None:
        for connection in self._connections:
            connection.close()

    @property
    def _open_requests(self) -> int:
        return sum(not connection.answered for connection in self._connections)

    def _hear(self, unit: bytes) -> None:
        if not self._start:
            found = _SID.search(unit)
            if found is None:
                raise RuntimeError(f"no session: {unit!r}")
            self._start = b"' sid='%s' xmlns='%s'" % (found[1], _BODY)
        if b"terminate" in unit and self._script is None:
            raise RuntimeError(f"the session ended: {unit!r}")
        super()._hear(unit)

    def _restart(self) -> None:
        self._post(f"to='{self.target.domain}' xml:lang='en' xmlns:xmpp='urn:xmpp:xbosh' xmpp:restart='true'")

    def _end(self) -> None:
        self._post("type='terminate'")

    def _until_closed(self) -> Script:
        while self._open_requests:
            yield

    def _post(self, attributes: str, stanza: bytes = b"") -> None:
        start = self._start or b"' xmlns='%s'" % _BODY
        content = b">%s</body>" % stanza if stanza else b"/>"
        body = b"<body rid='%d%s %s%s" % (self._rid, start, attributes.encode(), content)
        self._rid += 1
        self._free().request(self.target.post(body))

    def _free(self) -> HttpConnection:
        for connection in self._connections:
            if connection.answered and not connection.closed:
                return connection
        self._connections = [each for each in self._connections if not each.closed]
        if len(self._connections) > 1:
            raise RuntimeError("more than two requests are open")
        self._connections.append(HttpConnection(self.loop, self.target.http, self._hear))
        return self._connections[-1]


class Frames(Connection):
    """A WebSocket, from its upgrade on; what is told are whole frames' payloads."""

    def __init__(self, loop: Loop, target: Target, received: Callable[[bytes], None]) -> None:
        super().__init__(loop, target.http, received)
        self._upgraded = False
        fields = ("Upgrade: websocket", "Connection: Upgrade", "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==")
        host = f"http://{target.domain}:{target.http}"
        version = ("Sec-WebSocket-Version: 13", "Sec-WebSocket-Protocol: xmpp", f"Origin: {host}")
        self.send(target.get(target.websocket, *fields, *version))

    def frame(self, payload: bytes) -> None:
        """Masked with zeroes, which leaves the payload as it is. Shorter than 64 KB."""
        size = len(payload)
        length = bytes((0x80 | size,)) if size < 126 else b"\xfe" + size.to_bytes(2, "big")
        self.send(b"\x81%s\0\0\0\0%s" % (length, payload))

    def _take(self, data: bytes) -> bytes:
        if not self._upgraded:
            head, end, data = data.partition(b"\r\n\r\n")
            if not end:
                return head
            if not head.startswith(b"HTTP/1.1 101"):
                raise RuntimeError(f"no WebSocket: {head!r}")
            self._upgraded = True
            self.received(b"")
        while len(data) >= 2:
            size, start = data[1], 2
            if size >= 126:
                start = 4 if size == 126 else 10
                size = int.from_bytes(data[2:start], "big")
            if len(data) < start + size:
                break
            unit, data = data[start : start + size], data[start + size :]
            self.received(unit)
        return data


class WebSocketClient(Client):
    """RFC 7395."""

    def _open(self) -> None:
        self._frames = Frames(self.loop, self.target, self._upgraded)

    def _upgraded(self, unit: bytes) -> None:
        self._frames.received = self._hear
        self._restart()

    def send(self, stanza: bytes) -> None:
        self._frames.frame(stanza)

    def close(self) -> None:
        self._frames.close()

    def _restart(self) -> None:
        opening = f"<open xmlns='urn:ietf:params:xml:ns:xmpp-framing' to='{self.target.domain}' version='1.0'/>"
        self.send(opening.encode())

    def _end(self) -> None:
        self.send(b"<close xmlns='urn:ietf:params:xml:ns:xmpp-framing'/>")

    def _until_closed(self) -> Script:
        yield from self._until(b"<close")


class Stream(Connection):
    """What comes, as it comes, up to the last complete tag."""

    def _take(self, data: bytes) -> bytes:
        end = data.rfind(b">") + 1
        if end:
            self.received(data[:end])
        return data[end:]


class TcpClient(Client):
    """RFC 6120, without TLS."""

    def _open(self) -> None:
        self._stream = Stream(self.loop, self.target.c2s, self._hear)
        self._restart()

    def send(self, stanza: bytes) -> None:
        self._stream.send(stanza)

    def close(self) -> None:
        self._stream.close()

    def _restart(self) -> None:
        self.send(f"<?xml version='1.0'?><stream:stream {_STREAM} to='{self.target.domain}'>".encode())

    def _end(self) -> None:
        self.send(b"</stream:stream>")

    def _until_closed(self) -> Script:
        yield from self._until(b"</stream:stream>")


CLIENTS: dict[Transport, type[Client]] = {"bosh": BoshClient, "websocket": WebSocketClient, "tcp": TcpClient}


class Pair:
    """One writes to the other; the next message once the last has arrived. Over BOSH a message is two requests: the one
    that brings it, and the one that takes the place of the reader's.
    """

    def __init__(self, writer: Client, reader: Client) -> None:
        self.arrived = 0
        self._writer = writer
        self._reader = reader
        self._due = True
        self._message = message(reader)
        writer.received = self._released
        reader.received = self._heard
        reader.poll()
        writer.poll()
        self._write()

    def _heard(self, unit: bytes) -> None:
        count = unit.count(b"</message>")
        self.arrived += count
        self._due = self._due or count > 0
        self._reader.poll()
        self._write()

    def _released(self, unit: bytes) -> None:
        if b"type='error'" in unit or b'type="error"' in unit:
            raise RuntimeError(f"a message came back: {unit!r}")
        self._writer.poll()
        self._write()

    def _write(self) -> None:
        if self._due and self._writer.may_send:
            self._due = False
            self._writer.send(self._message)


def message(to: Client) -> bytes:
    """300 bytes, as a chat has them."""
    start = f"<message to='{to.jid}' type='chat' id='m{random.getrandbits(32)}' xmlns='jabber:client'><body>"
    end = "</body><active xmlns='http://jabber.org/protocol/chatstates'/></message>"
    text = "the quick brown fox jumps over the lazy dog " * 7
    return f"{start}{text[: 300 - len(start) - len(end)]}{end}".encode()
