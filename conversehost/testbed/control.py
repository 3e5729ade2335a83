"""The control API: `/_conversehost/api/v1`, for tests in any language."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.web.resource import Resource

import conversehost
from conversehost.testbed.accounts import Accounts
from conversehost.testbed.clock import ClockNoun
from conversehost.testbed.contacts import Contacts
from conversehost.testbed.door import Door, Place
from conversehost.testbed.expectation_noun import ExpectationsNoun
from conversehost.testbed.fault_noun import FaultsNoun
from conversehost.testbed.mishap_noun import ErrorsNoun
from conversehost.testbed.noun import API, Fields, Noun, Reply, Verb, World
from conversehost.testbed.records import TrafficNoun
from conversehost.testbed.sessions import Sessions
from conversehost.testbed.settling import SettledNoun
from conversehost.testbed.snapshots import Snapshots
from conversehost.testbed.stanzas import Messages, Stanzas
from conversehost.testbed.state_noun import StateNoun
from conversehost.testbed.stub_noun import StubsNoun
from conversehost.testbed.token import Token
from conversehost.web.guard import Hosts


def control(world: World, hosts: Hosts, token: Token) -> Resource:
    """What hangs in the site's tree as `_conversehost`. `hosts`: its names for those who don't show the `token`."""
    door, versions = Door(hosts, token), Place()
    door.putChild(b"api", versions)
    versions.putChild(b"v1", Root(world))
    return door


class Reset(Noun):
    """`POST /reset`: everything as right after the start."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.do)}

    def do(self, query: Fields, body: Fields) -> Reply:
        """All sessions end, the bots come back."""
        self.world.reset()
        return Reply()


NOUNS: Mapping[str, type[Noun]] = {
    "accounts": Accounts,
    "sessions": Sessions,
    "messages": Messages,
    "stanzas": Stanzas,
    "traffic": TrafficNoun,
    "expectations": ExpectationsNoun,
    "errors": ErrorsNoun,
    "settled": SettledNoun,
    "faults": FaultsNoun,
    "stubs": StubsNoun,
    "contacts": Contacts,
    "clock": ClockNoun,
    "snapshots": Snapshots,
    "state": StateNoun,
    "reset": Reset,
}


class Root(Noun):
    """The API itself: what there is."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        for name, noun in NOUNS.items():
            self.putChild(name.encode(), noun(world))

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """`server` is the ready line, without the accounts, which change."""
        server = {name: value for name, value in self.world.about().items() if name != "accounts"}
        return Reply(
            {
                "name": "conversehost",
                "version": conversehost.__version__,
                "links": {name: f"{API}/{name}" for name in NOUNS},
                "server": {**server, "pid": os.getpid()},
            }
        )
