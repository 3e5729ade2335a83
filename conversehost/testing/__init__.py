"""For tests that want a chat server: `TestBed`, and with pytest the fixtures `conversehost` and `testbed`."""

from conversehost.testing.testbed import Record, Session, TestBed, TestBedError, User

__all__ = ["Record", "Session", "TestBed", "TestBedError", "User"]
