"""People in a directory: how they are named there, and what its results mean."""

from __future__ import annotations

import pytest

from conversehost.auth.guarded import Answer, Trouble
from conversehost.auth.ldap import Directory, escaped, verdict
from conversehost.options.naming import Naming, read_namings
from conversehost.xmpp.jid import JID, parse

ROMEO = parse("romeo@chat.example")


def test_names():
    directory = Directory(namings=read_namings("uid, mail=%u@%d,userPrincipalName=%d\\%u"))
    assert directory.names(ROMEO) == [
        ("uid", "romeo"),
        ("mail", "romeo@chat.example"),
        ("userPrincipalName", "chat.example\\romeo"),
    ]


@pytest.mark.parametrize("text", ["", "uid,,mail", "a b", "uid)(cn", "mail=x", "mail=%u%u", "2uid"])
def test_names_that_make_no_sense(text: str):
    with pytest.raises(ValueError, match="wants attributes such as uid"):
        read_namings(text)


@pytest.mark.parametrize(
    ("form", "value", "name"),
    [
        ("%u", "Romeo", "romeo"),
        ("%u@%d", "romeo@CHAT.example", "romeo"),
        ("%u@%d", "romeo@elsewhere.example", None),
        ("%u@%d", "romeo@chatXexample", None),
        ("%u", "not a name", None),
        ("%u", "", None),
        ("ad-%u", "ad-romeo", "romeo"),
    ],
)
def test_whose_an_attribute_is(form: str, value: str, name: str | None):
    assert Naming("x", form).name(value, "chat.example") == name


@pytest.mark.parametrize(
    ("value", "text"),
    [
        ("romeo", "romeo"),
        ("a,ou=admins", r"a\,ou\=admins"),
        ('+"\\<>;', r"\+\"\\\<\>\;"),
        ("#a", r"\#a"),
        (" a ", r"\ a\ "),
        (" ", r"\ "),
        ("a\0b", r"a\00b"),
    ],
)
def test_values_in_names_of_entries(value: str, text: str):
    """RFC 4514 section 2.4."""
    assert escaped(value) == text


def test_names_of_entries():
    directory = Directory(user_dn="uid=%u,ou=people,dc=%d")
    assert directory.entry(ROMEO) == "uid=romeo,ou=people,dc=chat.example"
    assert directory.entry(JID("a,ou=admins+x=%d", "chat.example")) == (
        r"uid=a\,ou\=admins\+x\=%d,ou=people,dc=chat.example"
    )
    assert Directory(user_dn="%u@%d").entry(JID("a+b", "chat.example")) == "a+b@chat.example"
    assert Directory(("dc=example",)).entry(ROMEO) == ""


@pytest.mark.parametrize(
    ("code", "answer"),
    [
        (0, True),
        (49, False),
        (48, False),
        (34, False),
        (32, False),
        (51, Trouble("the directory's result of a login is 51")),
        (53, Trouble("the directory's result of a login is 53")),
    ],
)
def test_results(code: int, answer: Answer):
    assert verdict(code) == answer


def test_the_password_for_searching_is_not_shown():
    assert "hunter2" not in repr(Directory(("dc=example",), root=("cn=admin", "hunter2")))
