"""Files that clients share (XEP-0363): PUT into a slot, GET by everybody who knows the URL."""

from __future__ import annotations

import errno
import hmac
import os
import shutil
import tempfile
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple
from urllib.parse import quote, unquote

from twisted.logger import Logger
from twisted.python.failure import Failure
from twisted.web.resource import IResource
from twisted.web.server import Request

from conversehost.clock import Clock
from conversehost.net.cors import Cors
from conversehost.net.exchange import Answering, HttpExchange
from conversehost.net.http import HttpConnection
from conversehost.net.webchannel import host_of
from conversehost.server.uploads import Slot, UploadsOf
from conversehost.web.ranges import keep_few
from conversehost.web.resource import SiteResource

log = Logger()

SHOWN = ("image/", "audio/", "video/")
"""What a browser may show in place, beside plain text; all else it is told to save, as it could run."""
RUNS = ("image/svg",)
HEADERS = {
    b"accept-ranges": b"bytes",
    b"cache-control": b"private, max-age=31536000, immutable",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'; sandbox",
    b"cross-origin-resource-policy": b"cross-origin",
    b"x-content-type-options": b"nosniff",
}
_TEXT = b"Content-Type: text/plain; charset=utf-8\r\nCache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"
_FULL = (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)


class Files:
    """On disk, in a folder of their own, which is made with the first and goes with the server."""

    def __init__(self, uploads: UploadsOf, clock: Clock) -> None:
        """`clock` is that of the slots."""
        self.uploads = uploads
        self.arriving: set[str] = set()
        """Tokens of slots to which a file is on its way."""
        self._clock = clock
        self._folder: Path | None = None

    def path(self, slot: Slot) -> Path:
        """Where it is, or would be. No name of a client's is part of it."""
        if self._folder is None:
            self._folder = Path(tempfile.mkdtemp(prefix="conversehost-"))
        return self._folder / slot.token

    def stored(self, part: Path, slot: Slot) -> bool:
        """All of it has come. False when its slot has gone meanwhile."""
        kept = self.uploads.stored(slot.token)
        if kept is None:
            part.unlink(missing_ok=True)
            return False
        part.rename(self.path(slot))
        if kept.until is not None:
            self._clock.after(kept.until - self._clock.utc(), lambda: self._expired(kept))
        return True

    def sweep(self) -> None:
        """Drop those that no slot has: their accounts are gone, or all was reset."""
        for path in self._folder.iterdir() if self._folder else ():
            token = path.name.removesuffix(".part")
            if token not in self.arriving and self.uploads.find(token) is None:
                path.unlink(missing_ok=True)

    def close(self) -> None:
        """The server stops."""
        if self._folder is not None:
            shutil.rmtree(self._folder, ignore_errors=True)
            self._folder = None

    def _expired(self, slot: Slot) -> None:
        if self.uploads.find(slot.token) is None:
            self.path(slot).unlink(missing_ok=True)


class Refused(NamedTuple):
    """A PUT that isn't taken, and why."""

    code: int
    why: str


class UploadFront:
    """`Streaming`: PUT below `prefix`, written to disk as it comes in."""

    def __init__(self, files: Files, prefix: str, cors: Cors) -> None:
        """`prefix` begins and ends with a slash."""
        self.files = files
        self.cors = cors
        self._prefix = prefix.encode()

    def takes(self, exchange: HttpExchange) -> bool:
        """Of `Streaming`."""
        return exchange.method == b"PUT" and exchange.path.startswith(self._prefix)

    def take(self, connection: HttpConnection, exchange: HttpExchange) -> Answering:
        """Of `Streaming`."""
        return Receiving(self, connection, exchange)

    def find(self, path: bytes) -> Slot | None:
        """By `token/name`, as in the URL; the name must be the file's."""
        token, slash, name = path[len(self._prefix) :].decode("ascii", "replace").partition("/")
        slot = self.files.uploads.find(token) if slash else None
        return slot if slot is not None and unquote(name) == slot.name else None

    def slot(self, exchange: HttpExchange) -> Slot | Refused:
        """The one that a request is for, if it may go there (XEP-0363 section 7)."""
        slot = self.find(exchange.path)
        if slot is None:
            return Refused(404, "there is no such slot: it was never given, or has waited too long for its file")
        if not hmac.compare_digest(exchange.field(b"authorization") or b"", b"Bearer " + slot.secret.encode()):
            return Refused(401, "send the Authorization header that came with the slot")
        if slot.stored or slot.token in self.files.arriving:
            return Refused(409, "there is a file already: ask for another slot")
        length = exchange.field(b"content-length")
        if length is None:
            return Refused(411, "say by Content-Length how long the file is")
        if int(length) != slot.size:
            return Refused(413 if int(length) > slot.size else 400, f"the slot is for {slot.size} bytes")
        type = (exchange.field(b"content-type") or b"").decode("latin-1")
        if slot.type and type and plain(type) != plain(slot.type):
            return Refused(415, f"the slot is for {slot.type}")
        return slot


class Receiving:
    """`Answering`: one file on its way in."""

    def __init__(self, front: UploadFront, connection: HttpConnection, exchange: HttpExchange) -> None:
        self.exchange = exchange
        self.answering = False
        self._front = front
        self._connection = connection
        self._slot: Slot | None = None
        self._file: BinaryIO | None = None
        self._part: Path
        self._refused = b""

    def start(self) -> None:
        """Refuse, or open the file."""
        exchange, front = self.exchange, self._front
        allowed = front.cors.fields(exchange)
        if allowed is None:
            self._connection.web_left(exchange)
            front.cors.refuse(exchange)
            return
        self._refused = allowed + _TEXT
        found = front.slot(exchange)
        if isinstance(found, Refused):
            self._refuse(*found)
            return
        self._slot = found
        front.files.arriving.add(found.token)
        front.files.sweep()
        try:
            self._part = front.files.path(found).with_suffix(".part")
            self._file = self._part.open("wb")
        except OSError as error:
            self._broke(error)
            return
        self.more()

    def more(self) -> None:
        """Write what is there; at its end, answer."""
        if self._file is None or self._slot is None:
            return
        exchange = self.exchange
        parts, exchange.body = exchange.body, []
        exchange.size = 0
        try:
            self._file.writelines(parts)
            if not exchange.complete:
                self._connection.throttle()
                return
            self._file.close()
        except OSError as error:
            self._broke(error)
            return
        slot = self._end()
        if self._front.files.stored(self._part, slot):
            self._connection.web_left(exchange)
            exchange.respond(201, self._refused, b"")
        else:
            self._refuse(404, "the slot has gone while the file came in")

    def lost(self, reason: Failure) -> None:
        """What has come is of no use."""
        self._discard()

    def _broke(self, error: OSError) -> None:
        self._discard()
        log.error("a file could not be stored: {error}", error=error)
        full = error.errno in _FULL
        self._refuse(507 if full else 500, "the disk is full" if full else "the file could not be stored")

    def _discard(self) -> None:
        if self._slot is None:
            return
        if self._file is not None:
            try:
                self._file.close()
            except OSError:  # of what couldn't be written before
                log.debug("a part of a file is dropped")
        part = self._front.files.path(self._slot).with_suffix(".part")
        part.unlink(missing_ok=True)
        self._end()

    def _end(self) -> Slot:
        """It isn't on its way any more."""
        assert self._slot is not None
        slot, self._slot, self._file = self._slot, None, None
        self._front.files.arriving.discard(slot.token)
        return slot

    def _refuse(self, code: int, why: str) -> None:
        self._connection.web_left(self.exchange)
        fields = self._refused + (b"WWW-Authenticate: Bearer\r\n" if code == 401 else b"")
        self.exchange.respond(code, fields, f"{code}: {why}\n".encode())


class UploadedFiles(SiteResource):
    """Everything below the prefix but PUT: GET and HEAD, with ranges, and what browsers ask before a page may PUT."""

    isLeaf = True

    def __init__(self, front: UploadFront, problem: Any) -> None:
        super().__init__(problem)
        self._front = front
        self._files, cors = front.files, front.cors
        self._cors = cors

    def getChild(self, path: bytes, request: Request) -> IResource:
        """All that is below is found by this."""
        return self

    def answer(self, request: Request) -> bytes | int:
        """Also what is refused may be read by the pages that may ask."""
        for line in (self._cors.fields(Asked(request)) or b"").split(b"\r\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                request.setHeader(name, value)
        return super().answer(request)

    def render_OPTIONS(self, request: Request) -> bytes:
        """Preflight."""
        asked = Asked(request)
        if self._cors.fields(asked) is None:
            return self.problem(request, 403)
        for line in self._cors.preflight(asked, b"GET, HEAD, OPTIONS, PUT").split(b"\r\n"):
            name, colon, value = line.partition(b": ")
            if colon:
                request.setHeader(name, value)
        request.setResponseCode(204)
        return b""

    def render_GET(self, request: Request) -> bytes | int:
        """The file. Nothing in it runs in this site's name, whatever it is."""
        slot = self._front.find((request.path or b"").partition(b"?")[0])
        if slot is None or not slot.stored or not (path := self._files.path(slot)).exists():
            return self.problem(request, 404)
        from twisted.web.static import File  # knows ranges, and lets the reader set the pace

        keep_few(request)
        for name, value in HEADERS.items():
            request.setHeader(name, value)
        request.setHeader(b"content-disposition", disposition(slot))
        request.setHeader(b"etag", b'"%s"' % slot.token.encode())
        source: Any = File(os.fspath(path))
        source.type, source.encoding = slot.type or "application/octet-stream", None
        body: bytes | int = source.render_GET(request)
        return body


class Asked(NamedTuple):
    """A twisted.web request as `net.cors` looks at it."""

    request: Request

    @property
    def headers(self) -> list[tuple[bytes, bytes]]:
        """Names in lower case."""
        fields = self.request.requestHeaders.getAllRawHeaders()
        return [(name.lower(), value) for name, values in fields for value in values]

    @property
    def host(self) -> bytes:
        """What the client called us by."""
        return host_of(self.request)


def plain(type: str) -> str:
    """A media type without parameters."""
    return type.partition(";")[0].strip().lower()


def disposition(slot: Slot) -> bytes:
    """RFC 6266: shown in place, if that can do no harm."""
    type = plain(slot.type)
    shown = type == "text/plain" or (type.startswith(SHOWN) and not type.startswith(RUNS))
    name = quote(slot.name, safe="")
    return f"{'inline' if shown else 'attachment'}; filename*=UTF-8''{name}".encode()
