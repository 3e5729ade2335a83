"""One login for site and chat: a whole server, in memory."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from twisted.internet.address import IPv4Address
from twisted.internet.testing import StringTransport
from twisted.logger import capturedLogs

from conversehost.client import sign_token
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.net.prebind import GUESTS
from conversehost.server.host import SESSIONS_PER_ACCOUNT
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, JIDError, parse
from tests.test_logins import Door
from tests.testbed.conftest import House

SECRET = "a-secret-of-site-and-chat"
KEY = "a-secret-that-the-site-and-the-chat-share"
BEARER = {"Authorization": f"Bearer {SECRET}"}


class Site:
    """A server, and what sends requests to it."""

    def __init__(self, *options: str) -> None:
        self.house = House(*options)
        self.server = self.house.server

    def send(
        self, method: str, path: str, fields: dict[str, str] | None = None, body: str = "", address: str = "127.0.0.1"
    ) -> tuple[int, Any]:
        """Status and JSON."""
        code, _, said = self.ask(method, path, fields, body, address)
        return code, json.loads(said)

    def ask(
        self, method: str, path: str, fields: dict[str, str] | None = None, body: str = "", address: str = "127.0.0.1"
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, header fields by name in lower case, and body."""
        return self.read(self.open(method, path, fields, body, address))

    def connect(self, address: str = "127.0.0.1") -> Any:
        """A transport, with the `connection` that it is of."""
        peer = IPv4Address("TCP", address, 50_000)
        transport: Any = StringTransport(peerAddress=peer)
        transport.connection = self.server.http.buildProtocol(peer)
        transport.connection.makeConnection(transport)
        return transport

    def open(
        self, method: str, path: str, fields: dict[str, str] | None = None, body: str = "", address: str = "127.0.0.1"
    ) -> StringTransport:
        """A request whose answer may come later."""
        transport = self.connect(address)
        sent = {"Host": "localhost:5280", "Content-Length": str(len(body)), **(fields or {})}
        head = "".join(f"{name}: {value}\r\n" for name, value in sent.items())
        transport.connection.dataReceived(f"{method} {path} HTTP/1.1\r\n{head}\r\n{body}".encode())
        return transport

    def read(self, transport: StringTransport) -> tuple[int, dict[str, str], bytes]:
        """What came."""
        top, _, said = transport.value().partition(b"\r\n\r\n")
        status, *lines = top.decode().split("\r\n")
        got = dict(line.split(": ", 1) for line in lines)
        return int(status.split()[1]), {name.lower(): value for name, value in got.items()}, said

    def post(self, body: str = '{"user": "alice"}', **fields: str) -> tuple[int, Any]:
        """A back end's call."""
        return self.send("POST", "/prebind", {**BEARER, **fields}, body)

    def live(self, name: str = "alice") -> list[Any]:
        return list(self.server.domains.hosts["localhost"].sessions(name))


@pytest.fixture
def at() -> Iterator[Callable[..., Site]]:
    made: list[Site] = []

    def make(*options: str) -> Site:
        made.append(Site(*options))
        return made[-1]

    yield make
    for each in made:
        each.server.close_sessions("system-shutdown")


# A trusted header


@pytest.mark.parametrize("name", ["alice", "alice@localhost", "Alice"])
def test_a_proxy_says_who_it_is(at: Any, name: str):
    code, bound = at("--prebind-trust-header", "X-Remote-User").send("GET", "/prebind", {"x-remote-user": name})
    assert code == 200
    assert bound["jid"].startswith("alice@localhost/")


def test_from_elsewhere_that_is_refused_and_the_log_says_so(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User")
    with capturedLogs() as logs:
        for _ in range(3):
            assert ours.send("GET", "/prebind", {"X-Remote-User": "alice"}, address="192.0.2.1")[0] == 401
    assert str(logs).count("192.0.2.1 sent X-Remote-User, but is no --trusted-proxy: refused") == 1
    assert ours.live() == []


def test_a_proxy_cannot_be_played_by_what_it_passes_on(at: Any):
    """The address that counts is that of the connection, whatever X-Forwarded-For has."""
    ours = at("--prebind-trust-header", "X-Remote-User", "--trusted-proxy", "10.0.0.1")
    fields = {"X-Remote-User": "alice", "X-Forwarded-For": "10.0.0.1"}
    assert ours.send("GET", "/prebind", fields, address="192.0.2.1")[0] == 401
    assert ours.send("GET", "/prebind", fields, address="10.0.0.1")[0] == 200


def test_a_field_that_is_there_twice_counts_for_nothing(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User")
    with capturedLogs() as logs:
        assert ours.send("GET", "/prebind", {"X-Remote-User": "alice", "x-remote-user": "bob"})[0] == 401
    assert "twice" in str(logs)


def test_without_the_option_it_is_a_field_like_any_other(at: Any):
    assert at().send("GET", "/prebind", {"X-Remote-User": "alice"})[0] == 401


@pytest.mark.parametrize("name", ["stranger", "alice@elsewhere.example", "a@b@c", ""])
def test_an_account_that_there_is_not(at: Any, name: str):
    ours = at("--prebind-trust-header", "X-Remote-User")
    assert ours.send("GET", "/prebind", {"X-Remote-User": name})[0] == 401


def test_accounts_are_made_where_that_is_wanted(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User", "--prebind-create")
    assert ours.send("GET", "/prebind", {"X-Remote-User": "stranger"})[0] == 200
    assert ours.server.domains.accounts.exists(parse("stranger@localhost"))
    assert ours.send("GET", "/prebind", {"X-Remote-User": "x@anon.localhost"})[0] == 401
    assert ours.send("GET", "/prebind", {"X-Remote-User": "x@elsewhere.example"})[0] == 401


def test_one_that_is_disabled_stays_out(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User", "--prebind-create")
    ours.server.domains.accounts.disable(parse("alice@localhost"))
    assert ours.send("GET", "/prebind", {"X-Remote-User": "alice"})[0] == 401


def test_a_page_of_another_site_gets_neither_sessions_nor_passwords(at: Any):
    """Its user's browser would be let in by the proxy."""
    ours = at("--prebind-trust-header", "X-Remote-User", "--auth", "token")
    for path in ("/prebind", "/credentials"):
        for fields in ({"Origin": "http://evil.example"}, {"Sec-Fetch-Site": "cross-site"}):
            assert ours.send("GET", path, {"X-Remote-User": "alice", **fields})[0] == 403
        assert ours.send("GET", path, {"X-Remote-User": "alice", "Host": "evil.example"})[0] == 421
    assert ours.live() == []


# Accounts that another place has


class Elsewhere:
    """What a domain's back ends are: they answer later."""

    def __init__(self) -> None:
        self.asked: list[tuple[JID, Callable[[bool | None], None]]] = []

    def find(self, account: JID, done: Callable[[bool | None], None]) -> None:
        self.asked.append((account, done))


@pytest.fixture
def beyond(at: Any, monkeypatch: pytest.MonkeyPatch) -> tuple[Site, Elsewhere]:
    ours, elsewhere = at("--prebind-trust-header", "X-Remote-User", "--prebind-secret", SECRET), Elsewhere()
    monkeypatch.setattr(ours.server.domains.logins, "passwords", lambda domain: elsewhere)
    return ours, elsewhere


WAYS = [("GET", {"X-Remote-User": "stranger"}, ""), ("POST", BEARER, '{"user": "stranger"}')]


@pytest.mark.parametrize("way", WAYS, ids=["header", "back end"])
@pytest.mark.parametrize(("found", "code"), [(True, 200), (False, None), (None, 503)])
def test_accounts_of_another_place_are_looked_for(beyond: Any, way: Any, found: bool | None, code: int | None):
    ours, elsewhere = beyond
    method, fields, body = way
    waiting = ours.open(method, "/prebind", fields, body)
    assert waiting.value() == b""
    ((account, done),) = elsewhere.asked
    assert account.full == "stranger@localhost"
    done(found)
    got, told, said = ours.read(waiting)
    assert got == (code or {"GET": 401, "POST": 404}[method])
    assert (found is None) == ("retry-after" in told)
    assert len(ours.live("stranger")) == bool(found)
    if found:
        assert json.loads(said)["jid"].startswith("stranger@localhost/")
        assert ours.send("GET", "/prebind", {"X-Remote-User": "stranger"})[0] == 200  # it is an account of ours now
        assert len(elsewhere.asked) == 1


def test_one_that_is_known_there_and_disabled_here_stays_out(beyond: Any):
    ours, elsewhere = beyond
    ours.server.domains.accounts.disable(parse("alice@localhost"))
    waiting = ours.open("GET", "/prebind", {"X-Remote-User": "alice"})
    elsewhere.asked[0][1](True)
    assert ours.read(waiting)[0] == 401
    assert ours.live() == []


@pytest.mark.parametrize("name", ["x@elsewhere.example", "x@anon.localhost", "a@b@c"])
def test_nobody_is_asked_about_what_is_not_theirs(beyond: Any, name: str):
    ours, elsewhere = beyond
    assert ours.send("GET", "/prebind", {"X-Remote-User": name})[0] == 401
    assert elsewhere.asked == []


# Guests


def test_whoever_is_not_logged_in_is_a_guest(at: Any):
    ours = at("--prebind-anonymous", "--prebind-trust-header", "X-Remote-User")
    first, second = (ours.send("GET", "/prebind") for _ in range(2))
    assert (first[0], second[0]) == (200, 200)
    names = {bound["jid"].partition("@")[0] for _, bound in (first, second)}
    assert len(names) == 2
    assert {bound["jid"].partition("@")[2].partition("/")[0] for _, bound in (first, second)} == {"anon.localhost"}
    assert ours.send("GET", "/prebind", {"X-Remote-User": "alice"})[1]["jid"].startswith("alice@localhost/")
    assert ours.send("GET", "/credentials")[0] == 401


def test_guests_are_gone_when_nobody_comes_for_them(at: Any):
    ours = at("--prebind-anonymous")
    account = parse(ours.send("GET", "/prebind")[1]["jid"]).to_bare()
    assert ours.server.domains.accounts.exists(account)
    ours.server.clock.advance(61)
    assert not ours.server.domains.accounts.exists(account)
    assert list(ours.server.manager.sessions()) == []


def test_a_flood_of_guests_pushes_out_those_of_its_own_address(at: Any):
    ours = at("--prebind-anonymous")
    other = ours.send("GET", "/prebind", address="192.0.2.2")[1]["sid"]
    came = ours.send("GET", "/prebind", address="192.0.2.1")[1]
    ours.open("POST", "/http-bind", body=POLL.format_map(came))
    flood = [ours.send("GET", "/prebind", address="192.0.2.1")[1]["sid"] for _ in range(2 * GUESTS)]
    live = [each.sid for each in ours.server.manager.sessions()]
    assert live == [other, came["sid"], *flood[GUESTS:]]


def test_no_page_elsewhere_makes_guests(at: Any):
    ours = at("--prebind-anonymous")
    assert ours.send("GET", "/prebind", {"Origin": "http://evil.example"})[0] == 403
    assert ours.send("GET", "/prebind", {"Sec-Fetch-Site": "cross-site"})[0] == 403
    assert ours.ask("HEAD", "/prebind")[0] == 200
    assert list(ours.server.manager.sessions()) == []


def test_guests_are_for_those_who_want_them(at: Any):
    assert at().send("GET", "/prebind")[0] == 401
    with pytest.raises(ConfigError, match="--prebind-anonymous: there is no domain for guests"):
        House("--prebind-anonymous", "--disable", "anonymous")


# Pages of other origins

SHOP = "https://shop.example"


@pytest.mark.parametrize("path", ["/prebind", "/credentials"])
@pytest.mark.parametrize("allowed", [[], ["*"], ["null"], ["http://shop.example"], ["*", "https://blog.example"]])
def test_no_page_elsewhere_reads_it_unless_its_origin_is_named(at: Any, path: str, allowed: list[str]):
    ours = at("--prebind-trust-header", "X-Remote-User", *(f"--allow-origin={each}" for each in allowed))
    for origin in (SHOP, "null"):
        for method in ("GET", "HEAD", "OPTIONS"):
            fields = {"X-Remote-User": "alice", "Origin": origin, "Sec-Fetch-Site": "cross-site"}
            code, got, _ = ours.ask(method, path, fields)
            assert code == 403
            assert not [name for name in got if name.startswith("access-control")]
    assert ours.live() == []


def test_a_page_whose_origin_is_named_reads_it_with_cookies(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User", "--allow-origin", SHOP, "--allow-origin", "*")
    fields = {"X-Remote-User": "alice", "Origin": SHOP, "Sec-Fetch-Site": "cross-site"}
    code, got, said = ours.ask("GET", "/prebind", fields)
    assert (code, json.loads(said)["jid"][:16]) == (200, "alice@localhost/")
    assert got["access-control-allow-origin"] == SHOP
    assert got["access-control-allow-credentials"] == "true"
    assert (got["cache-control"], got["vary"]) == ("no-store", "Origin")
    refused = ours.ask("GET", "/prebind", {"Origin": SHOP})
    assert (refused[0], refused[1]["access-control-allow-origin"]) == (401, SHOP)
    wanted = {"Access-Control-Request-Method": "GET", "Access-Control-Request-Headers": "x-trace"}
    code, got, _ = ours.ask("OPTIONS", "/prebind", {"Origin": SHOP, **wanted})
    assert (code, got["access-control-allow-methods"]) == (204, "GET, HEAD")
    assert got["access-control-allow-headers"] == "x-trace"
    assert ours.ask("GET", "/prebind", {**fields, "Host": "evil.example"})[0] == 421
    assert len(ours.live()) == 1


# A back end


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        ('{"user": "alice"}', "application/json"),
        ('{"jid": "alice@localhost"}', ""),
        ("user=alice&wait=30&presence=1", "application/x-www-form-urlencoded"),
    ],
)
def test_a_back_end_asks_for_somebody(at: Any, body: str, kind: str):
    code, bound = at("--prebind-secret", SECRET).post(body, **{"Content-Type": kind})
    assert code == 200
    assert sorted(bound) == ["jid", "rid", "sid"]
    assert bound["jid"].startswith("alice@localhost/")


def test_the_rid_is_that_of_the_next_request(at: Any):
    ours = at("--prebind-secret", SECRET)
    _, bound = ours.post('{"user": "alice", "resource": "phone", "wait": 20, "hold": 2}')
    assert bound["jid"] == "alice@localhost/phone"
    session = next(each for each in ours.server.manager.sessions() if each.sid == bound["sid"])
    assert (session.terms.wait, session.terms.hold, session.window.last + 1) == (20, 2, bound["rid"])


@pytest.mark.parametrize("arguments", [["--prebind-presence"], []])
def test_it_can_be_present_at_once(at: Any, arguments: list[str]):
    ours = at("--prebind-secret", SECRET, *arguments)
    ours.post('{"user": "alice"}' if arguments else '{"user": "alice", "presence": true}')
    assert [each.presence is not None for each in ours.live()] == [True]
    ours.post('{"user": "bob", "presence": false}')
    assert [each.presence is not None for each in ours.live("bob")] == [False]


@pytest.mark.parametrize("shown", ["Bearer wrong", "Bearer ", "Basic x", f"Bearer {SECRET}x", f"Bearer {SECRET[:-1]}"])
def test_a_secret_that_is_wrong(at: Any, shown: str):
    ours = at("--prebind-secret", SECRET)
    for method in ("POST", "DELETE"):
        assert ours.send(method, "/prebind", {"Authorization": shown}, '{"user": "alice"}')[0] == 401
    assert ours.live() == []


@pytest.mark.parametrize(
    ("body", "says"),
    [
        ("{", "neither a form nor JSON"),
        ("[]", "must be a JSON object"),
        ("{}", "wants user or jid"),
        ('{"user": 1}', "user must be a text"),
        ('{"user": "alice", "hold": 0}', "hold must be a whole number from 1 to 100"),
        ('{"user": "alice", "wait": true}', "wait must be a whole number from 1 to 3600"),
        ('{"user": "alice", "presence": "perhaps"}', "presence must be true or false"),
        ('{"user": "alice", "pass": "x"}', "unknown: 'pass'"),
        ('{"user": "alice", "password": "x"}', "for accounts of other servers"),
        ('{"user": "alice", "resource": "\\u0000"}', "resource: "),
    ],
)
def test_what_is_no_wish(at: Any, body: str, says: str):
    ours = at("--prebind-secret", SECRET)
    code, told = ours.post(body)
    assert code == 400
    assert says in told["error"]
    assert ours.live() == []


def test_somebody_who_is_not_there(at: Any):
    assert at("--prebind-secret", SECRET).post('{"user": "stranger"}')[0] == 404
    assert at("--prebind-secret", SECRET, "--prebind-create").post('{"user": "stranger"}')[0] == 200


def test_a_signed_token_in_place_of_the_secret(at: Any):
    ours = at("--token-key", f"1:{KEY}")
    shown = {"Authorization": f"Bearer {sign_token('alice@localhost', KEY, now=ours.server.clock.utc())}"}
    code, bound = ours.send("POST", "/prebind", shown)
    assert code == 200
    assert bound["jid"].startswith("alice@localhost/")
    assert ours.send("POST", "/prebind", shown)[0] == 401  # once
    assert ours.send("DELETE", "/prebind", shown)[0] == 401


def test_without_secret_and_keys_nobody_may(at: Any):
    assert at().post()[0] == 405


def test_the_secret_may_be_in_a_file(at: Any, tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text(f"{SECRET}\n")
    assert at("--prebind-secret-file", str(path)).post()[0] == 200


def test_a_flood_leaves_as_many_sessions_as_an_account_may_have(at: Any):
    ours = at("--prebind-secret", SECRET)
    sids = [ours.post()[1]["sid"] for _ in range(200)]
    assert len(ours.live()) == SESSIONS_PER_ACCOUNT
    assert [each.sid for each in ours.server.manager.sessions()] == sids[-SESSIONS_PER_ACCOUNT:]
    ours.server.clock.advance(61)
    assert ours.live() == []


POLL = "<body xmlns='http://jabber.org/protocol/httpbind' sid='{sid}' rid='{rid}'/>"
TERMINATE = "<body xmlns='http://jabber.org/protocol/httpbind' type='terminate' sid='{sid}' rid='{rid}'/>"


@pytest.mark.parametrize(("accounts", "each"), [(200, 5), (50, 20)])
def test_a_thousand_at_once_get_a_session_or_the_oldest_gives_way(at: Any, accounts: int, each: int):
    ours = at("--prebind-secret", SECRET, "--prebind-create")
    answers = [ours.post(f'{{"user": "u{number}"}}') for _ in range(each) for number in range(accounts)]
    assert {code for code, _ in answers} == {200}
    assert len({bound["sid"] for _, bound in answers}) == len(answers) == 1_000
    kept = min(each, SESSIONS_PER_ACCOUNT) * accounts
    assert [session.sid for session in ours.server.manager.sessions()] == [bound["sid"] for _, bound in answers[-kept:]]
    for _, bound in answers[-kept:]:  # each is taken by whoever has its rid
        assert b"condition" not in ours.ask("POST", "/http-bind", body=TERMINATE.format_map(bound))[2]
    assert list(ours.server.manager.sessions()) == []


def test_a_resource_that_two_pages_share_is_explained(at: Any):
    ours = at("--prebind-secret", SECRET)
    with capturedLogs() as logs:
        ours.post('{"user": "alice", "resource": "web"}')
        assert "share a resource" not in str(logs)
        ours.post('{"user": "alice", "resource": "web"}')
    assert "a back end wants alice@localhost/web while another page has it" in str(logs)
    assert len(ours.live()) == 1


def test_the_site_logs_out_and_everything_ends(at: Any):
    ours = at("--prebind-secret", SECRET)
    ours.post()
    person = ours.house.person("alice")
    bystander = ours.house.person("bob")
    assert ours.send("DELETE", "/prebind", BEARER, '{"user": "alice"}') == (200, {"ended": 2})
    assert ours.live() == []
    assert [each.full for each in ours.live("bob")] == [bystander.jid.full]
    assert person.jid.local == "alice"


# A site in the same process


def test_a_program_asks_for_its_users(at: Any):
    ours = at()
    bound = ours.server.single.prebind("alice")
    assert ours.server.single.prebind("Zoe").jid.startswith("zoe@localhost/")
    assert ours.server.domains.accounts.exists(parse("zoe@localhost"))
    assert b"condition" not in ours.ask("POST", "/http-bind", body=TERMINATE.format(sid=bound.sid, rid=bound.rid))[2]
    assert (len(ours.live()), len(ours.live("zoe"))) == (0, 1)
    assert ours.server.single.end_sessions("zoe") == 1
    assert ours.live("zoe") == []


@pytest.mark.parametrize("name", ["a@b@c", "alice@elsewhere.example", "x@anon.localhost", "bob"])
def test_whom_it_can_have_no_session_for(at: Any, name: str):
    ours = at()
    ours.server.domains.accounts.disable(parse("bob@localhost"))
    with pytest.raises((JIDError, StanzaError)):
        ours.server.single.prebind(name)
    assert list(ours.server.manager.sessions()) == []


# Credentials


def test_credentials_are_good_for_one_login(at: Any):
    ours = at("--auth", "token,accounts", "--prebind-trust-header", "X-Remote-User")
    code, pair = ours.send("GET", "/credentials", {"X-Remote-User": "alice"})
    assert (code, pair["jid"]) == (200, "alice@localhost")
    assert "SCRAM-SHA-1" not in Door(ours.house, "localhost").mechanisms
    assert Door(ours.house, "localhost").knock("bob", pair["password"]) == "failure"
    assert Door(ours.house, "localhost").knock("alice", pair["password"]) == "success"
    assert Door(ours.house, "localhost").knock("alice", pair["password"]) == "failure"


def test_credentials_last_for_a_minute(at: Any):
    ours = at("--auth", "token", "--prebind-trust-header", "X-Remote-User")
    _, pair = ours.send("GET", "/credentials", {"X-Remote-User": "alice"})
    ours.server.clock.advance(91)
    assert Door(ours.house, "localhost").knock("alice", pair["password"]) == "failure"


def test_refusals_of_credentials_are_never_200(at: Any):
    ours = at("--prebind-trust-header", "X-Remote-User")
    code, told = ours.send("GET", "/credentials", {"X-Remote-User": "alice"})
    assert (code, told["error"][-21:]) == (501, "--auth token,accounts")
    assert ours.send("GET", "/credentials")[0] == 401
    assert ours.send("POST", "/credentials")[0] == 405


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--prebind-secret", "short"], "--prebind-secret: wants at least 16 letters"),
        (["--prebind-trust-header", "X User"], "--prebind-trust-header: wants the name of a header field"),
        (["--prebind-trust-header", "Cookie"], "--prebind-trust-header: wants a field that only a proxy sets"),
        (["--prebind-ask", "localhost:8000"], "--prebind-ask: wants the URL of a page"),
        (["--prebind-ask", "http://localhost:8000"], "--prebind-ask: wants the URL of a page"),
        (["--prebind-ask", "http://[::1"], "--prebind-ask: wants the URL of a page"),
    ],
)
def test_options_that_make_no_sense(arguments: list[str], says: str):
    with pytest.raises(ConfigError, match=re.escape(says)):
        load(arguments, {})


def test_secrets_that_make_no_sense(tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text("too-short")
    with pytest.raises(ConfigError, match=r"--prebind-secret-file .*: wants at least 16") as caught:
        House("--prebind-secret-file", str(path))
    assert "too-short" not in str(caught.value)
    with pytest.raises(ConfigError, match="give one of them"):
        House("--prebind-secret-file", str(path), "--prebind-secret", SECRET)
