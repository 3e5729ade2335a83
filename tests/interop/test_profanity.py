"""profanity, a client for the terminal, as a human sees it."""

from __future__ import annotations

import pytest

from tests.clients.bosh import BoshClient

from .terminal import Terminal
from .tools import program


@pytest.fixture
def screen(tmp_path, testbed):
    """profanity, just started. What it keeps, it keeps in a folder of its own."""
    environment = {"HOME": str(tmp_path), "LC_ALL": "C.UTF-8"}
    environment |= {name: str(tmp_path) for name in ("XDG_CONFIG_HOME", "XDG_DATA_HOME")}
    with Terminal(tmp_path, [program("profanity", "profanity")], environment) as screen:
        screen.until("Type '/help' to show complete help.")
        yield screen


def log_in(screen: Terminal, c2s: str, tls: str, password: str = "secret") -> None:
    host, _, port = c2s.rpartition(":")
    screen.type(f"/connect romeo@localhost server {host} port {port} tls {tls}")
    screen.until("Enter password:")
    screen.type(password)


def test_one_logs_in_and_talks_to_the_echo(screen, testbed):
    log_in(screen, testbed.c2s, "disable")
    screen.until("romeo@localhost/profanity", "logged in successfully, online (priority 0)")
    screen.type("/roster")
    screen.until("juliet@localhost (Juliet Capulet) - both - Verona, Friends", "echo@localhost (Echo) - both - Bots")
    screen.type("/msg echo@localhost Is anybody there? é 漢")
    screen.until("me: Is anybody there? é 漢", "Echo/bot: Is anybody there? é 漢")


@pytest.mark.parametrize(("door", "tls"), [("c2s", "force"), ("c2s_tls", "legacy")])
def test_one_looks_at_the_certificate_and_takes_it(screen, testbed, door, tls):
    """By STARTTLS, and over TLS from the first byte. To a human an authority made for tests is nobody's."""
    log_in(screen, getattr(testbed, door), tls)
    screen.until("TLS certificate verification failed", "/tls allow")
    screen.type("/tls allow")
    assert "TLS connection not established" not in screen.until("logged in successfully")
    screen.type("/msg echo@localhost Is it safe?")
    screen.until("me: Is it safe?", "Echo/bot: Is it safe?")


@pytest.mark.parametrize(("door", "tls"), [("c2s", "force"), ("c2s_tls", "legacy")])
def test_a_connection_that_breaks_is_resumed(screen, testbed, door, tls):
    screen.type("/reconnect 1")
    log_in(screen, getattr(testbed, door), tls)
    screen.until("TLS certificate verification failed", "/tls allow")
    screen.type("/tls always")
    screen.until("logged in successfully")
    (before,) = testbed.sessions("romeo")
    testbed.kill(before, "reset")
    screen.until("Lost connection.")
    testbed.message("juliet", before.jid, "Art thou there?")
    screen.until("Connection re-established.", "(win 2)")
    screen.type("/win 2")
    screen.until("Art thou there?")
    assert [each.id for each in testbed.sessions("romeo")] == [before.id]


def test_a_wrong_password_is_refused(screen, testbed):
    log_in(screen, testbed.c2s, "disable", "wrong")
    screen.until("Login failed.")


def test_a_friend_on_bosh_comes_and_says_something(screen, testbed):
    log_in(screen, testbed.c2s, "disable")
    screen.until("logged in successfully")
    # Of those who were there before, it only knows that they are.
    testbed.wait_for("presence[not(@type)]", account="romeo", direction="in", timeout=30)
    juliet = BoshClient(testbed.bosh, "localhost")
    juliet.log_in("juliet", "secret")
    juliet.send("<presence xmlns='jabber:client'><status>on the balcony</status></presence>")
    screen.until("Juliet Capulet", "is online", '"on the balcony"')
    message = (
        "<message xmlns='jabber:client' type='chat' to='romeo@localhost'><body>Wherefore art thou?</body></message>"
    )
    juliet.send(message)
    screen.until("Juliet Capulet", "(win 2)")
    screen.type("/win 2")
    screen.until("Wherefore art thou?")
    screen.type("Here.")
    assert juliet.wait_for("message").findtext("{jabber:client}body") == "Here."
