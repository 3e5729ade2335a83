"""What a test waits for: a server in its own reactor that starts and stops, and a reset. Run as a program, it prints
ms of the first two as JSON: a reactor is for once.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from conversehost.testing import TestBed

TIMES = 20


class Waits(NamedTuple):
    """ms, each the median of several."""

    start: float
    stop: float


def waits() -> Waits:
    """For the server of `conversehost_reactor`; the first start, which imports what is needed, doesn't count."""
    ran = subprocess.run([sys.executable, "-m", __name__], capture_output=True, check=True, timeout=60)
    return Waits(*json.loads(ran.stdout))


def reset() -> float:
    """ms for `TestBed.reset`, over HTTP, after a message and with the demo accounts; the median."""
    with TestBed.start() as bed:
        return statistics.median([_reset(bed) for _ in range(TIMES)][1:])


def _reset(bed: TestBed) -> float:
    bed.message("alice", "bob", "hi")
    began = time.perf_counter()
    bed.reset()
    return (time.perf_counter() - began) * 1e3


def main() -> None:
    """In a reactor."""
    from twisted.internet import reactor, task
    from twisted.internet.defer import Deferred

    from conversehost.embedded import Embedded

    async def measure() -> None:
        starts, stops = [], []
        for _ in range(TIMES):
            began = time.perf_counter()
            server = Embedded((), reactor)
            started = time.perf_counter()
            await server.stop()
            starts.append((started - began) * 1e3)
            stops.append((time.perf_counter() - started) * 1e3)
        print(json.dumps([statistics.median(starts[1:]), statistics.median(stops[1:])]))

    task.react(lambda _: Deferred.fromCoroutine(measure()))


if __name__ == "__main__":
    main()
