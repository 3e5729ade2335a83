"""Punjab's names, and what they mean here."""

from __future__ import annotations

import pytest

from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.options import Settings


def read(*arguments: str) -> Settings:
    return load(arguments, {})


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (["--httpb", "http-bosh"], ["--bosh-path", "/http-bosh"]),
        (["-b", "/a/b/"], ["--bosh-path", "/a/b"]),
        (["-bx", "-v"], ["--bosh-path", "x", "--log-level", "debug"]),
        (["--verbose"], ["--log-level=debug"]),
        (["--polling", "15"], ["--bosh-polling", "15"]),
        (["--html_dir", "/tmp"], ["--site", "/tmp"]),
        (["--ssl"], ["--tls"]),
        (["--ssl", "1", "--port", "1"], ["--tls", "--port", "1"]),
        (["--ssl", "--port", "1"], ["--tls", "--port", "1"]),
        (
            ["--white_list", ".example.com, b.example"],
            ["--allow-domain", ".example.com", "--allow-domain", "b.example"],
        ),
        (["--black_list=*.example.com"], ["--deny-domain", ".example.com"]),
        (["--strports", "tcp:8080"], ["--port", "8080"]),
        (["--strports", "tcp:port=8080:interface=127.0.0.1:backlog=9"], ["--port", "8080", "--interface", "127.0.0.1"]),
        (["--strports", r"tcp6:8080:interface=\:\:1"], ["--port", "8080", "--interface", "::1"]),
        (["--strports=tcp:1", "--strports=ssl:2"], ["--port", "1", "--tls", "--https-port", "2"]),
    ],
)
def test_a_name_of_old_is_one_of_ours(old, new):
    assert read(*old) == read(*new) != Settings()


def test_a_certificate_by_its_old_names(tmp_path):
    certificate, key = tmp_path / "ssl.crt", tmp_path / "ssl.key"
    certificate.touch()
    key.touch()
    wanted = Settings(tls=True, tls_cert=certificate, tls_key=key, c2s_tls_port=5223)
    assert read("--ssl", "--ssl_cert", str(certificate), "--ssl_privkey", str(key)) == wanted
    assert read("--strports", f"ssl:5281:certKey={certificate}:privateKey={key}") == wanted


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["--host", "a"], "--host has no meaning here: leave it out; --interface says where it listens"),
        (["--route", "a:1"], "--route isn't needed, the XMPP server is this one: leave it out"),
        (["--directTLS", "1"], "--directTLS isn't needed, the XMPP server is this one: leave it out"),
        (["--site_log_file", "a"], "--site_log_file isn't here: use twistd --logfile FILE conversehost"),
        (
            ["--strports", "unix:/run/x"],
            "--strports unix:/run/x: only tcp and ssl are served: use --port or --https-port",
        ),
        (["--strports", ""], "--strports : only tcp and ssl are served: use --port or --https-port"),
        (["--strports", "tcp:1:2"], "--strports tcp:1:2: '2' has no meaning here: leave it out"),
        (
            ["--strports", "ssl:1:dhParameters=x"],
            "--strports ssl:1:dhParameters=x: 'dhParameters=x' has no meaning here: leave it out",
        ),
    ],
)
def test_what_has_no_meaning_here_says_what_to_do(arguments, text):
    with pytest.raises(ConfigError) as caught:
        read(*arguments)
    assert str(caught.value) == f"{text} (docs/coming-from-punjab.md)"


@pytest.mark.parametrize("path", ["/", "a b", "a?b", "a/../b%2e", "é"])
def test_what_is_no_path_for_bosh(path):
    with pytest.raises(ConfigError, match=r"^--bosh-path: wants a path such as /http-bind"):
        read("--httpb", path)


@pytest.mark.parametrize(
    ("lists", "open_ones"),
    [
        ([], "a.example b.a.example nota.example"),
        (["--white_list", "a.example"], "a.example"),
        (["--white_list", ".a.example"], "a.example b.a.example"),
        (["--black_list", ".a.example"], "nota.example"),
        (["--white_list", ".a.example", "--black_list", "a.example"], "b.a.example"),
    ],
)
def test_which_domains_are_open(lists, open_ones):
    settings = read(*lists)
    assert [
        name for name in ("a.example", "b.a.example", "nota.example") if settings.is_open(name)
    ] == open_ones.split()
