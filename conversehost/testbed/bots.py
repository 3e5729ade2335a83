"""Contacts that answer, so that somebody alone can chat. To the server they are clients like any other."""

from __future__ import annotations

import secrets
from collections.abc import Iterator, Mapping

from conversehost.clock import Clock, Deadline
from conversehost.net.memory import MemoryClient
from conversehost.server.router import Router
from conversehost.server.session import Session
from conversehost.testbed.guests import Guest
from conversehost.testbed.scripts import Rule, Script, Step, filled
from conversehost.turn import Turn
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID
from conversehost.xmpp.replies import refusal, result, stanza
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, adopt, child, element
from conversehost.xmpp.xml import parse as parse_xml

RESOURCE = "bot"

WELCOME = (
    "Hello! This chat server lives in memory: whatever you do here is gone when it stops, so try anything. "
    "Write to echo and it says the same back; log in as somebody else in a private window and talk to yourself."
)
BOTS: Mapping[str, Script] = {
    "echo": Script("I say what you say", (Rule("message", "*", (Step("say", "{body}"),)),)),
    "welcome": Script("Write to me and I'll tell you what this is", (Rule("message", "*", (Step("say", WELCOME),)),)),
}
"""By kind: what it does."""


class ContactBot:
    """Available from the start, a friend to everybody who asks; for all else there is its script."""

    def __init__(self, router: Router, turn: Turn, clock: Clock, account: JID, script: Script) -> None:
        self._router = router
        self._turn = turn
        self._clock = clock
        self._script = script
        self._playing: dict[Play, Deadline] = {}
        self._moved = False  # its presence isn't the first one any more
        self._guest = Guest(account, script.rooms, self.say)
        self._client = MemoryClient(router, turn, account, self._received, resource=RESOURCE)
        self._arrive()

    @property
    def busy(self) -> int:
        """How many scripts are between two steps."""
        return len(self._playing)

    @property
    def session(self) -> Session | None:
        """Its own; None once that has ended."""
        return self._client.session

    def leave(self) -> None:
        """Log out. What it was about to do, it doesn't."""
        self.rest()
        self._client.leave()

    def rest(self) -> None:
        """What it was about to do, it doesn't."""
        while self._playing:
            self._playing.popitem()[1].cancel()

    def begin_anew(self) -> None:
        """As if it had just come."""
        if self._moved:
            self._arrive()
        else:
            self._guest.enter()  # its rooms have begun anew, too

    def say(self, said: Stanza) -> None:
        """As a client."""
        self._moved = self._moved or (said.kind == "presence" and said.get("to") is None)
        self._client.say(said)

    def _arrive(self) -> None:
        self._moved = False
        self._client.say(presence("available", self._script.status))
        self._guest.enter()

    def play(self, play: Play) -> None:
        """Go on until it pauses; it then goes on by itself."""
        self._playing.pop(play, None)
        for pause in play.going:
            if pause > 0:
                self._playing[play] = self._clock.after(pause, lambda: self._again(play))
                return

    def _again(self, play: Play) -> None:
        """A deadline isn't part of an input: whatever goes wrong is told here, and what it said leaves now."""
        try:
            self.play(play)
        except Exception as error:
            self._router.report(error, play.heard)
        self._turn.end()

    def _received(self, received: Stanza) -> None:
        if self._client.closed or self._is_bot(received):
            return
        if received.kind == "presence" and self._guest.saw(received):
            return
        heard = self._guest.addressed(received) if received.type == "groupchat" else received
        rule = None if heard is None else self._script.rule_for(heard)
        if heard is not None and rule is not None:
            self.play(Play(self, heard, rule))
        elif received.kind == "presence":
            self._presence(received)
        elif received.kind == "iq" and received.type in ("get", "set"):
            self.say(self._asked(received))

    def _asked(self, iq: Stanza) -> Stanza:
        """Clients ask one another what they can do (XEP-0030), and whether they are there (XEP-0199)."""
        asked = iq.payload
        if asked is not None and iq.type == "get" and asked.tag == f"{{{ns.PING}}}ping":
            return result(iq)
        if asked is not None and iq.type == "get" and asked.tag == f"{{{ns.DISCO_INFO}}}query":
            query = element(ns.DISCO_INFO, "query")
            child(query, ns.DISCO_INFO, "identity", {"category": "client", "type": "bot", "name": "conversehost"})
            for feature in (ns.DISCO_INFO, ns.PING):
                child(query, ns.DISCO_INFO, "feature", {"var": feature})
            return result(iq, query)
        return refusal(iq, StanzaError("service-unavailable"))

    def _is_bot(self, received: Stanza) -> bool:
        """What bots say isn't answered: an answer to an answer would never end."""
        sender = received.sender
        if received.kind != "message" or sender is None or sender.resource != RESOURCE:
            return False
        host = self._router.hosts.get(sender.domain)
        session = None if host is None else host.session(sender)
        return session is not None and session.opened.transport == "memory"

    def _presence(self, received: Stanza) -> None:
        sender = received.get("from")
        if received.type == "subscribe" and sender is not None:
            for type in ("subscribed", "subscribe"):
                self.say(stanza("presence", {"to": sender, "type": type}))


class Play:
    """A rule on its way through its steps. `going` runs it, and yields the seconds of each pause."""

    def __init__(self, bot: ContactBot, heard: Stanza, rule: Rule) -> None:
        self.heard = heard
        self._bot = bot
        self._steps = rule.play(heard)
        self._typing = False
        self._said = ""  # the id of the latest message
        self.going = self._go()

    def _go(self) -> Iterator[float]:
        for step in self._steps:
            if step.verb == "typing":
                self._typing = True
                self._message(element(ns.CHAT_STATES, "composing"))
            if step.verb in ("typing", "wait"):
                yield step.value
            elif step.verb == "presence":
                self._bot.say(presence(step.value, step.status))
            elif step.verb == "send":
                self._send(step.value)
            else:
                getattr(self, f"_{step.verb}")(step.value)

    def _say(self, template: str, *more: Element) -> None:
        state = [element(ns.CHAT_STATES, "active")] if self._typing else []
        self._typing = False
        body = element(ns.CLIENT, "body", text=filled(template, self.heard))
        self._said = self._message(body, *state, *more)

    def _correct(self, template: str) -> None:
        """XEP-0308: the latest message of this play, which stays the one that is corrected."""
        before = self._said
        self._say(template, element(ns.CORRECTION, "replace", {"id": before}))
        self._said = before

    def _retract(self, yes: bool) -> None:
        """XEP-0424: the latest message of this play."""
        self._message(element(ns.RETRACTION, "retract", {"id": self._said}), element(ns.HINTS, "store"))

    def _receipt(self, yes: bool) -> None:
        """XEP-0184: for who asks for one."""
        if self.heard.id and self.heard.find(f"{{{ns.RECEIPTS}}}request") is not None:
            self._message(element(ns.RECEIPTS, "received", {"id": self.heard.id}), element(ns.HINTS, "store"))

    def _marker(self, kind: str) -> None:
        """XEP-0333."""
        if self.heard.id:
            self._message(element(ns.CHAT_MARKERS, kind, {"id": self.heard.id}), element(ns.HINTS, "store"))

    def _react(self, emojis: tuple[str, ...]) -> None:
        """XEP-0444."""
        if self.heard.id:
            made = element(ns.REACTIONS, "reactions", {"id": self.heard.id})
            for each in emojis:
                child(made, ns.REACTIONS, "reaction").text = each
            self._message(made, element(ns.HINTS, "store"))

    def _send(self, template: str) -> None:
        """Whatever stands there, to who was heard unless it says otherwise."""
        text = filled(template, self.heard, as_xml=True)
        for each in list(parse_xml(f"<r xmlns='{ns.CLIENT}'>{text}</r>".encode())):
            made = adopt(each, "nothing")
            if isinstance(made, Stanza):
                defaults = {"id": secrets.token_hex(8)}
                if made.kind != "presence":
                    defaults["to"] = self.heard.get("from", "")
                for name, value in defaults.items():
                    made.set(name, made.get(name, value))
                self._bot.say(made)

    def _message(self, *children: Element) -> str:
        """To who was heard; in a room, to all in it."""
        id, to = secrets.token_hex(8), self.heard.get("from", "")
        to, type = (to.partition("/")[0], "groupchat") if self.heard.type == "groupchat" else (to, "chat")
        self._bot.say(stanza("message", {"to": to, "type": type, "id": id}, *children))
        return id


def presence(show: str, status: str = "") -> Stanza:
    """Of one of `scripts.SHOWS`."""
    made = stanza("presence", {"type": "unavailable"} if show == "unavailable" else {})
    if show not in ("available", "unavailable"):
        child(made, ns.CLIENT, "show").text = show
    if status:
        child(made, ns.CLIENT, "status").text = status
    return made
