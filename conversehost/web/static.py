"""Files as browsers want them: right types, validators, ranges, compressed once, and nothing outside the folder."""

from __future__ import annotations

import gzip
import hashlib
import os
import re
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from twisted.web import http
from twisted.web.server import Request

from conversehost.web.ranges import keep_few
from conversehost.web.resource import Problem, SiteResource

# Not the machine's own tables: what is served must not depend on where.
TEXT = {
    ".css": b"text/css; charset=utf-8",
    ".htm": b"text/html; charset=utf-8",
    ".html": b"text/html; charset=utf-8",
    ".js": b"text/javascript; charset=utf-8",
    ".json": b"application/json; charset=utf-8",
    ".map": b"application/json; charset=utf-8",
    ".mjs": b"text/javascript; charset=utf-8",
    ".svg": b"image/svg+xml; charset=utf-8",
    ".txt": b"text/plain; charset=utf-8",
    ".webmanifest": b"application/manifest+json; charset=utf-8",
    ".xml": b"application/xml; charset=utf-8",
}
PACKABLE = TEXT | {".ttf": b"font/ttf", ".wasm": b"application/wasm"}
"""Types of what is worth compressing."""
TYPES = PACKABLE | {
    ".avif": b"image/avif",
    ".gif": b"image/gif",
    ".ico": b"image/x-icon",
    ".jpg": b"image/jpeg",
    ".mp3": b"audio/mpeg",
    ".mp4": b"video/mp4",
    ".ogg": b"audio/ogg",
    ".pdf": b"application/pdf",
    ".png": b"image/png",
    ".wav": b"audio/wav",
    ".webm": b"video/webm",
    ".webp": b"image/webp",
    ".woff": b"font/woff",
    ".woff2": b"font/woff2",
}
LARGEST = 4_194_304
CACHE = 16_777_216
"""Bytes: the largest file that is kept in memory, and all that are kept of a folder."""
_ODD = re.compile(rb"[\x00-\x1f\\%:]|\A\.\.?\Z")
"""In a name that was decoded once: a second spelling of a path, or a way out."""
_ZERO = re.compile(rb"q=0(\.0*)?")


@dataclass(frozen=True, slots=True)
class Version:
    """A file as it was at one time. Another one has another modification time or size."""

    path: str
    modified: int  # nanoseconds since 1970
    size: int  # bytes

    @property
    def second(self) -> int:
        """For Last-Modified: since 1970, rounded up, as twisted.web does."""
        return -(-self.modified // 10**9)

    @property
    def etag(self) -> bytes:
        """Strong (RFC 9110 section 8.8.3)."""
        return b'"%s"' % hashlib.sha256(b"%d %d" % (self.modified, self.size)).hexdigest()[:20].encode()


class Folder(SiteResource):
    """A folder's files, by path. `cache_control` goes with all of them; `index` is the one that stands for a folder."""

    isLeaf = True

    def __init__(self, root: Path, cache_control: str, problem: Problem, *, index: str = "") -> None:
        super().__init__(problem)
        self._index = index.encode()
        self._root = os.path.realpath(root)
        self._cache_control = cache_control.encode()
        self._kept: OrderedDict[tuple[Version, bool], bytes] = OrderedDict()
        self._size = 0

    def render_GET(self, request: Request) -> bytes | int:
        """Also conditional and range requests."""
        names = request.postpath or []
        if any(_ODD.search(name) for name in names):
            return self.problem(request, 400)
        found = self._find(names)
        if found is not None:
            return self._serve(request, found)
        if self._index and self._find([*names, b""]) is not None:
            return self._add_slash(request)
        return self.problem(request, 404)

    def has(self, names: list[bytes]) -> bool:
        """Whether there is a file at this path."""
        return not any(_ODD.search(name) for name in names) and self._find(names) is not None

    def _add_slash(self, request: Request) -> bytes:
        """What is linked in a folder's index is meant from within the folder."""
        path, mark, query = (request.uri or b"").partition(b"?")
        request.setResponseCode(301)
        request.setHeader(b"location", path.rpartition(b"/")[2] + b"/" + mark + query)
        return b""

    def _find(self, names: list[bytes]) -> Version | None:
        """The regular file meant: no dot file, no listing, no link that leads out."""
        if self._index and names and not names[-1]:
            names = [*names[:-1], self._index]
        if not all(names) or any(name.startswith(b".") or b"/" in name for name in names):
            return None
        try:
            path = os.path.realpath(os.path.join(self._root, *(name.decode() for name in names)))
            status = os.stat(path)
        except (OSError, ValueError):
            return None
        inside = path.startswith(self._root + os.sep)
        return Version(path, status.st_mtime_ns, status.st_size) if inside and stat.S_ISREG(status.st_mode) else None

    def _serve(self, request: Request, file: Version) -> bytes | int:
        keep_few(request)
        suffix = os.path.splitext(file.path)[1].lower()
        kind = TYPES.get(suffix, b"application/octet-stream")
        packable = suffix in PACKABLE and file.size <= LARGEST
        part = wants_part(request, file)
        packed = packable and part is None and accepts_gzip(request)
        etag = file.etag if not packed else file.etag[:-1] + b'-gzip"'
        request.setHeader(b"content-type", kind)
        request.setHeader(b"cache-control", self._cache_control)
        request.setHeader(b"x-content-type-options", b"nosniff")
        request.setHeader(b"accept-ranges", b"bytes")
        request.setHeader(b"etag", etag)
        request.setHeader(b"last-modified", http.datetimeToString(file.second))
        if packable:
            request.setHeader(b"vary", b"Accept-Encoding")
        if is_unchanged(request, etag, file):
            request.setResponseCode(304)
            return b""
        if part or file.size > LARGEST:
            return self._stream(request, file, kind, part)
        if packed:
            request.setHeader(b"content-encoding", b"gzip")
        return self._content(file, packed)

    def _stream(self, request: Request, file: Version, kind: bytes, part: bytes | None) -> bytes | int:
        """By twisted.web.static, which knows ranges and lets the reader set the pace."""
        from twisted.web.static import File  # seldom needed

        for field in (b"if-modified-since", b"range"):  # judged already
            request.requestHeaders.removeHeader(field)
        request.responseHeaders.removeHeader(b"last-modified")  # it says so itself, and warns of who says it too
        if part:
            request.requestHeaders.addRawHeader(b"range", part)
        source: Any = File(file.path)
        source.type, source.encoding = kind.decode(), None
        body: bytes | int = source.render_GET(request)
        return body

    def _content(self, file: Version, packed: bool) -> bytes:
        """Read, and compressed, once per version."""
        kept = self._kept.get((file, packed))
        if kept is None:
            data = Path(file.path).read_bytes()
            kept = self._kept[file, packed] = gzip.compress(data, compresslevel=6, mtime=0) if packed else data
            self._size += len(kept)
            while self._size > CACHE:
                self._size -= len(self._kept.popitem(last=False)[1])
        self._kept.move_to_end((file, packed))
        return kept


def wants_part(request: Request, file: Version) -> bytes | None:
    """The Range field, where it holds: not when If-Range names another version (RFC 9110 section 13.1.5)."""
    condition = request.getHeader(b"if-range")
    if condition is not None and condition not in (file.etag, http.datetimeToString(file.second)):
        return None
    return request.getHeader(b"range")


def is_unchanged(request: Request, etag: bytes, file: Version) -> bool:
    """If-None-Match says so, or without it If-Modified-Since (RFC 9110 section 13.2.2)."""
    tags = request.getHeader(b"if-none-match")
    if tags is not None:
        return tags.strip() == b"*" or etag in (tag.strip().removeprefix(b"W/") for tag in tags.split(b","))
    since = request.getHeader(b"if-modified-since")
    try:
        return since is not None and http.stringToDatetime(since) >= file.second
    except ValueError:
        return False


def accepts_gzip(request: Request) -> bool:
    """RFC 9110 section 12.5.3, as far as gzip is concerned."""
    weights = {}
    for part in (request.getHeader(b"accept-encoding") or b"").lower().split(b","):
        name, _, weight = part.partition(b";")
        weights[name.strip()] = not _ZERO.fullmatch(weight.replace(b" ", b""))
    return weights.get(b"gzip", weights.get(b"*", False))
