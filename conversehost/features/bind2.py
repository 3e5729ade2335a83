"""XEP-0386: Bind 2.0, which binds a resource with the login and switches features on."""

from __future__ import annotations

import hashlib
import secrets

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.sasl2 import Arrival, Inline
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError, StreamError
from conversehost.xmpp.jid import JIDError
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(386, "Bind 2.0", "1.0.1", "complete")
_BIND = f"{{{ns.BIND2}}}bind"
_TAG = f"{{{ns.BIND2}}}tag"


def install(host: Host) -> None:
    feature = Bind2Feature(host)
    host.inline.append(Inline(feature.offer, feature.arrived))
    host.hooks.session_closed.append(feature.closed)


class Bind2Feature:
    """`_clients`: the sessions of installations that said which they are, by account and id."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._secret = secrets.token_bytes(16)
        self._clients: dict[tuple[str, str], Session] = {}
        self._ids: dict[Session, tuple[str, str]] = {}

    def offer(self, stream: ServerStream) -> Element:
        """With what can be switched on at once."""
        made = element(ns.BIND2, "bind")
        inline = child(made, ns.BIND2, "inline")
        for namespace in dict.fromkeys(tag[1:].partition("}")[0] for tag in self._host.on_binding):
            child(inline, ns.BIND2, "feature", {"var": namespace})
        return made

    def arrived(self, arrival: Arrival) -> None:
        """Unless an old session goes on: one is enough (section 4)."""
        wanted = arrival.request.find(_BIND)
        if wanted is None or arrival.resumed:
            return
        stream = arrival.stream
        try:
            session = stream.bind(self._resource(arrival, wanted))
        except (StanzaError, JIDError) as error:
            made = element(ns.BIND2, "failed")
            child(made, ns.STANZA_ERROR, error.condition if isinstance(error, StanzaError) else "bad-request")
            arrival.answers.append(made)
            return
        self._replace(arrival, session)
        bound = element(ns.BIND2, "bound")
        for each in wanted:
            switch = self._host.on_binding.get(each.tag)
            answer = None if switch is None else switch(stream, each)
            if answer is not None:
                bound.append(answer)
        bound.extend(tell(session) for tell in self._host.hooks.bound)
        arrival.answers.append(bound)

    def closed(self, session: Session) -> None:
        key = self._ids.pop(session, None)
        if key is not None and self._clients.get(key) is session:
            del self._clients[key]

    def _resource(self, arrival: Arrival, wanted: Element) -> str:
        """The client's tag and something of ours: always the same for one installation, which it doesn't tell."""
        tag = (wanted.findtext(_TAG) or "").strip()[:200]
        own = secrets.token_hex(6)
        if arrival.client:
            said = f"{arrival.stream.account} {arrival.client} {tag}"
            own = hashlib.blake2b(said.encode(), key=self._secret, digest_size=6).hexdigest()
        return f"{tag}/{own}" if tag else own

    def _replace(self, arrival: Arrival, session: Session) -> None:
        """An earlier session of the same installation has lost its client."""
        if not arrival.client:
            return
        key = (session.bare, arrival.client)
        earlier = self._clients.get(key)
        self._clients[key], self._ids[session] = session, key
        if earlier is not None and self._host.is_bound(earlier):
            earlier.link.close(StreamError("conflict", "the same client has a new session"))
            self._host.unbound(earlier)
