"""A server in memory, and people on it: everything but sockets. Time is turned by hand."""

from __future__ import annotations

import base64
import itertools
import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from conversehost.auth.accounts import Accounts
from conversehost.clock import Clock
from conversehost.features import chosen
from conversehost.server.authentication import LoginRules
from conversehost.server.entrance import Entrance
from conversehost.server.host import Host
from conversehost.server.mechanisms import Passwords
from conversehost.server.policy import DEFAULT, Policy
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.server.stream import ServerStream
from conversehost.store.memory import MemoryStore
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StreamError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.stream import StreamOpen
from conversehost.xmpp.xml import Element, adopt, to_bytes
from conversehost.xmpp.xml import parse as parse_xml

DOMAIN = "localhost"
PASSWORD = "secret"
_STANZA = re.compile(rb'<(message|presence|iq) xmlns="jabber:client"')
_ids = itertools.count(1)


def xml(text: str) -> Element:
    """One element as a client sends it; in jabber:client unless it says otherwise."""
    root = parse_xml(f"<r xmlns='jabber:client'>{text}</r>".encode())
    assert len(root) == 1, text
    return adopt(root[0], "nothing")


class Stage:
    """The server. Exceptions that nobody expected gather in `unexpected`; the fixture wants none."""

    def __init__(
        self,
        *domains: str,
        registration: bool = False,
        authenticator: Passwords | None = None,
        disabled: Sequence[str] = (),
        policy: Policy = DEFAULT,
        entrance: Entrance | None = None,
        **rules: Any,
    ) -> None:
        """`rules` are those of `LoginRules`."""
        self.clock = Clock()
        self.turn = Turn()
        self.store = MemoryStore()
        self.accounts = Accounts(self.store)
        self.unexpected: list[tuple[BaseException, bytes]] = []
        self.router = Router(lambda error, stanza: self.unexpected.append((error, to_bytes(stanza))))
        self.entrance = entrance or Entrance(self.clock)
        features = chosen(guests="anonymous" in rules, disabled=disabled)
        for domain in domains or (DOMAIN,):
            host = Host(
                domain,
                store=self.store,
                clock=self.clock,
                router=self.router,
                accounts=self.accounts,
                policy=replace(policy, registration=registration),
                rules=LoginRules(authenticator or self.accounts, **rules),
            )
            for feature in features:
                feature.install(host)
        self.host = self.router.hosts[(domains or (DOMAIN,))[0]]

    def account(self, name: str) -> JID:
        """The account, made when there is none."""
        jid = parse_jid(name if "@" in name else f"{name}@{self.host.domain}")
        if not self.accounts.exists(jid):
            self.accounts.put(jid, PASSWORD)
        return jid

    def befriend(self, one: str, other: str) -> None:
        """Subscribed both ways, as if it had always been so."""
        for account, contact in itertools.permutations((self.account(one), self.account(other))):
            rosters = self.router.hosts[account.domain].rosters
            rosters.put(account, replace(rosters.get(account, contact), to=True, from_=True, listed=True))

    def open(self, domain: str = DOMAIN, lang: str = "en", **known: Any) -> Client:
        """A client that has opened a stream and not said anything yet; `known` is more of `StreamOpen`."""
        client = Client(self)
        client.opening = StreamOpen(domain, "stage", lang=lang, **known)
        client.stream.open(client.opening, client)
        self.turn.end()
        return client

    def connect(self, name: str, resource: str = "", lang: str = "en") -> Client:
        """A client that is bound, and no more: a connected resource, not an available one."""
        client = Client(self)
        account = self.account(name)
        client.stream.open_as(account, StreamOpen(account.domain, "stage", lang=lang), client, resource)
        return client

    def login(self, name: str, resource: str = "", priority: int | None = None) -> Client:
        """A client that has read its roster and is available. Nothing of that waits in its inbox."""
        client = self.connect(name, resource)
        client.ask("get", f"<query xmlns='{ns.ROSTER}'/>")
        client.available(priority)
        client.take()
        return client


class Client:
    """What a transport and the client beyond it are to the server. All that comes is checked and kept in `inbox`.

    A client that was told to `hang` doesn't read: what is sent to it stays in `queue`, undelivered when it drops.
    """

    def __init__(self, stage: Stage) -> None:
        self.stage = stage
        self.stream = ServerStream(stage.router, entrance=stage.entrance)
        self.opening = StreamOpen(DOMAIN, "stage")
        self.inbox: list[Element] = []
        self.queue: list[bytes] = []
        self.hanging = False
        self.restarts = self.trusts = 0
        self.closed = False
        self.error: StreamError | None = None

    # Link

    def send(self, stanza: bytes) -> None:
        if self.closed:
            return
        assert isinstance(stanza, bytes)
        found = parse_xml(stanza)
        if isinstance(found, Stanza):
            assert _STANZA.match(stanza), stanza
            assert all(each.prefix is None for each in found.iter(f"{{{ns.CLIENT}}}*")), stanza
        if not self.queue:
            self.stage.turn.add(self)
        self.queue.append(stanza)

    def flush(self) -> None:
        if not self.hanging:
            self.inbox.extend(map(parse_xml, self.queue))
            self.queue.clear()

    def restarting(self) -> None:
        self.restarts += 1

    def trusted(self) -> None:
        self.trusts += 1

    def close(self, error: StreamError | None = None) -> None:
        self.flush()
        self.error = error
        self._end(self.stream.close)

    # The client

    @property
    def session(self) -> Session:
        assert self.stream.session is not None
        return self.stream.session

    @property
    def jid(self) -> str:
        return self.session.full

    @property
    def bare(self) -> str:
        return self.session.bare

    def write(self, text: str) -> None:
        """Send one element, whatever it is."""
        self.stream.receive(xml(text))
        self.stage.turn.end()

    def hang(self) -> None:
        """Stop reading."""
        self.hanging = True

    def drop(self) -> None:
        """The connection breaks."""
        self._end(self.stream.lost)

    def leave(self) -> None:
        """Say goodbye."""
        self._end(self.stream.close)

    def _end(self, tell: Callable[[Sequence[bytes]], None]) -> None:
        if not self.closed:
            self.closed = True
            lost, self.queue = self.queue, []
            tell(lost)
            self.stage.turn.end()

    def restart(self, **known: Any) -> Element:
        """Open the stream anew, as after login; the features. Nothing waits in the inbox then."""
        self.opening = self.opening._replace(**known)
        self.stream.restart(self.opening)
        self.stage.turn.end()
        return self.take()[-1]

    def take(self, kind: str = "") -> list[Stanza]:
        """All that has come, or all of a kind; it is looked at once."""
        found = [each for each in self.inbox if not kind or each.tag == f"{{{ns.CLIENT}}}{kind}"]
        self.inbox = [each for each in self.inbox if each not in found]
        return found  # type: ignore[return-value]

    def only(self, kind: str = "") -> Stanza:
        """The one that has come."""
        found = self.take(kind)
        assert len(found) == 1, [to_bytes(each) for each in found]
        return found[0]

    def say(self, to: str, body: str = "hi", type: str | None = "chat", id: str = "m1") -> None:
        """A message."""
        kind = "" if type is None else f" type='{type}'"
        self.write(f"<message to='{to}' id='{id}'{kind}><body>{body}</body></message>")

    def heard(self) -> list[str]:
        """The bodies of the messages that have come; errors aren't messages."""
        return [each.text_of("body") for each in self.take("message") if each.type != "error"]

    def available(self, priority: int | None = None, to: str | None = None) -> None:
        """Presence, broadcast or directed."""
        content = "" if priority is None else f"<priority>{priority}</priority>"
        self.write(f"<presence{_to(to)}>{content}</presence>")

    def presence(self, type: str, to: str | None = None) -> None:
        """Presence of a type."""
        self.write(f"<presence type='{type}'{_to(to)}/>")

    def seen(self) -> list[tuple[str, str | None]]:
        """Of the presence that has come: from whom, and its type (None: available)."""
        return [(each.get("from", ""), each.type) for each in self.take("presence")]

    def ask(self, type: str, payload: str, to: str | None = None) -> Stanza:
        """An iq, and the answer to it."""
        id = f"ask{next(_ids)}"
        self.write(f"<iq type='{type}' id='{id}'{_to(to)}>{payload}</iq>")
        answers = [each for each in self.inbox if each.get("id") == id]
        assert len(answers) == 1, [to_bytes(each) for each in self.inbox]
        self.inbox.remove(answers[0])
        return answers[0]  # type: ignore[return-value]

    def pushes(self) -> list[dict[str, str]]:
        """The items of the roster pushes that have come, as their attributes."""
        found = [each for each in self.take("iq") if each.find(f"{{{ns.ROSTER}}}query") is not None]
        assert all(each.type == "set" and each.get("from") is None and each.get("to") == self.jid for each in found)
        return [dict(each[0][0].attrib) for each in found]

    def roster(self) -> dict[str, dict[str, str]]:
        """What the client gets when it asks for its roster: attributes by address."""
        return {each.get("jid", ""): dict(each.attrib) for each in self.ask("get", f"<query xmlns='{ns.ROSTER}'/>")[0]}


def _to(address: str | None) -> str:
    return "" if address is None else f" to='{address}'"


def condition(answer: Element) -> str:
    """Of an error stanza, its condition."""
    assert answer.get("type") == "error", to_bytes(answer)
    error = answer.find(f"{{{ns.CLIENT}}}error")
    assert error is not None
    assert error.get("type") in ("auth", "cancel", "modify", "wait")
    return str(error[0].tag).removeprefix(f"{{{ns.STANZA_ERROR}}}")


def conditions(stanzas: Sequence[Stanza]) -> list[str]:
    """Of the errors among them."""
    return [condition(each) for each in stanzas if each.type == "error"]


def encoded(text: str | bytes) -> str:
    """Base64, as SASL has it."""
    return base64.b64encode(text.encode() if isinstance(text, str) else text).decode()


def offered(features: Element) -> Iterator[str]:
    """The mechanisms in stream features."""
    return (each.text or "" for each in features.iter(f"{{{ns.SASL}}}mechanism"))
