"""What a test lets go wrong, or answers in the server's place."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from conversehost.testing.calls import Call, Door, Steps
from conversehost.testing.verbs import asked, verb
from conversehost.testing.verbs.accounts import named


class FaultHandle:
    """A fault or a stub that has been set. It ends with `remove`, at the end of a `with` block, or with a reset.

    `name` is what the control API knows it by, `kind` such as "lost-response", or "stub".
    """

    def __init__(self, door: Door, told: Mapping[str, Any]) -> None:
        self.name: str = told["name"]
        self.kind: str = told.get("fault", "stub")
        self._noun = "faults" if "fault" in told else "stubs"
        self._door = door
        self._told = told
        self._gone = False

    @asked
    def strikes(self) -> Steps[int]:
        """How often it has struck; once it is removed, how often it had."""
        return int((yield from self._look())["strikes"])

    @asked
    def matches(self) -> Steps[int]:
        """How often it could have, by what it is about; less often it does, by its probability, count and skip."""
        return int((yield from self._look())["matches"])

    @verb
    def remove(self) -> Steps[None]:
        """It strikes no more; twice is no mistake. Raises TestBedError where a reset has done that."""
        if not self._gone:
            self._gone = True
            self._told = yield Call("DELETE", self._path)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self.kind}>"

    @property
    def _path(self) -> str:
        return f"{self._noun}/{quote(self.name, safe='')}"

    def _look(self) -> Steps[Mapping[str, Any]]:
        if not self._gone:
            self._told = yield Call("GET", self._path)
        return self._told


F = TypeVar("F", bound=FaultHandle)


class FaultVerbs(Generic[F]):
    """Set faults and stubs, and clear them all."""

    _door: Door
    _fault: type[F]

    @verb
    def fault(self, fault: str, /, **fields: Any) -> Steps[F]:
        """Let something go wrong from now on, such as `"lost-response", account="alice", probability=0.3`. To be used
        in a `with` block, or ended by `remove`. docs/faults.md has them all; `from` is called sender.
        """
        given = {name.replace("sender", "from"): named(value) for name, value in fields.items() if value is not None}
        return self._fault(self._door, (yield Call("POST", "faults", {"fault": fault, **given})))

    @verb
    def stub(self, **fields: Any) -> Steps[F]:
        """Answer stanzas of clients in the server's place from now on, such as
        `kind="iq", to="upload.localhost", refuse="conflict"`. It has `answer`, `refuse`, `forward` or `seconds`, as in
        docs/stubs-and-bots.md, and is used and ended as a fault.
        """
        given = {name.replace("sender", "from"): named(value) for name, value in fields.items() if value is not None}
        return self._fault(self._door, (yield Call("POST", "stubs", given)))

    @verb
    def clear_stubs(self) -> Steps[None]:
        """Nothing is answered in the server's place any more."""
        yield Call("DELETE", "stubs")

    @verb
    def clear_faults(self) -> Steps[None]:
        """Nothing goes wrong any more."""
        yield Call("DELETE", "faults")
