"""Commands under way (XEP-0050): stage by stage, by the client that runs them, whosever commands they are."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, replace

from conversehost.clock import Clock, Deadline
from conversehost.server.commands import Command, Done, Run
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import form_in
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element

PATIENCE = 600.0
"""Seconds that a command waits for the next form."""

SESSIONS, SESSIONS_PER_SENDER = 1_000, 10
"""The most commands that are under way, in all and of one client."""

ACTIONS = ("execute", "next", "prev", "complete", "cancel")


Key = tuple[JID, str, str]


@dataclass(slots=True)
class Underway:
    """A command between two of its stages."""

    command: Command
    run: Run
    deadline: Deadline

    @property
    def is_last(self) -> bool:
        """There is no stage after this one."""
        return len(self.run.answers) + 1 == len(self.command.stages)


class Execution:
    """`underway`: by the client's full JID, the address that it has asked, and the id that it was given."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._underway: dict[Key, Underway] = {}

    def execute(self, iq: Stanza, commands: Mapping[str, Command]) -> Element:
        """Section 2.4: the first request, or one more with what was filled in."""
        asked, sender = iq[0], sender_of(iq)
        action = asked.get("action", "execute")
        if action not in ACTIONS:
            raise refusal("malformed-action", f"an action is one of {', '.join(ACTIONS)}")
        command = commands.get(asked.get("node", ""))
        if command is None:
            raise StanzaError("item-not-found", "there is no such command")
        check_allowed(command, sender)
        sessionid = asked.get("sessionid")
        if sessionid is None:
            if action not in ("execute", "next", "complete"):
                raise refusal("bad-action", "the command isn't under way")
            return self._begin(command, sender, iq.get("to", ""), form_in(asked))
        return self._continue(command, (sender, iq.get("to", ""), sessionid), action, form_in(asked))

    def _begin(self, command: Command, sender: JID, asked: str, x: Element | None) -> Element:
        """Who knows the one form of a command may send it at once."""
        sessionid = secrets.token_hex(8)
        if not command.stages:
            return completed(command, sessionid, command.run(Run(sender)))
        if x is not None and len(command.stages) == 1:
            answers = command.stages[0](Run(sender)).read(x)
            return completed(command, sessionid, command.run(Run(sender, (answers,))))
        own = sum(each[0] == sender for each in self._underway)
        if own >= SESSIONS_PER_SENDER or len(self._underway) >= SESSIONS:
            raise StanzaError("resource-constraint", "too many commands are under way: finish or cancel some")
        key = (sender, asked, sessionid)
        made = self._underway[key] = Underway(command, Run(sender), self._patience(key))
        return executing(made, sessionid)

    def _continue(self, command: Command, key: Key, action: str, x: Element | None) -> Element:
        underway = self._underway.get(key)
        if underway is None:
            application = (ns.COMMANDS, "session-expired")
            raise StanzaError("not-allowed", "that is over: begin anew", application=application)
        if underway.command.node != command.node:
            raise refusal("bad-sessionid", "that is another command's")
        if action == "cancel" or (x is not None and x.get("type") == "cancel"):
            self._end(key)
            return element(ns.COMMANDS, "command", {"node": command.node, "sessionid": key[2], "status": "canceled"})
        if action == "prev":
            self._back(underway)
        else:
            self._check_action(underway, action)
            self._fill_in(underway, x)
            if len(underway.run.answers) == len(command.stages):
                self._end(key)
                return completed(command, key[2], command.run(underway.run))
        underway.deadline.cancel()
        underway.deadline = self._patience(key)
        return executing(underway, key[2])

    def _back(self, underway: Underway) -> None:
        if not underway.run.answers:
            raise refusal("bad-action", "this is the first stage")
        underway.run = replace(underway.run, answers=underway.run.answers[:-1])

    def _check_action(self, underway: Underway, action: str) -> None:
        if action == ("next" if underway.is_last else "complete"):
            raise refusal("bad-action", "this is the last stage" if underway.is_last else "there is more to fill in")

    def _fill_in(self, underway: Underway, x: Element | None) -> None:
        """What isn't filled in well can be sent again."""
        if x is None:
            raise refusal("bad-payload", "a form has to be filled in")
        run = underway.run
        try:
            answers = underway.command.stages[len(run.answers)](run).read(x)
        except StanzaError as error:
            raise refusal("bad-payload", error.text) from None
        underway.run = replace(run, answers=(*run.answers, answers))

    def _patience(self, key: Key) -> Deadline:
        return self._clock.after(PATIENCE, lambda: self._end(key))

    def _end(self, key: Key) -> None:
        self._underway.pop(key).deadline.cancel()


def executing(underway: Underway, sessionid: str) -> Element:
    """The form of the stage that it is at, and what can be done with it (section 3.4)."""
    command = underway.command
    attributes = {"node": command.node, "sessionid": sessionid, "status": "executing"}
    made = element(ns.COMMANDS, "command", attributes)
    forward = "complete" if underway.is_last else "next"
    actions = child(made, ns.COMMANDS, "actions", {"execute": forward})
    for name in ([] if not underway.run.answers else ["prev"]) + [forward]:
        child(actions, ns.COMMANDS, name)
    made.append(command.stages[len(underway.run.answers)](underway.run).question())
    return made


def completed(command: Command, sessionid: str, done: Done) -> Element:
    """Section 2.4.1."""
    made = element(ns.COMMANDS, "command", {"node": command.node, "sessionid": sessionid, "status": "completed"})
    if done.note:
        child(made, ns.COMMANDS, "note", {"type": "info"}).text = clean(done.note)
    if done.payload is not None:
        made.append(done.payload)
    return made


def sender_of(iq: Stanza) -> JID:
    sender = iq.sender
    assert sender is not None
    return sender


def check_allowed(command: Command, sender: JID) -> None:
    """Raises StanzaError(forbidden)."""
    if not command.allowed(sender):
        raise StanzaError("forbidden", "that is not for you", type="cancel")


def refusal(condition: str, text: str) -> StanzaError:
    """One of section 4.4."""
    return StanzaError("bad-request", text, application=(ns.COMMANDS, condition))
