"""What goes wrong on purpose, seen from outside: real sockets, and `TestBed.fault`."""

from __future__ import annotations

import base64
import http.client
import re
import socket
import urllib.error
import urllib.request
from urllib.parse import urlencode, urlsplit

import pytest

from conversehost.testing import TestBed, TestBedError
from tests.clients.bosh import BODY, BoshClient

HEADER = (
    "<stream:stream xmlns='jabber:client' xmlns:stream='http://etherx.jabber.org/streams' version='1.0' to='localhost'>"
)
PING = "<iq type='get' id='p' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"
PLAIN = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>"
BIND = "<iq type='set' id='b'><bind xmlns='urn:ietf:params:xml:ns:xmpp-bind'/></iq>"
SM = "urn:xmpp:sm:3"
PATIENCE = 20.0


class Tcp:
    """Somebody over TCP, logged in by PLAIN as far as one can."""

    def __init__(self, bed: TestBed, username: str, *, bind: bool = True) -> None:
        self.bed = bed
        host, _, port = bed.c2s.rpartition(":")
        self.socket = socket.create_connection((host, int(port)), PATIENCE)
        self.data = ""
        self.ask(HEADER, "</stream:features>")
        self.say(PLAIN.format(base64.b64encode(f"\0{username}\0secret".encode()).decode()))
        if bind:
            self.login = self.read("<success.*/>|</failure>")
            if "<success" in self.login:
                self.ask(HEADER, "</stream:features>")
                self.ask(BIND, "</iq>")

    def say(self, text: str) -> None:
        self.socket.sendall(text.encode())

    def ask(self, text: str, until: str) -> str:
        """Say it, and read until that comes."""
        self.say(text)
        return self.read(until)

    def read(self, until: str) -> str:
        while not (found := re.search(f"(?:{until})[^<]*", self.data)):
            part = self.socket.recv(65_536)
            assert part, f"the end, after {self.data!r}"
            self.data += part.decode()
        read, self.data = self.data[: found.end()], self.data[found.end() :]
        return read

    def hears_nothing(self) -> bool:
        """Nothing came until the server had answered somebody else."""
        self.bed.sessions()
        self.socket.setblocking(False)
        try:
            self.data += self.socket.recv(65_536).decode()
        except BlockingIOError:
            pass
        finally:
            self.socket.settimeout(PATIENCE)
        return not self.data


def say(body: str, to: str = "bob@localhost") -> str:
    return f"<message to='{to}' type='chat' id='{body}'><body>{body}</body></message>"


class Http:
    """One BOSH session, request by request."""

    def __init__(self, bed: TestBed) -> None:
        self.client = BoshClient(bed.bosh, "localhost")
        self.jid = self.client.log_in("alice", "secret")
        self._netloc = urlsplit(bed.bosh).netloc
        self.rid = self.client._rid

    def post(self, payload: str = "", rid: int | None = None, timeout: float = PATIENCE) -> tuple[int, str]:
        """The next request, or a repeated one, on a connection of its own."""
        if rid is None:
            self.rid = rid = self.rid + 1
        connection = http.client.HTTPConnection(self._netloc, timeout=timeout)
        body = f"<body xmlns='{BODY}' rid='{rid}' sid='{self.client.sid}'>{payload}</body>"
        connection.request("POST", "/http-bind", body.encode(), {"Content-Type": "text/xml; charset=utf-8"})
        answer = connection.getresponse()
        self.headers = dict(answer.getheaders())
        return answer.status, answer.read().decode()


def ping(id: str) -> str:
    return f"<iq xmlns='jabber:client' type='get' id='{id}' to='localhost'><ping xmlns='urn:xmpp:ping'/></iq>"


# Requests


def test_a_lost_response_was_processed_and_is_there_for_who_asks_again(bed):
    alice = Http(bed)
    with bed.fault("lost-response", account="alice", count=1) as fault:
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            alice.post(ping("one"))
        assert fault.strikes == 1
        assert len(bed.traffic("iq[@id='one']", direction="in")) == 1
        status, answer = alice.post(ping("one"), rid=alice.rid)
    assert status == 200
    assert 'id="one"' in answer
    assert len(bed.traffic("iq[@id='one']", direction="in")) == 1


def test_a_lost_request_never_reaches_the_server(bed):
    alice = Http(bed)
    with bed.fault("lost-request", account="alice", count=1):
        with pytest.raises((http.client.RemoteDisconnected, ConnectionError)):
            alice.post(ping("one"))
        assert bed.traffic("iq[@id='one']") == []
        assert 'id="one"' in alice.post(ping("one"), rid=alice.rid)[1]


@pytest.mark.parametrize(("status", "title"), [(502, "Bad Gateway"), (503, "Service Unavailable"), (504, "Gateway")])
def test_a_status_is_a_page_as_a_proxy_makes_it(bed, status, title):
    alice = Http(bed)
    with bed.fault("status", status=status, retry_after=5, count=1, path="/http-bind"):
        code, page = alice.post(ping("one"))
    assert (code, alice.headers["Content-Type"], alice.headers["Retry-After"]) == (status, "text/html", "5")
    assert f"<title>{status} {title}" in page
    assert bed.traffic("iq[@id='one']") == []
    assert 'id="one"' in alice.post(ping("one"), rid=alice.rid)[1]


def test_a_request_that_comes_twice_is_processed_once_and_answered(bed):
    alice = Http(bed)
    with bed.fault("duplicate-request", session=alice.jid, count=1) as fault:
        assert 'id="one"' in alice.post(ping("one"))[1]
    assert fault.strikes == 1
    assert len(bed.traffic("iq[@id='one']", direction="in")) == 1
    assert 'id="two"' in alice.post(ping("two"))[1]


def test_latency_is_by_the_servers_clock(bed):
    alice = Http(bed)
    bed.freeze()
    with bed.fault("latency", seconds=5, account="alice") as fault:
        with pytest.raises(TimeoutError):
            alice.post(ping("one"), timeout=0.3)
        assert fault.strikes == 1
        assert bed.traffic("iq[@id='one']") == []
    bed.thaw()


def test_latency_ends_with_an_ordinary_answer(bed):
    alice = Http(bed)
    with bed.fault("latency", seconds=0.05, jitter=0.05, seed=3):
        assert 'id="one"' in alice.post(ping("one"))[1]


def test_bandwidth_makes_answers_late_and_not_requests(bed):
    alice = Http(bed)
    bed.freeze()
    with bed.fault("bandwidth", bytes_per_second=10, account="alice"):
        with pytest.raises(TimeoutError):
            alice.post(ping("one"), timeout=0.3)
        assert len(bed.traffic("iq[@id='one']", direction="in")) == 1
    assert 'id="one"' in alice.post(ping("one"), rid=alice.rid)[1]


def test_a_request_hangs_without_an_end(bed):
    alice = Http(bed)
    with bed.fault("hang", account="alice", count=1) as fault:
        with pytest.raises(TimeoutError):
            alice.post(ping("one"), timeout=0.3)
        assert fault.strikes == 1
    assert bed.traffic("iq[@id='one']") == []
    assert 'id="one"' in alice.post(ping("one"), rid=alice.rid)[1]


def test_prebind_can_fail_as_well(bed):
    browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor())
    browser.open(f"{bed.site}login", urlencode({"username": "alice", "password": "secret"}).encode()).close()
    with bed.fault("status", status=503, path="/prebind", account="alice"):
        with pytest.raises(urllib.error.HTTPError) as refused:
            browser.open(bed.prebind)
        assert refused.value.code == 503
    browser.open(bed.prebind).close()


def test_a_websocket_can_be_refused(bed):
    with bed.fault("status", transport="websocket", status=502), pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(bed.websocket.replace("ws", "http", 1))
    assert refused.value.code == 502


# Stanzas


def test_a_stanza_is_dropped_on_its_way_in_or_out(bed):
    alice, bob = Tcp(bed, "alice"), Tcp(bed, "bob")
    bob.ask("<presence/>", "<presence")
    bob.ask(PING, 'id="p"')
    with bed.fault("drop", direction="in", account="alice", text="one") as inward:
        outward = bed.fault("drop", direction="out", account="bob", xpath="message[body='two']")
        alice.say(say("one") + say("two") + say("three"))
        assert re.findall("<body>(.*?)</body>", bob.read("three</body>")) == ["three"]
        assert (inward.strikes, outward.strikes) == (1, 1)
    assert len(bed.traffic("message[body='one']", direction="in")) == 1  # it was said
    assert bed.traffic("message[body='two']", direction="out") == []


def test_a_stanza_comes_twice(bed):
    alice = Tcp(bed, "alice")
    with bed.fault("duplicate", direction="out", kind="iq"):
        assert alice.ask(PING, 'id="p".*id="p"').count('id="p"') == 2
    with bed.fault("duplicate", direction="in", kind="iq"):
        assert alice.ask(PING, 'id="p".*id="p"').count('id="p"') == 2


@pytest.mark.parametrize("direction", ["in", "out"])
def test_two_stanzas_change_places(bed, direction):
    alice, bob = Tcp(bed, "alice"), Tcp(bed, "bob")
    bob.ask("<presence/>" + PING, 'id="p"')
    with bed.fault("reorder", kind="message", direction=direction, text="one", seconds=60, count=1):
        alice.say(say("one") + say("two") + say("three"))
        assert re.findall("<body>(.*?)</body>", bob.read("three</body>")) == ["two", "one", "three"]


def test_one_that_nothing_comes_after_waits_no_longer_than_its_time(bed):
    alice = Tcp(bed, "alice")
    bed.freeze()
    with bed.fault("reorder", kind="iq", direction="in", seconds=60):
        alice.say(PING)
        bed.wait_for("iq[@id='p']", direction="in")
        assert alice.hears_nothing()
        bed.advance(60)
        alice.read('id="p"')


@pytest.mark.parametrize("direction", ["in", "out"])
def test_a_stanza_takes_its_time_and_others_overtake_it(bed, direction):
    alice = Tcp(bed, "alice")
    bed.freeze()
    with bed.fault("delay", kind="iq", direction=direction, seconds=30, count=1):
        alice.say(PING)
        alice.ask(PING.replace("'p'", "'q'"), 'id="q"')
        bed.advance(29)
        assert alice.hears_nothing()
        bed.advance(1)
        alice.read('id="p"')


def test_what_is_corrupted_is_no_xml_any_more(bed):
    alice, bob = Tcp(bed, "alice"), Tcp(bed, "bob")
    bob.ask("<presence/>" + PING, 'id="p"')
    with bed.fault("corrupt", kind="message", direction="out", count=1):
        alice.say(say("one"))
        assert bob.read("</message>").endswith("<&</message>")  # what the archive calls it stands before that


def test_what_is_corrupted_and_never_left_is_kept_as_it_was(bed):
    alice, bob = Http(bed), Tcp(bed, "bob")
    alice.post("<presence xmlns='jabber:client'/>" + ping("one"))
    with bed.fault("corrupt", kind="message", account="alice", count=1) as fault:
        bob.ask(say("kept", "alice@localhost") + PING, 'id="p"')  # alice has no request open
        assert fault.strikes == 1
    bed.kill_session(alice.jid)
    again = Tcp(bed, "alice")
    assert "<body>kept</body></message>" not in again.ask(PING, 'id="p"')
    assert "&<" not in again.ask("<presence/>", "kept</body>")


def test_what_a_client_says_corruptly_ends_its_stream(bed):
    alice = Tcp(bed, "alice")
    with bed.fault("corrupt", kind="iq", direction="in", account="alice"):
        alice.ask(PING, "<not-well-formed")


def test_an_iq_is_never_answered(bed):
    alice = Tcp(bed, "alice")
    with bed.fault("unanswered-iq", account="alice", xpath="iq[ping:ping]") as fault:
        alice.say(PING)
        alice.ask("<iq type='get' id='v' to='localhost'><query xmlns='jabber:iq:version'/></iq>", "</iq>")
        assert fault.strikes == 1
    assert alice.hears_nothing()


def test_a_socket_is_dead_without_an_end(bed):
    alice, bob = Tcp(bed, "alice"), Tcp(bed, "bob")
    bob.ask("<presence/>" + PING, 'id="p"')
    with bed.fault("hang", account="bob") as fault:
        alice.say(say("one"))
        alice.ask(PING, 'id="p"')
        assert fault.strikes == 1
    bob.say(PING)
    assert bob.hears_nothing()
    assert [each.account for each in bed.sessions("bob")] == ["bob@localhost"]


# Logins and resumption


def test_a_login_fails_for_a_while(bed):
    with bed.fault("fail-login", account="alice", count=1):
        assert "<temporary-auth-failure" in Tcp(bed, "alice").login
        assert "<success" in Tcp(bed, "bob").login
        assert "<success" in Tcp(bed, "alice").login


def test_a_login_takes_its_time(bed):
    bed.freeze()
    with bed.fault("slow-login", account="alice", seconds=20, transport="tcp") as fault:
        alice = Tcp(bed, "alice", bind=False)
        bed.wait_for(kind="auth", direction="in")
        assert alice.hears_nothing()
        assert fault.strikes == 1
        bed.advance(20)
        alice.read("<success")


def test_the_sites_login_fails_as_well(bed):
    form = urlencode({"username": "alice", "password": "secret"}).encode()
    with bed.fault("fail-login", transport="site"), pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"{bed.site}login", form)
    assert refused.value.code == 503
    assert b"try again" in refused.value.read()


def test_a_session_can_not_be_resumed(bed):
    alice = Tcp(bed, "alice")
    enabled = alice.ask(f"<enable xmlns='{SM}' resume='true'/>", "<enabled[^>]*>")
    id = re.search('id="([^"]+)', enabled)[1]
    alice.socket.close()
    with bed.fault("refuse-resume", account="alice") as fault:
        again = Tcp(bed, "alice", bind=False)
        again.read("<success")
        again.ask(HEADER, "</stream:features>")
        assert "<item-not-found" in again.ask(f"<resume xmlns='{SM}' previd='{id}' h='0'/>", "</failed>")
        assert fault.strikes == 1
    again.ask(f"<resume xmlns='{SM}' previd='{id}' h='0'/>", "<resumed")


# The API


def test_faults_are_listed_and_cleared_and_a_reset_clears_them(bed):
    bed.fault("drop", name="no messages", kind="message", probability=0.5, seed=4)
    listed = bed.call("GET", "faults")["faults"]
    assert listed == [
        {
            "name": "no messages",
            "fault": "drop",
            "kind": "message",
            "probability": 0.5,
            "seed": 4,
            "count": None,
            "skip": 0,
            "matches": 0,
            "strikes": 0,
        }
    ]
    bed.clear_faults()
    assert bed.call("GET", "faults") == {"faults": []}
    bed.fault("latency")
    bed.reset()
    assert bed.call("GET", "faults") == {"faults": []}


def test_a_fault_tells_what_it_did_after_its_end(bed):
    with bed.fault("drop", kind="message", skip=1) as fault:
        alice = Tcp(bed, "alice")
        alice.say(say("one") + say("two"))
        alice.ask(PING, 'id="p"')
    fault.remove()
    assert (fault.name, fault.kind, fault.matches, fault.strikes) == ("1", "drop", 2, 1)


@pytest.mark.parametrize(
    ("fields", "said"),
    [
        ({"fault": "gremlin"}, "fault must be one of latency, bandwidth"),
        ({"fault": "drop", "seconds": 3}, "drop has no seconds; it has transport, account"),
        ({"fault": "drop", "probability": 1.5}, "probability must be from 0 to 1"),
        ({"fault": "drop", "xpath": "a["}, "xpath 'a['"),
        ({"fault": "drop", "transport": "pigeon"}, "transport must be one of bosh, websocket, tcp, site"),
        ({"fault": "status", "status": 200}, "status must be a whole number from 400 to 599"),
        ({"fault": "latency", "seconds": -1}, "seconds must be from 0 to 3600"),
        ({"fault": "bandwidth", "bytes_per_second": 0}, "bytes_per_second must be from 1"),
    ],
)
def test_what_makes_no_sense_is_refused_with_the_reason(bed, fields, said):
    with pytest.raises(TestBedError, match=re.escape(said)) as refused:
        bed.fault(fields.pop("fault"), **fields)
    assert refused.value.code == "bad-request"


def test_the_api_itself_is_never_struck(bed):
    with bed.fault("status"):
        assert bed.sessions() == []
