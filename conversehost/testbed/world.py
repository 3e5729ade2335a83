"""What the control API sees of the server; here, so that a start needn't wait for the API itself."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import TYPE_CHECKING

from conversehost.net.clock import ReactorClock
from conversehost.server.host import Host
from conversehost.testbed.cast import Cast
from conversehost.testbed.expectations import Expectations
from conversehost.testbed.faults import Faults
from conversehost.testbed.mishaps import Mishaps
from conversehost.testbed.refusal import ApiError
from conversehost.testbed.stubs import Stubs
from conversehost.testbed.traffic import Traffic
from conversehost.testbed.wire import Wire
from conversehost.turn import Turn
from conversehost.xmpp.jid import JID, JIDError, parse_account

if TYPE_CHECKING:
    from conversehost.testbed.beyond import Visit
    from conversehost.testbed.state import State
    from conversehost.testbed.tenants import Tenants

API = "/_conversehost/api/v1"


@dataclass(frozen=True, slots=True)
class World:
    """What the control API sees of the server, and moves."""

    hosts: Mapping[str, Host]
    cast: Cast
    turn: Turn
    clock: ReactorClock
    wall: ReactorClock
    traffic: Traffic
    wire: Wire
    faults: Faults
    stubs: Stubs
    expectations: Expectations
    mishaps: Mishaps
    state: State
    reset: Callable[[], None]
    about: Callable[[], Mapping[str, object]]
    """The facts of the ready line."""
    tenants: Tenants
    tenant: str = ""
    """Whose world it is; "" for that of the server itself."""
    visits: Collection[Visit] = ()
    """Who is logged in through us at a server elsewhere; none of them is a tenant's."""
    is_elsewhere: Callable[[str], bool] = lambda domain: False
    """Whether a domain's clients may come in here."""

    @property
    def base(self) -> str:
        """Where its own API is."""
        return f"{API}/tenants/{self.tenant}" if self.tenant else API

    def account(self, text: str, field: str) -> JID:
        """The address of an account; a name alone is one of the first domain.

        Raises ApiError(400), which names the field.
        """
        try:
            jid = parse_account(text, next(iter(self.hosts)))
        except JIDError as error:
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not an address ({error})") from None
        if jid.domain not in self.hosts:
            served = ", ".join(self.hosts)
            raise ApiError(HTTPStatus.BAD_REQUEST, f"{field}: {text!r} is not the address of an account of {served}")
        return jid

    def client(self, text: str, field: str) -> JID:
        """The same, of an account here or elsewhere."""
        try:
            jid = parse_account(text, next(iter(self.hosts)))
        except JIDError:
            return self.account(text, field)
        return jid if self.is_elsewhere(jid.domain) else self.account(text, field)

    def existing(self, text: str, field: str) -> JID:
        """The same, of an account that is there. Raises ApiError(400), ApiError(404)."""
        jid = self.account(text, field)
        if not self.hosts[jid.domain].accounts.exists(jid):
            raise ApiError(HTTPStatus.NOT_FOUND, f"there is no account {jid}")
        return jid

    def is_bot(self, account: JID) -> bool:
        """Whether the test bed plays it."""
        return any(bot.jid == account for bot in self.cast.bots)
