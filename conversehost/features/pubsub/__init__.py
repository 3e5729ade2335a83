"""XEP-0060: Publish-Subscribe, a service for everybody at an address of its own: `pubsub.example.org`."""

from __future__ import annotations

from conversehost.features.pubsub import approval, requests
from conversehost.features.pubsub.config import NodeConfig
from conversehost.features.pubsub.disco import Shown
from conversehost.features.pubsub.events import Nobody
from conversehost.features.pubsub.pending import GET_PENDING, Pending
from conversehost.features.pubsub.service import FEATURES, Kind, PubSub
from conversehost.features.xep import Xep
from conversehost.server.delivery import Later
from conversehost.server.host import Host, Reply
from conversehost.server.session import Session
from conversehost.server.subdomain import Subdomain
from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID
from conversehost.xmpp.stanza import Stanza

XEP = Xep(
    60,
    "Publish-Subscribe",
    "1.30.0",
    "leaf nodes: complete, without digests and leases; at `pubsub.` and, by XEP-0163, at accounts",
)


def install(host: Host) -> None:
    service = PubSubService(host)
    host.hooks.broadcast.append(service.came)
    host.hooks.became_unavailable.append(lambda session, presence: service.left(session))
    host.hooks.session_closed.append(service.left)
    host.hooks.account_deleted.append(service.forget)


class PubSubService(Subdomain):
    """Everybody who has an account here may create nodes. `_here`: sessions that are known to be available."""

    def __init__(self, host: Host) -> None:
        super().__init__(host, "pubsub", "pubsub", "service", "Publish-subscribe")
        self._here: set[Session] = set()
        self.pubsub = PubSub(host, Kind(NodeConfig(), self.may_create), Nobody())
        shown = Shown(self.pubsub)
        self.features += [ns.PUBSUB, f"{ns.PUBSUB}#access-open", *FEATURES, ns.RSM]
        self.listings.append(shown.listing)
        pending = Pending(self.pubsub, self.jid)
        self.features += [ns.COMMANDS, GET_PENDING]
        self.finders += [pending.find, lambda name, iq: shown.node(name)]
        self.on_iq("set", ns.COMMANDS, "command", pending.execute)
        self.on_iq("get", ns.PUBSUB, "pubsub", self.answer)
        self.on_iq("set", ns.PUBSUB, "pubsub", self.answer)
        self.on_iq("get", ns.PUBSUB_OWNER, "pubsub", self.answer)
        self.on_iq("set", ns.PUBSUB_OWNER, "pubsub", self.answer)

    def answer(self, iq: Stanza) -> Reply | Later:
        """Any request. Raises StanzaError."""
        return requests.answer(self.pubsub, iq)

    def may_create(self, service: JID, creator: JID) -> bool:
        """Accounts of this server; not guests, who come and go."""
        host = self.host.router.hosts.get(creator.domain)
        return host is not None and not host.rules.anonymous

    def receive(self, to: JID, stanza: Stanza, sender: Session | None) -> None:
        """What an owner says to somebody's wish to subscribe, or that an event couldn't be delivered."""
        x = approval.answer_in(stanza) if stanza.kind == "message" else None
        if x is not None and stanza.sender is not None and to == self.jid:
            approval.answered(self.pubsub, self.jid, stanza.sender, x)
        elif stanza.kind == "message" and stanza.type == "error":
            self._bounced(stanza)
        else:
            super().receive(to, stanza, sender)

    def _bounced(self, message: Stanza) -> None:
        """A client that has gone for good needs no events any more (section 12.4). An account may come back."""
        error = message.find(f"{{{ns.CLIENT}}}error")
        sender = message.sender
        if error is None or sender is None or error.get("type") != "cancel" or not sender.resource:
            return
        for node in self.pubsub.nodes.of(self.jid):
            for each in self.pubsub.nodes.held(self.jid, node.name, sender):
                self.pubsub.unsubscribe(self.jid, node, each, notify=False)

    # Subscribers that come and go

    def came(self, session: Session) -> None:
        """Who becomes available is sent what was published last, where the node does that (section 12.2)."""
        if session in self._here:
            return
        self._here.add(session)
        addresses = {session.jid, session.account}
        for node in self.pubsub.nodes.of(self.jid):
            if node.config.send_last_published_item != "on_sub_and_presence":
                continue
            subscribed = any(self.pubsub.nodes.held(self.jid, node.name, each) for each in addresses)
            if subscribed and addresses & set(self.pubsub.events.audience(self.jid, node)):
                self.pubsub.send_last(self.jid, node, session.jid)

    def left(self, session: Session) -> None:
        self._here.discard(session)

    def forget(self, account: JID) -> None:
        """The account is gone, and with it the nodes that nobody else owns."""
        for node in self.pubsub.nodes.of(self.jid):
            if self.pubsub.nodes.owners(self.jid, node.name) == [account.bare]:
                self.pubsub.delete(self.jid, node)
        self.pubsub.nodes.forget(account)
