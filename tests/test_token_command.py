"""`conversehost token`: one is made, and what is wrong with others is said in plain English."""

from __future__ import annotations

import re
from pathlib import Path

import jwt
import pytest

from conversehost.errors import ConfigError
from conversehost.token_command import HELP, run
from conversehost.xmpp.token import sign_token, sign_totp_token

KEY = "a-secret-that-the-site-and-the-chat-share"
SECRET, SEED = "JYXEX4IQOEYFYQ2S3MC5P4ZT4SDHYEA7", "XVGR73KMZH2M4XMY"
NOW = 1_700_000_000.0
OURS = ("--domain", "chat.example", "--token-key", f"1:{KEY}")


def explained(token: str, *arguments: str, now: float = NOW) -> tuple[str, bool]:
    return run(["--explain", token, *(arguments or OURS)], {}, now)


def verdict(token: str, *arguments: str, now: float = NOW) -> str:
    text, well = explained(token, *arguments, now=now)
    said = text.split("\n\n")[-1].strip()
    assert well == said.startswith("It would be taken")
    return said


def token(jid: str = "alice@chat.example", key: str = KEY, **terms: object) -> str:
    return sign_token(jid, key, **({"now": NOW} | terms))  # type: ignore[arg-type]


def test_one_is_made_that_would_be_taken():
    text, well = run(["alice@chat.example", *OURS], {}, NOW)
    assert well
    assert verdict(text.strip()) == "It would be taken, for alice@chat.example, unless it was used before."


def test_options_of_the_environment_count():
    text, _ = run(["alice", "--domain", "chat.example"], {"CONVERSEHOST_TOKEN_KEY": f"1:{KEY}"}, NOW)
    assert text.startswith("ch1.1.")


def test_what_it_says_of_itself_as_the_page_on_tokens_has_it():
    text, well = explained(token(nonce="n-0123456789abcdef"), "--for", "bob@chat.example", *OURS)
    page = (Path(__file__).parents[1] / "docs" / "tokens.md").read_text()
    block = "".join(f"    {line}".rstrip() + "\n" for line in text.splitlines())
    assert block in page
    assert not well


@pytest.mark.parametrize(
    ("shown", "now", "says"),
    [
        (token(), NOW + 100, "It wouldn't be taken: it expired 40 seconds ago."),
        (token(lifetime=9_000), NOW, "would live for 9000 seconds"),
        (token(key=KEY + "!"), NOW, "the signature is wrong: another key"),
        (token(kid="2"), NOW, "there is no key by the name '2' here"),
        (token(audience="mail"), NOW, "it is for the audience 'mail'"),
        (token()[:-5], NOW, "the signature is wrong"),
        (token()[:40], NOW, "perhaps a part of it is missing"),
        (token("alice@other.example"), NOW, "it is for alice@other.example, and was shown at chat.example"),
    ],
)
def test_why_not(shown: str, now: float, says: str):
    assert says in verdict(shown, now=now)


def test_other_kinds(tmp_path: Path):
    timed = ("--domain", "chat.example", "--token-secret", SECRET, "--otp-seed", SEED)
    shown = sign_totp_token("alice@chat.example", SECRET, SEED, now=NOW)
    assert verdict(shown, "--for", "alice", *timed).startswith("It would be taken")
    assert "minutes from now: expired, or clocks differ" in verdict(shown, "--for", "alice", *timed, now=NOW + 200)
    path = tmp_path / "secret"
    path.write_text(KEY)
    text, well = explained(
        jwt.encode({"jid": "alice", "exp": NOW + 60}, KEY), "--domain", "chat.example", "--jwt-key", str(path)
    )
    assert well
    assert (
        "kind:      JWT\nalg:       HS256\ntyp:       JWT\njid:       alice\nexp:       2023-11-14 22:14:20 UTC" in text
    )


def test_what_is_no_token():
    assert explained("orchard") == (
        "This has the form of no token that is taken with these options: signed token.\n",
        False,
    )


def test_a_terminal_is_safe_from_what_it_says():
    shown = token("alice\x1b[2J@chat.example")
    assert "\x1b" not in explained(shown)[0]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--domain", "chat.example"], "token wants the address of an account, or --explain TOKEN"),
        (["alice", "--domain", "chat.example"], "no key to sign it with: give the server's, with --token-key"),
        (["a b", *OURS], "'a b' is no address of an account"),
        (["alice", "--explain"], "--explain wants a value"),
        (["alice", "--tokenkey", "x"], "unknown option --tokenkey: did you mean --token-key?"),
    ],
)
def test_mistakes(arguments: list[str], says: str):
    with pytest.raises(ConfigError, match=re.escape(says)):
        run(arguments, {}, NOW)


def test_help():
    assert run(["--help"], {}) == (HELP, True)
    assert run([], {}) == (HELP, False)
