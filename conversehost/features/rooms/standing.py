"""Who may do what in a room: affiliations, which last, roles, which end with a visit (XEP-0045 section 5)."""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

from conversehost.xmpp.errors import StanzaError


class Affiliation(IntEnum):
    """What an account is to a room, in rising order (section 5.2)."""

    OUTCAST = 0
    NONE = 1
    MEMBER = 2
    ADMIN = 3
    OWNER = 4

    @property
    def text(self) -> str:
        """As it goes over the wire."""
        return self.name.lower()

    @classmethod
    def read(cls, text: str) -> Affiliation:
        """Raises StanzaError(bad-request)."""
        try:
            return cls[text.upper()]
        except KeyError:
            raise StanzaError("bad-request", "an affiliation is owner, admin, member, none or outcast") from None


class Role(IntEnum):
    """What an occupant may do, in rising order; NONE is who isn't in the room (section 5.1)."""

    NONE = 0
    VISITOR = 1
    PARTICIPANT = 2
    MODERATOR = 3

    @property
    def text(self) -> str:
        """As it goes over the wire."""
        return self.name.lower()

    @classmethod
    def read(cls, text: str) -> Role:
        """Raises StanzaError(bad-request)."""
        try:
            return cls[text.upper()]
        except KeyError:
            raise StanzaError("bad-request", "a role is moderator, participant, visitor or none") from None


@dataclass(frozen=True, slots=True)
class Standing:
    """What somebody is to a room, and in it."""

    affiliation: Affiliation = Affiliation.NONE
    role: Role = Role.NONE


def default_role(affiliation: Affiliation, *, moderated: bool) -> Role:
    """Of who enters (section 5.1.2)."""
    if affiliation >= Affiliation.ADMIN:
        return Role.MODERATOR
    if affiliation == Affiliation.OUTCAST:
        return Role.NONE
    return Role.VISITOR if moderated and affiliation == Affiliation.NONE else Role.PARTICIPANT


def role_after(role: Role, before: Affiliation, after: Affiliation, *, moderated: bool) -> Role:
    """Of an occupant whose affiliation changes. Who gains one gains the role that goes with it, who loses one keeps no
    more than that (section 5.1.3, the note).
    """
    usual = default_role(after, moderated=moderated)
    return max(role, usual) if after > before else usual


def check_affiliation_change(actor: Standing, now: Affiliation, wanted: Affiliation, *, own: bool = False) -> None:
    """Whether the actor may make somebody's affiliation, which is `now`, the `wanted` one; `own`: it is his.

    Raises StanzaError (sections 5.2.1, 5.2.2, 9.1 and 10.3 to 10.8).
    """
    if actor.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's admins and owners")
    if own and wanted == Affiliation.OUTCAST:
        raise StanzaError("conflict", "nobody can ban himself")
    if actor.affiliation == Affiliation.OWNER or max(now, wanted) < Affiliation.ADMIN:
        return
    if wanted == Affiliation.OUTCAST:
        raise StanzaError("not-allowed", "an admin can't ban an owner or another admin")
    if own and now == Affiliation.ADMIN and wanted < now:
        return  # whoever is one may stop being one
    raise StanzaError("forbidden", "that is for the room's owners")


def check_role_change(actor: Standing, target: Standing, wanted: Role) -> None:
    """Whether the actor may give an occupant the `wanted` role. Raises StanzaError (sections 5.1.3, 8.2 to 8.5, 9.6 and
    9.7).

    Nobody takes from admins and owners what they are by their affiliation. "At or above the moderator's level" are
    those who have an affiliation: to have none is to have no level.
    """
    if actor.role != Role.MODERATOR and actor.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "that is for the room's moderators")
    if wanted == Role.NONE:
        _check_kick(actor, target)
        return
    if wanted == Role.VISITOR and (
        target.affiliation >= Affiliation.ADMIN or Affiliation.NONE < target.affiliation >= actor.affiliation
    ):
        raise StanzaError("not-allowed", f"that {target.affiliation.text} isn't below you")
    if Role.MODERATOR in (wanted, target.role) and actor.affiliation < Affiliation.ADMIN:
        raise StanzaError("forbidden", "who moderates is up to the room's admins and owners")
    if target.affiliation >= Affiliation.ADMIN and wanted < Role.MODERATOR:
        raise StanzaError("not-allowed", "an admin or owner is a moderator")


def _check_kick(actor: Standing, target: Standing) -> None:
    if target.affiliation > actor.affiliation:
        raise StanzaError("not-allowed", f"that {target.affiliation.text} is above you")
    if target.role == Role.MODERATOR and actor.affiliation < Affiliation.ADMIN:
        raise StanzaError("not-allowed", "moderators are kicked by admins and owners")
