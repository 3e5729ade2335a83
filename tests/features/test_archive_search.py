"""XEP-0431: archives searched for words, as much of them at a time as a query may cost."""

from __future__ import annotations

import pytest

from tests.features.archives import bodies, field, fin, form, ids, page, query, told
from tests.stage import Client, condition

FULLTEXT = "{urn:xmpp:fulltext:0}fulltext"


def test_words(romeo: Client, juliet: Client):
    for body in ("Good night", "good day", "night"):
        romeo.say(juliet.jid, body)
    assert bodies(juliet, form(field(FULLTEXT, "GOOD night"))) == ["Good night"]


@pytest.mark.parametrize(("toward", "ends", "order"), [("after", "last", 1), ("before", "first", -1)])
@pytest.mark.parametrize("most", [2, 50])
def test_a_search_reads_so_much_for_a_page_and_goes_on_from_there(
    romeo: Client, juliet: Client, monkeypatch: pytest.MonkeyPatch, toward: str, ends: str, order: int, most: int
):
    """Each page says where it ended, also one on which nothing is."""
    for number in range(30):
        romeo.say(juliet.jid, f"night {number}" if number % 15 < 3 else f"day {number}")
    monkeypatch.setattr("conversehost.server.archive.SEARCHED", 500)
    asked, place, pages = form(field(FULLTEXT, "night")), "", []
    while True:
        set = page(f"<max>{most}</max><{toward}>{place}</{toward}>" if place or order < 0 else f"<max>{most}</max>")
        pages.append(bodies(juliet, asked + set))
        end = fin(juliet, asked + set)
        assert not told(end).get("index") and "count" not in told(end)
        if end.get("complete"):
            break
        place = told(end)[ends]
    found = [body for each in pages[::order] for body in each]
    assert found == [f"night {number}" for number in (0, 1, 2, 15, 16, 17)]
    assert [] in pages and len(pages) < 15
    assert max(map(len, pages)) <= most


def test_what_a_search_finds_has_no_numbers(romeo: Client, juliet: Client):
    romeo.say(juliet.jid, "night")
    juliet.take()
    asked = form(field(FULLTEXT, "night"))
    assert condition(juliet.ask("set", query(asked + page("<index>0</index>")))) == "feature-not-implemented"
    assert told(fin(juliet, asked + page("<max>0</max>"))) == {}
    (only,) = ids(juliet, asked)
    assert told(fin(juliet, asked)) == {"first": only, "last": only, "index": ""}
    assert told(fin(juliet, form(field(FULLTEXT, "day")))) == {}
    assert bodies(juliet, form(field(FULLTEXT, " "))) == ["night"]
