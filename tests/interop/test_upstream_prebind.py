"""/prebind and /credentials for accounts of a server elsewhere, which is another conversehost."""

from __future__ import annotations

import http.client
import json
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import urlsplit

import pytest
import trustme
from cryptography.hazmat.primitives import serialization

from conversehost.client import sign_token
from conversehost.testing import TestBed
from tests.clients.bosh import BoshClient
from tests.net.certificates import client_certificate

KEY = "a-key-that-both-servers-know-and-nobody-else"
SECRET = "a-secret-of-site-and-chat"
PEM = serialization.Encoding.PEM

Ask = Callable[..., tuple[int, dict[str, Any]]]


@pytest.fixture(scope="module")
def front(tmp_path_factory: pytest.TempPathFactory) -> Iterator[TestBed]:
    """In front of a server that knows alice by a certificate."""
    folder = tmp_path_factory.mktemp("upstream")
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(folder / "ca.pem"))
    certificate, key = client_certificate(authority, "alice@localhost")
    plain = serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    (folder / "own.pem").write_bytes(certificate.public_bytes(PEM) + key.private_bytes(PEM, *plain))  # type: ignore[attr-defined]
    keys = ("--token-key", f"1:{KEY}")
    with (
        TestBed.start(*keys, "--auth", "token,accounts", "--client-ca", str(folder / "ca.pem")) as behind,
        TestBed.start(
            *keys,
            *("--upstream", f"localhost=xmpp://127.0.0.1:{behind.c2s.rpartition(':')[2]}", "--upstream-ca", behind.ca),
            *("--upstream-cert", str(folder / "own.pem"), "--prebind-secret", SECRET),
            *("--prebind-trust-header", "X-Remote-User"),
        ) as bed,
    ):
        yield bed


@pytest.fixture
def ask(front: TestBed) -> Ask:
    def ask(
        method: str, path: str = "/prebind", body: dict[str, str] | None = None, **fields: str
    ) -> tuple[int, dict[str, Any]]:
        connection = http.client.HTTPConnection(urlsplit(front.site).netloc, timeout=30)
        sent = {name.replace("_", "-"): value for name, value in fields.items()}
        if body is not None:
            sent |= {"Authorization": f"Bearer {SECRET}", "Content-Type": "application/json"}
        connection.request(method, path, json.dumps(body) if body is not None else None, sent)
        answer = connection.getresponse()
        return answer.status, json.loads(answer.read())

    return ask


def attaches(front: TestBed, bound: dict[str, Any]) -> None:
    """A page takes the session, and it lives."""
    client = BoshClient.attach(front.bosh, bound["sid"], bound["rid"])
    answer = client.send("<iq xmlns='jabber:client' type='get' id='1'><ping xmlns='urn:xmpp:ping'/></iq>")
    assert [each.get("type") for each in answer] == ["result"]


@pytest.mark.parametrize("by", ["password", "token"])
def test_a_back_end_says_how_to_log_in(front, ask, by):
    shown = "secret" if by == "password" else sign_token("bob@localhost", KEY)
    code, bound = ask("POST", body={"jid": "bob@localhost", by: shown})
    assert (code, bound["jid"].partition("/")[0]) == (200, "bob@localhost")
    attaches(front, bound)
    assert ask("DELETE", body={"jid": "bob@localhost"}) == (200, {"ended": 1})


def test_a_wrong_password_is_told(ask):
    code, told = ask("POST", body={"jid": "bob@localhost", "password": "wrong"})
    assert code == 403
    assert "not-authorized" in told["error"]


def test_whom_a_proxy_has_let_in_logs_in_by_our_certificate(front, ask):
    code, bound = ask("GET", X_Remote_User="alice")
    assert (code, bound["jid"].partition("/")[0]) == (200, "alice@localhost")
    attaches(front, bound)


def test_the_certificate_is_not_for_everybody(ask):
    assert ask("GET", X_Remote_User="bob")[0] == 403


def test_a_page_gets_a_password_for_one_login_there(front, ask):
    code, pair = ask("GET", "/credentials", X_Remote_User="bob")
    assert (code, pair["jid"]) == (200, "bob@localhost")
    assert BoshClient(front.bosh, "localhost").log_in("bob", pair["password"]).startswith("bob@localhost/")
