"""Groups of a directory in the rosters of their members."""

from __future__ import annotations

import pytest

from conversehost.auth.groups import Group
from conversehost.shared_roster import SHARED, SharedRoster
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from tests.stage import Client, Stage

ROMEO, JULIET, NURSE = (parse(f"{each}@localhost") for each in ("romeo", "juliet", "nurse"))


def group(name: str, *members: JID) -> Group:
    return Group(name, tuple((each, f"{each.local.title()} X.") for each in members))


@pytest.fixture
def shared(stage: Stage) -> SharedRoster:
    shared = SharedRoster(stage.router.hosts)
    shared.attend(stage.host)
    stage.account("romeo")
    return shared


def roster(stage: Stage, owner: JID) -> dict[str, tuple[str, tuple[str, ...], str]]:
    """By contact its name, groups and subscription."""
    return {
        each.jid: (each.name, each.groups, each.subscription) for each in stage.host.rosters.of(owner) if each.listed
    }


def test_people_who_have_no_account_yet_are_there_too(stage: Stage, shared: SharedRoster):
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET), group("House", JULIET, ROMEO, NURSE)])
    assert roster(stage, ROMEO) == {
        JULIET.full: ("Juliet X.", ("Verona", "House"), "both"),
        NURSE.full: ("Nurse X.", ("House",), "both"),
    }
    assert roster(stage, JULIET) == {}


def test_those_who_have_one_have_the_new_one_too_and_see_who_is_there(stage: Stage, shared: SharedRoster):
    romeo, juliet = stage.login("romeo"), stage.login("juliet")
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    stage.turn.end()
    assert roster(stage, JULIET) == {ROMEO.full: ("Romeo X.", ("Verona",), "both")}
    for client, other in ((romeo, juliet), (juliet, romeo)):
        push, presence = client.take()
        assert push.find(f"{{{ns.ROSTER}}}query/{{{ns.ROSTER}}}item").get("jid") == other.bare
        assert (presence.get("from"), presence.get("type")) == (other.jid, None)


def test_the_same_again_is_no_change(stage: Stage, shared: SharedRoster):
    romeo = stage.login("romeo")
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    stage.turn.end()
    romeo.take()
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    stage.turn.end()
    assert romeo.take() == []


def test_who_left_a_group_leaves_the_rosters(stage: Stage, shared: SharedRoster):
    romeo, juliet = stage.login("romeo"), stage.login("juliet")
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    stage.turn.end()
    romeo.take(), juliet.take()
    shared.show(ROMEO, [])
    stage.turn.end()
    assert roster(stage, ROMEO) == roster(stage, JULIET) == {}
    assert [each.get("type") for each in romeo.take()] == ["set", "unavailable"]
    assert [each.get("type") for each in juliet.take()] == ["unavailable", "set"]


def test_what_is_the_owners_stays(stage: Stage, shared: SharedRoster):
    romeo = stage.login("romeo")
    put(romeo, "<item jid='juliet@localhost' name='Love'><group>Friends</group></item>")
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    assert roster(stage, ROMEO) == {JULIET.full: ("Love", ("Friends", "Verona"), "both")}
    shared.show(ROMEO, [group("House", ROMEO, JULIET)])
    assert roster(stage, ROMEO) == {JULIET.full: ("Love", ("Friends", "House"), "both")}
    shared.show(ROMEO, [])
    assert roster(stage, ROMEO) == {JULIET.full: ("Love", ("Friends",), "both")}


def put(client: Client, item: str) -> None:
    client.ask("set", f"<query xmlns='{ns.ROSTER}'>{item}</query>")
    client.take()


def test_nothing_of_it_is_kept_for_an_account_that_is_gone(stage: Stage, shared: SharedRoster):
    shared.show(ROMEO, [group("Verona", ROMEO, JULIET)])
    stage.host.delete_account(ROMEO)
    assert not stage.store.items(SHARED, ROMEO.bare)
    assert roster(stage, ROMEO) == {}


def test_somebody_without_an_account_has_no_roster(stage: Stage, shared: SharedRoster):
    shared.show(NURSE, [group("Verona", NURSE, ROMEO)])
    assert roster(stage, NURSE) == roster(stage, ROMEO) == {}
