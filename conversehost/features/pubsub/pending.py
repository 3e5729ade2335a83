"""Requests to subscribe that an owner has yet to answer, asked for by a command: section 8.7 of XEP-0060."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.pubsub import approval
from conversehost.features.pubsub.nodes import Node
from conversehost.features.pubsub.service import PubSub
from conversehost.server.commands import Command, Done, Run
from conversehost.server.discovery import DiscoNode, feature, identity, item
from conversehost.server.execution import Execution, sender_of
from conversehost.server.host import Reply
from conversehost.xmpp import ns
from conversehost.xmpp.forms import Field, Form
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element

GET_PENDING = f"{ns.PUBSUB}#get-pending"
NAME = "Requests to subscribe"


class Pending:
    """The command, at a service; for owners of nodes there."""

    def __init__(self, pubsub: PubSub, service: JID) -> None:
        self._pubsub = pubsub
        self._service = service
        self._execution = Execution(pubsub.host.clock)
        self._command = Command(GET_PENDING, NAME, lambda jid: bool(self._owned(jid)), self._send, (self._choose,))

    def execute(self, iq: Stanza) -> Reply:
        """XEP-0050 section 2.4."""
        return self._execution.execute(iq, {GET_PENDING: self._command})

    def find(self, name: str, iq: Stanza) -> DiscoNode | None:
        """The list of commands, and the one in it, for service discovery."""
        if name == ns.COMMANDS:
            return DiscoNode(lambda iq: [identity("automation", "command-list", "Commands")], self._items)
        if name == GET_PENDING:
            told = (identity("automation", "command-node", NAME), feature(ns.COMMANDS), feature(ns.DATA))
            return DiscoNode(lambda iq: told, lambda iq: ())
        return None

    def _items(self, iq: Stanza) -> Sequence[Element]:
        return [item(self._service.bare, NAME, GET_PENDING)] if self._command.allowed(sender_of(iq)) else []

    def _owned(self, entity: JID) -> list[Node]:
        nodes = self._pubsub.nodes.of(self._service)
        return [each for each in nodes if self._pubsub.access.is_owner(self._service, each, entity)]

    def _choose(self, run: Run) -> Form:
        options = tuple((each.name, each.config.title) for each in self._owned(run.sender))
        node = Field("pubsub#node", "list-single", "Node", required=True, options=options)
        return Form((node,), approval.AUTHORIZATION, NAME)

    def _send(self, run: Run) -> Done:
        """Each request once more, to the one who asks."""
        node = self._pubsub.node(self._service, run.answers[0].text("pubsub#node"))
        self._pubsub.access.check_owner(self._service, node, run.sender)
        waiting = [each for each in self._pubsub.nodes.subscriptions(self._service, node.name) if each.pending]
        for each in waiting:
            approval.ask(self._pubsub, self._service, node, each, [run.sender.full])
        return Done(f"{len(waiting)} waiting.")
