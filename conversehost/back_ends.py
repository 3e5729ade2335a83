"""From the options to the places where people are known: those that are asked over a network, or in another process."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from conversehost.auth import BackEnd
from conversehost.auth.groups import Group, WithGroups
from conversehost.auth.guarded import Guarded, Source
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings
from conversehost.voice import Voice
from conversehost.xmpp.jid import JID

Show = Callable[[JID, Sequence[Group]], None]


class BackEnds:
    """By their names in `--auth`; each is made when a domain wants it, and is one for all domains."""

    def __init__(
        self,
        settings: Settings,
        reactor: Any,
        show: Show,
        *,
        clock: Clock,
        voice: Voice,
    ) -> None:
        """`show` puts groups of people into somebody's roster. `clock` tells real time; `voice` says when one gives
        no answers.
        """
        self._show = show
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._voice = voice
        self._made: dict[str, BackEnd] = {}
        self._closing: list[Callable[[], object]] = []

    def __getitem__(self, name: str) -> BackEnd:
        """Raises ConfigError."""
        if name not in self._made:
            make = {"extauth": self._extauth, "http": self._http, "ldap": self._ldap}[name]
            self._made[name] = make()
        return self._made[name]

    def _guarded(self, source: Source, name: str) -> BackEnd:
        option, place = self._settings.places()[name]
        where = place[0] if isinstance(place, tuple) else place  # a program's arguments may be secret
        advice = f"; until it does nobody logs in by it: see what --{option} names, {where}"
        return Guarded(source, f"--auth {name}:", clock=self._clock, voice=self._voice, advice=advice)

    def close(self) -> None:
        """The server stops."""
        for close in self._closing:
            close()

    def _extauth(self) -> BackEnd:
        from conversehost.auth.extauth import Programs
        from conversehost.net.programs import starting

        settings = self._settings
        assert settings.extauth_program is not None
        start = starting(settings.extauth_program, self._reactor)
        programs = Programs(start, settings.extauth_pool_size, clock=self._clock)
        self._closing.append(programs.close)
        return self._guarded(programs, "extauth")

    def _http(self) -> BackEnd:
        from conversehost.auth.http import manner
        from conversehost.net.http_logins import http_source  # and an HTTP client, which few need

        settings = self._settings
        asked = manner(settings.http_auth_style, settings.http_auth_url, settings.http_auth_credentials)
        source = http_source(asked, self._reactor, ca=settings.auth_ca, clock=self._clock)
        self._closing.append(source.close)
        return self._guarded(source, "http")

    def _ldap(self) -> BackEnd:
        try:
            from conversehost.net.ldap_groups import LdapGroups
            from conversehost.net.ldap_logins import LdapSource, connecting
        except ImportError:
            raise ConfigError("--auth ldap needs ldaptor: pip install 'conversehost[ldap]'") from None
        from conversehost.auth.ldap import Directory
        from conversehost.options.naming import read_namings

        settings = self._settings
        directory = Directory(
            settings.ldap_bases,
            settings.ldap_user_dn,
            read_namings(settings.ldap_uid),
            settings.ldap_filter,
            (settings.ldap_rootdn, settings.ldap_password) if settings.ldap_rootdn else None,
            settings.ldap_groups,
        )
        tls = not settings.ldap_no_tls
        connect = connecting(settings.ldap_server, self._reactor, ca=settings.auth_ca, tls=tls)
        if not directory.groups:
            return self._guarded(LdapSource(directory, connect, clock=self._clock), "ldap")
        source = LdapGroups(directory, connect, clock=self._clock)
        people = self._guarded(source, "ldap")
        return WithGroups(people, source, self._show, clock=self._clock, warn=self._voice.warn)
