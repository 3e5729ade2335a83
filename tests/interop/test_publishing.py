"""Publish-subscribe, personal and not, as slixmpp and aioxmpp use it."""

from __future__ import annotations

import asyncio
import hashlib
import warnings
from collections.abc import Callable
from contextlib import asynccontextmanager

import pytest
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ET

from . import test_slixmpp
from .test_slixmpp import SOON, run

with warnings.catch_warnings():  # it is of 2022, and names what Python has renamed since
    warnings.simplefilter("ignore")
    import aioxmpp
    import aioxmpp.xso as xso

    from .test_aioxmpp import JID, Client

pytestmark = pytest.mark.filterwarnings("ignore:using an available presence state:DeprecationWarning")
SERVICE, NODE = "pubsub.localhost", "princely_musings"
PICTURE = b"\x89PNG\r\n\x1a\n of romeo"
DEVICES = "eu.siacs.conversations.axolotl.devicelist"


def entry(text: str) -> ET.Element:
    made = ET.Element("{urn:example}entry")
    made.text = text
    return made


@asynccontextmanager
async def slixmpp_client(
    testbed, name: str, *plugins: str, interest: Callable[[test_slixmpp.Client], None] | None = None
):
    client = test_slixmpp.Client(f"{name}@localhost/slixmpp", "secret")
    for plugin in ("xep_0115", "xep_0004", *plugins):
        client.register_plugin(plugin)
    assert await client.log_in(testbed.c2s)
    if interest is not None:
        interest(client)
        await client.plugin["xep_0115"].update_caps()
    await client.get_roster()
    client.send_presence()
    yield client
    await client.leave()


# slixmpp


def test_slixmpp_has_a_node_of_its_own(testbed):
    async def conversation():
        async with (
            slixmpp_client(testbed, "romeo", "xep_0060") as romeo,
            slixmpp_client(testbed, "juliet", "xep_0060") as juliet,
        ):
            own, other = romeo.plugin["xep_0060"], juliet.plugin["xep_0060"]
            heard: asyncio.Queue = asyncio.Queue()
            for event in ("pubsub_publish", "pubsub_retract", "pubsub_purge", "pubsub_delete"):
                juliet.add_event_handler(event, heard.put_nowait)
            form = romeo.plugin["xep_0004"].make_form("submit")
            form.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/pubsub#node_config")
            form.add_field("pubsub#title", value="Musings")
            form.add_field("pubsub#max_items", value="max")
            await own.create_node(SERVICE, NODE, config=form)
            config = (await own.get_node_config(SERVICE, NODE))["pubsub_owner"]["configure"]["form"]
            assert config.get_values()["pubsub#title"] == "Musings"
            answer = await other.subscribe(SERVICE, NODE)
            assert answer["pubsub"]["subscription"]["subscription"] == "subscribed"
            for id in ("1", "2"):
                await own.publish(SERVICE, NODE, id=id, payload=entry(id))
                message = await asyncio.wait_for(heard.get(), SOON)
                assert message["pubsub_event"]["items"]["item"]["id"] == id
            items = (await other.get_items(SERVICE, NODE))["pubsub"]["items"]
            assert [each["id"] for each in items] == ["1", "2"]
            newest = (await other.get_items(SERVICE, NODE, max_items=1))["pubsub"]["items"]
            assert [each["id"] for each in newest] == ["2"]
            listed = (await own.get_node_subscriptions(SERVICE, NODE))["pubsub_owner"]["subscriptions"]
            assert [each["jid"].bare for each in listed] == ["juliet@localhost"]
            with pytest.raises(IqError) as refusal:
                await other.publish(SERVICE, NODE, payload=entry("mine"))
            assert refusal.value.condition == "forbidden"
            await own.modify_affiliations(SERVICE, NODE, [("juliet@localhost", "publisher")])
            await other.publish(SERVICE, NODE, id="3", payload=entry("mine"))
            await asyncio.wait_for(heard.get(), SOON)
            await own.retract(SERVICE, NODE, "1", notify=True)
            assert (await asyncio.wait_for(heard.get(), SOON))["pubsub_event"]["items"]["retract"]["id"] == "1"
            await own.purge(SERVICE, NODE)
            assert (await asyncio.wait_for(heard.get(), SOON))["pubsub_event"]["purge"]["node"] == NODE
            await own.delete_node(SERVICE, NODE)
            assert (await asyncio.wait_for(heard.get(), SOON))["pubsub_event"]["delete"]["node"] == NODE
            with pytest.raises(IqError) as refusal:
                await other.get_items(SERVICE, NODE)
            assert refusal.value.condition == "item-not-found"

    run(conversation())


def test_slixmpp_hears_a_tune(testbed):
    """XEP-0118, by what its capabilities say."""

    async def conversation():
        heard: asyncio.Queue = asyncio.Queue()

        def interest(client):
            client.register_plugin("xep_0118")
            client.plugin["xep_0163"].add_interest("http://jabber.org/protocol/tune")
            client.add_event_handler("user_tune_publish", heard.put_nowait)

        async with (
            slixmpp_client(testbed, "romeo", "xep_0163", "xep_0118", interest=interest),
            slixmpp_client(testbed, "juliet", "xep_0163", "xep_0118") as juliet,
        ):
            await juliet.plugin["xep_0118"].publish_tune(artist="Finzi", title="Introduction")
            message = await asyncio.wait_for(heard.get(), SOON)
            assert message["pubsub_event"]["items"]["item"]["tune"]["artist"] == "Finzi"
            assert message["from"] == "juliet@localhost"

    run(conversation())


def test_slixmpp_publishes_a_picture_that_older_clients_see(testbed):
    async def conversation():
        async with (
            slixmpp_client(testbed, "romeo", "xep_0084", "xep_0054") as romeo,
            slixmpp_client(testbed, "juliet", "xep_0084", "xep_0054") as juliet,
        ):
            id = hashlib.sha1(PICTURE).hexdigest()
            await romeo.plugin["xep_0084"].publish_avatar(PICTURE)
            await romeo.plugin["xep_0084"].publish_avatar_metadata(
                [{"id": id, "type": "image/png", "bytes": str(len(PICTURE))}]
            )
            card = await juliet.plugin["xep_0054"].get_vcard("romeo@localhost", cached=False)
            assert card["vcard_temp"]["PHOTO"]["BINVAL"] == PICTURE
            answer = await juliet.plugin["xep_0084"].retrieve_avatar("romeo@localhost", id)
            assert answer["pubsub"]["items"]["item"]["avatar_data"]["value"] == PICTURE

    run(conversation())


def test_slixmpp_keeps_bookmarks_in_both_ways(testbed):
    async def conversation():
        async with slixmpp_client(testbed, "romeo", "xep_0048", "xep_0402", "xep_0060", "xep_0223") as romeo:
            bookmarks = romeo.plugin["xep_0048"].stanza.Bookmarks()
            bookmarks.add_conference("play@conference.localhost", "JC", autojoin=True, name="Play")
            await romeo.plugin["xep_0048"].set_bookmarks(bookmarks, method="xep_0049")
            items = (await romeo.plugin["xep_0060"].get_items("romeo@localhost", "urn:xmpp:bookmarks:1"))["pubsub"][
                "items"
            ]
            (only,) = items
            conference = only["conference"]
            assert (only["id"], conference["name"], conference["nick"], conference["autojoin"]) == (
                "play@conference.localhost",
                "Play",
                "JC",
                True,
            )

    run(conversation())


def test_slixmpp_publishes_its_devices_for_everybody(testbed):
    """XEP-0384: large bundles; a node that is configured otherwise is configured anew."""

    async def conversation():
        async with (
            slixmpp_client(testbed, "romeo", "xep_0060") as romeo,
            slixmpp_client(testbed, "jane", "xep_0060") as jane,
        ):
            pubsub = romeo.plugin["xep_0060"]

            def options(kind: str):
                form = romeo.plugin["xep_0004"].make_form("submit")
                form.add_field("FORM_TYPE", "hidden", value=f"http://jabber.org/protocol/pubsub#{kind}")
                form.add_field("pubsub#access_model", value="open")
                return form

            me = romeo.boundjid.bare
            bundle = entry("k" * 16_000)
            await pubsub.publish(me, DEVICES, id="current", payload=bundle)
            with pytest.raises(IqError) as refusal:
                await pubsub.publish(me, DEVICES, id="current", payload=bundle, options=options("publish-options"))
            assert refusal.value.condition == "conflict"
            await pubsub.set_node_config(me, DEVICES, options("node_config"))
            await pubsub.publish(me, DEVICES, id="current", payload=bundle, options=options("publish-options"))
            answer = await jane.plugin["xep_0060"].get_items(me, DEVICES)
            assert len(answer["pubsub"]["items"]["item"]["payload"].text) == 16_000

    run(conversation())


# aioxmpp


class Entry(xso.XSO):
    TAG = ("urn:example:mood", "mood")
    text = xso.Text(default=None)


aioxmpp.pubsub.xso.as_payload_class(Entry)


def mood(text: str) -> Entry:
    made = Entry()
    made.text = text
    return made


def test_aioxmpp_subscribes_and_reads(testbed):
    async def conversation():
        romeo, juliet = Client(testbed.c2s, "romeo@localhost/a"), Client(testbed.c2s, "juliet@localhost/a")
        own, other = (each.summon(aioxmpp.PubSubClient) for each in (romeo, juliet))
        heard: asyncio.Queue = asyncio.Queue()
        other.on_item_published.connect(
            lambda jid, node, item, *, message=None: heard.put_nowait((str(jid), node, item.id_))
        )
        service = JID(SERVICE)
        async with romeo.connected(), juliet.connected():
            node = await own.create(service)
            answer = await other.subscribe(service, node)
            assert answer.payload.subscription == "subscribed"
            id = await own.publish(service, node, mood("happy"))
            assert await asyncio.wait_for(heard.get(), SOON) == (SERVICE, node, id)
            items = await other.get_items(service, node)
            assert [each.registered_payload.text for each in items.payload.items] == ["happy"]
            assert {"publish", "subscribe"} <= {
                str(each.value).rpartition("#")[2] for each in await own.get_features(service)
            }
            await own.retract(service, node, id)
            await own.delete(service, node)

    run(conversation())


def test_aioxmpp_hears_what_contacts_publish(testbed):
    async def conversation():
        romeo, juliet = Client(testbed.c2s, "romeo@localhost/a"), Client(testbed.c2s, "juliet@localhost/a")
        publisher = juliet.summon(aioxmpp.PEPClient)
        romeo.summon(aioxmpp.EntityCapsService)
        claim = romeo.summon(aioxmpp.PEPClient).claim_pep_node("urn:example:mood", notify=True)
        heard: asyncio.Queue = asyncio.Queue()
        claim.on_item_publish.connect(
            lambda jid, node, item, *, message=None: heard.put_nowait((str(jid), item.registered_payload.text))
        )
        async with romeo.connected(), juliet.connected():
            await publisher.available()
            await publisher.publish("urn:example:mood", mood("happy"))
            assert await asyncio.wait_for(heard.get(), SOON) == ("juliet@localhost", "happy")
            claim.close()

    run(conversation())


def test_aioxmpp_publishes_a_picture(testbed):
    async def conversation():
        romeo, juliet = Client(testbed.c2s, "romeo@localhost/a"), Client(testbed.c2s, "juliet@localhost/a")
        own, other = (each.summon(aioxmpp.avatar.AvatarService) for each in (romeo, juliet))
        async with romeo.connected(), juliet.connected():
            pictures = aioxmpp.avatar.AvatarSet()
            pictures.add_avatar_image("image/png", image_bytes=PICTURE)
            await own.publish_avatar_set(pictures)
            found = await other.get_avatar_metadata(JID("romeo@localhost"), require_fresh=True)
            image = await found[0].get_image_bytes()
            assert image == PICTURE
            card = await juliet.summon(aioxmpp.vcard.VCardService).get_vcard(JID("romeo@localhost"))
            assert card.get_photo_data() == PICTURE

    run(conversation())


def test_aioxmpp_keeps_bookmarks(testbed):
    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost/a")
        bookmarks, pubsub = romeo.summon(aioxmpp.BookmarkClient), romeo.summon(aioxmpp.PubSubClient)
        async with romeo.connected():
            room = aioxmpp.bookmarks.Conference("Play", JID("play@conference.localhost"), autojoin=True, nick="JC")
            await bookmarks.add_bookmark(room)
            assert await bookmarks.get_bookmarks() == [room]
            answer = await pubsub.get_items(JID("romeo@localhost"), "urn:xmpp:bookmarks:1")
            assert [each.id_ for each in answer.payload.items] == ["play@conference.localhost"]

    run(conversation())
