"""Logging in without the password: tokens, certificates, libraries that know few mechanisms."""

from __future__ import annotations

import json
import socket
import ssl
import xml.etree.ElementTree as ET
from collections.abc import Iterator

import pytest

from conversehost.client import prebind
from conversehost.testing import TestBed
from tests.clients.bosh import BoshClient
from tests.pains.pages import HTTPBIND, Page, plain

MECHANISM = "{urn:ietf:params:xml:ns:xmpp-sasl}mechanism"
OPEN = f"<body xmlns='{HTTPBIND}' rid='1000' to='localhost' wait='1' hold='1' ver='1.6'/>"
AUTH = "<auth xmlns='urn:ietf:params:xml:ns:xmpp-sasl' mechanism='PLAIN'>{}</auth>"


@pytest.fixture(scope="module")
def running() -> Iterator[TestBed]:
    """Where one-time passwords are taken, and no mechanism but PLAIN is offered."""
    with TestBed.start(auth="token,accounts", mechanisms="PLAIN") as bed:
        yield bed


def test_what_credentials_url_wants(bed: TestBed):
    """JSON with `jid` and `password`, for whoever is logged in to the site; 401 for others."""
    page = Page(bed)
    answer = page.http("GET", "/credentials")
    assert answer.headers.get_content_type() == "application/json"
    told = json.load(answer)
    assert told.keys() == {"jid", "password"}
    page.cookie = ""
    assert page.http("GET", "/credentials").status == 401


def test_the_site_needs_no_password_to_have_somebody_logged_in_to_chat(bed: TestBed):
    """Nor has the page one that would be good for long: it is for one login."""
    told = json.load(Page(bed).http("GET", "/credentials"))
    assert told["password"] != "secret"
    client = BoshClient(bed.bosh, bed.domain)
    assert client.log_in("alice", told["password"]).startswith("alice@localhost/")
    with pytest.raises(AssertionError, match="not-authorized"):
        BoshClient(bed.bosh, bed.domain).log_in("alice", told["password"])


def test_a_library_that_knows_one_mechanism(bed: TestBed):
    """Prebind libraries fail where they aren't offered the one that they have: a server can be told which to offer."""
    opened = ET.fromstring(Page(bed).http("POST", "/http-bind", OPEN, {"Content-Type": "text/xml"}).read())
    assert [each.text for each in opened.iter(MECHANISM)] == ["PLAIN"]
    bound = prebind(bed.bosh, jid="alice@localhost", password="secret")
    assert bound.jid.startswith("alice@localhost/")
    assert BoshClient.attach(bed.bosh, bound.sid, bound.rid).send("<presence xmlns='jabber:client'/>") is not None


def test_a_back_end_that_fails_is_no_wrong_password(bed: TestBed):
    """The page says "wrong password" though it is the directory that is down."""
    client = BoshClient(bed.bosh, bed.domain)
    with bed.fault("fail-login", account="alice"):
        (failure,) = client.send(AUTH.format(plain("alice")))
    assert b"temporary-auth-failure" in ET.tostring(failure)


def test_a_certificate_of_ones_own_is_trusted_by_its_file(bed: TestBed):
    """ "Self-signed": there is one authority for development, in a file, and no need to switch checks off."""
    host, _, port = (bed.c2s_tls or "").rpartition(":")
    with pytest.raises(ssl.SSLCertVerificationError):
        shake(ssl.create_default_context(), host, int(port))
    shake(ssl.create_default_context(cafile=bed.ca), host, int(port))


def shake(context: ssl.SSLContext, host: str, port: int) -> None:
    with socket.create_connection((host, port), 30) as plain_socket:
        context.wrap_socket(plain_socket, server_hostname="localhost").close()
