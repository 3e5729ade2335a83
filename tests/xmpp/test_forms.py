"""XEP-0004."""

from __future__ import annotations

import pytest

from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import Field, Form, Table, form_in, values_of
from conversehost.xmpp.jid import parse as jid
from conversehost.xmpp.xml import Element, to_bytes
from tests.stage import xml

FORM = Form(
    (
        Field("", "fixed", values=("About you",)),
        Field("name", label="Name", required=True, desc="As others call you"),
        Field("play", "list-single", values=("romeo",), options=(("romeo", "Romeo and Juliet"), ("hamlet", ""))),
        Field("roles", "list-multi", options=(("lover", ""), ("fencer", ""))),
        Field("alive", "boolean"),
        Field("about", "text-multi"),
        Field("friend", "jid-single"),
        Field("enemies", "jid-multi"),
        Field("secret", "text-private"),
        Field("token", "hidden", values=("7",)),
    ),
    "urn:example:cast",
    "The cast",
    "Say who you are.",
)
X = {"x": "jabber:x:data"}


def filled(type: str = "submit", **fields: list[str]) -> Element:
    """A form as a client sends it."""
    values = {
        var: "".join(f"<value>{each}</value>" for each in values)
        for var, values in {"name": ["Mercutio"], **fields}.items()
    }
    content = "".join(f"<field var='{var}'>{value}</field>" for var, value in values.items())
    return xml(f"<x xmlns='jabber:x:data' type='{type}'>{content}</x>")


def test_a_form_to_be_filled_in():
    x = FORM.question()
    assert (x.get("type"), x.findtext("x:title", None, X), x.findtext("x:instructions", None, X)) == (
        "form",
        "The cast",
        "Say who you are.",
    )
    assert [(each.get("var"), each.get("type")) for each in x.findall("x:field", X)] == [
        ("FORM_TYPE", "hidden"),
        (None, "fixed"),
        *[(each.var, each.type) for each in FORM.fields[1:]],
    ]
    assert to_bytes(x.findall("x:field", X)[2]).decode() == (
        '<field xmlns="jabber:x:data" var="name" label="Name" type="text-single">'
        "<desc>As others call you</desc><required/></field>"
    )
    play = x.findall("x:field", X)[3]
    assert [(each.get("label"), each[0].text) for each in play.findall("x:option", X)] == [
        ("Romeo and Juliet", "romeo"),
        (None, "hamlet"),
    ]
    assert values_of(x)["play"] == ("romeo",)


def test_what_was_filled_in():
    answers = FORM.read(
        filled(
            play=["hamlet"],
            roles=["lover", "fencer"],
            alive=["true"],
            about=["A plague", "on both"],
            friend=["Romeo@localhost"],
            enemies=["tybalt@localhost", "paris@localhost", "TYBALT@localhost"],
            stranger=["ignored"],
        )
    )
    assert answers.text("name") == "Mercutio"
    assert answers.texts("roles") == ("lover", "fencer")
    assert answers.flag("alive")
    assert answers.text("about") == "A plague\non both"
    assert answers.jid("friend") == jid("romeo@localhost")
    assert answers.jids("enemies") == (jid("tybalt@localhost"), jid("paris@localhost"))
    assert answers.texts("stranger") == ()


def test_what_was_not_filled_in():
    answers = FORM.read(filled())
    assert (answers.text("play"), answers.flag("alive"), answers.jid("friend")) == ("", False, None)


@pytest.mark.parametrize(
    ("x", "says"),
    [
        (filled(name=[]), "Name is needed"),
        (filled(name=[""]), "Name is needed"),
        (filled(name=["a", "b"]), "Name takes one value"),
        (filled(play=["macbeth"]), "play is one of romeo, hamlet"),
        (filled(roles=["lover", "ghost"]), "roles is one of lover, fencer"),
        (filled(alive=["perhaps"]), "alive is 1 or 0"),
        (filled(friend=["@"]), "friend is an address"),
        (filled(enemies=["tybalt@localhost", "a@b@"]), "enemies is an address"),
        (filled(FORM_TYPE=["urn:example:other"]), "FORM_TYPE is urn:example:cast"),
        (filled("result"), "type submit"),
    ],
)
def test_what_is_refused(x: Element, says: str):
    with pytest.raises(StanzaError, match="not-acceptable") as raised:
        FORM.read(x)
    assert says in raised.value.text


def test_the_form_type_may_be_said():
    assert FORM.read(filled(FORM_TYPE=["urn:example:cast"])).text("name") == "Mercutio"


def test_a_result():
    x = Form((Field("count", label="How many", values=("3",)),), "urn:example:count").result()
    assert to_bytes(x).decode() == (
        '<x xmlns="jabber:x:data" type="result"><field var="FORM_TYPE" type="hidden"><value>urn:example:count</value>'
        '</field><field var="count" label="How many"><value>3</value></field></x>'
    )


def test_a_result_of_several_items():
    x = Table(
        (Field("jid", "jid-single", "Address"), Field("nick")), [("a@localhost", "A"), ("b@localhost", "")]
    ).result()
    reported = x.find("x:reported", X)
    assert reported is not None
    assert [(each.get("var"), each.get("type")) for each in reported] == [
        ("jid", "jid-single"),
        ("nick", "text-single"),
    ]
    assert [values_of(each) for each in x.findall("x:item", X)] == [
        {"jid": ("a@localhost",), "nick": ("A",)},
        {"jid": ("b@localhost",), "nick": ("",)},
    ]


def test_characters_that_xml_cannot_carry_are_left_out():
    assert values_of(Form((Field("a", values=("x\0y",)),)).result()) == {"a": ("xy",)}


def test_the_form_among_other_things():
    parent = xml("<query xmlns='urn:q'><a/><x xmlns='jabber:x:data' type='submit'/></query>")
    assert form_in(parent) is parent[1]
    assert form_in(parent, "urn:example:cast") is None
    typed = xml(f"<query xmlns='urn:q'>{to_bytes(FORM.result()).decode()}</query>")
    assert form_in(typed, "urn:example:cast") is typed[0]
