"""Files as browsers want them: right types, validators, ranges, compressed once, and nothing outside the folder."""

from __future__ import annotations

import gzip
import hashlib
import mimetypes
import os
import stat
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import unquote_to_bytes

from twisted.web import http
from twisted.web.resource import NoResource, Resource
from twisted.web.server import Request
from twisted.web.static import File

TYPES = mimetypes.MimeTypes()
for _suffix, _type in {
    ".js": "text/javascript",
    ".mjs": "text/javascript",
    ".map": "application/json",
    ".wasm": "application/wasm",
    ".ttf": "font/ttf",
    ".woff2": "font/woff2",
    ".ogg": "audio/ogg",
    ".webmanifest": "application/manifest+json",
    ".ico": "image/x-icon",
}.items():
    TYPES.add_type(_type, _suffix)
COMPRESSIBLE = ("text/", "application/json", "application/wasm", "application/manifest+json", "image/svg", "font/ttf")
CACHE = 8_388_608
LARGEST = 4_194_304
"""Bytes of compressed files that are kept in all, and the largest file that is compressed."""


@dataclass(frozen=True, slots=True)
class Compressed:
    """A file's content in gzip, as it was at `version`."""

    version: tuple[int, int]
    data: bytes


class Folder(Resource):
    """A folder's files, by path. `cache_control` goes with each of them."""

    isLeaf = True

    def __init__(self, root: Path, cache_control: str) -> None:
        super().__init__()
        self._root = root.resolve()
        self._cache_control = cache_control.encode()
        self._compressed: OrderedDict[Path, Compressed] = OrderedDict()
        self._size = 0

    def render_GET(self, request: Request) -> bytes | int:
        """Also HEAD, conditional and range requests."""
        path = self._find(request)
        if path is None:
            return NoResource().render(request)
        return self._serve(request, path)

    def _find(self, request: Request) -> Path | None:
        """The regular file meant, or None: no dot files, no way out of the root, no listing."""
        parts = [unquote_to_bytes(each) for each in request.postpath or ()]
        path = self._root
        for part in parts:
            if not part or part.startswith(b".") or any(c in part for c in b"/\\\0%:"):
                return None
            try:
                path = path / part.decode()
            except UnicodeDecodeError:
                return None
        try:
            real = path.resolve()
            if not real.is_relative_to(self._root) or not stat.S_ISREG(os.stat(real).st_mode):
                return None
        except (OSError, ValueError):
            return None
        return real

    def _serve(self, request: Request, path: Path) -> bytes | int:
        status = os.stat(path)
        version = (status.st_mtime_ns, status.st_size)
        kind, _ = TYPES.guess_type(path.name)
        kind = kind or "application/octet-stream"
        request.setHeader(b"cache-control", self._cache_control)
        request.setHeader(b"x-content-type-options", b"nosniff")
        if not kind.startswith(COMPRESSIBLE) or status.st_size > LARGEST:
            return self._send_plain(request, path, kind, version)
        request.setHeader(b"vary", b"Accept-Encoding")
        if request.getHeader(b"range") or not accepts_gzip(request):
            return self._send_plain(request, path, kind, version)
        tag = etag(version, b"-gz")
        request.setHeader(b"content-type", with_charset(kind))
        if request.setETag(tag) == http.CACHED or request.setLastModified(status.st_mtime) == http.CACHED:
            return b""
        data = self._compress(path, version)
        request.setHeader(b"content-encoding", b"gzip")
        request.setHeader(b"content-length", str(len(data)).encode())
        return b"" if request.method == b"HEAD" else data

    def _send_plain(self, request: Request, path: Path, kind: str, version: tuple[int, int]) -> bytes | int:
        """By twisted.web.static, which knows ranges and streams what is large."""
        if request.setETag(etag(version)) == http.CACHED:
            return b""
        file = File(str(path))
        file.type, file.encoding = with_charset(kind).decode(), None
        result: bytes | int = file.render_GET(request)
        return result

    def _compress(self, path: Path, version: tuple[int, int]) -> bytes:
        kept = self._compressed.get(path)
        if kept is not None and kept.version == version:
            self._compressed.move_to_end(path)
            return kept.data
        made = Compressed(version, gzip.compress(path.read_bytes(), compresslevel=6, mtime=0))
        if kept is not None:
            self._size -= len(self._compressed.pop(path).data)
        self._compressed[path] = made
        self._size += len(made.data)
        while self._size > CACHE:
            self._size -= len(self._compressed.popitem(last=False)[1].data)
        return made.data


def etag(version: tuple[int, int], suffix: bytes = b"") -> bytes:
    """Strong: another modification time or size is another one."""
    return b'"%s%s"' % (hashlib.sha256(repr(version).encode()).hexdigest()[:20].encode(), suffix)


def with_charset(kind: str) -> bytes:
    """Text is UTF-8."""
    return f"{kind}; charset=utf-8".encode() if kind.startswith("text/") or kind == "application/json" else kind.encode()


def accepts_gzip(request: Request) -> bool:
    """RFC 9110 section 12.5.3, as far as gzip is concerned."""
    for part in (request.getHeader(b"accept-encoding") or b"").lower().split(b","):
        name, _, weight = part.partition(b";")
        if name.strip() in (b"gzip", b"*"):
            return weight.replace(b" ", b"") not in (b"q=0", b"q=0.0", b"q=0.00", b"q=0.000")
    return False


