"""XEP-0153, and section 4 of XEP-0398."""

from __future__ import annotations

import hashlib
from base64 import b64encode
from collections.abc import Callable

import pytest

from conversehost.features.pubsub import items
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from tests.features.pubsub import words
from tests.features.pubsub.words import done
from tests.stage import Client, Stage

IMAGE = b"\x89PNG\r\n\x1a\n of juliet"
HASH = hashlib.sha1(IMAGE).hexdigest()
OTHER = b"another"
UPDATE = f"{{{ns.VCARD_UPDATE}}}x"
PHOTO = f"{{{ns.VCARD_UPDATE}}}photo"


def publish(client: Client, image: bytes | None = IMAGE, written: Callable[[str], str] = str) -> None:
    data = "" if image is None else f"<PHOTO><BINVAL>{written(b64encode(image).decode())}</BINVAL></PHOTO>"
    assert client.ask("set", f"<vCard xmlns='{ns.VCARD}'><FN>J</FN>{data}</vCard>").type == "result"


def said(presence: Stanza) -> list[str | None]:
    """The hashes that a presence has; "" for the word that there is no picture, None where the client isn't ready."""
    updates = presence.findall(UPDATE)
    return [None if update.find(PHOTO) is None else update.findtext(PHOTO) for update in updates]


def seen(client: Client) -> list[list[str | None]]:
    return [said(each) for each in client.take("presence")]


def test_without_a_picture_nothing_is_added(romeo: Client, juliet: Client):
    publish(juliet, None)
    juliet.available()
    assert seen(romeo) == [[]]


@pytest.mark.parametrize("written", [str, lambda data: f"\n  {data[:20]}\r\n\t{data[20:]}\n"])
def test_contacts_hear_of_a_new_picture_at_once(romeo: Client, juliet: Client, written: Callable[[str], str]):
    juliet.write("<presence id='p'><show>away</show><priority>3</priority></presence>")
    romeo.take()
    publish(juliet, written=written)
    (presence,) = romeo.take("presence")
    assert said(presence) == [HASH]
    assert (presence.id, presence.text_of("show"), juliet.session.priority) == ("p", "away", 3)
    assert seen(juliet)[-1] == [HASH]


def test_it_is_in_whatever_a_client_shows_from_then_on(stage: Stage, romeo: Client, juliet: Client, mercutio: Client):
    publish(juliet)
    romeo.take()
    juliet.available()
    juliet.available(to=mercutio.bare)
    other = stage.connect("juliet", "chamber")
    other.available()
    assert seen(romeo) == [[HASH], [HASH]]
    assert seen(mercutio) == [[HASH]]


def test_who_comes_later_sees_it(stage: Stage, juliet: Client):
    publish(juliet)
    romeo = stage.connect("romeo", "garden")
    romeo.available()
    assert [HASH] in seen(romeo)


def test_a_picture_that_is_replaced_or_removed(romeo: Client, juliet: Client):
    for image in (IMAGE, OTHER, OTHER, None, None):
        publish(juliet, image)
    assert seen(romeo) == [[HASH], [hashlib.sha1(OTHER).hexdigest()], [""]]


def test_a_client_that_is_not_ready_need_not_be(juliet: Client, romeo: Client):
    """XEP-0398: an update that is empty is filled in."""
    empty = f"<presence><x xmlns='{ns.VCARD_UPDATE}'/></presence>"
    juliet.write(empty)
    publish(juliet)
    juliet.write(empty)
    assert seen(romeo) == [[""], [HASH], [HASH]]


@pytest.mark.parametrize("photo", ["<photo/>", "<photo>0123</photo>"])
def test_what_a_client_says_itself_stands(juliet: Client, romeo: Client, photo: str):
    publish(juliet)
    romeo.take()
    juliet.write(f"<presence><x xmlns='{ns.VCARD_UPDATE}'>{photo}</x></presence>")
    publish(juliet, OTHER)
    assert seen(romeo) == [["0123" if "0123" in photo else ""]]
    juliet.available()
    publish(juliet)
    assert seen(romeo) == [[hashlib.sha1(OTHER).hexdigest()], [HASH]]


def test_each_of_an_accounts_clients_speaks_for_itself(stage: Stage, romeo: Client, juliet: Client):
    other, connected = stage.login("juliet", "chamber"), stage.connect("juliet", "cellar")
    other.write(f"<presence><x xmlns='{ns.VCARD_UPDATE}'><photo/></x></presence>")
    romeo.take()
    publish(connected)
    assert [(each.get("from"), said(each)) for each in romeo.take("presence")] == [(juliet.jid, [HASH])]


@pytest.mark.parametrize("data", ["", "!", "abc", "\u00e9"])
def test_what_is_no_picture(romeo: Client, juliet: Client, data: str):
    publish(juliet, written=lambda _: data)
    juliet.available()
    assert seen(romeo) == [[]]


def test_nothing_is_kept_of_an_account_that_is_gone(stage: Stage, juliet: Client):
    publish(juliet)
    assert list(stage.store.owners("avatar")) == [juliet.bare]
    stage.host.delete_account(juliet.session.account)
    assert list(stage.store.owners("avatar")) == []


def test_goodbye_has_no_picture(romeo: Client, juliet: Client):
    publish(juliet)
    romeo.take()
    juliet.presence("unavailable")
    assert seen(romeo) == [[]]


# XEP-0398: with XEP-0084


def publish_in_nodes(client: Client, image: bytes = IMAGE, info: str = "", **options: str) -> None:
    digest = hashlib.sha1(image).hexdigest()
    data = f"<item id='{digest}'><data xmlns='{ns.AVATAR_DATA}'>{b64encode(image).decode()}</data></item>"
    described = info or f"<info id='{digest}' bytes='{len(image)}' type='image/png'/>"
    metadata = f"<item id='{digest}'><metadata xmlns='{ns.AVATAR_METADATA}'>{described}</metadata></item>"
    done(words.publish(client, data, node=ns.AVATAR_DATA, to=None, **options))
    done(words.publish(client, metadata, node=ns.AVATAR_METADATA, to=None, **options))


def in_vcard(client: Client, of: str | None = None) -> tuple[str | None, str | None]:
    vcard = client.ask("get", f"<vCard xmlns='{ns.VCARD}'/>", of)[0]
    return tuple(vcard.findtext(f"{{{ns.VCARD}}}PHOTO/{{{ns.VCARD}}}{name}") for name in ("TYPE", "BINVAL"))  # type: ignore[return-value]


def in_nodes(client: Client, of: str) -> list[dict[str, str]]:
    """The metadata."""
    answer = done(words.request(client, "get", f"<items node='{ns.AVATAR_METADATA}'/>", of))
    return [dict(each.attrib) for each in answer[0][0][-1][0]]


def test_a_picture_in_the_vcard_is_published(romeo: Client, juliet: Client):
    words.interested(romeo, ns.AVATAR_METADATA)
    publish(juliet)
    (message,) = words.events(romeo)
    assert words.content(message)[0].get("id") == HASH
    assert in_nodes(romeo, juliet.bare) == [{"id": HASH, "bytes": str(len(IMAGE)), "type": "image/png"}]
    answer = words.request(romeo, "get", f"<items node='{ns.AVATAR_DATA}'><item id='{HASH}'/></items>", juliet.bare)
    assert answer[0][0][0][0].text == b64encode(IMAGE).decode()
    publish(juliet)
    assert words.events(romeo) == []
    publish(juliet, None)
    assert len(words.content(words.events(romeo)[0])[0][0]) == 0


def test_a_picture_that_is_published_is_in_the_vcard(romeo: Client, juliet: Client, mercutio: Client):
    juliet.ask("set", f"<vCard xmlns='{ns.VCARD}'><FN>J</FN></vCard>")
    publish_in_nodes(juliet)
    assert in_vcard(mercutio, juliet.bare) == ("image/png", b64encode(IMAGE).decode())
    assert juliet.ask("get", f"<vCard xmlns='{ns.VCARD}'/>")[0].findtext(f"{{{ns.VCARD}}}FN") == "J"
    assert seen(romeo) == [[HASH]]
    publish_in_nodes(juliet, OTHER)
    assert in_vcard(juliet) == ("image/png", b64encode(OTHER).decode())
    nothing = f"<item><metadata xmlns='{ns.AVATAR_METADATA}'/></item>"
    done(words.publish(juliet, nothing, node=ns.AVATAR_METADATA, to=None))
    assert in_vcard(juliet) == (None, None)
    assert seen(romeo) == [[hashlib.sha1(OTHER).hexdigest()], [""]]


@pytest.mark.parametrize(
    ("info", "options"),
    [
        ("", {"access_model": "whitelist"}),
        (f"<info id='{HASH}' url='http://x.example/' type='image/png'/>", {}),
        ("<info id='0123' type='image/png'/>", {}),
    ],
)
def test_what_does_not_come_into_the_vcard(juliet: Client, info: str, options: dict[str, str]):
    publish_in_nodes(juliet, info=info, **options)
    assert in_vcard(juliet) == (None, None)


def test_of_several_forms_the_one_that_is_here(juliet: Client):
    elsewhere = f"<info id='{HASH}' url='http://x.example/' type='image/gif'/>"
    publish_in_nodes(juliet, info=f"{elsewhere}<info id='{HASH}' type='image/png'/>")
    assert in_vcard(juliet)[0] == "image/png"


def test_the_account_says_that_it_converts(juliet: Client):
    answer = juliet.ask("get", f"<query xmlns='{ns.DISCO_INFO}'/>")
    assert "urn:xmpp:pep-vcard-conversion:0" in {each.get("var") for each in answer[0]}


def test_a_vcard_stands_though_its_picture_cannot_be_published(juliet: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(items, "BYTES", 10)
    publish(juliet)
    assert in_vcard(juliet)[1] == b64encode(IMAGE).decode()
