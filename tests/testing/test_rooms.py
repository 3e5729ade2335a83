"""What a test does with rooms by `TestBed`."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from conversehost.testing import TestBedError


def test_a_room_from_its_making_to_its_end(bed):
    address = bed.make_room("den", owner="alice", subject="Tea", members_only=True)
    assert address == "den@conference.localhost"
    bed.affiliate("den", "bob", "member", nick="Bobby")
    inside = bed.enter_room("den", "bob", "Bobby")
    assert (inside.nick, inside.account, inside.role, inside.affiliation) == (
        *("Bobby", "bob@localhost"),
        *("participant", "member"),
    )
    assert bed.occupants(address) == [inside]
    with pytest.raises(TestBedError, match="this room is for its members"):
        bed.enter_room("den", "romeo")
    bed.change_room("den", members_only=False, moderated=True)
    bed.enter_room("den", "romeo", "Romeo")
    bed.set_role("den", "Romeo", "none", reason="out")
    assert [each.nick for each in bed.occupants("den")] == ["Bobby"]
    bed.leave_room("den", "Bobby")
    assert (bed.room("den")["occupants"], bed.room("den")["subject"]) == (0, "Tea")
    bed.destroy_room("den", "over")
    with pytest.raises(TestBedError) as gone:
        bed.room("den")
    assert gone.value.code == "not-found"


def test_what_is_said_in_a_room(bed):
    bed.make_room("den")
    bed.say_in_room("den", "long ago", "Alice", at=datetime(2026, 2, 1, 12, tzinfo=UTC), account="alice")
    bed.enter_room("den", "bob", "Bob")
    id = bed.say_in_room("den", "now", "Bob")
    first, second = bed.room_messages("den")
    assert (first.body, first.sender, first.at) == (
        *("long ago", "den@conference.localhost/Alice"),
        datetime(2026, 2, 1, 12, tzinfo=UTC),
    )
    assert (second.id, second.body) == (id, "now")
    assert bed.room_messages("den", limit=1, text="AGO") == [first]


def test_an_archive_from_outside(bed):
    id = bed.add_to_archive("alice", "bob", "long ago", at=datetime(2026, 2, 1, 12, tzinfo=UTC))
    bed.message("bob", "alice", "now")
    first, second = bed.archive("alice", with_="bob@localhost")
    assert (first.id, first.body, first.sender, first.at.year) == (id, "long ago", "alice@localhost", 2026)
    assert second.body == "now"
    assert [each.body for each in bed.archive("bob", text="long")] == ["long ago"]
