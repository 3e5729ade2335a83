"""From the options to who may log in, how, and how long that may take."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from conversehost.auth.accounts import Accounts
from conversehost.auth.anybody import Anybody
from conversehost.clock import Clock
from conversehost.net import named
from conversehost.net.tokens import Tokens
from conversehost.options import Settings
from conversehost.server.authentication import LoginRules
from conversehost.server.entrance import Entrance
from conversehost.server.host import Host
from conversehost.server.mechanisms import Passwords
from conversehost.xmpp.jid import JID, JIDError, prepare_domain
from conversehost.xmpp.sasl import MECHANISMS


class Logins:
    """What all hosts and all transports share."""

    def __init__(
        self,
        settings: Settings,
        accounts: Accounts,
        hosts: Mapping[str, Host],
        *,
        clock: Clock,
        note: Callable[[str], None],
    ) -> None:
        """`hosts` may be filled later; `note` hears once what the operator may want to know. Raises ConfigError."""
        self._settings = settings
        self._hosts = hosts
        self._note: Callable[[str], None] | None = note
        self.authenticator: Passwords = Anybody(accounts, self._create) if settings.auth == "any" else accounts
        self._tokens = None
        if settings.oauth:
            verify = named.find(settings.oauth, f"--oauth {settings.oauth}")
            self._tokens = Tokens(verify, self.authenticator.admit)
        self.entrance = Entrance(
            clock, seconds=settings.login_timeout, room=settings.login_room, failures=settings.login_failures
        )

    def rules(self, *, guests: bool) -> LoginRules:
        """For one host."""
        settings = self._settings
        chosen = tuple(settings.mechanisms.split(",")) if settings.mechanisms else MECHANISMS
        if settings.auth == "any":  # who proves a password by SCRAM proves the right one
            chosen = tuple(each for each in chosen if not each.startswith("SCRAM-"))
        return LoginRules(
            self.authenticator,
            chosen,
            tokens=self._tokens,
            anonymous=guests,
            tls=settings.require_tls,
            clear=settings.plain_anywhere,
            note=self._tell,
        )

    def named(self, domain: str) -> str:
        """Who answers to a client that wants a domain: that one, or else the first."""
        try:
            prepared = prepare_domain(domain)
        except JIDError:
            prepared = ""
        return prepared if prepared in self._hosts else self._settings.domains[0]

    def _tell(self, text: str) -> None:
        note, self._note = self._note, None
        if note is not None:
            note(f"{text}: fine on one machine; --require-tls refuses that")

    def _create(self, account: JID, password: str) -> bool:
        host = self._hosts.get(account.domain)
        if host is None or host.rules.anonymous:
            return False
        host.create_account(account, password)
        return True
