"""Content codings: gzip and deflate, both ways (RFC 9110 sections 8.4 and 12.5.3)."""

from __future__ import annotations

import re
import zlib
from collections.abc import Sequence
from functools import lru_cache

ACCEPTED = b"gzip, deflate"
_WINDOWS = {b"gzip": 31, b"x-gzip": 31, b"deflate": 15}
_RAW_DEFLATE = -15
_ZERO = re.compile(rb"q=0(\.0*)?")


class CodingError(Exception):
    """What came can't be decoded: `too_big`, of an unknown coding (`unknown`), or broken."""

    def __init__(self, reason: str, *, too_big: bool = False, unknown: bool = False) -> None:
        super().__init__(reason)
        self.too_big = too_big
        self.unknown = unknown


def field(headers: Sequence[tuple[bytes, bytes]], name: bytes) -> bytes:
    """All values of a header field, joined; names are in lower case."""
    return b", ".join(value for each, value in headers if each == name)


@lru_cache
def preferred(accept_encoding: bytes) -> bytes:
    """The coding to answer with: gzip, deflate, or b"" for none."""
    refused: set[bytes] = set()
    accepted: set[bytes] = set()
    for part in accept_encoding.lower().split(b","):
        coding, _, weight = part.partition(b";")
        (refused if _ZERO.fullmatch(weight.replace(b" ", b"")) else accepted).add(coding.strip())
    for coding in (b"gzip", b"deflate"):
        if coding in accepted or (b"*" in accepted and coding not in refused):
            return coding
    return b""


def encode(data: bytes, coding: bytes) -> bytes:
    """Quickly rather than as small as can be."""
    packer = zlib.compressobj(1, zlib.DEFLATED, _WINDOWS[coding])
    return packer.compress(data) + packer.flush()


def decode(data: bytes, content_encoding: bytes, limit: int) -> bytes:
    """What was sent, of at most `limit` bytes. Raises CodingError."""
    codings = [each.strip() for each in content_encoding.lower().split(b",") if each.strip()]
    for coding in reversed(codings):
        if coding == b"identity":
            continue
        if coding not in _WINDOWS or len(codings) > 2:
            raise CodingError(f"{content_encoding[:40].decode('latin-1')} isn't known here", unknown=True)
        data = _inflate(data, _WINDOWS[coding], limit)
    return data


def _inflate(data: bytes, window: int, limit: int) -> bytes:
    if window == _WINDOWS[b"deflate"] and not _is_zlib(data):
        window = _RAW_DEFLATE  # as some clients have it
    inflater = zlib.decompressobj(window)
    try:
        found = inflater.decompress(data, limit + 1)
    except zlib.error as error:
        raise CodingError(f"it can't be decompressed: {error}") from None
    if len(found) > limit:
        raise CodingError(f"more than {limit} bytes when decompressed", too_big=True)
    if not inflater.eof or inflater.unused_data:
        raise CodingError("it can't be decompressed: it breaks off, or something follows")
    return found


def _is_zlib(data: bytes) -> bool:
    """RFC 1950 section 2.2."""
    return len(data) > 1 and data[0] & 15 == 8 and int.from_bytes(data[:2], "big") % 31 == 0
