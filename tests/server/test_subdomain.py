"""A service at an address of its own, below a host."""

from __future__ import annotations

import pytest

from conversehost.server.discovery import DiscoNode, item
from conversehost.server.host import Reply
from conversehost.server.subdomain import Subdomain
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import element
from tests.stage import Client, Stage, condition

INFO, ITEMS = f"<query xmlns='{ns.DISCO_INFO}'/>", f"<query xmlns='{ns.DISCO_ITEMS}'/>"
WHERE = "games.localhost"


@pytest.fixture
def games(stage: Stage) -> Subdomain:
    return Subdomain(stage.host, "games", "game", "chess", "Games")


def test_the_host_lists_it(games: Subdomain, romeo: Client):
    listed = {each.get("jid"): each.get("name") for each in romeo.ask("get", ITEMS, "localhost")[0]}
    assert listed[WHERE] == "Games"


def test_it_says_what_it_is(games: Subdomain, romeo: Client):
    games.features.append("urn:example:chess")
    query = romeo.ask("get", INFO, WHERE)[0]
    identity = query.find(f"{{{ns.DISCO_INFO}}}identity")
    assert dict(identity.attrib) == {"category": "game", "type": "chess", "name": "Games"}
    found = [each.get("var") for each in query.iter(f"{{{ns.DISCO_INFO}}}feature")]
    assert found == [ns.DISCO_INFO, ns.DISCO_ITEMS, "urn:example:chess", ns.PING, ns.VERSION, ns.TIME]


def test_it_lists_what_is_there(games: Subdomain, romeo: Client):
    games.listings.append(lambda iq: [item(f"one@{WHERE}", "One")])
    assert [each.get("jid") for each in romeo.ask("get", ITEMS, WHERE)[0]] == [f"one@{WHERE}"]


def test_a_node_of_it(games: Subdomain, romeo: Client):
    node = DiscoNode(lambda iq: [element(ns.DISCO_INFO, "feature", {"var": "x"})], lambda iq: [item("a.example")])
    games.finders.append(lambda name, iq: node if name == "rules" else None)
    answer = romeo.ask("get", f"<query xmlns='{ns.DISCO_INFO}' node='rules'/>", WHERE)[0]
    assert (answer.get("node"), answer[0].get("var")) == ("rules", "x")
    missing = romeo.ask("get", f"<query xmlns='{ns.DISCO_ITEMS}' node='other'/>", WHERE)
    assert (condition(missing), missing.get("from")) == ("item-not-found", WHERE)


def test_it_answers_pings_as_its_host_does(games: Subdomain, romeo: Client):
    answer = romeo.ask("get", f"<ping xmlns='{ns.PING}'/>", WHERE)
    assert (answer.type, answer.get("from")) == ("result", WHERE)


def test_a_host_without_ping_has_none_there(romeo: Client):
    quiet = Stage(disabled=["ping"])
    Subdomain(quiet.host, "games", "game", "chess", "Games")
    assert condition(quiet.login("romeo").ask("get", f"<ping xmlns='{ns.PING}'/>", WHERE)) == "service-unavailable"


def test_what_only_a_host_has_is_not_there(games: Subdomain, romeo: Client):
    assert condition(romeo.ask("get", f"<query xmlns='{ns.SEARCH}'/>", WHERE)) == "service-unavailable"


def test_it_answers_what_it_was_told_to(games: Subdomain, romeo: Client):
    def moved(iq: Stanza) -> Reply:
        return element("urn:example:chess", "moved", {"by": str(iq.sender)})

    games.on_iq("set", "urn:example:chess", "move", moved)
    answer = romeo.ask("set", "<move xmlns='urn:example:chess'/>", WHERE)
    assert answer[0].get("by") == romeo.jid
    with pytest.raises(ValueError, match="two handlers"):
        games.on_iq("set", "urn:example:chess", "move", moved)


@pytest.mark.parametrize("to", [WHERE, f"one@{WHERE}", f"{WHERE}/one"])
def test_nobody_reads_messages_there(games: Subdomain, romeo: Client, to: str):
    romeo.say(to)
    error = romeo.only()
    assert (condition(error), error.get("from")) == ("service-unavailable", to)


def test_nobody_is_below_it(games: Subdomain, romeo: Client):
    assert condition(romeo.ask("get", INFO, f"one@{WHERE}")) == "service-unavailable"
    romeo.available(to=f"one@{WHERE}/me")
    romeo.write(f"<iq type='result' id='1' to='{WHERE}'/>")
    assert not romeo.take()


def test_one_address_has_one_service(games: Subdomain, stage: Stage):
    with pytest.raises(ValueError, match="two handlers"):
        Subdomain(stage.host, "games", "game", "go", "More games")
