"""What a test lets go wrong, as `TestBed.fault` gives it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from types import TracebackType
from typing import Any
from urllib.parse import quote

Ask = Callable[..., Any]
"""A call of the control API: method, path, fields, and seconds to wait for the answer."""


class Fault:
    """A fault that has been set. It ends with `remove`, at the end of a `with` block, or with a reset.

    `name` is what the control API knows it by, `kind` such as "lost-response".
    """

    def __init__(self, ask: Ask, told: Mapping[str, Any]) -> None:
        self.name: str = told["name"]
        self.kind: str = told["fault"]
        self._ask = ask
        self._told = told
        self._gone = False

    @property
    def strikes(self) -> int:
        """How often it has struck; once it is removed, how often it had."""
        return int(self._look()["strikes"])

    @property
    def matches(self) -> int:
        """How often it could have, by what it is about; less often it does, by its probability, count and skip."""
        return int(self._look()["matches"])

    def remove(self) -> None:
        """It strikes no more; twice is no mistake. Raises TestBedError where a reset has done that."""
        if not self._gone:
            self._gone = True
            self._told = self._ask("DELETE", self._path, None)

    def __enter__(self) -> Fault:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.remove()

    def __repr__(self) -> str:
        return f"<Fault {self.name}: {self.kind}>"

    @property
    def _path(self) -> str:
        return f"faults/{quote(self.name, safe='')}"

    def _look(self) -> Mapping[str, Any]:
        if not self._gone:
            self._told = self._ask("GET", self._path, None)
        return self._told
