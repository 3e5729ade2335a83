"""Others who say who somebody is: from the options to a client that is in, or isn't."""

from __future__ import annotations

import re
import shutil
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.logger import LogEvent, formatEvent, globalLogPublisher

from conversehost.auth import Attempt, Outcome, Refused
from conversehost.auth.http import ByJson
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.net import http_logins
from conversehost.options import GROUPS, OPTIONS, Settings
from conversehost.options.ldap import Ldap
from conversehost.options.places import Places
from conversehost.xmpp.jid import parse
from tests.net.services import Service
from tests.test_logins import Door
from tests.testbed.conftest import House

HTTP = ("--auth", "http", "--http-auth-url", "https://www.example/auth")

LDAP = ("--auth", "ldap", "--ldap-server", "ldap://ldap.example", "--ldap-base", "dc=example")


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Service:
    """In place of the network."""
    service = Service()
    monkeypatch.setattr(http_logins, "Agent", lambda *_, **__: service)
    return service


@pytest.fixture
def house() -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(*options: str) -> House:
        made.append(House(*options))
        return made[-1]

    yield make
    for each in made:
        each.server.close_sessions("system-shutdown")


@pytest.mark.parametrize(
    ("said", "code", "heard"),
    [
        (b"true", 200, "<success"),
        (b"false", 200, "<not-authorized"),
        (b"", 500, "<temporary-auth-failure"),
    ],
)
def test_a_login_that_a_service_decides(service: Service, house, said: bytes, code: int, heard: str):
    there = house(*HTTP)
    door = Door(there, "localhost")
    door.begin("stranger", "secret")
    assert door.said == []
    service.answer(said, code)
    assert door.said == []
    there.server.reactor.advance(0)
    assert heard in door.said.pop().decode()


def test_each_domain_asks_with_its_name(service: Service, house):
    there = house("--domain", "a.example", "--domain", "b.example", *HTTP[:3], "https://www.example/$host")
    Door(there, "b.example").begin("stranger", "secret")
    assert service.asked[0].url.startswith(b"https://www.example/b.example/check_password?user=stranger&")


def test_the_operator_is_warned_in_a_line_that_says_what_to_do(service: Service, house):
    lines = []

    def observe(event: LogEvent) -> None:
        lines.append(f"{event['log_level'].name} {formatEvent(event)}")

    there = house(*HTTP)
    globalLogPublisher.addObserver(observe)
    try:
        for said, code in ((b"<html>", 200), (b"true", 200)):
            Door(there, "localhost").begin("stranger", "secret")
            service.answer(said, code)
            there.server.reactor.advance(0)
    finally:
        globalLogPublisher.removeObserver(observe)
    first, second = (line for line in lines if "--auth" in line)
    assert first.startswith("warn --auth http: gives no answers: ")
    assert first.endswith(
        "; until it does nobody logs in by it: see what --http-auth-url names, https://www.example/auth"
    )
    assert second == "info --auth http: gives answers again"


def read(*arguments: str) -> Settings:
    return load(arguments, {})


@pytest.mark.parametrize("address", ["romeo@evil.example", "romeo@anon.localhost", "romeo@[::1]"])
def test_nobody_is_asked_for_a_domain_where_nobody_has_a_password(service: Service, house, address: str):
    there = house("--auth", "http", "--http-auth-url", "https://auth.$host/")
    found: list[Outcome] = []
    there.server.domains.logins.authenticator.check(Attempt(parse(address), "secret"), found.append)
    assert (found, service.asked) == ([Refused()], [])


def test_all_of_it_can_be_said_in_the_file(tmp_path: Path):
    (tmp_path / "ca.pem").touch()
    path = tmp_path / "chat.toml"
    path.write_text(
        """
        auth = "http,extauth,ldap"
        http_auth_url = "https://www.example/auth"
        http_auth_style = "json"
        http_auth_credentials = "chat:key"
        auth_ca = "ca.pem"
        extauth_program = "sh -c 'echo hello'"
        extauth_pool_size = 3
        ldap_server = "ldap://localhost:3890"
        ldap_no_tls = true
        ldap_base = ["ou=people,dc=example", "ou=others,dc=example"]
        ldap_user_dn = "uid=%u,ou=people,dc=example"
        ldap_uid = "cn"
        ldap_filter = "(objectClass=person)"
        ldap_groups = "(objectClass=groupOfNames)"
        ldap_rootdn = "cn=reader,dc=example"
        ldap_password = "hunter2"
        """
    )
    settings = read("--config", str(path))
    assert settings.http_auth_url == "https://www.example/auth"
    assert settings.http_auth_style == "json"
    assert settings.http_auth_credentials == ("chat", "key")
    assert settings.auth_ca == tmp_path / "ca.pem"
    assert settings.extauth_program == (shutil.which("sh"), "-c", "echo hello")
    assert settings.extauth_pool_size == 3
    assert settings.ldap_bases == ("ou=people,dc=example", "ou=others,dc=example")
    options = [each for each in OPTIONS if each.group in (GROUPS[Places], GROUPS[Ldap])]
    assert [each.name for each in options if getattr(settings, each.field) == each.default] == []


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (HTTP[:2], "--auth http: where is that? Say so with --http-auth-url"),
        (HTTP[2:], "--http-auth-url has no effect without --auth http: add that, or leave it out"),
        ((*HTTP[:3], "http://www.example/auth"), "--http-auth-url: wants a URL with https, or with http on this"),
        ((*HTTP[:3], "https://www.example/a?b=c"), "--http-auth-url: wants a URL with https"),
        ((*HTTP[:3], "https://me@www.example/"), "--http-auth-url: wants a URL with https"),
        ((*HTTP, "--http-auth-credentials", "secret"), "--http-auth-credentials: wants NAME:PASSWORD"),
        (
            (*HTTP, "--http-auth-style", "basic", "--http-auth-credentials", "a:b"),
            "--http-auth-credentials: with --http-auth-style basic each client's are sent, leave it out",
        ),
        (("--auth", "extauth"), "--auth extauth: where is that? Say so with --extauth-program"),
        (("--extauth-program", "sh"), "--extauth-program has no effect without --auth extauth: add that"),
        (("--extauth-program", "/no/such"), "--extauth-program: there is no program '/no/such', or it may not be run"),
        (("--extauth-program", "sh 'x"), "--extauth-program: wants a command as for a shell"),
        (("--extauth-program", ""), "--extauth-program: wants a command"),
        (("--auth", "ldap"), "--auth ldap: where is that? Say so with --ldap-server"),
        (LDAP[2:], "--ldap-server has no effect without --auth ldap: add that"),
        (LDAP[:4], "--auth ldap: where are people in it? Say so with --ldap-base, or with --ldap-user-dn"),
        ((*LDAP, "--ldap-server", "ldap.example"), "--ldap-server: wants a server, such as ldap://ldap.example"),
        ((*LDAP, "--ldap-server", "ldap://a/dc=b"), "--ldap-server: wants a server, such as ldap://ldap.example"),
        ((*LDAP, "--ldap-server", "ldap://a:x"), "--ldap-server: wants a server, such as ldap://ldap.example"),
        ((*LDAP, "--ldap-base", "people"), "--ldap-base: wants the name of an entry, such as ou=people,dc=example"),
        ((*LDAP, "--ldap-user-dn", "uid=me"), "--ldap-user-dn: wants a name with %u in it"),
        ((*LDAP, "--ldap-uid", "a b"), "--ldap-uid: wants attributes such as uid"),
        ((*LDAP, "--ldap-filter", "a=b"), "--ldap-filter: wants a filter in brackets"),
        ((*LDAP, "--ldap-rootdn", "cn=me"), "--ldap-rootdn and --ldap-password belong together: give both"),
        (
            (*LDAP[:4], "--ldap-user-dn", "%u@%d", "--ldap-groups", "(cn=*)"),
            "--ldap-groups: where are they? Say so with --ldap-base",
        ),
        ((*LDAP, "--ldap-no-tls"), "--ldap-no-tls is for ldap: and a directory on this machine"),
        ((*HTTP, "--registration"), "--registration: with --auth http accounts are made elsewhere, leave it out"),
        ((*HTTP, "--mechanisms", "SCRAM-SHA-1"), "--auth http has to be sent the password, so PLAIN must be among"),
    ],
)
def test_what_makes_no_sense(arguments: tuple[str, ...], says: str):
    with pytest.raises(ConfigError, match=re.escape(says)):
        read(*arguments)


def test_authorities_that_cannot_be_read(tmp_path: Path, house):
    (tmp_path / "ca.pem").write_text("nothing")
    with pytest.raises(ConfigError, match=re.escape("--auth-ca") + ".*: there is no certificate in it"):
        house(*HTTP, "--auth-ca", str(tmp_path / "ca.pem"))


def test_a_filter_that_is_none_is_told_at_once(house):
    with pytest.raises(ConfigError, match=re.escape("--ldap-filter (a=b)): that is no filter")):
        house(*LDAP, "--ldap-filter", "(a=b))")


def test_without_ldaptor_there_is_one_line(house, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "conversehost.net.ldap_logins", None)
    with pytest.raises(ConfigError, match=re.escape("pip install 'conversehost[ldap]'")):
        house(*LDAP)


def test_in_the_environment_names_of_entries_have_semicolons_between_them():
    found = load(LDAP[:4], {"CONVERSEHOST_LDAP_BASE": "ou=a,dc=example;ou=b,dc=example"})
    assert found.ldap_bases == ("ou=a,dc=example", "ou=b,dc=example")


def test_the_service_of_the_docs():
    page = (Path(__file__).parents[1] / "docs" / "authentication.md").read_text()
    code = re.search(r"```python\n(from flask .*?)```", page, re.DOTALL)
    assert code is not None
    names: dict[str, Any] = {"__name__": __name__}
    exec(code[1], names)
    asked = ByJson("http://localhost/auth").check(Attempt(parse("romeo@localhost"), "secret"))
    answer = names["app"].test_client().post("/auth", data=asked.body, headers=dict(asked.headers))
    assert ByJson("").read(answer.status_code, answer.data) is True
