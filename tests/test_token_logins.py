"""`--auth token` and the options for tokens: a whole server, in memory."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import jwt
import pytest
from twisted.logger import capturedLogs

from conversehost.client import sign_token, sign_totp_token
from conversehost.errors import ConfigError
from conversehost.loading import load
from conversehost.token_logins import token_keys
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.stage import encoded, xml
from tests.test_logins import Door
from tests.testbed.conftest import House

KEY, OLD = "a-secret-that-the-site-and-the-chat-share", "an-old-secret-that-the-two-of-them-shared"
SECRET, SEED = "JYXEX4IQOEYFYQ2S3MC5P4ZT4SDHYEA7", "XVGR73KMZH2M4XMY"


@pytest.fixture
def house() -> Iterator[Callable[..., House]]:
    made: list[House] = []

    def make(*arguments: str) -> House:
        made.append(House(*arguments))
        return made[-1]

    yield make
    for each in made:
        each.server.close_sessions("system-shutdown")


def say(door: Door, mechanism: str, message: str) -> str:
    """The name of the answer."""
    door.stream.receive(xml(f"<auth xmlns='{ns.SASL}' mechanism='{mechanism}'>{encoded(message)}</auth>"))
    return door.said.pop().decode().split()[0].strip("</>")


def sign(house: House, jid: str = "alice@localhost", key: str = KEY, **terms: Any) -> str:
    return sign_token(jid, key, now=house.server.clock.utc(), **terms)


def test_a_signed_token_is_a_password(house: Any):
    ours = house("--auth", "token", "--token-key", f"1:{KEY}")
    assert Door(ours, "localhost").mechanisms == ["OAUTHBEARER", "X-OAUTH2", "PLAIN"]
    assert Door(ours, "localhost").knock("alice", sign(ours)) == "success"
    assert Door(ours, "localhost").knock("alice", "secret") == "failure"


def test_it_makes_an_account_for_whoever_the_site_knows(house: Any):
    ours = house("--auth", "token", "--token-key", f"1:{KEY}")
    assert Door(ours, "localhost").knock("newcomer", sign(ours, "newcomer@localhost")) == "success"
    assert say(Door(ours, "localhost"), "OAUTHBEARER", f"n,,\1auth=Bearer {sign(ours, 'other@localhost')}\1\1") == (
        "success"
    )
    assert ours.server.domains.accounts.exists(parse("other@localhost"))


def test_one_that_is_disabled_stays_out(house: Any):
    ours = house("--auth", "token", "--token-key", f"1:{KEY}")
    ours.server.domains.accounts.disable(parse("alice@localhost"))
    assert Door(ours, "localhost").knock("alice", sign(ours)) == "failure"
    assert say(Door(ours, "localhost"), "OAUTHBEARER", f"n,,\1auth=Bearer {sign(ours)}\1\1") == "challenge"


def test_passwords_beside_tokens(house: Any):
    ours = house("--auth", "token,accounts", "--token-key", f"1:{KEY}")
    with capturedLogs() as logs:
        assert Door(ours, "localhost").knock("alice", "secret") == "success"
        assert Door(ours, "localhost").knock("alice", sign(ours)) == "success"
    assert "isn't taken" not in str(logs)


def test_tokens_beside_scram(house: Any):
    """Where passwords are the way, tokens come by the mechanism that is for them, and make no accounts."""
    ours = house("--token-key", f"1:{KEY}")
    assert Door(ours, "localhost").mechanisms[-4:] == ["SCRAM-SHA-1", "OAUTHBEARER", "X-OAUTH2", "PLAIN"]
    assert say(Door(ours, "localhost"), "OAUTHBEARER", f"n,,\1auth=Bearer {sign(ours)}\1\1") == "success"
    assert say(Door(ours, "localhost"), "OAUTHBEARER", f"n,,\1auth=Bearer {sign(ours, 'x@localhost')}\1\1") == (
        "challenge"
    )


def test_the_log_says_why_and_the_client_does_not(house: Any):
    ours = house("--auth", "token", "--token-key", f"1:{KEY}")
    shown = sign(ours, audience="mail")
    door = Door(ours, "localhost")
    with capturedLogs() as logs:
        answer = say(door, "PLAIN", f"\0alice\0{shown}")
    assert answer == "failure"
    said = str(logs)
    assert "a token of alice@localhost isn't taken: it is for the audience 'mail', not for 'xmpp'" in said
    assert shown not in said


def test_it_expires_by_the_servers_clock(house: Any):
    ours = house("--auth", "token", "--token-key", f"1:{KEY}")
    shown = sign(ours)
    ours.server.clock.advance(91)
    assert Door(ours, "localhost").knock("alice", shown) == "failure"


def test_keys_take_turns(house: Any, tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text(f"# the new one\nb:{KEY}\n\na:{OLD}\n")
    ours = house("--auth", "token", "--token-key-file", str(path))
    desk = ours.server.domains.logins.desk
    assert desk.issue(parse("alice@localhost")).startswith("ch1.b.")
    assert Door(ours, "localhost").knock("alice", sign(ours, key=OLD, kid="a")) == "success"


def test_without_a_key_only_its_own_are_taken(house: Any):
    ours = house("--auth", "token")
    assert Door(ours, "localhost").knock("alice", ours.server.domains.logins.desk.issue(parse("alice@localhost"))) == (
        "success"
    )


def test_tokens_of_mod_auth_token(house: Any):
    ours = house("--auth", "token", "--token-secret", SECRET, "--otp-seed", SEED)
    assert "X-TOKEN" in Door(ours, "localhost").mechanisms
    now = ours.server.clock.utc()
    tokens = [sign_totp_token("alice@localhost", SECRET, SEED, now=now) for _ in range(2)]
    assert say(Door(ours, "localhost"), "X-TOKEN", f"\0alice\0{tokens[0]}") == "success"
    assert say(Door(ours, "localhost"), "X-TOKEN", f"\0alice\0{tokens[0]}") == "failure"
    assert say(Door(ours, "localhost"), "X-TOKEN", f"\0bob\0{tokens[1]}") == "failure"
    assert Door(ours, "localhost").knock("alice", tokens[1]) == "success"


def test_json_web_tokens(house: Any, tmp_path: Path):
    path = tmp_path / "secret"
    path.write_text(KEY)
    ours = house("--auth", "token", "--jwt-key", str(path), "--jwt-claim", "sub")
    shown = jwt.encode({"sub": "alice", "exp": ours.server.clock.utc() + 60}, KEY)
    assert Door(ours, "localhost").knock("alice", shown) == "success"
    assert say(Door(ours, "localhost"), "OAUTHBEARER", f"n,,\1auth=Bearer {shown}\1\1") == "success"
    assert Door(ours, "localhost").knock("bob", shown) == "failure"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (["--token-key", "1:short"], "--token-key: wants KID:KEY, a name of letters and digits and a secret of at le"),
        (["--token-secret", "x"], "--token-secret and --otp-seed belong together: give both"),
        (["--otp-seed", "123"], "--otp-seed: wants the seed in base32"),
        (["--jwt-audience", "x"], "--jwt-audience has no effect without --jwt-key or --jwt-keys-url: add that"),
        (["--jwt-keys-url", "http://www.example/"], "--jwt-keys-url: wants a URL with https"),
        (["--auth", "token", "--mechanisms", "X-OAUTH2"], "--auth token has to be sent the password, so PLAIN must be"),
    ],
)
def test_options_that_make_no_sense(arguments: list[str], says: str):
    with pytest.raises(ConfigError, match=re.escape(says)):
        load(arguments, {})


def test_keys_that_make_no_sense(tmp_path: Path):
    path = tmp_path / "keys"
    path.write_text(f"a:{KEY}\nb:no-secret")
    with pytest.raises(ConfigError, match="line 2: wants KID:KEY") as caught:
        token_keys(load(["--token-key-file", str(path)], {}))
    assert "no-secret" not in str(caught.value)
    path.write_text("# none yet\n")
    with pytest.raises(ConfigError, match="there is no key in it: one KID:KEY a line"):
        token_keys(load(["--token-key-file", str(path)], {}))
    with pytest.raises(ConfigError, match="given twice"):
        token_keys(load(["--token-key", f"a:{KEY}", "--token-key", f"a:{OLD}"], {}))
    path.write_text("x" * 20)
    with pytest.raises(ConfigError, match=r"--jwt-key .*: a secret of 20 bytes can be guessed"):
        House("--jwt-key", str(path))
