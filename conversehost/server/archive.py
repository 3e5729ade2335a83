"""Archives of messages, and what XEP-0313 asks of them: the same for accounts and for rooms."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Sequence
from copy import copy
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from conversehost.store import Store
from conversehost.store.log import LATEST, Log, moment, place_of, time_of
from conversehost.xmpp import mam, ns, rsm
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.mam import Query
from conversehost.xmpp.rsm import Cut
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element, parse, to_bytes

if TYPE_CHECKING:
    from conversehost.server.router import Router

MESSAGES = 100_000
BYTES_PER_MESSAGE = 2_000
"""On an average: a full archive is one with that many messages, or bytes for as many."""

PAGE, PAGE_BYTES = 250, 524_288
"""The most messages in one answer, and the most bytes: what waits for one client has a limit."""

SEARCHED = 2_097_152
"""Bytes of messages that a search for words reads for one page: what a query costs has a limit too."""

_MARK = element(ns.STANZA_ID, "stanza-id")

Show = Callable[[Stanza], Element]
"""Makes of a message what a reader sees of it."""


@dataclass(frozen=True, slots=True)
class Archived:
    """One message: its id in the archive, when it came (seconds since 1970), and the stanza, serialised."""

    id: str
    at: float
    message: bytes

    def parsed(self) -> Stanza:
        """The stanza, anew each time: it may be changed."""
        return _parsed(self.message)


@dataclass(frozen=True, slots=True)
class Found:
    """A page: what is on it, in order; between which ids that is, and so where the pages beside it begin; and which of
    all that match, unless nobody has counted them.
    """

    messages: list[Archived]
    ends: tuple[str, str] | None
    complete: bool
    cut: Cut | None = None

    def describe(self) -> Element:
        """`<set/>`, for the end of the answer."""
        ends = self.ends or ("", "")
        return rsm.described(self.ends) if self.cut is None else self.cut.describe(*ends)


class Archive:
    """The archives of many owners, by bare address: of all accounts, or of all rooms. It keeps nothing itself: they are
    logs in the store, in one collection, and any number of objects like this may look after it.

    For a room: `add` what was said, as the occupants got it, with the real address and the occupant's as labels as far
    as `with` may find it by them, and put the id into what they get, as `<stanza-id by='the room'/>`. It is from
    `new_id`, so that it can be in the stanza before that is serialised. Register `answer` for iqs of the type
    set with `<query/>`, `mam.form` and `metadata` for those of the type get, behind the room's own rule of who may
    read; the argument `show` takes out of a message what this reader mustn't see, and its `to`. A message that was
    retracted or moderated is `replace`d by a tombstone.

    A full archive drops its oldest message: nothing is refused because of it.
    """

    def __init__(self, store: Store, collection: str, messages: int = MESSAGES) -> None:
        """`messages`: how many make an archive full."""
        self._store = store
        self._collection = collection
        self._messages = messages

    def new_id(self, owner: str, at: float) -> str:
        """For a message that comes now, or came then (seconds since 1970): nobody can guess it."""
        milliseconds = _milliseconds(at)
        if not 0 <= milliseconds <= LATEST:
            milliseconds = 0 if milliseconds < 0 else LATEST
        return self._store.log(self._collection, owner).key_for(milliseconds)

    def add(self, owner: str, id: str, message: bytes, labels: Iterable[str]) -> None:
        """Keep a message. `id`: from `new_id`, or from where the message was before; the time is in it. `labels`: the
        addresses by which `with` finds it, bare ones and full ones.

        Raises ValueError for an id that is taken, or none.
        """
        log = self._store.open_log(self._collection, owner)
        log.add(id, message, labels)
        while len(log) > self._messages or (log.bytes > self._messages * BYTES_PER_MESSAGE and len(log) > 1):
            log.drop_first()

    def get(self, owner: str, id: str) -> Archived | None:
        """The message with that id."""
        log = self._store.log(self._collection, owner)
        return _archived(log, id) if id in log else None

    def replace(self, owner: str, id: str, message: bytes) -> None:
        """Have another one in its place. Raises KeyError when there is none."""
        self._store.open_log(self._collection, owner)[id] = message

    def latest(self, owner: str, label: str, most: int) -> Iterable[Archived]:
        """Of the messages with that label the last ones, the newest first."""
        log = self._store.log(self._collection, owner)
        return (_archived(log, id) for id in reversed(log.select(label)[-most:]))

    def clear(self, owner: str) -> None:
        """Forget them all."""
        self._store.clear(self._collection, owner)

    def find(self, owner: str, query: Query) -> Found:
        """What a query asks for, a page of it. Raises StanzaError(item-not-found) for ids that aren't there.

        However many messages there are, the page is found by bisection. A search for words reads `SEARCHED` bytes for
        it at most: it may end before the page is full, and goes on from there when the next page is asked for.
        """
        log = self._store.log(self._collection, owner)
        found = _select(log, query)

        def place(id: str) -> tuple[int, int]:
            _check(log, id)
            return place_of(id, found)

        if query.text.split():
            return _search(log, found, query, place)
        cut = rsm.cut(query.page, len(found), place, PAGE)
        shown = [Archived(id, time_of(id) / 1000, each) for id, each in log.pairs(found[cut.start : cut.stop])]
        cut, shown = _shortened(cut, shown, from_end=query.page.before is not None)
        return Found(shown, (shown[0].id, shown[-1].id) if shown else None, cut.complete, cut)

    def answer(self, owner: str, iq: Stanza, router: Router, show: Show | None = None) -> Element:
        """Send what the `<query/>` in an iq asks for to who asks; what is answered is for the iq's result (section 4).

        Raises StanzaError, JIDError.
        """
        query = mam.read_query(iq[0])
        found = self.find(owner, query)
        reader = iq.sender
        assert reader is not None
        results = mam.Results(owner, reader.full, query.queryid)
        for each in reversed(found.messages) if query.flip else found.messages:
            message = each.message if show is None else to_bytes(show(each.parsed()))
            _hand(router, reader, results.write(each.id, each.at, message))
        return mam.fin(found.describe(), complete=found.complete)

    def metadata(self, owner: str) -> Element:
        """Where it begins and where it ends (section 5)."""
        keys = self._store.log(self._collection, owner).select()
        if not keys:
            return mam.metadata(None)
        return mam.metadata(((keys[0], time_of(keys[0]) / 1000), (keys[-1], time_of(keys[-1]) / 1000)))


def _shortened(cut: Cut, shown: list[Archived], *, from_end: bool) -> tuple[Cut, list[Archived]]:
    """As much of a page as one answer can take, and one message at least."""
    total, fitting = 0, 0
    for each in reversed(shown) if from_end else shown:
        total += len(each.message)
        if fitting and total > PAGE_BYTES:
            break
        fitting += 1
    if fitting == len(shown):
        return cut, shown
    if from_end:
        return replace(cut, start=cut.stop - fitting, complete=False), shown[-fitting:]
    return replace(cut, stop=cut.start + fitting, complete=False), shown[:fitting]


def mark(message: Stanza, by: str, id: str) -> None:
    """Say under which id an archive has it (XEP-0359)."""
    made = copy(_MARK)  # made anew it takes lxml half as long again, for each message
    made.set("by", by)
    made.set("id", id)
    message.append(made)


def other_side(account: str, message: Stanza) -> JID | None:
    """With whom the owner of an account has a message: who it is from, or, where that is himself, whom it is to."""
    sender = message.sender
    return message.to or sender if sender is None or sender.bare == account else sender


def addresses(account: str, message: Stanza) -> Collection[str]:
    """By which `with` finds a message in the archive of an account (section 4.1.1): the other side's, bare and full.

    What somebody says to himself is found by his own, as it is from one of them and to another; by that alone, else he
    would find everything.
    """
    other = other_side(account, message)
    if other is None or other.bare != account:
        return () if other is None else {other.bare, other.full}
    return {name for each in (message.sender, message.to) if each is not None for name in (each.bare, each.full)}


def _hand(router: Router, reader: JID, data: bytes) -> None:
    """A message for who has asked for it: it is no conversation of his, and no hook hears of it."""
    host = router.hosts.get(reader.domain)
    session = None if host is None else host.session(reader)
    if session is not None:
        session.deliver("message", data)
    elif host is None:
        router.send(_parsed(data))


def _parsed(message: bytes) -> Stanza:
    found = parse(message)
    assert isinstance(found, Stanza)
    return found


def _archived(log: Log, id: str) -> Archived:
    return Archived(id, time_of(id) / 1000, log[id])


def _select(log: Log, query: Query) -> Sequence[str]:
    """The ids of all that match, in order."""
    for id in filter(None, (query.after_id, query.before_id, *query.ids)):
        _check(log, id)
    first = max("" if query.start is None else moment(query.start), query.after_id and f"{query.after_id}+")
    ends = [moment(query.end + 1)] if query.end is not None else []
    ends += [query.before_id] if query.before_id else []
    label = None if query.with_ is None else query.with_.full
    found: Sequence[str] = log.select(label, first, min(ends, default=None))
    if query.ids:
        wanted = sorted(set(query.ids))
        found = [id for id in wanted if len(set(place_of(id, found))) > 1]
    return found


def _search(log: Log, ids: Sequence[str], query: Query, place: rsm.Place) -> Found:
    """Of those a page whose bodies have the words (XEP-0431). How many there are in all isn't known.

    A search that stops early stops anywhere: what it read last is an end of the page then, whether it matches or not.
    """
    page = query.page
    if page.index is not None:
        raise StanzaError("feature-not-implemented", "what a search finds isn't counted")
    most, from_end = PAGE if page.max is None else min(page.max, PAGE), page.before is not None
    whole = rsm.cut(replace(page, max=None), len(ids), place, len(ids))
    places = range(whole.start, whole.stop)
    matches, found = _matcher(query.text), list[Archived]()
    reached, read, shown, complete = "", 0, 0, True
    for each in reversed(places) if from_end else places:
        message = log[ids[each]]
        if len(found) == most or read > SEARCHED or (found and shown + len(message) > PAGE_BYTES):
            complete = False
            break
        reached, read = ids[each], read + len(message)
        if matches(message):
            found.append(_archived(log, reached))
            shown += len(message)
    if complete:
        reached = found[-1].id if found else ""
    begin = found[0].id if found else reached
    if from_end:
        return Found(found[::-1], (reached, begin) if reached else None, complete)
    return Found(found, (begin, reached) if reached else None, complete)


def _matcher(text: str) -> Callable[[bytes], bool]:
    """Whether a message has all the words in its body, in upper or lower case. Only what looks like it is parsed."""
    words = text.lower().split()
    written = [escape(each) for each in words]
    encoded = [each.encode() for each in written]
    quick = all(map(str.isascii, written))  # eight times as fast

    def matches(message: bytes) -> bool:
        if quick:
            likely = all(map(message.lower().__contains__, encoded))
        else:
            likely = all(map(message.decode().lower().__contains__, written))
        return likely and all(map(_parsed(message).text_of("body").lower().__contains__, words))

    return matches


def _check(log: Log, id: str) -> None:
    if id not in log:
        raise StanzaError("item-not-found", "there is no message with that id in the archive")


def _milliseconds(at: float) -> int:
    """As `stamp` writes them."""
    return round(at * 1_000_000) // 1_000
