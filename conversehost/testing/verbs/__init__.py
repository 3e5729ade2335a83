"""What a test bed can be asked to do. A verb is written once, as steps; each flavour of `TestBed` takes them its way.

    class ClockVerbs:
        @verb
        def advance(self, seconds: float) -> Steps[datetime]:
            told = yield Call("POST", "clock", {"advance": seconds})
            return datetime.fromisoformat(told["now"])

Then `bed.advance(70)` is a datetime, a coroutine or a Deferred. `asked` makes a property of a verb without arguments.
"""

from __future__ import annotations

import functools
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Concatenate, ParamSpec, Protocol, TypeVar, cast, overload

from conversehost.testing.calls import Steps

if TYPE_CHECKING:
    from conversehost.testing.awaiting import Awaiting, Pending
    from conversehost.testing.blocking import Blocking
    from conversehost.testing.deferring import Deferred, Deferring

P = ParamSpec("P")
T = TypeVar("T")


class Verb(Protocol[P, T]):
    """For type checkers: what a verb is, by the flavour of what it is called on."""

    @overload
    def __get__(self, bed: Blocking, owner: type | None = None) -> Callable[P, T]: ...

    @overload
    def __get__(self, bed: Awaiting, owner: type | None = None) -> Callable[P, Pending[T]]: ...

    @overload
    def __get__(self, bed: Deferring, owner: type | None = None) -> Callable[P, Deferred[T]]: ...


class Asked(Protocol[T]):
    """The same, for properties."""

    @overload
    def __get__(self, bed: Blocking, owner: type | None = None) -> T: ...

    @overload
    def __get__(self, bed: Awaiting, owner: type | None = None) -> Pending[T]: ...

    @overload
    def __get__(self, bed: Deferring, owner: type | None = None) -> Deferred[T]: ...


def verb(steps: Callable[Concatenate[Any, P], Steps[T]]) -> Verb[P, T]:
    """Decorates steps: a method that takes them."""
    return cast("Verb[P, T]", _taking(steps))


def asked(steps: Callable[[Any], Steps[T]]) -> Asked[T]:
    """Decorates steps without arguments: a property that takes them."""
    return cast("Asked[T]", property(_taking(steps)))


def _taking(steps: Callable[..., Steps[T]]) -> Callable[..., Any]:
    @functools.wraps(steps)
    def take(bed: Any, *args: Any, **kwargs: Any) -> Any:
        return bed._do(steps(bed, *args, **kwargs))

    return take
