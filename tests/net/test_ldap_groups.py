"""The groups of a directory, in memory."""

from __future__ import annotations

from typing import Any

import pytest

from conversehost.auth.groups import Group
from conversehost.auth.guarded import SECONDS, Trouble
from conversehost.auth.ldap import Directory
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.net.ldap_groups import FRESH, LdapGroups
from conversehost.options.naming import read_namings
from conversehost.xmpp.jid import parse
from tests.net.directories import Line, Tree

PEOPLE = "ou=people,dc=example"
ROMEO, JULIET = parse("romeo@chat.example"), parse("juliet@chat.example")
DIRECTORY = Directory(("dc=example",), groups="(objectClass=groupOfNames)")


class Scene:
    """A directory with groups, and who asks for them."""

    def __init__(self, directory: Directory = DIRECTORY) -> None:
        self.clock = Clock()
        self.tree = Tree()
        self.line = Line(self.tree)
        self.source = LdapGroups(directory, self.line.connect, clock=self.clock)

    def group(self, name: str, **attributes: list[str]) -> None:
        self.tree.add(self.tree.root, f"cn={name}", {"objectClass": ["groupOfNames"], "cn": [name], **attributes})

    def of(self, account: Any = ROMEO) -> Any:
        found: list[Any] = []
        self.source.groups(account, found.append)
        self.line.pump()
        assert len(found) == 1
        return found[0]


def entry(name: str) -> str:
    return f"uid={name},{PEOPLE}"


@pytest.fixture
def scene() -> Scene:
    return Scene()


@pytest.mark.parametrize("attribute", ["member", "uniqueMember"])
def test_members_by_their_entries(scene: Scene, attribute: str):
    scene.group("Verona", **{attribute: [entry("romeo"), entry("juliet")]})
    scene.group("Others", **{attribute: [entry("juliet")]})
    assert scene.of() == [Group("Verona", ((JULIET, "Juliet Capulet"), (ROMEO, "Romeo Montague")))]


def test_members_by_their_names(scene: Scene):
    scene.group("Verona", memberUid=["romeo", "juliet", "no name"])
    assert scene.of() == [Group("Verona", ((JULIET, "juliet"), (ROMEO, "romeo")))]


def test_who_is_in_none(scene: Scene):
    scene.group("Verona", member=[entry("romeo")])
    assert scene.of(JULIET) == scene.of(parse("stranger@chat.example")) == []


def test_members_that_are_gone_or_nobody(scene: Scene):
    scene.group("Verona", member=[entry("romeo"), entry("tybalt"), PEOPLE])
    assert scene.of() == [Group("Verona", ((ROMEO, "Romeo Montague"),))]


def test_only_those_who_may_log_in():
    scene = Scene(Directory(("dc=example",), filter="(mail=*)", groups="(objectClass=groupOfNames)"))
    scene.tree.person(scene.tree.people, "nurse", {"uid": ["nurse"]})
    scene.group("Verona", member=[entry("romeo"), entry("nurse")])
    assert scene.of() == [Group("Verona", ((ROMEO, "Romeo Montague"),))]


def test_names_with_a_domain():
    namings = read_namings("mail=%u@%d")
    scene = Scene(Directory(("dc=example",), namings=namings, groups="(objectClass=groupOfNames)"))
    scene.group("Verona", member=[entry("romeo"), entry("juliet")])
    (group,) = scene.of()
    assert group.members == ((parse("jc@chat.example"), "Juliet Capulet"), (ROMEO, "Romeo Montague"))


def test_somebody_with_several_names_has_that_by_which_he_came_and_for_others_the_first():
    namings = read_namings("uid,mail=%u@%d")
    scene = Scene(Directory(("dc=example",), namings=namings, groups="(objectClass=groupOfNames)"))
    scene.group("Verona", member=[entry("romeo"), entry("juliet")])
    by_mail = parse("jc@chat.example")
    assert [each for each, _ in scene.of(by_mail)[0].members] == [by_mail, ROMEO]
    assert [each for each, _ in scene.of(ROMEO)[0].members] == [JULIET, ROMEO]


def test_who_somebody_is_is_remembered_for_a_while(scene: Scene, monkeypatch: pytest.MonkeyPatch):
    scene.group("Verona", member=[entry("romeo"), entry("juliet")])
    scene.of()
    del scene.tree.people._children[next(each for each in scene.tree.people._children if "juliet" in str(each))]
    assert len(scene.of()[0].members) == 2
    scene.clock.advance(FRESH)
    assert len(scene.of()[0].members) == 1


def test_a_directory_that_is_slow(scene: Scene):
    found: list[Any] = []
    scene.source.groups(ROMEO, found.append)
    scene.clock.advance(SECONDS)
    assert found == [Trouble("nothing for 5 seconds")]


def test_a_filter_that_is_none():
    with pytest.raises(ConfigError, match=r"--ldap-groups \(a: that is no filter"):
        Scene(Directory(("dc=example",), groups="(a"))
