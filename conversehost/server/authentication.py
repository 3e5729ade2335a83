"""SASL on a stream, whatever it is framed in: from the name of a mechanism to an account, or a failure (RFC 4422)."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Protocol

from conversehost.auth import Accepted, Attempt, Authenticator, Outcome, Refused
from conversehost.server.entrance import Entrance, is_local
from conversehost.server.mechanisms import Ask, Challenge, Mechanism, Passwords, Refusing, Setting, certified, make
from conversehost.server.newcomers import Find
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import MECHANISMS, SASLError
from conversehost.xmpp.stream import StreamOpen

TRIES = 3
FOR_TOKENS = ("OAUTHBEARER", "X-OAUTH2", "X-TOKEN")
IN_THE_CLEAR = ("PLAIN", *FOR_TOKENS)
"""Whoever listens has the password, or the token."""


@dataclass(frozen=True, slots=True)
class LoginRules:
    """How one can log in to a host; `mechanisms` are offered in that order, where they fit.

    `tokens` verifies OAuth tokens; without it none are taken. `anonymous`: everybody comes in, by ANONYMOUS and by
    nothing else. `tls`: nobody comes in without it. `clear`: passwords are taken in the clear from other machines too.
    `note` hears what the operator may want to know. `find`: other places know accounts too, which aren't here yet.
    """

    authenticator: Passwords
    mechanisms: tuple[str, ...] = MECHANISMS
    tokens: Authenticator | None = None
    anonymous: bool = False
    tls: bool = False
    clear: bool = False
    note: Callable[[str], None] = lambda text: None
    find: Find | None = None


class Framing(Protocol):
    """How the steps are said on the wire: RFC 6120 section 6 has one way (`server.login`), others may have another."""

    def challenge(self, data: bytes) -> None:
        """The client has to answer."""

    def success(self, account: JID, data: bytes) -> None:
        """It is them. `data`, where there is some, proves that we are we."""

    def failure(self, error: SASLError) -> None:
        """It isn't, or not so."""

    def give_up(self, error: StreamError) -> None:
        """That was one failure too many: the stream ends."""


class Authentication:
    """One stream's attempts, one at a time."""

    def __init__(
        self, rules: LoginRules, domain: str, entrance: Entrance | None, opened: StreamOpen | None = None
    ) -> None:
        self._rules = rules
        self._domain = domain
        self._framing: Framing
        self._entrance = entrance
        self._opened = opened or StreamOpen(domain, "")
        self._mechanism: Mechanism | None = None  # waits for a message
        self._asked: Attempt | None = None  # whose outcome is waited for
        self._tries = 0
        self._refused: SASLError | None = None  # counted, but the client has still to hear of it
        self.closed = False

    def restart(self, opened: StreamOpen) -> None:
        """The stream begins, or begins anew: whatever was going on is over (RFC 6120 section 5.4.3.3)."""
        self._opened = opened
        self._forget()

    def speak(self, framing: Framing) -> None:
        """What comes next is framed that way. Who changes that begins anew."""
        if getattr(self, "_framing", None) is not framing:
            self._forget()
        self._framing = framing

    @property
    def is_under_way(self) -> bool:
        """An attempt waits for a message or an outcome."""
        return self._mechanism is not None or self._asked is not None

    @property
    def wants_tls(self) -> bool:
        """Nobody can log in before there is TLS."""
        return self._rules.tls and not self._opened.secure

    def offer(self) -> tuple[str, ...]:
        """The mechanisms that one can log in by, as things are."""
        if self.wants_tls:
            return ()
        if self._rules.anonymous:
            return ("ANONYMOUS",)
        rules, opened = self._rules, self._opened
        has_plus = opened.channel is not None and bool(opened.channel.types)
        is_known = opened.visit is not None or bool(certified(opened.channel, self._domain))
        return fitting(rules.mechanisms, is_known, has_plus, rules.tokens is not None, self.is_private)

    def bindings(self) -> Sequence[str]:
        """The types of channel binding for them (XEP-0440)."""
        channel = self._opened.channel
        return () if channel is None or not any(each.endswith("-PLUS") for each in self.offer()) else channel.types

    def begin(self, mechanism: str, initial: bytes | None) -> None:
        """A new attempt; whatever was going on is over. Without an `initial` message the client is asked for it."""
        self._forget()
        self._run(lambda: self._begin(mechanism, initial))

    def begin_by(self, mechanism: Mechanism, initial: bytes | None) -> None:
        """The same by a mechanism that isn't among those offered to everybody."""
        self._forget()
        self._run(lambda: self._start(mechanism, initial))

    def respond(self, message: bytes) -> None:
        """The answer to a challenge."""
        self._run(lambda: self._continue(message))

    def abort(self) -> None:
        """The client gives up."""
        self.fail(SASLError("aborted"))

    def fail(self, error: SASLError) -> None:
        """This attempt is over; after some the stream ends (RFC 6120 section 6.4.5)."""
        self._forget()
        self._framing.failure(error)
        if error is not self._refused:
            self._count(error)
        if self._tries >= TRIES:
            self._framing.give_up(StreamError("policy-violation", "too many failed logins"))

    def _count(self, error: SASLError) -> None:
        if error.condition == "not-authorized" and self._entrance is not None:
            self._entrance.throttle.failed(self._opened.address)
        self._tries += error.condition != "aborted"

    def _run(self, step: Callable[[], None]) -> None:
        self._asked = None
        try:
            step()
        except SASLError as error:
            self.fail(error)

    def _begin(self, name: str, initial: bytes | None) -> None:
        if name not in self.offer():
            raise self._unfit(name)
        self._check_throttle()
        self._note(name)
        if name == "ANONYMOUS":
            initial = initial or b""  # there is nothing to ask for, and Strophe.js knows no answer to a challenge here
        self._start(make(name, self._setting()), initial)

    def _unfit(self, name: str) -> SASLError:
        """Why nobody can log in by that one (RFC 6120 sections 6.5.4, 6.5.7 and 6.5.9)."""
        rules = self._rules
        if self.wants_tls or (name in rules.mechanisms and name in IN_THE_CLEAR and not self.is_private):
            return SASLError("encryption-required", "start TLS first")
        if name in self._weaker():
            return SASLError("mechanism-too-weak", "stronger ones are wanted here")
        return SASLError("invalid-mechanism")

    def _weaker(self) -> tuple[str, ...]:
        """What we could do, but is weaker than all that the operator permits."""
        if self._rules.anonymous:
            return ()
        weakest = max(map(MECHANISMS.index, self._rules.mechanisms), default=len(MECHANISMS))
        known = MECHANISMS if self._rules.tokens else [each for each in MECHANISMS if each not in FOR_TOKENS]
        return tuple(each for each in known if MECHANISMS.index(each) > weakest)

    def _check_throttle(self) -> None:
        if self._entrance is not None and self._entrance.throttle.blocks(self._opened.address):
            raise SASLError("temporary-auth-failure", "too many failed logins from your address: try again later")

    def _start(self, mechanism: Mechanism, initial: bytes | None) -> None:
        self._mechanism = mechanism
        if initial is None:
            self._framing.challenge(b"")
        else:
            self._continue(initial)

    def _continue(self, message: bytes) -> None:
        mechanism, self._mechanism = self._mechanism, None
        if mechanism is None:
            raise SASLError("malformed-request", "no login is under way")
        if not isinstance(mechanism, Refusing):
            self._check_throttle()  # here, not only at the beginning: many attempts may have begun together
        step = mechanism.receive(message)
        if isinstance(step, Challenge):
            self._mechanism = mechanism
            self._framing.challenge(step.data)
        elif isinstance(step, Ask):
            self._asked = step.attempt
            step.authenticator.check(step.attempt, lambda outcome: self._decided(step, outcome))
        else:
            self._framing.success(step.account, step.data)

    def _decided(self, step: Ask, outcome: Outcome) -> None:
        if self.closed or step.attempt is not self._asked:
            return
        self._asked = None
        if isinstance(outcome, Accepted) and outcome.account.domain == self._domain:
            self._framing.success(outcome.account, b"")
            return
        refused = Refused() if isinstance(outcome, Accepted) else outcome
        error = SASLError(refused.condition, refused.text)
        if refused.guessed and error.condition != "not-authorized" and self._entrance is not None:
            self._entrance.throttle.failed(self._opened.address)
        if step.refusal:
            self._mechanism, self._refused = Refusing(error), error
            self._count(error)  # now: who knows the answer needn't stay to hear the failure
            self._framing.challenge(step.refusal)
        else:
            self.fail(error)

    @property
    def is_private(self) -> bool:
        return self._opened.secure or self._rules.clear or is_local(self._opened.address)

    def _setting(self) -> Setting:
        rules, opened = self._rules, self._opened
        has_plus = bool(self.bindings())
        return Setting(self._domain, rules.authenticator, rules.tokens, opened.channel, opened.visit, has_plus)

    def _note(self, mechanism: str) -> None:
        opened = self._opened
        if mechanism in IN_THE_CLEAR and not opened.secure:
            self._rules.note(f"{mechanism} without TLS, from {opened.address or 'this process'} by {opened.transport}")

    def _forget(self) -> None:
        self._mechanism = self._asked = None


@lru_cache
def fitting(
    mechanisms: tuple[str, ...], is_known: bool, has_plus: bool, has_tokens: bool, is_private: bool
) -> tuple[str, ...]:
    """Those that can be had: by a client whom its certificate or the site names, with channel binding, where somebody
    verifies tokens, and where nobody listens.
    """

    def fits(name: str) -> bool:
        if name == "EXTERNAL":
            return is_known
        if name.endswith("-PLUS"):
            return has_plus
        return name not in IN_THE_CLEAR or (is_private and (has_tokens or name not in FOR_TOKENS))

    return tuple(filter(fits, mechanisms))
