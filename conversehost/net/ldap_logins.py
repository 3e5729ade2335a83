"""`--auth ldap`: a directory is asked who somebody is. Each question has a connection of its own."""

from __future__ import annotations

from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from ldaptor import ldapfilter
from ldaptor.protocols import pureldap
from ldaptor.protocols.ldap.ldapclient import LDAPClient
from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, inlineCallbacks
from twisted.internet.endpoints import HostnameEndpoint, wrapClientTLS
from twisted.internet.protocol import Factory
from twisted.internet.ssl import optionsForClientTLS, platformTrust, trustRootFromCertificates
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.auth import Attempt
from conversehost.auth.guarded import SECONDS, Answer, Trouble
from conversehost.auth.ldap import NO_SUCH_OBJECT, SUCCESS, Directory, verdict
from conversehost.clock import Clock
from conversehost.errors import ConfigError
from conversehost.net.reaching import read_certificates
from conversehost.xmpp.jid import JID

log = Logger()

UNTRUSTED = ("OpenSSL.SSL.Error", "service_identity.exceptions.VerificationError")
SIZE_LIMIT_EXCEEDED = 4
BASE, SUBTREE = pureldap.LDAP_SCOPE_baseObject, pureldap.LDAP_SCOPE_wholeSubtree
NONE = "1.1"
"""No attributes (RFC 4511 section 4.5.1.8)."""

Connect = Callable[[], "Deferred[LDAPClient]"]
Steps = Generator["Deferred[Any]", Any, Any]


class DirectoryError(Exception):
    """The directory gives no answer; the text is for the log."""


class Client(LDAPClient):  # type: ignore[misc]
    """What nobody has asked for isn't heard."""

    def handle(self, msg: Any) -> None:
        if msg.id in self.onwire:
            super().handle(msg)


@dataclass(frozen=True, slots=True)
class Entry:
    """What a search found."""

    dn: str
    attributes: dict[str, list[str]]  # names in lower case


def connecting(url: str, reactor: Any, *, ca: Path | None, tls: bool) -> Connect:
    """The way to a server, whose certificate counts: `ca` says whose may, in place of the machine's own.

    Raises ConfigError.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    trust = platformTrust() if ca is None else trustRootFromCertificates(read_certificates(ca, "--auth-ca"))
    speaking = optionsForClientTLS(host, trust)
    is_direct = parts.scheme == "ldaps"
    port = parts.port or (636 if is_direct else 389)

    def connect() -> Deferred[LDAPClient]:
        road: Any = HostnameEndpoint(reactor, host.encode(), port, timeout=SECONDS)
        road = wrapClientTLS(speaking, road) if is_direct else road
        made: Deferred[LDAPClient] = road.connect(Factory.forProtocol(Client))
        return made if is_direct or not tls else made.addCallback(start_tls, speaking)

    return connect


@inlineCallbacks
def start_tls(client: LDAPClient, speaking: Any) -> Steps:
    """RFC 4511 section 4.14."""
    try:
        answer = yield client.send(pureldap.LDAPStartTLSRequest())
        if answer.resultCode != SUCCESS:
            raise DirectoryError(f"the directory doesn't start TLS (its result is {answer.resultCode})")
        if client.buffer:
            raise DirectoryError("the directory, or somebody in between, said more before TLS began")
        client.transport.startTLS(speaking)
    except BaseException:
        client.transport.abortConnection()
        raise
    return client


class LdapSource:
    """A `auth.guarded.Source`."""

    def __init__(self, directory: Directory, connect: Connect, *, clock: Clock) -> None:
        """`clock` tells real time. Raises ConfigError."""
        self._directory = directory
        self._connect = connect
        self._clock = clock
        self._filter = read_filter(directory.filter, "--ldap-filter") if directory.filter else None

    def check(self, attempt: Attempt, done: Callable[[Answer], None]) -> None:
        if not attempt.password:
            done(False)  # directories take that for somebody who wants no login (RFC 4513 section 5.1.2)
        else:
            self._run(lambda client: self._check(client, attempt), done)

    def find(self, account: JID, done: Callable[[Answer], None]) -> None:
        """Where there is nothing to search below, somebody is there once he has logged in."""
        if not self._directory.bases:
            done(False)
        else:
            self._run(lambda client: self._find(client, account), done)

    def _run(self, question: Callable[[Client], Deferred[Any]], done: Callable[[Any], None]) -> None:
        asked = self._ask(question)
        deadline = self._clock.after(SECONDS, asked.cancel)  # nobody waits for it any longer
        asked.addErrback(lambda failure: Trouble(reason(failure)))

        def told(answer: Answer) -> None:
            deadline.cancel()
            done(answer)

        asked.addCallback(told)

    @inlineCallbacks
    def _ask(self, question: Callable[[Client], Deferred[Any]]) -> Steps:
        client = yield self._connect()
        try:
            return (yield question(client))
        finally:
            client.transport.abortConnection()

    @inlineCallbacks
    def _check(self, client: LDAPClient, attempt: Attempt) -> Steps:
        dn = self._directory.entry(attempt.account)
        if not dn:
            entry = yield self._entry(client, attempt.account)
            if entry is None:
                return False
            dn = entry.dn
        return verdict((yield bind(client, dn, attempt.password)))

    @inlineCallbacks
    def _find(self, client: LDAPClient, account: JID) -> Steps:
        return (yield self._entry(client, account)) is not None

    @inlineCallbacks
    def _entry(self, client: LDAPClient, account: JID) -> Steps:
        """The one of that account; None where there is none, or where it isn't clear which."""
        directory = self._directory
        if directory.root is not None:
            code = yield bind(client, *directory.root)
            if code != SUCCESS:
                raise DirectoryError(f"the directory doesn't let --ldap-rootdn in (its result is {code})")
        wanted = one_of([equal(attribute, value) for attribute, value in directory.names(account)])
        wanted = all_of([self._filter, wanted]) if self._filter is not None else wanted
        found: list[Entry] = []
        for base in directory.bases:
            found += yield search(client, base, wanted, limit=2)
        if len({each.dn.lower() for each in found}) > 1:
            log.warn(
                "{account} is several entries in the directory, so it is nobody: see --ldap-uid", account=account.full
            )
            return None
        return found[0] if found else None


def bind(client: LDAPClient, dn: str, password: str) -> Deferred[int]:
    """Log in, with a password that isn't empty; the result of it."""
    assert password
    answered: Deferred[Any] = client.send(pureldap.LDAPBindRequest(dn=dn.encode(), auth=password.encode()))
    return answered.addCallback(lambda answer: int(answer.resultCode))


def search(
    client: LDAPClient, base: str, wanted: Any, attributes: Sequence[str] = (NONE,), *, scope: int = SUBTREE, limit: int
) -> Deferred[list[Entry]]:
    """Entries that match; what is said to be in other servers isn't looked at. More than `limit` are cut off."""
    found: list[Entry] = []
    done: Deferred[list[Entry]] = Deferred()

    def heard(message: Any) -> bool:
        if isinstance(message, pureldap.LDAPSearchResultEntry):
            found.append(_read(message))
        if not isinstance(message, pureldap.LDAPSearchResultDone):
            return False
        if message.resultCode in (SUCCESS, SIZE_LIMIT_EXCEEDED):
            done.callback(found)
        elif message.resultCode == NO_SUCH_OBJECT:
            done.errback(DirectoryError(f"there is no {base} in the directory, or it isn't shown: see --ldap-rootdn"))
        else:
            done.errback(DirectoryError(f"the directory's result of a search is {message.resultCode}"))
        return True

    request = pureldap.LDAPSearchRequest(
        baseObject=base.encode(),
        scope=scope,
        sizeLimit=limit,
        timeLimit=SECONDS,
        filter=wanted,
        attributes=[each.encode() for each in attributes],
    )
    client.send_multiResponse(request, heard).addErrback(done.errback)
    return done


def equal(attribute: str, value: str) -> Any:
    """A filter: the value is one, whatever is in it."""
    return pureldap.LDAPFilter_equalityMatch(
        attributeDesc=pureldap.LDAPAttributeDescription(attribute.encode()),
        assertionValue=pureldap.LDAPAssertionValue(value.encode()),
    )


def one_of(filters: Sequence[Any]) -> Any:
    return pureldap.LDAPFilter_or(list(filters))


def all_of(filters: Sequence[Any]) -> Any:
    return pureldap.LDAPFilter_and(list(filters))


def read_filter(text: str, flag: str) -> Any:
    """RFC 4515. Raises ConfigError."""
    try:
        return ldapfilter.parseFilter(text)
    except ldapfilter.InvalidLDAPFilter as mistake:
        raise ConfigError(f"{flag} {text}: that is no filter ({mistake.msg} at {mistake.loc})") from None


def reason(failure: Failure) -> str:
    """Why there is no answer."""
    if failure.check(CancelledError):
        return f"nothing for {SECONDS} seconds"
    if failure.check(*UNTRUSTED):
        return "its certificate isn't one for that name, of an authority that is known here (see --auth-ca)"
    if failure.check(DirectoryError, error.ConnectError, error.DNSLookupError, error.ConnectionClosed):
        return failure.getErrorMessage()
    return failure.type.__name__


def _read(message: Any) -> Entry:
    attributes = {_text(name).lower(): [_text(each) for each in values] for name, values in message.attributes}
    return Entry(_text(message.objectName), attributes)


def _text(value: bytes) -> str:
    return value.decode("utf-8", "replace")
