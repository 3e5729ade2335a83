"""A BOSH session that is authenticated and bound, for a page to attach to: the whole conversation, without a socket.

`Prebinding` says what to send; `prebind` of this package and of `conversehost.client.deferred` send it.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass
from typing import NamedTuple
from urllib.parse import SplitResult, urlsplit

from conversehost.client.bodies import HOLD, WAIT, Bodies
from conversehost.client.sasl import Proof, encode, select
from conversehost.client.wire import StreamEndedError, UnreachableError, is_local, refusal
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, JIDError
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, element, to_bytes

LARGEST = 1 << 20
"""Bytes of an answer."""
EMPTY = 20
"""Answers with nothing in them, one after the other, before one gives up."""
HEADERS = {"Content-Type": "text/xml; charset=utf-8", "Accept-Encoding": "identity"}

_FEATURES = f"{{{ns.STREAM}}}features"
_CHALLENGE, _SUCCESS, _FAILURE = (f"{{{ns.SASL}}}{name}" for name in ("challenge", "success", "failure"))
_IQ = f"{{{ns.CLIENT}}}iq"
_SESSION = f"{{{ns.SESSION}}}session"
_OPTIONAL = f"{{{ns.SESSION}}}optional"

Talk = Generator[bytes, list[Element], Element]


class Prebound(NamedTuple):
    """What a page attaches with: the full JID, the session's id, and the rid that its first request must have."""

    jid: str
    sid: str
    rid: int


@dataclass(frozen=True, slots=True)
class Order:
    """What is wanted. `jid`: an account, perhaps with a resource; a domain for those who come without an account.

    `is_private`: nobody can listen on the way, so that a password may be sent as it is.
    """

    jid: JID
    proof: Proof
    resource: str = ""
    route: str = ""
    wait: int = WAIT
    hold: int = HOLD
    is_private: bool = True


class Prebinding:
    """One conversation. `request` is what to send; hand its answer to `answered`, until there is a `result`."""

    def __init__(self, order: Order) -> None:
        self._order = order
        self._bodies = Bodies()
        self._talk = self._conversation()
        self.request: bytes = next(self._talk)
        self.result: Prebound | None = None

    def answered(self, status: int, data: bytes) -> None:
        """Raises RefusedError, StreamEndedError, UnreachableError."""
        if status != 200:
            raise self._no_answer(status)
        came, ended = self._bodies.read(data)
        try:
            self.request = self._talk.send(came)
        except StopIteration:
            bodies = self._bodies
            self.result = Prebound(self._bound, bodies.sid, bodies.rid + 1)
        if ended is not None:
            raise ended

    def farewell(self) -> bytes | None:
        """What ends the session that nobody will have any more; None where there is none."""
        return self._bodies.end() if self._bodies.sid else None

    def _no_answer(self, status: int) -> Exception:
        if self._bodies.sid:
            return StreamEndedError("", f"BOSH: HTTP {status}")
        busy = status in (502, 503, 504)  # what proxies say of a server that is down, and servers that take nobody now
        hint = "try again in a while" if busy else "is there a BOSH service at that URL?"
        return UnreachableError(f"the answer is HTTP {status}: {hint}")

    def _conversation(self) -> Generator[bytes, list[Element], None]:
        order, bodies = self._order, self._bodies
        first = bodies.open(order.jid.domain, wait=order.wait, hold=order.hold, route=order.route)
        features = yield from self._until(first, _FEATURES)
        yield from self._log_in(features)
        features = yield from self._until(bodies.open(order.jid.domain), _FEATURES)
        bound = yield from self._ask("bind", self._bind())
        self._bound = _address(bound)
        wanted = features.find(_SESSION)  # RFC 3921; what came after it doesn't need it
        if wanted is not None and wanted.find(_OPTIONAL) is None:
            yield from self._ask("session", element(ns.SESSION, "session"))

    def _log_in(self, features: Element) -> Generator[bytes, list[Element], None]:
        mechanism = select(features, self._order.proof, is_private=self._order.is_private)
        initial = encode(mechanism.start()) or "="
        say = element(ns.SASL, "auth", {"mechanism": mechanism.name}, text=initial)
        while (got := (yield from self._say(say, _CHALLENGE, _SUCCESS, _FAILURE))).tag == _CHALLENGE:
            say = element(ns.SASL, "response", text=encode(mechanism.answer(got.text)))
        if got.tag == _FAILURE:
            raise refusal(got)
        mechanism.check(got.text)

    def _bind(self) -> Element:
        request = element(ns.BIND, "bind")
        if resource := self._order.resource or self._order.jid.resource:
            request.append(element(ns.BIND, "resource", text=resource))
        return request

    def _ask(self, id: str, payload: Element) -> Talk:
        """The answer to an iq. Whatever else comes by is for nobody yet."""
        got = yield from self._say(stanza("iq", {"type": "set", "id": id}, payload), _IQ)
        while got.get("id") != id:
            got = yield from self._until(self._bodies.body(), _IQ)
        if got.get("type") == "result":
            return got
        error = got.find(f"{{{ns.CLIENT}}}error")
        raise refusal(got if error is None else error)

    def _say(self, said: Element, *wanted: str) -> Talk:
        return (yield from self._until(self._bodies.body("", to_bytes(said)), *wanted))

    def _until(self, request: bytes, *wanted: str) -> Talk:
        """Send, and ask again where an answer hasn't got it yet."""
        for _ in range(EMPTY):
            for each in (yield request):
                if each.tag in wanted:
                    return each
            request = self._bodies.body()
        raise StreamEndedError("", "BOSH: the server answers, and says nothing")


def _address(bound: Element) -> str:
    try:
        return parse_jid(bound.findtext(f".//{{{ns.BIND}}}jid") or "").full
    except JIDError:
        raise StreamEndedError("", "the server binds a resource and doesn't say which") from None


def order(
    url: SplitResult,
    jid: str,
    *,
    password: str | None,
    token: str | None,
    anonymous: bool,
    external: bool,
    resource: str | None,
    route: str | None,
    allow_plain: bool,
) -> Order:
    """From the arguments of `prebind`. Raises ValueError."""
    if [password is not None, token is not None, anonymous, external].count(True) != 1:
        raise ValueError("say how to log in: by one of password, token, anonymous and external")
    if password == "" or token == "":
        raise ValueError("an empty password or token logs in nobody")
    address = parse_jid(jid)
    if anonymous == bool(address.local):
        raise ValueError("jid: " + ("the domain for guests" if anonymous else "an account, such as alice@chat.example"))
    proof = Proof(
        address.local,
        password or "",
        token or "",
        anonymous=anonymous,
        external=external,
        authzid="" if anonymous else address.bare,
    )
    return Order(address, proof, resource or "", route or "", is_private=allow_plain or is_private(url))


def address_of(url: str) -> SplitResult:
    """Of a BOSH service. Raises ValueError."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise ValueError(f"{url} is not the URL of a BOSH service, such as https://chat.example/http-bind")
    return parts


def is_private(url: SplitResult) -> bool:
    """Whether what is sent there is read by nobody on the way: TLS, or this machine."""
    return url.scheme == "https" or is_local(url.hostname or "")
