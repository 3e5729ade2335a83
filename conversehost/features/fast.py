"""XEP-0484: Fast Authentication Streamlining Tokens: a client that has logged in once needs one round trip."""

from __future__ import annotations

import hmac
import secrets
from dataclasses import dataclass, replace

from conversehost.features.xep import Xep
from conversehost.server.host import Host
from conversehost.server.mechanisms import Proven, Setting, Step
from conversehost.server.sasl2 import Arrival, Inline, client_of
from conversehost.server.stream import ServerStream
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.sasl import SASLError
from conversehost.xmpp.times import stamp
from conversehost.xmpp.xml import Element, child, element

XEP = Xep(484, "Fast Authentication Streamlining Tokens", "0.2.0", "complete; no TLS 0-RTT")

BINDINGS = {"NONE": "", "ENDP": "tls-server-end-point", "EXPR": "tls-exporter"}
"""What the last part of a mechanism's name says of channel binding."""

LIFETIME, ROTATION = 21 * 86_400, 86_400
"""Seconds that a token is good for; one that is older than the second is replaced when it is used."""

CLIENTS_PER_ACCOUNT = 100

_FAST = f"{{{ns.FAST}}}fast"
_REQUEST = f"{{{ns.FAST}}}request-token"


@dataclass(frozen=True, slots=True)
class FastToken:
    """As it is kept: for one mechanism, from when and until when (seconds since 1970), used up to that `count`."""

    secret: str
    mechanism: str
    issued: float
    expiry: float
    count: int = 0


@dataclass(frozen=True, slots=True)
class Slots:
    """The tokens of one client: `new` was given out and not used yet, `current` is the last that was used."""

    new: FastToken | None = None
    current: FastToken | None = None


def install(host: Host) -> None:
    feature = FastFeature(host)
    host.tokens.append(feature.mechanism)
    host.inline.append(Inline(feature.offer, feature.arrived))
    host.hooks.account_deleted.append(feature.forget)
    host.hooks.password_changed.append(feature.forget)


class FastFeature:
    """Tokens, in the store: collection "fast", by account and the client's id."""

    def __init__(self, host: Host) -> None:
        self._host = host

    def offer(self, stream: ServerStream) -> Element | None:
        """Only where a password could be sent too (section 7)."""
        mechanisms = mechanisms_for(stream)
        if not mechanisms:
            return None
        made = element(ns.FAST, "fast")
        for mechanism in mechanisms:
            child(made, ns.FAST, "mechanism").text = mechanism
        return made

    def mechanism(self, stream: ServerStream, request: Element) -> HashedToken | None:
        """For whoever says that they have a token (section 3.3). Raises SASLError."""
        fast = request.find(_FAST)
        if fast is None:
            return None
        name, client = request.get("mechanism", ""), client_of(request)
        if name not in mechanisms_for(stream):
            raise SASLError("invalid-mechanism")
        if not client:
            raise SASLError("malformed-request", "a token needs a user-agent with an id")
        return HashedToken(self, stream, name, client, read_count(fast))

    def arrived(self, arrival: Arrival) -> None:
        """A token where one is asked for, or where the one that was used gets old; never after `invalidate`."""
        account, client = arrival.stream.account, arrival.client
        assert account is not None
        fast, asked = arrival.request.find(_FAST), arrival.request.find(_REQUEST)
        if fast is not None and fast.get("invalidate") in ("1", "true"):
            self._host.store.delete("fast", account.bare, client)
            fast = None
        mechanism = "" if asked is None else asked.get("mechanism", "")
        if fast is not None and not mechanism and self._is_old(account, client):
            mechanism = arrival.request.get("mechanism", "")
        if client and mechanism in mechanisms_for(arrival.stream) and self._has_room(account, client):
            arrival.answers.append(self._issue(account, client, mechanism))

    def slots(self, account: JID, client: str) -> Slots:
        """What is kept for one client."""
        found: Slots | None = self._host.store.get("fast", account.bare, client)
        return found or Slots()

    def used(self, account: JID, client: str, token: FastToken, count: int) -> None:
        """All that were given out before it are good no more (section 3.4)."""
        slots = self.slots(account, client)
        used = replace(token, count=max(count, token.count))
        new = None if slots.new is token else slots.new
        self._host.store.put("fast", account.bare, client, Slots(new, used))

    def may_come_in(self, account: JID) -> bool:
        """The account is there, and not disabled."""
        return self._host.rules.authenticator.admit(account)

    @property
    def now(self) -> float:
        """Seconds since 1970."""
        return self._host.clock.utc()

    def forget(self, account: JID) -> None:
        """Who changes a password wants nobody in by an old login."""
        self._host.store.clear("fast", account.bare)

    def _is_old(self, account: JID, client: str) -> bool:
        current = self.slots(account, client).current
        return current is not None and self.now > current.issued + ROTATION

    def _has_room(self, account: JID, client: str) -> bool:
        kept = self._host.store.items("fast", account.bare)
        return client in kept or len(kept) < CLIENTS_PER_ACCOUNT

    def _issue(self, account: JID, client: str, mechanism: str) -> Element:
        token = FastToken(secrets.token_urlsafe(32), mechanism, self.now, self.now + LIFETIME)
        self._host.store.put("fast", account.bare, client, replace(self.slots(account, client), new=token))
        return element(ns.FAST, "token", {"token": token.secret, "expiry": stamp(token.expiry)})


class HashedToken:
    """HT-*: a name, and a hash that only who has the token can make (draft-schmaus-kitten-sasl-ht)."""

    def __init__(self, feature: FastFeature, stream: ServerStream, name: str, client: str, count: int | None) -> None:
        self._feature = feature
        self._stream = stream
        self._name = name
        self._client = client
        self._count = count

    def receive(self, message: bytes) -> Step:
        """The one message of the client. Raises SASLError."""
        username, nul, proof = message.partition(b"\0")
        if not nul:
            raise SASLError("malformed-request", "HT wants authcid NUL hash")
        account = self._account(username)
        binding = self._binding()
        slots = self._feature.slots(account, self._client)
        for token in (slots.new, slots.current):
            if token is not None and self._proves(token, binding, proof):
                return self._come_in(account, token, binding)
        raise SASLError("not-authorized")

    def _account(self, username: bytes) -> JID:
        """It must be whom the stream's `from` names (section 4), where that names somebody."""
        try:
            local = username.decode()
        except UnicodeDecodeError:
            raise SASLError("malformed-request", "not UTF-8") from None
        return Setting(self._stream.host.domain, self._stream.host.rules.authenticator).account(local)

    def _binding(self) -> bytes:
        type = BINDINGS[self._name.rpartition("-")[2]]
        channel = self._stream.opened.channel
        bound = b"" if not type or channel is None else channel.binding(type)
        assert bound is not None
        return bound

    def _proves(self, token: FastToken, binding: bytes, proof: bytes) -> bool:
        expected = hmac.digest(token.secret.encode(), b"Initiator" + binding, "sha256")
        return hmac.compare_digest(expected, proof) and token.mechanism == self._name

    def _come_in(self, account: JID, token: FastToken, binding: bytes) -> Proven:
        if token.expiry <= self._feature.now:
            raise SASLError("credentials-expired", "the token is too old: log in by password")
        if self._count is not None and self._count <= token.count:
            raise SASLError("not-authorized", "the count must grow with each use of a token")
        if not self._feature.may_come_in(account):
            raise SASLError("not-authorized")
        self._feature.used(account, self._client, token, self._count or 0)
        return Proven(account, hmac.digest(token.secret.encode(), b"Responder" + binding, "sha256"))


def mechanisms_for(stream: ServerStream) -> list[str]:
    """Those that the connection has the channel binding for; none where whoever listens would learn the proof, and
    none for guests, who don't come back.
    """
    if not stream.authentication.is_private or stream.host.rules.anonymous:
        return []
    channel = stream.opened.channel
    types = ("", *(() if channel is None else channel.types))
    return [f"HT-SHA-256-{name}" for name, type in BINDINGS.items() if type in types]


def read_count(fast: Element) -> int | None:
    """None where it has none. Raises SASLError."""
    count = fast.get("count")
    if count is None:
        return None
    if not (count.isascii() and count.isdecimal() and len(count) < 19):
        raise SASLError("malformed-request", "count is a number")
    return int(count)
