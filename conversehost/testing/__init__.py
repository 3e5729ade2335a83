"""For tests that want a chat server: `TestBed`, and with pytest the fixtures `conversehost` and `testbed`."""

from conversehost.testing.calls import TestBedError, User
from conversehost.testing.faults import Fault
from conversehost.testing.testbed import Session, TestBed
from conversehost.testing.watching import Expectation, Record, UnmetError

__all__ = ["Expectation", "Fault", "Record", "Session", "TestBed", "TestBedError", "UnmetError", "User"]
