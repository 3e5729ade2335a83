"""XEP-0050: Ad-Hoc Commands: found by service discovery, run stage by stage."""

from __future__ import annotations

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, replace

from conversehost.clock import Deadline
from conversehost.features.xep import Xep
from conversehost.server.commands import Command, Done, Run
from conversehost.server.discovery import DiscoNode
from conversehost.server.host import At, Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.forms import form_in
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, child, clean, element

XEP = Xep(50, "Ad-Hoc Commands", "1.3.0", "complete; commands of the host")
PATIENCE = 600.0
"""Seconds that a command waits for the next form."""

SESSIONS, SESSIONS_PER_SENDER = 1_000, 10
"""The most commands that are under way, in all and of one client."""

ACTIONS = ("execute", "next", "prev", "complete", "cancel")


def install(host: Host) -> None:
    feature = AdhocFeature(host)
    host.advertise(ns.COMMANDS)
    host.on_node(ns.COMMANDS, DiscoNode(info_of_list, feature.items))
    host.hooks.nodes.append(feature.node)
    host.on_iq("set", ns.COMMANDS, "command", feature.execute, at="host")


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


class AdhocFeature:
    """`underway`: by the client's full JID and the id that it was given."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._underway: dict[tuple[JID, str], Underway] = {}

    # Discovery

    def items(self, iq: Stanza) -> Sequence[Element]:
        """Those that the one who asks may run (section 2.2)."""
        return [
            element(ns.DISCO_ITEMS, "item", {"jid": self._host.domain, "node": each.node, "name": each.name})
            for each in self._host.commands.values()
            if each.allowed(sender_of(iq))
        ]

    def node(self, at: At, name: str) -> DiscoNode | None:
        """Each command is a node too."""
        command = self._host.commands.get(name) if at == "host" else None
        if command is None:
            return None

        def info(iq: Stanza) -> Sequence[Element]:
            check_allowed(command, sender_of(iq))
            return described(("automation", "command-node", command.name), ns.COMMANDS, ns.DATA)

        return DiscoNode(info, lambda iq: ())

    # Execution

    def execute(self, iq: Stanza) -> Reply:
        """Section 2.4: the first request, or one more with what was filled in."""
        asked, sender = iq[0], sender_of(iq)
        action = asked.get("action", "execute")
        if action not in ACTIONS:
            raise refusal("malformed-action", f"an action is one of {', '.join(ACTIONS)}")
        command = self._host.commands.get(asked.get("node", ""))
        if command is None:
            raise StanzaError("item-not-found", "there is no such command")
        check_allowed(command, sender)
        sessionid = asked.get("sessionid")
        if sessionid is None:
            if action not in ("execute", "next", "complete"):
                raise refusal("bad-action", "the command isn't under way")
            return self._begin(command, sender)
        return self._continue(command, (sender, sessionid), action, form_in(asked))

    def _begin(self, command: Command, sender: JID) -> Element:
        sessionid = secrets.token_hex(8)
        if not command.stages:
            return completed(command, sessionid, command.run(Run(sender)))
        own = sum(each[0] == sender for each in self._underway)
        if own >= SESSIONS_PER_SENDER or len(self._underway) >= SESSIONS:
            raise StanzaError("resource-constraint", "too many commands are under way: finish or cancel some")
        key = (sender, sessionid)
        made = self._underway[key] = Underway(command, Run(sender), self._patience(key))
        return executing(made, sessionid)

    def _continue(self, command: Command, key: tuple[JID, str], action: str, x: Element | None) -> Element:
        underway = self._underway.get(key)
        if underway is None:
            application = (ns.COMMANDS, "session-expired")
            raise StanzaError("not-allowed", "that is over: begin anew", application=application)
        if underway.command is not command:
            raise refusal("bad-sessionid", "that is another command's")
        if action == "cancel" or (x is not None and x.get("type") == "cancel"):
            self._end(key)
            return element(ns.COMMANDS, "command", {"node": command.node, "sessionid": key[1], "status": "canceled"})
        if action == "prev":
            self._back(underway)
        else:
            self._check_action(underway, action)
            self._fill_in(underway, x)
            if len(underway.run.answers) == len(command.stages):
                self._end(key)
                return completed(command, key[1], command.run(underway.run))
        underway.deadline.cancel()
        underway.deadline = self._patience(key)
        return executing(underway, key[1])

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

    def _patience(self, key: tuple[JID, str]) -> Deadline:
        return self._host.clock.after(PATIENCE, lambda: self._end(key))

    def _end(self, key: tuple[JID, str]) -> None:
        self._underway.pop(key).deadline.cancel()


def info_of_list(iq: Stanza) -> Sequence[Element]:
    return described(("automation", "command-list", "Commands"), ns.COMMANDS)


def described(identity: tuple[str, str, str], *features: str) -> Sequence[Element]:
    """An identity and features for service discovery."""
    named = dict(zip(("category", "type", "name"), identity, strict=True))
    return [
        element(ns.DISCO_INFO, "identity", named),
        *(element(ns.DISCO_INFO, "feature", {"var": each}) for each in features),
    ]


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
