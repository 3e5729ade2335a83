"""How a session begins: XEP-0124 section 7, XEP-0206 sections 3 and 5."""

from __future__ import annotations

import pytest

from conversehost.bosh.body import MAX_RID
from conversehost.bosh.terms import Ceilings, lower_version
from conversehost.xmpp import ns
from tests.bosh.elsewhere import HERE
from tests.bosh.stage import HTTPBIND, Client

XMPP = f"{{{ns.XBOSH}}}"


def test_the_first_answer_tells_what_was_agreed(stage):
    request = Client(stage).create(wait=30, hold=2, ver="1.6")
    stage.server.says("features")
    body = request.body
    told = {name: body.get(name) for name in ("wait", "hold", "requests", "ver", "polling", "inactivity", "maxpause")}
    assert told == {
        "wait": "30",
        "hold": "2",
        "requests": "3",
        "ver": "1.6",
        "polling": "5",
        "inactivity": "60",
        "maxpause": "120",
    }
    assert (body.get("accept"), body.get("charsets"), body.get("secure")) == ("gzip,deflate", "UTF-8", None)
    assert len(body.get("sid")) == 32
    assert body.get("from") == "localhost"
    assert body.get(f"{XMPP}version") == "1.0"
    assert body.get(f"{XMPP}restartlogic") == "true"
    assert request.said == ["features"]


@pytest.mark.parametrize("version", ["0.9", "0", "", "new", "x.0"])
def test_an_older_xmpp_than_there_is_here(stage, version):
    request = Client(stage).create(**{"xmlns:xmpp": ns.XBOSH, "xmpp:version": version})
    assert request.body.get("condition") == "remote-stream-error"
    assert request.body[0][0].tag == f"{{{ns.STREAM_ERROR}}}unsupported-version"
    assert list(stage.manager.sessions()) == []


@pytest.mark.parametrize("version", ["1.0", "1.1", "2.0"])
def test_a_later_xmpp_knows_ours_too(stage, version):
    assert Client(stage).create(**{"xmlns:xmpp": ns.XBOSH, "xmpp:version": version}).held


def test_what_was_agreed_is_told_once(stage, romeo, server):
    answer = romeo.hold()
    server.says("a")
    assert answer.body.attrib == {}


def test_the_first_answer_waits_for_the_server(stage):
    request = Client(stage).create(wait=10)
    assert request.held
    stage.advance(9.9)
    assert request.held
    stage.advance(0.1)
    assert request.get("sid")
    assert request.said == []


def test_features_are_declared_with_the_prefix_that_they_use(stage):
    request = Client(stage).create()
    stage.server.link.send(f"<stream:features xmlns:stream='{ns.STREAM}'/>".encode())
    stage.turn.end()
    assert request.raw.count(b"xmlns:stream=") == 2  # on the body too: Strophe.js looks there
    assert request.body[0].tag == f"{{{ns.STREAM}}}features"


def test_the_server_hears_where_the_client_is_and_what_it_wants(stage):
    Client(stage).raw(
        f"<body {HTTPBIND} rid='1' to='LocalHost' from='romeo@localhost' xml:lang='it' wait='5' hold='1'/>"
    )
    opening = stage.server.opening
    assert (opening.to, opening.sender, opening.lang) == ("localhost", "romeo@localhost", "it")
    assert (opening.transport, opening.address, opening.secure) == ("bosh", "192.0.2.1", False)


def test_what_a_client_leaves_out_has_a_default(stage):
    request = Client(stage).raw(f"<body {HTTPBIND} rid='1' to='localhost'/>")
    stage.server.says("features")
    assert [request.get(name) for name in ("wait", "hold", "requests", "ver")] == ["60", "1", "2", "1.11"]
    assert stage.server.opening.lang == "en"


def test_nobody_gets_more_than_the_ceilings(make_stage):
    stage = make_stage(Ceilings(wait=20, hold=2, inactivity=30, polling=3, maxpause=90))
    request = Client(stage).create(wait=10**15, hold=999999)
    stage.server.says("features")
    told = [request.get(name) for name in ("wait", "hold", "requests", "inactivity", "polling", "maxpause")]
    assert told == ["20", "2", "3", "30", "3", "90"]


def test_a_number_may_be_of_any_length(stage):
    request = Client(stage).create(wait="9" * 20, hold="1" * 5000)
    stage.server.says("features")
    assert (request.get("wait"), request.get("hold")) == ("120", "10")


def test_a_polling_session_may_be_away_longer_than_it_polls(stage):
    for asked in ({"hold": 0}, {"wait": 0}):
        request = Client(stage).create(**asked)
        assert int(request.get("inactivity")) > 60 + int(request.get("polling"))


def test_every_session_has_a_name_of_its_own(stage):
    names = {Client(stage).create(hold=0).get("sid") for _ in range(100)}
    assert len(names) == 100


@pytest.mark.parametrize("rid", ["1", str(MAX_RID), "0042"])
def test_rids_that_are_numbers(stage, rid):
    assert Client(stage).create(rid=rid, hold=0).ends is None


@pytest.mark.parametrize("rid", ["", "0", "-1", "+1", "1.0", "1e3", "abc", " 1", str(MAX_RID + 1), "9" * 400, "١"])
def test_rids_that_are_not(stage, rid):
    assert Client(stage).create(rid=rid).ends == "bad-request"
    assert stage.servers == []


def test_a_session_needs_a_rid(stage):
    assert Client(stage).create(rid=None).ends == "bad-request"


@pytest.mark.parametrize("name", ["wait", "hold"])
@pytest.mark.parametrize("value", ["-1", "many", "", "1.5", "0x10"])
def test_counts_that_are_no_numbers(stage, name, value):
    assert Client(stage).create(**{name: value}).ends == "bad-request"
    assert stage.servers == []


@pytest.mark.parametrize(
    ("to", "condition"),
    [
        (None, "improper-addressing"),
        ("", "improper-addressing"),
        ("a b", "improper-addressing"),
        ("elsewhere.example", "host-unknown"),
    ],
)
def test_domains_that_lead_nowhere(stage, to, condition):
    assert Client(stage).create(to=to).ends == condition
    assert list(stage.manager.sessions()) == []


@pytest.mark.parametrize(
    ("asked", "agreed"),
    [(None, "1.11"), ("1.6", "1.6"), ("1.11", "1.11"), ("1.12", "1.11"), ("1.100", "1.11"), ("0.5", "0.5")],
)
def test_versions_are_compared_part_by_part(asked, agreed):
    assert lower_version(asked) == agreed


@pytest.mark.parametrize("version", ["", "1", "1.", ".6", "1.6.1", "one.six", "-1.6", "1" * 20 + ".0"])
def test_versions_that_are_none(stage, version):
    assert Client(stage).create(ver=version).ends == "bad-request"


def test_a_server_may_refuse_at_once(stage):
    stage.prepare = lambda server: setattr(server, "on_open", lambda: server.link.close())
    request = Client(stage).create()
    assert request.ends == ""
    assert list(stage.manager.sessions()) == []


@HERE
def test_a_prebound_session_goes_on_where_it_was_made(stage):
    server = stage._server_for("localhost")
    session, rid = stage.manager.prebind(server)
    server.link = session.streams.first
    server.says("early")
    assert not session.attached
    client = Client(stage)
    client.sid = session.sid
    answer = client.send(rid=rid)
    assert session.attached
    assert answer.said == ["early"]
    assert answer.body.attrib == {}


@HERE
def test_a_prebound_session_that_nobody_comes_for_ends(stage):
    server = stage._server_for("localhost")
    session, _ = stage.manager.prebind(server)
    stage.advance(59.9)
    assert not session.ended
    stage.advance(0.1)
    assert session.ended
    assert server.given_back == []


@HERE
def test_the_wrong_first_rid_of_a_prebound_session_ends_it(stage):
    server = stage._server_for("localhost")
    session, rid = stage.manager.prebind(server)
    client = Client(stage)
    client.sid = session.sid
    assert client.send(rid=rid - 1).ends == "item-not-found"
    assert session.ended
