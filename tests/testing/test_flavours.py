"""One server, three ways to wait for it: each verb is written once, and is there in all of them."""

from __future__ import annotations

import asyncio
import inspect
import os
import select
import socket
import subprocess
import sys
from collections.abc import Awaitable, Callable, Iterator
from pathlib import Path

import pytest

from conversehost.testing import AsyncTestBed, TestBed, TestBedError
from conversehost.testing.verbs.all import Verbs
from tests.aside import run
from tests.clients.bosh import BoshClient

ROOT = Path(__file__).parents[2]
SOON = 60.0


def public(kind: type) -> dict[str, object]:
    return {name: value for name, value in inspect.getmembers(kind) if not name.startswith("_")}


def test_every_flavour_has_every_verb_with_its_documentation():
    for name, value in public(Verbs).items():
        for kind in (TestBed, AsyncTestBed):
            assert getattr(kind, name) is value
        assert inspect.getdoc(value), name
    assert str(inspect.signature(TestBed.message)).startswith("(self, sender: ")


def bob_listens(bed: TestBed) -> str:
    """His full JID."""
    client = BoshClient(bed.bosh, bed.domain)
    jid = client.log_in("bob", "secret")
    client.send("<presence xmlns='jabber:client'/>")
    return jid


# asyncio


def test_coroutines_under_asyncio(bed: TestBed):
    jid = bob_listens(bed)

    async def main() -> None:
        here = AsyncTestBed.of(bed)
        zoe = await here.add_user("zoe")
        assert (await here.accounts)["zoe@localhost"] == zoe.password
        assert [each.jid for each in await here.sessions("bob")] == [jid]
        async with asyncio.TaskGroup() as group:
            waiting = group.create_task(here.wait_for("message[body='hi']", account="bob", direction="out"))
            group.create_task(here.message(zoe, "bob", "hi"))
        assert waiting.result().session == jid
        taken = await here.snapshot()
        await here.kill(jid, "reset")
        await here.restore(taken)
        assert (await here.advance(70)).tzinfo is not None
        with pytest.raises(TestBedError, match="there is no account nobody@localhost"):
            await here.remove_user("nobody")

    run(main())


def test_a_fault_is_entered_without_a_second_await(bed: TestBed):
    async def main() -> None:
        here = AsyncTestBed.of(bed)
        async with here.fault("lost-response", account="alice") as fault:
            assert await fault.strikes == 0
            assert [each.name for each in [fault]] == ["1"]
        with pytest.raises(TestBedError):
            await AsyncTestBed.of(bed).fault("nonsense")
        await (await here.fault("drop")).remove()

    run(main())


def test_many_may_wait_at_once(bed: TestBed):
    """More than a pool of threads has room for."""
    bob_listens(bed)

    async def main() -> None:
        here = AsyncTestBed.of(bed)
        waits = [here.wait_for(f"message[body='{number}']", account="bob") for number in range(100)]
        every = asyncio.gather(*waits)
        for number in range(100):
            await here.message("alice", "bob", str(number))
        assert len(await every) == 100

    run(main())


def test_a_server_of_ones_own_under_asyncio():
    async def main() -> int:
        async with AsyncTestBed.start("--domain", "chat.example", registration=True) as here:
            assert here.domain == "chat.example"
            assert (await AsyncTestBed.connect(here.site)).pid == here.pid
            end = os.pidfd_open(here.pid)
            assert select.select([end], [], [], 0)[0] == []
        return end

    end = run(main())
    assert select.select([end], [], [], 0)[0] == [end]
    os.close(end)


@pytest.fixture
def silent() -> Iterator[str]:
    """The URL of something that takes connections and says nothing."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"http://127.0.0.1:{listening.getsockname()[1]}"


def quick(bed: TestBed, silent: str) -> TestBed:
    return TestBed(bed._ready | {"api": f"{silent}/api"})


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("conversehost.testing.verbs.traffic.ANSWER", 0.05)


def test_nobody_waits_for_ever(bed: TestBed, silent: str, impatient: None):
    here = quick(bed, silent)
    with pytest.raises(TestBedError, match=r"POST http://.*/traffic/wait: no answer from a conversehost \(timed out\)"):
        here.wait_for("message", timeout=0)
    with pytest.raises(TestBedError, match=r"no answer from a conversehost \(the time is over\)"):
        run(_await(lambda: AsyncTestBed.of(here).wait_for("message", timeout=0)))


async def _await(call: Callable[[], Awaitable[object]]) -> object:
    return await call()


# Twisted


DEFERRED = """
import sys
from twisted.internet import reactor
from twisted.internet.defer import gatherResults, inlineCallbacks
from twisted.trial.unittest import TestCase

from conversehost.testing import DeferredTestBed, TestBedError


class DeferredTest(TestCase):
    @inlineCallbacks
    def setUp(self):
        self.bed = yield DeferredTestBed.connect(sys.argv[-1])
        yield self.bed.reset()

    async def test_a_coroutine(self):
        zoe = await self.bed.add_user("zoe")
        accounts = await self.bed.accounts
        self.assertEqual(accounts["zoe@localhost"], zoe.password)
        async with await self.bed.fault("lost-response", account="zoe") as fault:
            self.assertEqual(await fault.strikes, 0)
        with self.assertRaisesRegex(TestBedError, "there is no fault"):
            await self.bed.call("GET", f"faults/{fault.name}")

    @inlineCallbacks
    def test_a_generator(self):
        yield self.bed.message("alice", "bob", "hi")
        error = yield self.assertFailure(self.bed.remove_user("nobody"), TestBedError)
        self.assertEqual(error.code, "not-found")
        yield gatherResults([self.bed.now for _ in range(20)])

    async def test_nobody_listens(self):
        there = DeferredTestBed({**self.bed._ready, "api": "http://127.0.0.1:1/"})
        with self.assertRaisesRegex(TestBedError, "no answer from a conversehost"):
            await there.reset()

    async def test_one_of_its_own(self):
        async with await DeferredTestBed.start() as other:
            self.assertNotEqual(other.pid, self.bed.pid)
"""


def test_deferreds_in_trial_which_wants_a_clean_reactor(bed: TestBed, tmp_path: Path):
    (tmp_path / "test_deferred.py").write_text(DEFERRED)
    done = subprocess.run(
        [sys.executable, "-c", TRIAL, "test_deferred", bed.site],
        cwd=tmp_path,
        env=os.environ | {"PYTHONPATH": str(ROOT)},
        capture_output=True,
        text=True,
        timeout=SOON,
    )
    assert "PASSED (successes=4)" in done.stdout, done.stdout + done.stderr


TRIAL = """
import sys
from twisted.trial.runner import TestLoader, TrialRunner
from twisted.trial.reporter import VerboseTextReporter
sys.path.insert(0, "")
TrialRunner(VerboseTextReporter).run(TestLoader().loadByName(sys.argv[1]))
"""
