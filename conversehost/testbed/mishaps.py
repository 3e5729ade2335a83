"""Exceptions that nobody expected: what went wrong in the server, kept for tests to look at."""

from __future__ import annotations

import traceback
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass

from conversehost.net.reports import report, report_link
from conversehost.testbed.tenancy import Shared
from conversehost.testbed.traffic import redacted
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import to_bytes

MOST = 100


@dataclass(frozen=True, slots=True)
class Mishap:
    """One exception. `where`: file, line and function; `xml`: what caused it, without secrets."""

    number: int
    at: float
    error: str
    where: str
    traceback: str
    xml: str | None


class Mishaps(Shared):
    """The latest, the oldest first; the log has them all."""

    def __init__(self, now: Callable[[], float]) -> None:
        """`now` tells seconds since 1970."""
        super().__init__()
        self._now = now
        self._number = 0
        self.kept: deque[Mishap] = deque(maxlen=MOST)

    def another(self) -> Mishaps:
        """Of other streams."""
        return Mishaps(self._now)

    def report(self, error: BaseException, stanza: Stanza) -> None:
        """In a handler of that stanza."""
        report(error, stanza)
        domains = (stanza.get(name, "").partition("/")[0].rpartition("@")[2] for name in ("from", "to"))
        owner = next((self.tenants[each] for each in domains if each in self.tenants), self)
        owner._keep(error, redacted(to_bytes(stanza)))

    def report_link(self, error: Exception) -> None:
        """In what goes out to a client."""
        report_link(error)
        self._keep(error, None)

    def clear(self) -> None:
        """Forget them; numbers go on."""
        self.kept.clear()

    def _keep(self, error: BaseException, xml: str | None) -> None:
        self._number += 1
        frames = traceback.extract_tb(error.__traceback__)
        where = f"{frames[-1].filename}:{frames[-1].lineno} in {frames[-1].name}" if frames else ""
        told = "".join(traceback.format_exception_only(error)).strip()
        full = "".join(traceback.format_exception(error))
        self.kept.append(Mishap(self._number, self._now(), told, where, full, xml))
