"""aioxmpp, over TCP: a strict client of its own make, which counts stanzas and resumes its session by itself."""

from __future__ import annotations

import asyncio
import warnings
from datetime import timedelta

import pytest

from tests.clients.bosh import CLIENT, BoshClient
from tests.clients.relay import Relay

from .test_slixmpp import NASTY, SOON, run

with warnings.catch_warnings():  # it is of 2022, and names what Python has renamed since
    warnings.simplefilter("ignore")
    import aioxmpp
    from aiosasl import AuthenticationFailure
    from aioxmpp.connector import STARTTLSConnector, XMPPOverTLSConnector
    from aioxmpp.security_layer import CertificateVerifier, default_ssl_context

JID = aioxmpp.JID.fromstr


# What `connected()` of a client that manages presence does by default, it deprecates.
pytestmark = pytest.mark.filterwarnings("ignore:using an available presence state:DeprecationWarning")


class Chain(CertificateVerifier):
    """Wants a certificate of a known authority. aioxmpp's own verifier looks at its names too, by functions that
    pyOpenSSL no longer has.
    """

    def verify_callback(self, connection, x509, errno, depth, returncode):
        return bool(returncode)

    async def post_handshake(self, transport):
        return


def trusting(ca: str | None):
    """A context of pyOpenSSL's, as aioxmpp wants it."""
    context = default_ssl_context()
    if ca is not None:
        context.load_verify_locations(ca)
    return context


class Client(aioxmpp.PresenceManagedClient):
    """Remembers what it is told. `async with client.connected()` logs it in, available."""

    def __init__(
        self, c2s: str, name: str, password: str = "secret", *, ca: str | None = None, direct: bool = False
    ) -> None:
        """Over TLS where there is an authority to check the certificate by."""
        host, _, port = c2s.rpartition(":")
        anonymous = False if password else ""
        layer = aioxmpp.make_security_layer(
            password or None, anonymous=anonymous, no_verify=ca is None, ssl_context_factory=lambda: trusting(ca)
        )
        peer = (host, int(port), XMPPOverTLSConnector() if direct else STARTTLSConnector())
        if ca is not None:
            layer = layer._replace(certificate_verifier_factory=Chain)
        layer = layer._replace(tls_required=ca is not None)
        super().__init__(JID(name), layer, override_peer=[peer], max_initial_attempts=1)
        self.backoff_start = timedelta(0)
        self.messages: asyncio.Queue[aioxmpp.Message] = asyncio.Queue()
        self.resumed = asyncio.Event()
        self.on_stream_resumed.connect(self.resumed.set)
        self.roster = self.summon(aioxmpp.RosterClient)
        self.contacts = self.summon(aioxmpp.PresenceClient)
        dispatcher = self.summon(aioxmpp.dispatcher.SimpleMessageDispatcher)
        dispatcher.register_callback(aioxmpp.MessageType.CHAT, None, self.messages.put_nowait)

    async def next_body(self) -> str:
        return (await asyncio.wait_for(self.messages.get(), SOON)).body.any()


def chat(to: str, body: str) -> aioxmpp.Message:
    message = aioxmpp.Message(type_=aioxmpp.MessageType.CHAT, to=JID(to))
    message.body[None] = body
    return message


def test_it_logs_in_and_gets_its_roster(testbed):
    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost/orchard")
        read = asyncio.Event()
        romeo.roster.on_initial_roster_received.connect(read.set)
        async with romeo.connected():
            await asyncio.wait_for(read.wait(), SOON)
            assert str(romeo.local_jid) == "romeo@localhost/orchard"
            juliet = romeo.roster.items[JID("juliet@localhost")]
            assert (juliet.subscription, juliet.name) == ("both", "Juliet Capulet")
            assert juliet.groups == {"Verona", "Friends"}

    run(conversation())


def test_a_wrong_password_is_refused(testbed):
    async def conversation():
        with pytest.raises(AuthenticationFailure):
            async with Client(testbed.c2s, "romeo@localhost", "wrong").connected():
                pass

    run(conversation())


def test_it_talks_to_somebody_on_bosh(testbed):
    juliet = BoshClient(testbed.bosh, "localhost")
    jid = juliet.log_in("juliet", "secret")
    juliet.send("<presence xmlns='jabber:client'/>")

    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost")
        loop = asyncio.get_running_loop()
        async with romeo.connected():
            await romeo.send(chat("juliet@localhost", NASTY))
            received = await loop.run_in_executor(None, juliet.wait_for, "message")
            assert received.findtext(f"{{{CLIENT}}}body") == NASTY
            answer = f"<message xmlns='jabber:client' type='chat' to='{romeo.local_jid}'><body>é 漢 🎉</body></message>"
            await loop.run_in_executor(None, juliet.send, answer)
            message = await asyncio.wait_for(romeo.messages.get(), SOON)
            assert (message.body.any(), str(message.from_)) == ("é 漢 🎉", jid)

    run(conversation())


def test_it_sees_friends_come_and_go(testbed):
    async def conversation():
        romeo, juliet = Client(testbed.c2s, "romeo@localhost"), Client(testbed.c2s, "juliet@localhost/balcony")
        came, went = asyncio.Event(), asyncio.Event()

        def seen(event: asyncio.Event):
            return lambda jid, presence: event.set() if jid == JID("juliet@localhost/balcony") else None

        romeo.contacts.on_available.connect(seen(came))
        romeo.contacts.on_unavailable.connect(seen(went))
        async with romeo.connected():
            async with juliet.connected():
                await asyncio.wait_for(came.wait(), SOON)
            await asyncio.wait_for(went.wait(), SOON)

    run(conversation())


def test_it_asks_the_server_what_it_is(testbed):
    async def conversation():
        romeo = Client(testbed.c2s, "romeo@localhost")
        disco = romeo.summon(aioxmpp.DiscoClient)
        async with romeo.connected():
            info = await disco.query_info(JID("localhost"))
            assert ("server", "im", "conversehost") in [
                (each.category, each.type_, each.name) for each in info.identities
            ]
            assert "urn:xmpp:ping" in info.features
            await aioxmpp.ping.ping(romeo, JID("localhost"))
            card = await romeo.summon(aioxmpp.vcard.VCardService).get_vcard(JID("juliet@localhost"))
            assert card.get_photo_data() is None

    run(conversation())


def until_quiet(testbed, name: str) -> None:
    """Its client has all that it asks for by itself, and has acknowledged what it was sent: where a connection breaks
    while it still does so, aioxmpp gives up.
    """
    (enabled,) = testbed.traffic("*[local-name()='enabled']", account=name)
    testbed.wait_for("iq[@type='result']/*[local-name()='query']", account=name, direction="out", timeout=SOON)
    sent = testbed.traffic(account=name, direction="out", after=enabled)
    count = sum(each.kind in ("message", "presence", "iq") for each in sent)
    testbed.wait_for(f"*[local-name()='a'][@h='{count}']", account=name, direction="in", after=enabled, timeout=SOON)


def test_its_session_outlives_its_connection(testbed):
    async def conversation():
        juliet = Client(testbed.c2s, "juliet@localhost/balcony")
        async with Relay(testbed.c2s).listening() as wire, juliet.connected():
            romeo = Client(wire.address, "romeo@localhost/orchard")
            async with romeo.connected():
                await juliet.send(chat("romeo@localhost/orchard", "before"))
                assert await romeo.next_body() == "before"
                await asyncio.to_thread(until_quiet, testbed, "romeo")
                wire.cut()
                await juliet.send(chat("romeo@localhost/orchard", "meanwhile"))
                await asyncio.wait_for(romeo.resumed.wait(), SOON)
                await juliet.send(chat("romeo@localhost/orchard", "after"))
                assert [await romeo.next_body(), await romeo.next_body()] == ["meanwhile", "after"]
                await romeo.send(chat("juliet@localhost/balcony", "all of it"))
                assert await juliet.next_body() == "all of it"

    run(conversation())


def test_a_guest_needs_no_password(testbed):
    async def conversation():
        guest, romeo = Client(testbed.c2s, "anon.localhost", ""), Client(testbed.c2s, "romeo@localhost/orchard")
        async with guest.connected(), romeo.connected():
            assert guest.local_jid.domain == "anon.localhost"
            await guest.send(chat("romeo@localhost/orchard", NASTY))
            assert await romeo.next_body() == NASTY

    run(conversation())
