"""How requests are refused: an error of RFC 6120, and what XEP-0060 has to say about it (sections 6 to 8)."""

from __future__ import annotations

from conversehost.xmpp import ns
from conversehost.xmpp.errors import StanzaError


def refusal(condition: str, name: str, text: str = "", *, type: str | None = None) -> StanzaError:
    """`name` is the condition of publish-subscribe itself."""
    return StanzaError(condition, text, type=type, application=(ns.PUBSUB_ERRORS, name))


def unsupported(feature: str, text: str) -> StanzaError:
    """The node or the service doesn't do that."""
    application = (ns.PUBSUB_ERRORS, "unsupported")
    return StanzaError("feature-not-implemented", text, application=application, said={"feature": feature})


def node_missing() -> StanzaError:
    """The request is about some node, and says none."""
    return refusal("bad-request", "nodeid-required", "which node?")


def not_subscribed(text: str = "there is no such subscription") -> StanzaError:
    """Sections 6.2.3.2 and 6.3.4.2."""
    return refusal("unexpected-request", "not-subscribed", text, type="cancel")
