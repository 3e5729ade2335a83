"""`make bench`: what a message, a log-in, a file, an idle session cost, here and with Prosody and ejabberd."""

from __future__ import annotations

import argparse
import json
import os
import platform
import resource
import sys
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from . import figures, inside, report, servers, starts
from .figures import ONLY_OURS, UNDER_LOAD
from .report import OURS
from .servers import Running

ROOT = Path(__file__).parents[2]
JSON = Path("build") / "bench.json"


class Bench:
    """Collects values; `load_busy` is the largest part of its core that the load itself ever needed."""

    def __init__(self, options: argparse.Namespace) -> None:
        self.servers: list[str] = options.only or servers.installed()
        self.wanted: list[str] = options.figures or [figure.key for figure in figures.FIGURES]
        self.seconds: float = options.seconds
        self.rounds: int = options.rounds
        self.complete = not (options.only or options.figures)
        self.values: dict[str, dict[str, list[float]]] = defaultdict(lambda: defaultdict(list))
        self.load_busy = 0.0

    def run(self) -> None:
        """All rounds."""
        for number in range(1, self.rounds + 1):
            print(f"round {number} of {self.rounds}", flush=True)
            if self._wants("cold_start", "stop"):
                self._starts()
            if self._wants("inside_start", "inside_stop", "reset"):
                self._waits()
            if self._wants("started_memory", "idle_memory", "idle_cpu"):
                for name in self.servers:
                    if number == 1 or name == OURS:  # 5,000 log-ins take the others long
                        self._fresh(name)
            if self._wants(*UNDER_LOAD):
                self._under_load()

    def _wants(self, *keys: str) -> bool:
        return any(key in self.wanted for key in keys)

    def _note(self, key: str, name: str, value: float) -> None:
        if key in self.wanted:
            self.values[key][name].append(value)
            print(f"  {key:18} {name:14} {report.number(value):>8}", flush=True)

    @contextmanager
    def _gap(self, key: str, name: str) -> Iterator[None]:
        """A peer that fails leaves a gap in the table; ours may not."""
        try:
            yield
        except (OSError, RuntimeError) as error:
            if name == OURS:
                raise
            print(f"  {key:18} {name:14} failed: {str(error)[:300]}", flush=True)

    def _starts(self) -> None:
        started, stopped = starts.cold_start()
        self._note("cold_start", OURS, started)
        self._note("stop", OURS, stopped)
        self._note("cold_start", "twistd", starts.bare_twistd())

    def _waits(self) -> None:
        waits = inside.waits()
        self._note("inside_start", OURS, waits.start)
        self._note("inside_stop", OURS, waits.stop)
        self._note("reset", OURS, inside.reset())

    def _fresh(self, name: str) -> None:
        with servers.SERVERS[name]() as running:
            self._note("started_memory", name, running.rss() / 1e6)
            if self._wants("idle_memory", "idle_cpu"):
                with self._gap("idle", name):
                    idle = figures.idle(running)
                    self._note("idle_memory", name, idle.memory)
                    self._note("idle_cpu", name, idle.cpu)

    def _under_load(self) -> None:
        with ExitStack() as stack:
            all_running = [stack.enter_context(servers.SERVERS[name]()) for name in self.servers]
            for running in all_running:
                UNDER_LOAD["bosh_login"](running, self.seconds)  # warm: caches, code
            for key in UNDER_LOAD:
                for running in all_running:
                    if key in self.wanted and (running.name == OURS or key not in ONLY_OURS):
                        self._measure(key, running)

    def _measure(self, key: str, running: Running) -> None:
        cpu, began = own_cpu(), time.perf_counter()
        with self._gap(key, running.name):
            self._note(key, running.name, UNDER_LOAD[key](running, self.seconds))
        self.load_busy = max(self.load_busy, (own_cpu() - cpu) / (time.perf_counter() - began))


def own_cpu() -> float:
    """Seconds that this process has used."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def main() -> int:
    options = arguments()
    os.sched_setaffinity(0, servers.LOAD_CORE)
    bench = Bench(options)
    versions = {"CPython": platform.python_version()} | {name: servers.version(name) for name in bench.servers}
    bench.run()
    judged = list(report.verdicts(bench.values))
    print(f"\n{report.table(bench.values)}\n\nthe load needed {100 * bench.load_busy:.0f} % of its core at most")
    write_json(bench, versions, judged)
    if bench.complete:
        page = report.page(bench.values, versions, bench.rounds)
        (ROOT / "docs" / "performance.md").write_text(page, encoding="utf-8")
    missed = [each for each in judged if not each.met]
    for each in missed:
        print(each, file=sys.stderr)
    return 1 if missed else 0


def write_json(bench: Bench, versions: dict[str, str], judged: list[report.Verdict]) -> None:
    """Every value, and what was made of it."""
    path = ROOT / JSON
    path.parent.mkdir(exist_ok=True)
    outcome = {
        "versions": versions,
        "values": bench.values,
        "load_busy": bench.load_busy,
        "budgets": [
            {
                "figure": each.figure.key,
                "budget": each.budget,
                "value": each.value,
                "limit": each.limit,
                "met": each.met,
            }
            for each in judged
        ],
    }
    path.write_text(json.dumps(outcome, indent=2) + "\n", encoding="utf-8")


def arguments() -> argparse.Namespace:
    keys = [figure.key for figure in figures.FIGURES]
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is measured")
    parser.add_argument("--seconds", type=float, default=2, help="how long a load lasts that goes by time")
    parser.add_argument("--only", nargs="+", choices=list(servers.SERVERS), help="these servers, not all installed")
    parser.add_argument("--figures", nargs="+", choices=keys, help="these figures, not all; leaves the page as it is")
    return parser.parse_args()


if __name__ == "__main__":
    sys.exit(main())
