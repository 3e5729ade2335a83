"""The control API: `/_conversehost/api/v1`, for tests in any language, on this machine."""

from __future__ import annotations

import os
from collections.abc import Mapping
from http import HTTPStatus

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

import conversehost
from conversehost.testbed.accounts import Accounts
from conversehost.testbed.clock import ClockNoun
from conversehost.testbed.fault_noun import FaultsNoun
from conversehost.testbed.noun import API, ApiError, Fields, Noun, Refusal, Reply, Verb, World
from conversehost.testbed.records import TrafficNoun
from conversehost.testbed.sessions import Sessions
from conversehost.testbed.snapshots import Snapshots
from conversehost.testbed.stanzas import Messages, Stanzas
from conversehost.web.guard import Hosts, is_cross_site, is_direct_and_local


def control(world: World, hosts: Hosts) -> Resource:
    """What hangs in the site's tree as `_conversehost`. `hosts`: the names that it may be reached by."""
    door, versions = Door(hosts), Place()
    door.putChild(b"api", versions)
    versions.putChild(b"v1", Root(world))
    return door


class Place(Resource):
    """A part of a path, with nothing of its own."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusal(ApiError(HTTPStatus.NOT_FOUND, f"there is nothing here; the API is at {API}"))

    def render(self, request: Request) -> bytes | int:
        """404."""
        return self.getChild(b"", request).render(request)


class Door(Place):
    """Lets in who is on this machine, and is no page of another site."""

    def __init__(self, hosts: Hosts) -> None:
        super().__init__()
        self._hosts = hosts

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """All that is below goes through here."""
        try:
            self._check(request)
        except ApiError as error:
            return Refusal(error)
        return super().getChildWithDefault(path, request)

    def _check(self, request: Request) -> None:
        """Raises ApiError: 403, or 421 for a Host that isn't ours (DNS rebinding)."""
        if not is_direct_and_local(request):
            raise ApiError(HTTPStatus.FORBIDDEN, "only for programs on this machine, without a proxy between")
        if not self._hosts.allows(request):
            message = "this server doesn't answer to that Host here; --allowed-host would allow it"
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, message)
        if is_cross_site(request):
            raise ApiError(HTTPStatus.FORBIDDEN, "not for pages of other sites")


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
    "faults": FaultsNoun,
    "clock": ClockNoun,
    "snapshots": Snapshots,
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
