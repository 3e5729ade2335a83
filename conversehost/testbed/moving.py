"""What is kept for one domain, as another domain would have it: every address in it is of that one."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Mapping
from typing import Any

from conversehost.store import Snapshot, Store
from conversehost.store.log import Log
from conversehost.xmpp.jid import JID

UNMOVED = ("password", "secret")
"""Fields that are never an address, whatever they look like."""


class Move:
    """From one domain to another, with all services below it.

    Texts are moved where they are an address as a whole. In XML those in attributes are, and those that end a text:
    what people have written stays, but for an address at its end.
    """

    def __init__(self, old: str, new: str) -> None:
        self._new = new
        name = re.escape(old)
        self._address = re.compile(rf"(?:[^\s@/]+@)?(?:[^\s@/]+\.)*{name}(?:/.*)?", re.DOTALL)
        self._domain = re.compile(rf"(?:^|(?<=[@.])){name}(?=/|$)")
        self._in_xml = re.compile(rf"([@\"'](?:[^\s@/\"'<>=]+\.)*){name}(?=[\"'/<])".encode())

    def concerns(self, owner: str) -> bool:
        """Whether that is the domain, or an address of it or of a service below it."""
        return self._address.fullmatch(owner) is not None

    def text(self, text: str) -> str:
        """An address of the domain is moved, all else stays."""
        return self._domain.sub(self._new, text, count=1) if self._address.fullmatch(text) else text

    def xml(self, data: bytes) -> bytes:
        """A serialised element."""
        return self._in_xml.sub(rb"\g<1>" + self._new.encode(), data)

    def value(self, value: Any) -> Any:
        """Whatever a store keeps, or a file says."""
        if isinstance(value, str):
            return self.text(value)
        if isinstance(value, bytes):
            return self.xml(value)
        if isinstance(value, JID):
            moved = self.text(value.bare)
            return JID(value.local, moved.rpartition("@")[2], value.resource)
        if dataclasses.is_dataclass(value) and not isinstance(value, type):
            fields = (each.name for each in dataclasses.fields(value) if each.init and each.name not in UNMOVED)
            return dataclasses.replace(value, **{name: self.value(getattr(value, name)) for name in fields})
        if isinstance(value, tuple):
            items = [self.value(each) for each in value]
            return type(value)(*items) if hasattr(value, "_fields") else tuple(items)
        if isinstance(value, Mapping):
            return {self.value(key): self.value(each) for key, each in value.items()}
        if isinstance(value, frozenset | set):
            return type(value)(map(self.value, value))
        return value

    def copy(self, snapshot: Snapshot, store: Store) -> None:
        """Put all that there is of the old domain into the store, as the new one's."""
        for collection, owners in snapshot.items():
            for owner, values in owners.items():
                if not self.concerns(owner):
                    continue
                if isinstance(values, Log):
                    self._copy_log(values, store.open_log(collection, self.text(owner)))
                    continue
                for key, value in values.items():
                    store.put(collection, self.text(owner), self.text(key), self.value(value))

    def _copy_log(self, old: Log, new: Log) -> None:
        labels: dict[str, list[str]] = {}
        for label, keys in old.labels().items():
            for key in keys:
                labels.setdefault(key, []).append(self.text(label))
        for key, value in old.items():
            new.add(key, self.xml(value), labels.get(key, ()))
