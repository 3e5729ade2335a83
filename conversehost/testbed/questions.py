"""Questions (an iq get or set) that were seen, and their answers that weren't."""

from __future__ import annotations

import re
from dataclasses import dataclass

from conversehost.testbed.traffic import Record, Stream, Traffic

_HEAD = re.compile(rb"<iq\b[^>]*")
_ATTRIBUTE = re.compile(rb"\s(id|type|from|to)\s*=\s*(?:\"([^\"]*)\"|'([^']*)')")
_FROM_CLIENTS = (b"<auth", b"<response")  # <authenticate> too
_FROM_SERVER = (b"<challenge", b"<success", b"<failure", b"<continue")
QUESTIONS = frozenset((b"get", b"set"))
ANSWERS = frozenset((b"result", b"error"))


@dataclass(frozen=True, slots=True)
class Iq:
    """What the head of one says."""

    type: bytes
    id: bytes
    sender: bytes
    to: bytes


def iq_of(data: bytes) -> Iq | None:
    """Read without a parser, for there may be thousands; None for anything else."""
    head = _HEAD.match(data)
    if head is None:
        return None
    found = {name: double or single for name, double, single in _ATTRIBUTE.findall(head[0])}
    return Iq(found.get(b"type", b""), found.get(b"id", b""), found.get(b"from", b""), found.get(b"to", b""))


def unanswered(traffic: Traffic) -> list[Record]:
    """All questions that are kept, of clients and to them, that have no answer.

    Not those of a stream that has ended, nor those to a client whose stream has, nor what a fault of the test bed has
    swallowed.
    """
    asked: list[tuple[Record, Iq]] = []
    answered: set[tuple[int, str, bytes]] = set()
    for record in traffic.beginning(b"<iq"):
        iq = iq_of(record.data)
        if iq is None or not iq.id:
            continue
        if iq.type in QUESTIONS:
            asked.append((record, iq))
        elif iq.type in ANSWERS:
            answered.add((record.stream.number, record.direction, iq.id))
    left = {(iq.sender, iq.id) for record, iq in asked if record.direction == "out" and record.stream.ended}
    excused = traffic.excused
    return [
        record
        for record, iq in asked
        if not record.stream.ended
        and (record.stream.number, "out" if record.direction == "in" else "in", iq.id) not in answered
        and (record.stream.number, iq.id) not in excused
        and (record.jid.encode(), iq.id) not in excused
        and (record.direction == "out" or (record.jid.encode(), iq.id) not in left)
    ]


def logging_in(traffic: Traffic) -> set[Stream]:
    """Streams on which the server owes an answer to a login."""
    found: set[Stream] = set()
    for record in traffic.beginning(*_FROM_CLIENTS, *_FROM_SERVER):
        (found.add if record.direction == "in" else found.discard)(record.stream)
    return {stream for stream in found if not stream.ended}


def excuse(traffic: Traffic, stream: int, data: bytes) -> None:
    """A fault has swallowed that, on that stream: whoever asked can't be answered."""
    iq = iq_of(data)
    if iq is not None:
        traffic.excused.update(((stream, iq.id), (iq.sender, iq.id), (iq.to, iq.id)))
