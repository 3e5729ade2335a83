"""Accounts that another place knows, and that nobody has logged in to here yet."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from typing import TYPE_CHECKING

from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza

if TYPE_CHECKING:
    from conversehost.server.host import Host
    from conversehost.server.session import Session

WAITING = 1_000
"""Stanzas that wait until somebody knows, of all accounts together."""

Find = Callable[[JID, Callable[[bool | None], None]], None]
"""Whether there is such an account, answered perhaps later; None: that can't be known now."""


class Newcomers:
    """What is for somebody who isn't here waits until it is known whether there is such an account, in order. Who
    exists is made an account, as at the first login; all else goes on as for anybody.
    """

    def __init__(self, host: Host, find: Find) -> None:
        self._host = host
        self._find = find
        self._waiting: dict[JID, list[tuple[JID, Stanza, Session | None]]] = {}
        self._size = 0
        self._known: JID | None = None  # who is being dealt with

    def holds(self, to: JID, stanza: Stanza, sender: Session | None) -> bool:
        """Whether the stanza waits. Raises StanzaError(resource-constraint)."""
        account = to.to_bare()
        if account == self._known or self._host.accounts.exists(account) or stanza.type in ("error", "result"):
            return False
        waiting = self._waiting.get(account)
        if self._size >= WAITING:
            raise StanzaError("resource-constraint", "too many wait for accounts to be found: try again later")
        self._size += 1
        if waiting is not None:
            waiting.append((to, stanza, sender))
        else:
            self._waiting[account] = [(to, stanza, sender)]
            self._find(account, lambda found: self._settle(account, found))
        return True

    def _settle(self, account: JID, found: bool | None) -> None:
        if found and not self._host.accounts.exists(account):  # somebody may have logged in meanwhile
            self._host.create_account(account, secrets.token_urlsafe(24))
        for to, stanza, sender in self._waiting.pop(account):
            self._size -= 1
            self._known = account
            try:
                if found is None:
                    raise StanzaError("recipient-unavailable", "whether there is such an account can't be known now")
                self._host.delivery.deliver(to, stanza, sender)
            except StanzaError as error:
                self._host.router.refuse(stanza, error)
            except Exception as error:
                self._host.router.report(error, stanza)
            finally:
                self._known = None
