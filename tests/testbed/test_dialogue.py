"""Dialogues as texts: what can be written, and what is said to those who write something else."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from conversehost.errors import ConfigError
from conversehost.testbed.dialogue import SPOKEN, VERBS, load, read
from conversehost.xmpp import ns
from conversehost.xmpp.xml import to_bytes

ROMEO = """\
[Client] Romeo
    jid: romeo@localhost/orchard
    password: secret
"""
JULIET = ROMEO.replace("Romeo", "Juliet").replace("romeo", "juliet").replace("orchard", "balcony")


def refusal(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        read(text, "play.txt")
    return str(refused.value)


def test_clients_are_introduced():
    dialogue = read(ROMEO + JULIET + "    transport: bosh\n    resource: chamber\nRomeo connects")
    assert dialogue.roles["Romeo"].jid.full == "romeo@localhost/orchard"
    assert dialogue.roles["Romeo"].password == "secret"
    assert dialogue.roles["Juliet"].jid.full == "juliet@localhost/chamber"
    assert dialogue.roles["Juliet"].transport == "bosh"


def test_accounts_are_those_of_the_clients_once_each():
    again = ROMEO.replace("] Romeo", "] Impostor").replace("secret", "wrong")
    new = JULIET + "    account: no\n"
    anonymous = "[Client] Stranger\n    jid: anon.localhost\n"
    dialogue = read(ROMEO + again + new + anonymous + "Romeo connects")
    assert {jid.full: password for jid, password in dialogue.accounts.items()} == {"romeo@localhost": "secret"}


def test_the_first_comment_is_the_title():
    assert read(f"# A tale of two\n# houses\n{ROMEO}\nRomeo connects").title == "A tale of two"
    assert read(f"{ROMEO}\nRomeo connects").title == ""


def test_comments_and_rulers_are_for_the_reader():
    dialogue = read(
        f"{ROMEO}\n# he\n---------\n// and\n-- so\nRomeo sends:\n    <presence/>\n# no more\n    <presence/>"
    )
    assert [(step.line, step.verb, len(step.stanzas)) for step in dialogue.steps] == [(9, "send", 2)]


def test_names_may_have_spaces_and_begin_like_others():
    phone = ROMEO.replace("] Romeo", "] Romeo's phone")
    (step,) = read(f"{ROMEO}{phone}Romeo's phone, Romeo connect").steps
    assert step.names == ("Romeo's phone", "Romeo")


@pytest.mark.parametrize("words", ["sends", "receives", "receives in any order"])
def test_the_colon_may_be_missing(words):
    (step,) = read(f"{ROMEO}Romeo {words}\n\t<presence/>").steps
    assert len(step.stanzas) == 1


def test_every_verb_has_its_words():
    wordy = {"send": "\n    <presence/>", "receive": "\n    <presence/>", "receive_in_any_order": "\n    <presence/>"}
    said = {}
    for words in SPOKEN:
        stanzas = "\n    <presence/>" if words.endswith(":") else ""
        (step,) = read(f"{ROMEO}{JULIET}Romeo and Juliet {words}{stanzas}").steps
        said[step.verb] = step
        assert step.names == ("Romeo", "Juliet")
        assert bool(step.stanzas) == (step.verb in wordy)
    assert set(said) == set(VERBS)
    assert said["refused"].argument == "not-authorized"


@pytest.mark.parametrize("names", ["Romeo and Juliet", "Romeo, Juliet", "Romeo, and Juliet"])
def test_several_act_in_order(names):
    (step,) = read(f"{ROMEO}{JULIET}{names} connect").steps
    assert (step.verb, step.names) == ("connect", ("Romeo", "Juliet"))


def test_a_disconnection_may_have_a_reason():
    steps = read(f"{ROMEO}Romeo is disconnected\nRomeo is disconnected: conflict").steps
    assert [step.argument for step in steps] == ["", "conflict"]


@pytest.mark.parametrize(
    ("words", "seconds"),
    [("1 second passes", 1), ("90 seconds pass", 90), ("2 minutes pass", 120), ("1 day passes", 86_400)],
)
def test_time_passes(words, seconds):
    (step,) = read(f"{ROMEO}{words}").steps
    assert (step.verb, step.seconds) == ("pass", seconds)


def test_stanzas_are_of_jabber_client_and_have_no_layout():
    (step,) = read(
        f"{ROMEO}Romeo sends:\n    <message>\n        <body>  Hi  </body>\n    </message>\n\n    <iq/>"
    ).steps
    assert [to_bytes(each) for each in step.stanzas] == [
        b'<message xmlns="jabber:client"><body>  Hi  </body></message>',
        b'<iq xmlns="jabber:client"/>',
    ]


def test_stream_elements_need_no_declaration():
    (step,) = read(f"{ROMEO}Romeo receives:\n    <stream:features/>").steps
    assert step.stanzas[0].tag == f"{{{ns.STREAM}}}features"


def test_an_apostrophe_in_a_name_ends_no_attribute():
    (step,) = read(f"{ROMEO}Romeo sends:\n    <message to='${{Romeo's full JID}}'/>").steps
    assert step.stanzas[0].get("to") == "${Romeo's full JID}"


def test_the_server_has_options():
    dialogue = read(f"[Server]\n    registration: yes\n    bosh-wait: 5\n{ROMEO}Romeo connects")
    assert dialogue.options == ("--registration", "--bosh-wait", "5")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "play.txt: nothing happens in it"),
        ("Romeo connects", "play.txt:1: who is 'Romeo'? There are none yet; [Client] introduces somebody"),
        (ROMEO + "Tybalt connects", "play.txt:4: who is 'Tybalt'? There are Romeo; [Client] introduces somebody"),
        (
            ROMEO + "Romeo and Tybalt connect",
            "play.txt:4: who is 'Tybalt'? There are Romeo; [Client] introduces somebody",
        ),
        (ROMEO + "Romeos connect", "play.txt:4: who is 'Romeos'? There are Romeo; [Client] introduces somebody"),
        (ROMEO + "Romeo conects", "play.txt:4: what is 'conects'? Perhaps 'connects'"),
        (ROMEO + "Romeo dances all night", "play.txt:4: what is 'dances all night'? One can say: connects, "),
        (ROMEO + "Romeo are friends", "play.txt:4: one alone can't be friends: write two names or more"),
        (ROMEO + "Romeo connects\n    <presence/>", "play.txt:4: nothing belongs below 'Romeo connects'"),
        (ROMEO + "Romeo sends:", "play.txt:4: 'Romeo sends:' wants a stanza below, indented"),
        (ROMEO + "Romeo sends:\n    <message>", "play.txt:4: this can't be read as XML: "),
        (ROMEO + "Romeo sends:\n    <iq/> and", "play.txt:4: between stanzas stands text that belongs to none"),
        (ROMEO + ROMEO, "play.txt:4: Romeo was introduced before"),
        (ROMEO + "    age: 16", "play.txt:1: unknown 'age'; a client has jid, password, resource, transport, account"),
        (ROMEO + "    transport: pigeon", "play.txt:1: transport 'pigeon' isn't one of tcp, tls, bosh, websocket"),
        (ROMEO + "    account: perhaps", "play.txt:1: account is yes or no: whether it is there from the start"),
        (ROMEO + "    jid: a@b", "play.txt:1: jid stands there twice"),
        (
            ROMEO + "    shy",
            "play.txt:1: what is 'shy'? Below [Client] Romeo stand lines such as",
        ),
        ("[Client]\n    jid: a@b", "play.txt:1: [Client] wants a name, such as [Client] Romeo"),
        ("[Client] Romeo\n    password: secret", "play.txt:1: jid is missing"),
        ("[Client] Romeo\n    jid: romeo@localhost", "play.txt:1: Romeo needs a password"),
        ("[Client] Romeo\n    jid: a@b@c\n    password: x", "play.txt:1: jid 'a@b@c': "),
    ],
)
def test_what_is_wrong_is_told_in_a_line(text, message):
    assert refusal(text).startswith(message)
    assert "\n" not in refusal(text)


def test_a_line_in_an_xml_error_is_one_of_the_file():
    assert "line 6, " in refusal(ROMEO + "Romeo sends:\n    <message>\n        &</message>")


def test_a_file_that_is_not_there_or_not_text(tmp_path):
    with pytest.raises(ConfigError, match=r"none\.txt: No such file"):
        load(tmp_path / "none.txt")
    (tmp_path / "latin.txt").write_bytes(b"# caf\xe9")
    with pytest.raises(ConfigError, match=r"latin\.txt: not UTF-8, at byte 5"):
        load(tmp_path / "latin.txt")


LINES = st.sampled_from(
    [
        *ROMEO.splitlines(),
        *(f"Romeo {words}" for words in SPOKEN),
        "    <message><body>{x}</body></message>",
        "<iq id='...'/>",
        "    </message>",
        "[Server]",
        "# a comment",
        "5 seconds pass",
        "",
    ]
)


def complaint(text: str) -> str:
    try:
        read(text)
    except ConfigError as error:
        return str(error)
    return "dialogue: none"


@given(st.lists(LINES | st.text(), max_size=12))
def test_whatever_is_written_is_read_or_refused_in_a_line(lines):
    assert re.fullmatch("dialogue:.+", complaint("\n".join(lines)))
