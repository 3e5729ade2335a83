"""`/accounts/{jid}/blocked` of the control API."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, child, element
from tests.testbed.conftest import House, Person


def block(person: Person, jid: str, *content: Element) -> None:
    item = element(ns.BLOCKING, "item", {"jid": jid}, *content)
    person.says(stanza("iq", {"type": "set", "id": "b"}, element(ns.BLOCKING, "block", None, item)))
    assert person.got.pop().type == "result"


def test_nobody_is_blocked_at_first(api):
    assert api("GET", "/accounts/alice/blocked").json == {"blocked": [], "reports": []}


def test_whom_somebody_has_blocked_and_why(house: House, api):
    alice = house.person("alice")
    report = element(ns.REPORTING, "report", {"reason": "urn:xmpp:reporting:spam"})
    child(report, ns.REPORTING, "text").text = "Buy!"
    child(report, ns.STANZA_ID, "stanza-id", {"by": "iago@localhost", "id": "1"})
    block(alice, "iago@localhost", report)
    block(alice, "example.org")
    told = api("GET", "/accounts/alice%40localhost/blocked").json
    at = told["reports"][0].pop("at")
    assert told == {
        "blocked": ["iago@localhost", "example.org"],
        "reports": [{"jid": "iago@localhost", "reason": "urn:xmpp:reporting:spam", "text": "Buy!", "messages": ["1"]}],
    }
    assert at.startswith("20")
    assert at.endswith("Z")
    assert api("GET", "/accounts/bob/blocked").json == {"blocked": [], "reports": []}


def test_of_nobody_there_is_nothing_to_tell(api):
    assert api("GET", "/accounts/nobody/blocked").error[:2] == (404, "not-found")
    assert api("GET", "/accounts/alice/unblocked").status == 404
    assert api("DELETE", "/accounts/alice/blocked").status == 405


def test_it_ends_with_a_reset(house: House, api):
    block(house.person("alice"), "iago@localhost")
    assert api("POST", "/reset").status in (200, 204)
    assert api("GET", "/accounts/alice/blocked").json == {"blocked": [], "reports": []}
