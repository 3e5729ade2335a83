"""XEP-0313: the words of Message Archive Management. What an archive does with them is in `server.archive`."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TypeVar

from conversehost.xmpp import ns, rsm
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import FORM_TYPE, Field, Form, X, values_of
from conversehost.xmpp.jid import JID, JIDError, parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.rsm import PageRequest
from conversehost.xmpp.times import read, stamp
from conversehost.xmpp.xml import Element, child, element, to_bytes

T = TypeVar("T")

FULLTEXT = f"{{{ns.FULLTEXT}}}fulltext"
FIELDS = (
    Field("with", "jid-single"),
    Field("start"),
    Field("end"),
    Field("before-id"),
    Field("after-id"),
    Field("ids", "list-multi"),
    Field("include-groupchat", "boolean"),
    Field(FULLTEXT),
)
IDS = 250
"""The most that one query names."""


@dataclass(frozen=True, slots=True)
class Query:
    """Which messages (section 4.1), and which page of them. Times are milliseconds since 1970, both included."""

    with_: JID | None = None
    start: int | None = None
    end: int | None = None
    after_id: str = ""
    before_id: str = ""
    ids: tuple[str, ...] = ()
    text: str = ""
    page: PageRequest = field(default_factory=PageRequest)
    flip: bool = False
    queryid: str | None = None


def read_query(query: Element) -> Query:
    """Raises StanzaError: bad-request for values that make no sense, feature-not-implemented for unknown fields."""
    form = query.find(X)
    given = {} if form is None else values_of(form)
    if given.pop(FORM_TYPE, (ns.MAM,)) != (ns.MAM,):
        raise StanzaError("bad-request", f"FORM_TYPE is {ns.MAM}")
    for unknown in given.keys() - {each.var for each in FIELDS}:
        raise StanzaError("feature-not-implemented", f"there is no field {unknown}")
    ids = tuple(each for each in given.get("ids", ()) if each)
    if len(ids) > IDS:
        raise StanzaError("bad-request", f"at most {IDS} ids at a time")
    return Query(
        with_=_value(given, "with", parse),
        start=_value(given, "start", lambda text: math.ceil(_milliseconds(text))),
        end=_value(given, "end", lambda text: math.floor(_milliseconds(text))),
        after_id=_value(given, "after-id", str) or "",
        before_id=_value(given, "before-id", str) or "",
        ids=ids,
        text=_value(given, FULLTEXT, str) or "",
        page=rsm.read(query) or PageRequest(),
        flip=query.find(f"{{{ns.MAM}}}flip-page") is not None,
        queryid=query.get("queryid"),
    )


def form() -> Element:
    """`<query/>` with all fields that a query may have (section 4.1.5)."""
    asked = Form(FIELDS, ns.MAM).question()
    for each in asked:
        if each.get("var") == "ids":  # any id, not one of a list
            validate = child(each, ns.VALIDATE, "validate", {"datatype": "xs:string"})
            child(validate, ns.VALIDATE, "open")
    return element(ns.MAM, "query", None, asked)


class Results:
    """The messages of one answer (section 4.2): they differ in an id, a time and what is forwarded."""

    _END = b"</forwarded></result></message>"

    def __init__(self, sender: str, to: str, queryid: str | None) -> None:
        """`sender`: the address of the archive."""
        self._delay = element(ns.DELAY, "delay")
        forwarded = element(ns.FORWARD, "forwarded", None, self._delay)
        self._result = element(ns.MAM, "result", {} if queryid is None else {"queryid": queryid}, forwarded)
        self._shell = stanza("message", {"from": sender, "to": to}, self._result)

    def write(self, id: str, at: float, message: bytes) -> bytes:
        """One of them, serialised; so is the message in it, which came `at` a time (seconds since 1970)."""
        self._result.set("id", id)
        self._delay.set("stamp", stamp(at))
        return to_bytes(self._shell).removesuffix(self._END) + message + self._END


def fin(set: Element, *, complete: bool) -> Element:
    """What ends the answer (section 4.3): `set` as RSM has it."""
    return element(ns.MAM, "fin", {"complete": "true"} if complete else None, set)


def metadata(ends: tuple[tuple[str, float], tuple[str, float]] | None) -> Element:
    """`<metadata/>`: id and time of the first message and of the last one, if there are any (section 5)."""
    made = element(ns.MAM, "metadata")
    for name, (id, at) in zip(("start", "end"), ends or (), strict=False):
        child(made, ns.MAM, name, {"id": id, "timestamp": stamp(at)})
    return made


def _value(given: dict[str, tuple[str, ...]], name: str, read: Callable[[str], T]) -> T | None:
    """One value; an empty one is none."""
    values = [each for each in given.get(name, ()) if each]
    if not values:
        return None
    if len(values) > 1:
        raise StanzaError("bad-request", f"{name} has one value")
    try:
        return read(values[0])
    except (ValueError, JIDError) as error:
        raise StanzaError("bad-request", f"{name}: {error}") from None


def _milliseconds(text: str) -> float:
    return round(read(text) * 1_000_000) / 1_000
