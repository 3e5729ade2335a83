"""What archives of messages have in common: how their messages are looked for, and told (XEP-0313)."""

from __future__ import annotations

from dataclasses import replace

from conversehost.server.archive import Archive, Archived
from conversehost.testbed.fields import Fields, Moment, Text, Whole
from conversehost.testbed.noun import refusals
from conversehost.testbed.shapes import Shape, listed, nullable, text, time, whole
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.mam import Query
from conversehost.xmpp.rsm import PageRequest
from conversehost.xmpp.times import stamp

PAGE = 250
"""Messages in one answer at most."""
WITH = Text("with", "only with that address; without a resource, with any", example="bob@localhost", format="address")
FILTER = (
    Text("text", "only with all these words in the body"),
    Moment("start", "not before that time"),
    Moment("end", "not after that time"),
    Text("after", "only later ones than that with this id"),
    Text("before", "only earlier ones than that with this id"),
    Whole("limit", f"at most so many, the latest; {PAGE} unless given", high=PAGE),
)
MESSAGE = Shape(
    "Archived",
    "A message that was said.",
    {
        "id": text("in the archive"),
        "at": time("when"),
        "from": nullable(text("who has said it")),
        "to": nullable(text("to whom; null in a room")),
        "type": text("of the message"),
        "body": nullable(text("what it says; null where it has no body")),
        "xml": text("all of it"),
    },
)
MESSAGES = Shape(
    "Messages", "The latest that match, in order.", {"messages": listed(MESSAGE), "total": whole("that match")}
)
ADDED = Shape("Added", "Where it is.", {"id": text("in the archive")})


def found(archive: Archive, owner: str, query: Fields) -> dict[str, object]:
    """Those that a query asks for, as JSON. Raises ApiError(400), ApiError(404) for an id that isn't there."""
    limit = query.whole("limit")
    most = PAGE if limit is None else limit
    start, end = query.get("start"), query.get("end")
    with refusals():
        with_ = query.text("with")
        asked = Query(
            with_=None if with_ is None else parse(with_),
            start=None if start is None else round(start * 1000),
            end=None if end is None else round(end * 1000),
            after_id=query.text("after") or "",
            before_id=query.text("before") or "",
            text=query.text("text") or "",
            page=PageRequest(max=most, before=""),
        )
        page = archive.find(owner, asked)
        if page.cut is None:
            matching = searched(archive, owner, asked)
            messages, total = matching[max(0, len(matching) - most) :], len(matching)
        else:
            messages, total = page.messages, page.cut.count
    return {"messages": [describe(each) for each in messages], "total": total}


def searched(archive: Archive, owner: str, query: Query) -> list[Archived]:
    """All that have the words, however much is to be read for it: who asks here has the server to himself."""
    found: list[Archived] = []
    before = ""
    while True:
        page = archive.find(owner, replace(query, page=PageRequest(max=PAGE, before=before)))
        found[:0] = page.messages
        if page.complete or page.ends is None:
            return found
        before = page.ends[0]


def describe(archived: Archived) -> dict[str, object]:
    """As JSON."""
    message = archived.parsed()
    return {
        "id": archived.id,
        "at": stamp(archived.at),
        "from": message.get("from"),
        "to": message.get("to"),
        "type": message.type or "normal",
        "body": message.findtext(f"{{{ns.CLIENT}}}body"),
        "xml": archived.message.decode(),
    }
