"""`/events`: what happens, while it happens, as server-sent events (the HTML standard, section 9.2)."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from heapq import merge
from http import HTTPStatus
from typing import Any

from twisted.internet.interfaces import IPushProducer
from twisted.web.server import Request
from zope.interface import implementer

from conversehost.clock import Deadline
from conversehost.testbed.fields import Fields, Whole
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb, World
from conversehost.testbed.records import describe
from conversehost.testbed.shapes import Shape
from conversehost.testbed.traffic import Mark, Record
from conversehost.xmpp.times import stamp

HEARTBEAT = 15.0
"""Seconds of silence, after which a comment shows that the connection lives."""
EVENT_STREAM = "text/event-stream"
EVENT = Shape("Event", "A stream of events that doesn't end.", {})
RETRY = 1_000
"""Milliseconds after which a browser comes back."""


class EventsNoun(Noun):
    """GET never ends, unless the caller goes."""

    def verbs(self) -> Mapping[str, Verb]:
        after = Whole("after", "the number of the last event that the caller has; Last-Event-ID says the same")
        return {"GET": Verb(self.listen, query=(after,), answer=EVENT, media=(EVENT_STREAM,))}

    def listen(self, query: Fields, body: Fields) -> Reply:
        """What happens, while it happens, as server-sent events: from now on, or what came after an event. Their names:
        stanza, reset, gap (something is missing: it came too fast) and what else the documentation of traffic says;
        their data are JSON objects.
        """
        asked = query.whole("after")
        return Reply(stream=lambda request: self._stream(request, asked))

    def _stream(self, request: Request, asked: int | None) -> None:
        """Raises ApiError(400)."""
        after = read_last_event(request)
        if after is None:
            after = self.world.traffic.last if asked is None else asked
        EventStream(request, self.world, after).start()


def read_last_event(request: Request) -> int | None:
    """Of which event a browser that comes back says that it was the last. Raises ApiError(400)."""
    given = request.getHeader(b"last-event-id")
    if not given:
        return None
    if not given.isdigit() or len(given) > 15:
        raise ApiError(HTTPStatus.BAD_REQUEST, "Last-Event-ID must be the id of an event")
    return int(given)


@implementer(IPushProducer)
class EventStream:
    """One caller. Who doesn't read is told later, from what is kept, or that something is missing."""

    def __init__(self, request: Request, world: World, after: int) -> None:
        self._request: Any = request
        self._world = world
        self._sent = after
        self._paused = False
        self._behind = False
        self._heartbeat: Deadline | None = None

    def start(self) -> None:
        """What has come already first."""
        request, traffic = self._request, self._world.traffic
        request.setHeader(b"content-type", EVENT_STREAM.encode() + b"; charset=utf-8")
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-accel-buffering", b"no")  # nginx would gather events until there are enough
        if request.method == b"HEAD":
            request.finish()
            return
        request.notifyFinish().addBoth(lambda _: self._stop())
        request.registerProducer(self, True)
        request.write(b"retry: %d\n\n" % RETRY)
        traffic.listeners.append(self._came)
        traffic.mark_listeners.append(self._came)
        self._beat()
        self._catch_up()

    def pauseProducing(self) -> None:
        """The caller doesn't read as fast as things happen."""
        self._paused = True

    def resumeProducing(self) -> None:
        """It does again."""
        self._paused = False
        if self._behind:
            self._catch_up()

    def stopProducing(self) -> None:
        """It has gone."""
        self._stop()

    def _came(self, event: Record | Mark) -> None:
        if self._paused or self._behind:
            self._behind = True
        else:
            self._write(event)

    def _catch_up(self) -> None:
        self._behind = False
        traffic = self._world.traffic
        if self._sent < traffic.forgotten:
            self._request.write(b"event: gap\ndata: {}\n\n")
        events: Iterator[Record | Mark] = merge(
            list(traffic.since(self._sent)), traffic.marks_since(self._sent), key=lambda each: each.number
        )
        for each in events:
            if self._paused:
                self._behind = True
                return
            self._write(each)

    def _write(self, event: Record | Mark) -> None:
        self._sent = event.number
        if isinstance(event, Record):
            name, data = "stanza", describe(event)
        else:
            name, data = event.name, {"number": event.number, "at": stamp(event.at), **event.data}
        self._request.write(f"id: {event.number}\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode())

    def _beat(self) -> None:
        if not self._paused:
            self._request.write(b": still here\n\n")
        self._heartbeat = self._world.wall.after(HEARTBEAT, self._beat)

    def _stop(self) -> None:
        traffic = self._world.traffic
        if self._heartbeat is not None:
            self._heartbeat.cancel()
        if self._came in traffic.listeners:
            traffic.listeners.remove(self._came)
            traffic.mark_listeners.remove(self._came)
