"""`conversehost_reactor`: a server in the test's own reactor, in pytest runs of their own."""

from __future__ import annotations

pytest_plugins = ["pytester"]

INSIDE = """
    import os

    import pytest
    import pytest_twisted
    from twisted.internet import reactor
    from twisted.internet.endpoints import clientFromString
    from twisted.internet.protocol import Factory, Protocol
    from twisted.web.client import Agent, readBody

    from conversehost.testing import DeferredTestBed, TestBedError

    addresses = []

    @pytest_twisted.ensureDeferred
    async def test_coroutine(conversehost_reactor):
        bed = conversehost_reactor
        assert isinstance(bed, DeferredTestBed)
        assert bed.pid == os.getpid()
        zoe = await bed.add_user("zoe")
        response = await Agent(reactor).request(b"GET", f"{bed.api}/accounts/zoe".encode())
        assert zoe.password.encode() in await readBody(response)
        before = await bed.now
        assert (await bed.advance(3600) - before).total_seconds() >= 3600
        addresses.append(bed.c2s)

    @pytest_twisted.inlineCallbacks
    def test_generator(conversehost_reactor):
        accounts = yield conversehost_reactor.accounts
        assert "zoe@localhost" not in accounts

    @pytest.mark.conversehost("--domain", "b.example", disable=["carbons"])
    @pytest_twisted.ensureDeferred
    async def test_options(conversehost_reactor):
        assert conversehost_reactor.domain == "b.example"

    @pytest_twisted.ensureDeferred
    async def test_the_first_is_gone(conversehost_reactor):
        host, _, port = addresses[0].rpartition(":")
        with pytest.raises(Exception, match="refused"):
            await clientFromString(reactor, f"tcp:{host}:{port}").connect(Factory.forProtocol(Protocol))

    @pytest_twisted.ensureDeferred
    async def test_fails_over_what_was_expected(conversehost_reactor):
        await conversehost_reactor.expect("message[body='hi']", to="bob")

    @pytest.mark.conversehost(prt=1)
    @pytest_twisted.ensureDeferred
    async def test_mistake(conversehost_reactor):
        pass
"""


def test_coroutines_under_pytest_twisted(run):
    result = run(INSIDE)
    result.assert_outcomes(passed=4, failed=1, errors=1)
    result.stdout.fnmatch_lines(["*TestBedError: conversehost can't start: unknown option --prt: did you mean --port?"])
    result.stdout.fnmatch_lines(["*expected message[[]body='hi'], to bob@localhost at least once: it didn't come*"])


def test_on_the_reactor_of_asyncio(run):
    result = run(INSIDE, "--reactor", "asyncio", "-k", "coroutine or generator or options")
    result.assert_outcomes(passed=3, deselected=3)


def test_without_pytest_twisted_it_says_what_is_missing(run):
    result = run("def test_it(conversehost_reactor):\n    pass", "-p", "no:twisted")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*conversehost_reactor needs pytest-twisted: pip install pytest-twisted*"])


SWIFT = """
    import time

    from twisted.internet import reactor
    import pytest_twisted
    from conversehost.embedded import Embedded

    @pytest_twisted.ensureDeferred
    async def test_swift():
        starts, stops = [], []
        for _ in range(8):
            begun = time.process_time()
            server = Embedded([], reactor)
            started = time.process_time()
            await server.stop()
            starts.append(started - begun)
            stops.append(time.process_time() - started)
        print(f"started in {min(starts) * 1000:.1f} ms, stopped in {min(stops) * 1000:.1f} ms")
        assert min(starts) < 0.02
        assert min(stops) < 0.02
"""


def test_a_start_and_a_stop_take_no_more_than_twenty_milliseconds(run):
    """Of the processor: what else runs on the machine is none of its business. The best of a few, all imports done."""
    result = run(SWIFT, "-s")
    result.assert_outcomes(passed=1)
    result.stdout.fnmatch_lines(["*started in * ms, stopped in * ms*"])
