"""XEP-0227: what other servers write is read, and what is written they can read."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import capturedLogs

from conversehost.errors import ConfigError
from conversehost.testbed.noun import API
from conversehost.testbed.xep0227 import Import, to_xml
from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element, parse
from tests.testbed.conftest import Caller, House
from tests.testbed.test_state import JSON, get, live_much, put

XML = "application/xml"
NOW = datetime(2026, 1, 31, 12, tzinfo=UTC)
SALT, STORED, SERVER = "c2FsdA==", "Q6qT/SbybblGCZz8e8eSfCJOQic=", "0pXWGK0GZJ6TR73AIUN3ITYtA1g="


def server_data(inside: str, more: str = "") -> bytes:
    """Of one user, juliet@localhost."""
    user = f"<user name='juliet' {more}>{inside}</user>"
    return f"<server-data xmlns='urn:xmpp:pie:0'><host jid='localhost'>{user}</host></server-data>".encode()


def account(inside: str, more: str = "password='secret'") -> dict[str, Any]:
    found: dict[str, Any] = Import(server_data(inside, more), NOW).document["account"][0]
    return found


def test_passwords():
    assert account("") == {"name": "juliet@localhost", "password": "secret", "nickname": "", "roster": []}


def test_scram_keys():
    keys = (
        f"<scram-credentials xmlns='urn:xmpp:pie:0#scram' mechanism='SCRAM-SHA-1'><iter-count>4096</iter-count>"
        f"<salt>{SALT}</salt><server-key>{SERVER}</server-key><stored-key>{STORED}</stored-key></scram-credentials>"
    )
    made = {"mechanism": "SCRAM-SHA-1", "iterations": 4096, "salt": SALT, "stored_key": STORED, "server_key": SERVER}
    assert account(keys, "")["credentials"] == [made]
    assert "credentials" not in account(keys)


def test_rosters_and_requests():
    roster = (
        "<presence xmlns='jabber:client' type='subscribe' from='tybalt@localhost'/>"
        "<query xmlns='jabber:iq:roster'>"
        "<item jid='romeo@localhost' name='Romeo' subscription='both'><group>Friends</group></item>"
        "<item jid='nurse@localhost' ask='subscribe' approved='true'/></query>"
        "<presence xmlns='jabber:client' type='subscribe' from='nurse@localhost/x'/>"
    )
    tybalt, romeo, nurse = account(roster)["roster"]
    assert romeo == {"jid": "romeo@localhost", "name": "Romeo", "subscription": "both", "groups": ["Friends"]}
    assert (tybalt["listed"], tybalt["jid"]) == (False, "tybalt@localhost")
    assert (nurse["ask"], nurse["approved"], nurse["subscription"], "listed" in nurse) == (True, True, "none", False)
    assert nurse["pending"].startswith("<presence ")


def test_privacy_lists_as_far_as_they_block():
    lists = (
        "<query xmlns='jabber:iq:privacy'><default name='a'/><list name='b'>"
        "<item type='jid' value='no@localhost' action='deny' order='1'/></list><list name='a'>"
        "<item action='allow' order='9'/><item type='jid' value='tybalt@localhost' action='deny' order='2'/>"
        "<item type='jid' value='x@localhost' action='deny' order='3'><iq/></item>"
        "<item type='subscription' value='none' action='deny' order='4'/></list></query>"
    )
    found = Import(server_data(lists, "password='x'"), NOW)
    assert found.document["account"][0]["blocked"] == ["tybalt@localhost"]
    assert found.unknown == {"{jabber:iq:privacy}item": 2}


def test_archives():
    message = "<message xmlns='jabber:client' from='romeo@localhost/x' type='chat'><body>hi</body></message>"
    result = (
        "<archive xmlns='urn:xmpp:pie:0#mam'><result xmlns='urn:xmpp:mam:2' id='1'>"
        "<forwarded xmlns='urn:xmpp:forward:0'>"
        f"<delay xmlns='urn:xmpp:delay' stamp='2010-07-10T23:08:25Z'/>{message}</forwarded></result></archive>"
    )
    (entry,) = account(result)["archive"]
    assert entry["at"] == "2010-07-10T23:08:25Z"
    assert parse(entry["message"].encode()).findtext(f"{{{ns.CLIENT}}}body") == "hi"


def test_what_is_not_known_is_told_in_the_log(api: Caller):
    with capturedLogs() as logs:
        put(api, server_data("<tune xmlns='urn:x'/><tune xmlns='urn:x'/>", "password='x'").decode(), XML)
    assert [each["named"] for each in logs if "not taken over" in each["log_format"]] == ["{urn:x}tune (2)"]


NODES = """
<pubsub xmlns='http://jabber.org/protocol/pubsub#owner'>
  <configure node='urn:xmpp:bookmarks:1'><x xmlns='jabber:x:data' type='form'>
    <field var='FORM_TYPE' type='hidden'><value>http://jabber.org/protocol/pubsub#node_config</value></field>
    <field var='pubsub#access_model'><value>whitelist</value></field>
    <field var='pubsub#max_items'><value>50</value></field>
    <field var='pubsub#odd'><value>1</value></field>
  </x></configure>
  <affiliations node='urn:xmpp:bookmarks:1'><affiliation jid='romeo@localhost' affiliation='member'/></affiliations>
</pubsub>
<pubsub xmlns='http://jabber.org/protocol/pubsub'>
  <items node='urn:xmpp:bookmarks:1'>
    <item id='play@conference.localhost'><conference xmlns='urn:xmpp:bookmarks:1' name='The Play'/></item>
  </items>
</pubsub>
"""


def test_personal_nodes_are_there(house: House):
    assert put(house.api, server_data(NODES, "password='x'").decode(), XML).status == 204
    juliet = house.person("juliet")
    items = element(ns.PUBSUB, "items", {"node": "urn:xmpp:bookmarks:1"})
    juliet.says(stanza("iq", {"type": "get", "id": "i"}, element(ns.PUBSUB, "pubsub", None, items)))
    (item,) = juliet.got[-1].iter(f"{{{ns.PUBSUB}}}item")
    assert (item.get("id"), item[0].get("name")) == ("play@conference.localhost", "The Play")
    stored = house.server.store.get("pubsub-nodes", "juliet@localhost", "urn:xmpp:bookmarks:1").config
    assert (stored.access_model, stored.max_items) == ("whitelist", 50)


def test_what_is_written_is_read_as_it_was(house: House):
    """But for what the format hasn't: rooms, tokens, times, ids of archives; and bots, who aren't people."""
    live_much(house)
    before = json.loads(get(house.api, JSON))
    written = get(house.api, XML)
    assert put(house.api, written, XML).status == 204
    after = json.loads(get(house.api, JSON))
    assert get(house.api, XML).count("<user ") == len(before["account"]) == len(after["account"])
    for then, now in zip(before["account"], after["account"], strict=True):
        for key in ("name", "password", "nickname", "vcard", "roster", "private", "blocked", "offline", "credentials"):
            assert now.get(key) == then.get(key), key
        told = [(each["at"], each["message"]) for each in then.get("archive", ())]
        assert [(each["at"], each["message"]) for each in now.get("archive", ())] == told


def test_the_examples_of_the_specification_are_read(tmp_path: Path):
    """It may be in several files."""
    include = "xmlns:xi='http://www.w3.org/2001/XInclude'"
    main, host, user = tmp_path / "main.xml", tmp_path / "localhost.xml", tmp_path / "localhost" / "juliet.xml"
    user.parent.mkdir()
    main.write_text(
        f"<?xml version='1.0' encoding='UTF-8'?><!-- all --><server-data xmlns='urn:xmpp:pie:0' {include}>"
        "<xi:include href='localhost.xml'/></server-data>"
    )
    host.write_text(
        f"<host xmlns='urn:xmpp:pie:0' {include} jid='localhost'><xi:include href='localhost/juliet.xml'/></host>"
    )
    user.write_text("<user xmlns='urn:xmpp:pie:0' name='juliet' password='s3crEt'/>")
    house = House("--scenario", str(main))
    assert house.api("GET", "/accounts/juliet").json["password"] == "s3crEt"


@pytest.mark.parametrize(
    ("data", "message"),
    [
        ("<a/>", "the root must be <server-data xmlns='urn:xmpp:pie:0'/>, as in XEP-0227"),
        ("<server-data", "not XML: "),
        ("<!DOCTYPE x [<!ENTITY a 'b'>]><server-data xmlns='urn:xmpp:pie:0'/>", "not taken: it has a DOCTYPE"),
        (server_data("", "").decode(), "[[account]] number 1: password is missing"),
        (
            "<server-data xmlns='urn:xmpp:pie:0' xmlns:x='http://www.w3.org/2001/XInclude'>"
            "<x:include href='/etc/passwd'/></server-data>",
            "this one file must have all",
        ),
        (
            server_data("", "password='x'").decode().replace("localhost", "elsewhere"),
            "name: elsewhere, of juliet@elsewhere, is not served",
        ),
    ],
)
def test_what_can_not_be_read_is_refused(api: Caller, data: str, message: str):
    answer = put(api, data, XML)
    assert answer.status == 400
    assert message in answer.error[2]


def test_an_included_file_that_is_not_there(tmp_path: Path):
    main = tmp_path / "main.xml"
    main.write_text(
        "<server-data xmlns='urn:xmpp:pie:0' xmlns:x='http://www.w3.org/2001/XInclude'>"
        "<x:include href='gone.xml'/></server-data>"
    )
    with pytest.raises(ConfigError) as caught:
        House("--scenario", str(main))
    assert str(caught.value) == f"{main}: {tmp_path}/gone.xml: No such file or directory"


def test_it_has_the_form_of_the_specification(api: Caller):
    root = parse(api.send("GET", f"{API}/state", b"", {"Accept": XML}).body)
    assert root.tag == "{urn:xmpp:pie:0}server-data"
    (host,) = root
    assert host.get("jid") == "localhost"
    assert {each.tag for each in host} == {"{urn:xmpp:pie:0}user"}
    assert b"echo@localhost'" not in to_xml({"account": []})
