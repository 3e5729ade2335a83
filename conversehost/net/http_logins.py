"""`--auth http`: a service on the network is asked who somebody is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

from twisted.internet import error
from twisted.internet.defer import CancelledError, Deferred, succeed
from twisted.internet.interfaces import IConsumer
from twisted.internet.ssl import trustRootFromCertificates
from twisted.python.failure import Failure
from twisted.web.client import Agent, BrowserLikePolicyForHTTPS, HTTPConnectionPool
from twisted.web.http_headers import Headers
from twisted.web.iweb import IAgent, IBodyProducer, IResponse
from zope.interface import implementer

from conversehost.auth import Attempt
from conversehost.auth.guarded import SECONDS, Answer, Trouble
from conversehost.auth.http import HttpQuestion, Manner
from conversehost.clock import Clock
from conversehost.collected import NotCollectedError, collected
from conversehost.net.reaching import read_certificates
from conversehost.xmpp.jid import JID

KEPT, KEPT_FOR = 16, 4
"""Idle connections to the service, and seconds: less than Node's 5, which is the shortest that is usual."""
UNTRUSTED = ("OpenSSL.SSL.Error", "service_identity.exceptions.VerificationError")
"""By name: only who has https:// needs them."""


def http_source(manner: Manner, reactor: Any, *, ca: Path | None, clock: Clock) -> HttpSource:
    """Over the network. `ca`: whose certificates count, in place of the machine's own. Raises ConfigError."""
    pool = HTTPConnectionPool(reactor)
    pool.maxPersistentPerHost, pool.cachedConnectionTimeout = KEPT, KEPT_FOR
    trust = {} if ca is None else {"trustRoot": trustRootFromCertificates(read_certificates(ca, "--auth-ca"))}
    policy = BrowserLikePolicyForHTTPS(**trust)
    agent = Agent(reactor, policy, connectTimeout=SECONDS, pool=pool)
    return HttpSource(manner, agent, clock=clock, close=pool.closeCachedConnections)


class HttpSource:
    """A `auth.guarded.Source`. Redirects aren't followed: a password goes only where the operator said."""

    def __init__(
        self, manner: Manner, agent: IAgent, *, clock: Clock, close: Callable[[], object] = lambda: None
    ) -> None:
        """`clock` tells real time. `close` lets go of connections that are kept."""
        self.close = close
        self._manner = manner
        self._agent = agent
        self._clock = clock

    def check(self, attempt: Attempt, done: Callable[[Answer], None]) -> None:
        self._ask(self._manner.check(attempt), done)

    def find(self, account: JID, done: Callable[[Answer], None]) -> None:
        """Where there is no way to ask, somebody is there once he has logged in."""
        question = self._manner.find(account)
        if question is None:
            done(False)
        else:
            self._ask(question, done)

    def _ask(self, question: HttpQuestion, done: Callable[[Answer], None]) -> None:
        headers = Headers({name: [value] for name, value in question.headers.items()})
        body = Bytes(question.body) if question.body else None
        asked: Deferred[Any] = self._agent.request(question.method, question.url.encode("ascii"), headers, body)
        asked.addCallback(self._read)
        deadline = self._clock.after(SECONDS, asked.cancel)  # nobody waits for it any longer
        asked.addErrback(lambda failure: Trouble(reason(failure)))

        def told(answer: Answer) -> None:
            deadline.cancel()
            done(answer)

        asked.addCallback(told)

    def _read(self, response: IResponse) -> Deferred[Answer]:
        return collected(response).addCallback(lambda body: self._manner.read(response.code, body))


@implementer(IBodyProducer)
class Bytes:
    """A short body."""

    def __init__(self, data: bytes) -> None:
        self._data = data
        self.length = len(data)

    def startProducing(self, consumer: IConsumer) -> Deferred[None]:
        consumer.write(self._data)
        return succeed(None)

    def pauseProducing(self) -> None:
        """It is all there."""

    resumeProducing = stopProducing = pauseProducing


def reason(failure: Failure) -> str:
    """Why there is no answer. Never the text of an error that may have a question's URL in it."""
    causes: list[Failure] = getattr(failure.value, "reasons", None) or [failure]
    if any(each.check(*UNTRUSTED) for each in causes):
        return "its certificate isn't one for that name, of an authority that is known here (see --auth-ca)"
    cause = causes[-1]
    if cause.check(CancelledError):
        return f"nothing for {SECONDS} seconds"
    if cause.check(error.ConnectError, error.DNSLookupError, error.ConnectionClosed, NotCollectedError):
        return cause.getErrorMessage()
    return cause.type.__name__
