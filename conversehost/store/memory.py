"""The store in memory: three levels of dicts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import Any

from conversehost.store import Snapshot
from conversehost.store.log import Log

Table = dict[str, dict[str, Any] | Log]

NOTHING: Mapping[str, Any] = MappingProxyType({})


class MemoryStore:
    """`Store`, gone when the process ends."""

    def __init__(self) -> None:
        self._collections: dict[str, Table] = {}
        self._serial = 0

    def get(self, collection: str, owner: str, key: str) -> Any:
        return self.items(collection, owner).get(key)

    def put(self, collection: str, owner: str, key: str, value: Any) -> None:
        self._collections.setdefault(collection, {}).setdefault(owner, {})[key] = value

    def delete(self, collection: str, owner: str, key: str) -> bool:
        table = self._collections.get(collection, {})
        values = table.get(owner, {})
        if key not in values:
            return False
        del values[key]
        if not values:
            del table[owner]
        return True

    def items(self, collection: str, owner: str) -> Mapping[str, Any]:
        return self._collections.get(collection, NOTHING).get(owner, NOTHING)

    def owners(self, collection: str) -> Iterable[str]:
        return self._collections.get(collection, {}).keys()

    def append(self, collection: str, owner: str, value: Any) -> str:
        self._serial += 1
        key = f"{self._serial:012}"
        self.put(collection, owner, key, value)
        return key

    def log(self, collection: str, owner: str) -> Log:
        found = self._collections.get(collection, NOTHING).get(owner)
        return found if isinstance(found, Log) else Log()

    def open_log(self, collection: str, owner: str) -> Log:
        table = self._collections.setdefault(collection, {})
        found = table.get(owner)
        if found is None:
            found = table[owner] = Log()
        assert isinstance(found, Log), f"{collection} isn't a collection of logs"
        return found

    def clear(self, collection: str, owner: str) -> Mapping[str, Any]:
        return self._collections.get(collection, {}).pop(owner, NOTHING)

    def snapshot(self) -> Snapshot:
        return Snapshot({name: _copy(table) for name, table in self._collections.items()})

    def restore(self, snapshot: Snapshot) -> None:
        self._collections = {name: _copy(table) for name, table in snapshot.items()}

    def reset(self) -> None:
        self._collections = {}


def _copy(table: Table) -> Table:
    return {owner: values.copy() for owner, values in table.items()}
