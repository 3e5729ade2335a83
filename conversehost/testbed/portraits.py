"""Pictures for people who have none: patterns as symmetrical as a face, as PNG."""

from __future__ import annotations

import colorsys
import struct
import zlib
from random import Random

CELLS = 5
SIZE = 80
"""Pixels on a side: each cell is 16 of them, which are two bytes where a pixel is a bit."""


def portrait(dice: Random) -> bytes:
    """A picture in one colour on another, always the same for the same dice."""
    hue = dice.random()
    palette = _rgb(hue, 0.42) + _rgb(hue, 0.92)
    rows = b"".join(_row(dice) * (SIZE // CELLS) for _ in range(CELLS))
    head = struct.pack(">IIBBBBB", SIZE, SIZE, 1, 3, 0, 0, 0)  # one bit a pixel, which is an index into the palette
    parts = (b"IHDR", head), (b"PLTE", palette), (b"IDAT", zlib.compress(rows, 9)), (b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + b"".join(_chunk(kind, data) for kind, data in parts)


def _row(dice: Random) -> bytes:
    """One line of pixels, after the byte that says that it isn't filtered."""
    left, middle, centre = (b"\0\0" if dice.random() < 0.5 else b"\xff\xff" for _ in range(3))
    return b"\0" + left + middle + centre + middle + left


def _rgb(hue: float, lightness: float) -> bytes:
    return bytes(round(255 * each) for each in colorsys.hls_to_rgb(hue, lightness, 0.55))


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))
