"""`/tenants`: tests that share a server and never meet."""

from __future__ import annotations

import time
from typing import Any

import pytest

from conversehost.testbed.moving import Move
from conversehost.testbed.noun import API
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import House
from tests.testbed.test_reset import live


@pytest.fixture
def t1(house: House) -> dict[str, Any]:
    """As a tenant is told."""
    answer = house.api("POST", "/tenants")
    assert answer.status == 201
    assert answer.headers["location"] == f"{API}/tenants/t1"
    made: dict[str, Any] = answer.json
    return made


def say(house: House, tenant: str, sender: str, to: str, body: str) -> None:
    assert house.api("POST", f"/tenants/{tenant}/messages", {"from": sender, "to": to, "body": body}).status == 200


def bodies(house: House, path: str) -> list[str]:
    records = house.api("GET", f"{path}/traffic?kind=message&direction=out").json["records"]
    return [each["xml"].partition("<body>")[2].partition("</body>")[0] for each in records]


def prebound(house: House, account: str) -> Any:
    """Over BOSH, so that it is recorded, and available."""
    bound = house.server.chat.prebind(parse(account), "site session")
    house.poll(bound, payload="<presence xmlns='jabber:client'/>")
    return bound


def test_a_tenant_has_the_people_of_the_scenario(house: House, t1: dict[str, Any]):
    assert (t1["name"], t1["domain"], t1["tenant"]) == ("t1", "t1.localhost", "t1")
    assert t1["accounts"]["alice@t1.localhost"] == "secret"
    alice = house.person("alice@t1.localhost")
    alice.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    items = {each.get("jid"): each.get("subscription") for each in alice.got[-1][0]}
    assert items["bob@t1.localhost"] == items["echo@t1.localhost"] == "both"
    assert all(each.endswith("@t1.localhost") for each in items)


def test_its_bots_talk(house: House, t1: dict[str, Any]):
    alice = house.person("alice@t1.localhost")
    alice.says(stanza("presence", {}))
    assert {each.sender.full for each in alice.got if each.kind == "presence"} >= {"echo@t1.localhost/bot"}
    body = element(ns.CLIENT, "body", text="hello?")
    alice.says(stanza("message", {"to": "echo@t1.localhost", "type": "chat"}, body))
    assert alice.got[-1].text_of("body") == "hello?"


def test_it_can_be_empty_and_have_a_name(house: House):
    made = house.api("POST", "/tenants", {"name": "mine", "empty": True}).json
    assert (made["domain"], made["accounts"]) == ("mine.localhost", {})
    assert house.api("GET", "/tenants/mine/accounts?bots=1").json == {"accounts": []}
    assert house.api("POST", "/tenants/mine/accounts", {"jid": "zoe"}).json["jid"] == "zoe@mine.localhost"


def test_below_it_there_is_the_api_of_it_alone(house: House, t1: dict[str, Any]):
    assert house.api("GET", "/tenants/t1").json == house.api("GET", "/tenants/t1/").json == t1
    assert house.api("GET", "/tenants/t1/tenants").status == 404
    made = house.api("POST", "/tenants/t1/accounts", {"jid": "zoe"})
    assert made.headers["location"] == f"{API}/tenants/t1/accounts/zoe%40t1.localhost"
    listed = house.api("GET", "/tenants/t1/accounts").json["accounts"]
    assert {each["jid"].partition("@")[2] for each in listed} == {"t1.localhost"}
    assert "zoe@t1.localhost" in {each["jid"] for each in listed}
    assert not any("t1" in each["jid"] for each in house.api("GET", "/accounts").json["accounts"])
    assert house.api("GET", "/tenants/t1/accounts/alice@localhost").status == 400
    assert house.api("GET", "/tenants/t1/nothing").status == 404


def test_each_sees_its_own_traffic(house: House, t1: dict[str, Any]):
    prebound(house, "alice@t1.localhost")
    prebound(house, "alice@localhost")
    say(house, "t1", "bob", "alice", "to the tenant")
    house.api("POST", "/messages", {"from": "bob", "to": "alice", "body": "to the server"})
    assert bodies(house, "/tenants/t1") == ["to the tenant"]
    assert bodies(house, "") == ["to the server"]
    house.api("DELETE", "/tenants/t1/traffic")
    assert bodies(house, "/tenants/t1") == []
    assert bodies(house, "") == ["to the server"]


def test_each_has_its_own_faults(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants/t1/faults", {"fault": "drop", "kind": "message", "name": "quiet"})
    prebound(house, "alice@t1.localhost")
    prebound(house, "alice@localhost")
    say(house, "t1", "bob", "alice", "lost")
    house.api("POST", "/messages", {"from": "bob", "to": "alice", "body": "here"})
    assert house.api("GET", "/tenants/t1/faults/quiet").json["strikes"] == 1
    assert house.api("GET", "/faults").json == {"faults": []}
    assert bodies(house, "") == ["here"]
    house.api("DELETE", "/faults")
    assert len(house.api("GET", "/tenants/t1/faults").json["faults"]) == 1


def carried(house: House, path: str) -> int:
    """Requests, as they are told in all ways."""
    listed = house.api("GET", f"{path}/traffic?level=http").json["records"]
    archived = house.api("GET", f"{path}/traffic/export").json["log"]["entries"]
    frames = house.api("GET", f"{path}/traffic?level=frame&direction=in").json["records"]
    assert len(listed) == len(archived) == len(frames)
    return len(listed)


def test_what_carried_its_traffic_is_its_own(house: House, t1: dict[str, Any]):
    for path, account in (("", "alice@localhost"), ("/tenants/t1", "alice@t1.localhost")):
        bound = house.server.chat.prebind(parse(account), "")
        body = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{{}}'>{{}}</body>"
        ping = "<iq xmlns='jabber:client' type='get' id='p'><ping xmlns='urn:xmpp:ping'/></iq>"
        house.api.send("POST", "/http-bind", body.format(bound.rid, ping).encode(), {})
        assert carried(house, path) == 1
    house.api("DELETE", "/traffic")
    assert (carried(house, ""), carried(house, "/tenants/t1")) == (0, 1)
    house.api.send("POST", "/http-bind", body.format(int(bound.rid) + 1, ping).encode(), {})
    assert (carried(house, ""), carried(house, "/tenants/t1")) == (0, 2)
    house.api("DELETE", "/tenants/t1/traffic")
    assert carried(house, "/tenants/t1") == 0
    house.api.send("POST", "/http-bind", body.format(int(bound.rid) + 2, ping).encode(), {})
    assert carried(house, "/tenants/t1") == 1
    house.api("POST", "/tenants/t1/reset")
    assert carried(house, "/tenants/t1") == 0


def test_one_of_the_same_name_knows_nothing_of_it(house: House, t1: dict[str, Any]):
    bound = house.server.chat.prebind(parse("alice@t1.localhost"), "")
    body = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid}' type='terminate'/>"
    house.api.send("POST", "/http-bind", body.encode(), {})
    assert carried(house, "/tenants/t1") == 1
    house.api("DELETE", "/tenants/t1")
    assert carried(house, "") == 0
    house.api("POST", "/tenants", {"name": "t1"})
    assert carried(house, "/tenants/t1") == 0


def test_a_fault_of_requests_strikes_its_own_ones(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants/t1/faults", {"fault": "status", "status": 502})
    theirs, ours = (house.server.chat.prebind(parse(f"alice@{d}localhost"), "") for d in ("t1.", ""))
    statuses = {}
    for bound in (theirs, ours):
        body = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid}' type='terminate'/>"
        statuses[bound] = house.api.send("POST", "/http-bind", body.encode(), {}).status
    assert (statuses[theirs], statuses[ours]) == (502, 200)
    house.api("DELETE", "/tenants/t1")
    assert not house.server.faults.watching


def test_stubs_and_expectations_are_its_own(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants/t1/stubs", {"kind": "iq", "xpath": "iq/version:query", "refuse": "forbidden"})
    house.api("POST", "/tenants/t1/expectations", {"name": "said", "kind": "message", "text": "hi"})
    prebound(house, "alice@localhost")
    house.api("POST", "/messages", {"from": "bob", "to": "alice", "body": "hi"})
    assert house.api("GET", "/tenants/t1/expectations/said").json["state"] == "unmet"
    assert house.api("GET", "/stubs").json == {"stubs": []}
    prebound(house, "alice@t1.localhost")
    say(house, "t1", "bob", "alice", "hi")
    assert house.api("GET", "/tenants/t1/expectations/said").json["state"] == "met"


def test_a_reset_of_one_is_nothing_to_the_others(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants")
    people = [house.person(f"alice@{domain}") for domain in ("localhost", "t1.localhost", "t2.localhost")]
    for name in ("/tenants/t1", "/tenants/t2", ""):
        house.api("POST", f"{name}/accounts", {"jid": "zoe"})
    before = house.api("GET", "/tenants/t1/state").body
    assert house.api("POST", "/tenants/t1/reset").status == 204
    assert [person.client.error is None for person in people] == [True, False, True]
    assert people[1].client.error.text == "the server's state was restored"
    assert house.api("GET", "/tenants/t1/accounts/zoe").status == 404
    assert house.api("GET", "/tenants/t2/accounts/zoe").status == house.api("GET", "/accounts/zoe").status == 200
    assert house.api("GET", "/tenants/t1/state").body != before
    assert {each["jid"] for each in house.api("GET", "/tenants/t1/sessions?bots=1").json["sessions"]} == {
        "echo@t1.localhost/bot",
        "welcome@t1.localhost/bot",
    }


def test_snapshots_are_its_own(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants/t1/snapshots", {"name": "x"})
    assert house.api("GET", "/snapshots").json == {"snapshots": []}
    house.api("DELETE", "/tenants/t1/accounts/alice")
    alice = house.person("alice")
    house.api("POST", "/tenants/t1/snapshots/x")
    assert house.api("GET", "/tenants/t1/accounts/alice").status == 200
    assert alice.client.error is None


def test_a_snapshot_of_the_server_is_nothing_to_tenants(house: House, t1: dict[str, Any]):
    house.api("POST", "/snapshots", {"name": "x"})
    ours, theirs = house.person("alice"), house.person("alice@t1.localhost")
    held = house.poll(house.prebound("romeo"))
    house.api("POST", "/tenants/t1/accounts", {"jid": "zoe"})
    house.api("POST", "/snapshots/x")
    assert ours.client.error is not None
    assert held.end == ("system-shutdown", None)
    assert theirs.client.error is None
    assert house.api("GET", "/tenants/t1/accounts/zoe").status == 200


def test_a_reset_of_the_server_leaves_no_tenant(house: House, t1: dict[str, Any]):
    alice = house.person("alice@t1.localhost")
    assert house.api("POST", "/reset").status == 204
    assert house.api("GET", "/tenants").json == {"tenants": []}
    assert alice.client.error is not None
    assert house.api("GET", "/tenants/t1").status == 404


def test_what_is_deleted_is_gone(house: House, t1: dict[str, Any]):
    routes, hosts = set(house.server.router.routes), set(house.server.router.hosts)
    alice, bound = house.person("alice@t1.localhost"), prebound(house, "bob@t1.localhost")
    waiting = house.poll(bound, 1)
    assert house.api("DELETE", "/tenants/t1").status == 204
    assert alice.client.error.text == "the tenant was deleted"
    assert alice.client.error.condition == "host-gone"
    assert waiting.end == ("host-gone", None)
    gone = {each for each in routes if each.endswith("t1.localhost")}
    assert set(house.server.router.routes) == routes - gone
    assert set(house.server.router.hosts) == hosts - {"t1.localhost"}
    assert "t1.localhost" not in house.server.domains.by_http
    assert house.api("GET", "/tenants/t1/accounts").status == 404
    assert house.api("POST", "/tenants", {"name": "t1"}).json["accounts"]["alice@t1.localhost"] == "secret"


def test_what_one_says_to_another_domain_arrives(house: House, t1: dict[str, Any]):
    ours, theirs = house.person("alice"), house.person("alice@t1.localhost", "x")
    theirs.says(stanza("presence", {}))
    body = element(ns.CLIENT, "body", text="over the fence")
    ours.says(stanza("message", {"to": "alice@t1.localhost", "type": "chat"}, body))
    assert theirs.got[-1].text_of("body") == "over the fence"


def test_a_fork_has_all_that_the_other_has(house: House):
    live(house)
    log = house.server.store.open_log("archive", "alice@localhost")
    message = (
        b'<message xmlns="jabber:client" from="bob@localhost/x" to="alice@localhost">'
        b"<body>at localhost</body></message>"
    )
    log.add(log.key_for(0), message, ("bob@localhost", "bob@localhost/x"))
    made = house.api("POST", "/tenants", {"fork": "localhost"}).json
    ours, theirs = house.api("GET", "/state").body.decode(), house.api("GET", "/tenants/t1/state").body.decode()
    moved = Move("localhost", "t1.localhost")
    assert theirs.replace("t1.localhost", "localhost") == ours
    assert "john@t1.localhost" not in made["accounts"]
    assert made["accounts"]["bob@t1.localhost"] == "new"
    forked = house.server.tenants.by_name["t1"].host.store.log("archive", "alice@t1.localhost")
    assert moved.xml(message) in forked.values()
    assert b'from="bob@t1.localhost/x" to="alice@t1.localhost"><body>at localhost<' in moved.xml(message)
    assert len(forked.select("bob@t1.localhost/x")) == 1
    jane = house.person("jane@t1.localhost")
    jane.says(stanza("presence", {}))
    assert [each.text_of("body") for each in jane.got if each.kind == "message"] == ["kept until she comes"]


def test_a_fork_of_a_tenant_has_its_bots(house: House, t1: dict[str, Any]):
    house.api("POST", "/tenants/t1/bots", {"name": "nurse", "on": [{"message": "*", "do": [{"say": "well"}]}]})
    house.api("POST", "/tenants", {"name": "copy", "fork": "t1"})
    alice = house.person("alice@copy.localhost")
    alice.says(stanza("presence", {}))
    body = element(ns.CLIENT, "body", text="hello?")
    alice.says(stanza("message", {"to": "nurse@copy.localhost", "type": "chat"}, body))
    assert alice.got[-1].text_of("body") == "well"
    house.api("POST", "/tenants/copy/accounts", {"jid": "zoe"})
    roster = house.server.tenants.by_name["copy"].host.rosters
    assert "nurse@copy.localhost" in {item.jid for item in roster.of(parse("zoe@copy.localhost"))}


@pytest.mark.parametrize(
    ("fields", "status", "message"),
    [
        ({"name": "T 1"}, 409, "a tenant's name has up to 32 letters a to z, digits, and hyphens between them"),
        ({"name": "t1"}, 409, "t1.localhost is there already"),
        ({"name": "anon"}, 409, "anon.localhost is there already"),
        ({"fork": "nowhere"}, 400, "fork: there is no domain 'nowhere', and no tenant of that name"),
        ({"fork": "t1", "empty": True}, 400, "empty and fork don't go together"),
    ],
)
def test_what_can_not_be(house: House, t1: dict[str, Any], fields: dict[str, Any], status: int, message: str):
    answer = house.api("POST", "/tenants", fields)
    assert (answer.status, answer.error[2]) == (status, message)


def test_names_are_not_used_again_so_soon(house: House, t1: dict[str, Any]):
    house.api("DELETE", "/tenants/t1")
    assert house.api("POST", "/tenants").json["name"] == "t2"
    assert house.api("DELETE", "/tenants").status == 204
    assert house.api("GET", "/tenants").json == {"tenants": []}


class TestTheClock:
    def test_who_is_alone_turns_it(self, house: House, t1: dict[str, Any]):
        before = house.server.clock.now()
        assert house.api("POST", "/tenants/t1/clock", {"advance": 70}).status == 200
        assert house.server.clock.now() == before + 70

    def test_not_while_others_are_there(self, house: House, t1: dict[str, Any]):
        house.api("POST", "/tenants", {"name": "other"})
        refused = "the clock is everybody's, and in use by other.localhost: "
        before = house.server.clock.now()
        for method, fields in (("POST", {"advance": 70}), ("PATCH", {"frozen": True})):
            answer = house.api(method, "/tenants/t1/clock", fields)
            assert answer.status == 409
            assert answer.error[2] == refused + '{"shared": true} turns it for all of them'
        assert house.server.clock.now() == before
        assert house.api("GET", "/tenants/t1/clock").status == 200

    def test_unless_it_says_so(self, house: House, t1: dict[str, Any]):
        house.api("POST", "/tenants")
        assert house.api("POST", "/tenants/t1/clock", {"advance": 70, "shared": True}).status == 200
        assert house.api("PATCH", "/tenants/t1/clock", {"frozen": False, "shared": True}).status == 200

    def test_not_while_people_are_on_the_server_itself(self, house: House, t1: dict[str, Any]):
        person = house.person("alice")
        assert house.api("POST", "/tenants/t1/clock", {"advance": 1}).status == 409
        person.client.leave()
        assert house.api("POST", "/tenants/t1/clock", {"advance": 1}).status == 200

    def test_the_server_turns_it_always(self, house: House, t1: dict[str, Any]):
        assert house.api("POST", "/clock", {"advance": 1}).status == 200


def test_an_exception_belongs_to_whom_it_happened(house: House, t1: dict[str, Any]):
    def fail(session: object, stanza: object) -> None:
        raise RuntimeError("broken")

    house.server.tenants.by_name["t1"].host.hooks.outgoing.append(fail)
    alice = house.person("alice@t1.localhost")
    alice.says(stanza("presence", {"to": "bob@t1.localhost"}))
    assert len(house.api("GET", "/tenants/t1/errors").json["errors"]) == 1
    assert house.api("GET", "/errors").json == {"errors": []}


def test_its_own_people_log_in_over_the_wire(house: House, t1: dict[str, Any]):
    """BOSH takes the domain, and checks the password against its accounts."""
    start = f"<body xmlns='{ns.HTTPBIND}' rid='1' to='t1.localhost' wait='1' hold='1' ver='1.6' xml:lang='en'/>"
    answer = house.api.send("POST", "/http-bind", start.encode(), {})
    assert b"<mechanism>" in answer.body
    house.api("DELETE", "/tenants/t1")
    assert b"host-gone" in house.api.send("POST", "/http-bind", start.replace("rid='1'", "rid='9'").encode(), {}).body
    house.api("POST", "/reset")
    assert (
        b"host-unknown" in house.api.send("POST", "/http-bind", start.replace("rid='1'", "rid='8'").encode(), {}).body
    )


def test_making_one_is_quick(house: House):
    taken = []
    for _ in range(5):
        start = time.process_time()
        house.api("POST", "/tenants")
        taken.append(time.process_time() - start)
    assert min(taken) < 0.02


class TestMoving:
    MOVE = Move("a.example", "b.test")

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ("a.example", "b.test"),
            ("x@a.example", "x@b.test"),
            ("x@a.example/a.example", "x@b.test/a.example"),
            ("room@conference.a.example/Nick", "room@conference.b.test/Nick"),
            ("x@ba.example", "x@ba.example"),
            ("x@a.example.org", "x@a.example.org"),
            ("write to x@a.example", "write to x@a.example"),
            ("", ""),
        ],
    )
    def test_texts(self, old: str, new: str):
        assert self.MOVE.text(old) == new

    @pytest.mark.parametrize(
        ("old", "new"),
        [
            ('<m from="x@a.example/r" to="a.example"/>', '<m from="x@b.test/r" to="b.test"/>'),
            ("<m to='r@conference.a.example'/>", "<m to='r@conference.b.test'/>"),
            ("<jid>x@a.example</jid>", "<jid>x@b.test</jid>"),
            ("<body>I'm at a.example, see http://a.example/</body>", None),
            ('<m to="x@ba.example" from="x@a.example.org"/>', None),
        ],
    )
    def test_xml(self, old: str, new: str | None):
        assert self.MOVE.xml(old.encode()).decode() == (new or old)

    def test_passwords_stay(self, house: House):
        house.api("POST", "/accounts", {"jid": "zoe", "password": "zoe@localhost"})
        made = house.api("POST", "/tenants", {"fork": "localhost"}).json
        assert made["accounts"]["zoe@t1.localhost"] == "zoe@localhost"
