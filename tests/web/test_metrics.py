"""What Prometheus reads, of a whole server in memory."""

from __future__ import annotations

import pytest
from prometheus_client.parser import text_string_to_metric_families
from twisted.internet.testing import StringTransport

from conversehost.net.durations import BOUNDS, Durations
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import Answer, House


@pytest.fixture
def house() -> House:
    return House()


def scrape(house: House, **headers: str) -> Answer:
    return house.api.send("GET", "/metrics", b"", headers)


def samples(house: House) -> dict[tuple[str, ...], float]:
    """Values by name and labels' values."""
    families = text_string_to_metric_families(scrape(house).body.decode())
    return {(each.name, *each.labels.values()): each.value for family in families for each in family.samples}


def post(house: House, body: str) -> None:
    house.api.send("POST", "/http-bind", body.encode(), {})


def test_it_is_text_that_prometheus_reads(house):
    answer = scrape(house)
    assert answer.status == 200
    assert answer.headers["content-type"].startswith("text/plain; version=0.0.4")
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["x-content-type-options"] == "nosniff"
    families = list(text_string_to_metric_families(answer.body.decode()))
    assert all(each.documentation.endswith(".") for each in families if each.name.startswith("conversehost"))


def test_openmetrics_for_who_prefers_it(house):
    answer = scrape(house, Accept="application/openmetrics-text; version=1.0.0")
    assert answer.headers["content-type"].startswith("application/openmetrics-text; version=1.0.0")
    assert answer.body.endswith(b"# EOF\n")


def test_head_and_other_methods(house):
    head = house.api.send("HEAD", "/metrics", b"", {})
    assert (head.status, head.body) == (200, b"")
    assert int(head.headers["content-length"]) > 1000
    assert house.api.send("POST", "/metrics", b"", {}).status == 405


def test_no_page_of_another_origin_can_read_it(house):
    assert "access-control-allow-origin" not in scrape(house, Origin="https://elsewhere.example").headers


def test_nobody_is_named(house):
    house.person("alice")
    house.prebound("bob")
    text = scrape(house).body.decode()
    assert not [name for name in ("alice", "bob", "echo", "localhost") if name in text]


def test_sessions_by_transport(house):
    bots = samples(house)["conversehost_sessions", "memory"]
    assert ("conversehost_sessions", "bosh") not in samples(house)
    house.prebound("alice")
    house.person("bob")
    seen = samples(house)
    assert seen["conversehost_sessions", "bosh"] == 1
    assert seen["conversehost_sessions", "memory"] == bots + 1
    house.server.close_sessions("reset")
    seen = samples(house)
    assert seen["conversehost_sessions", "bosh"] == 0
    assert seen["conversehost_sessions_bound_total", "bosh"] == 1
    assert seen["conversehost_streams_opened_total", "bosh"] == 1


def test_stanzas_by_kind(house):
    alice, bob = house.person("alice"), house.person("bob")
    before = samples(house)
    alice.says(stanza("message", {"to": bob.jid.full, "type": "chat"}, element(ns.CLIENT, "body", text="hi")))
    alice.says(stanza("iq", {"type": "get", "id": "1"}, element(ns.ROSTER, "query")))
    after = samples(house)
    grown = {name: after[name] - before[name] for name in after if name[0].startswith("conversehost_stanzas")}
    assert grown == {
        ("conversehost_stanzas_received_total", "message"): 1,
        ("conversehost_stanzas_received_total", "iq"): 1,
        ("conversehost_stanzas_received_total", "presence"): 0,
        ("conversehost_stanzas_sent_total", "message"): 1,
        ("conversehost_stanzas_sent_total", "iq"): 1,
        ("conversehost_stanzas_sent_total", "presence"): 0,
    }


def test_a_message_that_waited_counts_when_it_is_handed_over(house):
    alice = house.person("alice")
    before = samples(house)["conversehost_stanzas_sent_total", "message"]
    alice.says(stanza("message", {"to": "bob@localhost", "type": "chat"}, element(ns.CLIENT, "body", text="hi")))
    assert samples(house)["conversehost_stanzas_sent_total", "message"] == before
    house.person("bob").says(stanza("presence", {}))
    assert samples(house)["conversehost_stanzas_sent_total", "message"] == before + 1


def test_bodies_and_bosh_sessions(house):
    post(house, f"<body xmlns='{ns.HTTPBIND}' rid='1' to='localhost' wait='1' hold='1' ver='1.6'/>")
    post(house, "<body/>")
    seen = samples(house)
    assert seen["conversehost_bosh_bodies_total",] == 2
    assert seen["conversehost_bosh_sessions",] == 1
    assert seen["conversehost_errors_total", "bad-request", "bosh"] == 1


def test_errors_by_source_and_condition(house):
    alice = house.person("alice")
    alice.says(stanza("message", {"to": "nobody@localhost", "type": "chat"}))
    alice.says(stanza("message", {"to": "a@elsewhere.example", "type": "chat"}))
    post(house, f"<body xmlns='{ns.HTTPBIND}' rid='1' to='elsewhere.example' ver='1.6'/>")
    connection = house.server.c2s.buildProtocol(None)
    connection.makeConnection(StringTransport())
    connection.dataReceived(b"<nonsense>")
    seen = samples(house)
    errors = {name[1:]: value for name, value in seen.items() if name[0] == "conversehost_errors_total"}
    assert errors == {
        ("service-unavailable", "stanza"): 1,
        ("remote-server-not-found", "stanza"): 1,
        ("host-unknown", "bosh"): 1,
        ("invalid-namespace", "stream"): 1,
    }


def test_http_requests_by_class_of_code(house):
    assert samples(house)["conversehost_http_requests_total", "4xx"] == 0
    house = House()
    house.api.send("GET", "/nothing", b"", {})
    house.api.send("GET", "/form", b"", {})
    house.api.send("PUT", "/http-bind", b"", {})
    house.api.send("GET", "/login", b"", {"Cookie": "x"})
    seen = samples(house)
    assert seen["conversehost_http_requests_total", "4xx"] == 2
    assert seen["conversehost_http_requests_total", "2xx"] == 2
    assert samples(house)["conversehost_http_requests_total", "2xx"] == 3  # the scrape itself


def test_connections_and_how_long_they_kept_the_server(house):
    first = samples(house)
    assert first["conversehost_connections", "http"] == 1  # the one that asks
    assert first["conversehost_connections", "tcp"] == 0
    before = first["conversehost_http_turn_seconds_count",]
    post(house, "<body/>")
    after = samples(house)
    assert after["conversehost_http_turn_seconds_count",] == before + 2
    assert after["conversehost_http_turn_seconds_bucket", "+Inf"] == before + 2
    assert after["conversehost_http_turn_seconds_sum",] > 0


def test_memory_and_cpu_of_the_process(house):
    seen = samples(house)
    assert seen["process_resident_memory_bytes",] > 1_000_000
    assert seen["process_cpu_seconds_total",] > 0


def test_two_servers_in_a_process_count_for_themselves(house):
    other = House()
    house.person("alice")
    assert samples(house) != samples(other)
    assert samples(other)["conversehost_sessions_bound_total", "memory"] == len(other.server.cast.scenario.bots)


def test_a_reset_takes_nothing_back(house):
    """A counter that falls is a restart, to Prometheus."""
    house.prebound("alice")
    house.server.reset()
    assert samples(house)["conversehost_sessions_bound_total", "bosh"] == 1


def test_durations():
    durations = Durations()
    for seconds in (0.0, BOUNDS[0], BOUNDS[0] * 1.01, 99.0):
        durations.add(seconds)
    counts = dict(durations.cumulated())
    assert (counts[BOUNDS[0]], counts[BOUNDS[1]], counts[BOUNDS[-1]], counts[float("inf")]) == (2, 3, 3, 4)
    assert durations.total == pytest.approx(99.0, abs=0.01)


def test_a_websocket_and_a_code_that_http_does_not_know_are_counted_too(house):
    upgrade = {"Connection": "Upgrade", "Upgrade": "websocket", "Sec_WebSocket_Version": "13"}
    offer = {"Sec_WebSocket_Key": "MDEyMzQ1Njc4OWFiY2RlZg==", "Sec_WebSocket_Protocol": "xmpp"}
    assert house.api.send("GET", "/xmpp-websocket", b"", upgrade | offer).status == 101
    house.server.http.answers[999] += 1  # by a site behind us
    seen = samples(house)
    assert seen["conversehost_http_requests_total", "1xx"] == 1
    assert seen["conversehost_http_requests_total", "9xx"] == 1
