"""`make bench`: what a log-in, a message and an idle session cost, here and elsewhere.

Each figure is the median of several rounds, with the range. Server CPU is what /proc says, not wall time, so that a
busy machine disturbs it little. One core is the server's, one the load's.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import socket
import statistics
import subprocess
import sys
import time
from collections.abc import Callable

from . import load, servers
from .servers import Running

USERS = 100


def main() -> None:
    options = arguments()
    os.sched_setaffinity(0, servers.CLIENT_CORE)
    names = options.only or servers.installed()
    print(f"CPython {sys.version.split()[0]}; servers: {', '.join(names)}; {options.rounds} rounds", flush=True)
    table = {name: measure(name, options.rounds, options.seconds) for name in names}
    show(table)
    cold_start(options.rounds)


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=3, help="how often each figure is measured")
    parser.add_argument("--seconds", type=float, default=3, help="how long messages are exchanged in a round")
    parser.add_argument("--only", nargs="*", choices=list(servers.SERVERS), help="these servers, not all installed")
    return parser.parse_args()


def measure(name: str, rounds: int, seconds: float) -> dict[str, list[float]]:
    """All figures of one server."""
    figures: dict[str, list[float]] = {}
    with servers.SERVERS[name](USERS) as running:
        asyncio.run(load.logins(running.target, 20, 10))  # warm: caches, code
        figures["memory, started (MB)"] = [running.rss() / 1e6]
        for _ in range(rounds):
            figures.setdefault("BOSH log-in and log-out (us)", []).append(login_cost(running))
            figures.setdefault("BOSH message (us)", []).append(message_cost(running, seconds))
        figures["idle BOSH session (KB)"] = [idle_cost(running)]
    return figures


def login_cost(running: Running) -> float:
    before = running.cpu()
    count = asyncio.run(load.logins(running.target, 300, 10))
    return (running.cpu() - before) / count * 1e6


def message_cost(running: Running, seconds: float) -> float:
    before = 0.0

    def started() -> None:
        nonlocal before
        before = running.cpu()

    count = asyncio.run(load.messages(running.target, 25, seconds, started))
    return (running.cpu() - before) / count * 1e6


def idle_cost(running: Running) -> float:
    async def hold() -> float:
        before = running.rss()
        clients = await load.idle(running.target, USERS)
        after = running.rss()
        for client in clients:
            client.close()
        return (after - before) / USERS / 1e3

    return asyncio.run(hold())


def show(table: dict[str, dict[str, list[float]]]) -> None:
    """Medians, the range in brackets, and how many times the first server's."""
    names = list(table)
    print(f"\n{'':32}" + "".join(f"{name:>28}" for name in names))
    for figure in table[names[0]]:
        line = f"{figure:32}"
        first = statistics.median(table[names[0]][figure])
        for name in names:
            values = table[name][figure]
            median = statistics.median(values)
            spread = f" ({min(values):.0f}-{max(values):.0f})" if len(values) > 1 else ""
            times = f" x{median / first:.1f}" if name != names[0] and first > 0 else ""
            line += f"{f'{median:.0f}{spread}{times}':>28}"
        print(line)


def cold_start(rounds: int) -> None:
    """From nothing to a first log-in, beside a bare twistd that serves one page; and how long it takes to stop."""
    ours = [timed(start_and_log_in) for _ in range(rounds)]
    bare = [timed(start_bare_twistd) for _ in range(rounds)]
    print(f"\ncold start to first log-in (ms)   {summary([one for one, _ in ours])}")
    print(f"  a bare twistd to its first page {summary([one for one, _ in bare])}")
    print(f"SIGTERM to exit (ms)              {summary([stop for _, stop in ours])}")


def timed(start: Callable[[], subprocess.Popen[bytes]]) -> tuple[float, float]:
    """Milliseconds until it serves, and from SIGTERM until it has ended."""
    began = time.perf_counter()
    process = start()
    served = time.perf_counter()
    process.terminate()
    process.wait(10)
    return (served - began) * 1e3, (time.perf_counter() - served) * 1e3


def start_and_log_in() -> subprocess.Popen[bytes]:
    command = [sys.executable, "-m", "conversehost", "--port", "0", "--c2s-port", "0", "--json", "--user", "u0:pw"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
    assert process.stdout is not None
    ready = json.loads(process.stdout.readline())
    port = int(ready["site"].rstrip("/").rpartition(":")[2])

    async def log_in() -> None:
        client = load.Client(load.Target(port, "/http-bind"), 0)
        await client.log_in()
        client.close()

    asyncio.run(log_in())
    return process


def start_bare_twistd() -> subprocess.Popen[bytes]:
    port = servers.free_port()
    command = [sys.executable, "-m", "twisted", "web", "--listen", f"tcp:{port}:interface=127.0.0.1"]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    servers.wait_until_it_answers(process, load.Target(port, "/"))
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"GET / HTTP/1.0\r\n\r\n")
        while connection.recv(65_536):
            pass
    return process


def summary(values: list[float]) -> str:
    return f"{statistics.median(values):6.0f} ({min(values):.0f}-{max(values):.0f})"


if __name__ == "__main__":
    main()
