"""What people keep for themselves, whom they block, and how often they subscribe, as slixmpp and aioxmpp do it."""

from __future__ import annotations

import asyncio
import warnings
from typing import ClassVar

import pytest
import slixmpp
from slixmpp.exceptions import IqError
from slixmpp.xmlstream import ElementBase

from .test_publishing import NODE, SERVICE, mood, slixmpp_client
from .test_slixmpp import SOON, run

with warnings.catch_warnings():  # it is of 2022, and names what Python has renamed since
    warnings.simplefilter("ignore")
    import aioxmpp
    import aioxmpp.blocking
    import aioxmpp.private_xml
    import aioxmpp.xso as xso

    from .test_aioxmpp import JID, Client

pytestmark = pytest.mark.filterwarnings("ignore:using an available presence state:DeprecationWarning")
JULIET = "juliet@localhost"


class Note(ElementBase):
    """As slixmpp has it."""

    name, namespace, plugin_attrib = "notes", "urn:example:notes", "notes"
    interfaces: ClassVar = {"line"}
    sub_interfaces: ClassVar = {"line"}


class Diary(xso.XSO):
    """As aioxmpp has it."""

    TAG = ("urn:example:diary", "diary")
    text = xso.Text(default=None)


aioxmpp.private_xml.xso.Query.as_payload_class(Diary)


def test_slixmpp_keeps_something_for_itself(testbed):
    async def conversation():
        async with slixmpp_client(testbed, "romeo", "xep_0049") as romeo:
            private = romeo.plugin["xep_0049"]
            private.register(Note)
            assert (await private.retrieve("notes"))["private"]["notes"]["line"] == ""
            note = Note()
            note["line"] = "<buy> & eat"
            await private.store(note)
            assert (await private.retrieve("notes"))["private"]["notes"]["line"] == "<buy> & eat"

    run(conversation())


def test_slixmpp_blocks_somebody(testbed):
    async def conversation():
        async with slixmpp_client(testbed, "romeo", "xep_0191") as romeo, slixmpp_client(testbed, "juliet") as juliet:
            blocking = romeo.plugin["xep_0191"]
            assert await blocking.get_blocked_jids() == set()
            pushed: asyncio.Queue = asyncio.Queue()
            for event in ("blocked", "unblocked"):
                romeo.add_event_handler(event, lambda iq, event=event: pushed.put_nowait(event))
            await blocking.block(slixmpp.JID(JULIET))
            assert await asyncio.wait_for(pushed.get(), SOON) == "blocked"
            assert await blocking.get_blocked_jids() == {slixmpp.JID(JULIET)}
            errors: asyncio.Queue = asyncio.Queue()
            juliet.add_event_handler("message_error", errors.put_nowait)
            juliet.send_message("romeo@localhost", "hi", mtype="chat")
            refused = await asyncio.wait_for(errors.get(), SOON)
            assert refused["error"]["condition"] == "service-unavailable"
            await blocking.unblock(slixmpp.JID(JULIET))
            assert await asyncio.wait_for(pushed.get(), SOON) == "unblocked"
            juliet.send_message("romeo@localhost", "hi again", mtype="chat")
            assert (await asyncio.wait_for(romeo.messages.get(), SOON))["body"] == "hi again"

    run(conversation())


def test_slixmpp_subscribes_twice(testbed):
    async def conversation():
        async with (
            slixmpp_client(testbed, "romeo", "xep_0060") as romeo,
            slixmpp_client(testbed, "juliet", "xep_0060") as juliet,
        ):
            await romeo.plugin["xep_0060"].create_node(SERVICE, NODE)
            pubsub = juliet.plugin["xep_0060"]
            options = juliet.plugin["xep_0004"].make_form("submit")
            options.add_field("FORM_TYPE", "hidden", value="http://jabber.org/protocol/pubsub#subscribe_options")
            options.add_field("pubsub#show-values", value="dnd")
            answers = [await pubsub.subscribe(SERVICE, NODE, options=each) for each in (None, options)]
            first, second = (each["pubsub"]["subscription"]["subid"] for each in answers)
            assert first and second and first != second
            with pytest.raises(IqError) as refusal:
                await pubsub.unsubscribe(SERVICE, NODE)
            assert refusal.value.condition == "bad-request"
            await pubsub.unsubscribe(SERVICE, NODE, subid=first)
            listed = await pubsub.get_subscriptions(SERVICE, NODE)
            assert [each["subid"] for each in listed["pubsub"]["subscriptions"]] == [second]

    run(conversation())


def test_aioxmpp_keeps_something_for_itself(testbed):
    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost/a")
        private = romeo.summon(aioxmpp.private_xml.PrivateXMLService)
        async with romeo.connected():
            diary = Diary()
            diary.text = "<met> & lost"
            await private.set_private_xml(diary)
            found = await private.get_private_xml(Diary())
            assert found.registered_payload.text == "<met> & lost"

    run(conversation())


def test_aioxmpp_blocks_somebody(testbed):
    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost/a")
        blocking = romeo.summon(aioxmpp.BlockingClient)
        async with romeo.connected():
            blocked = asyncio.get_running_loop().create_future()
            blocking.on_jids_blocked.connect(blocked.set_result)
            await blocking.block_jids([JID(JULIET)])
            assert await asyncio.wait_for(blocked, SOON) == {JID(JULIET)}
            assert blocking.blocklist == {JID(JULIET)}
            await blocking.unblock_all()

    run(conversation())


def test_aioxmpp_knows_its_subscription_by_an_id(testbed):
    async def conversation():
        romeo, juliet = Client(testbed.c2s, "romeo@localhost/a"), Client(testbed.c2s, "juliet@localhost/a")
        own, other = (each.summon(aioxmpp.PubSubClient) for each in (romeo, juliet))
        service = JID(SERVICE)
        async with romeo.connected(), juliet.connected():
            node = await own.create(service)
            await own.publish(service, node, mood("happy"))
            subid = (await other.subscribe(service, node)).payload.subid
            told = await other.get_subscriptions(service, node)
            assert [each.subid for each in told.subscriptions] == [subid]
            await other.get_subscription_config(service, node, subid=subid)
            with pytest.raises(aioxmpp.errors.XMPPModifyError) as refusal:
                await other.unsubscribe(service, node, subid="other")
            assert refusal.value.condition == aioxmpp.ErrorCondition.NOT_ACCEPTABLE
            await other.unsubscribe(service, node, subid=subid)
            await own.delete(service, node)

    run(conversation())
