"""XEP-0115: Entity Capabilities, of clients, and the server's own."""

from __future__ import annotations

from collections.abc import Collection
from copy import copy
from dataclasses import dataclass
from functools import lru_cache, partial

from conversehost.features.xep import Xep
from conversehost.server.discovery import DiscoNode, identity
from conversehost.server.host import At, Host
from conversehost.server.session import Session
from conversehost.xmpp import ns
from conversehost.xmpp.capabilities import HASHES, Capabilities, read_capabilities, read_extension
from conversehost.xmpp.forms import Form
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

XEP = Xep(115, "Entity Capabilities", "1.6.0", "complete, with the optimization of section 8.4")
NODE = "urn:conversehost"
KNOWN = 500
"""Clients (software, that is) remembered at a time."""

TEXT = 20_000
"""Characters that the features of one client may take together."""

LONGEST = 1_024
"""Characters of a node or a version; who says more is taken to have said nothing."""

_C, _QUERY = f"{{{ns.CAPS}}}c", f"{{{ns.DISCO_INFO}}}query"


def install(host: Host) -> None:
    feature = CapsFeature(host)
    host.clients = feature
    host.advertise(ns.CAPS)
    host.advertise(ns.CAPS + "#optimize")
    host.hooks.available.append(complete)
    host.hooks.redundant.append(unchanged)
    host.hooks.broadcast.append(feature.shown)
    host.hooks.session_closed.append(feature.closed)
    host.hooks.stream_features.append(feature.own)
    host.hooks.nodes.append(feature.node)


@dataclass(frozen=True, slots=True)
class Said:
    """`<c/>`. `hash` is "" in the form of before version 1.4, which can't be verified."""

    node: str
    hash: str
    ver: str

    @property
    def is_verifiable(self) -> bool:
        return self.hash in HASHES


class CapsFeature:
    """Each version is asked for once, of one of the clients that have it, and remembered when its hash is right.

    `_said` is what each session's presence said last, `_features` what came of it. `_asking`: by version all sessions
    that wait for the answer, the one that was asked first. `_asked`: sessions that owe an answer; each owes one.
    """

    def __init__(self, host: Host) -> None:
        self._host = host
        self._said: dict[Session, Said] = {}
        self._features: dict[Session, frozenset[str]] = {}
        self._known: dict[tuple[str, str], frozenset[str]] = {}
        self._asking: dict[tuple[str, str], dict[Session, None]] = {}
        self._asked: set[Session] = set()

    def features(self, session: Session) -> Collection[str]:
        """`ClientFeatures`."""
        return self._features.get(session, ())

    # Clients (sections 4 and 5.4)

    def shown(self, session: Session) -> None:
        """Presence without capabilities says nothing new (section 8.4)."""
        c = None if session.presence is None else session.presence.find(_C)
        if c is None or not c.get("ver"):
            return
        said = Said(c.get("node", ""), c.get("hash", ""), c.get("ver", ""))
        if said == self._said.get(session) or len(said.node) > LONGEST or len(said.ver) > LONGEST:
            return
        self._said[session] = said
        self._look_up(session, said)

    def _look_up(self, session: Session, said: Said) -> None:
        """Whoever owes an answer is looked up again when it has come."""
        key = (said.hash, said.ver)
        if said.is_verifiable and key in self._known:
            self._known[key] = self._known.pop(key)  # used last
            self._learn(session, self._known[key])
        elif key in self._asking:
            self._asking[key][session] = None
        elif session not in self._asked:
            if said.is_verifiable:
                self._asking[key] = {session: None}
            self._ask(session, said)

    def _ask(self, session: Session, said: Said) -> None:
        self._asked.add(session)
        query = element(ns.DISCO_INFO, "query", {"node": f"{said.node}#{said.ver}"})
        self._host.queries.ask(session, query, partial(self._answered, session, said))

    def _answered(self, session: Session, said: Said, answer: Stanza | None) -> None:
        """What isn't proven counts for this session only, and another one that says the same is asked."""
        self._asked.discard(session)
        waiting = self._asking.pop((said.hash, said.ver), {}) if said.is_verifiable else {session: None}
        found = read_answer(answer)
        proven = found is not None and said.is_verifiable and found.verification(said.hash) == said.ver
        features = None if found is None else frozenset(found.features)
        if features is not None and proven:
            self._remember(said, features)
        for each in waiting:
            if features is not None and (proven or each is session) and self._said.get(each) == said:
                self._learn(each, features)
        rest = [each for each in waiting if each is not session and self._said.get(each) == said]
        free = next((each for each in rest if each not in self._asked), None)
        if free is not None and not proven:
            self._asking[said.hash, said.ver] = dict.fromkeys(rest)
            self._ask(free, said)
        now = self._said.get(session)
        if answer is not None and now is not None and now != said:
            self._look_up(session, now)

    def _remember(self, said: Said, features: frozenset[str]) -> None:
        self._known[said.hash, said.ver] = features
        while len(self._known) > KNOWN:
            del self._known[next(iter(self._known))]

    def _learn(self, session: Session, features: frozenset[str]) -> None:
        before = self._features.get(session, frozenset())
        self._features[session] = features
        if new := features - before:
            for hook in self._host.hooks.learned:
                hook(session, new)

    def closed(self, session: Session) -> None:
        self._said.pop(session, None)
        self._features.pop(session, None)
        self._asked.discard(session)

    # The server itself (section 6.3)

    def own(self, logged_in: bool) -> list[Element]:
        """In stream features."""
        if not logged_in:
            return []
        return [element(ns.CAPS, "c", {"hash": "sha-1", "node": NODE, "ver": own_version(self._host)})]

    def node(self, at: At, name: str) -> DiscoNode | None:
        """What that stands for."""
        if at != "host" or name != f"{NODE}#{own_version(self._host)}":
            return None
        return DiscoNode(lambda iq: written(self._host), lambda iq: [])


# Optimization (section 8.4)


def complete(session: Session, presence: Stanza) -> None:
    """A client need say it once: whoever gets to know it later is told all the same."""
    if presence.get("to") is None and presence.find(_C) is None and session.presence is not None:
        said = session.presence.find(_C)
        if said is not None:
            presence.append(copy(said))


def unchanged(session: Session, presence: Stanza) -> list[Element]:
    """Who has had the presence before this one knows."""
    said = presence.find(_C)
    before = None if session.presence is None else session.presence.find(_C)
    return [said] if said is not None and before is not None and said.attrib == before.attrib else []


def read_answer(answer: Stanza | None) -> Capabilities | None:
    """None for what is no answer, is ill-formed, or says more than anybody needs to know."""
    if answer is None or answer.type != "result" or answer.payload is None or answer.payload.tag != _QUERY:
        return None
    found = read_capabilities(answer.payload)
    return found if found.is_sound and sum(map(len, found.features)) <= TEXT else None


def own_version(host: Host) -> str:
    """Of what the host is and can do at present."""
    return _version(tuple(host.identities["host"]), tuple(host.features["host"]), tuple(host.forms))


@lru_cache(maxsize=8)
def _version(identities: tuple[tuple[str, str, str], ...], features: tuple[str, ...], forms: tuple[Form, ...]) -> str:
    named = tuple((category, type, "", name) for category, type, name in identities)
    return Capabilities(named, features, tuple(read_extension(each.result()) for each in forms)).verification("sha-1")


def written(host: Host) -> list[Element]:
    """The same, as service discovery has it."""
    made = [identity(*each) for each in host.identities["host"]]
    made += [element(ns.DISCO_INFO, "feature", {"var": each}) for each in host.features["host"]]
    return made + [each.result() for each in host.forms]
