"""What goes wrong on purpose: rules that say what happens to which requests, stanzas and logins, and how often.

Nothing here does it; `faulty_http` and `faulty_stream` do, where they stand between clients and the server.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from conversehost.clock import Clock, Deadline
from conversehost.server.stream import ServerStream
from conversehost.testbed.holding import Hold
from conversehost.testbed.tenancy import Shared
from conversehost.testbed.traffic import Filter, Record, by_xpath

WHO = ("transport", "account", "session")
REQUEST = (*WHO, "path", "text")
STANZA = (*WHO, "kind", "direction", "type", "from", "to", "text", "xpath")
QUERY = tuple(name for name in STANZA if name != "kind")
LOGIN = ("transport", "account")
TIME = ("seconds", "jitter")


class Kind(NamedTuple):
    """What strikes where, and which fields it has beside the common ones."""

    places: frozenset[str]
    fields: tuple[str, ...]


def _kind(places: str, *fields: str) -> Kind:
    return Kind(frozenset(places.split()), fields)


KINDS: Mapping[str, Kind] = {
    "latency": _kind("requests", *REQUEST, *TIME),
    "bandwidth": _kind("requests", *REQUEST, "bytes_per_second"),
    "status": _kind("requests", *REQUEST, "status", "retry_after"),
    "lost-request": _kind("requests", *REQUEST),
    "lost-response": _kind("requests", *REQUEST),
    "duplicate-request": _kind("requests", *REQUEST),
    "reorder-requests": _kind("requests", *REQUEST, "seconds"),
    "hang": _kind("requests stanzas", *WHO, "path"),
    "drop": _kind("stanzas", *STANZA),
    "delay": _kind("stanzas", *STANZA, *TIME),
    "duplicate": _kind("stanzas", *STANZA),
    "reorder": _kind("stanzas", *STANZA, "seconds"),
    "corrupt": _kind("stanzas", *STANZA),
    "unanswered-iq": _kind("stanzas", *QUERY),
    "slow-login": _kind("logins", *LOGIN, *TIME),
    "fail-login": _kind("logins", *LOGIN),
    "refuse-resume": _kind("resumptions", *LOGIN),
}
PLACES = ("requests", "stanzas", "logins", "resumptions")
MILD = frozenset(("latency", "bandwidth"))
"""They change when an answer comes, not whether: any number of them may strike one request."""
TRANSPORTS = ("bosh", "websocket", "tcp", "site")
"""`site` is what browsers ask of the site itself: prebind, pages, and the login there."""
MANY = 1_000
"""What was delayed is counted anew then."""
STANZAS = frozenset(("message", "presence", "iq"))
_ASKS = by_xpath("iq[@type='get' or @type='set']")


@dataclass(frozen=True, slots=True)
class HttpRequest:
    """As far as faults look at it. `jid`: whose it is, full or bare; "" for nobody who is known. A `page` is struck
    only by what names its path.
    """

    transport: str
    path: str
    jid: str
    body: bytes
    page: bool = False


@dataclass(slots=True, eq=False)
class Fault:
    """One rule. Fields that are empty match everything.

    It strikes with `probability`, after it has let `skip` by, and `count` times at most. The same `seed` gives the same
    strikes. `seconds` and `jitter` are those of delays; `wanted` is tried on stanzas. Raises FilterError.
    """

    name: str
    fault: str
    wanted: Filter = field(default_factory=Filter)
    transport: str = ""
    path: str = ""
    probability: float = 1.0
    seed: int = 0
    count: int | None = None
    skip: int = 0
    seconds: float = 1.0
    jitter: float = 0.0
    status: int = 503
    retry_after: int | None = None
    bytes_per_second: float = 10_000.0
    matches: int = 0
    strikes: int = 0
    told: Callable[[Fault], None] = lambda fault: None
    """Hears of each strike."""
    _tests: tuple[Callable[[Record], bool], ...] = field(init=False)
    _dice: random.Random = field(init=False)

    def __post_init__(self) -> None:
        self._dice = random.Random(self.seed)
        self._tests = tuple(self.wanted.tests().values())

    @property
    def wait(self) -> float:
        """Seconds, this time."""
        return max(0.0, self.seconds + self._dice.uniform(-self.jitter, self.jitter))

    def fits_request(self, request: HttpRequest) -> bool:
        """It is one of those."""
        wanted, text = self.wanted, self.wanted.text.encode()
        return (
            self.transport in ("", request.transport)
            and (self.path == request.path or not (self.path or request.page))
            and wanted.account in ("", request.jid.partition("/")[0])
            and wanted.session in ("", request.jid)
            and text in request.body
        )

    def strikes_request(self, request: HttpRequest) -> bool:
        """It is one of those, and its turn."""
        return self.fits_request(request) and self._turn()

    def strikes_stanza(self, record: Record) -> bool:
        """The same for an element on a stream; without a kind only stanzas count."""
        transport, fault = record.stream.transport, self.fault
        if self.transport not in ("", transport):
            return False
        if fault == "hang" and (transport == "bosh" or self.path):
            return False  # its requests do
        if not self.wanted.kind and record.kind not in STANZAS:
            return False
        if fault == "unanswered-iq" and not _ASKS(record):
            return False
        return all(test(record) for test in self._tests) and self._turn()

    def strikes_client(self, transport: str, account: str) -> bool:
        """The same for who logs in, or resumes a session."""
        return self.transport in ("", transport) and self.wanted.account in ("", account) and self._turn()

    def _turn(self) -> bool:
        self.matches += 1
        if self.matches <= self.skip or self.strikes == self.count:
            return False
        if self._dice.random() >= self.probability:
            return False
        self.strikes += 1
        self.told(self)
        return True


class Faults(Shared):
    """All rules, the oldest first. By place there are tuples, empty where there are none: asking costs nothing."""

    def __init__(self, clock: Clock, whole: Faults | None = None) -> None:
        """`clock`: what delays are measured by; `whole`, where this is a tenant's, has all requests pass it first."""
        super().__init__()
        self.watching = False
        """Whether requests have to be looked at."""
        self.clock = clock
        self._whole = whole or self
        self.by_name: dict[str, Fault] = {}
        self._delayed: list[Deadline] = []
        self.late: dict[object, tuple[Fault, Callable[[], None]]] = {}
        """Requests that wait to be overtaken, and how each of them goes on."""
        self.held: dict[str, Hold] = {} if whole is None else whole.held
        """Sessions that are held, by full JID."""
        self.on_strike: Callable[[Fault], None] = lambda fault: None
        self.on_paths: Callable[[frozenset[str]], None] = lambda paths: None
        """Hears which paths of requests are named."""
        self._sort()

    def another(self) -> Faults:
        """Of other streams."""
        return Faults(self.clock, self)

    def add(self, fault: Fault) -> None:
        """From now on."""
        fault.told = self.on_strike
        self.by_name[fault.name] = fault
        self._sort()

    def remove(self, name: str) -> None:
        """No more. What it has delayed goes on waiting, what it has silenced stays silent."""
        del self.by_name[name]
        self._sort()

    def clear(self) -> None:
        """None of them any more."""
        self.by_name.clear()
        self._sort()

    @property
    def pending(self) -> int:
        """How many that were delayed haven't come yet."""
        self._delayed = [each for each in self._delayed if each.call is not None]
        return len(self._delayed)

    def after(self, seconds: float, call: Callable[[], None]) -> Deadline:
        """Something is delayed."""
        deadline = self.clock.after(seconds, call)
        if len(self._delayed) >= MANY:
            self._delayed = [each for each in self._delayed if each.call is not None]
        self._delayed.append(deadline)
        return deadline

    def of_request(self, request: HttpRequest) -> list[Fault]:
        """Those that strike it: any number of mild ones, and at most one that isn't."""
        struck: list[Fault] = []
        decided = False
        for fault in self.requests:
            mild = fault.fault in MILD
            if (mild or not decided) and fault.strikes_request(request):
                struck.append(fault)
                decided = decided or not mild
        return struck

    def overtaken(self, request: HttpRequest) -> list[Callable[[], None]]:
        """How those go on that have waited for this one to overtake them."""
        late = [each for each, (fault, _) in self.late.items() if fault.fits_request(request)]
        return [self.late.pop(each)[1] for each in late]

    def of_stanza(self, record: Record) -> Fault | None:
        """The one that strikes it."""
        return next((each for each in self.stanzas if each.strikes_stanza(record)), None)

    def of_login(self, transport: str, account: str) -> Fault | None:
        """The same for who logs in; `account` is a bare JID, or "" where it can't be seen."""
        return next((each for each in self.logins if each.strikes_client(transport, account)), None)

    def refuses(self, stream: ServerStream) -> bool:
        """Whether the session that somebody wants back there shall not be found."""
        transport, account = stream.opened.transport, str(stream.account)
        return any(each.strikes_client(transport, account) for each in self.resumptions)

    def _sort(self) -> None:
        self.requests, self.stanzas, self.logins, self.resumptions = (
            tuple(each for each in self.by_name.values() if place in KINDS[each.fault].places) for place in PLACES
        )
        whole = self._whole
        requests = [fault for each in (whole, *whole.tenants.values()) for fault in each.requests]
        whole.watching = bool(requests)
        whole.on_paths(frozenset(each.path for each in requests))
