"""XEP-0157, and with it XEP-0128."""

from __future__ import annotations

from collections.abc import Callable

from conversehost.server.policy import Policy
from conversehost.xmpp import ns
from conversehost.xmpp.forms import form_in, values_of
from conversehost.xmpp.jid import parse
from tests.stage import Client, Stage

INFO = f"<query xmlns='{ns.DISCO_INFO}'/>"
ADMINS = frozenset({parse("admin@localhost")})
FORM_TYPE = "http://jabber.org/network/serverinfo"


def test_administrators_are_told_of(make_stage: Callable[..., Stage]):
    client = make_stage(policy=Policy(admins=ADMINS)).login("romeo")
    form = form_in(client.ask("get", INFO, "localhost")[0], FORM_TYPE)
    assert form is not None
    assert form.get("type") == "result"
    assert values_of(form) == {"FORM_TYPE": (FORM_TYPE,), "admin-addresses": ("xmpp:admin@localhost",)}


def test_addresses_by_what_they_are_for(make_stage: Callable[..., Stage]):
    contacts = (
        ("abuse", "mailto:abuse@example.org"),
        ("admin", "mailto:me@example.org"),
        ("abuse", "xmpp:a@localhost"),
    )
    stage = make_stage(policy=Policy(admins=ADMINS, contacts=contacts))
    form = form_in(stage.login("romeo").ask("get", INFO, "localhost")[0], FORM_TYPE)
    assert form is not None
    assert values_of(form) == {
        "FORM_TYPE": (FORM_TYPE,),
        "abuse-addresses": ("mailto:abuse@example.org", "xmpp:a@localhost"),
        "admin-addresses": ("mailto:me@example.org",),
    }


def test_nobody_is_told_of_nobody(mercutio: Client):
    assert form_in(mercutio.ask("get", INFO, "localhost")[0]) is None
