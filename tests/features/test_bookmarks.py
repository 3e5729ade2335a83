"""XEP-0402, 0048 and 0049: three ways to keep bookmarks, and one list."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes
from tests.features.pubsub.words import done, interested, news, own, publish, request, retract, values
from tests.stage import Client, Stage

OPTIONS = {
    "persist_items": "true",
    "max_items": "max",
    "send_last_published_item": "never",
    "access_model": "whitelist",
}
ROOM, OTHER = "play@conference.localhost", "orchard@conference.localhost"


def bookmark(client: Client, jid: str = ROOM, name: str = "Play", nick: str = "JC", more: str = "") -> None:
    """As new clients do."""
    content = f"<nick>{nick}</nick>{more}"
    conference = f"<conference xmlns='{ns.BOOKMARKS}' name='{name}' autojoin='1'>{content}</conference>"
    done(publish(client, f"<item id='{jid}'>{conference}</item>", node=ns.BOOKMARKS, to=None, **OPTIONS))


def old(*rooms: tuple[str, str], more: str = "") -> str:
    conferences = "".join(
        f"<conference jid='{jid}' name='{name}' autojoin='true'><nick>JC</nick></conference>" for jid, name in rooms
    )
    return f"<storage xmlns='{ns.STORAGE_BOOKMARKS}'>{conferences}{more}</storage>"


def store_privately(client: Client, storage: str) -> None:
    done(client.ask("set", f"<query xmlns='{ns.PRIVATE}'>{storage}</query>"))


def private(client: Client) -> list[tuple[str | None, ...]]:
    query = f"<query xmlns='{ns.PRIVATE}'><storage xmlns='{ns.STORAGE_BOOKMARKS}'/></query>"
    return rooms(client.ask("get", query)[0][0])


def in_item(client: Client) -> list[tuple[str | None, ...]]:
    answer = done(request(client, "get", f"<items node='{ns.STORAGE_BOOKMARKS}'/>", None))
    return rooms(answer[0][0][0][0])


def rooms(storage: object) -> list[tuple[str | None, ...]]:
    nick = f"{{{ns.STORAGE_BOOKMARKS}}}nick"
    return [
        (each.get("jid") or each.get("url"), each.get("name"), each.get("autojoin"), each.findtext(nick))
        for each in storage  # type: ignore[attr-defined]
    ]


def in_items(client: Client) -> dict[str, tuple[str | None, ...]]:
    answer = done(request(client, "get", f"<items node='{ns.BOOKMARKS}'/>", None))
    nick = f"{{{ns.BOOKMARKS}}}nick"
    return {
        each.get("id", ""): (each[0].get("name"), each[0].get("autojoin"), each[0].findtext(nick))
        for each in answer[0][0]
    }


def test_what_a_new_client_keeps_old_ones_have(romeo: Client):
    bookmark(romeo)
    bookmark(romeo, OTHER, "Orchard")
    expected = [(ROOM, "Play", "true", "JC"), (OTHER, "Orchard", "true", "JC")]
    assert private(romeo) == expected
    assert in_item(romeo) == expected
    done(retract(romeo, ROOM, node=ns.BOOKMARKS, to=None))
    assert private(romeo) == in_item(romeo) == expected[1:]


def test_what_an_old_client_keeps_new_ones_have(romeo: Client):
    store_privately(romeo, old((ROOM, "Play"), (OTHER, "Orchard")))
    assert in_items(romeo) == {ROOM: ("Play", "true", "JC"), OTHER: ("Orchard", "true", "JC")}
    assert in_item(romeo) == private(romeo)
    found = values(done(own(romeo, "get", f"<configure node='{ns.BOOKMARKS}'/>", None)))
    assert (found["access_model"], found["max_items"], found["send_last_published_item"]) == (
        ("whitelist",),
        ("max",),
        ("never",),
    )
    bookmark(romeo, name="Same node, same options")


def test_from_the_one_item_too(romeo: Client):
    item = f"<item id='current'>{old((ROOM, 'Play'))}</item>"
    done(publish(romeo, item, node=ns.STORAGE_BOOKMARKS, to=None, access_model="whitelist"))
    assert in_items(romeo) == {ROOM: ("Play", "true", "JC")}
    assert private(romeo) == [(ROOM, "Play", "true", "JC")]


def test_clients_hear_of_what_has_changed_only(stage: Stage, romeo: Client):
    store_privately(romeo, old((ROOM, "Play"), (OTHER, "Orchard")))
    garden = stage.login("romeo", "garden")
    interested(garden, ns.BOOKMARKS)
    store_privately(romeo, old((ROOM, "Play"), ("third@conference.localhost", "Third")))
    assert news(garden) == ["item third@conference.localhost", f"retract {OTHER}"]
    store_privately(romeo, old((ROOM, "Play"), ("third@conference.localhost", "Third")))
    assert news(garden) == []


def test_old_clients_hear_of_it_as_well(stage: Stage, romeo: Client):
    garden = stage.login("romeo", "garden")
    interested(garden, ns.STORAGE_BOOKMARKS)
    bookmark(romeo)
    assert news(garden) == ["item current"]


def test_what_old_clients_do_not_know_stays(romeo: Client):
    bookmark(romeo, more="<extensions><state xmlns='urn:mine' minimized='true'/></extensions>")
    store_privately(romeo, old((ROOM, "Renamed")))
    answer = request(romeo, "get", f"<items node='{ns.BOOKMARKS}'/>", None)
    assert answer[0][0][0][0].get("name") == "Renamed"
    assert b"minimized" in to_bytes(answer)


def test_addresses_of_pages_stay(romeo: Client):
    store_privately(romeo, old((ROOM, "Play"), more="<url name='X' url='http://x.example/'/>"))
    bookmark(romeo, OTHER, "Orchard")
    assert [each[0] for each in private(romeo)] == [ROOM, OTHER, "http://x.example/"]


def test_what_is_no_room_is_left_alone(romeo: Client):
    store_privately(romeo, f"<storage xmlns='{ns.STORAGE_BOOKMARKS}'><conference name='nowhere'/></storage>")
    store_privately(romeo, "<other xmlns='urn:other'/>")
    assert request(romeo, "get", f"<items node='{ns.BOOKMARKS}'/>", None).type == "error"


def test_nothing_of_it_is_for_others(romeo: Client, juliet: Client):
    interested(juliet, ns.BOOKMARKS, ns.STORAGE_BOOKMARKS)
    store_privately(romeo, old((ROOM, "Play")))
    assert news(juliet) == []
    for node in (ns.BOOKMARKS, ns.STORAGE_BOOKMARKS):
        assert request(juliet, "get", f"<items node='{node}'/>", romeo.bare).type == "error"


def test_the_account_says_so(romeo: Client):
    answer = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>")
    told = {each.get("var") for each in answer[0]}
    assert {f"{ns.BOOKMARKS}#compat", f"{ns.BOOKMARKS}#compat-pep"} <= told


@pytest.mark.parametrize("disabled", ["bookmarks", "pep", "private"])
def test_without_it(make_stage: Callable[..., Stage], disabled: str):
    romeo = make_stage(disabled=[disabled]).login("romeo")
    answer = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>")
    assert f"{ns.BOOKMARKS}#compat" not in {each.get("var") for each in answer[0]}
    if disabled == "bookmarks":
        bookmark(romeo)
        assert private(romeo) == []
