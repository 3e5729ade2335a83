"""Command line over environment over file over defaults; and every mistake as one line that says what to do."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import GROUPS, OPTIONS, SPOKEN, Settings
from conversehost.options.ldap import Ldap
from conversehost.options.places import Places
from conversehost.usage import MOST_USED, help_text, whole_help
from conversehost.xmpp.places import Place
from conversehost.xmpp.services import read_service


def read(*arguments: str, **environment: str) -> Settings:
    return load(arguments, environment)


@pytest.fixture
def toml(tmp_path: Path):
    def write(text: str) -> str:
        path = tmp_path / "chat.toml"
        path.write_text(text)
        return str(path)

    return write


def complaint(arguments: Sequence[str], environment: Mapping[str, str] | None = None) -> str:
    with pytest.raises(ConfigError) as caught:
        load(arguments, environment or {})
    assert "\n" not in str(caught.value)
    return str(caught.value)


def test_nothing_given_is_the_defaults():
    assert read() == Settings(c2s_tls_port=5223)
    assert read().interfaces == ("127.0.0.1", "::1")
    assert (read().port, read().c2s_port, read().domains) == (5280, 5222, ("localhost",))


def test_the_command_line_wins_over_the_environment_and_that_over_the_file(toml):
    path = toml("port = 1\nbosh_wait = 1\nbosh-hold = 1\n")
    settings = read("--config", path, "--port", "3", CONVERSEHOST_PORT="2", CONVERSEHOST_BOSH_WAIT="2")
    assert (settings.port, settings.bosh_wait, settings.bosh_hold) == (3, 2, 1)


def test_the_file_can_be_named_by_the_environment_and_the_command_line_wins_here_too(toml, tmp_path):
    other = tmp_path / "other.toml"
    other.write_text("port = 7")
    path = toml("port = 6")
    assert read(CONVERSEHOST_CONFIG=path).port == 6
    assert read("--config", str(other), CONVERSEHOST_CONFIG=path).port == 7


def test_the_last_of_several_counts_and_lists_collect():
    assert read("--port=1", "--port=2").port == 2
    assert read("--domain", "a.example", "--domain=B.example").domains == ("a.example", "b.example")


def test_a_list_replaces_the_one_it_wins_over(toml):
    path = toml('domain = ["a.example"]')
    assert read("--config", path, CONVERSEHOST_DOMAIN="b.example, c.example").domains == ("b.example", "c.example")


def test_lists_in_the_environment_are_separated_by_commas():
    settings = read(CONVERSEHOST_USER="me:secret,you:sec:ret", CONVERSEHOST_INTERFACE="127.0.0.1")
    assert settings.users == (("me@localhost", "secret"), ("you@localhost", "sec:ret"))
    assert settings.interfaces == ("127.0.0.1",)


def test_an_empty_variable_counts_as_none():
    assert read(CONVERSEHOST_PORT="", CONVERSEHOST_USER=" ") == read()


@pytest.mark.parametrize(
    ("arguments", "port"),
    [
        ([], 5223),
        (["--c2s-port", "0"], 0),
        (["--c2s-port", "15222"], None),  # there may be several servers
        (["--c2s-port", "15222", "--c2s-tls-port", "15223"], 15223),
        (["--c2s-tls-port", "0"], 0),
        (["--no-starttls"], None),
    ],
)
def test_where_xmpp_has_tls_from_the_first_byte(arguments, port):
    assert read(*arguments).c2s_tls_port == port


@pytest.mark.parametrize(("text", "value"), [("1", True), ("yes", True), ("True", True), ("0", False), ("off", False)])
def test_flags_in_the_environment(text, value):
    assert read(CONVERSEHOST_REGISTRATION=text).registration is value


def test_every_option_can_be_said_in_the_file(toml, tmp_path):
    (tmp_path / "cast.toml").touch()
    (tmp_path / "dist").mkdir()
    path = toml(
        """
        port = 1
        c2s-port = 2
        c2s_tls_port = 4
        client_ca = "cast.toml"
        require_tls = true
        auth = "any"
        mechanisms = "external, plain"
        plain_anywhere = true
        login_timeout = 20
        login_room = 21
        login_failures = 22
        c2s_keep_alive = 23
        c2s_timeout = 24
        tls = true
        https_port = 3
        tls_cert = "cast.toml"
        tls_key = "cast.toml"
        state_dir = "dist"
        interface = "0.0.0.0"
        bosh_path = "httpb"
        allow_domain = ".example"
        deny_domain = ["*.c.example", "d.example"]
        allowed_host = ["chat.example", "[::2]"]
        allow_origin = ["https://www.example", "null"]
        trusted_proxy = ["192.0.2.1", "10.1.2.3/8"]
        domain = ["a.example", "b.example"]
        anonymous_domain = "guests.example"
        user = ["me:secret", "you@b.example:secret"]
        scenario = "cast.toml"
        registration = true
        welcome = "Hello!"
        upstream = ["c.example=xmpp://far.example", "*"]
        only_upstream = true
        upstream_ca = "cast.toml"
        upstream_cert = "cast.toml"
        upstream_jwt_key = "cast.toml"
        upstream_allow = "10.1.2.3/8"
        upstream_deny = "10.1.0.0/16"
        upstream_allow_private = true
        upstream_route = true
        upstream_keep_alive = 50
        resolver = "127.0.0.1:53"
        admin = ["me", "you@b.example"]
        contact = "abuse=mailto:me@a.example"
        component_port = 5
        component = "echo.a.example=echo:Echo"
        bot = ["echo=echo:Bot", "echo@b.example=m.n:C"]
        component_secret = "bridge.a.example:se:cret"
        external_service = ["stun:stun.example", "turn:turn.example?secret=x"]
        disable = ["vcard", "BOB_or_not"]
        bosh_wait = 3
        bosh_hold = 4
        bosh_inactivity = 5
        bosh_polling = 6
        bosh_maxpause = 7
        bosh_streams = 9
        bosh_script = true
        no_bosh_reason = true
        websocket_ping_interval = 10
        websocket_timeout = 11
        websocket_queue = 12000
        websocket_deflate = true
        see_other = "https://b.example:5281/"
        resource_conflict = "refuse"
        resume_time = 40
        resume_location = "[::1]:5222"
        archive_limit = 1000
        archive_default = "roster"
        inviters = "nobody"
        connections = 8
        connections_per_address = 9
        stanza_limit = 10000
        upload_limit = 11
        upload_quota = 12
        upload_space = 13
        upload_time = 14
        upload_url = "https://chat.example"
        converse = "dist"
        site = "dist"
        log_level = "WARN"
        oauth = "mine.login:verify"
        token_key = "a:0123456789abcdef0123456789abcdef"
        token_key_file = "cast.toml"
        token_audience = "chat"
        token_lifetime = 100
        token_secret = "secret"
        otp_seed = "XVGR73KMZH2M4XMY"
        jwt_key = "cast.toml"
        jwt_keys_url = "https://www.example/keys"
        prebind_trust_header = "Remote-User"
        prebind_ask = "http://localhost:8000/who"
        prebind_secret = "0123456789abcdef"
        prebind_secret_file = "cast.toml"
        prebind_create = true
        prebind_anonymous = true
        external_cookie = true
        prebind_presence = true
        jwt_audience = "chat"
        jwt_issuer = "me"
        jwt_claim = "sub"
        api_token_file = "cast.toml"
        no_traffic = true
        json = true
        instance = "a.1"
        drain = 60
        s2s_port = 5
        ready_file = "ready.json"
        exit_with_stdin = true
        save_on_exit = "saved.toml"
        """
    )
    settings = read("--config", path)
    assert settings == Settings(
        port=1,
        c2s_port=2,
        c2s_tls_port=4,
        client_ca=tmp_path / "cast.toml",
        require_tls=True,
        auth=(("", ("any",)),),
        mechanisms="EXTERNAL,PLAIN",
        plain_anywhere=True,
        login_timeout=20,
        login_room=21,
        login_failures=22,
        c2s_keep_alive=23,
        c2s_timeout=24,
        tls=True,
        https_port=3,
        tls_cert=tmp_path / "cast.toml",
        tls_key=tmp_path / "cast.toml",
        state_dir=tmp_path / "dist",
        interfaces=("0.0.0.0",),
        bosh_paths=("/httpb",),
        allowed_domains=(".example",),
        denied_domains=(".c.example", "d.example"),
        allowed_hosts=("chat.example", "[::2]"),
        allowed_origins=("https://www.example", "null"),
        trusted_proxies=("192.0.2.1/32", "10.0.0.0/8"),
        domains=("a.example", "b.example"),
        anonymous_domain="guests.example",
        users=(("me@a.example", "secret"), ("you@b.example", "secret")),
        scenario=tmp_path / "cast.toml",
        registration=True,
        welcome="Hello!",
        upstreams=(("c.example", Place("far.example")), ("*", Place())),
        only_upstream=True,
        upstream_ca=tmp_path / "cast.toml",
        upstream_cert=tmp_path / "cast.toml",
        upstream_jwt_key=tmp_path / "cast.toml",
        upstream_allow=("10.0.0.0/8",),
        upstream_deny=("10.1.0.0/16",),
        upstream_allow_private=True,
        upstream_route=True,
        upstream_keep_alive=50,
        resolver="127.0.0.1:53",
        admins=("me@a.example", "you@b.example"),
        contacts=(("abuse", "mailto:me@a.example"),),
        component_port=5,
        components=(("echo.a.example", "echo:Echo"),),
        bots=(("echo@a.example", "echo:Bot"), ("echo@b.example", "m.n:C")),
        component_secrets=(("bridge.a.example", "se:cret"),),
        external_services=(read_service("stun:stun.example"), read_service("turn:turn.example?secret=x")),
        disabled=("vcard", "bob-or-not"),
        bosh_wait=3,
        bosh_hold=4,
        bosh_inactivity=5,
        bosh_polling=6,
        bosh_maxpause=7,
        bosh_streams=9,
        bosh_script=True,
        no_bosh_reason=True,
        websocket_ping_interval=10,
        websocket_timeout=11,
        websocket_queue=12000,
        websocket_deflate=True,
        see_other="https://b.example:5281",
        resource_conflict="refuse",
        resume_time=40,
        resume_location="[::1]:5222",
        archive_limit=1_000,
        archive_default="roster",
        inviters="nobody",
        connections=8,
        connections_per_address=9,
        stanza_limit=10_000,
        upload_limit=11,
        upload_quota=12,
        upload_space=13,
        upload_time=14,
        upload_url="https://chat.example",
        converse=tmp_path / "dist",
        site=tmp_path / "dist",
        log_level="warn",
        oauth="mine.login:verify",
        token_keys=(("a", "0123456789abcdef0123456789abcdef"),),
        token_key_file=tmp_path / "cast.toml",
        token_audience="chat",
        token_lifetime=100,
        token_secret="secret",
        otp_seed="XVGR73KMZH2M4XMY",
        jwt_keys=(tmp_path / "cast.toml",),
        jwt_keys_url="https://www.example/keys",
        prebind_trust_header="Remote-User",
        prebind_ask="http://localhost:8000/who",
        prebind_secret="0123456789abcdef",
        prebind_secret_file=tmp_path / "cast.toml",
        prebind_create=True,
        prebind_anonymous=True,
        external_cookie=True,
        prebind_presence=True,
        jwt_audience="chat",
        jwt_issuer="me",
        jwt_claim="sub",
        api_token_file=tmp_path / "cast.toml",
        no_traffic=True,
        json=True,
        instance="a.1",
        drain=60,
        s2s_port=5,
        ready_file=tmp_path / "ready.json",
        exit_with_stdin=True,
        save_on_exit=tmp_path / "saved.toml",
    )
    places = GROUPS[Places], GROUPS[Ldap]  # in tests/test_back_ends.py: whoever asks others registers nobody
    left = [
        each.field for each in OPTIONS if getattr(settings, each.field) == each.default and each.group not in places
    ]
    assert left == ["no_starttls", "s2s", "proxy", "upstream_insecure"]  # each contradicts another one
    assert read("--config", toml('proxy = "http://localhost:8000"')).proxy == "http://localhost:8000"  # not with site


@pytest.mark.parametrize(
    ("arguments", "domain"),
    [
        ([], "anon.localhost"),
        (["--domain", "a.example", "--domain", "b.example"], "anon.a.example"),
        (["--anonymous-domain", "guests.example"], "guests.example"),
        (["--domain", "a.example", "--domain", "anon.a.example"], ""),
        (["--disable", "anonymous"], ""),
    ],
)
def test_the_domain_for_guests(arguments, domain):
    assert read(*arguments).guests == domain


def test_relative_paths_on_the_command_line_start_where_one_is(tmp_path, monkeypatch):
    (tmp_path / "cast.toml").touch()
    monkeypatch.chdir(tmp_path)
    assert read("--scenario", "cast.toml").scenario == tmp_path / "cast.toml"


def test_accounts_are_addresses_in_a_domain_that_is_here():
    settings = read("--domain", "a.example", "--domain", "b.example", "--user", "Me:x", "--user", "you@B.example:y")
    assert settings.users == (("me@a.example", "x"), ("you@b.example", "y"))


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("*", "*"),
        ("NULL", "null"),
        ("https://WWW.example/", "https://www.example"),
        ("https://www.example:443", "https://www.example"),
        ("http://www.example:443", "http://www.example:443"),
        ("http://[::1]:80", "http://[::1]"),
        ("https://b\u00fccher.example:8443", "https://xn--bcher-kva.example:8443"),
        ("capacitor://localhost", "capacitor://localhost"),
    ],
)
def test_origins_are_kept_as_browsers_write_them(text, origin):
    assert read("--allow-origin", text).allowed_origins == (origin,)


@pytest.mark.parametrize(
    "text",
    ["", "https://", "https://a/b", "https://a?b", "https://a#b", "https://u@a", "https://a:x", "https://a:99999"],
)
def test_what_is_no_origin(text):
    assert complaint([f"--allow-origin={text}"]).endswith(f"not {text!r}")


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--prot", "1"], "unknown option --prot: did you mean --port?"),
        (["--c2s-tsl-port", "0"], "unknown option --c2s-tsl-port: did you mean --c2s-tls-port?"),
        (["--c2s-tls-port", "5222"], "--c2s-port and --c2s-tls-port are both 5222: give them different ones"),
        (["--no-starttls", "--require-tls"], "--no-starttls and --require-tls contradict one another: choose one"),
        (
            ["--auth", "any", "--mechanisms", "SCRAM-SHA-1"],
            "--auth any takes any password, so PLAIN must be among --mechanisms",
        ),
        (
            ["--mechanisms", "PLAIN,MD5"],
            "--mechanisms: there is no mechanism 'MD5': the names are EXTERNAL, SCRAM-SHA-512-PLUS, SCRAM-SHA-256-PLUS,"
            " SCRAM-SHA-1-PLUS, SCRAM-SHA-512, SCRAM-SHA-256, SCRAM-SHA-1, OAUTHBEARER, X-OAUTH2, X-TOKEN, PLAIN",
        ),
        (["--zzz"], "unknown option --zzz"),
        (["-n"], "unknown option -n: twistd's own options go before the word conversehost"),
        (["--bosh"], "--bosh is short for more than one option: write it in full"),
        (["--port"], "--port wants a value"),
        (["--json=yes"], "--json takes no value"),
        (
            ["start"],
            "what is 'start'? Every option starts with two hyphens;"
            " conversehost play, proxy-config, run and token are commands",
        ),
        (["--port", "-1"], "--port: wants a whole number from 0 to 65535, not '-1'"),
        (["--port", "99999"], "--port: wants a whole number from 0 to 65535, not '99999'"),
        (["--port", "²"], "--port: wants a whole number from 0 to 65535, not '²'"),
        (["--bosh-wait", "0"], "--bosh-wait: wants a whole number from 1 to 3600, not '0'"),
        (["--stanza-limit", "9999"], "--stanza-limit: wants a whole number from 10000 to 67108864, not '9999'"),
        (["--log-level", "loud"], "--log-level: wants one of debug, info, warn, error, not 'loud'"),
        (["--interface", "eth0"], "--interface: wants an IP address, such as 127.0.0.1, ::1 or 0.0.0.0, not 'eth0'"),
        (
            ["--domain", "a b"],
            "--domain: wants a name such as chat.example (no address of a page, no port), not 'a b'",
        ),
        (
            ["--allowed-host", "http://a.example"],
            "--allowed-host: wants a name such as chat.example (no address of a page, no port), not 'http://a.example'",
        ),
        (
            ["--allow-origin", "www.example"],
            "--allow-origin: wants scheme, name and port, such as https://www.example:8443, or *, not 'www.example'",
        ),
        (
            ["--trusted-proxy", "nginx"],
            "--trusted-proxy: wants an address or a network, such as 192.0.2.1 or 10.0.0.0/8, not 'nginx'",
        ),
        (
            ["--resume-location", "chat.example"],
            "--resume-location: wants a host and a port, such as chat.example:5222 or [::1]:5222, not 'chat.example'",
        ),
        (
            ["--resume-location", "::1:x"],
            "--resume-location: wants a host and a port, such as chat.example:5222 or [::1]:5222, not '::1:x'",
        ),
        (["--user", "hunter2"], "--user: wants NAME:PASSWORD"),
        (["--user", "me:"], "--user: wants NAME:PASSWORD"),
        (["--user", "me@localhost/here:x"], "--user: wants an account, not 'me@localhost/here' with a resource"),
        (["--user", "a/b:x"], "--user: 'a/b' is no name for an account (a character that a local part must not have)"),
        (["--user", "me@a.example:x"], "--user me@a.example: no such domain here, add --domain a.example"),
        (["--user", "me:x", "--user", "ME:y"], "--user me@localhost: given twice with different passwords"),
        (
            ["--domain", "a.example", "--anonymous-domain", "A.example"],
            "--anonymous-domain a.example: that domain is for accounts, choose another",
        ),
        (
            ["--component", "echo.localhost=echo.py"],
            "--component: wants NAME=MODULE:CLASS, such as echo.localhost=mine.echo:Echo, not 'echo.localhost=echo.py'",
        ),
        (
            ["--component", "localhost=echo:Echo"],
            "--component localhost: is a domain for accounts, choose another",
        ),
        (
            ["--component-secret", "anon.localhost:x"],
            "--component-secret anon.localhost: is a domain for accounts, choose another",
        ),
        (
            ["--component", "a.localhost=echo:Echo", "--component-secret", "a.localhost:x"],
            "--component-secret a.localhost: is another component's, choose another",
        ),
        (["--component-secret", "hush"], "--component-secret: wants NAME:SECRET, such as echo.localhost:secret"),
        (
            ["--component-secret", "a.localhost:x", "--component-port", "5222"],
            "--c2s-port and --component-port are both 5222: give them different ones",
        ),
        (
            ["--bot", "echo=Echo"],
            "--bot: wants JID=MODULE:CLASS, such as echo@localhost=mine.echo:Echo, not 'echo=Echo'",
        ),
        (["--bot", "a@b.example=m:C"], "--bot a@b.example: no such domain here, add --domain b.example"),
        (["--welcome", "Hello!"], "--welcome has no effect without --registration: add that, or leave it out"),
        (["--admin", "me@a.example"], "--admin me@a.example: no such domain here, add --domain a.example"),
        (
            ["--admin", "a b"],
            "--admin: wants an account, such as admin or admin@chat.example, not 'a b' (not a local part:"
            " DISALLOWED/spaces)",
        ),
        (
            ["--contact", "boss=mailto:a@b"],
            "--contact: wants one of abuse, admin, feedback, sales, security, status, support, = and a URI, such as"
            " abuse=mailto:me@chat.example, not 'boss=mailto:a@b'",
        ),
        (
            ["--external-service", "turn.example"],
            "--external-service: wants TYPE:HOST[:PORT][?transport=udp&secret=SECRET], such as stun:stun.example:3478",
        ),
        (["--scenario", "/nowhere"], "--scenario: '/nowhere' is not a file that is there"),
        (["--converse", "/nowhere"], "--converse: '/nowhere' is not a folder that is there"),
        (
            ["--ready-file", "/nowhere/x"],
            "--ready-file: '/nowhere/x' can't be written: choose a file in a folder that is there and yours",
        ),
        (["--config", "/nowhere"], "--config: '/nowhere' is not a file that is there"),
        (["--port", "5222"], "--port and --c2s-port are both 5222: give them different ones"),
    ],
)
def test_mistakes_on_the_command_line(arguments, text):
    assert complaint(arguments) == text


@pytest.mark.parametrize(
    ("variable", "value", "text"),
    [
        ("CONVERSEHOST_PORT", "tcp://10.0.0.1:5280", "wants a whole number from 0 to 65535, not 'tcp://10.0.0.1:5280'"),
        ("CONVERSEHOST_REGISTRATION", "maybe", "wants true or false, not 'maybe'"),
        ("CONVERSEHOST_USER", "a:b,c", "wants NAME:PASSWORD"),
    ],
)
def test_mistakes_in_the_environment_name_the_variable(variable, value, text):
    assert complaint([], {variable: value}) == f"{variable}: {text}"


@pytest.mark.parametrize(
    ("content", "text"),
    [
        ("bosh_wiat = 3", ": unknown key 'bosh_wiat': did you mean bosh-wait?"),
        ("config = 'x'", ": unknown key 'config'"),
        ("[section]\nport = 1", ": unknown key 'section'"),
        ("port = '1'", ": port: wants a whole number"),
        ("port = true", ": port: wants a whole number"),
        ("registration = 1", ": registration: wants true or false"),
        ("domain = [1]", ": domain: wants text in quotes or a list of it"),
        ("scenario = ['a', 'b']", ": scenario: wants text in quotes"),
        ("port = 70000", ": port: wants a whole number from 0 to 65535, not '70000'"),
        ("bosh_wait = 1\nbosh-wait = 1", ": bosh-wait is there twice, with - and with _: keep one"),
        ("domain = []", "no domain: give one with --domain"),
        ("interface = []", "no address to listen on: give one with --interface"),
        ("port = ", ": can't be read as TOML: Invalid value (at end of document)"),
    ],
)
def test_mistakes_in_the_file_name_the_file_and_the_key(toml, content, text):
    path = toml(content)
    assert complaint(["--config", path]) == (path + text if text.startswith(":") else text)


def test_a_file_in_another_encoding_is_one_line_too(tmp_path):
    path = tmp_path / "chat.toml"
    path.write_bytes(b"# \xe9")
    assert complaint(["--config", str(path)]).startswith(f"{path}: can't be read as TOML: 'utf-8'")


def test_no_error_tells_a_password():
    for given in ("hunter2", ":hunter2", "m e:hunter2", "me@a.example:hunter2", "me@localhost/x:hunter2"):
        assert "hunter2" not in complaint(["--user", given])


def test_the_whole_help_names_every_option_within_80_columns():
    text = whole_help("twistd -n conversehost")
    assert all(re.search(f"^  --{option.name}( |$)", text, re.MULTILINE) for option in SPOKEN)
    assert all(f"\n\n{group}\n  --" in text for group in GROUPS.values())
    assert re.search(r"\(default:\s+127.0.0.1, ::1\)", text)
    assert max(map(len, text.splitlines())) <= 80


def test_the_short_help_has_the_most_used_options_and_fits_a_page_of_80_columns():
    text = help_text("twistd -n conversehost")
    lines = text.splitlines()
    shown = [line.split()[0] for line in lines if line.startswith("  --")]
    assert shown == [*(f"--{name}" for name in MOST_USED), "--help-all", "--version"]
    assert "single sessions, how it runs, in front of other XMPP servers, limits" in re.sub(r"\s+", " ", text)
    assert "  twistd -n conversehost --domain chat.example" in text
    assert max(map(len, lines)) <= 80
    assert len(lines) <= 50


def test_where_other_servers_are():
    found = read(
        "--s2s", "far.example=127.0.0.1:5270", "--s2s", "b.example=[::1]", "--s2s", "c.example", "--s2s", "*"
    ).s2s
    assert found == (
        ("far.example", Place("127.0.0.1", 5270)),
        ("b.example", Place("::1", 5269)),
        ("c.example", Place("", 5269)),
        ("*", Place("", 5269)),
    )


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--s2s", "far.example=host:port"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "far.example=xmpp://host:5269"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "=host"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "far.example=5269"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "far.example=host:0"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "far"], "wants DOMAIN=HOST:PORT"),
        (["--s2s", "localhost=127.0.0.1:5270"], "that domain is here, leave it out"),
        (["--s2s", "a.example=h:1", "--s2s", "a.example=h:2"], "given twice"),
        (["--s2s", "a.example", "--upstream", "b.example"], "no domain is served here"),
        (["--s2s", "a.example", "--s2s-port", "5222"], "--c2s-port and --s2s-port are both 5222"),
    ],
)
def test_where_other_servers_cannot_be(arguments, complaint):
    with pytest.raises(ConfigError, match=complaint):
        read(*arguments)


def test_with_upstream_alone_no_domain_is_served_here():
    assert read("--upstream", "chat.example=xmpp://10.0.0.1").only_upstream
    assert not read("--upstream", "chat.example=srv", "--domain", "a.example").only_upstream
    assert not read("--domain", "a.example").only_upstream


def test_what_is_only_in_front_has_no_control_api_unless_it_is_given_a_token(tmp_path):
    (tmp_path / "token").touch()
    front = "--upstream", "chat.example=srv"
    assert read().has_control
    assert not read(*front).has_control
    assert read(*front, "--api-token-file", str(tmp_path / "token")).has_control


@pytest.mark.parametrize(
    ("arguments", "reason"),
    [
        (["--upstream", "a.example=srv", "--domain", "a.example"], "--domain says that it is here"),
        (["--upstream", "a.example=srv", "--upstream", "a.example=xmpp://b"], "given twice"),
        (["--only-upstream"], "give one with --upstream"),
        (["--upstream", "a.example=http://b"], "wants xmpp://HOST:PORT"),
        (["--upstream", "a.example=xmpp://5222"], "wants xmpp://HOST:PORT"),
        (["--upstream", "a.example=xmpp://host:0"], "wants xmpp://HOST:PORT"),
        (["--upstream", "far"], "wants to know where far is: far=xmpp://HOST:PORT, or far=srv if DNS says so"),
        (["--upstream-ca", __file__], "--upstream-ca has no effect without --upstream: add that, or leave it out"),
        (["--upstream-cert", __file__], "--upstream-cert has no effect without --upstream: add that, or"),
        (["--upstream-insecure"], "--upstream-insecure has no effect without --upstream: add that, or"),
        (["--upstream", "a.example=srv", "--upstream-insecure", "--upstream-ca", __file__], "contradict"),
    ],
)
def test_upstreams_that_make_no_sense(arguments, reason):
    with pytest.raises(ConfigError, match=reason):
        read(*arguments)
