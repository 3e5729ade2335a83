"""Who may do what at a node: affiliations, access models and publish models (sections 4.1 and 4.5 of XEP-0060)."""

from __future__ import annotations

from dataclasses import dataclass

from conversehost.features.pubsub.config import NodeConfig
from conversehost.features.pubsub.nodes import Node, Nodes
from conversehost.features.pubsub.refusals import refusal, unsupported
from conversehost.server.roster import RosterItem
from conversehost.server.router import Router
from conversehost.xmpp.errors import StanzaError
from conversehost.xmpp.jid import JID, parse


@dataclass(frozen=True, slots=True)
class Standing:
    """Of somebody at a node: the affiliation, whether there is a subscription that isn't pending, and what the rosters
    of the owners have of them: whether they may see an owner's presence, and the groups that those are in who may.
    """

    affiliation: str = "none"
    subscribed: bool = False
    sees: bool = False
    groups: frozenset[str] = frozenset()

    @property
    def is_trusted(self) -> bool:
        """An owner put them on a list of people who may read, whatever the model."""
        return self.affiliation in ("owner", "publisher", "member")

    def met(self, item: RosterItem) -> Standing:
        """The same with that item in the roster of the one owner."""
        sees = item.from_ and not item.removed
        return Standing(self.affiliation, self.subscribed, sees, frozenset(item.groups) if sees else frozenset())


class Access:
    """Of the nodes of all services that have the store."""

    def __init__(self, nodes: Nodes, router: Router) -> None:
        self._nodes = nodes
        self._router = router

    def standing(self, service: JID, node: Node, entity: JID, *, subscribed: bool | None = None) -> Standing:
        """Of an account, or one of its clients; `subscribed` where that is known already."""
        affiliation = self._nodes.affiliation(service, node.name, entity)
        if affiliation in ("owner", "outcast"):
            return Standing(affiliation)
        if subscribed is None:
            subscribed = self._nodes.subscribed(service, node.name, entity)
        if node.config.access_model not in ("presence", "roster"):
            return Standing(affiliation, subscribed)
        sees, groups = False, set[str]()
        for owner in map(parse, self._nodes.owners(service, node.name)):
            host = self._router.hosts.get(owner.domain)
            item = None if host is None else host.rosters.get(owner, entity.to_bare())
            if item is not None and item.from_:
                sees = True
                groups |= set(item.groups)
        return Standing(affiliation, subscribed, sees, frozenset(groups))

    def is_owner(self, service: JID, node: Node, entity: JID) -> bool:
        return self._nodes.affiliation(service, node.name, entity) == "owner"

    def check_owner(self, service: JID, node: Node, entity: JID) -> None:
        """Raises StanzaError(forbidden)."""
        if not self.is_owner(service, node, entity):
            raise StanzaError("forbidden", "only its owners may do that")


def why_not(config: NodeConfig, standing: Standing) -> StanzaError | None:
    """What keeps somebody from subscribing to a node, and reading there (sections 6.1.3 and 6.5.9); None for nothing.

    Who has yet to be allowed by an owner (`authorize`) may subscribe, and then wait.
    """
    if standing.affiliation in ("outcast", "publish-only"):
        return StanzaError("forbidden", "this node isn't for you")
    model = config.access_model
    if standing.is_trusted or model in ("open", "authorize"):
        return None
    if model == "whitelist":
        return refusal("not-allowed", "closed-node", "only those may whom an owner has put on a list")
    if not standing.sees:
        return refusal("not-authorized", "presence-subscription-required", "only those may who see an owner's presence")
    if model == "roster" and not standing.groups & set(config.roster_groups_allowed):
        return refusal("not-authorized", "not-in-roster-group", "only some of the owner's contacts may")
    return None


def check_reading(config: NodeConfig, standing: Standing) -> None:
    """Section 6.5. Raises StanzaError."""
    error = why_not(config, standing)
    if error is not None:
        raise error
    if config.access_model == "authorize" and not (standing.subscribed or standing.is_trusted):
        raise refusal("not-authorized", "not-subscribed", "only subscribers may")


def may_read(config: NodeConfig, standing: Standing) -> bool:
    """The same as a question."""
    awaits = config.access_model == "authorize" and not (standing.subscribed or standing.is_trusted)
    return why_not(config, standing) is None and not awaits


def check_subscribing(config: NodeConfig, standing: Standing) -> None:
    """Section 6.1.3. Raises StanzaError."""
    if not config.subscribe and standing.affiliation != "owner":
        raise unsupported("subscribe", "nobody can subscribe to this node")
    error = why_not(config, standing)
    if error is not None:
        raise error


def check_publishing(config: NodeConfig, standing: Standing) -> None:
    """Section 7.1.3.1. Raises StanzaError(forbidden)."""
    listed = standing.affiliation in ("owner", "publisher", "publish-only")
    subscriber = config.publish_model == "subscribers" and standing.subscribed
    if standing.affiliation == "outcast" or not (listed or subscriber or config.publish_model == "open"):
        raise StanzaError("forbidden", "you may not publish here")
