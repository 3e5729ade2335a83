"""The servers of a test run: one for each set of options, started when it is first wanted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from conversehost.testing.process import words
from conversehost.testing.testbed import TestBed


class Servers:
    """`common` are options for all of them. `url`: the one that runs already, which then is the only one."""

    def __init__(self, common: Sequence[str], url: str | None = None) -> None:
        self.common = list(common)
        self._url = url
        self._running: dict[tuple[str, ...], TestBed] = {}

    def get(self, args: Sequence[str] = (), options: Mapping[str, object] | None = None) -> TestBed:
        """The server with these options beside the common ones. Raises TestBedError."""
        wanted = (*args, *words(options or {}))
        if wanted not in self._running:
            shared = self._url if not wanted else None
            self._running[wanted] = TestBed.connect(shared) if shared else self.start(wanted)
        return self._running[wanted]

    def start(self, args: Sequence[str] = (), options: Mapping[str, object] | None = None) -> TestBed:
        """One that is nobody else's, to be stopped by the caller. Raises TestBedError."""
        return TestBed.start(*self.common, *args, *words(options or {}))

    def stop(self) -> None:
        """All of them."""
        while self._running:
            self._running.popitem()[1].stop()
