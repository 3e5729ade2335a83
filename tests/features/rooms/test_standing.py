"""Every cell of the tables in XEP-0045 section 5, and who may change what."""

from __future__ import annotations

import itertools

import pytest

from conversehost.features.rooms.standing import (
    Affiliation,
    Role,
    Standing,
    check_affiliation_change,
    check_role_change,
    default_role,
    role_after,
)
from conversehost.xmpp.errors import StanzaError

OUTCAST, NONE, MEMBER, ADMIN, OWNER = Affiliation
NOBODY, VISITOR, PARTICIPANT, MODERATOR = Role
ALLOWED = ""


def verdict(check, *given, **more) -> str:
    """The condition, or "" where it is allowed."""
    try:
        check(*given, **more)
    except StanzaError as error:
        return error.condition
    return ALLOWED


@pytest.mark.parametrize(
    ("moderated", "affiliation", "role"),
    [
        (True, NONE, VISITOR),
        (True, MEMBER, PARTICIPANT),
        (True, ADMIN, MODERATOR),
        (True, OWNER, MODERATOR),
        (False, NONE, PARTICIPANT),
        (False, MEMBER, PARTICIPANT),
        (False, ADMIN, MODERATOR),
        (False, OWNER, MODERATOR),
        (False, OUTCAST, NOBODY),
    ],
)
def test_default_roles(moderated: bool, affiliation: Affiliation, role: Role):
    """Section 5.1.2."""
    assert default_role(affiliation, moderated=moderated) == role


@pytest.mark.parametrize("actor", Affiliation)
@pytest.mark.parametrize(("now", "wanted"), list(itertools.permutations(Affiliation, 2)))
def test_who_changes_affiliations(actor: Affiliation, now: Affiliation, wanted: Affiliation):
    """Sections 5.2.1 and 5.2.2: admins and owners among those below, owners among all."""
    found = verdict(check_affiliation_change, Standing(actor, MODERATOR), now, wanted)
    if actor == OWNER or (actor == ADMIN and max(now, wanted) <= MEMBER):
        assert found == ALLOWED
    elif actor == ADMIN and wanted == OUTCAST:
        assert found == "not-allowed"  # section 9.1
    else:
        assert found == "forbidden"


@pytest.mark.parametrize("actor", [ADMIN, OWNER])
def test_nobody_bans_himself(actor: Affiliation):
    """Section 9.1."""
    assert verdict(check_affiliation_change, Standing(actor), actor, OUTCAST, own=True) == "conflict"


@pytest.mark.parametrize("wanted", [NONE, MEMBER])
def test_an_admin_may_stop_being_one(wanted: Affiliation):
    assert verdict(check_affiliation_change, Standing(ADMIN), ADMIN, wanted, own=True) == ALLOWED
    assert verdict(check_affiliation_change, Standing(ADMIN), ADMIN, OWNER, own=True) == "forbidden"


ACTORS = [Standing(affiliation, role) for affiliation in (NONE, MEMBER, ADMIN, OWNER) for role in Role]
TARGETS = [Standing(affiliation, role) for affiliation in (NONE, MEMBER) for role in (VISITOR, PARTICIPANT, MODERATOR)]
TARGETS += [Standing(ADMIN, MODERATOR), Standing(OWNER, MODERATOR)]


@pytest.mark.parametrize("actor", ACTORS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_who_kicks_whom(actor: Standing, target: Standing):
    """Sections 5.1.1, 5.1.3 and 8.2."""
    found = verdict(check_role_change, actor, target, NOBODY)
    if actor.role < MODERATOR and actor.affiliation < ADMIN:
        assert found == "forbidden"
    elif target.affiliation > actor.affiliation or (target.role == MODERATOR and actor.affiliation < ADMIN):
        assert found == "not-allowed"
    else:
        assert found == ALLOWED


@pytest.mark.parametrize("actor", ACTORS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=str)
@pytest.mark.parametrize("wanted", [VISITOR, PARTICIPANT])
def test_who_gives_and_takes_voice(actor: Standing, target: Standing, wanted: Role):
    """Sections 5.1.1, 5.1.3, 8.3, 8.4 and 9.7."""
    found = verdict(check_role_change, actor, target, wanted)
    administers = actor.affiliation >= ADMIN
    if not administers and actor.role < MODERATOR:
        assert found == "forbidden"
    elif wanted == VISITOR and (target.affiliation >= ADMIN or (target.affiliation == MEMBER and not administers)):
        assert found == "not-allowed"  # section 8.4
    elif not administers and target.role == MODERATOR:
        assert found == "forbidden"  # section 9
    elif target.affiliation >= ADMIN:
        assert found == "not-allowed"  # section 9.7
    else:
        assert found == ALLOWED


@pytest.mark.parametrize("actor", ACTORS, ids=str)
@pytest.mark.parametrize("target", TARGETS, ids=str)
def test_who_makes_moderators(actor: Standing, target: Standing):
    """Section 9.6."""
    found = verdict(check_role_change, actor, target, MODERATOR)
    assert found == (ALLOWED if actor.affiliation >= ADMIN else "forbidden")


@pytest.mark.parametrize(
    ("role", "before", "after", "moderated", "then"),
    [
        (VISITOR, NONE, MEMBER, True, PARTICIPANT),
        (PARTICIPANT, NONE, ADMIN, False, MODERATOR),
        (MODERATOR, NONE, MEMBER, False, MODERATOR),
        (MODERATOR, OWNER, MEMBER, False, PARTICIPANT),
        (MODERATOR, OWNER, ADMIN, True, MODERATOR),
        (PARTICIPANT, MEMBER, NONE, True, VISITOR),
        (PARTICIPANT, MEMBER, NONE, False, PARTICIPANT),
    ],
)
def test_roles_follow_affiliations(role: Role, before: Affiliation, after: Affiliation, moderated: bool, then: Role):
    """Section 5.1.3, the note."""
    assert role_after(role, before, after, moderated=moderated) == then


@pytest.mark.parametrize("text", ["king", "", "outcast "])
def test_what_is_none(text: str):
    assert verdict(Affiliation.read, text) == verdict(Role.read, text) == "bad-request"
