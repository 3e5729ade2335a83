"""All user data, by collection and owner. Nothing else holds any, so snapshot, restore and reset are complete."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NewType, Protocol

from conversehost.store.log import Log

Snapshot = NewType("Snapshot", Mapping[str, Any])


class Store(Protocol):
    """Values by (collection, owner, key), in order of insertion.

    Owners and keys are strings: mostly bare JIDs. Values are immutable (str, bytes, tuples, frozen dataclasses): a
    change is a `put` of a new value. So a snapshot copies tables, never values.

    What grows long is kept in a `Log` in place of a plain table; a collection has either.
    """

    def get(self, collection: str, owner: str, key: str) -> Any:
        """The value, or None."""

    def put(self, collection: str, owner: str, key: str, value: Any) -> None:
        """Insert or replace; a replaced value keeps its place in the order."""

    def delete(self, collection: str, owner: str, key: str) -> bool:
        """Remove one value; False when there was none."""

    def items(self, collection: str, owner: str) -> Mapping[str, Any]:
        """A live view, in order, of what the owner has in the collection; empty when nothing. Copy before changing."""

    def owners(self, collection: str) -> Iterable[str]:
        """Everybody who has something in the collection; a live view too."""

    def append(self, collection: str, owner: str, value: Any) -> str:
        """Insert under a new key, larger than all before in this store (they sort as text); answers the key."""

    def log(self, collection: str, owner: str) -> Log:
        """What the owner has in a collection of logs, to read; an empty one when nothing. All else works on it too, but
        `put` replaces only.
        """

    def open_log(self, collection: str, owner: str) -> Log:
        """The same, to add to at once. Don't keep it: after `restore` and `reset` it is another one."""

    def clear(self, collection: str, owner: str) -> Mapping[str, Any]:
        """Remove all that the owner has in the collection, and answer it."""

    def snapshot(self) -> Snapshot:
        """Everything as it is now; later changes don't show in it."""

    def restore(self, snapshot: Snapshot) -> None:
        """Everything as it was then. A snapshot can be restored any number of times."""

    def reset(self) -> None:
        """Empty."""
