"""SASL on a stream (RFC 6120 section 6): from `<auth/>` to an account, or a failure."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID, JIDError, parse, prepare_local
from conversehost.xmpp.sasl import SASLError, ScramKeys, parse_plain
from conversehost.xmpp.xml import Element, child, clean, element

if TYPE_CHECKING:
    from conversehost.xmpp.scram import Scram

TRIES = 3


class Passwords(Authenticator, Protocol):
    """An authenticator that can also do SCRAM."""

    def scram_keys(self, account: JID, mechanism: str) -> ScramKeys:
        """For any account, known or not, in the same way."""


@dataclass(frozen=True, slots=True)
class LoginRules:
    """How one can log in to a host; `mechanisms` are offered in that order."""

    authenticator: Passwords
    mechanisms: tuple[str, ...] = ("SCRAM-SHA-512", "SCRAM-SHA-256", "SCRAM-SHA-1", "PLAIN")


class Login:
    """The negotiation of one stream. `send` takes answers; `done` the account, with a `<success/>` that is still to be
    sent; `failed` how the stream ends, after too many failures.
    """

    def __init__(
        self,
        rules: LoginRules,
        domain: str,
        *,
        send: Callable[[Element], None],
        done: Callable[[JID, Element], None],
        failed: Callable[[StreamError], None],
    ) -> None:
        self._rules = rules
        self._domain = domain
        self._send = send
        self._done = done
        self._failed = failed
        self._mechanism = ""  # the one that waits for a response
        self._scram: Scram | None = None
        self._check: Attempt | None = None  # whose outcome is waited for
        self._tries = 0
        self.closed = False

    def offer(self) -> Element:
        """`<mechanisms/>` for the stream features."""
        made = element(ns.SASL, "mechanisms")
        for mechanism in self._rules.mechanisms:
            child(made, ns.SASL, "mechanism").text = mechanism
        return made

    def receive(self, received: Element) -> None:
        """`<auth/>`, `<response/>` or `<abort/>`. Whatever was going on is over with the next `<auth/>` (6.4.2)."""
        self._check = None
        try:
            self._step(received)
        except SASLError as error:
            self._fail(error.condition, error.text)

    def _step(self, received: Element) -> None:
        name = received.tag.rpartition("}")[2]
        if name == "abort":
            raise SASLError("aborted")
        if name == "auth":
            self._start(received.get("mechanism", ""), received.text)
        elif name == "response" and self._mechanism:
            self._continue(decode(received.text))
        else:
            raise SASLError("malformed-request", f"<{name}/> makes no sense here")

    def _start(self, mechanism: str, initial: str | None) -> None:
        if mechanism not in self._rules.mechanisms:
            raise SASLError("invalid-mechanism")
        self._mechanism = mechanism
        self._scram = None if mechanism == "PLAIN" else self._begin_scram(mechanism)
        if initial:
            self._continue(decode(initial))
        else:
            self._challenge(b"")

    def _begin_scram(self, mechanism: str) -> Scram:
        from conversehost.xmpp.scram import Scram  # a library that starting up needn't wait for

        return Scram(mechanism, self._keys)

    def _continue(self, message: bytes) -> None:
        if self._scram is None:
            self._plain(message)
        elif not self._scram.username:
            self._challenge(self._scram.first(message))
        else:
            proof = self._scram.final(message)
            self._succeed(self._account(self._scram.username), proof)

    def _plain(self, message: bytes) -> None:
        self._mechanism = ""
        plain = parse_plain(message)
        account = self._account(plain.authcid)
        if plain.authzid and not is_address_of(account, plain.authzid):
            raise SASLError("invalid-authzid")
        attempt = self._check = Attempt(account, plain.password)
        self._rules.authenticator.check(attempt, lambda outcome: self._checked(attempt, outcome))

    def _checked(self, attempt: Attempt, outcome: Outcome) -> None:
        if self.closed or attempt is not self._check:
            return
        self._check = None
        if isinstance(outcome, Accepted):
            self._succeed(outcome.account, b"")
        else:
            self._fail(outcome.condition, outcome.text)

    def _account(self, username: str) -> JID:
        try:
            return JID(prepare_local(username), self._domain)
        except JIDError:
            raise SASLError("not-authorized") from None

    def _keys(self, username: str, mechanism: str) -> ScramKeys:
        return self._rules.authenticator.scram_keys(self._account(username), mechanism)

    def _challenge(self, data: bytes) -> None:
        self._send(element(ns.SASL, "challenge", text=encode(data)))

    def _succeed(self, account: JID, data: bytes) -> None:
        self._mechanism = ""
        self._done(account, element(ns.SASL, "success", text=encode(data)))

    def _fail(self, condition: str, text: str) -> None:
        self._mechanism = ""
        failure = element(ns.SASL, "failure")
        child(failure, ns.SASL, condition)
        if text:
            child(failure, ns.SASL, "text", {f"{{{ns.XML}}}lang": "en"}).text = clean(text)
        self._send(failure)
        self._tries += condition != "aborted"
        if self._tries >= TRIES:
            self._failed(StreamError("policy-violation", "too many failed logins"))


def is_address_of(account: JID, authzid: str) -> bool:
    """Whether an authorization identity is the account's own (RFC 6120 section 6.3.8)."""
    try:
        return parse(authzid) == account
    except JIDError:
        return False


def encode(data: bytes) -> str | None:
    """base64; nothing is nothing."""
    return base64.b64encode(data).decode() or None


def decode(text: str | None) -> bytes:
    """base64, "=" meaning an empty message (RFC 6120 section 6.4.2). Raises SASLError(incorrect-encoding)."""
    if text is None or text.strip() == "=":
        return b""
    try:
        return base64.b64decode(text.strip().encode("ascii"), validate=True)
    except (binascii.Error, UnicodeEncodeError):
        raise SASLError("incorrect-encoding") from None
