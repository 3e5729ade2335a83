"""slixmpp and aioxmpp over TLS, begun by STARTTLS or there from the first byte; both check the certificate."""

from __future__ import annotations

import asyncio

import pytest

from tests.clients.relay import Relay

from .test_aioxmpp import Client as AioClient
from .test_aioxmpp import aioxmpp, chat, until_quiet
from .test_slixmpp import NASTY, SOON, Client, run

# As in test_aioxmpp.
pytestmark = pytest.mark.filterwarnings("ignore:using an available presence state:DeprecationWarning")
WAYS = pytest.mark.parametrize("way", ["starttls", "direct"])


def door(testbed, way: str) -> str:
    return testbed.c2s if way == "starttls" else testbed.c2s_tls


class SlixClient(Client):
    """No way but over TLS, with a certificate of the testbed's authority."""

    def __init__(self, testbed, jid: str, way: str, mechanism: str | None = None) -> None:
        super().__init__(jid, "secret" if "@" in jid else "", mechanism)
        self.enable_plaintext = False
        self.enable_starttls, self.enable_direct_tls = way == "starttls", way == "direct"
        self.ca_certs = testbed.ca
        self.plugin["feature_mechanisms"].unencrypted_plain = False
        self.plugin["feature_mechanisms"].unencrypted_scram = False

    @property
    def mechanism(self) -> str:
        """What it logged in by."""
        return self.plugin["feature_mechanisms"].mech.name


@WAYS
@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-1", "SCRAM-SHA-256", "SCRAM-SHA-512", "PLAIN"])
def test_slixmpp_logs_in(testbed, way, mechanism):
    async def conversation():
        romeo = SlixClient(testbed, "romeo@localhost", way, mechanism)
        assert await romeo.log_in(door(testbed, way))
        assert romeo.mechanism == mechanism
        assert romeo.transport.get_extra_info("ssl_object").version() == "TLSv1.3"
        await romeo.disconnect()

    run(conversation())


@WAYS
def test_the_certificate_is_for_guests_too(testbed, way):
    async def conversation():
        guest = SlixClient(testbed, "anon.localhost", way)
        assert await guest.log_in(door(testbed, way))
        assert (guest.mechanism, guest.boundjid.domain) == ("ANONYMOUS", "anon.localhost")
        await guest.disconnect()

    run(conversation())


@WAYS
def test_slixmpp_resumes(testbed, way):
    async def conversation():
        async with Relay(door(testbed, way)).listening() as wire:
            romeo, juliet = (SlixClient(testbed, f"{name}@localhost/garden", way) for name in ("romeo", "juliet"))
            enabled, resumed = romeo.keep_its_session()
            assert await romeo.log_in(wire.address)
            await asyncio.wait_for(enabled.wait(), SOON)
            assert await juliet.log_in(door(testbed, way))
            wire.cut()
            juliet.send_message("romeo@localhost/garden", NASTY, mtype="chat")
            await asyncio.wait_for(resumed.wait(), SOON)
            assert (await asyncio.wait_for(romeo.messages.get(), SOON))["body"] == NASTY
            await romeo.leave()
            await juliet.leave()

    run(conversation())


def aio_client(testbed, address: str, jid: str, way: str) -> AioClient:
    return AioClient(address, jid, ca=testbed.ca, direct=way == "direct")


@WAYS
def test_aioxmpp_logs_in(testbed, way):
    async def conversation():
        romeo = aio_client(testbed, door(testbed, way), "romeo@localhost/orchard", way)
        async with romeo.connected():
            await aioxmpp.ping.ping(romeo, aioxmpp.JID.fromstr("localhost"))

    run(conversation())


@WAYS
def test_aioxmpp_resumes(testbed, way):
    async def conversation():
        juliet = aio_client(testbed, door(testbed, way), "juliet@localhost/balcony", way)
        async with Relay(door(testbed, way)).listening() as wire, juliet.connected():
            romeo = aio_client(testbed, wire.address, "romeo@localhost/orchard", way)
            async with romeo.connected():
                await asyncio.to_thread(until_quiet, testbed, "romeo")
                wire.cut()
                await juliet.send(chat("romeo@localhost/orchard", NASTY))
                await asyncio.wait_for(romeo.resumed.wait(), SOON)
                assert await romeo.next_body() == NASTY

    run(conversation())
