"""Who makes an account, where everybody may: over XMPP (XEP-0077) or on a page."""

from __future__ import annotations

from conversehost.server.entrance import Throttle
from conversehost.server.host import Host
from conversehost.server.invitations import Invitations
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID

PER_MINUTE = 10
"""Accounts that are made from one address; a hundred times as many from this machine itself, where tests run."""


class Registration:
    """Of one host."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._throttle = Throttle(host.clock, PER_MINUTE)
        host.hooks.closing.append(self._throttle.forgive)

    def make(self, username: str, password: str, address: str) -> JID:
        """An account (`username` is prepared) for somebody at that address. The names of administrators are taken
        though nobody has them yet, and so are those that somebody was promised. Raises StanzaError.
        """
        if self._throttle.blocks(address):
            raise StanzaError("resource-constraint", "too many accounts are made from your address: try again later")
        self._throttle.failed(address)  # also who tries which names there are
        if Invitations(self._host).is_taken(username, None):
            raise StanzaError("conflict", "that name is taken")
        account = JID(username, self._host.domain)
        self._host.create_account(account, password)
        return account
