"""What shall be said."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Generic, TypeVar
from urllib.parse import quote

from conversehost.testing.calls import ANSWER, Call, Door, Steps, TestBedError
from conversehost.testing.verbs import asked, verb
from conversehost.testing.verbs.accounts import User
from conversehost.testing.verbs.traffic import wanted_fields

PATIENCE = 5.0
"""Seconds that what is expected has to come."""


class UnmetError(TestBedError, AssertionError):
    """Something that was expected wasn't said, or what shouldn't have been was; the message has what came nearest."""


class ExpectationHandle:
    """What `TestBed.expect` has set. It ends with `remove`, or with a reset. `name`: what the control API calls it.

    At the end of a `with` block it is verified, and removed.
    """

    def __init__(self, door: Door, told: Mapping[str, Any], timeout: float = PATIENCE) -> None:
        self.name: str = told["name"]
        self._door = door
        self._told = told
        self._timeout = timeout
        self._gone = False

    @asked
    def state(self) -> Steps[str]:
        """ "met", "unmet" so far, or "violated": it can't be met any more."""
        return str((yield from self._look())["state"])

    @asked
    def count(self) -> Steps[int]:
        """How often it was said."""
        return int((yield from self._look())["count"])

    @asked
    def why(self) -> Steps[str]:
        """Why it isn't met, with what came nearest; "" for one that is."""
        return (yield from self._look())["why"] or ""

    @verb
    def verify(self, timeout: float = PATIENCE) -> Steps[None]:
        """Waits until it is met. Raises UnmetError."""
        yield from verify(f"{self._path}/verify", timeout)

    @verb
    def remove(self) -> Steps[None]:
        """It isn't expected any more; twice is no mistake."""
        yield from self._remove()

    @verb
    def end(self, *, well: bool) -> Steps[None]:
        """The end of a `with` block: where it ended well, this raises UnmetError for what hasn't been said."""
        try:
            if well:
                yield from verify(f"{self._path}/verify", self._timeout)
        finally:
            yield from self._remove()

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.name}: {self._told['state']}>"

    @property
    def _path(self) -> str:
        return f"expectations/{quote(self.name, safe='')}"

    def _look(self) -> Steps[Mapping[str, Any]]:
        if not self._gone:
            self._told = yield Call("GET", self._path)
        return self._told

    def _remove(self) -> Steps[None]:
        if not self._gone:
            self._gone = True
            self._told = yield Call("DELETE", self._path)


X = TypeVar("X", bound=ExpectationHandle)


class ExpectationVerbs(Generic[X]):
    """Set before something is said, and verified after."""

    _door: Door
    _expectation: type[X]

    @verb
    def expect(
        self,
        xpath: str | None = None,
        *,
        times: int | None = None,
        at_least: int | None = None,
        at_most: int | None = None,
        never: bool = False,
        group: str | None = None,
        within: float | None = None,
        name: str | None = None,
        **wanted: User | str,
    ) -> Steps[X]:
        """What shall be said, from now on; `xpath` and `wanted` as in `traffic`. At least once, unless `times`,
        `at_least`, `at_most` or `never` say something else; what one client says to another counts once.

        Those of one `group` are met in the order in which they were set. `within`: seconds, by the server's clock.
        `verify` waits for them all; the fixture `testbed` does so at a test's end.
        """
        given: dict[str, Any] = {"times": times, "at_least": at_least, "at_most": at_most, "never": never or None}
        given |= {"group": group, "within": within, "name": name}
        return self._expectation(self._door, (yield _expect(xpath, given, wanted)))

    @verb
    def expecting(self, xpath: str | None = None, *, timeout: float = PATIENCE, **fields: Any) -> Steps[X]:
        """The same for what a `with` block causes: at its end, or `timeout` seconds later, it has been said.

        Raises UnmetError, which says what came nearest.
        """
        return self._expectation(self._door, (yield _expect(xpath, {}, fields)), timeout)

    @verb
    def verify(self, timeout: float = PATIENCE) -> Steps[None]:
        """Waits until all that `expect` was told has been said. Raises UnmetError: what hasn't, and why."""
        yield from verify("expectations/verify", timeout)


def _expect(xpath: str | None, given: Mapping[str, Any], wanted: Mapping[str, Any]) -> Call:
    fields = {key: value for key, value in given.items() if value is not None}
    return Call("POST", "expectations", wanted_fields(xpath, 0, wanted) | fields)


def verify(path: str, timeout: float) -> Steps[None]:
    """Waits until the expectations there are met. Raises UnmetError."""
    try:
        yield Call("GET", f"{path}?timeout={timeout:g}", timeout=ANSWER + timeout)
    except TestBedError as error:
        if error.code in ("request-timeout", "conflict"):
            raise UnmetError(str(error), error.code) from None
        raise
