"""For tests that want a chat server: `TestBed`, `AsyncTestBed` for asyncio, `DeferredTestBed` for Twisted, and with
pytest the fixtures of docs/pytest.md.
"""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from conversehost.testing.asyncbed import AsyncTestBed as AsyncTestBed
    from conversehost.testing.calls import TestBedError as TestBedError
    from conversehost.testing.deferredbed import DeferredTestBed as DeferredTestBed
    from conversehost.testing.testbed import Expectation as Expectation
    from conversehost.testing.testbed import Fault as Fault
    from conversehost.testing.testbed import TestBed as TestBed
    from conversehost.testing.verbs.accounts import User as User
    from conversehost.testing.verbs.crowds import Generated as Generated
    from conversehost.testing.verbs.expectations import UnmetError as UnmetError
    from conversehost.testing.verbs.health import Mishap as Mishap
    from conversehost.testing.verbs.invitations import Invitation as Invitation
    from conversehost.testing.verbs.people import Contact as Contact
    from conversehost.testing.verbs.rooms import Archived as Archived
    from conversehost.testing.verbs.rooms import Occupant as Occupant
    from conversehost.testing.verbs.sessions import Session as Session
    from conversehost.testing.verbs.traffic import Record as Record

WHERE = {
    "AsyncTestBed": "asyncbed",
    "Archived": "verbs.rooms",
    "Contact": "verbs.people",
    "DeferredTestBed": "deferredbed",
    "Expectation": "testbed",
    "Fault": "testbed",
    "Generated": "verbs.crowds",
    "Invitation": "verbs.invitations",
    "Mishap": "verbs.health",
    "Occupant": "verbs.rooms",
    "Record": "verbs.traffic",
    "Session": "verbs.sessions",
    "TestBed": "testbed",
    "TestBedError": "calls",
    "UnmetError": "verbs.expectations",
    "User": "verbs.accounts",
}
"""The module that has it. It is imported when it is first asked for: every run of pytest imports this package, few need
it, and one of these modules chooses a reactor.
"""


def __getattr__(name: str) -> object:
    if name not in WHERE:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{WHERE[name]}"), name)
