"""From the options to who may log in, how, and how long that may take."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Mapping
from typing import Any

from conversehost.auth import Authenticator, BackEnd
from conversehost.auth.accounts import Accounts
from conversehost.auth.anybody import Anybody
from conversehost.auth.chain import ByDomain, Chain
from conversehost.back_ends import BackEnds
from conversehost.clock import Clock
from conversehost.net import named
from conversehost.net.tokens import Tokens
from conversehost.options import Settings
from conversehost.server.authentication import LoginRules
from conversehost.server.entrance import Entrance
from conversehost.server.host import Host
from conversehost.server.mechanisms import Passwords
from conversehost.shared_roster import SharedRoster
from conversehost.token_logins import TokenDesk
from conversehost.voice import Voice
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
        utc: Callable[[], float],
        reactor: Any,
        voice: Voice,
    ) -> None:
        """`hosts` may be filled later; `utc` tells the time that people see. Raises ConfigError."""
        self._settings = settings
        self._accounts = accounts
        self._hosts = hosts
        self._clock = clock
        self._note: Callable[[str], None] | None = voice.note
        self.desk = TokenDesk(settings, clock=clock, utc=utc, voice=voice)
        self._anybody = Anybody(accounts, self._create)
        self.shared = SharedRoster(hosts)
        self._beyond = BackEnds(settings, reactor, self.shared.show, clock=clock, voice=voice)
        self._passwords: dict[tuple[str, ...], Passwords] = {("accounts",): accounts, ("any",): self._anybody}
        for domain in settings.domains:
            self.passwords(domain)  # a mistake is told now
        self.authenticator = ByDomain(self._judge)
        self._tokens = self._bearers()
        self.entrance = Entrance(
            clock, seconds=settings.login_timeout, room=settings.login_room, failures=settings.login_failures
        )

    def passwords(self, domain: str) -> Passwords:
        """Who judges the passwords of a domain."""
        names = self._settings.back_ends(domain)
        if names not in self._passwords:
            chain = [self._back_end(name) for name in names]
            self._passwords[names] = Chain(self._accounts, chain, self._adopt)
        return self._passwords[names]

    def rules(self, domain: str, *, guests: bool) -> LoginRules:
        """For one host."""
        settings, names = self._settings, self._settings.back_ends(domain)
        chosen = tuple(settings.mechanisms.split(",")) if settings.mechanisms else MECHANISMS
        if names != ("accounts",):  # only where the server knows every password can one be proved by SCRAM
            chosen = tuple(each for each in chosen if not each.startswith("SCRAM-"))
        if not settings.token_secret:
            chosen = tuple(each for each in chosen if each != "X-TOKEN")
        passwords = self.passwords(domain)
        return LoginRules(
            passwords,
            chosen,
            tokens=self._tokens,
            anonymous=guests,
            tls=settings.require_tls,
            clear=settings.plain_anywhere,
            note=self._tell,
            find=passwords.find if set(names) - {"accounts", "any"} and not guests else None,
        )

    def close(self) -> None:
        """The server stops."""
        self._beyond.close()

    def named(self, domain: str) -> str:
        """Who answers to a client that wants a domain: that one, or else the first."""
        try:
            prepared = prepare_domain(domain)
        except JIDError:
            prepared = ""
        return prepared if prepared in self._hosts else self._settings.domains[0]

    def _judge(self, domain: str) -> Passwords | None:
        """Who judges what somebody types who may type any address."""
        host = self._hosts.get(domain)
        return None if host is None or host.rules.anonymous else self.passwords(domain)

    def _back_end(self, name: str) -> BackEnd:
        """One for all domains that ask it."""
        if name == "token":
            return self.desk.logins(lambda account: True)  # the chain knows who may not come in
        own: dict[str, BackEnd] = {"accounts": self._accounts, "any": self._anybody}
        return own[name] if name in own else self._beyond[name]

    def _bearers(self) -> Authenticator | None:
        """Who judges what mechanisms for tokens bring; None where there are no tokens."""
        settings, function = self._settings, None
        if settings.oauth:
            verify = named.find(settings.oauth, f"--oauth {settings.oauth}")
            function = Tokens(verify, lambda account: self.passwords(account.domain).admit(account), clock=self._clock)
        if self.desk.is_open or any("token" in names for _, names in settings.auth):
            return self.desk.logins(self._has_token, function)
        return function

    def _has_token(self, account: JID) -> bool:
        """Whether somebody whose token is good comes in: where tokens make accounts, as a new one too."""
        is_new = "token" in self._settings.back_ends(account.domain) and not self._accounts.exists(account)
        return self._adopt(account) if is_new else self.passwords(account.domain).admit(account)

    def _tell(self, text: str) -> None:
        note, self._note = self._note, None
        if note is not None:
            note(f"{text}: fine on one machine; --require-tls refuses that")

    def _adopt(self, account: JID) -> bool:
        """One that another place knows: nobody knows its password here."""
        return self._create(account, secrets.token_urlsafe(24))

    def _create(self, account: JID, password: str) -> bool:
        host = self._hosts.get(account.domain)
        if host is None or host.rules.anonymous:
            return False
        host.create_account(account, password)
        return True
