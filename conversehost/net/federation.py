"""Domains elsewhere: stanzas wait until their server believes who we are, and come back where it can't be had."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from twisted.internet.protocol import Protocol
from twisted.logger import Logger

from conversehost.clock import Clock
from conversehost.federation import dialback
from conversehost.federation.dialback import Claim, Keys
from conversehost.federation.initiating import Initiating, Told
from conversehost.net.server_streams import PROVING, Outward, as_server_reads_it
from conversehost.net.wire import Quest, Reach
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.turn import Turn
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JID, JIDError
from conversehost.xmpp.places import ANY, Place
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import parse, to_bytes

log = Logger()

QUEUE = 4_194_304
"""Bytes that may wait for one server."""

QUESTIONS = 100
"""That are asked at once, whether somebody is who he says."""

WAYS = 1_000
"""Pairs of domains, ours and others'."""


class Federation:
    """The `Destination` of all domains that aren't here, and the `Judge` of those who say to be one of them."""

    def __init__(
        self,
        places: Mapping[str, Place],
        router: Router,
        keys: Keys,
        reach: Reach,
        speaking: Callable[[str], Any],
        *,
        clock: Clock,
        turn: Turn,
    ) -> None:
        """`places`: where they are; `*` stands for all others. `speaking` makes what speaks TLS to a domain; `clock`
        tells real time.
        """
        self.keys = keys
        self.clock = clock
        self.turn = turn
        self.router = router
        self._places = places
        self._reach = reach
        self._speaking = speaking
        self._ways: dict[tuple[str, str], Way] = {}
        self._questions = 0
        router.elsewhere = self

    def deliver(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """Raises StanzaError where the domain may not be asked, or too much waits for it."""
        local, remote = stanza.sender, to.domain
        if local is None or not self._knows(remote):
            raise StanzaError("remote-server-not-found", f"{remote} isn't served here, and --s2s doesn't name it")
        way = self._ways.get((local.domain, remote))
        if way is None:
            if len(self._ways) >= WAYS:
                raise StanzaError("resource-constraint", "stanzas wait for too many servers")
            way = self._ways[local.domain, remote] = Way(self, local.domain, remote)
            way.deliver(to_bytes(stanza))
            way.begin()
        else:
            way.deliver(to_bytes(stanza))

    def is_ours(self, domain: str) -> bool:
        """Of `Judge`."""
        return domain in self.router.routes

    def absence(self, domain: str) -> str:
        """Of `Judge`."""
        return self.router.absence(domain)

    def ask(self, claim: Claim, done: Callable[[bool], None]) -> None:
        """Of `Judge`."""
        if not self._knows(claim.remote):
            log.warn("{domain} comes, but --s2s doesn't name it", domain=claim.remote)
            done(False)
        elif self._questions >= QUESTIONS:
            log.warn("{domain} comes, but too many are asked who they are already", domain=claim.remote)
            done(False)
        else:
            self._questions += 1
            Question(self, claim, done)

    def answered(self) -> None:
        """One question less."""
        self._questions -= 1

    def take(self, stanza: Stanza) -> None:
        """Of `Judge`."""
        self.router.take(stanza)

    def close_all(self) -> None:
        """Say goodbye everywhere."""
        for way in tuple(self._ways.values()):
            way.close()

    def search(
        self, domain: str, connected: Callable[[Place], Protocol], failed: Callable[[StreamError], None]
    ) -> Quest:
        """For the server of a domain."""
        named = domain in self._places
        place = self._places[domain if named else ANY]
        return self._reach(domain, place, connected, failed, named=named)

    def line(self, speaker: Any, local: str, remote: str) -> Outward:
        """A connection for a speaker, which is still to be made."""
        return Outward(speaker, Initiating(local, remote), lambda: self._speaking(remote), self.clock, self.turn)

    def left(self, way: Way) -> None:
        """It isn't any more."""
        self._ways.pop((way.local, way.remote), None)

    def _knows(self, domain: str) -> bool:
        return domain in self._places or ANY in self._places


class Way:
    """From one of our domains to one elsewhere: begins with the first stanza. A `Speaker`."""

    def __init__(self, federation: Federation, local: str, remote: str) -> None:
        self.local = local
        self.remote = remote
        self._federation = federation
        self._line: Outward | None = None
        self._proven = self._due = False
        self._out: list[bytes] = []
        self._size = 0
        self._deadline = federation.clock.after(PROVING, self._too_slow)
        self._quest: Quest | None = None
        self._over = False

    def begin(self) -> None:
        """Look for the server."""
        quest = self._federation.search(self.remote, self._connected, self._failed)
        self._quest = None if self._over else quest

    def deliver(self, stanza: bytes) -> None:
        """At the end of the turn, or when it can be. Raises StanzaError."""
        if self._size + len(stanza) > QUEUE:
            raise StanzaError("resource-constraint", f"too much waits for {self.remote}", type="wait")
        self._out.append(stanza)
        self._size += len(stanza)
        self._flush_later()

    def flush(self) -> None:
        """The turn ends."""
        self._due = False
        if not self._proven or self._line is None:
            return
        outlet = self._line.outlet
        if outlet.waiting() > QUEUE:
            log.warn("{domain} doesn't read: its connection is cut", domain=self.remote)
            self._line.transport.abortConnection()
            return
        stanzas, self._out, self._size = self._out, [], 0
        for each in stanzas:
            if not outlet.write(as_server_reads_it(each)):
                outlet.keep(each, outlet.given)

    def close(self) -> None:
        """The server stops."""
        self._end()
        if self._line is not None:
            self._line.leave()

    # Speaker

    def ready(self, line: Outward) -> None:
        key = self._federation.keys.key(self.remote, self.local, line.stream.id)
        line.outlet.write(dialback.result(self.local, self.remote, key))

    def told(self, told: Told) -> None:
        if (told.asked, told.local, told.remote) != ("result", self.local, self.remote):
            return
        if not told.good:
            self._give_up("remote-server-not-found", f"{self.remote} doesn't believe that we are {self.local}")
            return
        self._proven = True
        self._deadline.cancel()
        self._flush_later()

    def gone(self, line: Outward, why: str, unsent: list[Any]) -> None:
        self._line = None
        self._out[:0] = unsent
        condition = "remote-server-timeout" if self._proven else "remote-server-not-found"
        self._give_up(condition, f"{self.remote}: {why}")

    def _connected(self, place: Place) -> Outward:
        self._quest = None
        self._line = self._federation.line(self, self.local, self.remote)
        return self._line

    def _failed(self, error: StreamError) -> None:
        self._quest = None
        self._give_up("remote-server-not-found", error.text or f"{self.remote} can't be reached")

    def _too_slow(self) -> None:
        self._give_up("remote-server-timeout", f"{self.remote} took too long")

    def _give_up(self, condition: str, text: str) -> None:
        """All that waits goes back."""
        self._end()
        if self._line is not None:
            self._line.leave()
        out, self._out = self._out, []
        if out:
            log.warn("{count} stanzas come back: {text}", count=len(out), text=text)
        for each in out:
            self._bounce(each, StanzaError(condition, text))
        self._federation.turn.taken()

    def _bounce(self, data: bytes, error: StanzaError) -> None:
        """Of presence, what was meant for one: who wants to be seen, or to enter a room (RFC 6121 section 8.5.1)."""
        stanza = parse(data)
        assert isinstance(stanza, Stanza)
        try:
            to = stanza.to
        except JIDError:
            return
        if stanza.kind != "presence" or stanza.type == "subscribe" or (to is not None and to.resource):
            self._federation.router.refuse(stanza, error)

    def _end(self) -> None:
        self._over, self._proven = True, False
        self._deadline.cancel()
        self._federation.left(self)
        quest, self._quest = self._quest, None
        if quest is not None:
            quest.cancel()

    def _flush_later(self) -> None:
        if self._proven and self._out and not self._due:
            self._due = True
            self._federation.turn.add(self)


class Question:
    """To the server of a domain: whether a key is its own (XEP-0220 section 2.2). A `Speaker`."""

    def __init__(self, federation: Federation, claim: Claim, done: Callable[[bool], None]) -> None:
        self._federation = federation
        self._claim = claim
        self._done: Callable[[bool], None] | None = done
        self._line: Outward | None = None
        self._deadline = federation.clock.after(PROVING, lambda: self._end(good=False))
        self._quest: Quest | None = None
        self._quest = federation.search(claim.remote, self._connected, lambda _: self._end(good=False))

    def ready(self, line: Outward) -> None:
        line.outlet.write(dialback.verify(self._claim))

    def told(self, told: Told) -> None:
        claim = self._claim
        if (told.asked, told.local, told.remote, told.id) == ("verify", claim.local, claim.remote, claim.id):
            self._end(good=told.good)

    def gone(self, line: Outward, why: str, unsent: list[Any]) -> None:
        self._line = None
        self._end(good=False)

    def _connected(self, place: Place) -> Outward:
        self._line = self._federation.line(self, self._claim.local, self._claim.remote)
        return self._line

    def _end(self, *, good: bool) -> None:
        done, self._done = self._done, None
        if done is None:
            return
        self._deadline.cancel()
        if self._line is not None:
            self._line.leave()
        elif self._quest is not None:
            self._quest.cancel()
        self._federation.answered()
        done(good)
