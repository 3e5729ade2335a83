"""The fixtures, in pytest runs of their own: as a user's test suite meets them."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from conversehost.testing import TestBed

ROOT = Path(__file__).parents[2]

pytest_plugins = ["pytester"]

EVERY_KIND = """
    import json
    import urllib.request

    import pytest_twisted
    from conversehost.testing import TestBed
    from playwright.sync_api import sync_playwright
    from twisted.internet import reactor
    from twisted.internet.defer import inlineCallbacks
    from twisted.web.client import Agent, readBody

    seen = set()

    def test_plain(conversehost):
        seen.add(conversehost.pid)
        assert isinstance(conversehost, TestBed)
        with urllib.request.urlopen(conversehost.site) as response:
            assert response.status == 200
        assert conversehost.add_user("plain").jid in conversehost.accounts

    @pytest_twisted.ensureDeferred
    async def test_coroutine(conversehost):
        seen.add(conversehost.pid)
        user = conversehost.add_user("coroutine")
        response = await Agent(reactor).request(b"GET", f"{conversehost.api}/accounts/coroutine".encode())
        assert json.loads(await readBody(response))["password"] == user.password

    @pytest_twisted.inlineCallbacks
    def test_generator(conversehost):
        seen.add(conversehost.pid)
        response = yield Agent(reactor).request(b"GET", conversehost.prebind.encode())
        assert response.code == 401
        yield readBody(response)

    def test_browser(testbed):
        seen.add(testbed.pid)
        user = testbed.add_user()
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path="/usr/bin/chromium", args=%r)
            page = browser.new_page()
            page.goto(testbed.site)
            page.fill("input[name=username]", user.username)
            page.fill("input[name=password]", user.password)
            with page.expect_response(testbed.prebind) as prebind:
                page.click("button[type=submit]")
            assert [each.jid for each in testbed.sessions(user)] == [prebind.value.json()["jid"]]
            browser.close()

    def test_plain_again(conversehost):
        assert seen == {conversehost.pid}
"""
QUIET = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]


def test_one_server_for_plain_tests_coroutines_and_browsers(run):
    run(EVERY_KIND % QUIET).assert_outcomes(passed=5)


NO_WARNINGS = """
    import pytest
    from conversehost.testing import Session, TestBed, TestBedError, User

    def test_refusal(testbed):
        with pytest.raises(TestBedError):
            testbed.add_user("alice")

    def test_success(testbed):
        assert testbed.add_user().jid in testbed.accounts
"""


def test_there_is_nothing_to_warn_of(run):
    """No connection or file is left open, and pytest doesn't take TestBed for a test."""
    run(NO_WARNINGS, "-W", "error", "-p", "no:asyncio").assert_outcomes(passed=2)


CHOOSES_A_REACTOR = """
    import pytest_twisted

    @pytest_twisted.ensureDeferred
    async def test_reactor(testbed):
        from twisted.internet import reactor
        assert type(reactor).__name__ == "AsyncioSelectorReactor"
        assert testbed.add_user().jid in testbed.accounts
"""


def test_it_leaves_the_choice_of_a_reactor_to_others(run):
    run(CHOOSES_A_REACTOR, "--reactor", "asyncio").assert_outcomes(passed=1)


OPTIONS = """
    def test_options(conversehost):
        print(conversehost.domain)
        assert conversehost.domain == "b.example"
        assert conversehost.accounts["zoe@b.example"] == "p w"
"""


def test_options_of_the_server_on_the_command_line(run):
    run(OPTIONS, "--conversehost-args", "--domain b.example --user 'zoe:p w'").assert_outcomes(passed=1)


def test_options_of_the_server_in_the_ini_file(run, pytester):
    pytester.makeini("[pytest]\nconversehost_args = --domain b.example --user 'zoe:old'\n")
    run(OPTIONS.replace("p w", "old"), "--strict-config").assert_outcomes(passed=1)
    pytester.makeini("[pytest]\nconversehost_args = --domain b.example\n")
    run(OPTIONS, "--conversehost-args=--user 'zoe:p w'").assert_outcomes(passed=1)


RESETS = """
    def test_leaves_something(conversehost):
        conversehost.add_user("zoe")

    def test_sees_it(conversehost_server):
        assert "zoe@localhost" in conversehost_server.accounts

    def test_sees_it_no_more(conversehost, testbed, conversehost_server):
        assert "zoe@localhost" not in conversehost.accounts
        assert conversehost is testbed is conversehost_server
"""


def test_it_is_reset_before_a_test_and_not_after(run):
    run(RESETS).assert_outcomes(passed=3)


MARKED = """
    import pytest

    pids = {}

    def has_carbons(bed):
        query = "<query xmlns='http://jabber.org/protocol/disco#info'/>"
        return "urn:xmpp:carbons:2" in bed.stanza("alice", f"<iq type='get' id='1' to='{bed.domain}'>{query}</iq>")[0]

    def test_unmarked(conversehost):
        assert has_carbons(conversehost)
        pids["unmarked"] = conversehost.pid

    @pytest.mark.conversehost(disable=["carbons"])
    class TestMarked:
        def test_one(self, conversehost, conversehost_server):
            assert not has_carbons(conversehost)
            assert conversehost_server.pid == pids["unmarked"]
            pids["marked"] = conversehost.pid

        def test_another(self, testbed):
            assert testbed.pid == pids["marked"]

        @pytest.mark.conversehost("--domain", "b.example")
        def test_nearer(self, conversehost):
            assert conversehost.domain == "b.example"
            assert has_carbons(conversehost)
"""


def test_a_marker_gives_the_server_options_and_tests_with_the_same_ones_share_it(run):
    run(MARKED, "--strict-markers").assert_outcomes(passed=4)


FACTORY = """
    import os

    import pytest

    pids = []

    def test_two_of_its_own(conversehost_factory):
        one, two = conversehost_factory("--user", "zoe:pw", registration=True), conversehost_factory(domain="b.example")
        assert one.accounts["zoe@a.example"] == "pw"
        assert two.domain == "b.example"
        pids.extend([one.pid, two.pid])
        one.message("alice", "bob", "seen at one of them")
        assert False

    def test_stops_one_itself(conversehost_factory):
        conversehost_factory().stop()

    @pytest.fixture
    def broken(conversehost_factory):
        conversehost_factory().message("alice", "bob", "said in a fixture")
        assert False

    def test_fails_in_a_fixture(broken):
        pass

    def test_they_are_gone(conversehost_factory):
        for pid in pids:
            with pytest.raises(ProcessLookupError):
                os.kill(pid, 0)
"""


def test_servers_of_a_tests_own_end_with_it(run):
    result = run(FACTORY, "--conversehost-args", "--domain a.example")
    result.assert_outcomes(passed=2, failed=1, errors=1)
    result.stdout.fnmatch_lines(
        ["*conversehost: what was said -*", "*conversehost: what was said at http://localhost:*"]
    )


def test_a_server_that_runs_already(run):
    with TestBed.start("--domain", "already.example") as bed:
        program = f"""
            def test_it(conversehost):
                assert conversehost.pid == {bed.pid}

            def test_marker(conversehost):
                assert conversehost.pid == {bed.pid}
        """
        run(program, "--conversehost-url", bed.site).assert_outcomes(passed=2)
        bed.reset()


ENDS = """
    import os
    import pathlib

    def test_ends(conversehost):
        pathlib.Path("pid").write_text(str(conversehost.pid))
        assert False

    def test_still_there(conversehost):
        os.kill(conversehost.pid, 0)
"""


def test_the_server_ends_with_the_run(run, pytester):
    run(ENDS).assert_outcomes(passed=1, failed=1)
    with pytest.raises(ProcessLookupError):
        os.kill(int((pytester.path / "pid").read_text()), 0)


def test_a_server_that_does_not_start_fails_the_test_with_its_own_words(run):
    result = run(OPTIONS, "--conversehost-args", "--prt 0")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines(["*TestBedError: conversehost ended with exit code 1: *unknown option --prt*"])


def test_without_the_fixtures_there_is_no_server(run):
    result = run("def test_nothing():\n    pass", "--conversehost-args", "--prt 0")
    result.assert_outcomes(passed=1)


FAILS = """
    def test_failing(testbed):
        testbed.message("alice", "bob", "are you there?")
        testbed.stanza("alice", "<iq type='get' id='1' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>")
        assert False

    def test_passing(testbed):
        testbed.message("alice", "bob", "nobody wants to read this")
"""


def test_a_test_that_fails_shows_what_was_said(run):
    from tests.clients import bosh

    program = FAILS.replace("assert False", "client.log_in('bob', 'secret'); assert False").replace(
        "    def test_failing(testbed):",
        f"    import sys; sys.path.insert(0, {str(ROOT)!r})\n"
        f"    from {bosh.__name__} import BoshClient\n\n"
        "    def test_failing(testbed):\n        client = BoshClient(testbed.bosh, testbed.domain)",
    )
    result = run(program)
    result.assert_outcomes(failed=1, passed=1)
    shown = result.stdout.str()
    assert "conversehost: what was said" in shown
    assert 'mechanism="PLAIN">...</auth>' in shown
    assert "c2VjcmV0" not in shown
    assert "bob@localhost/" in shown
    assert "nobody wants to read this" not in shown


EXPECTS = """
    def test_met(testbed):
        testbed.expect("presence", never=True)

    def test_unmet(testbed):
        testbed.expect("message[body='hi']", to="bob")

    def test_failing_anyhow(testbed):
        testbed.expect("message[body='hi']", to="bob")
        assert "my own reason" == ""

    def test_expects_nothing(testbed):
        pass
"""


def test_what_was_expected_and_not_said_fails_the_test_at_its_end(run):
    result = run(EXPECTS)
    result.assert_outcomes(passed=2, failed=2)
    why = "conversehost: expected message[body='hi'], to bob@localhost at least once: it didn't come"
    absent = "bob@localhost isn't logged in; nobody is but bots"
    result.stdout.fnmatch_lines(["*my own reason*"])
    assert result.outlines.count(f"{why}; {absent}") == 1


LEAVES_BEHIND = """
    import sys; sys.path.insert(0, %r)
    import pytest
    from tests.clients.bosh import BoshClient

    def breaks(bed):
        bed.call("POST", "bots", name="broken", kind="json:loads")
        bed.message("alice", "broken", "hi")

    def asks(bed):
        client = BoshClient(bed.bosh, bed.domain)
        jid = client.log_in("alice", "secret")
        client.send(f"<iq xmlns='jabber:client' type='get' id='7' to='{jid}'><ping xmlns='urn:xmpp:ping'/></iq>")
        return jid

    def test_error(testbed):
        breaks(testbed)

    @pytest.mark.conversehost_allow("server-errors")
    def test_allowed_error(testbed):
        breaks(testbed)

    def test_unanswered(testbed):
        asks(testbed)

    @pytest.mark.conversehost_allow("unanswered-iqs", "server-errors")
    def test_allowed_both(testbed):
        breaks(testbed)
        asks(testbed)

    def test_of_a_page_that_is_closed(testbed):
        testbed.kill_session(asks(testbed))
"""


def test_errors_and_unanswered_iqs_fail_the_test_at_its_end(run):
    result = run(LEAVES_BEHIND % str(ROOT), "--strict-markers")
    result.assert_outcomes(passed=3, failed=2)
    result.stdout.fnmatch_lines(["conversehost: the server failed at <message *", "Traceback *", "TypeError: *"])
    result.stdout.fnmatch_lines(["conversehost: nobody has answered alice@localhost/*: <iq *"])


def test_what_is_allowed_to_all_tests_and_what_is_misspelt(run, pytester):
    pytester.makeini("[pytest]\nconversehost_allow = server-errors unanswered-iqs\n")
    run(LEAVES_BEHIND % str(ROOT), "--strict-config").assert_outcomes(passed=5)
    pytester.makeini("[pytest]\nconversehost_allow = errors\n")
    result = run("def test_nothing(testbed):\n    pass")
    result.stdout.fnmatch_lines(["*conversehost_allow: there is no errors; there are unmet-expectations, unanswered-*"])
