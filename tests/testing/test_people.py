"""What a test does to people by `TestBed`: contacts, vCards, pictures."""

from __future__ import annotations

import urllib.request
from datetime import UTC, datetime

import pytest

from conversehost.testing import TestBedError
from tests.clients.bosh import BoshClient


def test_a_roster_from_outside(bed):
    zoe = bed.add_user("zoe")
    made = bed.add_contact(zoe, "alice", groups=["Friends"])
    assert (made.jid, made.name, made.groups, made.subscription) == ("alice@localhost", "Alice", ("Friends",), "both")
    assert made in bed.roster(zoe)
    assert bed.change_contact(zoe, "alice", subscription="to").subscription == "to"
    assert [each.subscription for each in bed.roster("alice") if each.jid == zoe.jid] == ["from"]
    bed.remove_contact(zoe, "alice")
    assert made.jid not in [each.jid for each in bed.roster(zoe)]
    with pytest.raises(TestBedError) as refused:
        bed.remove_contact(zoe, "alice")
    assert refused.value.code == "not-found"


def test_a_client_sees_a_contact_come(bed):
    zoe = bed.add_user("zoe")
    client = BoshClient(bed.bosh, "localhost")
    client.log_in("zoe", zoe.password)
    bed.stanza(bed.sessions(zoe)[0].jid, "<iq type='get' id='r'><query xmlns='jabber:iq:roster'/></iq>")
    bed.add_contact(zoe, "bob")
    bed.wait_for("iq[@type='set']/roster:query/roster:item[@jid='bob@localhost']", account=zoe, direction="out")


def test_a_vcard_and_a_picture_from_outside(bed):
    assert bed.avatar("alice") is None
    bed.change_vcard("alice", email="alice@wonderland.example")
    bed.set_avatar("alice", b"picture")
    assert bed.avatar("alice") == b"picture"
    told = bed.vcard("alice")
    assert (told["nickname"], told["email"]) == ("Alice", "alice@wonderland.example")
    bed.set_avatar("alice", None)
    assert bed.avatar("alice") is None
    bed.change_vcard("alice", xml="<vCard xmlns='vcard-temp'><FN>A</FN></vCard>")
    assert (bed.vcard("alice")["full_name"], bed.vcard("alice")["email"]) == ("A", None)


def test_an_account_is_changed(bed):
    bed.change_user("alice", password="new", nickname="Al", disabled=True)
    assert bed.accounts["alice@localhost"] == "new"
    assert bed.vcard("alice")["nickname"] == "Al"
    bed.change_user("alice", disabled=False)


def test_a_crowd(bed):
    zoe = bed.add_user("zoe")
    made = bed.generate(
        seed=3,
        contacts={"of": zoe, "count": 3, "avatars": True},
        room={"name": "lounge", "occupants": 4, "talk": 5, "until": datetime(2026, 2, 1, tzinfo=UTC)},
    )
    assert (made.seed, made.room, made.messages, len(made.accounts)) == (3, "lounge@conference.localhost", 5, 7)
    assert {each.jid for each in bed.roster(zoe)} >= set(made.accounts[:3])
    assert (bed.avatar(made.accounts[0]) or b"").startswith(b"\x89PNG")
    assert {each.account for each in bed.occupants("lounge")} == set(made.accounts[3:])
    assert all(each.at < datetime(2026, 2, 1, 0, 0, 1, tzinfo=UTC) for each in bed.room_messages("lounge"))


def test_somebody_is_invited(bed):
    invitation = bed.invite("alice", "zoe")
    assert (invitation.inviter, invitation.username) == ("alice@localhost", "zoe")
    assert invitation.expires > datetime.now(UTC)
    assert bed.invitations == [invitation]
    form = b"username=zoe&password=pw"
    with urllib.request.urlopen(invitation.page, form, timeout=30) as front:
        assert front.status == 200
    assert bed.user("zoe").password == "pw"
    other = bed.invite("alice", newcomer=False)
    assert bed.invitations == [other]
    bed.withdraw(other)
    assert bed.invitations == []
