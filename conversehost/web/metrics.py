"""`/metrics`: what Prometheus reads. Numbers only; nobody's name is among them, neither people's nor domains'.

The server counts in plain integers; here they become text when somebody asks. prometheus-client writes that, and isn't
loaded before.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, NamedTuple

import attrs
from twisted.web.server import Request

import conversehost
from conversehost.bosh.manager import Manager
from conversehost.net.bosh import BoshFront
from conversehost.net.front import HttpFactory
from conversehost.net.tcp import ClientFactory
from conversehost.server.router import Router
from conversehost.web.resource import Problem, SiteResource

KINDS = ("iq", "message", "presence")


@attrs.frozen
class Counted:
    """The parts of the server that know numbers."""

    router: Router
    manager: Manager
    bosh: BoshFront
    http: HttpFactory
    c2s: ClientFactory


class Metric(NamedTuple):
    """One family: `kind` is counter or gauge; `values` by the values of `labels`."""

    kind: str
    name: str
    help: str
    labels: tuple[str, ...]
    values: Mapping[tuple[str, ...], float]


class Metrics(SiteResource):
    """Plain text, or OpenMetrics for who prefers it."""

    def __init__(self, problem: Problem, counted: Callable[[], Counted]) -> None:
        """`counted` is called at the first request."""
        super().__init__(problem)
        self._counted = counted
        self._registry: Any = None

    def render_GET(self, request: Request) -> bytes:
        """All that there is."""
        from prometheus_client.exposition import choose_encoder

        if self._registry is None:
            self._registry = registry(self._counted())
        encode, kind = choose_encoder((request.getHeader(b"accept") or b"").decode("latin-1"))
        request.setHeader(b"content-type", kind.encode())
        request.setHeader(b"cache-control", b"no-store")
        request.setHeader(b"x-content-type-options", b"nosniff")
        return encode(self._registry)


def registry(counted: Counted) -> Any:
    """One of our own: a process may have several servers, and other things to measure."""
    from prometheus_client import CollectorRegistry, ProcessCollector

    made = CollectorRegistry()
    made.register(Collector(counted))  # type: ignore[arg-type]
    ProcessCollector(registry=made)
    return made


class Collector:
    """What prometheus-client asks at each scrape."""

    def __init__(self, counted: Counted) -> None:
        self._counted = counted

    def collect(self) -> Iterator[Any]:
        """Families of samples."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        for metric in measure(self._counted):
            make: Any = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
            family = make(metric.name, metric.help, labels=metric.labels)
            for labels, value in sorted(metric.values.items()):
                family.add_metric(labels, value)
            yield family
        turns = self._counted.http.turns
        yield HistogramMetricFamily(
            "conversehost_http_turn_seconds",
            "How long the server was busy with what came over an HTTP connection at once. All others wait meanwhile.",
            buckets=[("+Inf" if bound == float("inf") else str(bound), count) for bound, count in turns.cumulated()],
            sum_value=turns.total,
        )


def measure(counted: Counted) -> Iterator[Metric]:
    """The numbers as they are now."""
    yield Metric("gauge", "conversehost_info", "Which version runs.", ("version",), {(conversehost.__version__,): 1})
    yield from _about_streams(counted)
    yield from _about_http(counted)
    yield Metric(
        "counter",
        "conversehost_errors",
        "Errors that clients were sent: in answer to a stanza, at the end of a stream, or by BOSH itself.",
        ("source", "condition"),
        _errors(counted),
    )


def _about_streams(counted: Counted) -> Iterator[Metric]:
    tally, hosts = counted.router.tally, counted.router.hosts.values()
    bound = dict.fromkeys(tally.streams, 0)
    for session in (session for host in hosts for session in host.all_sessions()):
        bound[session.opened.transport] += 1
    yield _by("gauge", "sessions", "Clients that are logged in; bots are those in memory.", "transport", bound)
    yield _by("counter", "sessions_bound", "Clients that have logged in.", "transport", tally.sessions)
    yield _by("counter", "streams_opened", "XMPP streams that clients have opened.", "transport", tally.streams)
    for name, text, count in (
        ("stanzas_received", "Stanzas from clients.", tally.received),
        ("stanzas_sent", "Stanzas to clients.", tally.sent),
    ):
        yield _by("counter", name, text, "kind", {kind: count[kind] for kind in KINDS})


def _about_http(counted: Counted) -> Iterator[Metric]:
    http = counted.http
    connections = {"http": len(http.connections), "tcp": len(counted.c2s.connections)}
    yield _by("gauge", "connections", "Open connections, by what is spoken on them.", "listener", connections)
    live = sum(1 for _ in counted.manager.sessions())
    yield Metric("gauge", "conversehost_bosh_sessions", "BOSH sessions, logged in or not.", (), {(): live})
    yield Metric("counter", "conversehost_bosh_bodies", "BOSH requests.", (), {(): counted.bosh.bodies})
    codes = dict.fromkeys(("1xx", "2xx", "3xx", "4xx", "5xx"), 0)
    for code, count in http.answers.items():
        name = f"{code // 100}xx"
        codes[name] = codes.get(name, 0) + count  # a site behind us may answer what HTTP doesn't know
    yield _by("counter", "http_requests", "HTTP requests that were answered, by class of status code.", "code", codes)


def _by(kind: str, name: str, text: str, label: str, values: Mapping[str, float]) -> Metric:
    return Metric(kind, f"conversehost_{name}", text, (label,), {(key,): value for key, value in values.items()})


def _errors(counted: Counted) -> dict[tuple[str, ...], float]:
    tally = counted.router.tally
    sources = {
        "stanza": tally.stanza_errors,
        "stream": tally.stream_errors + counted.c2s.errors,
        "bosh": counted.manager.refused,
    }
    return {(name, condition): count for name, counts in sources.items() for condition, count in counts.items()}
