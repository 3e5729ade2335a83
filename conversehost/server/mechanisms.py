"""The mechanisms of SASL, each as a small machine: a message in, a step out. They know no framing and no stream."""

from __future__ import annotations

import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from conversehost.auth import Accepted, Attempt, Authenticator, BackEnd, Outcome, Refused
from conversehost.xmpp.jid import JID, JIDError, parse, prepare_local
from conversehost.xmpp.sasl import SASLError, check_trace, parse_bearer, parse_plain, utf8
from conversehost.xmpp.stream import Channel, Visit


class Passwords(BackEnd, Protocol):
    """An authenticator that can also do SCRAM, and knows who exists."""

    def admit(self, account: JID) -> bool:
        """Whether somebody may be that account who proved it without a password."""

    def scram_salt(self, account: JID, mechanism: str) -> tuple[bytes, int]:
        """Salt and iterations, for any account, known or not, in the same way."""

    def scram_check(self, account: JID, mechanism: str, proves: Callable[[bytes], bool]) -> bytes | None:
        """The server key, if `proves(stored key)`; else None. Says nothing, not by its time either, of who exists.

        Raises SASLError(account-disabled): it is proven, but nobody comes in.
        """


@dataclass(frozen=True, slots=True)
class Challenge:
    """The client has to answer this."""

    data: bytes


@dataclass(frozen=True, slots=True)
class Proven:
    """It is them. `data` goes to the client with the success."""

    account: JID
    data: bytes = b""


@dataclass(frozen=True, slots=True)
class Ask:
    """Somebody else decides. Where there is a `refusal`, the client hears and answers it before the failure."""

    authenticator: Authenticator
    attempt: Attempt
    refusal: bytes = b""


Step = Challenge | Proven | Ask


class Mechanism(Protocol):
    """One attempt to log in."""

    def receive(self, message: bytes) -> Step:
        """The client's next message. Raises SASLError."""


class Setting(NamedTuple):
    """What a mechanism works with: whom to ask, the domain of its accounts, what TLS knows of the connection, and what
    the client showed of a login to the site.

    `is_plus_offered`: the client could have had channel binding.
    """

    domain: str
    passwords: Passwords
    tokens: Authenticator | None = None
    channel: Channel | None = None
    visit: Visit | None = None
    is_plus_offered: bool = False

    def account(self, username: str) -> JID:
        """By its name. Raises SASLError(not-authorized): nobody can have that one."""
        try:
            return JID(prepare_local(username), self.domain)
        except JIDError:
            raise SASLError("not-authorized") from None

    def own(self, account: JID, authzid: str) -> JID:
        """The account, if it wants to act as itself (RFC 6120 section 6.3.8). Raises SASLError(invalid-authzid)."""
        if authzid and address(authzid) != account:
            raise SASLError("invalid-authzid", "everybody acts for themselves only")
        return account


def address(text: str) -> JID:
    """An authorization identity. Raises SASLError(invalid-authzid)."""
    try:
        return parse(text)
    except JIDError:
        raise SASLError("invalid-authzid", "that is no address") from None


class Plain:
    """RFC 4616."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        plain = parse_plain(message)
        account = self._setting.own(self._setting.account(plain.authcid), plain.authzid)
        return Ask(self._setting.passwords, Attempt(account, plain.password))


class ScramMechanism:
    """RFC 5802, for any hash, with channel binding or without."""

    def __init__(self, name: str, setting: Setting) -> None:
        from conversehost.xmpp.scram import Scram

        self._name = name.removesuffix("-PLUS")
        self._setting = setting
        self._account: JID | None = None
        self._scram = Scram(name, self._binding, is_plus_offered=setting.is_plus_offered)

    def receive(self, message: bytes) -> Step:
        setting, scram = self._setting, self._scram
        if self._account is None:
            scram.read_first(message)
            self._account = setting.own(setting.account(scram.username), scram.authzid)
            return Challenge(scram.challenge(*setting.passwords.scram_salt(self._account, self._name)))
        scram.read_final(message)
        server_key = setting.passwords.scram_check(self._account, self._name, scram.proves)
        if server_key is None:
            raise SASLError("not-authorized")
        return Proven(self._account, scram.signature(server_key))

    def _binding(self, type: str) -> bytes | None:
        channel = self._setting.channel
        return None if channel is None else channel.binding(type)


class Anonymous:
    """RFC 4505, XEP-0175: a name that nobody has had before."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        check_trace(message)
        return Proven(self._setting.account(secrets.token_hex(16)))


class External:
    """XEP-0178: whom the client's certificate names."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        named, wanted = certified(self._setting.channel, self._setting.domain), utf8(message)
        if wanted and address(wanted) not in named:
            raise SASLError("invalid-authzid", "your certificate names somebody else")
        if not named:
            raise SASLError("not-authorized", "your certificate names no account here")
        if not wanted and len(named) > 1:
            raise SASLError("invalid-authzid", "your certificate names several accounts: say which one")
        account = address(wanted) if wanted else named[0]
        if not self._setting.passwords.admit(account):
            raise SASLError("not-authorized")
        return Proven(account)


class Visiting:
    """EXTERNAL over HTTP (RFC 4422 appendix A): whom the site says the client is."""

    def __init__(self, setting: Setting, visit: Visit) -> None:
        self._setting = setting
        self._visit = visit

    def receive(self, message: bytes) -> Step:
        """Converse.js names the domain where it knows no account yet: that is nobody in particular."""
        nobody = JID("", self._setting.domain)
        wanted = utf8(message)
        account = address(wanted) if wanted else nobody
        if account.domain != nobody.domain or account.resource:
            raise SASLError("invalid-authzid", f"your account would be one of {nobody.domain}")
        return Ask(self, Attempt(account, ""))

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        """`Authenticator`."""
        self._visit.identify(lambda told: done(self._judge(attempt.account, told)))

    def _judge(self, wanted: JID, told: JID | str | None) -> Outcome:
        if isinstance(told, str):
            return Refused("temporary-auth-failure", told)
        if told is None:
            return Refused(text="nobody is logged in to the site")
        if wanted.local and wanted != told:
            return Refused("invalid-authzid", "the site says that you are somebody else")
        return Accepted(told)


def certified(channel: Channel | None, domain: str) -> list[JID]:
    """The accounts of a domain that the client's certificate names, existing or not."""
    found = []
    for text in () if channel is None else channel.addresses():
        try:
            jid = parse(text)
        except JIDError:
            continue
        if jid.domain == domain and jid.local and not jid.resource:
            found.append(jid)
    return found


BAD_TOKEN = b'{"status":"invalid_token","schemes":"bearer"}'
"""What a client is told whose token isn't taken (RFC 7628 section 3.2.2)."""


class OAuthBearer:
    """RFC 7628. The verifier is asked with a nameless account where the client says no name: the token knows."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        bearer, setting = parse_bearer(message), self._setting
        assert setting.tokens is not None
        account = address(bearer.authzid) if bearer.authzid else JID("", setting.domain)
        if account.domain != setting.domain:
            raise SASLError("invalid-authzid", f"your account would be one of {setting.domain}")
        return Ask(setting.tokens, Attempt(account, bearer.token), BAD_TOKEN)


class Refusing:
    """The client was told why, and answers that; then it fails (RFC 7628 section 3.2.3)."""

    def __init__(self, error: SASLError) -> None:
        self._error = error

    def receive(self, message: bytes) -> Step:
        raise self._error


class XOAuth2:
    """As Google had it: PLAIN, with a token for the password."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        plain, setting = parse_plain(message), self._setting
        assert setting.tokens is not None
        account = address(plain.authcid) if "@" in plain.authcid else setting.account(plain.authcid)
        if account.domain != setting.domain:
            raise SASLError("not-authorized")
        return Ask(setting.tokens, Attempt(setting.own(account, plain.authzid), plain.password))


class XToken:
    """As Prosody's mod_auth_token has it: PLAIN by another name, with a token and nothing else for the password."""

    def __init__(self, setting: Setting) -> None:
        self._setting = setting

    def receive(self, message: bytes) -> Step:
        plain, setting = parse_plain(message), self._setting
        assert setting.tokens is not None
        return Ask(setting.tokens, Attempt(setting.own(setting.account(plain.authcid), plain.authzid), plain.password))


_BY_NAME: dict[str, Callable[[Setting], Mechanism]] = {
    "ANONYMOUS": Anonymous,
    "OAUTHBEARER": OAuthBearer,
    "PLAIN": Plain,
    "X-OAUTH2": XOAuth2,
    "X-TOKEN": XToken,
}


def make(name: str, setting: Setting) -> Mechanism:
    """A new attempt by a mechanism of that name, one of `xmpp.sasl.MECHANISMS` or ANONYMOUS."""
    if name == "EXTERNAL":
        return External(setting) if setting.visit is None else Visiting(setting, setting.visit)
    return ScramMechanism(name, setting) if name.startswith("SCRAM-") else _BY_NAME[name](setting)
