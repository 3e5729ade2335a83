"""XEP-0045 sections 8 and 9: what moderators and admins do, and what they are refused."""

from __future__ import annotations

import pytest

from conversehost.xmpp import ns
from tests.features.rooms.visits import ROOM, Seen, administer, affiliate, clear, configure, enter, listed, seen
from tests.stage import Client, Stage, condition

REASON = "<item {}><reason>{}</reason></item>"


@pytest.fixture
def admin(stage: Stage, owner: Client) -> Client:
    """An admin of the garden, and in it."""
    affiliate(owner, "maria", "admin")
    client = stage.login("maria", "cellar")
    enter(client, "Maria")
    clear(owner, client)
    return client


@pytest.fixture
def member(stage: Stage, owner: Client) -> Client:
    """A member of the garden, and in it."""
    affiliate(owner, "toby", "member")
    client = stage.login("toby", "cellar")
    enter(client, "Toby")
    clear(owner, client)
    return client


# Roles


def test_a_kick(owner: Client, viola: Client, feste: Client):
    """Section 8.2: the one who goes, then the moderator's answer, then all others."""
    enter(feste, "Feste")
    clear(owner, viola)
    owner.write(
        f"<iq type='set' id='k1' to='{ROOM}'><query xmlns='{ns.MUC_ADMIN}'>"
        + REASON.format("nick='Viola' role='none'", "no disguises")
        + "</query></iq>"
    )
    assert seen(viola) == [
        Seen("Viola", "unavailable", "none", "none", viola.jid, (110, 307), None, "no disguises", "Olivia")
    ]
    answer, told = owner.take()
    assert (answer.kind, answer.type, told.kind) == ("iq", "result", "presence")
    assert seen(feste) == [Seen("Viola", "unavailable", "none", "none", None, (307,), None, "no disguises", "Olivia")]
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "not-acceptable"
    assert enter(viola, "Viola")[-1].codes == (110,)


def test_all_clients_of_who_is_kicked_go(stage: Stage, owner: Client, viola: Client):
    second = stage.login("viola", "ship")
    enter(second, "Viola")
    clear(owner, viola, second)
    administer(owner, "nick='Viola' role='none'")
    assert (
        seen(viola)
        == seen(second)
        == [Seen("Viola", "unavailable", "none", "none", second.jid, (110, 307), None, "", "Olivia")]
    )
    assert len(seen(owner)) == 1


def test_nobody_kicks_whom_is_above(owner: Client, admin: Client):
    """Section 8.2."""
    assert condition(administer(admin, "nick='Olivia' role='none'")) == "not-allowed"
    assert not seen(owner)


def test_participants_do_not_kick(owner: Client, viola: Client, feste: Client):
    """Section 8."""
    enter(feste, "Feste")
    assert condition(administer(viola, "nick='Feste' role='none'")) == "forbidden"


def test_strangers_do_not_kick(owner: Client, viola: Client, feste: Client):
    assert condition(administer(feste, "nick='Viola' role='none'")) == "forbidden"


def test_who_is_not_there_is_not_kicked(owner: Client):
    assert condition(administer(owner, "nick='Nobody' role='none'")) == "item-not-found"


def test_voice_is_given_and_taken(owner: Client, viola: Client):
    """Sections 8.3 and 8.4."""
    configure(owner, {"moderatedroom": "1"})
    clear(viola, owner)
    administer(owner, REASON.format("nick='Viola' role='visitor'", "hush"))
    assert seen(viola) == [Seen("Viola", None, "none", "visitor", viola.jid, (110,), None, "hush", "Olivia")]
    viola.say(ROOM, type="groupchat")
    assert condition(viola.only()) == "forbidden"
    administer(owner, "nick='Viola' role='participant'")
    viola.say(ROOM, type="groupchat")
    assert owner.heard() == ["hi"]


def test_voice_in_a_moderated_room_lasts(owner: Client, viola: Client):
    """Section 5.1: also to the next visit."""
    configure(owner, {"moderatedroom": "1"})
    administer(owner, "nick='Viola' role='visitor'")
    administer(owner, "nick='Viola' role='participant'")
    for _ in range(2):
        viola.presence("unavailable", to=f"{ROOM}/Viola")
        assert enter(viola, "Viola")[-1].role == "participant"
    administer(owner, "nick='Viola' role='visitor'")
    viola.presence("unavailable", to=f"{ROOM}/Viola")
    assert enter(viola, "Viola")[-1].role == "visitor"


def test_the_voice_list(owner: Client, viola: Client, feste: Client):
    """Section 8.5."""
    configure(owner, {"moderatedroom": "1"})
    enter(feste, "Feste")
    assert listed(owner, "role='participant'") == [
        {"nick": "Viola", "role": "participant", "affiliation": "none", "jid": viola.jid}
    ]
    assert [each["nick"] for each in listed(owner, "role='visitor'")] == ["Feste"]
    assert administer(owner, "nick='Viola' role='visitor'", "nick='Feste' role='participant'").type == "result"
    assert [each["nick"] for each in listed(owner, "role='participant'")] == ["Feste"]
    assert condition(administer(viola, "role='participant'", type="get")) == "forbidden"


def test_nobody_takes_voice_from_an_admin(owner: Client, admin: Client):
    """Sections 5.1.1 and 8.4."""
    assert condition(administer(owner, "nick='Maria' role='visitor'")) == "not-allowed"


def test_moderators_are_made_and_unmade(owner: Client, admin: Client, viola: Client):
    """Sections 9.6 and 9.7: who becomes one sees who all are."""
    administer(admin, "nick='Viola' role='moderator'")
    assert {(each.nick, each.role, each.jid) for each in seen(viola)} == {
        ("Viola", "moderator", viola.jid),
        ("Olivia", "moderator", owner.jid),
        ("Maria", "moderator", admin.jid),
    }
    administer(admin, "nick='Viola' role='participant'")
    assert seen(viola) == [Seen("Viola", None, "none", "participant", viola.jid, (110,), None, "", "Maria")]


def test_no_admin_unmakes_an_owner(owner: Client, admin: Client):
    """Section 9.7."""
    assert condition(administer(admin, "nick='Olivia' role='participant'")) == "not-allowed"


def test_the_moderator_list(owner: Client, admin: Client, viola: Client):
    """Section 9.8: for admins."""
    assert [each["nick"] for each in listed(admin, "role='moderator'")] == ["Olivia", "Maria"]
    administer(admin, "nick='Viola' role='moderator'")
    assert condition(administer(viola, "role='moderator'", type="get")) == "forbidden"
    assert condition(administer(viola, "nick='Maria' role='participant'")) == "forbidden"


# Affiliations


def test_a_ban(owner: Client, admin: Client, viola: Client):
    """Section 9.1."""
    administer(admin, REASON.format("jid='viola@localhost' affiliation='outcast'", "treason"))
    assert seen(viola) == [
        Seen("Viola", "unavailable", "outcast", "none", viola.jid, (110, 301), None, "treason", "Maria")
    ]
    assert seen(owner)[-1] == Seen(
        "Viola", "unavailable", "outcast", "none", viola.jid, (301,), None, "treason", "Maria"
    )
    viola.write(f"<presence to='{ROOM}/Viola'><x xmlns='{ns.MUC}'/></presence>")
    assert condition(viola.only()) == "forbidden"


def test_a_ban_by_nick(owner: Client, viola: Client):
    administer(owner, "nick='Viola' affiliation='outcast'")
    assert listed(owner, "affiliation='outcast'") == [{"affiliation": "outcast", "jid": "viola@localhost"}]


def test_a_full_address_is_banned_as_a_bare_one(owner: Client, viola: Client):
    """Section 10.3."""
    administer(owner, f"jid='{viola.jid}' affiliation='outcast'")
    assert [each["jid"] for each in listed(owner, "affiliation='outcast'")] == [viola.bare]


def test_no_admin_bans_an_owner(owner: Client, admin: Client):
    """Section 9.1."""
    assert condition(affiliate(admin, "olivia", "outcast")) == "not-allowed"


def test_nobody_bans_himself(owner: Client, admin: Client):
    """Section 9.1."""
    assert condition(affiliate(admin, "maria", "outcast")) == "conflict"
    assert condition(administer(admin, "jid='localhost' affiliation='outcast'")) == "conflict"


def test_the_ban_list_changes_as_a_whole_or_not_at_all(owner: Client, admin: Client):
    """Section 9.2."""
    both = "jid='feste@localhost' affiliation='outcast'", "jid='olivia@localhost' affiliation='outcast'"
    assert condition(administer(admin, *both)) == "not-allowed"
    assert listed(admin, "affiliation='outcast'") == []
    assert administer(admin, both[0], "jid='elsewhere.example' affiliation='outcast'").type == "result"
    assert [each["jid"] for each in listed(admin, "affiliation='outcast'")] == ["feste@localhost", "elsewhere.example"]
    affiliate(admin, "feste", "none")
    assert [each["jid"] for each in listed(admin, "affiliation='outcast'")] == ["elsewhere.example"]


def test_an_outcasts_nick_is_free(owner: Client, feste: Client):
    """Section 9.1."""
    administer(owner, "jid='viola@localhost' affiliation='member' nick='Cesario'")
    affiliate(owner, "viola", "outcast")
    assert enter(feste, "Cesario")[-1].codes == (110,)


def test_membership_is_granted_and_revoked(owner: Client, admin: Client, viola: Client):
    """Sections 9.3 and 9.4."""
    affiliate(admin, "viola", "member")
    assert seen(viola) == [Seen("Viola", None, "member", "participant", viola.jid, (110,), None, "", "Maria")]
    affiliate(admin, "viola", "none")
    assert seen(viola) == [Seen("Viola", None, "none", "participant", viola.jid, (110,), None, "", "Maria")]


def test_who_is_no_member_leaves_a_room_for_members(owner: Client, member: Client):
    """Section 9.4: one presence, not two."""
    configure(owner, {"membersonly": "1"})
    clear(owner, member)
    affiliate(owner, "toby", "none")
    assert seen(member) == [Seen("Toby", "unavailable", "none", "none", member.jid, (110, 321), None, "", "Olivia")]
    assert seen(owner) == [Seen("Toby", "unavailable", "none", "none", member.jid, (321,), None, "", "Olivia")]


def test_reserved_nicks(owner: Client, admin: Client):
    """Section 9.5: given, kept, and taken away by an empty one."""
    administer(admin, "jid='viola@localhost' affiliation='member' nick='Cesario'")
    affiliate(admin, "viola", "member")
    assert listed(admin, "affiliation='member'")[0]["nick"] == "Cesario"
    other = "jid='feste@localhost' affiliation='member' nick='Cesario'"
    assert condition(administer(admin, other)) == "conflict"
    administer(admin, "jid='viola@localhost' affiliation='member' nick=''")
    assert "nick" not in listed(admin, "affiliation='member'")[0]
    assert administer(admin, other).type == "result"


@pytest.mark.parametrize("which", ["outcast", "member", "admin", "owner"])
@pytest.mark.parametrize("whois", ["moderators", "anyone"])
def test_who_sees_which_list(
    owner: Client, admin: Client, member: Client, viola: Client, feste: Client, which: str, whois: str
):
    """Sections 5.2.1, 9.2, 9.5, 10.5 and 10.8: addresses that are secret don't leak by lists."""
    configure(owner, {"whois": whois})
    able = {
        name
        for name, client in {"owner": owner, "admin": admin, "member": member, "viola": viola, "feste": feste}.items()
        if administer(client, f"affiliation='{which}'", type="get").type == "result"
    }
    wanted = {"owner", "admin"} if which in ("outcast", "member") else {"owner"}
    if whois == "anyone" and which != "outcast":
        wanted = {"owner", "admin", "member", "viola"}
    elif which in ("admin", "owner"):
        wanted = {"owner"}
    assert able == wanted


def test_a_list_for_some_occupants(owner: Client, member: Client, viola: Client):
    """Section 9.5, `getmemberlist`."""
    configure(owner, {"whois": "anyone", "getmemberlist": ["moderator"]})
    assert condition(administer(viola, "affiliation='member'", type="get")) == "forbidden"
    assert administer(member, "affiliation='member'", type="get").type == "result"


def test_owners_are_made_and_unmade(owner: Client, viola: Client):
    """Sections 10.3 and 10.4."""
    affiliate(owner, "viola", "owner")
    assert seen(viola)[0] == Seen("Viola", None, "owner", "moderator", viola.jid, (110,), None, "", "Olivia")
    affiliate(viola, "olivia", "admin")
    assert seen(owner)[-1].affiliation == "admin"
    assert condition(affiliate(owner, "viola", "admin")) == "forbidden"


def test_the_last_owner_stays(owner: Client, viola: Client):
    """Section 10.4."""
    assert condition(affiliate(owner, "olivia", "member")) == "conflict"
    both = "jid='olivia@localhost' affiliation='none'", "jid='viola@localhost' affiliation='owner'"
    assert administer(owner, *both).type == "result"
    assert [each["jid"] for each in listed(viola, "affiliation='owner'")] == ["viola@localhost"]


def test_admins_are_made_and_unmade(owner: Client, admin: Client, viola: Client):
    """Sections 10.6 and 10.7."""
    assert condition(affiliate(admin, "viola", "admin")) == "forbidden"
    affiliate(owner, "viola", "admin")
    assert seen(viola)[0].role == "moderator"
    assert condition(affiliate(admin, "viola", "none")) == "forbidden"
    affiliate(owner, "viola", "none")
    assert seen(viola)[-1] == Seen("Viola", None, "none", "participant", viola.jid, (110,), None, "", "Olivia")


@pytest.mark.parametrize(
    ("items", "refusal"),
    [
        ([], "bad-request"),
        (["nick='Viola' role='none' affiliation='outcast'"], "bad-request"),
        (["nick='Viola'"], "bad-request"),
        (["role='none'"], "bad-request"),
        (["jid='viola@localhost' affiliation='king'"], "bad-request"),
        (["nick='Viola' role='king'"], "bad-request"),
        (["jid='@' affiliation='member'"], "jid-malformed"),
        (["jid='localhost' affiliation='member'"], "not-acceptable"),
    ],
)
def test_what_makes_no_sense(owner: Client, viola: Client, items: list[str], refusal: str):
    """Section 17.4."""
    assert condition(administer(owner, *items)) == refusal
    assert not seen(viola)


@pytest.mark.parametrize("asked", ["affiliation='member' role='visitor'", "nick='Viola'"])
def test_no_such_list(owner: Client, asked: str):
    assert condition(administer(owner, asked, type="get")) == "bad-request"


def test_a_room_that_is_not_there(feste: Client):
    assert (
        condition(administer(feste, "affiliation='member'", type="get", room="nowhere@conference.localhost"))
        == "item-not-found"
    )


def test_affiliations_have_a_limit(owner: Client, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("conversehost.features.rooms.record.AFFILIATED", 2)
    assert affiliate(owner, "viola", "member").type == "result"
    assert condition(affiliate(owner, "feste", "member")) == "resource-constraint"
    assert affiliate(owner, "viola", "admin").type == "result"
