"""OAuth tokens, judged by a function of the operator's own."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from twisted.internet.defer import maybeDeferred
from twisted.logger import Logger
from twisted.python.failure import Failure

from conversehost.auth import Accepted, Attempt, Outcome, Refused
from conversehost.clock import Clock
from conversehost.xmpp.jid import JID, JIDError, parse_account

log = Logger()


class Tokens:
    """An `Authenticator` for OAUTHBEARER and X-OAUTH2.

    `verify(token, name)` says whose a token is: the address of an account, or its name; None for nobody's. `name` is
    whom the client says to be, None where it leaves that to the token. The answer may be a Deferred or a coroutine:
    one that comes later is told in a turn of its own, at the end of which it leaves for the client.
    """

    def __init__(
        self, verify: Callable[[str, str | None], Any], admits: Callable[[JID], bool], *, clock: Clock
    ) -> None:
        """`admits`: whether an account may come in. `clock` tells real time: its deadlines end a turn."""
        self._verify = verify
        self._admits = admits
        self._clock = clock

    def check(self, attempt: Attempt, done: Callable[[Outcome], None]) -> None:
        said = attempt.account.local or None
        verdict = maybeDeferred(self._verify, attempt.password, said)
        verdict.addCallback(lambda found: self._judge(attempt.account, found))
        verdict.addErrback(self._failed)
        outcomes: list[Outcome] = []
        verdict.addCallback(outcomes.append)
        if outcomes:
            done(outcomes[0])
        else:
            verdict.addCallback(lambda _: self._clock.after(0, lambda: done(outcomes[0])))

    def _judge(self, said: JID, found: Any) -> Outcome:
        if not isinstance(found, str):
            return Refused()
        try:
            account = parse_account(found, said.domain)
        except JIDError:
            return Refused()
        is_other = bool(said.local) and account != said
        return Accepted(account) if not is_other and self._admits(account) else Refused()

    def _failed(self, failure: Failure) -> Outcome:
        log.failure("while a token was verified", failure)
        return Refused("temporary-auth-failure", "tokens can't be verified now")
