from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from conversehost.errors import ConfigError
from conversehost.testbed.bots import BOTS
from conversehost.testbed.cast import DEMO
from conversehost.testbed.scenario import Bot, Circle, Person, Scenario, add_bot, populate
from conversehost.testbed.scenario_file import load
from conversehost.xmpp import ns
from conversehost.xmpp.jid import parse
from tests.stage import Stage

DOMAINS = ("localhost", "other.example")


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str | bytes], Path]:
    def write(content: str | bytes) -> Path:
        path = tmp_path / "cast.toml"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        return path

    return write


@pytest.fixture
def read(write: Callable[[str | bytes], Path]) -> Callable[[str], Scenario]:
    return lambda content: load(write(content), DOMAINS)


ALICE = '[[account]]\nname = "alice"\npassword = "secret"\n'
BOB = '[[account]]\nname = "bob"\npassword = "secret"\n'


def test_people(read: Callable[[str], Scenario]):
    scenario = read(
        '[[account]]\nname = "Alice"\npassword = " s\u00e9cret "\nnickname = "A"\n'
        '[[account]]\nname = "bob@Other.example"\npassword = "x"\n'
    )
    assert scenario.people == (
        Person(parse("alice@localhost"), " s\u00e9cret ", "A"),
        Person(parse("bob@other.example"), "x", "Bob"),
    )


def test_circles(read: Callable[[str], Scenario]):
    scenario = read(ALICE + BOB + '[[circle]]\ngroup = "Wonderland"\nmembers = ["bob", "alice@localhost"]\n')
    assert scenario.circles == (Circle("Wonderland", (parse("bob@localhost"), parse("alice@localhost"))),)
    assert read(ALICE + BOB + '[[circle]]\nmembers = ["bob", "alice"]\n').circles[0].group == ""


def test_bots(read: Callable[[str], Scenario]):
    scenario = read('[[bot]]\nname = "parrot"\nkind = "echo"\n')
    assert scenario.bots == (Bot(parse("parrot@localhost"), "Parrot", BOTS["echo"]),)


def test_an_empty_file_is_fine(read: Callable[[str], Scenario]):
    assert read("") == read("# nothing") == Scenario()


def test_the_demo_is_fine():
    scenario = load(DEMO, ("localhost",))
    assert {each.jid.local for each in scenario.people} >= {"alice", "bob", "romeo", "juliet", "john", "jane", "admin"}


CIRCLE = ALICE + BOB + "[[circle]]\n"
MISTAKES = [
    ("name = ", "cast.toml: Invalid value (at "),
    ("[[account]\n", "cast.toml: Expected"),
    ("[[people]]\n", "cast.toml: unknown table 'people'; there are [[account]], [[circle]], [[bot]] and [[data]]"),
    ("password = 'x'\n", "cast.toml: unknown table 'password'"),
    ("[account]\nname = 'a'\n", "cast.toml: write [[account]], with double brackets"),
    ("account = 3\n", "cast.toml: write [[account]], with double brackets"),
    ("bot = ['echo']\n", "cast.toml: write [[bot]], with double brackets"),
    ("[[account]]\npassword = 'x'\n", "cast.toml: [[account]] number 1: name is missing"),
    (ALICE + "[[account]]\nname = 'b'\n", "cast.toml: [[account]] number 2: password is missing"),
    (
        "[[account]]\nname = 'a'\npasword = 'x'\n",
        "cast.toml: [[account]] number 1: unknown key 'pasword': did you mean password?",
    ),
    (
        "[[account]]\nname = 'a'\npassword = 12345\n",
        "cast.toml: [[account]] number 1: password must be text in quotes, not 12345",
    ),
    ("[[account]]\nname = 'a'\npassword = ''\n", "cast.toml: [[account]] number 1: password must not be empty"),
    ("[[account]]\nname = ''\npassword = 'x'\n", "cast.toml: [[account]] number 1: name: '' is not the address of an"),
    (
        "[[account]]\nname = 'a b'\npassword = 'x'\n",
        "cast.toml: [[account]] number 1: name: 'a b' is not the address of an",
    ),
    (
        "[[account]]\nname = 'a/b'\npassword = 'x'\n",
        "cast.toml: [[account]] number 1: name: 'a/b' is not the address of an",
    ),
    (
        "[[account]]\nname = '@x'\npassword = 'x'\n",
        "cast.toml: [[account]] number 1: name: '@x' is not the address of an",
    ),
    (
        "[[account]]\nname = 'a@localhost/b'\npassword = 'x'\n",
        "cast.toml: [[account]] number 1: name: 'a@localhost/b' is not the address of an account: that is",
    ),
    (
        "[[account]]\nname = 'a@b.example'\npassword = 'x'\n",
        "cast.toml: [[account]] number 1: name: b.example, of a@b.example, is not served (--domain b.example would)",
    ),
    (
        '[[account]]\nname = "a"\npassword = "x"\nnickname = "a\\u0000b"\n',
        "cast.toml: [[account]] number 1: nickname must not have control characters in it",
    ),
    (ALICE + ALICE.replace("alice", "ALICE"), "cast.toml: name: alice@localhost stands there twice"),
    (ALICE + "[[bot]]\nname = 'alice'\nkind = 'echo'\n", "cast.toml: name: alice@localhost stands there twice"),
    (CIRCLE, "cast.toml: [[circle]] number 1: members must be a list of two or more, such as"),
    (CIRCLE + "members = 'alice'\n", "cast.toml: [[circle]] number 1: members must be a list"),
    (CIRCLE + "members = ['alice']\n", "cast.toml: [[circle]] number 1: members must be a list of two or more"),
    (CIRCLE + "members = ['alice', 3]\n", "cast.toml: [[circle]] number 1: members must be a list"),
    (
        CIRCLE + "members = ['alice', 'carol']\n",
        "cast.toml: [[circle]] number 1: members: there is no [[account]] carol@localhost",
    ),
    (
        CIRCLE + "members = ['alice', 'a b']\n",
        "cast.toml: [[circle]] number 1: members: 'a b' is not the address of an",
    ),
    (
        CIRCLE + "members = ['alice', 'bob', 'Alice']\n",
        "cast.toml: [[circle]] number 1: members: alice@localhost stands there twice",
    ),
    (
        CIRCLE + "members = ['alice', 'bob']\ngroup = 3\n",
        "cast.toml: [[circle]] number 1: group must be text in quotes, not 3",
    ),
    (
        CIRCLE + "members = ['alice', 'bob']\nname = 'x'\n",
        "cast.toml: [[circle]] number 1: unknown key 'name'; there are group, members",
    ),
    ("[[bot]]\nname = 'x'\n", "cast.toml: [[bot]] number 1: kind is missing"),
    ("[[bot]]\nname = 'x'\nkind = 'parrot'\n", "cast.toml: [[bot]] number 1: kind 'parrot' isn't one of echo, welcome"),
    ("x = " + "[" * 5000, "cast.toml: nested too deeply"),
]


@pytest.mark.parametrize(("content", "message"), MISTAKES, ids=range(len(MISTAKES)))
def test_a_mistake_is_one_line_that_names_the_file_and_the_key(
    write: Callable[[str | bytes], Path], content: str, message: str
):
    path = write(content)
    with pytest.raises(ConfigError) as caught:
        load(path, DOMAINS)
    line = str(caught.value)
    assert line.startswith(str(path.parent / message.partition(":")[0]) + ":")
    assert line.removeprefix(f"{path.parent}/").startswith(message)
    assert "\n" not in line
    assert len(line) - len(str(path)) < 200


def test_a_file_that_is_not_utf_8(write: Callable[[str | bytes], Path]):
    path = write(b"# \xff")
    with pytest.raises(ConfigError) as caught:
        load(path, DOMAINS)
    assert str(caught.value) == f"{path}: not UTF-8, at byte 2"


def test_a_file_that_is_not_there(tmp_path: Path):
    with pytest.raises(ConfigError) as caught:
        load(tmp_path / "missing.toml", DOMAINS)
    assert str(caught.value) == f"{tmp_path}/missing.toml: No such file or directory"
    with pytest.raises(ConfigError) as caught:
        load(tmp_path, DOMAINS)
    assert str(caught.value) == f"{tmp_path}: Is a directory"


# Played


@pytest.fixture
def cast(stage: Stage, read: Callable[[str], Scenario]) -> Scenario:
    scenario = read(
        ALICE
        + BOB
        + '[[account]]\nname = "carol"\npassword = "x"\nnickname = "Carol C."\n'
        + '[[circle]]\ngroup = "Friends"\nmembers = ["alice", "bob", "carol"]\n'
        + '[[circle]]\ngroup = "Office"\nmembers = ["alice", "carol"]\n'
    )
    populate(stage.router.hosts, scenario)
    return scenario


def test_everybody_can_log_in_and_has_a_card(stage: Stage, cast: Scenario):
    assert {jid.local: password for jid, password in stage.accounts.of("localhost")} == {
        "alice": "secret",
        "bob": "secret",
        "carol": "x",
    }
    alice = stage.login("alice")
    card = alice.ask("get", f"<vCard xmlns='{ns.VCARD}'/>", "carol@localhost")[0]
    assert card.findtext(f"{{{ns.VCARD}}}FN") == card.findtext(f"{{{ns.VCARD}}}NICKNAME") == "Carol C."


def test_those_in_a_circle_know_one_another(stage: Stage, cast: Scenario):
    alice = stage.login("alice", "a")
    items = alice.ask("get", f"<query xmlns='{ns.ROSTER}'/>")[0]
    assert {
        each.get("jid"): (each.get("name"), each.get("subscription"), [g.text for g in each]) for each in items
    } == {
        "bob@localhost": ("Bob", "both", ["Friends"]),
        "carol@localhost": ("Carol C.", "both", ["Friends", "Office"]),
    }
    bob = stage.connect("bob", "b")
    bob.available()
    assert ("alice@localhost/a", None) in bob.seen()
    assert alice.seen() == [("bob@localhost/b", None)]


def test_a_bot_knows_everybody_and_is_known(stage: Stage, cast: Scenario):
    add_bot(stage.host, Bot(parse("echo@localhost"), "Echo"))
    for name in ("alice", "bob", "carol"):
        assert stage.login(name).roster()["echo@localhost"] == {
            "jid": "echo@localhost",
            "name": "Echo",
            "subscription": "both",
        }
    assert set(stage.login("echo").roster()) == {"alice@localhost", "bob@localhost", "carol@localhost"}


def test_nobody_can_guess_a_bots_password(stage: Stage):
    add_bot(stage.host, Bot(parse("echo@localhost"), "Echo"))
    ((_, password),) = stage.accounts.of("localhost")
    assert len(password) >= 32
