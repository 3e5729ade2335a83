"""`conversehost proxy-config`: a configuration for the web server in front, made for the settings."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.net.bosh import PATHS
from conversehost.web.recipes import FILES, GRACE, recipe

FIXTURES = Path(__file__).parents[2] / "fixtures" / "proxies"


def made(server: str, *arguments: str) -> str:
    return recipe(server, load(arguments, {}))


def said(text: str) -> str:
    """Without comments."""
    return "\n".join(line for line in text.splitlines() if not line.strip().startswith("#"))


@pytest.mark.parametrize("server", FILES)
def test_the_fixtures_are_what_is_made_for_the_defaults(server):
    assert made(server) == (FIXTURES / FILES[server]).read_text()


@pytest.mark.parametrize("server", FILES)
def test_it_asks_where_the_server_listens(server):
    assert "127.0.0.1:5280" in made(server)
    assert "127.0.0.1:81" in made(server, "--port", "81", "--interface", "0.0.0.0")
    assert "[::1]:81" in made(server, "--port", "81", "--interface", "::")
    assert "192.0.2.1:81" in made(server, "--port", "81", "--interface", "192.0.2.1")


@pytest.mark.parametrize("server", FILES)
def test_it_waits_longer_than_a_request_is_held(server):
    assert re.search(rf"\b{60 + GRACE}s?\b", said(made(server, "--bosh-wait", "60")))
    assert "held for 60 seconds" in made(server, "--bosh-wait", "60")


@pytest.mark.parametrize("server", FILES)
def test_it_answers_to_the_names_in_the_form_that_browsers_send(server):
    text = said(made(server, "--domain", "a.example", "--domain", "bücher.example", "--allowed-host", "c.example"))
    for name in ("a.example", "xn--bcher-kva.example", "c.example"):
        assert name in text
    assert "bücher" not in text


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_every_path_of_bosh_is_in_it(server):
    for path in PATHS:
        assert path.decode().strip("/") in said(made(server))


@pytest.mark.parametrize("server", ["nginx", "apache"])
def test_so_is_a_path_of_ones_own(server):
    text = said(made(server, "--bosh-path", "/chat/bosh.cgi"))
    assert "|chat/bosh\\.cgi)" in text if server == "nginx" else '"/chat/bosh.cgi" "http' in text


def test_what_is_taken_isnt_too_large_for_nginx():
    text = made("nginx", "--stanza-limit", "20000", "--upload-limit", "50000")
    assert "client_max_body_size 40000;" in text, "a body of BOSH"
    assert "client_max_body_size 50000;" in text, "a file"


def test_what_cant_be_made_is_one_line():
    with pytest.raises(ConfigError, match="did you mean nginx"):
        made("nginxx")
    with pytest.raises(ConfigError, match="--port 0"):
        made("nginx", "--port", "0")


def command(*arguments: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "conversehost", "proxy-config", *arguments],
        env=environment,
        cwd=Path(__file__).parents[2],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_command_prints_it_for_options_environment_and_file(tmp_path):
    config = tmp_path / "chat.toml"
    config.write_text("bosh-wait = 7")
    done = command("nginx", "--port", "81", "--config", str(config), CONVERSEHOST_DOMAIN="chat.example")
    assert done.stdout == made("nginx", "--port", "81", "--bosh-wait", "7", "--domain", "chat.example")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [[], ["lighttpd"], ["nginx", "--prot", "1"]])
def test_the_command_answers_a_mistake_in_one_line(arguments):
    done = command(*arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert re.fullmatch(r"conversehost: .+ \(see conversehost proxy-config --help\)\n", done.stderr)


def test_the_command_has_a_help():
    assert command("--help").stdout.startswith("Usage: conversehost proxy-config nginx|apache|caddy [options]\n")
