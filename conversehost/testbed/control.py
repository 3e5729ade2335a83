"""The control API: `/_conversehost/api/v1`, for tests in any language."""

from __future__ import annotations

import os
from collections.abc import Mapping

from twisted.web.server import Request

import conversehost
from conversehost.testbed.accounts import Accounts
from conversehost.testbed.bot_noun import BotsNoun
from conversehost.testbed.clock import ClockNoun
from conversehost.testbed.events import EventsNoun
from conversehost.testbed.expectation_noun import ExpectationsNoun
from conversehost.testbed.fault_noun import FaultsNoun
from conversehost.testbed.fields import Fields
from conversehost.testbed.generate_noun import Generate
from conversehost.testbed.invitation_noun import InvitationsNoun
from conversehost.testbed.manual import manual
from conversehost.testbed.mishap_noun import ErrorsNoun
from conversehost.testbed.noun import Noun, Reply, Verb, World
from conversehost.testbed.openapi import describe
from conversehost.testbed.push_noun import PushesNoun
from conversehost.testbed.records import TrafficNoun
from conversehost.testbed.rooms_noun import Rooms
from conversehost.testbed.sessions import Sessions
from conversehost.testbed.settling import SettledNoun
from conversehost.testbed.shapes import Shape, anything, text
from conversehost.testbed.snapshots import Snapshots
from conversehost.testbed.stanzas import Messages, Stanzas
from conversehost.testbed.state_noun import StateNoun
from conversehost.testbed.stub_noun import StubsNoun
from conversehost.testbed.tenant_noun import TenantsNoun


class Reset(Noun):
    """`POST /reset`: everything as right after the start."""

    def verbs(self) -> Mapping[str, Verb]:
        return {"POST": Verb(self.do)}

    def do(self, query: Fields, body: Fields) -> Reply:
        """Everything as right after the start: all sessions end, what was done is undone, the bots come back."""
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
    "rooms": Rooms,
    "generate": Generate,
    "invitations": InvitationsNoun,
    "bots": BotsNoun,
    "pushes": PushesNoun,
    "clock": ClockNoun,
    "snapshots": Snapshots,
    "state": StateNoun,
    "reset": Reset,
}


ABOUT = Shape(
    "About",
    "What there is.",
    {
        "name": text("conversehost"),
        "version": text("its version"),
        "links": {"type": "object", "description": "where the nouns are, by name", "additionalProperties": text()},
        "server": anything("the ready line, without the accounts, which change"),
    },
)
DOCUMENT = Shape("Document", "An OpenAPI document.", {"openapi": text("3.1"), "paths": anything("all that there is")})


class Description(Noun):
    """`/openapi.json`."""

    def __init__(self, root: Root) -> None:
        super().__init__(root.world)
        self._root = root

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read, answer=DOCUMENT)}

    def read(self, query: Fields, body: Fields) -> Reply:
        """This description, as OpenAPI 3.1."""
        return Reply(describe(self._root))


class Root(Noun):
    """The API itself: what there is, as JSON, and for browsers as a page."""

    def __init__(self, world: World) -> None:
        super().__init__(world)
        for name, noun in NOUNS.items():
            self.putChild(name.encode(), noun(world))
        if not world.tenant:
            self.putChild(b"tenants", TenantsNoun(world, Root))
        self.putChild(b"openapi.json", Description(self))
        self.putChild(b"events", EventsNoun(world))

    def verbs(self) -> Mapping[str, Verb]:
        return {"GET": Verb(self.read, answer=ABOUT)}

    def render(self, request: Request) -> bytes | int:
        """A browser asks for HTML."""
        request.setHeader(b"vary", b"Accept")
        if request.method in (b"GET", b"HEAD") and b"text/html" in (request.getHeader(b"accept") or b""):
            return manual(request, describe(self))
        return super().render(request)

    def read(self, query: Fields, body: Fields) -> Reply:
        """What there is: `links` lead to the nouns, `server` has its addresses."""
        server = {name: value for name, value in self.world.about().items() if name != "accounts"}
        return Reply(
            {
                "name": "conversehost",
                "version": conversehost.__version__,
                "links": {name.decode(): f"{self.world.base}/{name.decode()}" for name in self.children},
                "server": {**server, "pid": os.getpid()},
            }
        )
