from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.store.memory import MemoryStore


@pytest.fixture
def store() -> MemoryStore:
    return MemoryStore()


def test_a_value_is_there_until_it_is_deleted(store: MemoryStore):
    assert store.get("c", "o", "k") is None
    store.put("c", "o", "k", 1)
    assert store.get("c", "o", "k") == 1
    assert store.delete("c", "o", "k")
    assert store.get("c", "o", "k") is None
    assert not store.delete("c", "o", "k")


def test_collections_and_owners_are_apart(store: MemoryStore):
    store.put("c", "o", "k", 1)
    store.put("c", "p", "k", 2)
    store.put("d", "o", "k", 3)
    assert [store.get(*place, "k") for place in (("c", "o"), ("c", "p"), ("d", "o"), ("d", "p"))] == [1, 2, 3, None]


def test_a_replaced_value_keeps_its_place(store: MemoryStore):
    for key in "bac":
        store.put("c", "o", key, key)
    store.put("c", "o", "b", "B")
    assert list(store.items("c", "o").items()) == [("b", "B"), ("a", "a"), ("c", "c")]


def test_what_is_appended_has_a_key_larger_than_all_before(store: MemoryStore):
    keys = [store.append("c", "o", n) for n in range(200)]
    keys += [store.append("d", "p", n) for n in range(3)]
    assert keys == sorted(set(keys))
    assert list(store.items("c", "o").values()) == list(range(200))


def test_keys_are_never_used_again(store: MemoryStore):
    before = store.append("c", "o", 1)
    snapshot = store.snapshot()
    later = store.append("c", "o", 2)
    store.restore(snapshot)
    assert store.append("c", "o", 3) > later > before
    store.reset()
    assert store.append("c", "o", 4) > later


def test_owners_are_those_who_have_something(store: MemoryStore):
    assert list(store.owners("c")) == []
    store.put("c", "o", "k", 1)
    store.put("c", "p", "k", 1)
    store.delete("c", "o", "k")
    assert list(store.owners("c")) == ["p"]
    store.clear("c", "p")
    assert list(store.owners("c")) == []


def test_clearing_answers_what_there_was(store: MemoryStore):
    store.put("c", "o", "k", 1)
    store.put("c", "p", "k", 2)
    assert store.clear("c", "o") == {"k": 1}
    assert store.clear("c", "o") == {}
    assert store.get("c", "p", "k") == 2


def test_a_view_of_nothing_cannot_be_changed(store: MemoryStore):
    with pytest.raises(TypeError):
        store.items("c", "o")["k"] = 1  # type: ignore[index]


def test_a_snapshot_can_be_restored_any_number_of_times(store: MemoryStore):
    store.put("c", "o", "k", 1)
    snapshot = store.snapshot()
    for _ in range(2):
        store.put("c", "o", "k", 2)
        store.put("c", "p", "k", 2)
        store.append("d", "o", 3)
        store.restore(snapshot)
        assert dict(store.items("c", "o")) == {"k": 1}
        assert list(store.owners("c")) == ["o"]
        assert list(store.owners("d")) == []


def test_resetting_leaves_nothing(store: MemoryStore):
    store.put("c", "o", "k", 1)
    store.reset()
    assert list(store.owners("c")) == []


PLACES = st.tuples(st.sampled_from("cd"), st.sampled_from("op"))
STEPS = st.one_of(
    st.tuples(st.just("put"), PLACES, st.sampled_from("kl"), st.integers(0, 3)),
    st.tuples(st.just("delete"), PLACES, st.sampled_from("kl"), st.just(0)),
    st.tuples(st.just("append"), PLACES, st.just(""), st.integers(0, 3)),
    st.tuples(st.just("clear"), PLACES, st.just(""), st.just(0)),
    st.tuples(st.sampled_from(["snapshot", "restore", "reset"]), PLACES, st.just(""), st.just(0)),
)


@given(steps=st.lists(STEPS, max_size=30))
def test_it_behaves_like_one_plain_dict(steps: list[tuple[str, tuple[str, str], str, int]]):
    store, model = MemoryStore(), dict[tuple[str, str, str], Any]()
    saved, remembered = store.snapshot(), dict(model)
    for step, place, key, value in steps:
        if step == "put":
            store.put(*place, key, value)
            model[*place, key] = value
        elif step == "delete":
            assert store.delete(*place, key) == (model.pop((*place, key), None) is not None)
        elif step == "append":
            model[*place, store.append(*place, value)] = value
        elif step == "clear":
            gone = {each: model.pop(each) for each in list(model) if each[:2] == place}
            assert list(store.clear(*place).values()) == list(gone.values())
        elif step == "snapshot":
            saved, remembered = store.snapshot(), dict(model)
        elif step == "restore":
            store.restore(saved)
            model = dict(remembered)
        else:
            store.reset()
            model.clear()
        for each in (("c", "o"), ("c", "p"), ("d", "o"), ("d", "p")):
            expected = [(name, found) for (*where, name), found in model.items() if tuple(where) == each]
            assert list(store.items(*each).items()) == expected
