"""Who may use the control API: programs on this machine, and those that show its token."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus

from twisted.web.resource import IResource, Resource
from twisted.web.server import Request

from conversehost.net.exchange import HttpExchange
from conversehost.net.forwarded import is_forwarding
from conversehost.net.http import WEB_BODY
from conversehost.testbed.refusal import ApiError, Refusal
from conversehost.testbed.token import Token, bearer
from conversehost.testbed.world import API, World
from conversehost.web.guard import Hosts, is_cross_site, is_direct_and_local, is_loopback

NEEDED = (
    "from another machine, or through a proxy, this needs Authorization: Bearer TOKEN; "
    "where the token is, the server says when it starts"
)
WRONG = "that is not the token of this server, which has a new one at each start unless --api-token-file gives it"

LARGE = 64 << 20
"""Bytes of a body, such as that of a whole state."""


def control(world: World, hosts: Hosts, token: Token) -> Resource:
    """What hangs in the site's tree as `_conversehost`. `hosts`: its names for those who don't show the `token`."""
    door = Door(hosts, token)
    door.putChild(b"api", Versions(world))
    return door


def room(token: Token) -> Callable[[HttpExchange], int]:
    """How large a body may be: a whole state, from those who may use the API, is larger than what pages take."""

    def room(exchange: HttpExchange) -> int:
        if not exchange.path.startswith(API.encode()) or not exchange.path.endswith(b"/state"):
            return WEB_BODY
        shown = bearer(dict(exchange.headers).get(b"authorization"))
        if shown is not None:
            return LARGE if token.opens(shown) else WEB_BODY
        here = is_loopback(exchange.connection.address.removeprefix("::ffff:"))
        return LARGE if here and not any(is_forwarding(name) for name, _ in exchange.headers) else WEB_BODY

    return room


class Place(Resource):
    """A part of a path, with nothing of its own."""

    def getChild(self, path: bytes, request: Request) -> IResource:
        return Refusal(ApiError(HTTPStatus.NOT_FOUND, f"there is nothing here; the API is at {API}"))

    def render(self, request: Request) -> bytes | int:
        """404."""
        return self.getChild(b"", request).render(request)


class Versions(Place):
    """The API, from when it is first asked for."""

    def __init__(self, world: World) -> None:
        super().__init__()
        self._world = world

    def getChild(self, path: bytes, request: Request) -> IResource:
        if path != b"v1":
            return super().getChild(path, request)
        from conversehost.testbed.control import Root  # and forty modules: a tenth of what a start imports

        self.putChild(path, Root(self._world))
        return self.getChildWithDefault(path, request)


class Door(Place):
    """Lets in who is on this machine or has the token, and is no page of another site."""

    def __init__(self, hosts: Hosts, token: Token) -> None:
        """`hosts`: the names that it may be reached by without the token."""
        super().__init__()
        self._hosts = hosts
        self._token = token

    def getChildWithDefault(self, path: bytes, request: Request) -> IResource:
        """All that is below goes through here."""
        try:
            self._check(request)
        except ApiError as error:
            return Refusal(error)
        return super().getChildWithDefault(path, request)

    def _check(self, request: Request) -> None:
        """Raises ApiError: 401 without the token where it is needed, 421 for a Host that isn't ours (DNS rebinding:
        there no page has the token), 403 for a page of another site.
        """
        shown = bearer(request.getHeader(b"authorization"))
        if shown is None:
            self._check_without_token(request)
        elif not self._token.opens(shown):
            raise ApiError(HTTPStatus.UNAUTHORIZED, WRONG)
        if is_cross_site(request):
            raise ApiError(HTTPStatus.FORBIDDEN, "not for pages of other sites")

    def _check_without_token(self, request: Request) -> None:
        if not is_direct_and_local(request):
            raise ApiError(HTTPStatus.UNAUTHORIZED, NEEDED)
        if not self._hosts.allows(request):
            message = "this server doesn't answer to that Host here; --allowed-host would allow it, or the token"
            raise ApiError(HTTPStatus.MISDIRECTED_REQUEST, message)
