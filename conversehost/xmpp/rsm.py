"""XEP-0059: Result Set Management: of many results one page at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.xml import Element, child, clean, element

T = TypeVar("T")
Place = Callable[[str], tuple[int, int]]
"""Of an item of the whole set, by its id: how many come before it, and how many are there with it. Raises StanzaError
(item-not-found). It may answer for ids that aren't in the set, but have a place in its order: the same number twice.
"""

_SET = f"{{{ns.RSM}}}set"


@dataclass(frozen=True, slots=True)
class PageRequest:
    """What `<set/>` asks for. Without any of it: the first page.

    `max`: so many items. `after`, `before`: an item, by its id; `before` may be "", which is the last page. `index`:
    where the page begins, the first item being number 0.
    """

    max: int | None = None
    after: str | None = None
    before: str | None = None
    index: int | None = None


@dataclass(frozen=True, slots=True)
class Cut:
    """The page is `items[start:stop]`, out of `count`. `complete`: in the direction of paging nothing is left."""

    start: int
    stop: int
    count: int
    complete: bool

    def describe(self, first: str = "", last: str = "") -> Element:
        """`<set/>` of an answer (section 2.2): the ids of the first and last item, unless the page is empty."""
        made = described((first, last) if self.stop > self.start else None, self.start)
        child(made, ns.RSM, "count").text = str(self.count)
        return made


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Some items, and what to say of them: `set` belongs at the end of the answer."""

    items: Sequence[T]
    set: Element
    complete: bool


def read(query: Element) -> PageRequest | None:
    """What the `<set/>` in a query asks for; None when there is none. Raises StanzaError(bad-request)."""
    asked = query.find(_SET)
    if asked is None:
        return None
    return PageRequest(
        max=_number(asked, "max"),
        after=asked.findtext(f"{{{ns.RSM}}}after"),
        before=asked.findtext(f"{{{ns.RSM}}}before"),
        index=_number(asked, "index"),
    )


def described(ends: tuple[str, str] | None, index: int | None = None) -> Element:
    """`<set/>`, without a count: of a page with those items at its ends, the first of which is that number."""
    made = element(ns.RSM, "set")
    if ends is not None:
        child(made, ns.RSM, "first", None if index is None else {"index": str(index)}).text = clean(ends[0])
        child(made, ns.RSM, "last").text = clean(ends[1])
    return made


def cut(request: PageRequest, count: int, place: Place, most: int) -> Cut:
    """Which of `count` items, `most` at a time. Raises StanzaError(item-not-found).

    Before and after at once is a page between the two, at its end.
    """
    low, high = 0, count
    if request.after is not None:
        low = place(request.after)[1]
    if request.before:
        high = max(low, place(request.before)[0])
    if request.index is not None and request.after is None and request.before is None:
        low = min(request.index, count)
    size = min(most if request.max is None else request.max, most)
    if request.before is not None:
        start = max(low, high - size)
        return Cut(start, high, count, complete=start == low)
    stop = min(high, low + size)
    return Cut(low, stop, count, complete=stop == high)


def page(request: PageRequest | None, items: Sequence[T], id_of: Callable[[T], str], most: int = 1_000) -> Page[T]:
    """A page of a list that isn't long: its items in order, each with an id of its own.

    Without a request it is the first page. Raises StanzaError(item-not-found) for an item that is gone: its place isn't
    known any more (section 2.2).
    """

    def place(id: str) -> tuple[int, int]:
        for number, each in enumerate(items):
            if id_of(each) == id:
                return number, number + 1
        raise StanzaError("item-not-found", "there is no such item any more")

    found = cut(request or PageRequest(), len(items), place, most)
    shown = items[found.start : found.stop]
    ends = (id_of(shown[0]), id_of(shown[-1])) if shown else ()
    return Page(shown, found.describe(*ends), found.complete)


def _number(asked: Element, name: str) -> int | None:
    text = asked.findtext(f"{{{ns.RSM}}}{name}")
    if text is None:
        return None
    text = text.strip()
    if not (text.isascii() and text.isdigit() and len(text) < 10):
        raise StanzaError("bad-request", f"<{name}/> is a number")
    return int(text)
