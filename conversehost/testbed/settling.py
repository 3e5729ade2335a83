"""`/settled`: nothing is queued or in progress, so that what a test looks at now stays as it is."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus

from twisted.internet.defer import Deferred

from conversehost.bosh.stream import BoshStream
from conversehost.net.tcp import ClientConnection
from conversehost.net.websocket import WebSocketConnection
from conversehost.testbed.fields import Fields
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb, World
from conversehost.testbed.patience import TIMEOUT, Patience
from conversehost.testbed.questions import logging_in, unanswered
from conversehost.testbed.sessions import every
from conversehost.testbed.shapes import Shape, boolean
from conversehost.xmpp.stream import lowest

MOST = 10
"""Reasons in the text of an error."""
SETTLED = Shape("Settled", "It is so.", {"settled": boolean("true")})


class SettledNoun(Noun):
    """`GET` answers when it is so."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.wait, query=(TIMEOUT,), answer=SETTLED, errors=(HTTPStatus.REQUEST_TIMEOUT,))}

    def wait(self, query: Fields, body: Fields) -> Deferred[Reply]:
        """Wait until nothing is queued or in progress; 408 after `timeout` (5) tells what still is."""
        timeout = query.number("timeout")

        def too_late() -> ApiError:
            reasons = list(in_progress(self.world)) or ["clients go on saying something"]
            more = f"; and {len(reasons) - MOST} more" if len(reasons) > MOST else ""
            text = f"not settled: {'; '.join(reasons[:MOST])}{more}"
            return ApiError(HTTPStatus.REQUEST_TIMEOUT, text)

        return Patience(self.world.wall, 5.0 if timeout is None else timeout, quiet_twice(self.world), too_late).answer


def quiet_twice(world: World) -> Callable[[], Reply | None]:
    """What was on its way to the server at one look has come by the next."""
    before = -1

    def look() -> Reply | None:
        nonlocal before
        was, before = before, world.traffic.last
        return Reply({"settled": True}) if was == before and next(in_progress(world), None) is None else None

    return look


def in_progress(world: World) -> Iterator[str]:
    """Each thing in words. Requests that are held count as nothing, nor do sessions that wait to be resumed."""
    if delayed := world.faults.pending + world.stubs.pending:
        yield f"{delayed} delayed on purpose, by faults or stubs"
    if world.cast.busy:
        yield f"{world.cast.busy} scripts of contacts are between two steps"
    for session in every(world):
        if waiting(session.link):
            yield f"{session.full} hasn't taken what waits for it"
        if session.host.queries.asked(session):
            yield f"{session.full} hasn't answered what the server asked"
    for visit in world.visits:
        if waiting(visit.link):
            yield f"{visit.full} hasn't taken what waits for it"
    for stream in logging_in(world.traffic):
        yield f"a client over {stream.transport} from {stream.address or 'here'} is logging in"
    for record in unanswered(world.traffic):
        if record.direction == "in":
            yield f"{record.jid or record.stream.transport} has no answer to {record.xml}"


def waiting(link: object) -> bool:
    """Whether the client has still to take something."""
    found = lowest(link)  # type: ignore[arg-type]
    if isinstance(found, BoshStream):
        return bool(found.queue)
    return isinstance(found, ClientConnection | WebSocketConnection) and found.is_behind
