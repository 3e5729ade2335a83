"""What the test bed can do, as a user's test suite does it: plain, on Twisted, on asyncio, with workers, by tenants."""

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

def say(client, xml):
    client.send(xml)
"""

SUITE = """
MARK
DEF test_a_message_is_waited_for(FIXTURE):
    bed = BED
    bob = AWAY log_in(bed, "bob")
    DO bed.message("alice", "bob", "hi")
    found = DO bed.wait_for("message[body='hi']", account="bob", direction="out")
    assert found.session == bob.jid
    assert [each.number for each in DO bed.traffic("message[body='hi']", direction="out")] == [found.number]

MARK
DEF test_what_is_expected_is_said(FIXTURE):
    bed = BED
    AWAY log_in(bed, "bob")
    ENTER bed.expecting("message[body='hi']", to="bob"):
        DO bed.message("alice", "bob", "hi")
    never = DO bed.expect("message[body='ho']", never=True)
    DO bed.verify()
    assert (DO never.state) == "met"

MARK
DEF test_a_fault_strikes(FIXTURE):
    bed = BED
    AWAY log_in(bed, "bob")
    ENTER bed.fault("drop", kind="message", to="bob") as fault:
        DO bed.message("alice", "bob", "lost")
        assert (DO fault.strikes) == 1
    with pytest.raises(TestBedError, match="nothing matched"):
        DO bed.wait_for("message[body='lost']", account="bob", timeout=0.1)

MARK
DEF test_a_stub_answers(FIXTURE):
    bed = BED
    bob = AWAY log_in(bed, "bob")
    ENTER bed.stub(xpath="iq/ping:ping", account="bob", refuse="conflict") as stub:
        AWAY say(bob, "<iq xmlns='jabber:client' type='get' id='7'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert (DO stub.strikes) == 1
    assert "<conflict" in (DO bed.wait_for("iq[@id='7']", account="bob", direction="out")).xml

MARK
DEF test_a_bot_talks(FIXTURE):
    bed = BED
    bob = AWAY log_in(bed, "bob")
    parrot = DO bed.bot("parrot", kind="echo")
    DO bed.message(bob.jid, parrot, "pretty")
    DO bed.wait_for("message[body='pretty']", account="bob", direction="out", sender=parrot)

MARK
DEF test_time_is_turned(FIXTURE):
    bed = BED
    before = DO bed.now
    assert ((DO bed.advance(3600)) - before).total_seconds() >= 3600
    DO bed.freeze()
    assert (DO bed.now) == (DO bed.now)
    DO bed.thaw()

MARK
DEF test_a_session_dies(FIXTURE):
    bed = BED
    bob = AWAY log_in(bed, "bob")
    assert [each.jid for each in DO bed.sessions("bob")] == [bob.jid]
    DO bed.kill(bob.jid, "terminate", condition="policy-violation")
    assert (DO bed.sessions("bob")) == []

MARK
DEF test_people_have_contacts_and_cards(FIXTURE):
    bed = BED
    zoe = DO bed.add_user("zoe", friends=["alice"])
    DO bed.add_contact(zoe, "bob", groups=["Work"])
    assert {each.jid.partition("@")[0] for each in DO bed.roster(zoe)} >= {"alice", "bob"}
    DO bed.change_vcard(zoe, email="zoe@x.example")
    assert (DO bed.vcard(zoe))["email"] == "zoe@x.example"

MARK
DEF test_a_room_has_a_past(FIXTURE):
    bed = BED
    DO bed.make_room("lounge", owner="alice")
    DO bed.enter_room("lounge", "bob", nick="Bob")
    DO bed.say_in_room("lounge", "hi", nick="Bob")
    assert [each.nick for each in DO bed.occupants("lounge")] == ["Bob"]
    assert [each.body for each in DO bed.room_messages("lounge")] == ["hi"]

MARK
DEF test_back_to_a_snapshot(FIXTURE):
    bed = BED
    taken = DO bed.snapshot()
    DO bed.add_user("zoe")
    DO bed.restore(taken)
    assert f"zoe@{bed.domain}" not in (DO bed.accounts)
    DO bed.remove_user("bob")

MARK
DEF test_all_data_is_a_file(FIXTURE):
    bed = BED
    file = DO bed.state()
    DO bed.remove_user("alice")
    DO bed.load(file)
    assert f"alice@{bed.domain}" in (DO bed.accounts)

MARK
DEF test_it_was_reset(FIXTURE):
    bed = BED
    assert f"bob@{bed.domain}" in (DO bed.accounts)
    DO bed.remove_user("alice")
    DO bed.reset()
    assert (DO bed.user("alice")).password == "secret"

MARK
DEF test_all_is_well(FIXTURE):
    bed = BED
    AWAY log_in(bed, "bob")
    DO bed.settled()
    assert (DO bed.unanswered()) == (DO bed.errors) == []
    assert "bob@" in (DO bed.transcript())
"""
TESTS = SUITE.count("DEF ")


def suite(mark: str, definition: str, enter: str, do: str, fixture: str, bed: str, away: str = "") -> str:
    """The same tests in another way."""
    words = {"MARK": mark, "DEF": definition, "ENTER": enter, "FIXTURE": fixture, "BED": bed}
    text = SUITE.replace("DO ", do).replace("AWAY ", away)
    for word, meant in words.items():
        text = text.replace(word, meant)
    return HEAD + text


PLAIN = suite("", "def", "with", "", "conversehost", "conversehost")
TENANT = suite("", "def", "with", "", "xmpp_tenant", "xmpp_tenant")
ASYNCIO = suite(
    "@pytest.mark.asyncio", "async def", "async with", "await ", "conversehost", "AsyncTestBed.of(conversehost)"
)
IMPORT = "import pytest_twisted\n"
COROUTINE = "@pytest_twisted.ensureDeferred", "async def", "async with await", "await "
TWISTED = IMPORT + suite(*COROUTINE, "conversehost", "DeferredTestBed.of(conversehost)")
INSIDE = IMPORT + suite(*COROUTINE, "conversehost_reactor", "conversehost_reactor", "await ")
INSIDE = INSIDE.replace(
    "    client.send(xml)\n",
    """\
    client.send(xml)

from twisted.internet.threads import deferToThread

def log_in(*given, outside=log_in):
    return deferToThread(outside, *given)

def say(*given, outside=say):
    return deferToThread(outside, *given)
""",
)


def test_plain(run):
    run(PLAIN, "-p", "no:twisted", "-p", "no:asyncio").assert_outcomes(passed=TESTS)


def test_on_twisted(run):
    run(TWISTED, "-p", "no:asyncio").assert_outcomes(passed=TESTS)


def test_in_the_same_reactor(run):
    run(INSIDE, "-p", "no:asyncio").assert_outcomes(passed=TESTS)


def test_on_asyncio(run):
    run(ASYNCIO, "-p", "no:twisted").assert_outcomes(passed=TESTS)


def test_all_kinds_in_one_run_on_the_reactor_of_asyncio(run, pytester):
    pytester.makepyfile(test_twisted=TWISTED, test_plain=PLAIN)
    run(INSIDE, "--reactor", "asyncio", "-p", "no:asyncio").assert_outcomes(passed=3 * TESTS)


def test_with_workers_each_of_which_has_a_server_of_its_own(run, pytester):
    pytester.makepyfile(test_twisted=TWISTED, test_asyncio=ASYNCIO)
    run(PLAIN, "-n", "4").assert_outcomes(passed=3 * TESTS)


def test_with_workers_that_share_a_server_and_have_tenants(run):
    """The clock is everybody's: to turn it is refused."""
    with TestBed.start("--no-starttls") as bed:
        marked = bed.add_user("nobody-has-reset-this")
        program = TENANT + f"\ndef test_pid(xmpp_tenant):\n    assert xmpp_tenant.pid == {bed.pid}\n"
        done = run(program, "-n", "4", "--conversehost-url", bed.site, "-k", "not time")
        done.assert_outcomes(passed=TESTS)
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
