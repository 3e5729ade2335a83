"""For tests that want a chat server: `TestBed`, and with pytest the fixtures `conversehost` and `testbed`."""

from conversehost.testing.faults import Fault
from conversehost.testing.testbed import Record, Session, TestBed, TestBedError, User

__all__ = ["Fault", "Record", "Session", "TestBed", "TestBedError", "User"]
