"""`/tenants`: virtual hosts that come and go, and below each of them the same API, of it alone."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus

from twisted.web.resource import IResource
from twisted.web.server import Request

from conversehost.server.host import Host
from conversehost.testbed.fields import Boolean, Fields, Text
from conversehost.testbed.noun import API, MISSING, ApiError, Noun, Refusal, Reply, Verb, World
from conversehost.testbed.shapes import Shape, anything, listed, text
from conversehost.testbed.tenants import Tenant

FIELDS = (
    Text("name", "what it is called, and the first part of its domain; without one it gets one", example="mine"),
    Boolean("empty", "nobody is there, in place of the scenario's people and bots"),
    Text("fork", "a domain, or another tenant: it begins with a copy of all that is kept there"),
)
TENANT = Shape(
    "Tenant",
    "One of them, and what its clients need to know: its name and domain, and all that the ready line has.",
    {
        "name": text("what it is called"),
        "domain": text("that of its accounts"),
        "page": text("its own login page: the site's, by the name of its domain"),
        "accounts": anything("passwords by address, without those of bots"),
    },
)
TENANTS = Shape("Tenants", "All that there are, the oldest first.", {"tenants": listed(TENANT, "the tenants")})
Below = Callable[[World], Noun]


class TenantsNoun(Noun):
    """All of them. `below` makes the API of one."""

    key = Text("name", "what it is called", example="mine")

    def __init__(self, world: World, below: Below) -> None:
        super().__init__(world)
        self._below = below

    def verbs(self) -> Mapping[str, Verb]:
        refused = (HTTPStatus.CONFLICT,)
        return {
            "GET": Verb(self.read, answer=TENANTS),
            "POST": Verb(self.create, body=FIELDS, answer=TENANT, status=HTTPStatus.CREATED, errors=refused),
            "DELETE": Verb(self.clear),
        }

    def item(self, name: str) -> Noun:
        return OneTenant(self.world, name, self._below)

    def read(self, query: Fields, body: Fields) -> Reply:
        """All tenants, the oldest first."""
        return Reply({"tenants": [describe(self.world, each) for each in self.world.tenants.by_name.values()]})

    def create(self, query: Fields, body: Fields) -> Reply:
        """Make a tenant: a virtual host of its own, with the scenario's people unless told otherwise. Below it there is
        this whole API, of it alone.
        """
        empty, fork = body.boolean("empty") or False, self._fork(body.text("fork"))
        if empty and fork is not None:
            raise ApiError(HTTPStatus.BAD_REQUEST, "empty and fork don't go together")
        try:
            made = self.world.tenants.create(body.text("name") or "", empty=empty, like=fork)
        except ValueError as error:
            raise ApiError(HTTPStatus.CONFLICT, str(error)) from None
        return Reply(describe(self.world, made), f"{API}/tenants/{made.name}")

    def clear(self, query: Fields, body: Fields) -> Reply:
        """Delete all tenants."""
        self.world.tenants.clear()
        return Reply()

    def _fork(self, name: str | None) -> Host | None:
        if name is None:
            return None
        tenant = self.world.tenants.by_name.get(name) or self.world.tenants.of(name)
        host = self.world.hosts.get(name) if tenant is None else tenant.host
        if host is None:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"fork: there is no domain {name!r}, and no tenant of that name")
        return host


class OneTenant(Noun):
    """`/tenants/{name}`: what it is; below it there is the API of it alone."""

    def __init__(self, world: World, name: str, below: Below) -> None:
        super().__init__(world)
        self._name = name
        self._below = below

    def verbs(self) -> Mapping[str, Verb]:
        return {
            "GET": Verb(self.read, answer=TENANT, errors=MISSING),
            "DELETE": Verb(self.delete, errors=MISSING),
        }

    def getChild(self, path: bytes, request: Request) -> IResource:
        """The nouns of its own API."""
        if not path:
            return self
        try:
            root = self._below(self._find().world(self.world))
        except ApiError as error:
            return Refusal(error)
        return root.getChildWithDefault(path, request)

    def read(self, query: Fields, body: Fields) -> Reply:
        """One tenant, with what its clients need to know."""
        return Reply(describe(self.world, self._find()))

    def delete(self, query: Fields, body: Fields) -> Reply:
        """Delete a tenant: its sessions end, and nothing of it is left."""
        self.world.tenants.drop(self._find().name)
        return Reply()

    def _find(self) -> Tenant:
        found = self.world.tenants.by_name.get(self._name)
        if found is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no tenant {self._name!r}")
        return found


def describe(world: World, tenant: Tenant) -> dict[str, object]:
    """As JSON: what its clients need to know, accounts with passwords too."""
    bots = {bot.jid for bot in tenant.cast.bots}
    accounts = {jid.full: word for jid, word in tenant.host.accounts.of(tenant.domain) if jid not in bots}
    return {"name": tenant.name, **tenant.world(world).about(), "accounts": accounts}
