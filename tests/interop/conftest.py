"""What others have made, against this server: browsers in all versions, client libraries, web servers.

`make interop` installs what these tests need. Nothing is skipped: a test whose tool is missing fails and says so.
"""

from __future__ import annotations

from tests.browser.conftest import bed, browser, pytest_runtest_makereport, servers, version, visitor
from tests.testing.conftest import run

__all__ = ["bed", "browser", "pytest_runtest_makereport", "run", "servers", "version", "visitor"]
