"""What is measured: each figure from one server that runs, and what it may be at most."""

from __future__ import annotations

import re
import socket
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field

from . import archive
from .clients import CLIENTS, Client, Pair, Transport
from .load import Downloader, Loop
from .rooms import Hall
from .servers import ALIKE, FRIENDS, USERS, Running, conversehost
from .storm import Friend, storm

PAIRS, LOGINS, AT_ONCE, IDLE = 25, 400, 10, 5_000
VISITS = 20
FEW, MANY = 50, 500
"""Pairs, for what more users change: a hundred sessions, and a thousand."""
_COOKIE = re.compile(rb"\r\nset-cookie:\s*([^;\r]+)", re.IGNORECASE)


Measure = Callable[[Running, float], float]
"""One value of a server that runs, from so many seconds of load."""


@dataclass(frozen=True)
class Figure:
    """`at_most`: the budget in `unit`. `part_of`: the budget as a part of what others need in the same run."""

    key: str
    title: str
    unit: str
    at_most: float | None = None
    part_of: Mapping[str, float] = field(default_factory=dict)


@contextmanager
def the_loop() -> Iterator[Loop]:
    loop = Loop()
    try:
        yield loop
    finally:
        loop.close()


def message_cost(transport: Transport) -> Measure:
    """us of the server for each message of 300 bytes, between pairs that have one under way each."""

    def measure(running: Running, seconds: float) -> float:
        with the_loop() as loop:
            return _cost_among(running, loop, pairs(running, loop, transport, range(PAIRS)), seconds)

    return measure


def pairs(running: Running, loop: Loop, transport: Transport, numbers: range) -> list[Pair]:
    """Logged in, and the first message under way in each; no two of them share a session."""
    accounts = USERS - 20
    made = [divmod(each, accounts) for each in range(2 * numbers.start, 2 * numbers.stop)]
    return _talking(running, loop, transport, made)


def neighbours(running: Running, loop: Loop, transport: Transport, numbers: range) -> list[Pair]:
    """The same, with two sessions to an account, however many there are: one writes to the next account's other one."""
    accounts = USERS - 20
    return _talking(running, loop, transport, [(turn, (each + turn) % accounts) for each in numbers for turn in (0, 1)])


def _talking(running: Running, loop: Loop, transport: Transport, made: list[tuple[int, int]]) -> list[Pair]:
    clients = [CLIENTS[transport](loop, running.target, number, f"bench{turn}") for turn, number in made]
    log_in(loop, clients)
    return [Pair(*clients[number : number + 2]) for number in range(0, len(clients), 2)]


def _cost_among(running: Running, loop: Loop, all_pairs: list[Pair], seconds: float) -> float:
    """us for each message that arrives."""
    loop.run(0.5)
    before, cpu = sum(pair.arrived for pair in all_pairs), running.cpu()
    loop.run(seconds)
    spent = running.cpu() - cpu
    return spent / (sum(pair.arrived for pair in all_pairs) - before) * 1e6


def growth(transport: Transport) -> Measure:
    """What a message costs among a thousand sessions, as a percentage of what it costs among a hundred of them."""

    def measure(running: Running, seconds: float) -> float:
        with the_loop() as loop:
            talking = neighbours(running, loop, transport, range(FEW))
            few = min(_cost_among(running, loop, talking, seconds) for _ in range(2))
            talking += neighbours(running, loop, transport, range(FEW, MANY))
            many = min(_cost_among(running, loop, talking, seconds) for _ in range(2))
            return 100 * many / few

    return measure


def recording(running: Running, seconds: float) -> float:
    """What a BOSH message costs while traffic is recorded, as a percentage of what it costs with --no-traffic."""
    with conversehost(*ALIKE) as recorder, conversehost(*ALIKE, "--no-traffic") as silent:
        return _percentage(recorder, silent, seconds)


def archiving(running: Running, seconds: float) -> float:
    """What a BOSH message costs that both archives keep, as a percentage of what it costs without them."""
    with conversehost() as archiver, conversehost(*ALIKE) as other:
        return _percentage(archiver, other, seconds)


def _percentage(one: Running, other: Running, seconds: float) -> float:
    """What a BOSH message costs with one, in percent of the other. Both have just started, as one that has done much is
    slower. They are loaded in turn, for moments: what else the machine does meets both. On either side it is the
    cheapest quarter that counts.
    """
    with the_loop() as loop, the_loop() as other_loop:
        mine = Moments(one, loop)
        others = Moments(other, other_loop)
        for turn in range(max(4, round(30 * seconds))):
            for each in (mine, others) if turn % 2 else (others, mine):
                each.measure()
        return 100 * mine.cost() / others.cost()


class Moments:
    """Pairs that talk to one another over BOSH for a moment now and then, and what a message cost in each."""

    SECONDS = 0.1

    def __init__(self, running: Running, loop: Loop) -> None:
        self._running = running
        self._loop = loop
        self._pairs = pairs(running, loop, "bosh", range(PAIRS))
        self._costs: list[float] = []
        loop.run(0.5)

    def measure(self) -> None:
        """One more, however long it takes until something has arrived."""
        before, cpu = self._arrived(), self._running.exact_cpu()
        self._loop.run(self.SECONDS)
        self._loop.run(until=lambda: self._arrived() > before)
        spent = self._running.exact_cpu() - cpu
        self._costs.append(spent / (self._arrived() - before))

    def _arrived(self) -> int:
        return sum(pair.arrived for pair in self._pairs)

    def cost(self) -> float:
        """Seconds for a message in the cheapest quarter of them."""
        cheapest = sorted(self._costs)[: max(1, len(self._costs) // 4)]
        return sum(cheapest) / len(cheapest)


def room_cost(transport: Transport, occupants: int) -> Measure:
    """us for each message of 300 bytes that somebody in a room hears."""

    def measure(running: Running, seconds: float) -> float:
        with the_loop() as loop:
            hall = Hall(loop, running.target, transport, occupants)
            hall.speak()
            loop.run(0.5)
            before, cpu = hall.heard, running.cpu()
            loop.run(seconds)
            used, heard = running.cpu() - cpu, hall.heard - before
            if not heard:
                raise RuntimeError("nobody in the room heard anything")
            hall.end()
            return used / heard * 1e6

    return measure


def joining(running: Running, seconds: float) -> float:
    """What a presence costs when the 200th comes and goes, as a percentage of what it costs with the 20th."""
    few, many = (min(_visit_cost(running, count) for _ in range(2)) for count in (20, 200))
    return 100 * many / few


def _visit_cost(running: Running, occupants: int) -> float:
    """us for each presence."""
    with the_loop() as loop:
        hall = Hall(loop, running.target, "websocket", occupants)
        before, cpu = hall.presences, running.cpu()
        hall.visit(VISITS * 200 // occupants)
        cost = (running.cpu() - cpu) / (hall.presences - before) * 1e6
        hall.end()
        return cost


def login_cost(transport: Transport) -> Measure:
    """us for each log-in and log-out, ten at a time: connect, authenticate, restart, bind, end."""

    def measure(running: Running, seconds: float) -> float:
        with the_loop() as loop:
            cpu, begun, ended = running.cpu(), 0, 0

            def begin(before: Client | None = None) -> None:
                nonlocal begun, ended
                ended += before is not None
                if begun < LOGINS:
                    begun += 1
                    client = CLIENTS[transport](loop, running.target, begun % 100)
                    client.log_in(lambda ready: ready.log_out(begin))

            for _ in range(AT_ONCE):
                begin()
            loop.run(until=lambda: ended == LOGINS)
            return (running.cpu() - cpu) / LOGINS * 1e6

    return measure


def log_in(loop: Loop, clients: list[Client], at_once: int = AT_ONCE) -> None:
    """All of them, some at a time."""
    ready = 0
    rest = iter(clients)

    def another(done: Client | None = None) -> None:
        nonlocal ready
        if done is not None:
            ready += 1
            done.poll()
        client = next(rest, None)
        if client is not None:
            client.log_in(another)

    for _ in range(at_once):
        another()
    loop.run(until=lambda: ready == len(clients))


def storm_cost(running: Running, seconds: float) -> float:
    """ms for each time that all friends, who are logged in over TCP, come, see one another, and go."""
    with the_loop() as loop:
        clients = [CLIENTS["tcp"](loop, running.target, number) for number in FRIENDS]
        log_in(loop, clients)
        friends = [Friend(client) for client in clients]
        storm(loop, friends)  # to warm up
        cpu, storms = running.cpu(), max(2, round(seconds))
        for _ in range(storms):
            storm(loop, friends)
        return (running.cpu() - cpu) / storms * 1e3


def prebind_cost(running: Running, seconds: float) -> float:
    """us for each answer of /prebind to somebody who is logged in to the site: an authenticated, bound session."""
    target = running.target
    with the_loop() as loop:
        pages = []
        for number in range(USERS - 20, USERS):  # whose sessions are in nobody's way later
            request = target.get("/prebind", f"Cookie: {site_cookie(running, number)}")
            pages.append(Downloader(loop, target.http, request))
        loop.run(0.5)
        return _each(running, loop, pages, seconds)


def site_cookie(running: Running, number: int) -> str:
    """What the site gives to who logs in by its form."""
    form = f"username=u{number}&password=pw".encode()
    head = (
        f"POST /login HTTP/1.1\r\nHost: localhost:{running.target.http}\r\nConnection: close\r\n"
        f"Content-Type: application/x-www-form-urlencoded\r\nContent-Length: {len(form)}\r\n\r\n"
    )
    with socket.create_connection(("127.0.0.1", running.target.http)) as connection:
        connection.sendall(head.encode() + form)
        answer = b""
        while data := connection.recv(65_536):
            answer += data
    found = _COOKIE.search(answer)
    if found is None:
        raise RuntimeError(f"no cookie: {answer!r}")
    return found[1].decode()


def file_cost(running: Running, seconds: float) -> float:
    """us for each download of 1 MB over a connection that is kept, four at a time."""
    target = running.target
    with the_loop() as loop:
        request = target.get(target.file, "Accept-Encoding: identity")
        pages = [Downloader(loop, target.http, request) for _ in range(4)]
        loop.run(0.5)
        return _each(running, loop, pages, seconds)


def _each(running: Running, loop: Loop, pages: list[Downloader], seconds: float) -> float:
    before, cpu = sum(page.count for page in pages), running.cpu()
    loop.run(seconds)
    return (running.cpu() - cpu) / (sum(page.count for page in pages) - before) * 1e6


@dataclass
class Idle:
    """Bound sessions, each with a request held on a connection that is open."""

    memory: float  # KB a session
    cpu: float  # ms a second for all of them


def idle(running: Running) -> Idle:
    """What many sessions cost that say nothing. Only a server that is fresh shows what memory they take."""
    with the_loop() as loop:
        many = USERS - 20  # an account may have ten sessions
        warm = [CLIENTS["bosh"](loop, running.target, number, "warm") for number in range(many, USERS)]
        log_in(loop, warm)
        before = running.rss()
        clients = [CLIENTS["bosh"](loop, running.target, n % many, f"r{n // many}") for n in range(IDLE)]
        log_in(loop, clients, 40)
        loop.run(1)
        memory, cpu = (running.rss() - before) / IDLE / 1e3, running.cpu()
        loop.run(5)
        return Idle(memory, (running.cpu() - cpu) / 5 * 1e3)


_IN_ROOMS = {"ejabberd": 1 / 3, "prosody": 1 / 15}
FIGURES = (
    Figure("bosh_message", "BOSH message: two requests", "us", 200, {"ejabberd": 1 / 2, "prosody": 1 / 8}),
    Figure("bosh_login", "BOSH log-in and log-out: five requests", "us", part_of={"ejabberd": 1 / 3}),
    Figure("tcp_login", "TCP log-in and log-out", "us", part_of={"ejabberd": 1 / 1.5}),
    Figure("storm", "presence storm: 101 with 100 contacts each", "ms", part_of={"ejabberd": 1 / 3}),
    Figure("prebind", "prebind: a session, ready to attach", "us", 150),
    Figure("websocket_message", "WebSocket message", "us", part_of={"ejabberd": 1 / 1.7}),
    Figure("tcp_message", "TCP message", "us", part_of={"ejabberd": 1 / 1.5}),
    Figure("bosh_growth", "BOSH message among 1,000 sessions, against 100", "%", 115),
    Figure("tcp_growth", "TCP message among 1,000 sessions, against 100", "%", 115),
    Figure("recording", "BOSH message with traffic recorded, against without", "%", 115),
    Figure("archiving", "BOSH message that is archived, against without", "%"),
    Figure("room_bosh_50", "hearing a message over BOSH, among 50 in a room", "us", part_of=_IN_ROOMS),
    Figure("room_bosh_200", "hearing a message over BOSH, among 200 in a room", "us", part_of=_IN_ROOMS),
    Figure("room_websocket_50", "hearing a message over WebSocket, among 50 in a room", "us", part_of=_IN_ROOMS),
    Figure("room_websocket_200", "hearing a message over WebSocket, among 200 in a room", "us", part_of=_IN_ROOMS),
    Figure("joining", "a presence when the 200th comes into a room, against the 20th", "%", 115),
    Figure("file", "static file of 1 MB", "us", part_of={"ejabberd": 1 / 1.3}),
    Figure("archive_insert", "a message into an archive, on top of its delivery", "us", 20),
    Figure("archive_page", "a page of 50 out of an archive of 100,000 messages", "ms", 2),
    Figure("archive_memory", "memory of an archived message of 300 bytes", "B", 650),
    Figure("started_memory", "memory, started", "MB", 60),
    Figure("idle_memory", "idle BOSH session, its request held", "KB", 12),
    Figure("idle_cpu", f"CPU while {IDLE:,} of them are held", "ms/s", 2),
    Figure("cold_start", "cold start to a first log-in", "ms", part_of={"twistd": 1.3}),
    Figure("stop", "SIGTERM to exit", "ms", 100),
    Figure("inside_start", "start in a test's own reactor", "ms", 20),
    Figure("inside_stop", "stop in a test's own reactor", "ms", 20),
    Figure("reset", "reset, as a test waits for it", "ms", 5),
)
"""All that is measured, and the budgets of ours: the one table."""

_IN_BROWSERS: tuple[Transport, ...] = ("bosh", "websocket")
UNDER_LOAD: Mapping[str, Measure] = {
    "bosh_message": message_cost("bosh"),
    "bosh_login": login_cost("bosh"),
    "tcp_login": login_cost("tcp"),
    "storm": storm_cost,
    "prebind": prebind_cost,
    "websocket_message": message_cost("websocket"),
    "tcp_message": message_cost("tcp"),
    "file": file_cost,
    "archive_insert": lambda running, seconds: archive.insert_cost(),
    "archive_page": lambda running, seconds: archive.page_cost(),
    "archive_memory": lambda running, seconds: archive.memory(),
    **{f"room_{each}_{count}": room_cost(each, count) for each in _IN_BROWSERS for count in (50, 200)},
    "joining": joining,
    "recording": recording,
    "archiving": archiving,
    "tcp_growth": growth("tcp"),
    "bosh_growth": growth("bosh"),  # the last: it leaves a thousand sessions to end
}
"""Measured in turn, one server after the other, while all of them run; the rest, of a server that has just started."""

_ARCHIVES = ("archive_insert", "archive_page", "archive_memory")
ONLY_OURS = frozenset(
    ("prebind", "joining", "recording", "archiving", "bosh_growth", "tcp_growth", "cold_start", "stop", *_ARCHIVES)
)
