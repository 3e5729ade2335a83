"""`/traffic`: what was said, and `/traffic/wait`: until something is."""

from __future__ import annotations

from collections.abc import Mapping
from http import HTTPStatus
from typing import TypeVar

from twisted.internet.defer import Deferred

from conversehost.clock import Deadline
from conversehost.testbed.carriers import EXCHANGE, FRAME, WIRE_FIELDS, on_wire, read_level, shown
from conversehost.testbed.export import Export
from conversehost.testbed.fields import Choice, Fields, Text, Whole
from conversehost.testbed.noun import ApiError, Noun, Reply, Verb, World
from conversehost.testbed.patience import TIMEOUT, Patience
from conversehost.testbed.questions import unanswered
from conversehost.testbed.shapes import Shape, choice, listed, nullable, text, time, whole
from conversehost.testbed.traffic import Filter, FilterError, Record, matching, near_misses
from conversehost.testbed.whereabouts import absences
from conversehost.xmpp.times import stamp

T = TypeVar("T")

PAGE = 1_000
"""Records in one answer, where nobody says how many."""
SHOWN = 400
"""Characters of a near miss in the text of an error."""
FILTER = (
    Text("kind", "the element's name: message, presence, iq, auth...", example="message"),
    Choice("direction", "in: to the server; out: to the client", words=("in", "out")),
    Text("account", "whose stream", example="bob@localhost", format="account"),
    Text("session", "the full JID whose stream", example="bob@localhost/converse.js-1"),
    Text("type", "the attribute"),
    Text("from", "the attribute; without a resource, with any", format="address"),
    Text("to", "the attribute; without a resource, with any", format="address"),
    Text("text", "anywhere in it"),
    Text("xpath", "tried on the stanza, which needs no prefix", example="message[body='hi']", format="xpath"),
)
FIELDS = (*FILTER, Whole("after", "only records with a higher number"))
RECORD = Shape(
    "Record",
    "One element that went over a client's stream.",
    {
        "level": choice("what it is", "stanza"),
        "number": whole("of all records since the start"),
        "at": time("when"),
        "direction": choice("in: to the server; out: to the client", "in", "out"),
        "stream": whole("the stream's number"),
        "transport": text("bosh, websocket or tcp"),
        "session": nullable(text("the client's full JID; null before it has logged in")),
        "kind": text("the element's name"),
        "xml": text("as it went over the wire, without passwords and tokens"),
    },
)
RECORDS = Shape(
    "Records",
    "The newest that match, the oldest of them first.",
    {
        "records": listed({"anyOf": [RECORD, FRAME, EXCHANGE]}),
        "last": whole("the number of the newest record: what to give as `after`"),
    },
)
UNANSWERED = Shape("Unanswered", "Questions (iq) without an answer, the oldest first.", {"unanswered": listed(RECORD)})


class TrafficNoun(Noun):
    """GET finds, DELETE forgets."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        self.putChild(b"wait", Wait(world))
        self.putChild(b"unanswered", Unanswered(world))
        self.putChild(b"export", Export(world))

    def verbs(self) -> Mapping[str, Verb]:
        limit = Whole("limit", f"at most so many, the newest; {PAGE} unless given")
        return {
            "GET": Verb(self.find, query=(*FIELDS, *WIRE_FIELDS, limit), answer=RECORDS),
            "DELETE": Verb(self.forget),
        }

    def find(self, query: Fields, body: Fields) -> Reply:
        """What clients and the server said to each other, or what carried that: the newest that match, the oldest of
        them first.
        """
        limit, secrets = query.whole("limit"), query.flag("secrets")
        most, level = PAGE if limit is None else limit, read_level(query)
        if level == "stanza":
            found = [describe(each, secrets=secrets) for each in last_of(self.found(query), most)]
        else:
            found = [shown(each, secrets=secrets) for each in last_of(on_wire(self.world, level, query), most)]
        return Reply({"records": found, "last": self.world.traffic.last})

    def forget(self, query: Fields, body: Fields) -> Reply:
        """Forget all that was said."""
        self.world.traffic.clear()
        if not self.world.tenant and not self.world.traffic.tenants:  # whose it is, too
            self.world.wire.clear()
        return Reply()

    def found(self, fields: Fields) -> list[Record]:
        """All that match."""
        try:
            return list(matching(read_filter(self.world, fields), self.world.traffic.since(fields.whole("after") or 0)))
        except FilterError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None


class Unanswered(Noun):
    """`GET`: questions (iq) that have no answer, the oldest first."""

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(
                self.read,
                query=(*(each for each in FILTER if each.name in ("direction", "account", "session")), TIMEOUT),
                answer=UNANSWERED,
            )
        }

    def read(self, query: Fields, body: Fields) -> Deferred[Reply]:
        """Questions (iq) that nobody has answered: once there are none, or after `timeout` (0) those left."""
        tests = tuple(read_filter(self.world, query).tests().values())

        def left() -> Reply:
            found = [each for each in unanswered(self.world.traffic) if all(test(each) for test in tests)]
            return Reply({"unanswered": [describe(each) for each in found]})

        def none() -> Reply | None:
            return reply if not (reply := left()).data["unanswered"] else None  # type: ignore[index]

        return Patience(self.world.wall, query.number("timeout") or 0.0, none, left).answer


class Wait(TrafficNoun):
    """`POST` answers with the first that matches: one that has come already, or the next."""

    def __init__(self, world: World) -> None:
        Noun.__init__(self, world)

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.wait, body=(*FIELDS, TIMEOUT), answer=RECORD, errors=(HTTPStatus.REQUEST_TIMEOUT,))}

    def wait(self, query: Fields, body: Fields) -> Reply | Deferred[Reply]:
        """Wait for the first that matches, come or to come; 408 after `timeout` (5) tells what came nearest, and who
        isn't logged in.
        """
        timeout = body.number("timeout")
        timeout = 5.0 if timeout is None else timeout
        wanted, after = read_filter(self.world, body), body.whole("after") or 0
        try:
            found = self.world.traffic.first(wanted, after)
        except FilterError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, str(error)) from None
        if found is not None:
            return Reply(describe(found))
        return Waiting(self.world, wanted, after, timeout).answer


class Waiting:
    """One call that waits. Cancel its `answer` when nobody wants it any more."""

    def __init__(self, world: World, wanted: Filter, after: int, timeout: float) -> None:
        self._world = world
        self._wanted = wanted
        self._after = after
        self._timeout = timeout
        self._tests = tuple(wanted.tests().values())
        self.answer: Deferred[Reply] = Deferred(lambda _: self._stop())
        self._deadline: Deadline = world.wall.after(timeout, self._too_late)
        world.traffic.listeners.append(self._came)

    def _came(self, record: Record) -> None:
        if all(test(record) for test in self._tests):
            self._stop()
            self.answer.callback(Reply(describe(record)))

    def _too_late(self) -> None:
        self._stop()
        records = list(self._world.traffic.since(self._after))
        nearest = near_misses(self._wanted, iter(records))
        told = "; ".join(f"{each.xml[:SHOWN]} ({' and '.join(failed)} differs)" for each, failed in nearest)
        came = f"of {len(records)} that came" + (f", the nearest: {told}" if told else " none was near")
        seconds = f"{self._timeout:g} second" + ("" if self._timeout == 1 else "s")
        text = f"nothing matched within {seconds}; {came if records else 'nothing came at all'}"
        hints = "".join(f"; {each}" for each in absences(self._world, self._wanted))
        self.answer.errback(ApiError(HTTPStatus.REQUEST_TIMEOUT, text + hints))

    def _stop(self) -> None:
        self._deadline.cancel()
        if self._came in self._world.traffic.listeners:
            self._world.traffic.listeners.remove(self._came)


def read_filter(world: World, fields: Fields) -> Filter:
    """Raises ApiError(400)."""
    account = fields.text("account")
    return Filter(
        kind=fields.text("kind") or "",
        direction=fields.text("direction") or "",
        account="" if account is None else world.client(account, "account").bare,
        session=fields.text("session") or "",
        type=fields.text("type") or "",
        sender=address(world, fields.text("from")),
        to=address(world, fields.text("to")),
        text=fields.text("text") or "",
        xpath=fields.text("xpath") or "",
    )


def address(world: World, text: str | None) -> str:
    """A name alone is an account of the first domain; a domain is itself."""
    if text is None or "@" in text or "/" in text or "." in text or text in world.hosts:
        return text or ""
    return world.account(text, "to").bare


def last_of(found: list[T], limit: int) -> list[T]:
    """The newest, and no more than that."""
    return found[max(0, len(found) - limit) :]


def describe(record: Record, *, secrets: bool = False) -> dict[str, object]:
    """As JSON; without passwords and tokens unless `secrets` are wanted."""
    return {
        "level": "stanza",
        "number": record.number,
        "at": stamp(record.at),
        "direction": record.direction,
        "stream": record.stream.number,
        "transport": record.stream.transport,
        "session": record.jid or None,
        "kind": record.kind,
        "xml": record.data.decode() if secrets else record.xml,
    }
