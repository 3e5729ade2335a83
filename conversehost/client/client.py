"""One client: logs in, binds, sends, and reads what comes in order."""

from __future__ import annotations

import contextlib
import itertools
from collections import deque

from conversehost.client.management import Management
from conversehost.client.sasl import Mechanism, choose, encode
from conversehost.client.wire import StreamEndedError, Wire, refusal
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.jid import parse as parse_jid
from conversehost.xmpp.replies import stanza
from conversehost.xmpp.xml import Element, element, to_bytes

_SESSION = f"{{{ns.SESSION}}}session"
_OPTIONAL = f"{{{ns.SESSION}}}optional"


class Client:
    """`jid` is the address asked for, and once it is bound the address that the server gave. Blocks while it waits.

    Besides what they say, all methods raise StreamEndedError, SilenceError and UnreachableError.
    """

    def __init__(self, wire: Wire, jid: JID, password: str = "") -> None:
        """Without a local part in `jid` it logs in as somebody anonymous."""
        self.jid = jid
        self.bound = False
        self.end: StreamEndedError | None = None
        self._wire = wire
        self._password = password
        self._features: Element | None = None
        self._inbox: deque[Element] = deque()
        self._management = Management()
        self._ids = itertools.count(1)

    def open(self) -> None:
        """Open a stream, or open it again. Its features wait to be read, until it logs in."""
        self._features = self._wire.open(self.jid.domain)
        self._inbox.append(self._features)

    def log_in(self) -> None:
        """SASL on the open stream, then a resource. Raises RefusedError."""
        self._bind(self._authenticated())

    def resume(self, broken: Client) -> None:
        """SASL on the open stream, then the session of a client whose connection broke (XEP-0198 section 5).

        What that one received and nobody has read yet is still to be read. Raises RefusedError.
        """
        self._authenticated()
        self._wire.send(to_bytes(broken._management.resume()))
        got = self._wire.receive()
        if got.tag != f"{{{ns.SM}}}resumed":
            raise refusal(got)
        self.jid, self.bound, self._management = broken.jid, True, broken._management
        self._inbox.extend(broken.take_all())

    def send(self, sent: Element) -> None:
        """One element, whatever it is."""
        self._management.sent(sent)
        self._wire.send(to_bytes(sent))

    def receive(self) -> Element:
        """What came next."""
        if self._inbox:
            return self._inbox.popleft()
        if self.end is not None:
            raise self.end
        return self._read()

    def settle(self) -> None:
        """Wait until the server has handled all that was sent: it answers one thing after the other.

        It is asked by ping (XEP-0199); with stream management, which counts those, as that has it (XEP-0198 section 4).
        Does nothing before it is bound. Where the server ends the stream meanwhile, `end` says how.
        """
        if not self.bound or self.end is not None:
            return
        question = self._question()
        with contextlib.suppress(StreamEndedError):  # what the server said before that is still to be read
            self._wire.send(to_bytes(question))
        try:
            while not self._is_answer(got := self._read(), question):
                self._inbox.append(got)
        except StreamEndedError as error:
            self.end = error

    @property
    def is_managed(self) -> bool:
        """Whether it can be resumed."""
        return bool(self._management.id)

    def take_all(self) -> list[Element]:
        """What came and hasn't been read."""
        found = list(self._inbox)
        self._inbox.clear()
        return found

    def close(self) -> None:
        """End the stream."""
        self._wire.close()

    def drop(self) -> None:
        """Be gone without a word."""
        self._wire.drop()

    def _question(self) -> Element:
        if self._management.is_enabled:
            return self._management.question()
        attributes = {"type": "get", "id": f"settled-{next(self._ids)}", "to": self.jid.domain}
        return stanza("iq", attributes, element(ns.PING, "ping"))

    def _is_answer(self, got: Element, question: Element) -> bool:
        if self._management.is_enabled:
            return self._management.is_ours(got)
        return got.get("id") == question.get("id") and got.get("type") in ("result", "error")

    def _read(self) -> Element:
        """What comes next, but for the server's own questions, which are answered."""
        while self._management.is_question(got := self._wire.receive()):
            self._wire.send(to_bytes(self._management.answer()))
        self._management.came(got)
        return got

    def _authenticated(self) -> Element:
        """The features after it."""
        features = self._features
        assert features is not None, "no stream is open"
        if self._inbox and self._inbox[-1] is features:
            self._inbox.pop()
        self._authenticate(choose(features, self.jid.local, self._password))
        self._features = self._wire.open(self.jid.domain)
        return self._features

    def _authenticate(self, mechanism: Mechanism) -> None:
        initial = encode(mechanism.start()) or "="
        self.send(element(ns.SASL, "auth", {"mechanism": mechanism.name}, text=initial))
        while (got := self._wire.receive()).tag == f"{{{ns.SASL}}}challenge":
            self.send(element(ns.SASL, "response", text=encode(mechanism.answer(got.text))))
        if got.tag != f"{{{ns.SASL}}}success":
            raise refusal(got)
        mechanism.check(got.text)

    def _bind(self, features: Element) -> None:
        request = element(ns.BIND, "bind")
        if self.jid.resource:
            request.append(element(ns.BIND, "resource", text=self.jid.resource))
        answer = self._ask(request)
        self.jid = parse_jid(answer.findtext(f".//{{{ns.BIND}}}jid") or "")
        wanted = features.find(_SESSION)  # RFC 3921; what came after it doesn't need it
        if wanted is not None and wanted.find(_OPTIONAL) is None:
            self._ask(element(ns.SESSION, "session"))
        self.bound = True

    def _ask(self, payload: Element) -> Element:
        """Before there is anything else to receive."""
        self.send(stanza("iq", {"type": "set", "id": f"asked-{next(self._ids)}"}, payload))
        answer = self._wire.receive()
        if answer.get("type") == "result":
            return answer
        error = answer.find(f"{{{ns.CLIENT}}}error")
        raise refusal(answer if error is None else error)
