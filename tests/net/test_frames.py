"""Frames: the quick way and wsproto's give the same, and the quick way is taken whenever it can be."""

from __future__ import annotations

import os
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wsproto.frame_protocol import FrameProtocol, Opcode, ParseFailed

from conversehost.net.closing import FrameError
from conversehost.net.frames import Frames, unmasked
from tests.net.websockets import frame

TEXT, CONTINUATION, PING = 1, 0, 9
SIZES = (0, 1, 2, 125, 126, 127, 300, 65_535, 65_536, 70_000)


def heard(frames: Frames, data: bytes) -> tuple[list[str], int]:
    """The messages, as a connection takes them, and how many came the quick way; unfinished ones end with `...`."""
    found, quick, at = [], 0, 0
    while (whole := frames.whole(data, at)) is not None:
        text, at = whole
        found.append(text.decode() + "\n")
        quick += 1
    for each in frames.read(data[at:]):
        if each.opcode is Opcode.TEXT:
            found.append(each.payload + ("\n" if each.message_finished else ""))
    return found, quick


@pytest.mark.parametrize("size", SIZES)
def test_a_message_of_any_size(size):
    text = "x" * size
    found, quick = heard(Frames(None), frame(TEXT, text.encode(), mask=os.urandom(4)))
    assert "".join(found) == text + "\n"
    assert quick == (size < 65_536)


def test_several_in_one_read():
    data = b"".join(frame(TEXT, f"é{n}".encode()) for n in range(5))
    assert heard(Frames(None), data) == ([f"é{n}\n" for n in range(5)], 5)


@pytest.mark.parametrize(
    "between",
    [
        [frame(PING, b"p")],
        [frame(TEXT, b"a", fin=False) + frame(CONTINUATION, b"b")],
        [frame(TEXT, b"a", fin=False), frame(PING, b"p"), frame(CONTINUATION, b"b")],
        [frame(TEXT, b"abc")[:1], frame(TEXT, b"abc")[1:]],
        [frame(TEXT, b"abc")[:7], frame(TEXT, b"abc")[7:]],
        [frame(TEXT, b"x" * 70_000)],
    ],
)
def test_after_something_unusual_the_quick_way_goes_on(between):
    frames = Frames(None)
    for piece in between:
        heard(frames, piece)
    assert heard(frames, frame(TEXT, b"usual")) == (["usual\n"], 1)


@pytest.mark.parametrize(
    "begun",
    [
        frame(TEXT, b"a", fin=False),
        frame(TEXT, b"abc")[:1],
        frame(TEXT, b"abc")[:3],
        frame(TEXT, b"abc")[:6],
        frame(TEXT, b"abc")[:8],
        frame(PING, b"abc")[:5],
    ],
)
def test_within_something_else_it_is_not_taken(begun):
    frames = Frames(None)
    heard(frames, begun)
    assert frames.whole(frame(TEXT, b"usual"), 0) is None


@pytest.mark.parametrize(
    "data",
    [
        frame(TEXT, b"x", mask=None),
        frame(TEXT, b"x", rsv=1),
        frame(TEXT, b"\xff"),
        frame(2, b"x"),
        frame(CONTINUATION, b"x"),
        b"\x81\xfe\x00\x05" + b"\0\0\0\0" + b"short",
    ],
)
def test_what_is_wrong_is_never_taken(data):
    assert Frames(None).whole(data, 0) is None


def test_the_mask_goes_round():
    assert unmasked(bytes([1, 2, 3, 4, 5, 6, 7]), b"\1\2\3\4") == bytes([0, 0, 0, 0, 4, 4, 4])
    assert unmasked(b"", b"\1\2\3\4") == b""


@settings(deadline=None, max_examples=200)
@given(st.data())
def test_any_frames_in_any_cut_are_what_wsproto_makes_of_them(data):
    raw = b""
    for _ in range(data.draw(st.integers(1, 6))):
        payload = data.draw(st.text(max_size=3)).encode() * data.draw(st.sampled_from([1, 40, 50]))
        parts = [payload[a:b] for a, b in pairwise(sorted({0, len(payload), data.draw(st.integers(0, len(payload)))}))]
        for index, part in enumerate(parts or [b""]):
            raw += frame(CONTINUATION if index else TEXT, part, fin=index >= len(parts) - 1, mask=os.urandom(4))
            raw += data.draw(st.sampled_from([b"", b"", frame(PING, b"p")]))
    raw += data.draw(st.sampled_from([b"", b"\xff\xff", frame(TEXT, b"\xff"), frame(TEXT, b"x", mask=None)]))
    protocol, frames, said, wanted = FrameProtocol(client=False, extensions=[]), Frames(None), "", ""
    protocol.receive_bytes(raw)
    failed = 0
    try:
        for each in protocol.received_frames():
            if each.opcode is Opcode.TEXT:
                wanted += each.payload + ("\n" if each.message_finished else "")
    except ParseFailed as error:
        failed = error.code
    cuts = sorted({0, len(raw), *data.draw(st.lists(st.integers(0, len(raw)), max_size=6))})
    code = 0
    try:
        for a, b in pairwise(cuts):
            said += "".join(heard(frames, raw[a:b])[0])
    except FrameError as error:
        code = error.code
    assert code == failed
    assert failed or said == wanted  # what came with a fault was lost on the way to this test, not to a connection
