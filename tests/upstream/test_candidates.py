"""RFC 2782 order, RFC 6120 and XEP-0368 records as one set."""

from __future__ import annotations

from collections import Counter
from random import Random

from conversehost.upstream.candidates import Record, by_weight, places
from conversehost.xmpp.places import Place


def never(below: int) -> int:
    return 0


def test_a_domain_without_records_is_where_its_name_says():
    assert places("chat.example", [], never) == [Place("chat.example", 5222)]


def test_lower_priority_comes_first_whatever_the_weight():
    records = [Record(20, 100, 5222, "b.example."), Record(10, 0, 5223, "a.example.", tls=True)]
    assert places("chat.example", records, never) == [Place("a.example", 5223, tls=True), Place("b.example", 5222)]


def test_a_target_of_a_dot_means_nowhere():
    assert places("chat.example", [Record(0, 0, 0, ".")], never) == []
    assert places("chat.example", [Record(0, 0, 0, ".", tls=True), Record(1, 0, 5222, "a.")], never) == [Place("a")]


def test_weight_says_how_often_one_is_first():
    group = [Record(0, 1, 1, "light"), Record(0, 9, 2, "heavy"), Record(0, 0, 3, "none")]
    dice = Random(1)
    first = Counter(by_weight(group, dice.randrange)[0].target for _ in range(2_000))
    assert first["heavy"] > 6 * first["light"] > 6 * 50
    assert 0 < first["none"] < 2_000 / 5


def test_each_is_tried_once():
    group = [Record(0, weight, weight, str(weight)) for weight in range(5)]
    assert sorted(by_weight(group, Random(1).randrange), key=lambda each: each.weight) == group
