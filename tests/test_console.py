"""The lines of the log, and the banner."""

from __future__ import annotations

import io
import re
from types import SimpleNamespace
from typing import Any

import pytest
from twisted.logger import Logger, globalLogPublisher
from twisted.python import log as older
from twisted.python.failure import Failure

from conversehost.console import LineObserver, banner, printable
from conversehost.launch import notes, who
from conversehost.loading import load

READY = {
    "site": "http://localhost:5280/",
    "https": None,
    "ca": None,
    "bosh": "http://localhost:5280/http-bind",
    "websocket": None,
    "prebind": "http://localhost:5280/prebind",
    "c2s": "localhost:5222",
    "c2s_tls": "localhost:5223",
    "api": "http://localhost:5280/_conversehost/api/v1",
    "api_token_file": None,
    "accounts": {"alice@localhost": "secret", "al@localhost": "other"},
}


@pytest.fixture
def log():
    """Logs an event as somebody, and answers what was written, without the time."""

    def write(emit, level: str = "info", namespace: str = "conversehost.bosh") -> str:
        stream = io.StringIO()
        emit(Logger(namespace=namespace, observer=LineObserver(stream, level)))
        return re.sub(r"^\d\d:\d\d:\d\d ", "", stream.getvalue())

    return write


def test_a_line_has_a_level_and_a_text(log):
    assert log(lambda logger: logger.info("hello {who}", who="alice")) == "info  hello alice\n"
    assert log(lambda logger: logger.warn("hm")) == "warn  hm\n"
    assert log(lambda logger: logger.critical("oh")) == "error oh\n"


@pytest.mark.parametrize(("level", "shown"), [("debug", 4), ("info", 3), ("warn", 2), ("error", 1)])
def test_a_level_hides_what_is_below(log, level, shown):
    levels = ("debug", "info", "warn", "error")
    assert sum(bool(log(lambda logger, one=one: getattr(logger, one)("x"), level)) for one in levels) == shown


def test_what_twisted_says_about_itself_is_for_those_who_debug(log):
    def say(logger: Logger) -> None:
        logger.info("Starting factory")

    assert log(say, "info", "twisted.internet.protocol") == ""
    assert log(say, "info", "log_legacy") == ""
    assert log(say, "debug", "twisted.internet.protocol") == "debug Starting factory\n"
    assert log(lambda logger: logger.warn("hm"), "info", "twisted.web.http") == "warn  hm\n"


def test_nothing_from_outside_starts_a_line_or_moves_the_cursor(log):
    text = "x\n12:34:56 info  forged\r\x1b[2J\u2028\u202e\x85"
    assert log(lambda logger: logger.info("{text}", text=text)) == (
        "info  x\\n12:34:56 info  forged\\r\\x1b[2J\\u2028\\u202e\\x85\n"
    )
    assert printable("plain, é, 漢, 🎉") == "plain, é, 漢, 🎉"


def test_a_failure_has_its_traceback_indented(log):
    def fail(logger: Logger) -> None:
        try:
            raise ValueError("bad\n12:34:56 info  forged")
        except ValueError:
            logger.failure("while testing")

    first, *rest = log(fail).splitlines()
    assert first == "error while testing: bad\\n12:34:56 info  forged"
    assert rest[0] == "    Traceback (most recent call last):"
    assert all(line.startswith("    ") for line in rest)


def test_a_failure_by_the_older_api_looks_the_same():
    stream = io.StringIO()
    observer = LineObserver(stream, "info")
    globalLogPublisher.addObserver(observer)
    older.err(Failure(ValueError("bad")), "while testing")
    globalLogPublisher.removeObserver(observer)
    first, *rest = stream.getvalue().splitlines()
    assert first.endswith(" error while testing: bad")
    assert rest[0].startswith("    Traceback")


def test_the_banner_is_aligned_and_leaves_out_what_is_not_there():
    assert banner(READY, ["Stop with Ctrl+C."], colour=False) == (
        "\n"
        "  conversehost: a site and its chat, with one login\n"
        "\n"
        "    site       http://localhost:5280/\n"
        "    BOSH       http://localhost:5280/http-bind\n"
        "    prebind    http://localhost:5280/prebind\n"
        "    XMPP       localhost:5222\n"
        "    XMPP, TLS  localhost:5223\n"
        "    API        http://localhost:5280/_conversehost/api/v1\n"
        "\n"
        "    accounts   alice@localhost  secret\n"
        "               al@localhost     other\n"
        "\n"
        "  Stop with Ctrl+C.\n"
    )


def test_whom_to_trust_is_a_file():
    text = banner({**READY, "ca": "/home/me/ca.pem"}, [], colour=False)
    assert "    CA for TLS /home/me/ca.pem\n" in text
    assert "Chromium" not in text


def test_where_the_token_of_the_api_is_kept():
    text = banner({**READY, "api_token_file": "/home/me/api/token-5280"}, [], colour=False)
    assert "    API token  /home/me/api/token-5280\n" in text


def test_a_banner_of_many_accounts_is_short():
    many = {f"user{number}@localhost": "secret" for number in range(500)}
    lines = banner({**READY, "accounts": many}, [], colour=False).splitlines()
    assert lines[-2] == "               and 492 more"
    assert "    accounts   none here\n" in banner({**READY, "accounts": {}}, [], colour=False)


def test_colour_is_for_terminals():
    assert "\x1b[1m" in banner(READY, [], colour=True)
    assert "\x1b" not in banner(READY, [], colour=False)


def test_in_front_of_other_servers_it_is_told_whose_accounts_those_are():
    told: Any = SimpleNamespace(settings=load(["--upstream", "chat.example=xmpp://127.0.0.1"], {}), is_daemon=False)
    assert notes(told)[0] == "Accounts are those of chat.example (xmpp://127.0.0.1:5222); log in at /form."
    told.settings = load(["--upstream", "chat.example=srv", "--upstream", "*"], {})
    assert notes(told)[0] == "Accounts are those of chat.example (srv), any other domain (srv); log in at /form."
    told.settings = load(["--upstream", "*", "--domain", "here.example"], {})
    assert notes(told)[0] == "BOSH and WebSocket are also for accounts of any domain (srv)."


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--auth", "accounts"], []),
        (
            ["--auth", "http,accounts", "--http-auth-url", "https://www.example/auth"],
            ["Who may log in: http (https://www.example/auth), accounts."],
        ),
        (
            ["--auth", "accounts", "--auth", "localhost=extauth,any", "--extauth-program", "/bin/sh -c secret"],
            ["Who may log in at localhost: extauth (/bin/sh), any, with any password."],
        ),
    ],
)
def test_who_else_may_log_in_is_told(options, says):
    assert list(who(load(options, {}))) == says


def test_where_components_and_other_servers_connect():
    text = banner({**READY, "component": "localhost:5347", "s2s": "localhost:5269"}, [], colour=False)
    assert "    components localhost:5347\n    servers    localhost:5269\n" in text


def test_an_authority_that_no_client_needs_is_not_named():
    assert "CA" not in banner({**READY, "c2s": None, "ca": "/home/me/ca.pem"}, [], colour=False)
