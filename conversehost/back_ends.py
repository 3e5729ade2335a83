"""From the options to the places where people are known: those that are asked over a network, or in another process."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from conversehost.auth import BackEnd
from conversehost.auth.guarded import Guarded, Source
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.options import Settings


class BackEnds:
    """By their names in `--auth`; each is made when a domain wants it, and is one for all domains."""

    def __init__(self, settings: Settings, reactor: Any, *, clock: Clock, note: Callable[[str], None]) -> None:
        """`clock` tells real time; `note` hears when one gives no answers, and when it does again."""
        self._settings = settings
        self._reactor = reactor
        self._clock = clock
        self._note = note
        self._made: dict[str, BackEnd] = {}
        self._closing: list[Callable[[], object]] = []

    def __getitem__(self, name: str) -> BackEnd:
        """Raises ConfigError."""
        if name not in self._made:
            make = {"extauth": self._extauth, "http": self._http, "ldap": self._ldap}[name]
            self._made[name] = Guarded(make(), f"--auth {name}:", clock=self._clock, note=self._note)
        return self._made[name]

    def close(self) -> None:
        """The server stops."""
        for close in self._closing:
            close()

    def _extauth(self) -> Source:
        from conversehost.auth.extauth import Programs
        from conversehost.net.programs import starting

        settings = self._settings
        assert settings.extauth_program is not None
        start = starting(settings.extauth_program, self._reactor)
        programs = Programs(start, settings.extauth_pool_size, clock=self._clock)
        self._closing.append(programs.close)
        return programs

    def _http(self) -> Source:
        from conversehost.auth.http import manner
        from conversehost.net.http_logins import http_source  # and an HTTP client, which few need

        settings = self._settings
        asked = manner(settings.http_auth_style, settings.http_auth_url, settings.http_auth_credentials)
        source = http_source(asked, self._reactor, ca=settings.auth_ca, clock=self._clock)
        self._closing.append(source.close)
        return source

    def _ldap(self) -> Source:
        try:
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
        )
        tls = not settings.ldap_no_tls
        connect = connecting(settings.ldap_server, self._reactor, ca=settings.auth_ca, tls=tls)
        return LdapSource(directory, connect, clock=self._clock)
