"""slixmpp, a client that nobody here wrote, over TCP; its friend is on BOSH."""

from __future__ import annotations

import asyncio
import ssl
from concurrent.futures import ThreadPoolExecutor

import pytest
import slixmpp

from tests.clients.bosh import CLIENT, BoshClient
from tests.clients.relay import Relay

NASTY = "<b>&\"' é 漢 🎉"
SOON = 20


class Client(slixmpp.ClientXMPP):
    """Logs in, and remembers what happened."""

    def __init__(self, jid: str, password: str, mechanism: str | None = None) -> None:
        super().__init__(jid, password, sasl_mech=mechanism)
        self.enable_starttls = self.enable_direct_tls = False
        self.enable_plaintext = True
        self.leaving = False
        for plugin in ("feature_mechanisms", "xep_0030", "xep_0199", "xep_0092", "xep_0054"):
            self.register_plugin(plugin)
        self.plugin["feature_mechanisms"].unencrypted_plain = True
        self.plugin["feature_mechanisms"].unencrypted_scram = True
        self.ready: asyncio.Future[bool] = self.loop.create_future()
        self.messages: asyncio.Queue[slixmpp.Message] = asyncio.Queue()
        self.add_event_handler("session_start", lambda _: self._settle(True))
        self.add_event_handler("failed_all_auth", lambda _: self._settle(False))
        self.add_event_handler("message", self.messages.put_nowait)

    def keep_its_session(self) -> tuple[asyncio.Event, asyncio.Event]:
        """Stream management, and coming back when the connection broke. What is set when it can, and when it has."""
        enabled, resumed = asyncio.Event(), asyncio.Event()
        self.register_plugin("xep_0198")
        self.end_session_on_disconnect = False
        self.add_event_handler("sm_enabled", lambda _: enabled.set())
        self.add_event_handler("session_resumed", lambda _: resumed.set())
        self.add_event_handler("disconnected", lambda _: self.leaving or self.connect(*self.address))
        return enabled, resumed

    async def leave(self) -> None:
        self.leaving = True
        await self.disconnect()

    def _settle(self, logged_in: bool) -> None:
        if not self.ready.done():
            self.ready.set_result(logged_in)

    async def log_in(self, c2s: str) -> bool:
        host, _, port = c2s.rpartition(":")
        self.address = host, int(port)
        self.connect(*self.address)
        return await asyncio.wait_for(self.ready, SOON)


def run(conversation) -> None:
    """In a thread of its own: the tests with browsers keep an event loop running in this one."""
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, asyncio.wait_for(conversation, 3 * SOON)).result()


@pytest.mark.parametrize("mechanism", [None, "PLAIN", "SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512"])
def test_it_logs_in_by_every_mechanism(testbed, mechanism):
    async def conversation():
        client = Client("romeo@localhost", "secret", mechanism)
        assert await client.log_in(testbed.c2s)
        assert client.boundjid.bare == "romeo@localhost"
        await client.disconnect()

    run(conversation())


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
@pytest.mark.parametrize("direct", [False, True], ids=["starttls", "direct"])
def test_it_logs_in_by_scram_over_tls(testbed, direct, version):
    """Before TLS 1.3 with channel binding, which it knows as tls-unique."""

    async def conversation():
        client = Client("romeo@localhost", "secret")
        client.enable_starttls, client.enable_direct_tls, client.enable_plaintext = not direct, direct, False
        client.ca_certs = testbed.ca
        client.ssl_context.maximum_version = version
        assert await client.log_in(testbed.c2s_tls if direct else testbed.c2s)
        name = client.plugin["feature_mechanisms"].mech.name
        assert name == ("SCRAM-SHA-512" if version is ssl.TLSVersion.TLSv1_3 else "SCRAM-SHA-512-PLUS")
        assert client.transport.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        await client.disconnect()

    run(conversation())


@pytest.mark.parametrize("mechanism", ["PLAIN", "SCRAM-SHA-256"])
def test_a_wrong_password_is_refused(testbed, mechanism):
    async def conversation():
        client = Client("romeo@localhost", "wrong", mechanism)
        assert not await client.log_in(testbed.c2s)
        client.abort()

    run(conversation())


def test_it_gets_its_roster_and_talks_to_somebody_on_bosh(testbed):
    juliet = BoshClient(testbed.bosh, "localhost")
    jid = juliet.log_in("juliet", "secret")
    juliet.send("<presence xmlns='jabber:client'/>")

    async def conversation():
        romeo = Client("romeo@localhost", "secret")
        assert await romeo.log_in(testbed.c2s)
        await romeo.get_roster()
        contact = romeo.client_roster["juliet@localhost"]
        assert (contact["subscription"], contact["name"]) == ("both", "Juliet Capulet")
        assert set(contact["groups"]) == {"Verona", "Friends"}
        romeo.send_presence()
        romeo.send_message("juliet@localhost", NASTY, mtype="chat")
        loop = asyncio.get_running_loop()
        received = await loop.run_in_executor(None, juliet.wait_for, "message")
        assert received.findtext(f"{{{CLIENT}}}body") == NASTY
        assert received.get("from") == romeo.boundjid.full
        body = "&lt;b&gt;&amp;\"' é 漢 🎉"
        answer = f"<message xmlns='jabber:client' type='chat' to='{romeo.boundjid.full}'><body>{body}</body></message>"
        await loop.run_in_executor(None, juliet.send, answer)
        message = await romeo.messages.get()
        assert (message["body"], message["from"].full) == (NASTY, jid)
        await romeo.disconnect()

    run(conversation())


def test_it_asks_the_server_what_it_is(testbed):
    async def conversation():
        romeo = Client("romeo@localhost", "secret")
        assert await romeo.log_in(testbed.c2s)
        info = await romeo.plugin["xep_0030"].get_info("localhost")
        assert ("server", "im", None, "conversehost") in info["disco_info"]["identities"]
        assert "urn:xmpp:ping" in info["disco_info"]["features"]
        assert await romeo.plugin["xep_0199"].ping("localhost") < SOON
        version = await romeo.plugin["xep_0092"].get_version("localhost")
        assert version["software_version"]["name"] == "conversehost"
        card = await romeo.plugin["xep_0054"].get_vcard("juliet@localhost")
        assert card["vcard_temp"]["FN"] == "Juliet Capulet"
        with pytest.raises(slixmpp.exceptions.IqError) as refused:
            await romeo.make_iq_get("urn:example:nothing", "localhost").send()
        assert refused.value.condition == "service-unavailable"
        await romeo.disconnect()

    run(conversation())


def test_what_was_said_while_it_was_away_waits(testbed):
    juliet = BoshClient(testbed.bosh, "localhost")
    juliet.log_in("juliet", "secret")
    message = "<message xmlns='jabber:client' type='chat' to='romeo@localhost'><body>{}</body></message>"
    juliet.send("".join(message.format(number) for number in range(3)))

    async def conversation():
        romeo = Client("romeo@localhost", "secret")
        assert await romeo.log_in(testbed.c2s)
        romeo.send_presence()
        assert [(await romeo.messages.get())["body"] for _ in range(3)] == ["0", "1", "2"]
        await romeo.disconnect()

    run(conversation())


def test_its_session_outlives_its_connection(testbed):
    async def conversation():
        juliet = Client("juliet@localhost/balcony", "secret")
        assert await juliet.log_in(testbed.c2s)
        async with Relay(testbed.c2s).listening() as wire:
            romeo = Client("romeo@localhost/orchard", "secret")
            enabled, resumed = romeo.keep_its_session()
            assert await romeo.log_in(wire.address)
            await asyncio.wait_for(enabled.wait(), SOON)
            romeo.send_presence()
            juliet.send_message("romeo@localhost/orchard", "before", mtype="chat")
            assert (await romeo.messages.get())["body"] == "before"
            wire.cut()
            juliet.send_message("romeo@localhost/orchard", "meanwhile", mtype="chat")
            await asyncio.wait_for(resumed.wait(), SOON)
            juliet.send_message("romeo@localhost/orchard", "after", mtype="chat")
            assert [(await romeo.messages.get())["body"] for _ in range(2)] == ["meanwhile", "after"]
            await romeo.leave()
        await juliet.leave()

    run(conversation())


def test_a_guest_needs_no_password(testbed):
    async def conversation():
        guest, romeo = Client("anon.localhost", ""), Client("romeo@localhost/orchard", "secret")
        assert await guest.log_in(testbed.c2s)
        assert await romeo.log_in(testbed.c2s)
        assert guest.boundjid.domain == "anon.localhost"
        guest.send_message("romeo@localhost/orchard", NASTY, mtype="chat")
        message = await romeo.messages.get()
        assert (message["body"], message["from"]) == (NASTY, guest.boundjid)
        await guest.disconnect()
        await romeo.disconnect()

    run(conversation())


def test_it_reads_its_archive(testbed):
    """A page at a time, backwards too, by whom it is with; each message once."""
    testbed.reset()

    async def conversation():
        romeo, juliet = Client("romeo@localhost/orchard", "secret"), Client("juliet@localhost/balcony", "secret")
        for each in (romeo, juliet):
            for plugin in ("xep_0313", "xep_0359"):
                each.register_plugin(plugin)
            assert await each.log_in(testbed.c2s)
            each.send_presence()
        for number in range(7):
            romeo.send_message("juliet@localhost", f"{number} {NASTY}", mtype="chat")
            assert (await juliet.messages.get())["stanza_id"]["by"] == "juliet@localhost"
        juliet.send_message("jane@localhost", "not this", mtype="chat")
        for each, other in ((romeo, "juliet@localhost"), (juliet, "romeo@localhost")):
            archive, contact = each.plugin["xep_0313"], slixmpp.JID(other)
            found = [one async for one in archive.iterate(with_jid=contact, rsm={"max": 3})]
            assert [body_of(one) for one in found] == [f"{number} {NASTY}" for number in range(7)]
            third = found[2]["mam_result"]["id"]
            before = await archive.retrieve(with_jid=contact, rsm={"max": 2, "before": third})
            assert [body_of(one) for one in before["mam"]["results"]] == [f"{number} {NASTY}" for number in range(2)]
            fields = await archive.get_fields()
            assert "{urn:xmpp:fulltext:0}fulltext" in fields.get_fields()
            metadata = (await archive.get_archive_metadata())["mam_metadata"]
            assert metadata["start"]["id"] < metadata["end"]["id"]
            await each.disconnect()

    run(conversation())


def body_of(result: slixmpp.Message) -> str:
    """Of a message out of an archive."""
    return str(result["mam_result"]["forwarded"]["stanza"]["body"])
