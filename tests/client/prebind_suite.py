"""What `prebind` owes to its users, with any server: the same tests for ours and for others' (tests/interop)."""

from __future__ import annotations

import ssl
import urllib.request
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any

import pytest
import pytest_twisted

from conversehost import client
from conversehost.client import Prebound, RefusedError, StreamEndedError, UnreachableError, deferred
from conversehost.xmpp import ns
from conversehost.xmpp.xml import Element, parse

Prebind = Callable[..., Awaitable[Prebound]]


@dataclass(frozen=True)
class Place:
    """A server with BOSH over HTTPS, and what to log in with. `token`: a domain whose accounts show JWTs, if there is
    one; `http`: BOSH without TLS, if there is that.
    """

    url: str
    ca: str
    jid: str
    password: str
    guests: str
    token: str = ""
    http: str = ""


async def blocking(*arguments: Any, **terms: Any) -> Prebound:
    """The one on the standard library; the server is another process."""
    return client.prebind(*arguments, **terms)


async def twisted(*arguments: Any, **terms: Any) -> Prebound:
    """The one on the reactor."""
    return await deferred.prebind(*arguments, **terms)


FLAVOURS = pytest.mark.parametrize("prebind", [blocking, twisted])


def attached(place: Place, bound: Prebound, payload: str) -> list[Element]:
    """What the first request of the page is answered with."""
    body = f"<body xmlns='{ns.HTTPBIND}' sid='{bound.sid}' rid='{bound.rid}'>{payload}</body>"
    request = urllib.request.Request(place.url, body.encode(), {"Content-Type": "text/xml"})
    context = ssl.create_default_context(cafile=place.ca)
    with urllib.request.urlopen(request, timeout=30, context=context) as answer:
        return list(parse(answer.read()))


@FLAVOURS
class PrebindSuite:
    """Subclasses have a fixture `place`."""

    @pytest_twisted.ensureDeferred
    async def test_a_page_attaches_with_the_next_rid(self, place: Place, prebind: Prebind):
        bound = await prebind(place.url, place.jid, password=place.password, ca=place.ca)
        assert bound.jid.startswith(f"{place.jid}/")
        ping = "<iq xmlns='jabber:client' type='get' id='p1'><query xmlns='jabber:iq:roster'/></iq>"
        [answer] = [each for each in attached(place, bound, ping) if each.get("id") == "p1"]
        assert (answer.get("type"), answer.get("to", bound.jid)) == ("result", bound.jid)

    @pytest_twisted.ensureDeferred
    async def test_each_has_a_resource_of_its_own_unless_one_is_asked_for(self, place: Place, prebind: Prebind):
        terms = {"password": place.password, "ca": place.ca}
        bound = [await prebind(place.url, place.jid, **terms, **more) for more in ({}, {}, {"resource": "tab1"})]
        assert len({each.jid for each in bound}) == len({each.sid for each in bound}) == 3
        assert bound[2].jid == f"{place.jid}/tab1"
        assert (await prebind(place.url, f"{place.jid}/tab2", **terms)).jid == f"{place.jid}/tab2"

    @pytest_twisted.ensureDeferred
    async def test_guests(self, place: Place, prebind: Prebind):
        bound = await prebind(place.url, place.guests, anonymous=True, ca=place.ca)
        assert bound.jid.partition("/")[0].endswith(f"@{place.guests}")

    @pytest_twisted.ensureDeferred
    async def test_a_wrong_password(self, place: Place, prebind: Prebind):
        with pytest.raises(RefusedError) as refused:
            await prebind(place.url, place.jid, password="wrong", ca=place.ca)
        assert refused.value.condition == "not-authorized"

    @pytest_twisted.ensureDeferred
    async def test_somebody_unknown(self, place: Place, prebind: Prebind):
        with pytest.raises(RefusedError) as refused:
            await prebind(place.url, f"nobody-{place.jid}", password=place.password, ca=place.ca)
        assert refused.value.condition == "not-authorized"

    @pytest_twisted.ensureDeferred
    async def test_a_domain_that_is_not_served(self, place: Place, prebind: Prebind):
        with pytest.raises((StreamEndedError, UnreachableError)):
            await prebind(place.url, "romeo@verona.example", password=place.password, ca=place.ca)

    @pytest_twisted.ensureDeferred
    async def test_a_certificate_that_nobody_vouches_for(self, place: Place, prebind: Prebind):
        with pytest.raises(UnreachableError, match="certificate"):
            await prebind(place.url, place.jid, password=place.password)

    @pytest_twisted.ensureDeferred
    async def test_another_page(self, place: Place, prebind: Prebind):
        url = place.url.rpartition("/")[0] + "/nothing-here"
        with pytest.raises(UnreachableError, match="HTTP 4"):
            await prebind(url, place.jid, password=place.password, ca=place.ca)

    @pytest_twisted.ensureDeferred
    async def test_many_on_the_way_to_the_same(self, place: Place, prebind: Prebind):
        """A conversation leaves nothing behind that the next one trips over."""
        terms = {"password": place.password, "ca": place.ca}
        found = {(await prebind(place.url, place.jid, **terms)).sid for _ in range(5)}
        assert len(found) == 5
