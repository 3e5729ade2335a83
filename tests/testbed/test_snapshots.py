"""`/snapshots`: back to where it was."""

from __future__ import annotations

from tests.testbed.test_reset import live, say


def test_all_data_is_as_it_was(house, api):
    live(house)
    taken = house.server.store.snapshot()
    answer = api("POST", "/snapshots", {"name": "lived in"})
    assert (answer.status, answer.json) == (201, {"name": "lived in"})
    assert answer.headers["location"].endswith("/snapshots/lived%20in")
    house.person("alice").says(say("jane", "one more"))
    api("DELETE", "/accounts/bob")
    for _ in range(2):
        assert api("POST", "/snapshots/lived%20in").status == 204
        assert house.server.store.snapshot() == taken
        live(house)


def test_sessions_end_and_bots_come_back(house, api):
    api("POST", "/snapshots", {"name": "one"})
    held = house.poll(house.prebound("alice"))
    house.poll(house.prebound("romeo"), 0)
    api("POST", "/snapshots/one")
    assert held.end == ("system-shutdown", None) or held.body is not None
    assert house.sessions() == []
    assert {each["jid"] for each in house.sessions("?bots=1")} == {"echo@localhost/bot", "welcome@localhost/bot"}


def test_they_have_names(api):
    assert api("POST", "/snapshots").json == {"name": "1"}
    assert api("POST", "/snapshots").json == {"name": "2"}
    assert api("POST", "/snapshots", {"name": "x"}).json == {"name": "x"}
    assert api("GET", "/snapshots").json == {"snapshots": ["1", "2", "x"]}
    assert api("DELETE", "/snapshots/1").status == 204
    assert api("POST", "/snapshots").json == {"name": "1"}


def test_one_that_is_not_there(api):
    assert api("POST", "/snapshots/x").error == (404, "not-found", "there is no snapshot 'x'")
    assert api("DELETE", "/snapshots/x").status == 404


def test_there_is_an_end_to_them(api):
    for _ in range(100):
        api("POST", "/snapshots")
    assert api("POST", "/snapshots").error == (409, "conflict", "there are 100 snapshots: delete one")
    assert api("POST", "/snapshots", {"name": "7"}).status == 201


def test_a_reset_forgets_them(api):
    api("POST", "/snapshots", {"name": "x"})
    api("POST", "/reset")
    assert api("GET", "/snapshots").json == {"snapshots": []}
