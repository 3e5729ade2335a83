"""Groups that another place has people in: told once somebody is in."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from conversehost.auth import Accepted, Attempt, Refused
from conversehost.auth.groups import Group, WithGroups
from conversehost.auth.guarded import Trouble
from conversehost.clock import Clock
from conversehost.xmpp.jid import JID, parse
from tests.auth.places import Place

ROMEO, JULIET = parse("romeo@localhost"), parse("juliet@localhost")
GROUP = Group("Verona", ((ROMEO, "Romeo"), (JULIET, "Juliet")))


class Scene:
    """Somebody logs in where there are groups; what happened, in order."""

    def __init__(self) -> None:
        self.clock = Clock()
        self.happened: list[object] = []
        self.waiting: list[Callable[[Sequence[Group] | Trouble], None]] = []
        self.back_end = WithGroups(Place(ROMEO.full), self, self.show, clock=self.clock, warn=self.happened.append)

    def groups(self, account: JID, done: Callable[[Sequence[Group] | Trouble], None]) -> None:
        self.waiting.append(done)

    def show(self, account: JID, groups: Sequence[Group]) -> None:
        self.happened.append((account, list(groups)))

    def check(self, account: JID = ROMEO) -> None:
        self.back_end.check(Attempt(account, "secret"), self.happened.append)

    def tell(self, groups: Sequence[Group] | Trouble) -> None:
        self.waiting.pop()(groups)


@pytest.fixture
def scene() -> Scene:
    return Scene()


def test_they_are_shown_once_somebody_is_in(scene: Scene):
    scene.check()
    scene.tell([GROUP])
    assert scene.happened == []
    scene.clock.advance(0)
    assert scene.happened == [Accepted(ROMEO), (ROMEO, [GROUP])]


def test_who_is_refused_has_none(scene: Scene):
    scene.check(JULIET)
    assert scene.happened == [Refused()]
    assert scene.waiting == []


def test_without_them_people_come_in_all_the_same_and_the_operator_hears_of_it_once(scene: Scene):
    for _ in range(2):
        scene.check()
        scene.tell(Trouble("nothing for 5 seconds"))
        scene.clock.advance(0)
    assert scene.happened == [
        Accepted(ROMEO),
        "--ldap-groups: groups can't be had: nothing for 5 seconds; rosters stay as they are until then",
        Accepted(ROMEO),
    ]


def test_who_exists(scene: Scene):
    found: list[bool | None] = []
    scene.back_end.find(ROMEO, found.append)
    scene.back_end.find(JULIET, found.append)
    assert found == [True, False]
