"""XEP-0055."""

from __future__ import annotations

import pytest

from conversehost.features.search import RESULTS
from conversehost.xmpp import ns
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.jid import parse
from tests.features.elsewhere import Elsewhere
from tests.stage import Client, Stage, condition

ASK = f"<query xmlns='{ns.SEARCH}'/>"
CARDS = {
    "juliet": "<N><FAMILY>Capulet</FAMILY><GIVEN>Juliet</GIVEN></N><NICKNAME>JuliC</NICKNAME>"
    "<EMAIL><INTERNET/><USERID>juliet@shakespeare.example</USERID></EMAIL>",
    "tybalt": "<N><FAMILY>Capulet</FAMILY><GIVEN>Tybalt</GIVEN></N><NICKNAME>ty</NICKNAME>",
    "benvolio": "<NICKNAME>Ben &amp; co</NICKNAME>",
}


@pytest.fixture
def seeker(stage: Stage) -> Client:
    for name, card in CARDS.items():
        stage.login(name).ask("set", f"<vCard xmlns='vcard-temp'>{card}</vCard>")
    stage.account("nobody")
    return stage.login("mercutio")


def found(client: Client, **wanted: str) -> list[str | None]:
    """Searched in the old way."""
    content = "".join(f"<{name}>{text}</{name}>" for name, text in wanted.items())
    return [
        each.get("jid") for each in client.ask("set", f"<query xmlns='{ns.SEARCH}'>{content}</query>", "localhost")[0]
    ]


def submit(**wanted: str) -> str:
    fields = "".join(f"<field var='{name}'><value>{text}</value></field>" for name, text in wanted.items())
    return f"<query xmlns='{ns.SEARCH}'><x xmlns='{ns.DATA}' type='submit'>{fields}</x></query>"


def rows(client: Client, **wanted: str) -> list[dict[str, tuple[str, ...]]]:
    """Searched by form."""
    form = form_in(client.ask("set", submit(**wanted), "localhost")[0], ns.SEARCH)
    assert form is not None
    return [values_of(each) for each in form.iter(f"{{{ns.DATA}}}item")]


def test_what_can_be_searched_for(seeker: Client):
    query = seeker.ask("get", ASK, "localhost")[0]
    assert [each.tag.partition("}")[2] for each in query] == ["instructions", "first", "last", "nick", "email", "x"]


def test_by_old_fields(seeker: Client):
    assert found(seeker, last="capu") == ["juliet@localhost", "tybalt@localhost"]
    assert found(seeker, last="Capulet", nick="TY*") == ["tybalt@localhost"]
    assert found(seeker, last="Montague") == []


def test_what_is_told_of_each(seeker: Client):
    answer = seeker.ask("set", f"<query xmlns='{ns.SEARCH}'><nick>julic</nick></query>", "localhost")
    assert [(each.tag.partition("}")[2], each.text) for each in answer[0][0]] == [
        ("first", "Juliet"),
        ("last", "Capulet"),
        ("nick", "JuliC"),
        ("email", "juliet@shakespeare.example"),
    ]


def test_by_form(seeker: Client):
    assert rows(seeker, first="jul") == [
        {
            "jid": ("juliet@localhost",),
            "first": ("Juliet",),
            "last": ("Capulet",),
            "nick": ("JuliC",),
            "email": ("juliet@shakespeare.example",),
        }
    ]
    assert [each["jid"] for each in rows(seeker, user="ben")] == [("benvolio@localhost",)]


def test_everybody_who_has_a_card(seeker: Client):
    assert found(seeker) == ["benvolio@localhost", "juliet@localhost", "tybalt@localhost"]


def test_only_of_this_host(make_stage, seeker: Client):
    stage = make_stage("localhost", "other.example")
    stage.login("nurse@other.example").ask("set", f"<vCard xmlns='vcard-temp'>{CARDS['juliet']}</vCard>")
    client = stage.login("romeo")
    assert found(client) == []
    answer = client.ask("set", ASK, "other.example")
    assert [each.get("jid") for each in answer[0]] == ["nurse@other.example"]


def test_a_search_has_an_end(stage: Stage, seeker: Client):
    for number in range(RESULTS):
        stage.store.put("vcard", f"extra{number}@localhost", "", b"<vCard xmlns='vcard-temp'/>")
    assert len(found(seeker)) == RESULTS


def test_a_form_that_is_none(seeker: Client):
    wrong = submit().replace("submit", "form")
    assert condition(seeker.ask("set", wrong, "localhost")) == "not-acceptable"


def test_strangers_cannot_look_for_people(stage: Stage, seeker: Client):
    elsewhere = Elsewhere(stage)
    elsewhere.send(f"<iq type='set' id='1' from='a@elsewhere.example' to='localhost'>{ASK}</iq>")
    assert condition(elsewhere.take()[0]) == "forbidden"


def test_whoever_is_gone_is_not_found(stage: Stage, seeker: Client):
    stage.host.delete_account(parse("tybalt@localhost"))
    assert found(seeker, last="Capulet") == ["juliet@localhost"]
