"""XEP-0059."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.xmpp import rsm
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.rsm import PageRequest
from conversehost.xmpp.xml import Element, parse, to_bytes

ITEMS = "abcdefghij"


def asked(content: str) -> PageRequest | None:
    return rsm.read(parse(f"<query><set xmlns='http://jabber.org/protocol/rsm'>{content}</set></query>".encode()))


def page(request: PageRequest | None, items: str = ITEMS, most: int = 100) -> rsm.Page[str]:
    return rsm.page(request, items, str, most)


def shown(request: PageRequest | None, items: str = ITEMS, most: int = 100) -> str:
    return "".join(page(request, items, most).items)


def told(set: Element) -> dict[str, str]:
    found = {each.tag.partition("}")[2]: each.text or "" for each in set}
    first = set.find("{*}first")
    return found if first is None else found | {"index": first.get("index", "")}


def test_without_a_set_nothing_is_asked():
    assert rsm.read(parse(b"<query/>")) is None
    assert shown(None) == ITEMS
    assert shown(None, most=3) == "abc"


@pytest.mark.parametrize(
    ("content", "items"),
    [
        ("<max>3</max>", "abc"),
        ("<max> 3 </max>", "abc"),
        ("<max>3</max><after>c</after>", "def"),
        ("<max>3</max><after>j</after>", ""),
        ("<max>3</max><before>f</before>", "cde"),
        ("<max>3</max><before>a</before>", ""),
        ("<max>3</max><before/>", "hij"),
        ("<max>3</max><index>4</index>", "efg"),
        ("<max>3</max><index>9</index>", "j"),
        ("<max>3</max><index>10</index>", ""),
        ("<max>3</max><index>999</index>", ""),
        ("<max>0</max>", ""),
        ("<max>0</max><before/>", ""),
        ("<before/>", ITEMS),
        ("", ITEMS),
        ("<max>2</max><after>c</after><before>g</before>", "ef"),
        ("<max>2</max><after>g</after><before>c</before>", ""),
        ("<max>2</max><after>c</after><before/>", "ij"),
        ("<max>2</max><after>c</after><index>7</index>", "de"),
    ],
)
def test_which_page_it_is(content: str, items: str):
    assert shown(asked(content)) == items


@pytest.mark.parametrize(
    "content", ["<max>x</max>", "<max/>", "<max>-1</max>", "<index>²</index>", f"<max>{9**99}</max>"]
)
def test_what_is_no_number(content: str):
    with pytest.raises(StanzaError) as caught:
        asked(content)
    assert caught.value.condition == "bad-request"


@pytest.mark.parametrize("request_", [PageRequest(after="z"), PageRequest(before="z")])
def test_an_item_that_is_gone(request_: PageRequest):
    with pytest.raises(StanzaError) as caught:
        page(request_)
    assert caught.value.condition == "item-not-found"


def test_what_the_answer_says():
    assert told(page(PageRequest(max=3, after="c")).set) == {"first": "d", "last": "f", "count": "10", "index": "3"}
    assert told(page(PageRequest(max=0)).set) == {"count": "10"}
    assert told(page(None, "").set) == {"count": "0"}
    assert to_bytes(page(PageRequest(max=1)).set) == (
        b'<set xmlns="http://jabber.org/protocol/rsm"><first index="0">a</first><last>a</last><count>10</count></set>'
    )


@pytest.mark.parametrize(
    ("request_", "complete"),
    [
        (PageRequest(), True),
        (PageRequest(max=9), False),
        (PageRequest(max=10), True),
        (PageRequest(max=3, after="g"), True),
        (PageRequest(max=3, after="f"), False),
        (PageRequest(max=3, before="d"), True),
        (PageRequest(max=3, before="e"), False),
        (PageRequest(max=3, before=""), False),
        (PageRequest(max=0), False),
    ],
)
def test_when_nothing_is_left(request_: PageRequest, complete: bool):
    assert page(request_).complete is complete


def test_of_nothing_nothing_is_left():
    assert page(PageRequest(max=0), "").complete


@given(count=st.integers(0, 40), size=st.integers(1, 45), most=st.integers(1, 45), backwards=st.booleans())
def test_paging_shows_every_item_once_and_in_order(count: int, size: int, most: int, backwards: bool):
    items = [str(number) for number in range(count)]
    seen: list[str] = []
    request = PageRequest(max=size, before="" if backwards else None)
    for _ in range(count + 1):
        found = rsm.page(request, items, str, most)
        assert len(found.items) <= min(size, most)
        told_ = told(found.set)
        assert told_["count"] == str(count)
        if found.items:
            assert items[int(told_["index"])] == told_["first"] == found.items[0]
            assert told_["last"] == found.items[-1]
        seen = [*found.items, *seen] if backwards else [*seen, *found.items]
        if found.complete:
            break
        request = PageRequest(size, before=found.items[0]) if backwards else PageRequest(size, after=found.items[-1])
    assert seen == items


@given(count=st.integers(0, 20), size=st.integers(0, 25), index=st.integers(0, 25))
def test_paging_by_number_is_slicing(count: int, size: int, index: int):
    items = [str(number) for number in range(count)]
    assert rsm.page(PageRequest(max=size, index=index), items, str).items == items[index : index + size]
