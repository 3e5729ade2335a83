from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.store.log import LATEST, Log, moment, place_of, time_of
from conversehost.store.memory import MemoryStore


@pytest.fixture
def log() -> Log:
    return Log()


def fill(log: Log, *times: int, label: str = "a") -> list[str]:
    keys = []
    for at in times:
        keys.append(log.key_for(at))
        log.add(keys[-1], str(at).encode(), [label])
    return keys


def test_keys_are_sorted_by_time_then_by_arrival(log: Log):
    keys = fill(log, *([5] * 200), 6, 6, 7)
    assert keys == sorted(set(keys)) == list(log)
    assert [time_of(each) for each in keys] == [5] * 200 + [6, 6, 7]


def test_what_came_earlier_is_put_before(log: Log):
    late, middle, early, also_middle = fill(log, 9, 5, 1, 5)
    assert list(log) == [early, middle, also_middle, late]
    assert list(log.values()) == [b"1", b"5", b"5", b"9"]


def test_keys_cannot_be_guessed(log: Log):
    others = [Log().key_for(5) for _ in range(100)]
    assert len({each[12:16] for each in others}) > 50
    assert len({each[:12] for each in others}) == 1


def test_steps_between_neighbours_cannot_be_guessed(log: Log):
    keys = fill(log, *([5] * 50))
    steps = {int(later, 16) - int(earlier, 16) for earlier, later in itertools.pairwise(keys)}
    assert len(steps) > 40


def test_a_millisecond_that_is_full_flows_over_into_the_next(log: Log):
    last = f"{moment(5)}{'f' * 12}"
    log.add(last, b"", ())
    assert time_of(log.key_for(5)) == 6 and log.key_for(5) > last


def test_the_latest_time_that_there_is(log: Log):
    key, *_ = fill(log, LATEST)
    assert log.select(None, moment(LATEST))[0] == key
    assert not log.select(None, moment(LATEST + 1))
    assert list(log.select(None, "", moment(LATEST * 1_000))) == [key]


@pytest.mark.parametrize("key", ["", "x", "0" * 23, "0" * 25, "G" * 24])
def test_what_is_no_key(log: Log, key: str):
    with pytest.raises(ValueError, match="not a key"):
        log.add(key, b"", ())


def test_a_key_is_taken_once(log: Log):
    (key,) = fill(log, 5)
    with pytest.raises(ValueError, match="taken"):
        log.add(key, b"", ())


def test_a_replaced_value_keeps_its_place_and_its_labels(log: Log):
    keys = fill(log, 1, 2, 3)
    log[keys[1]] = b"other"
    assert list(log.select("a")) == list(log) == keys
    assert log[keys[1]] == b"other"
    assert log.bytes == 7
    with pytest.raises(KeyError):
        log["nothing"] = b""


def test_labels_find_what_belongs_together(log: Log):
    a = fill(log, 1, 3, label="a")
    b = fill(log, 2, 4, label="b")
    assert list(log.select("a")) == a
    assert list(log.select("b", moment(3))) == b[1:]
    assert list(log.select("b", "", moment(4))) == b[:1]
    assert list(log.select("c")) == []
    assert log.labels() == {"a": a, "b": b}


def test_dropping_the_oldest_leaves_no_trace(log: Log):
    keys = fill(log, *range(1_000))
    for _ in range(900):
        log.drop_first()
    assert list(log) == list(log.select("a")) == keys[900:]
    assert keys[899] not in log
    assert log.bytes == 300
    assert len(log._values) < 1_000 - 800


def test_labels_of_what_was_dropped_are_forgotten(log: Log):
    for number in range(500):
        log.add(log.key_for(number), b"", [f"label{number}"])
    for _ in range(400):
        log.drop_first()
    assert len(log._labelled) < 200
    assert len(log.labels()) == 100


def test_nothing_can_be_dropped_from_an_empty_log(log: Log):
    fill(log, 1)
    log.drop_first()
    with pytest.raises(IndexError):
        log.drop_first()


def test_a_span_is_a_sequence(log: Log):
    keys = fill(log, *range(10))
    span = log.select(None, keys[2], keys[8])
    assert list(span) == keys[2:8]
    assert (span[0], span[-1], span[1:3], span[::-1]) == (keys[2], keys[7], keys[3:5], keys[7:1:-1])
    assert place_of(keys[4], span) == (2, 3)
    assert place_of(keys[9], span) == (6, 6)
    with pytest.raises(IndexError):
        span[6]


# In a store


def test_a_store_has_logs_beside_its_tables():
    store = MemoryStore()
    assert len(store.log("c", "o")) == 0
    assert list(store.owners("c")) == []
    (key,) = fill(store.open_log("c", "o"), 5)
    assert list(store.owners("c")) == ["o"]
    assert store.items("c", "o") == {key: b"5"}
    store.put("c", "o", key, b"6")
    assert store.get("c", "o", key) == b"6"
    assert store.delete("c", "o", key)
    assert not store.delete("c", "o", key)
    assert list(store.owners("c")) == []


def test_a_snapshot_has_logs_as_they_were():
    store = MemoryStore()
    keys = fill(store.open_log("c", "o"), 1, 2)
    snapshot = store.snapshot()
    for _ in range(2):
        fill(store.open_log("c", "o"), 3)
        store.open_log("c", "o").drop_first()
        fill(store.open_log("c", "p"), 3)
        store.restore(snapshot)
        assert list(store.log("c", "o")) == list(store.log("c", "o").select("a")) == keys
        assert list(store.owners("c")) == ["o"]
    store.reset()
    assert len(store.log("c", "o")) == 0


STEPS = st.one_of(
    st.tuples(st.just("add"), st.integers(0, 6), st.sets(st.sampled_from("ab"))),
    st.tuples(st.just("drop"), st.integers(1, 80), st.just(set())),
    st.tuples(st.sampled_from(["remove", "replace"]), st.integers(0, 9), st.just(set())),
    st.tuples(st.just("copy"), st.just(0), st.just(set())),
)


@given(steps=st.lists(STEPS, max_size=40), low=st.integers(0, 8), high=st.integers(0, 8))
def test_it_behaves_like_a_list_that_is_searched(steps: list[tuple[str, int, set[str]]], low: int, high: int):
    log, model = Log(), list[tuple[str, bytes, set[str]]]()
    for step, number, labels in steps:
        if step == "add":
            for at in (number, number):
                key = log.key_for(at)
                log.add(key, key.encode(), labels)
                model = sorted([*model, (key, key.encode(), labels)], key=lambda each: each[0])
        elif step == "copy":
            log = log.copy()
        elif step == "drop":
            for _ in range(min(number, len(model))):
                log.drop_first()
            del model[:number]
        elif model:
            key, _, kept = model.pop(number % len(model))
            if step == "remove":
                del log[key]
            else:
                log[key] = b"other"
                model = sorted([*model, (key, b"other", kept)], key=lambda each: each[0])
        assert list(log.items()) == [(key, value) for key, value, _ in model]
        assert log.bytes == sum(len(value) for _, value, _ in model)
    for label in (None, "a", "b"):
        expected = [key for key, _, kept in model if label is None or label in kept]
        assert list(log.select(label)) == expected
        between = [key for key in expected if low <= time_of(key) < high]
        assert list(log.select(label, moment(low), moment(high))) == between
        assert list(log.pairs(between)) == [(key, log[key]) for key in between]
