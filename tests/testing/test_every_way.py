"""What the test bed can do, as a user's test suite does it: plain, on Twisted, on asyncio, and with workers."""

from __future__ import annotations

from pathlib import Path

from conversehost.testing import TestBed

pytest_plugins = ["pytester"]

ROOT = Path(__file__).parents[2]

HEAD = f"""
import sys; sys.path.insert(0, {str(ROOT)!r})
import pytest
from conversehost.testing import AsyncTestBed, DeferredTestBed, TestBedError
from tests.clients.bosh import BoshClient

def log_in(bed, name):
    client = BoshClient(bed.bosh, bed.domain)
    client.jid = client.log_in(name, "secret")
    client.send("<presence xmlns='jabber:client'/>")
    return client
"""

PLAIN = """
def test_a_message_is_waited_for(conversehost):
    bob = log_in(conversehost, "bob")
    conversehost.message("alice", "bob", "hi")
    found = conversehost.wait_for("message[body='hi']", account="bob", direction="out")
    assert found.session == bob.jid

def test_a_fault_strikes(conversehost):
    log_in(conversehost, "bob")
    with conversehost.fault("drop", kind="message", to="bob") as fault:
        conversehost.message("alice", "bob", "lost")
        assert fault.strikes == 1
    with pytest.raises(TestBedError, match="nothing matched"):
        conversehost.wait_for("message[body='lost']", account="bob", timeout=0.1)

def test_time_is_turned(conversehost):
    before = conversehost.now
    assert (conversehost.advance(3600) - before).total_seconds() >= 3600

def test_a_session_dies(conversehost):
    bob = log_in(conversehost, "bob")
    conversehost.kill(bob.jid, "terminate", condition="policy-violation")
    assert conversehost.sessions("bob") == []

def test_back_to_a_snapshot(conversehost):
    taken = conversehost.snapshot()
    conversehost.add_user("zoe")
    conversehost.restore(taken)
    assert "zoe@localhost" not in conversehost.accounts
    conversehost.remove_user("bob")

def test_it_was_reset(conversehost):
    assert "bob@localhost" in conversehost.accounts
    conversehost.remove_user("alice")
    conversehost.reset()
    assert conversehost.user("alice").password == "secret"
"""

TENANT = "".join(f"def {part}" for part in PLAIN.split("def ") if "test_" in part and "time_is_turned" not in part)
TENANT = TENANT.replace("conversehost", "xmpp_tenant").replace('@localhost"', '@" + xmpp_tenant.domain')

COROUTINES = """
MARK
async def test_a_message_is_waited_for(conversehost):
    bed = BED.of(conversehost)
    bob = log_in(bed, "bob")
    await bed.message("alice", "bob", "hi")
    found = await bed.wait_for("message[body='hi']", account="bob", direction="out")
    assert found.session == bob.jid

MARK
async def test_a_fault_strikes(conversehost):
    bed = BED.of(conversehost)
    log_in(bed, "bob")
    async with ENTER bed.fault("drop", kind="message", to="bob") as fault:
        await bed.message("alice", "bob", "lost")
        assert await fault.strikes == 1
    with pytest.raises(TestBedError, match="nothing matched"):
        await bed.wait_for("message[body='lost']", account="bob", timeout=0.1)

MARK
async def test_what_is_expected_is_said(conversehost):
    bed = BED.of(conversehost)
    log_in(bed, "bob")
    async with ENTER bed.expecting("message[body='hi']", to="bob"):
        await bed.message("alice", "bob", "hi")

MARK
async def test_time_is_turned(conversehost):
    bed = BED.of(conversehost)
    before = await bed.now
    assert (await bed.advance(3600) - before).total_seconds() >= 3600

MARK
async def test_a_session_dies(conversehost):
    bed = BED.of(conversehost)
    bob = log_in(bed, "bob")
    await bed.kill(bob.jid, "terminate", condition="policy-violation")
    assert await bed.sessions("bob") == []

MARK
async def test_back_to_a_snapshot(conversehost):
    bed = BED.of(conversehost)
    taken = await bed.snapshot()
    await bed.add_user("zoe")
    await bed.restore(taken)
    assert "zoe@localhost" not in await bed.accounts
    await bed.remove_user("bob")

MARK
async def test_it_was_reset(conversehost):
    bed = BED.of(conversehost)
    assert "bob@localhost" in await bed.accounts
    await bed.remove_user("alice")
    await bed.reset()
    assert (await bed.user("alice")).password == "secret"
"""

ASYNCIO = COROUTINES.replace("MARK", "@pytest.mark.asyncio").replace("BED", "AsyncTestBed").replace("ENTER ", "")
TWISTED = "import pytest_twisted\n" + COROUTINES.replace("MARK", "@pytest_twisted.ensureDeferred").replace(
    "BED", "DeferredTestBed"
).replace("ENTER", "await")
INSIDE = TWISTED.replace("DeferredTestBed.of(conversehost)", "conversehost_reactor").replace(
    "(conversehost)", "(conversehost_reactor)"
)
INSIDE = INSIDE.replace("log_in(", "await log_in(").replace(
    "import pytest_twisted\n",
    """
import pytest_twisted
from twisted.internet.threads import deferToThread

def log_in(bed, name, outside=log_in):
    return deferToThread(outside, bed, name)
""",
)


def test_plain(run):
    run(HEAD + PLAIN, "-p", "no:twisted", "-p", "no:asyncio").assert_outcomes(passed=6)


def test_on_twisted(run):
    run(HEAD + TWISTED, "-p", "no:asyncio").assert_outcomes(passed=7)


def test_in_the_same_reactor(run):
    run(HEAD + INSIDE, "-p", "no:asyncio").assert_outcomes(passed=7)


def test_on_asyncio(run):
    run(HEAD + ASYNCIO, "-p", "no:twisted").assert_outcomes(passed=7)


def test_all_kinds_in_one_run_on_the_reactor_of_asyncio(run, pytester):
    pytester.makepyfile(test_twisted=HEAD + TWISTED, test_plain=HEAD + PLAIN)
    run(HEAD + INSIDE, "--reactor", "asyncio", "-p", "no:asyncio").assert_outcomes(passed=20)


def test_with_workers_each_of_which_has_a_server_of_its_own(run, pytester):
    pytester.makepyfile(test_twisted=HEAD + TWISTED, test_asyncio=HEAD + ASYNCIO)
    run(HEAD + PLAIN, "-n", "4").assert_outcomes(passed=20)


def test_with_workers_that_share_a_server_and_have_tenants(run):
    with TestBed.start("--no-starttls") as bed:
        marked = bed.add_user("nobody-has-reset-this")
        program = HEAD + f"def test_pid(xmpp_tenant):\n    assert xmpp_tenant.pid == {bed.pid}\n\n" + TENANT
        run(program, "-n", "4", "--conversehost-url", bed.site).assert_outcomes(passed=6)
        assert marked.jid in bed.accounts
        assert bed.call("GET", "tenants")["tenants"] == []


def test_a_tenants_own_leftovers_fail_its_test(run):
    result = run("""
        def test_failing(xmpp_tenant):
            xmpp_tenant.expect("message[body='hi']", to="bob")

        def test_another(xmpp_tenant):
            assert False
    """)
    result.assert_outcomes(failed=2)
    result.stdout.fnmatch_lines(["conversehost: expected message[[]body='hi'], to bob@t*.localhost at least once: *"])
