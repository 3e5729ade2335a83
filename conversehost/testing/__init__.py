"""For tests that want a chat server: `TestBed`, `AsyncTestBed` for asyncio, `DeferredTestBed` for Twisted, and with
pytest the fixtures of docs/testing.md.
"""

from typing import TYPE_CHECKING

from conversehost.testing.calls import TestBedError
from conversehost.testing.testbed import Expectation, Fault, TestBed
from conversehost.testing.verbs.accounts import User
from conversehost.testing.verbs.expectations import UnmetError
from conversehost.testing.verbs.health import Mishap
from conversehost.testing.verbs.sessions import Session
from conversehost.testing.verbs.traffic import Record

if TYPE_CHECKING:
    from conversehost.testing.asyncbed import AsyncTestBed as AsyncTestBed
    from conversehost.testing.deferredbed import DeferredTestBed as DeferredTestBed

__all__ = ["Expectation", "Fault", "Mishap", "Record", "Session", "TestBed", "TestBedError", "UnmetError", "User"]


def __getattr__(name: str) -> object:
    """What few need comes when it is asked for: a reactor is chosen then, not when pytest starts."""
    if name == "AsyncTestBed":
        from conversehost.testing.asyncbed import AsyncTestBed

        return AsyncTestBed
    if name == "DeferredTestBed":
        from conversehost.testing.deferredbed import DeferredTestBed

        return DeferredTestBed
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
