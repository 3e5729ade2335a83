"""`/state`, scenario files and what is saved at the end: one format."""

from __future__ import annotations

import ast
import importlib
import json
import re
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from twisted.logger import capturedLogs

import conversehost
from conversehost.auth import Accepted, Attempt, Refused
from conversehost.auth.accounts import Credentials, derive
from conversehost.errors import ConfigError
from conversehost.features.blocking import Report
from conversehost.features.fast import FastToken, Slots
from conversehost.features.push import Service
from conversehost.features.rooms.config import RoomConfig
from conversehost.features.rooms.hats import Hat
from conversehost.features.rooms.record import ARCHIVE, HATS, REQUESTS, VISITS, WEARERS, Record, Subject
from conversehost.features.rooms.record import ROOM as ROOM_ITSELF
from conversehost.features.rooms.standing import Affiliation, Role
from conversehost.server.invitations import Invitation
from conversehost.server.roster import RosterItem
from conversehost.store.log import time_of
from conversehost.testbed.noun import API
from conversehost.testbed.saving import document, to_toml
from conversehost.testbed.scenario import put_nickname
from conversehost.testbed.scenario_file import ACCOUNT, BOT, CREDENTIALS, ROOM_KEYS
from conversehost.testbed.sections import LEFT_OUT, OTHERS, ROOM, SECTIONS
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import element, to_bytes
from tests.testbed.conftest import Caller, House
from tests.testbed.test_reset import live, say

TOML, JSON = "application/toml", "application/json"
VCARD = element(ns.VCARD, "vCard", None, element(ns.VCARD, "NICKNAME", text="Al"), element(ns.VCARD, "ROLE", text="x"))


def get(api: Caller, accept: str = TOML) -> str:
    answer = api.send("GET", f"{API}/state", b"", {"Accept": accept})
    assert (answer.status, answer.headers["content-type"].partition(";")[0]) == (200, accept)
    return answer.body.decode()


def put(api: Caller, text: str, kind: str = TOML):
    return api.send("PUT", f"{API}/state", text.encode(), {"Content_Type": kind})


def live_much(house: House) -> None:
    """Something in every collection that files have."""
    live(house)
    alice = house.person("alice", "a")
    alice.says(stanza("iq", {"type": "set", "id": "b"}, element(ns.VCARD, "vCard", None, *VCARD)))
    alice.says(
        stanza(
            "iq",
            {"type": "set", "id": "p"},
            element(ns.PRIVATE, "query", None, element("urn:x", "notes", text="'''\n\"")),
        )
    )
    blocked = element(ns.BLOCKING, "block", None, element(ns.BLOCKING, "item", {"jid": "spam.example"}))
    alice.says(stanza("iq", {"type": "set", "id": "k"}, blocked))
    alice.says(stanza("presence", {}))
    alice.says(say("jane", "for later"))
    alice.says(stanza("presence", {"type": "unavailable"}, element(ns.CLIENT, "status", text="bye")))
    store = house.server.store
    store.append("reports", "alice@localhost", Report("spam.example", "urn:xmpp:reporting:spam", "", ("1",), 1.5e9))
    alice.says(stanza("iq", {"type": "set", "id": "w"}, element(ns.MAM, "prefs", {"default": "roster"})))
    store.put("welcome", "zoe@localhost", "", "Hello!")
    store.put("motd", "localhost", "", "Tea at five")
    for name in ("alice", "echo", "welcome"):
        store.put("motd_told", f"{name}@localhost", "", True)
    store.put("invitations", "localhost", "t0k", Invitation("t0k", parse("alice@localhost"), 4e9, True, True, "ann"))
    service = Service("push.localhost", "phone", b"<x/>")
    store.put("push", "alice@localhost", service.key, service)
    store.put("fast", "alice@localhost", "client", Slots(current=FastToken("t", "HT-SHA-256-NONE", 1.0, 2.0, 3)))
    salt, stored, server, iterations = derive("pw", "SCRAM-SHA-1", b"salt", 10)
    house.server.domains.accounts.put_unknown(
        parse("carol@localhost"), (Credentials("SCRAM-SHA-1", iterations, salt, stored, server),)
    )
    house.server.domains.accounts.disable(parse("bob@localhost"))
    room = Record(store, "garden@conference.localhost")
    room.create(RoomConfig(name="The garden", persistent=True), locked=True)
    room.subject = Subject(b'<message xmlns="jabber:client"><subject>Roses</subject></message>', "Roses", 1.5e9)
    room.affiliate(parse("alice@localhost"), Affiliation.OWNER, "Al")
    room.affiliate(parse("bob@localhost"), Affiliation.OUTCAST, reason="noisy")
    room.remember_role(parse("zoe@localhost"), Role.VISITOR)
    store.put(REQUESTS, "garden@conference.localhost", "Zo", "zoe@localhost")
    store.put(ROOM_ITSELF, "garden@conference.localhost", "vcard", b'<vCard xmlns="vcard-temp"/>')
    store.put(VISITS, "garden@conference.localhost", "alice@localhost", 1.5e9)
    store.put(HATS, "garden@conference.localhost", "urn:gardener", Hat("urn:gardener", "Gardener", "120"))
    store.put(WEARERS, "garden@conference.localhost", "alice@localhost", ("urn:gardener",))
    log = store.open_log(ARCHIVE, "garden@conference.localhost")
    log.add(log.key_for(1_600_000_000_123), b'<message xmlns="jabber:client"/>', ("alice@localhost", "said"))


def test_every_section_is_tried_here(house: House):
    live_much(house)
    collections = {section.collection for section in (*SECTIONS, *ROOM)}
    assert {each for each in collections if list(house.server.store.owners(each))} == collections


@pytest.mark.parametrize("kind", [TOML, JSON])
def test_what_it_tells_makes_the_same_again(house: House, kind: str):
    live_much(house)
    told = get(house.api, kind)
    other = House("--disable", "search")
    assert put(other.api, told, kind).status == 204
    assert get(other.api, kind) == told
    assert put(house.api, told, kind).status == 204
    assert get(house.api, kind) == told


def test_the_data_is_the_same_but_for_what_is_left_out(house: House):
    live_much(house)
    before = house.server.store.snapshot()
    put(house.api, get(house.api))
    after = house.server.store.snapshot()
    assert {name for name in before if before[name]} - {name for name in after if after[name]} == {"site_sessions"}
    for section in (*SECTIONS, *ROOM):
        then, now = (each[section.collection] for each in (before, after))
        assert {owner: section.write(values) for owner, values in now.items()} == {
            owner: section.write(values) for owner, values in then.items()
        }


def test_the_start_is_told_too(api: Caller):
    told = get(api)
    assert told.startswith(
        "# Written by conversehost: all data, with passwords. conversehost --scenario FILE reads it.\n"
    )
    document = json.loads(get(api, JSON))
    assert document["version"] == 1
    alice, echo = document["account"][0], document["bot"][0]
    assert (alice["name"], alice["password"], alice["nickname"]) == ("alice@localhost", "secret", "Alice")
    assert alice["roster"][0] == {
        "jid": "bob@localhost",
        "name": "Bob",
        "subscription": "both",
        "groups": ["Wonderland", "Friends"],
    }
    assert (echo["name"], echo["kind"]) == ("echo@localhost", "echo")


def test_a_file_that_was_saved_is_a_scenario(house: House, tmp_path: Path):
    live_much(house)
    told = get(house.api)
    file = tmp_path / "saved.toml"
    file.write_text(told)
    assert get(House("--scenario", str(file)).api) == told


def test_at_the_end_it_is_saved(tmp_path: Path):
    file = tmp_path / "saved.toml"
    house = House("--save-on-exit", str(file))
    live_much(house)
    held = house.poll(house.prebound("alice"))
    house.server.stopService()
    assert held.end == ("system-shutdown", None) or held.body is not None
    assert file.stat().st_mode & 0o777 == 0o600
    again = House("--scenario", str(file))
    assert get(again.api) == file.read_text() == get(house.api)
    assert again.person("zoe").client.error is None


def test_a_file_that_can_not_be_written_is_told_of_in_the_log(tmp_path: Path):
    folder = tmp_path / "gone"
    folder.mkdir()
    house = House("--save-on-exit", str(folder / "saved.toml"))
    folder.rmdir()
    with capturedLogs() as logs:
        house.server.stopService()
    assert [each["error"] for each in logs if "nothing was saved" in each["log_format"]] == [
        "No such file or directory"
    ]


def test_sessions_end_with_the_data_that_they_were_about(house: House):
    alice = house.person("alice")
    assert put(house.api, "").status == 204
    assert (alice.client.error.condition, alice.client.error.text) == (
        "system-shutdown",
        "the server's state was restored",
    )
    assert house.api("GET", "/accounts?bots=1").json == {"accounts": []}


def test_bots_come_and_go_with_it_and_a_reset_brings_them_back(house: House, api: Caller):
    put(api, '[[account]]\nname = "ann"\npassword = "x"\n[[bot]]\nname = "parrot"\nkind = "echo"\n')
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"parrot@localhost/bot"}
    api("POST", "/accounts", {"jid": "ben"})
    roster = house.server.domains.hosts["localhost"].rosters
    assert [item.jid for item in roster.of(parse("ben@localhost"))] == ["parrot@localhost"]
    api("POST", "/snapshots", {"name": "parrot"})
    put(api, "")
    api("POST", "/snapshots/parrot")
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"parrot@localhost/bot"}
    api("POST", "/reset")
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"echo@localhost/bot", "welcome@localhost/bot"}


def test_a_bot_that_has_a_roster_meets_nobody_else(house: House, api: Caller):
    put(api, '[[account]]\nname = "ann"\npassword = "x"\n[[bot]]\nname = "parrot"\nkind = "echo"\nroster = []\n')
    assert json.loads(get(api, JSON))["account"][0]["roster"] == []


def test_what_is_wrong_changes_nothing(house: House, api: Caller):
    alice, before = house.person("alice"), get(api)
    answer = put(api, '[[account]]\nname = "ann"\npassword = "x"\nroster = [{jid = "a b@c"}]\n')
    assert answer.status == 400
    assert answer.error[2].startswith("[[account]] number 1: roster: number 1: jid: 'a b@c' is not an address")
    assert get(api) == before
    assert alice.client.error is None


@pytest.mark.parametrize(
    ("text", "kind", "status", "message"),
    [
        ("", "text/plain", 415, "a body needs Content-Type: application/toml or application/json or application/xml"),
        ("x", TOML, 400, "Expected '='"),
        ("[]", JSON, 400, "must be an object"),
        ("{", JSON, 400, "Expecting property name"),
        ("version = 2", TOML, 400, "version 2 of this format isn't known here: there is 1"),
        (
            '[[data]]\ncollection = "x"\nowner = "a"\nvalue = 1',
            TOML,
            400,
            "[[data]] number 1: collection 'x' isn't one",
        ),
        ("[" * 60_000, JSON, 400, "nested too deeply"),
    ],
)
def test_what_it_does_not_take(api: Caller, text: str, kind: str, status: int, message: str):
    answer = put(api, text, kind)
    assert answer.error[0] == status
    assert message in answer.error[2]


LARGE = "# " + "x" * 100_000


def test_a_state_may_be_large_for_those_who_may_send_one(house: House):
    assert put(house.api, LARGE).status == 204
    far = Caller(house.server, peer="192.0.2.1")
    token = {"Authorization": f"Bearer {house.server.token._text}"}
    for caller, headers, status in (
        (house.api, {"X_Forwarded_For": "192.0.2.1"}, 413),
        (far, {}, 413),
        (far, {"Authorization": "Bearer wrong"}, 413),
        (far, token, 204),
    ):
        sent = {"Content_Type": TOML, **headers}
        assert caller.send("PUT", f"{API}/state", LARGE.encode(), sent).status == status
    assert house.api.send("POST", "/login", LARGE.encode(), {}).status == 413


def test_other_methods(api: Caller):
    assert api("POST", "/state").status == 405
    head = api.send("HEAD", f"{API}/state", b"", {})
    assert (head.status, head.body) == (200, b"")


OFFLINE = "<message from='bob@localhost' to='ann@localhost' type='chat'><body>hi</body></message>"
MISTAKES = [
    ('roster = "x"', "roster: must be a list, not 'x'"),
    ("roster = [1]", "roster: number 1: must be a table, not 1"),
    ('roster = [{name = "x"}]', "roster: number 1: something is missing; not given: jid"),
    ('roster = [{jid = "b@c", subscription = "yes"}]', "roster: number 1: subscription must be none, to, from or both"),
    ('vcard = "<vCard>"', "vcard: not XML"),
    ('private = ["text"]', "private: not-well-formed"),
    ('offline = ["<iq/>"]', "offline: number 1: must be a <message/>"),
    ('archiving = {default = "x"}', "archiving: default is always, never or roster, not 'x'"),
    ("last = 3", "last: must be a table, not 3"),
    ('blocked = ["@"]', "blocked: number 1: '@' is not an address"),
    ("tokens = [{}]", "tokens: client is missing"),
    ("disabled = 1", "disabled must be true or false"),
    ('[[room]]\nname = "x@localhost"', "name: localhost, of x@localhost, has no rooms here"),
    ('[[room]]\nname = "x"\nmembers = [{jid = "a@b", affiliation = "king"}]', "members: affiliation: must be one of"),
    (
        '[[room]]\nname = "x"\nroles = {"a@b" = "king"}',
        "roles: must be one of none",
    ),
    ("credentials = [{}]", "credentials must be a list of tables, each with mechanism, iterations, salt"),
]


@pytest.mark.parametrize(("line", "message"), MISTAKES, ids=[line for line, _ in MISTAKES])
def test_a_mistake_names_the_key(tmp_path: Path, line: str, message: str):
    file = tmp_path / "cast.toml"
    file.write_text(f'[[account]]\nname = "ann"\npassword = "x"\n{line}\n')
    with pytest.raises(ConfigError) as caught:
        House("--scenario", str(file))
    name = "room" if line.startswith("[[room]]") else "account"
    assert str(caught.value).startswith(f"{file}: [[{name}]] number 1: {message}")


BY_HAND = f'''
[[account]]
name = "ann"
password = "x"
roster = [{{jid = "bob@localhost", subscription = "to", ask = true}}]
offline = ["{OFFLINE}"]
blocked = ["spam.example"]
vcard = "<vCard xmlns='vcard-temp'><FN>Ann</FN></vCard>"
last = {{at = 2026-01-01T00:00:00Z, status = "gone"}}

[[account.tokens]]
client = "c"
new.secret = "s"
new.mechanism = "HT-SHA-256-NONE"
new.issued = 2026-01-01T00:00:00Z
new.expiry = 2027-01-01T00:00:00Z
'''


def test_what_was_said_long_ago(tmp_path: Path):
    file = tmp_path / "cast.toml"
    said = f'{{at = 2026-01-30T20:15:00.125Z, message = "{OFFLINE}"}}'
    file.write_text(f'[[account]]\nname = "ann"\npassword = "x"\narchive = [{said}]\n')
    archive = House("--scenario", str(file)).server.domains.hosts["localhost"].archive
    (found,) = archive.latest("ann@localhost", "bob@localhost", 10)
    assert (stamp(found.at), found.parsed().text_of("body")) == ("2026-01-30T20:15:00.125Z", "hi")
    assert list(archive.latest("ann@localhost", "ann@localhost", 10)) == []


def test_what_people_write_by_hand(tmp_path: Path):
    file = tmp_path / "cast.toml"
    file.write_text(BY_HAND)
    ann = House("--scenario", str(file)).person("ann")
    ann.says(stanza("iq", {"type": "get", "id": "r"}, element(ns.ROSTER, "query")))
    assert [dict(each.attrib) for each in ann.got[-1][0]] == [
        {"jid": "bob@localhost", "subscription": "to", "ask": "subscribe"}
    ]
    ann.says(stanza("presence", {}))
    (message,) = [each for each in ann.got if each.kind == "message"]
    assert message.text_of("body") == "hi"


DOCUMENTS = Path(__file__).parents[2] / "docs" / "scenario-files.md"


@pytest.mark.parametrize("example", re.findall(r"```toml\n(.*?)```", DOCUMENTS.read_text(), re.DOTALL))
def test_what_the_documentation_shows_is_right(api: Caller, example: str):
    assert put(api, example).status == 204


def test_the_documentation_shows_every_key():
    text = DOCUMENTS.read_text()
    assert [name for name in (*ACCOUNT, *BOT, *ROOM_KEYS, *CREDENTIALS) if f"{name} =" not in text] == []


def test_a_room_by_hand(house: House, api: Caller):
    put(api, '[[account]]\nname = "ann"\npassword = "x"\n[[room]]\nname = "garden"\nconfig = {name = "The garden"}\n')
    room = Record(house.server.store, "garden@conference.localhost")
    assert room.config.name == "The garden"
    ann = house.person("ann")
    join = element(ns.MUC, "x")
    ann.says(stanza("presence", {"to": "garden@conference.localhost/Ann"}, join))
    assert {each.get("from") for each in ann.got} == {"garden@conference.localhost/Ann", "garden@conference.localhost"}
    put(api, '[[room]]\nname = "garden"\nmembers = [{jid = "ann@localhost", affiliation = "member", nick = "Annie"}]\n')
    assert room.holder("Annie") == "ann@localhost"
    assert room.config.persistent


def test_an_archive_by_hand(house: House, api: Caller):
    message = "<message from='garden@conference.localhost/Al' type='groupchat'><body>hi</body></message>"
    put(api, f'[[room]]\nname = "garden"\narchive = [{{at = 2026-01-31T12:00:00Z, message = "{message}"}}]\n')
    log = house.server.store.log(ARCHIVE, "garden@conference.localhost")
    (key,) = log.select("garden@conference.localhost/Al")
    assert time_of(key) == 1_769_860_800_000
    assert [key] == list(log.select("garden@conference.localhost"))


def test_a_password_that_nobody_here_knows(api: Caller, house: House):
    put(api, re.findall(r"```toml\n(.*?)```", DOCUMENTS.read_text(), re.DOTALL)[1].replace("disabled = true", ""))
    told: list[object] = []
    accounts = house.server.domains.accounts
    for password in ("only she knows", "", "wrong"):
        accounts.check(Attempt(parse("carol@localhost"), password), told.append)
    assert told == [Accepted(parse("carol@localhost")), Refused(), Refused()]


def test_a_picture_in_a_vcard_is_announced(tmp_path: Path):
    file = tmp_path / "cast.toml"
    photo = "<vCard xmlns='vcard-temp'><PHOTO><TYPE>image/png</TYPE><BINVAL>aGk=</BINVAL></PHOTO></vCard>"
    file.write_text(f'[[account]]\nname = "ann"\npassword = "x"\nvcard = "{photo}"\n')
    ann = House("--scenario", str(file)).person("ann")
    ann.says(stanza("presence", {}))
    assert ann.got[0].find(f".//{{{ns.VCARD_UPDATE}}}photo").text == "c22b5f9178342609428d6f51b2c5af4c0bde6a42"


GENERAL = ("scenario.py", "memory.py", "moving.py", "archive.py")
"""They write whatever they are told to."""


def module_of(path: Path) -> ModuleType:
    parts = path.relative_to(Path(conversehost.__file__).parent.parent).with_suffix("").parts
    return importlib.import_module(".".join(parts).removesuffix(".__init__"))


def test_what_a_file_says_was_said_in_a_room_is_told_to_who_enters(house: House, api: Caller):
    message = "<message from='garden@conference.localhost/Al' type='groupchat'><body>hi</body></message>"
    room = f'name = "garden"\narchive = [{{at = 2026-01-31T12:00:00Z, message = "{message}"}}]\n'
    put(api, f'[[account]]\nname = "ann"\npassword = "x"\n[[room]]\n{room}')
    ann = house.person("ann")
    ann.says(stanza("presence", {"to": "garden@conference.localhost/Ann"}, element(ns.MUC, "x")))
    assert [each.text_of("body") for each in ann.got if each.kind == "message"] == ["hi", ""]


def collections() -> Iterator[tuple[str, Path]]:
    """The names of all collections that are written anywhere."""
    for path in Path(conversehost.__file__).parent.rglob("*.py"):
        tree = ast.parse(path.read_text())
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "Archive":
                yield eval(ast.unparse(node.args[1]), vars(module_of(path))), path
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.args):
                continue
            owner = node.func.value
            name = owner.attr if isinstance(owner, ast.Attribute) else owner.id if isinstance(owner, ast.Name) else ""
            if name.lstrip("_") != "store" or node.func.attr not in ("put", "append", "open_log"):
                continue
            first = node.args[0]
            if isinstance(first, ast.Constant):
                yield first.value, path
            elif path.name not in GENERAL:
                yield eval(ast.unparse(first), vars(module_of(path))), path


def test_every_collection_is_in_files_or_left_out_on_purpose():
    known = {section.collection for section in (*SECTIONS, *ROOM)} | OTHERS.keys() | LEFT_OUT.keys()
    for name, path in collections():
        assert name in known, f"{path}: say in testbed/sections.py how files have the collection {name!r}"
    found = {name for name, _ in collections()}
    assert known - found <= {"vcard", "accounts", "archive"}, "no such collections any more"


NAMES = st.sampled_from(["ann", "ben", "cleo", "düne"])
TEXT = st.text(
    st.characters(codec="utf-8", exclude_categories=("Cs", "Cc"), exclude_characters="\ufffe\uffff"), max_size=12
)
ITEM = st.builds(
    RosterItem,
    st.sampled_from(["ann@localhost", "x@y.example", "gateway.example"]),
    TEXT,
    st.lists(TEXT.filter(bool), max_size=2, unique=True).map(tuple),
    to=st.booleans(),
    from_=st.booleans(),
    ask=st.booleans(),
    approved=st.booleans(),
    pending=st.sampled_from([None, b'<presence xmlns="jabber:client" type="subscribe"/>']),
)
PERSON = st.fixed_dictionaries(
    {
        "password": TEXT.filter(bool),
        "nickname": TEXT,
        "items": st.lists(ITEM, max_size=4),
        "private": st.lists(TEXT, max_size=2),
        "blocked": st.lists(st.sampled_from(["a@b.example", "c.example", "d@e.example/r"]), unique=True),
        "left": st.none() | st.floats(0, 4e9),
        "disabled": st.booleans(),
    }
)


@settings(max_examples=60, suppress_health_check=[HealthCheck.too_slow], deadline=None)
@given(st.dictionaries(NAMES, PERSON, max_size=4))
def test_any_state_makes_the_same_again(people: dict[str, dict]):
    house = populated(people)
    hosts, store = house.server.domains.hosts, house.server.store
    told = to_toml(document(hosts, house.server.cast.bots))
    before = store.snapshot()
    assert put(house.api, told).status == 204
    assert to_toml(document(hosts, house.server.cast.bots)) == told
    assert store.snapshot().get("roster") == before.get("roster")


HOUSE: list[House] = []


def populated(people: dict[str, dict]) -> House:
    if not HOUSE:
        HOUSE.append(House())
    (house,) = HOUSE
    assert put(house.api, "").status == 204
    host = house.server.domains.hosts["localhost"]
    for name, has in people.items():
        jid = parse(f"{name}@localhost")
        host.accounts.put(jid, has["password"])
        if has["disabled"]:
            host.accounts.disable(jid)
        if has["nickname"]:
            put_nickname(host, jid, has["nickname"])
        for item in has["items"]:
            host.rosters.put(jid, item)
        for number, text in enumerate(has["private"]):
            kept = to_bytes(element(f"urn:{number}", "x", text=text))
            host.store.put("private", jid.bare, f"{{urn:{number}}}x", kept)
        for address in has["blocked"]:
            host.store.put("blocked", jid.bare, parse(address).full, parse(address))
        if has["left"] is not None:
            host.store.put("left", jid.bare, "", has["left"])
    return house
