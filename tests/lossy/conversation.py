"""Two people talk over a network that loses things, and nothing that they say is lost, doubled or out of order."""

from __future__ import annotations

import asyncio
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from itertools import zip_longest

from conversehost.testing import TestBed
from tests.lossy.client import LossyClient
from tests.lossy.network import Fate, Network

LIMIT = 60
"""Seconds that a conversation may take."""


@dataclass(frozen=True)
class Conversation:
    """`messages` each way. In between, `reloads` times, both load their page again.

    Without acks the one rule is that an answer handed over completely counts as received, so pages are loaded again
    only while no message is under way.
    """

    messages: int
    hold: int
    acks: bool
    reloads: int
    seed: int

    def hold_on(self, bed: TestBed) -> None:
        """Have it, in a loop of its own. Afterwards nobody is logged in, and the server has complained of nothing."""
        with ThreadPoolExecutor(1) as thread:  # tests with browsers keep a loop running in this one
            thread.submit(asyncio.run, self._limited(bed)).result()
        assert bed.sessions() == []
        assert "Traceback" not in bed.log

    async def _limited(self, bed: TestBed) -> None:
        async with Network(bed.bosh, self.seed) as network:
            romeo, juliet = (
                LossyClient(network, bed.domain, hold=self.hold, acks=self.acks, seed=self.seed + each)
                for each in range(2)
            )
            try:
                async with asyncio.timeout(LIMIT):
                    await self._talk(romeo, juliet)
            except Exception as error:
                so_far = ", ".join(f"{one.jid} has {len(one.received)} messages" for one in (romeo, juliet))
                raise AssertionError(f"{self}: {error!r}; {so_far}") from error
            assert all(network.fates[fate] for fate in Fate), f"too calm: {network.fates}"

    async def _talk(self, romeo: LossyClient, juliet: LossyClient) -> None:
        await romeo.log_in("romeo", "secret")
        await juliet.log_in("juliet", "secret")
        rounds = self.reloads + 1
        for number in range(rounds):
            begin, end = (self.messages * each // rounds for each in (number, number + 1))
            said = [str(each) for each in range(begin, end)]
            romeo.say(juliet.jid, said)
            juliet.say(romeo.jid, said)
            await asyncio.gather(*(one.until_received(end) for one in (romeo, juliet)))
            if end < self.messages:
                await asyncio.gather(romeo.reload(), juliet.reload())
        await romeo.stop()
        await juliet.stop()
        for one in (romeo, juliet):
            first_wrong = self._first_wrong(one.received)
            assert not first_wrong, f"{one.jid} {first_wrong}"

    def _first_wrong(self, received: list[str]) -> str:
        """The first message that isn't as it was said, and those around it; "" where all is well."""
        for number, text in zip_longest(range(self.messages), received):
            if text != str(number):
                place = self.messages if number is None else number
                return f"got {text} where {number} was said: {received[max(0, place - 5) : place + 6]}"
        return ""
