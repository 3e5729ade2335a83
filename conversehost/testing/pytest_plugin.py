"""pytest fixtures: docs/pytest.md has them all.

Plain tests, coroutines under pytest-twisted or pytest-asyncio, and browser tests may share a server, which is a process
of its own. Every run of pytest imports this, so the rest is imported by those who use it. Nothing may import Twisted
unasked: that would choose a reactor before pytest-twisted can.
"""

from __future__ import annotations

import shlex
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from playwright.sync_api import Browser, Page

    from conversehost.testing.browsing import Pages
    from conversehost.testing.deferredbed import DeferredTestBed
    from conversehost.testing.reporting import Used
    from conversehost.testing.servers import Servers
    from conversehost.testing.testbed import TestBed

USED: pytest.StashKey[list[Used]] = pytest.StashKey()
"""The servers that a test uses."""
MARKER = """\
conversehost(*args, **options): the fixtures' server has these options too, as on its command line, such as \
disable=["carbons"]; tests with the same ones share a server"""
ALLOWED = "what tests may leave behind: unmet-expectations, unanswered-iqs, server-errors"


def pytest_addoption(parser: pytest.Parser) -> None:
    """Options for the server, on the command line and in the ini file."""
    text = "options for the conversehost server of the fixtures, as on its command line"
    group = parser.getgroup("conversehost")
    group.addoption("--conversehost-args", metavar="ARGS", default="", help=text)
    group.addoption("--conversehost-url", metavar="URL", help="a conversehost that runs already, for the fixtures")
    parser.addini("conversehost_args", text, type="args", default=[])
    parser.addini("conversehost_allow", ALLOWED, type="args", default=[])


def pytest_configure(config: pytest.Config) -> None:
    """Tell of the markers."""
    config.addinivalue_line("markers", MARKER)
    config.addinivalue_line("markers", f"conversehost_allow(name, ...): {ALLOWED}")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails shows what its clients and the server said to each other."""
    report = yield
    beds = item.stash.get(USED, [])
    if beds and report.failed and call.when != "teardown":
        from conversehost.testing.reporting import show

        show(beds, report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, Any, Any]:
    """A test that went well fails at its end over what it left behind."""
    result = yield
    if beds := item.stash.get(USED, []):
        from conversehost.testing.reporting import complain

        complain(beds, item)
    return result


@pytest.fixture(scope="session")
def _conversehost_servers(pytestconfig: pytest.Config) -> Iterator[Servers]:
    from conversehost.testing.servers import Servers

    common = [*pytestconfig.getini("conversehost_args"), *shlex.split(pytestconfig.getoption("conversehost_args"))]
    servers = Servers(common, pytestconfig.getoption("conversehost_url"))
    yield servers
    servers.stop()


@pytest.fixture(scope="session")
def conversehost_server(_conversehost_servers: Servers) -> TestBed:
    """A server that runs until the last test is done; what a test does to it, the next one sees."""
    return _conversehost_servers.get()


@pytest.fixture
def conversehost(request: pytest.FixtureRequest, _conversehost_servers: Servers) -> TestBed:
    """The same server, as right after its start; or one with the options of the test's marker."""
    bed = _server(request, _conversehost_servers)
    bed.reset()
    _use(request.node, bed, bed._do)
    return bed


@pytest.fixture
def testbed(conversehost: TestBed) -> TestBed:
    """`conversehost` by a shorter name."""
    return conversehost


@pytest.fixture
def conversehost_factory(
    request: pytest.FixtureRequest, _conversehost_servers: Servers
) -> Iterator[Callable[..., TestBed]]:
    """`conversehost_factory(*args, **options)` starts a server of the test's own, which ends with the test."""
    started: list[TestBed] = []

    def start(*args: str, **options: object) -> TestBed:
        bed = _conversehost_servers.start(args, options)
        started.append(bed)
        _use(request.node, bed, bed._do)
        return bed

    yield start
    for each in started:
        each.stop()


@pytest.fixture
def xmpp_tenant(request: pytest.FixtureRequest, _conversehost_servers: Servers) -> Iterator[TestBed]:
    """A virtual host of the test's own on the run's server, which isn't reset: for tests that run at the same time."""
    with _server(request, _conversehost_servers).tenant() as tenant:
        _use(request.node, tenant, tenant._do)
        yield tenant


@pytest.fixture
def conversehost_reactor(request: pytest.FixtureRequest, _conversehost_servers: Servers) -> Iterator[DeferredTestBed]:
    """A server in the test's own reactor, for coroutines under pytest-twisted; a `DeferredTestBed`."""
    if not request.config.pluginmanager.hasplugin("twisted"):
        pytest.fail("conversehost_reactor needs pytest-twisted: pip install pytest-twisted", pytrace=False)
    from conversehost.testing.inside import server_inside, take_inside
    from conversehost.testing.process import words

    marker = request.node.get_closest_marker("conversehost")
    more = [*marker.args, *words(marker.kwargs)] if marker else []
    with server_inside([*_conversehost_servers.common, *more]) as bed:
        _use(request.node, bed, lambda steps: take_inside(bed, steps))
        yield bed


@pytest.fixture(scope="session")
def converse_browser() -> Iterator[Browser]:
    """The browser of `converse_page`: Playwright's Chromium, else the system's. To be overridden for another."""
    from conversehost.testing.browsing import chromium
    from conversehost.testing.calls import TestBedError

    with ExitStack() as stack:
        try:
            browser = stack.enter_context(chromium())
        except TestBedError as error:
            pytest.fail(str(error), pytrace=False)
        yield browser


@pytest.fixture
def converse_pages(conversehost: TestBed, converse_browser: Browser) -> Iterator[Pages]:
    """`converse_pages("bob")` is a Playwright page with Converse.js, on which Bob is logged in;
    `converse_pages("bob", transport="websocket")` the same over WebSocket.
    """
    from conversehost.testing.browsing import Pages, Parking

    with Parking.leave():
        pages = Pages(conversehost, converse_browser)
        yield pages
        pages.close()


@pytest.fixture
def converse_page(converse_pages: Pages) -> Page:
    """A Playwright page with Converse.js, on which the first account (Alice, unless the scenario says otherwise) is
    logged in.
    """
    return converse_pages()


def _server(request: pytest.FixtureRequest, servers: Servers) -> TestBed:
    """That with the options of the test's marker."""
    marker = request.node.get_closest_marker("conversehost")
    return servers.get(marker.args, marker.kwargs) if marker else servers.get()


def _use(item: pytest.Item, bed: Any, take: Callable[[Any], Any]) -> None:
    """The test uses it, and takes steps there in that way: for the report, and for its end."""
    from conversehost.testing.reporting import Used

    used = item.stash.setdefault(USED, [])
    if all(each.bed is not bed for each in used):
        used.append(Used(bed, take))
