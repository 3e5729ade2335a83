"""XEP-0050: Ad-Hoc Commands: found by service discovery, run stage by stage."""

from __future__ import annotations

from collections.abc import Sequence

from conversehost.features.xep import Xep
from conversehost.server.discovery import DiscoNode
from conversehost.server.execution import Execution, check_allowed, sender_of
from conversehost.server.host import At, Host, Reply
from conversehost.xmpp import ns
from conversehost.xmpp.stanza import Stanza
from conversehost.xmpp.xml import Element, element

XEP = Xep(50, "Ad-Hoc Commands", "1.3.0", "complete; commands of the host")


def install(host: Host) -> None:
    feature = AdhocFeature(host)
    host.advertise(ns.COMMANDS)
    host.on_node(ns.COMMANDS, DiscoNode(info_of_list, feature.items))
    host.hooks.nodes.append(feature.node)
    host.on_iq("set", ns.COMMANDS, "command", feature.execute, at="host")


class AdhocFeature:
    """The host's commands, as service discovery shows them."""

    def __init__(self, host: Host) -> None:
        self._host = host
        self._execution = Execution(host.clock)

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

    def execute(self, iq: Stanza) -> Reply:
        """Section 2.4."""
        return self._execution.execute(iq, self._host.commands)


def info_of_list(iq: Stanza) -> Sequence[Element]:
    return described(("automation", "command-list", "Commands"), ns.COMMANDS)


def described(identity: tuple[str, str, str], *features: str) -> Sequence[Element]:
    """An identity and features for service discovery."""
    named = dict(zip(("category", "type", "name"), identity, strict=True))
    return [
        element(ns.DISCO_INFO, "identity", named),
        *(element(ns.DISCO_INFO, "feature", {"var": each}) for each in features),
    ]
