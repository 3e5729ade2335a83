"""What has happened since the start, in plain numbers: they cost next to nothing, and whoever asks reads them."""

from __future__ import annotations

from collections import Counter, defaultdict


class Tally:
    """`received`, `sent`: stanzas from and to clients, by kind; `streams`: those opened, by transport; `sessions`:
    resources bound, by transport; `stanza_errors`, `stream_errors`: by condition.
    """

    __slots__ = ("received", "sent", "sessions", "stanza_errors", "stream_errors", "streams")

    def __init__(self) -> None:
        self.received: dict[str, int] = defaultdict(int)  # a Counter takes ten times as long to count one
        self.sent: dict[str, int] = defaultdict(int)
        self.streams: dict[str, int] = defaultdict(int)
        self.sessions: dict[str, int] = defaultdict(int)
        self.stanza_errors: Counter[str] = Counter()
        self.stream_errors: Counter[str] = Counter()
