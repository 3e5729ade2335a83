"""The facts that each feature's file states of itself; `docs/xeps.md` is made of them."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass


@dataclass(frozen=True, slots=True, order=True)
class Xep:
    """A XEP, the version of it that was implemented, and how much: "complete", or what is missing."""

    number: int
    name: str
    version: str
    support: str


@dataclass(frozen=True, slots=True, order=True)
class Rfc:
    """An RFC, and how much of it."""

    number: int
    name: str
    support: str


GROUND: tuple[Xep | Rfc, ...] = (
    Rfc(4422, "Simple Authentication and Security Layer (SASL)", "as RFC 6120 needs it"),
    Rfc(4616, "The PLAIN SASL Mechanism", "complete"),
    Rfc(5802, "SCRAM-SHA-1", "complete; one acts for oneself only"),
    Rfc(5929, "Channel Bindings for TLS", "`tls-server-end-point`, and `tls-unique` before TLS 1.3"),
    Rfc(6120, "XMPP Core", "client-to-server streams: complete"),
    Rfc(
        6121,
        "XMPP Instant Messaging and Presence",
        "sections 2 to 5 and 8; strangers' iqs reach clients",
    ),
    Xep(4, "Data Forms", "2.13.2", "complete"),
    Xep(107, "User Mood", "1.2.2", "kept and told by XEP-0163"),
    Xep(108, "User Activity", "1.3", "kept and told by XEP-0163"),
    Xep(118, "User Tune", "1.3.0", "kept and told by XEP-0163"),
    Xep(222, "Persistent Storage of Public Data via PubSub", "1.0", "complete"),
    Xep(223, "Persistent Storage of Private Data via PubSub", "1.1.1", "complete"),
    Xep(277, "Microblogging over XMPP", "0.6.5", "kept and told by XEP-0163"),
    Xep(292, "vCard4 Over XMPP", "0.12.0", "kept and told by XEP-0163"),
    Xep(
        384,
        "OMEMO Encryption",
        "0.9.1",
        "keys are kept and told by XEP-0163, messages passed on; the older namespace too",
    ),
    Xep(472, "Pubsub Social Feed", "0.2.1", "kept and told by XEP-0060 and XEP-0163"),
    Xep(59, "Result Set Management", "1.0", "complete, in archives and pubsub"),
    Xep(114, "Jabber Component Protocol", "1.6", "complete; with `--component-secret`"),
    Xep(
        178,
        "Best Practices for Use of SASL EXTERNAL with Certificates",
        "1.2",
        "for clients; addresses are those in `xmppAddr`",
    ),
    Xep(368, "SRV records for XMPP over TLS", "1.1.0", "the clients' port, with ALPN"),
    Xep(440, "SASL Channel-Binding Type Capability", "1.0.0", "complete"),
    Xep(478, "Stream Limits Advertisement", "0.2.0", "complete"),
    Xep(124, "Bidirectional-streams Over Synchronous HTTP (BOSH)", "1.11.2", "complete"),
    Xep(206, "XMPP Over BOSH", "1.4", "complete"),
    Rfc(7395, "An XMPP Subprotocol for WebSocket", "complete"),
    Rfc(7590, "Use of TLS in XMPP", "as far as a server has to do with it; 1.2 and 1.3"),
    Rfc(7628, "SASL Mechanisms for OAuth", "complete; `--oauth` names who verifies tokens"),
    Rfc(7622, "XMPP Address Format", "complete"),
    Rfc(7677, "SCRAM-SHA-256", "complete; SCRAM-SHA-512 is offered too"),
    Rfc(9266, "Channel Bindings for TLS 1.3", "`tls-exporter`"),
)
"""What isn't in one feature's file."""

_KEPT = "between clients: passed on, archived, copied"
RELAYED = (
    Xep(66, "Out of Band Data", "1.5", _KEPT),
    Xep(85, "Chat State Notifications", "2.1", "between clients: passed on and copied; they don't wait for anybody"),
    Xep(144, "Roster Item Exchange", "1.1.1", "between clients: passed on"),
    Xep(184, "Message Delivery Receipts", "1.4.0", _KEPT),
    Xep(201, "Best Practices for Message Threads", "1.0", _KEPT),
    Xep(308, "Last Message Correction", "1.2.1", _KEPT),
    Xep(333, "Displayed Markers", "1.0.0", _KEPT),
    Xep(372, "References", "0.5.0", _KEPT),
    Xep(380, "Explicit Message Encryption", "0.4.0", _KEPT),
    Xep(382, "Spoiler messages", "0.2.0", _KEPT),
    Xep(385, "Stateless Inline Media Sharing (SIMS)", "0.2.1", _KEPT),
    Xep(393, "Message Styling", "1.1.1", _KEPT),
    Xep(394, "Message Markup", "0.3.0", _KEPT),
    Xep(428, "Fallback Indication", "0.2.1", _KEPT),
    Xep(444, "Message Reactions", "0.2.1", _KEPT),
    Xep(447, "Stateless file sharing", "0.3.1", _KEPT),
    Xep(461, "Message Replies", "0.2.1", _KEPT),
)
"""What is in messages and none of the server's business, but mustn't be lost on any way."""


def facts() -> Iterator[Xep | Rfc]:
    """All of them: every one that stands in a feature's file, also in its BESIDES, and the ground they stand on."""
    from conversehost import features  # whose files import this one

    yield from (*GROUND, *RELAYED)
    for feature in features.FEATURES + features.OPTIONAL:
        for value in vars(feature).values():
            if isinstance(value, Xep | Rfc):
                yield value
        yield from getattr(feature, "BESIDES", ())


def document() -> str:
    """`docs/xeps.md`."""
    from conversehost import features  # as above

    found = sorted(set(facts()), key=lambda fact: fact.number)
    rfcs = [f"| {each.number} | {each.name} | {each.support} |" for each in found if isinstance(each, Rfc)]
    xeps = [
        f"| [{each.number:04}](https://xmpp.org/extensions/xep-{each.number:04}.html) | {each.name} | {each.version} | "
        f"{each.support} |"
        for each in found
        if isinstance(each, Xep)
    ]
    names = [
        f"| `{name}` | {(each.__doc__ or '').partition(chr(10))[0]} |" for name, each in features.by_name().items()
    ]
    return "\n".join((_HEAD, *rfcs, _MIDDLE, *xeps, _NAMES, *sorted(names), ""))


_HEAD = """# What conversehost speaks

Made by `python -m conversehost.features > docs/xeps.md`: each file in `conversehost/features` states what it does.

| RFC | Name | Support |
|---|---|---|"""

_MIDDLE = """
| XEP | Name | Version | Support |
|---|---|---|---|"""

_NAMES = """
Each feature can be left out, so that a client can be tried without it: `--disable NAME`.

| Name | Feature |
|---|---|"""
