"""`/accounts/{jid}/vcard` and `/accounts/{jid}/avatar`."""

from __future__ import annotations

import hashlib
from base64 import b64encode

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import element
from tests.testbed.conftest import Person

VCARD, AVATAR = "/accounts/alice/vcard", "/accounts/alice/avatar"
PICTURE = b"\x89PNG\r\n\x1a\n picture"
SHA1 = hashlib.sha1(PICTURE).hexdigest()
WORN = {"type": "image/png", "data": b64encode(PICTURE).decode()}
PHOTO = f"{{{ns.VCARD_UPDATE}}}x/{{{ns.VCARD_UPDATE}}}photo"


@pytest.fixture
def bob(house) -> Person:
    """A friend of Alice's, who is here, and so is she."""
    alice, bob = house.person("alice"), house.person("bob")
    for each in (alice, bob):
        each.says(stanza("presence", {}))
    bob.got.clear()
    return bob


def photos(person: Person) -> list[str | None]:
    return [each.findtext(PHOTO) for each in person.got if each.kind == "presence"]


def test_a_vcard_is_told_field_by_field_and_as_xml(api):
    told = api("GET", VCARD).json
    assert (told["full_name"], told["nickname"], told["email"], told["avatar_hash"]) == ("Alice", "Alice", None, None)
    assert told["xml"].startswith("<vCard ")


def test_fields_change_and_the_rest_stays(house, api):
    given = {"email": "a@x.example", "family_name": "Liddell", "organisation": "Tea & Co", "description": "two\nlines"}
    told = api("PATCH", VCARD, given).json
    assert {name: told[name] for name in given} == given
    assert told["nickname"] == "Alice"
    assert "<N><FAMILY>Liddell</FAMILY></N>" in told["xml"]
    told = api("PATCH", VCARD, {"family_name": "", "nickname": "", "email": "b@x.example"}).json
    assert (told["family_name"], told["nickname"], told["email"]) == (None, None, "b@x.example")
    assert "<N" not in told["xml"].replace("<NICKNAME", "")
    assert api("GET", "/accounts/alice").json["nickname"] is None


def test_clients_read_what_was_written(house, api, bob):
    api("PATCH", VCARD, {"url": "https://alice.example/"})
    bob.says(stanza("iq", {"type": "get", "id": "v", "to": "alice@localhost"}, element(ns.VCARD, "vCard")))
    assert bob.got[-1][0].findtext(f"{{{ns.VCARD}}}URL") == "https://alice.example/"


def test_a_whole_one_as_xml(api):
    xml = '<vCard xmlns="vcard-temp"><FN>Alice L.</FN><X-ROOM>7</X-ROOM></vCard>'
    told = api("PUT", VCARD, {"xml": xml}).json
    assert (told["full_name"], told["nickname"], told["xml"]) == ("Alice L.", None, xml)


@pytest.mark.parametrize(
    ("xml", "said"),
    [
        ("", "xml: "),
        ("<vCard", "xml: "),
        ("<vCard/>", "xml must be a vCard element of the namespace vcard-temp"),
        ("<!DOCTYPE x><vCard xmlns='vcard-temp'/>", "xml: "),
    ],
)
def test_what_is_no_vcard(house, api, xml, said):
    before = house.server.store.snapshot()
    status, _, message = api("PUT", VCARD, {"xml": xml}).error
    assert status == 400
    assert message.startswith(said)
    assert house.server.store.snapshot() == before


def test_a_picture_is_seen_at_once(house, api, bob):
    assert api("GET", AVATAR).error == (404, "not-found", "alice@localhost has no picture")
    told = api("PUT", AVATAR, WORN).json
    assert told == WORN | {"hash": SHA1, "size": len(PICTURE)}
    assert api("GET", AVATAR).json == told
    assert photos(bob) == [SHA1]
    assert api("GET", VCARD).json["avatar_hash"] == SHA1
    assert api("GET", VCARD).json["nickname"] == "Alice"


def test_another_picture_takes_its_place(api, bob):
    api("PUT", AVATAR, WORN)
    api("PUT", AVATAR, WORN | {"data": b64encode(b"other").decode(), "type": "image/jpeg"})
    assert photos(bob) == [SHA1, hashlib.sha1(b"other").hexdigest()]
    assert api("GET", VCARD).json["xml"].count("<PHOTO>") == 1


def test_no_picture_any_more(api, bob):
    api("PUT", AVATAR, WORN)
    bob.got.clear()
    assert api("DELETE", AVATAR).status == 204
    assert api("GET", AVATAR).status == 404
    assert photos(bob) == [""]
    assert api("GET", VCARD).json["nickname"] == "Alice"


def test_no_vcard_any_more(api, bob):
    api("PUT", AVATAR, WORN)
    bob.got.clear()
    assert api("DELETE", VCARD).status == 204
    told = api("GET", VCARD).json
    assert set(told.values()) == {None}
    assert photos(bob) == [""]


@pytest.mark.parametrize("data", ["?", "QQ", "QQ==\n", " "])
def test_what_is_no_base64(api, data):
    assert api("PUT", AVATAR, WORN | {"data": data}).error[:2] == (400, "bad-request")


def test_of_nobody_there_is_none(api):
    for method, path, fields in (
        ("GET", "vcard", None),
        ("PATCH", "vcard", {}),
        ("PUT", "vcard", {"xml": "<x/>"}),
        ("DELETE", "vcard", None),
        ("GET", "avatar", None),
        ("PUT", "avatar", WORN),
        ("DELETE", "avatar", None),
    ):
        assert api(method, f"/accounts/nobody/{path}", fields).status == 404


def test_a_reset_brings_it_back(api):
    before = api("GET", VCARD).json
    api("PUT", AVATAR, WORN)
    api("POST", "/reset")
    assert api("GET", VCARD).json == before
