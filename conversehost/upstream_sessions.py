"""Sessions at servers elsewhere that are logged in from here, for a page to attach to."""

from __future__ import annotations

from collections.abc import Callable, Generator
from dataclasses import replace
from typing import TYPE_CHECKING

from conversehost.bosh.manager import Manager
from conversehost.bosh.session import BoshSession
from conversehost.clock import Clock
from conversehost.draining import WHY
from conversehost.net.prebind import Prebound
from conversehost.turn import Turn
from conversehost.upstream.jwt import TokenMint
from conversehost.upstreams import Upstreams
from conversehost.web.prebind import Refusal
from conversehost.web.wanted import Wanted
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.stream import Above, Backend, StreamOpen
from conversehost.xmpp.xml import Element, Limits, XMLError, element, parse_stanza

if TYPE_CHECKING:
    from conversehost.client.sasl import Proof

PATIENCE = 20.0
"""Seconds that a login may take."""

HOW = "that server wants a password or a token, or a key or certificate of ours (--upstream-jwt-key, --upstream-cert)"
_LIMITS = Limits(depth=200, attributes=1_024, children=1 << 16)
_FEATURES = f"{{{ns.STREAM}}}features"
_CHALLENGE, _SUCCESS, _FAILURE = (f"{{{ns.SASL}}}{name}" for name in ("challenge", "success", "failure"))
_IQ, _ERROR = f"{{{ns.CLIENT}}}iq", f"{{{ns.CLIENT}}}error"
_SESSION, _OPTIONAL = f"{{{ns.SESSION}}}session", f"{{{ns.SESSION}}}optional"
_JID = f".//{{{ns.BIND}}}jid"

Talk = Generator[None, Element, Element]
Done = Callable[[Prebound | Refusal], None]


class UpstreamSessions:
    """`web.prebind.Elsewhere`."""

    def __init__(
        self,
        upstreams: Upstreams,
        manager: Manager,
        turn: Turn,
        clock: Clock,
        *,
        certified: bool = False,
        mint: TokenMint | None = None,
    ) -> None:
        """`clock` tells real time; `certified`: servers know us by our certificate, or by the tokens of `mint`."""
        self._upstreams = upstreams
        self._manager = manager
        self._turn = turn
        self._clock = clock
        self._certified = certified
        self._mint = mint

    def serves(self, domain: str) -> bool:
        """Whether the operator has said where that domain's server is."""
        return self._upstreams.names(domain)

    def prebind(self, account: JID, wanted: Wanted, origin: str, done: Done) -> None:
        """Log in, and bind; calls `done` once, later."""
        if not (wanted.password or wanted.token):
            wanted = replace(wanted, token=self.issue(account))
        if not (wanted.password or wanted.token or self._certified):
            done(Refusal(501, HOW))
            return
        if self._manager.draining.on:
            done(Refusal(503, WHY))
            return
        backend = self._upstreams.backend(account.domain)
        if backend is None:
            done(Refusal(404, f"{account.domain} isn't served here"))
            return
        wish = wanted.wish
        session, rid = self._manager.prebind(backend, wish.wait, wish.hold)
        arrival = Arrival(session, backend, account, wanted, StreamOpen(account.domain, "bosh", origin=origin))
        waiting = self._clock.after(PATIENCE, lambda: arrival.fail(Refusal(504, "the login took too long")))

        def arrived(result: str | Refusal) -> None:
            waiting.cancel()
            if isinstance(result, Refusal):
                session.expire(None)
                self._manager.forget(session)
                done(result)
            else:
                done(Prebound(result, session.sid, rid))
            self._turn.end()

        arrival.begin(arrived)

    def issue(self, account: JID) -> str:
        """A password for one login there; "" where we share no key."""
        return self._mint.issue(account) if self._mint is not None else ""

    def end_all(self, account: JID) -> int:
        """End every session of the account that came in here; how many there were."""
        theirs = [each for each in self._upstreams.streams() if each.jid.partition("/")[0] == account.bare]
        for each in theirs:
            each.end()
        self._turn.end()
        return len(theirs)


class Arrival(Above):
    """`Link` of a BOSH session: what the server says until its resource is bound is for us, and then for the client."""

    __slots__ = ("_account", "_backend", "_done", "_opening", "_talk", "_wanted")

    def __init__(
        self, session: BoshSession, backend: Backend, account: JID, wanted: Wanted, opening: StreamOpen
    ) -> None:
        super().__init__(session.streams.first)
        self._backend = backend
        self._account = account
        self._wanted = wanted
        self._opening = opening
        self._talk: Generator[None, Element, None] | None = self._conversation()

    def begin(self, done: Callable[[str | Refusal], None]) -> None:
        """`done` hears of the full JID, or why there is none."""
        self._done = done
        assert self._talk is not None
        next(self._talk)
        self._backend.open(self._opening, self)

    def send(self, stanza: bytes) -> None:
        talk = self._talk
        if talk is None:
            self.below.send(stanza)
            return
        from conversehost.client.wire import ClientError

        try:
            talk.send(parse_stanza(stanza, _LIMITS))
        except StopIteration:
            pass
        except (ClientError, XMLError) as error:
            self.fail(Refusal(403, f"{self._account.domain} says: {error}"))

    def close(self, error: StreamError | None = None) -> None:
        if self._talk is None:
            self.below.close(error)
        else:
            why = "ended the stream" if error is None else error.text or error.condition
            self.fail(Refusal(502, f"{self._account.domain}: {why}"))

    def fail(self, why: Refusal) -> None:
        """Nobody will come."""
        if self._talk is not None:
            self._talk = None
            self._done(why)

    def _conversation(self) -> Generator[None, Element, None]:
        yield from self._log_in((yield from _until(_FEATURES)))
        self._backend.restart(self._opening)
        features = yield from _until(_FEATURES)
        bound = yield from self._ask("bind", self._bind())
        old = features.find(_SESSION)  # RFC 3921; what came after it doesn't need it
        if old is not None and old.find(_OPTIONAL) is None:
            yield from self._ask("session", element(ns.SESSION, "session"))
        self._talk = None
        if self._wanted.wish.presence:
            self._backend.receive(stanza("presence", {}))
        self._done(bound.findtext(_JID) or "")

    def _log_in(self, features: Element) -> Generator[None, Element, None]:
        from conversehost.client.sasl import encode, select
        from conversehost.client.wire import refusal

        mechanism = select(features, self._proof(), is_private=True)
        self._backend.receive(
            element(ns.SASL, "auth", {"mechanism": mechanism.name}, text=encode(mechanism.start()) or "=")
        )
        while (got := (yield from _until(_CHALLENGE, _SUCCESS, _FAILURE))).tag == _CHALLENGE:
            self._backend.receive(element(ns.SASL, "response", text=encode(mechanism.answer(got.text))))
        if got.tag == _FAILURE:
            raise refusal(got)
        mechanism.check(got.text)

    def _proof(self) -> Proof:
        from conversehost.client.sasl import Proof

        wanted, account = self._wanted, self._account
        external = not (wanted.password or wanted.token)
        return Proof(account.local, wanted.password, wanted.token, external=external, authzid=account.bare)

    def _bind(self) -> Element:
        request = element(ns.BIND, "bind")
        if self._wanted.wish.resource:
            request.append(element(ns.BIND, "resource", text=self._wanted.wish.resource))
        return request

    def _ask(self, id: str, payload: Element) -> Talk:
        from conversehost.client.wire import refusal

        self._backend.receive(stanza("iq", {"type": "set", "id": id}, payload))
        got = yield from _until(_IQ)
        while got.get("id") != id:
            got = yield from _until(_IQ)
        if got.get("type") == "result":
            return got
        error = got.find(_ERROR)
        raise refusal(got if error is None else error)


def _until(*tags: str) -> Talk:
    """Whatever else comes by is for nobody yet."""
    while (came := (yield)).tag not in tags:
        pass
    return came
