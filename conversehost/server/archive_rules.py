"""Which messages an account's archive keeps: by what they are, and by its owner's preferences."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal, get_args

from conversehost.xmpp import ns
from conversehost.xmpp.jid import JID, parse
from conversehost.xmpp.stanza import Stanza

if TYPE_CHECKING:
    from conversehost.server.host import Host

Default = Literal["always", "never", "roster"]

_BODY = f"{{{ns.CLIENT}}}body"
_STORE = f"{{{ns.HINTS}}}store"
_NOT_STORED = {f"{{{ns.HINTS}}}no-store", f"{{{ns.HINTS}}}no-permanent-store"}
_OTHER_TYPES = ("groupchat", "headline", "error")
_LASTING = {
    _BODY,
    _STORE,
    f"{{{ns.RECEIPTS}}}received",
    *(f"{{{ns.CHAT_MARKERS}}}{name}" for name in ("received", "displayed", "acknowledged")),
    f"{{{ns.REACTIONS}}}reactions",
    f"{{{ns.CORRECTION}}}replace",
    f"{{{ns.RETRACTION}}}retract",
    f"{{{ns.FASTENING}}}apply-to",
    f"{{{ns.ENCRYPTION}}}encryption",
    "{eu.siacs.conversations.axolotl}encrypted",
    "{urn:xmpp:omemo:2}encrypted",
    "{urn:xmpp:openpgp:0}openpgp",
    "{jabber:x:encrypted}x",
}


def names_in(message: Stanza) -> frozenset[str]:
    """What is in it, by Clark name."""
    return frozenset([each.tag for each in message])


def is_worth_keeping(message: Stanza, names: frozenset[str]) -> bool:
    """Chat, also such as has no body: receipts, markers, reactions, retractions, what is encrypted, and whatever its
    sender wants stored (XEP-0313 section 6.1, XEP-0334 section 4). Not what goes to many, nor what happens meanwhile.
    `names`: `names_in` it.
    """
    return message.type not in _OTHER_TYPES and not names.isdisjoint(_LASTING) and names.isdisjoint(_NOT_STORED)


@dataclass(frozen=True, slots=True)
class Preferences:
    """Whose messages (XEP-0441). `always` and `never` are addresses, bare or full; `default` is for all others."""

    default: str
    always: tuple[str, ...] = ()
    never: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Raises ValueError."""
        if self.default not in get_args(Default):
            raise ValueError(f"default is always, never or roster, not {self.default!r:.40}")

    def lists(self, peer: JID) -> bool | None:
        """Whether one of the lists has them, and which: True, always; False, never; None, neither. Never wins."""
        names = {peer.full, peer.bare}
        if not names.isdisjoint(self.never):
            return False
        return True if not names.isdisjoint(self.always) else None


def preferences(host: Host, account: str) -> Preferences:
    """Those of an account, by its bare address; what the operator says, until its owner says something else."""
    found: Preferences | None = host.store.get("archive-preferences", account, "")
    return found or Preferences(host.policy.archive_default)


def is_wanted(host: Host, account: str, peer: JID) -> bool:
    """Whether the owner of the account (its bare address) wants what is said with them archived."""
    wishes: Preferences | None = host.store.get("archive-preferences", account, "")
    if wishes is None:
        if host.policy.archive_default == "always":  # as nearly everywhere
            return True
        wishes = Preferences(host.policy.archive_default)
    listed = wishes.lists(peer)
    if listed is not None or wishes.default != "roster":
        return wishes.default == "always" if listed is None else listed
    return peer.bare == account or host.rosters.get(parse(account), peer).listed
