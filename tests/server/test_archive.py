"""`Archive`: what it keeps, and which messages a query finds."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.server.archive import BYTES_PER_MESSAGE, PAGE, Archive
from conversehost.store.memory import MemoryStore
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import parse
from conversehost.xmpp.mam import Query
from conversehost.xmpp.rsm import PageRequest

ME, START = "romeo@localhost", 1_700_000_000
PEOPLE = ("juliet@localhost/balcony", "juliet@localhost/chamber", "nurse@localhost/x")


@pytest.fixture
def archive() -> Archive:
    return Archive(MemoryStore(), "archive", 1_000)


def keep(archive: Archive, body: str, at: float = START, peer: str = PEOPLE[0]) -> str:
    message = f'<message xmlns="jabber:client" from="{peer}"><body>{body}</body></message>'
    id = archive.new_id(ME, at)
    archive.add(ME, id, message.encode(), {peer, parse(peer).bare})
    return id


def found(archive: Archive, **query: object) -> list[str]:
    page = archive.find(ME, Query(**query)).messages  # type: ignore[arg-type]
    return [each.parsed().text_of("body") for each in page]


def test_a_message_is_found_with_its_id_and_its_time(archive: Archive):
    id = keep(archive, "hi", START + 0.123)
    (only,) = archive.find(ME, Query()).messages
    assert (only.id, only.at, only.parsed().text_of("body")) == (id, START + 0.123, "hi")
    assert archive.get(ME, id) == only
    assert archive.get(ME, "nothing") is archive.get("other@localhost", id) is None


def test_everybody_has_an_archive_of_his_own(archive: Archive):
    keep(archive, "hi")
    assert archive.find("other@localhost", Query()).messages == []
    archive.clear(ME)
    assert found(archive) == []


def test_order_is_that_of_arrival_and_of_time(archive: Archive):
    for number in range(20):
        keep(archive, str(number))
    keep(archive, "later", START + 5)
    keep(archive, "between", START + 1)
    assert found(archive) == [*map(str, range(20)), "between", "later"]


def test_by_whom_it_is_with(archive: Archive):
    for number, peer in enumerate(PEOPLE * 2):
        keep(archive, str(number), peer=peer)
    assert found(archive, with_=parse("juliet@localhost")) == ["0", "1", "3", "4"]
    assert found(archive, with_=parse(PEOPLE[1])) == ["1", "4"]
    assert found(archive, with_=parse("nobody@localhost")) == []
    assert found(archive, with_=parse("localhost")) == []


def test_by_time_both_ends_included(archive: Archive):
    for number in range(5):
        keep(archive, str(number), START + number)
    assert found(archive, start=START * 1000 + 1000, end=START * 1000 + 3000) == ["1", "2", "3"]
    assert found(archive, start=START * 1000 + 1001, end=START * 1000 + 2999) == ["2"]
    assert found(archive, start=START * 1000 + 3000, end=START * 1000 + 1000) == []
    assert found(archive, start=-(10**15), end=10**18) == ["0", "1", "2", "3", "4"]
    assert found(archive, start=10**18) == found(archive, end=-1) == []


def test_by_ids_of_neighbours(archive: Archive):
    ids = [keep(archive, str(number)) for number in range(5)]
    assert found(archive, after_id=ids[1]) == ["2", "3", "4"]
    assert found(archive, before_id=ids[3]) == ["0", "1", "2"]
    assert found(archive, after_id=ids[0], before_id=ids[3]) == ["1", "2"]
    assert found(archive, after_id=ids[3], before_id=ids[0]) == []


def test_by_their_own_ids(archive: Archive):
    ids = [keep(archive, str(number), peer=PEOPLE[number % 3]) for number in range(6)]
    assert found(archive, ids=(ids[4], ids[1], ids[4])) == ["1", "4"]
    assert found(archive, ids=(ids[0], ids[2]), with_=parse("nurse@localhost")) == ["2"]


@pytest.mark.parametrize("query", ["after_id", "before_id", "ids", "after", "before"])
def test_ids_that_are_not_there(archive: Archive, query: str):
    """Not even one that has been there (section 4.1.4 and 4.3.2)."""
    gone = keep(archive, "gone")
    archive.clear(ME)
    keep(archive, "here")
    asked = {"after": {"page": PageRequest(after=gone)}, "before": {"page": PageRequest(before=gone)}}
    with pytest.raises(StanzaError) as caught:
        found(archive, **asked.get(query, {query: (gone,) if query == "ids" else gone}))
    assert caught.value.condition == "item-not-found"


def test_a_page_may_begin_after_a_message_that_does_not_match(archive: Archive):
    ids = [keep(archive, str(number), peer=PEOPLE[number % 3]) for number in range(9)]
    nurse = parse("nurse@localhost")
    assert found(archive, with_=nurse, page=PageRequest(after=ids[3])) == ["5", "8"]
    assert found(archive, with_=nurse, page=PageRequest(before=ids[7])) == ["2", "5"]


def test_by_words(archive: Archive):
    for body in ("Wherefore art thou", "ART &amp; science", "a part", "Straße &lt;b&gt;"):
        keep(archive, body)
    keep(archive, "unseen", peer="art@localhost/wherefore")
    assert found(archive, text="art") == ["Wherefore art thou", "ART & science", "a part"]
    assert found(archive, text=" thou  WHEREFORE ") == ["Wherefore art thou"]
    assert found(archive, text="&") == ["ART & science"]
    assert found(archive, text="<B> STRAßE") == ["Straße <b>"]
    assert found(archive, text="message body") == []
    assert found(archive, text="art", page=PageRequest(max=1, before="")) == ["a part"]


def test_a_page_has_a_limit(archive: Archive):
    for number in range(PAGE + 10):
        keep(archive, str(number))
    assert len(found(archive)) == len(found(archive, page=PageRequest(max=PAGE + 5))) == PAGE


# Limits


def test_a_full_archive_drops_its_oldest():
    archive = Archive(MemoryStore(), "archive", 10)
    ids = [keep(archive, str(number)) for number in range(100)]
    assert (
        found(archive) == found(archive, with_=parse("juliet@localhost")) == [str(number) for number in range(90, 100)]
    )
    assert archive.get(ME, ids[89]) is None


def test_an_archive_may_be_full_of_few():
    archive = Archive(MemoryStore(), "archive", 10)
    for body in ("1", "x" * 9 * BYTES_PER_MESSAGE, "2", "y" * BYTES_PER_MESSAGE, "3"):
        keep(archive, body)
    assert [len(each) for each in found(archive)] == [1, BYTES_PER_MESSAGE, 1]
    keep(archive, "z" * 99 * BYTES_PER_MESSAGE)
    assert [each[0] for each in found(archive)] == ["z"]


# Changes


def test_a_message_is_replaced_where_it_stands(archive: Archive):
    ids = [keep(archive, str(number)) for number in range(3)]
    archive.replace(ME, ids[1], b'<message xmlns="jabber:client"><body>gone</body></message>')
    assert found(archive, with_=parse(PEOPLE[0])) == ["0", "gone", "2"]
    with pytest.raises(KeyError):
        archive.replace(ME, "nothing", b"")


def test_the_latest_come_first(archive: Archive):
    for number in range(5):
        keep(archive, str(number))
    keep(archive, "other", peer=PEOPLE[2])
    assert [each.parsed().text_of("body") for each in archive.latest(ME, "juliet@localhost", 2)] == ["4", "3"]


def test_an_id_may_be_asked_for_before_the_message_is_kept(archive: Archive):
    keep(archive, "before")
    id = archive.new_id(ME, START)
    archive.add(ME, id, b'<message xmlns="jabber:client"><body>this</body></message>', ())
    keep(archive, "after")
    assert found(archive) == ["before", "this", "after"]


@given(
    said=st.lists(st.tuples(st.integers(0, 5), st.integers(0, 2)), max_size=30),
    size=st.integers(1, 7),
    backwards=st.booleans(),
    peer=st.sampled_from([None, *PEOPLE, "juliet@localhost"]),
    start=st.one_of(st.none(), st.integers(0, 6)),
    end=st.one_of(st.none(), st.integers(0, 6)),
)
def test_paging_through_a_query_finds_every_message_once(
    said: list[tuple[int, int]], size: int, backwards: bool, peer: str | None, start: int | None, end: int | None
):
    archive = Archive(MemoryStore(), "archive")
    for number, (at, who) in enumerate(said):
        keep(archive, str(number), START + at, PEOPLE[who])
    in_order: Sequence[tuple[int, str]] = sorted(
        (at, f"{number:02}{PEOPLE[who]}") for number, (at, who) in enumerate(said)
    )
    expected = [
        str(int(who[:2]))
        for at, who in in_order
        if (peer is None or peer in who) and (start is None or start <= at) and (end is None or at <= end)
    ]
    times = {
        "start": None if start is None else (START + start) * 1000,
        "end": None if end is None else (START + end) * 1000,
    }
    seen: list[str] = []
    page = PageRequest(size, before="" if backwards else None)
    for _ in range(len(said) + 1):
        found = archive.find(ME, Query(with_=None if peer is None else parse(peer), page=page, **times))
        messages = found.messages
        bodies = [each.parsed().text_of("body") for each in messages]
        assert found.cut is not None and found.cut.count == len(expected)
        seen = [*bodies, *seen] if backwards else [*seen, *bodies]
        if found.complete:
            break
        page = PageRequest(size, before=messages[0].id) if backwards else PageRequest(size, after=messages[-1].id)
    assert seen == expected
