"""Acknowledgements, both ways (XEP-0124 section 9)."""

from __future__ import annotations

from conversehost.bosh.body import Body
from conversehost.bosh.window import RidWindow

_LONGEST = 65_535
"""Milliseconds; the schema's."""


class Acknowledgements:
    """Of a session whose client uses them."""

    __slots__ = ("_missed", "_window")

    def __init__(self, window: RidWindow) -> None:
        self._window = window
        self._missed: int | None = None

    @property
    def due(self) -> bool:
        """The client misses an answer: it is told at once."""
        return self._missed is not None

    def read(self, body: Body) -> None:
        """What a new request says (section 9.2). Raises BodyError(bad-request)."""
        ack = body.number("ack", 0) if "ack" in body.attributes else None
        self._window.acknowledge(ack)
        self._missed = None
        if ack is not None and ack < self._window.answered and self._window.kept(ack + 1) is not None:
            self._missed = ack + 1

    def attributes(self, rid: int, now: float) -> dict[str, str]:
        """Of the answer to `rid`: the highest rid that came, unless it is this one; what is missed, and since when."""
        made = {} if rid == self._window.last else {"ack": str(self._window.last)}
        if self._missed is not None:
            answer = self._window.kept(self._missed)
            if answer is not None:
                ago = min(int((now - answer.sent) * 1000), _LONGEST)
                made |= {"report": str(self._missed), "time": str(ago)}
            self._missed = None
        return made
